"""Makes sure that what is written goes to the store's own file, and that nobody else writes to it.

Who holds a file open writes to it also where it was removed, or another has its name, and SQLite,
which finds the log and its index by their names, gives another program that comes later new ones.
All of it looks like success.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from sockcrud.storage.common import StoreError
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite import log_mark
from sockcrud.storage.sqlite.lock import FileLock

_OTHER_WRITER: Final = "another program has written to it"

_LEFT_OPEN: Final[list[sqlite3.Connection]] = []
"""Connections after a failure. To close one would take the log, by its name, away from whoever has
that now, and would write to a disk of which nobody knows what it still does."""


@frozen
class _Own:
    """A file by its name, and which one it is."""

    path: Path
    device: int
    inode: int

    def stat(self) -> os.stat_result:
        """Return its state; raise `StoreError` where it is not there, or is another."""
        try:
            found = os.stat(self.path, follow_symlinks=False)
        except OSError as error:
            raise StoreError(f"{self.path} was removed or renamed ({error.strerror})") from None
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            raise StoreError(f"another file has the name {self.path} now")
        return found


def _own(path: Path, found: os.stat_result) -> _Own:
    return _Own(path, found.st_dev, found.st_ino)


class Guard:
    """Watches over one store's file, in the thread that writes to it. `loaded` comes before."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock
        self._log = Path(f"{lock.path}-wal")
        self._index = Path(f"{lock.path}-shm")
        self._files: tuple[_Own, ...] = ()
        self._own_log: _Own | None = None
        self._as_loaded: tuple[int, ...] = ()
        self._version = 0
        self._token = 0
        """That the file and its log have, while there may be changes in the log; 0 while there are
        none.
        """

    def loaded(self) -> None:
        """Note how the file is that was read just now: until the first change nobody looks at
        it.
        """
        assert self._lock.file is not None
        self._files = (_own(self._lock.path, os.fstat(self._lock.file)),)
        self._as_loaded = self._state()

    def _state(self) -> tuple[int, ...]:
        """Return what is another after somebody has written; nothing where a log is left, which
        whoever reads may take in.
        """
        try:
            if self._log.stat().st_size:
                return ()
        except FileNotFoundError:
            pass
        found = self._files[0].stat()
        return found.st_size, found.st_mtime_ns

    def connect(self) -> sqlite3.Connection:
        """Open the file that was loaded, as it was then. Raise `StoreError`."""
        if self._as_loaded and self._as_loaded != self._state():
            raise StoreError(_OTHER_WRITER)
        connection = sqlite_file.connect(self._lock.path)
        try:
            connection.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()  # from now on there are all three
            self._own_log = _own(self._log, self._log.stat())
            self._files = self._files[0], _own(self._index, self._index.stat())
            self._version = self._data_version(connection)
            self.confirm()
        except BaseException:
            connection.close()
            raise
        return connection

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction, beside which nobody can write. Raise `StoreError` where somebody has
        written before.
        """
        if not self._token:
            self._bind_log(connection)
        self._begin(connection)

    def _begin(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if self._data_version(connection) != self._version:
            raise StoreError(_OTHER_WRITER)

    def _bind_log(self, connection: sqlite3.Connection) -> None:
        """Mark the file and the log as each other's, before anything is written that must not be
        lost.
        """
        assert self._lock.file is not None
        self._begin(connection)
        self._token = log_mark.write_new(connection, self._lock.file)
        connection.execute("COMMIT")
        sqlite_file.checkpoint(connection, "PASSIVE")
        # While another program reads an older state, the file cannot be marked: then this once
        # there is no mark.
        self._mark(
            connection, self._token if log_mark.cookie(self._lock.file) == self._token else 0
        )

    def _mark(self, connection: sqlite3.Connection, token: int, missing: int = 0) -> None:
        self._begin(connection)
        log_mark.write(connection, token, missing=missing)
        connection.execute("COMMIT")

    def checkpoint(self, connection: sqlite3.Connection, how: str, wait: bool = False) -> bool:
        """Do what `sqlite_file.checkpoint` does. To TRUNCATE is to be done when nothing more is
        written for a time.
        """
        if how == "TRUNCATE":
            if self._token:
                self._mark(connection, token=0)
                self._token = 0
            return sqlite_file.checkpoint(connection, how, wait)
        if self._token:
            self._mark(connection, self._token, missing=1)
        is_all = sqlite_file.checkpoint(connection, how, wait)
        if self._token:
            self._mark(connection, self._token)
        return is_all

    def _data_version(self, connection: sqlite3.Connection) -> int:
        """Return what changes with every commit of another connection, and with none of this
        one.
        """
        [version] = connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def confirm(self) -> int:
        """Return the length of the log, after a commit; raise `StoreError` where it went to files
        that lost their names.
        """
        for file in self._files:
            file.stat()
        assert self._own_log is not None
        return self._own_log.stat().st_size

    def connect_to_read(self) -> sqlite3.Connection:
        """Hold on to what is committed now. Raise `StoreError`, also where the file is another."""
        self.confirm()
        return sqlite_file.connect_to_read(self._lock.path)

    def close(self, connection: sqlite3.Connection, has_failed: bool = False) -> None:
        """Close it. After a failure all stays as it lies, but that what a log without its name
        holds goes to the file.
        """
        if not has_failed:
            connection.close()
            return
        _LEFT_OPEN.append(connection)
        with suppress(StoreError, sqlite3.Error):
            connection.rollback()
            self._files[0].stat()
            if self._own_log is None or self._data_version(connection) != self._version:
                return
            try:
                self._own_log.stat()
            except StoreError:
                sqlite_file.checkpoint(connection, "PASSIVE")
