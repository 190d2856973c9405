"""The thread that writes to the SQLite store's file, and what it writes to beside it.

Committed changes lie in a file beside the store's, the write-ahead log, until a checkpoint takes
them into it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.storage.contract import T
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite.guard import Guard
from sockcrud.storage.sqlite.log_mark import log_size

WRITES_BETWEEN_CHECKPOINTS: Final = 20_000
"""Commits and rows after which the log is taken into the file: changes wait for some ms then. More
would take longer to read after a crash."""

CHECKPOINT_BYTES: Final = sqlite_file.CHECKPOINT_BYTES
"""The same by the length of the log, which with few rows a commit, or long ones, comes first."""

WAL_BYTES: Final = 64 * 2**20
"""A log that is longer is told of: it cannot be taken in."""

TIDY_SECONDS: Final = 20.0
"""How often is looked whether nothing has been written meanwhile, so that the log can go; and how
soon after a checkpoint that another program stood in the way of, the next is tried."""

_log = Logger()


class Writer:
    """The one thread that changes the file. It starts with the first work for it, so that a process
    may fork before.
    """

    def __init__(
        self, guard: Guard, reactor: IReactorFromThreads, failed: Callable[[Failure], None]
    ) -> None:
        self.guard = guard
        self._reactor = reactor
        self._failed = failed
        self._works: SimpleQueue[
            tuple[Callable[[sqlite3.Connection], Any], Callable[[Any], object]] | None
        ] = SimpleQueue()
        self.thread: Thread | None = None

    def do(self, work: Callable[[sqlite3.Connection], T], done: Callable[[T], object]) -> None:
        """Do the work after all that was asked for before, and tell in the reactor's thread what
        came of it.

        The first work that raises ends it all: `failed` is told, and nothing else is done.
        """
        self._works.put((work, done))
        if self.thread is None:
            thread = Thread(target=self._run, name="store", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives no more threads
                self._reactor.callFromThread(self._failed, Failure())
            else:
                self.thread = thread

    def stop(self) -> None:
        """End, with nothing open any more."""
        if self.thread is not None:
            self._works.put(None)
            self.thread.join()

    def _run(self) -> None:
        connection, has_failed = None, False
        try:
            connection = self.guard.connect()
            while (next_work := self._works.get()) is not None:
                work, done = next_work
                self._reactor.callFromThread(done, work(connection))
        except BaseException:
            has_failed = True
            self._reactor.callFromThread(self._failed, Failure())
        finally:
            if connection is not None:
                self.guard.close(connection, has_failed)


class WriteAheadLog:
    """Bounds the log. A reader, such as a backup or the `sqlite3` shell, keeps what it may yet read
    from being taken in.
    """

    def __init__(self, path: Path, reactor: Any, writer: Writer) -> None:
        self._path = path
        self._reactor = reactor
        self._writer = writer
        self._writes = 0
        self._bound = CHECKPOINT_BYTES
        self._is_checking = False
        self._is_blocked = False
        self._is_clean = True  # nothing is in it
        self._is_quiet = False  # nothing was written since the last look
        self._tidying: IDelayedCall | None = None
        self._is_closed = False

    def grew(self, writes: int, size: int) -> None:
        """Hear of a commit of so many rows, and how long the log is."""
        self._writes += writes
        self._is_clean = self._is_quiet = False
        if self._tidying is None and not self._is_closed:
            self._tidying = self._reactor.callLater(TIDY_SECONDS, self._tidy)
        if (
            self._writes > WRITES_BETWEEN_CHECKPOINTS or size > self._bound
        ) and not self._is_checking:
            self._check("PASSIVE")

    def _check(self, how: str) -> None:
        self._writes = 0
        self._is_checking = True

        def check(connection: sqlite3.Connection) -> tuple[bool, int]:
            return self._writer.guard.checkpoint(connection, how), log_size(self._path)

        self._writer.do(check, partial(self._checked, how))

    def _checked(self, how: str, result: tuple[bool, int]) -> None:
        is_all, size = result
        self._is_checking = False
        self._is_clean = is_all and how == "TRUNCATE"
        # What cannot be taken in now is tried again when it has become longer by as much, and in
        # any case after a time.
        self._bound = CHECKPOINT_BYTES if is_all else size + CHECKPOINT_BYTES
        if not is_all and not self._is_blocked and size > WAL_BYTES:
            self._is_blocked = True
            _log.warn(
                "{wal} is {size} bytes long and grows: another program (a backup, the sqlite3 "
                "shell) reads an older state of"
                " {path}; this is tried again until it has ended",
                wal=f"{self._path}-wal",
                size=size,
                path=self._path,
            )
        elif is_all and self._is_blocked:
            self._is_blocked = False
            _log.info("{path}-wal was taken into {path}", path=self._path)

    def _tidy(self) -> None:
        """Cut the log off where nothing was written since the last time."""
        self._tidying = None
        if self._is_quiet and not self._is_checking:
            self._check("TRUNCATE")
        self._is_quiet = True
        if not self._is_clean:
            self._tidying = self._reactor.callLater(TIDY_SECONDS, self._tidy)

    def close(self) -> None:
        """Leave it as it is."""
        self._is_closed = True
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
