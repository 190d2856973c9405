"""Makes sure that what is written goes to the store's own file, and that nobody else writes to it.

Who holds a file open writes to it also where it was removed, or another has its name, and SQLite, which finds the log and its
index by their names, gives another program that comes later new ones. All of it looks like success.
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
from sockcrud.storage.sqlite.lock import FileLock

_OTHER_WRITER: Final = "another program has written to it"

_LEFT_OPEN: Final[list[sqlite3.Connection]] = []
"""Connections to files that have lost their names. To close one would take its log, by its name, away from whoever has that."""


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

    def loaded(self) -> None:
        """Note how the file is that was read just now: until the first change nobody looks at it."""
        assert self._lock.file is not None
        self._files = (_own(self._lock.path, os.fstat(self._lock.file)),)
        self._as_loaded = self._state()

    def _state(self) -> tuple[int, ...]:
        """Return what is another after somebody has written; nothing where a log is left, which whoever reads may take in."""
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
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from now on there are all three
            self._own_log = _own(self._log, self._log.stat())
            self._files = self._files[0], _own(self._index, self._index.stat())
            self._version = self._data_version(connection)
            self.confirm()
        except BaseException:
            self.close(connection)
            raise
        return connection

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction, beside which nobody can write. Raise `StoreError` where somebody has written before."""
        connection.execute("BEGIN IMMEDIATE")
        if self._data_version(connection) != self._version:
            raise StoreError(_OTHER_WRITER)

    def _data_version(self, connection: sqlite3.Connection) -> int:
        """Return what changes with every commit of another connection, and with none of this one."""
        [version] = connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def confirm(self) -> int:
        """Return the length of the log, after a commit; raise `StoreError` where it went to files that lost their names."""
        for file in self._files:
            file.stat()
        assert self._own_log is not None
        return self._own_log.stat().st_size

    def close(self, connection: sqlite3.Connection) -> None:
        """Close it. Where the log has lost its name, what it holds goes to the file first."""
        try:
            if self._own_log is not None:
                self.confirm()
        except StoreError:
            _LEFT_OPEN.append(connection)
            with suppress(StoreError, sqlite3.Error):
                self._files[0].stat()
                if self._data_version(connection) == self._version:
                    sqlite_file.checkpoint(connection, "PASSIVE")
        else:
            with suppress(sqlite3.Error):
                connection.close()
