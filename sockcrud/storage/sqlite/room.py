"""Whether the disk has room for more, looked at while there is still some.

A commit for which there is none ends the daemon, as any that fails. Before it comes to that nothing
is added any more, but for what logins need: these, reading and deleting go on with what is left,
until there is room again.
"""

from __future__ import annotations

from pathlib import Path
from shutil import disk_usage
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from sockcrud.storage.capacity import MIB
from sockcrud.storage.memory.tables import Tables

LEAST: Final = 64 * MIB
"""Bytes that are to be free: eight times what the log takes before it is taken into the file."""

LEAST_SHARE: Final = 20
"""On a small disk, no more than one part in so many."""

LOOK_SECONDS: Final = 1.0

_log = Logger()


class DiskRoom:
    """Looks after each commit, in the reactor's thread: it takes a microsecond."""

    def __init__(self, path: Path, reactor: Any, tables: Tables) -> None:
        self._directory = path.parent
        self._reactor = reactor
        self._tables = tables
        self._looking: IDelayedCall | None = None

    def look(self) -> None:
        """Let the tables take more records only while there is room for more; look again soon where
        there is none.
        """
        try:
            disk = disk_usage(self._directory)
        except OSError:
            return  # the next commit will say that it is gone
        is_full = disk.free < min(LEAST, disk.total // LEAST_SHARE)
        if is_full != self._tables.disk_is_full:
            self._tables.disk_is_full = is_full
            if is_full:
                _log.warn(
                    "{directory} has {free} MiB left: nothing is added any more, until there is "
                    "more room",
                    directory=self._directory,
                    free=disk.free // MIB,
                )
            else:
                _log.info(
                    "{directory} has room again: {free} MiB",
                    directory=self._directory,
                    free=disk.free // MIB,
                )
        if is_full and self._looking is None:
            self._looking = self._reactor.callLater(LOOK_SECONDS, self._look_again)

    def follow(self, tables: Tables) -> None:
        """Look after these tables from now on."""
        self._tables = tables
        self.look()

    def _look_again(self) -> None:
        self._looking = None
        self.look()

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
