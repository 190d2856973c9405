"""The right to use a store's file."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from sockcrud.storage.common import StoreError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def real_path(path: Path) -> Path:
    """Return the path without links on the way. Raise `StoreError` where these lead nowhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError before Python 3.13
        raise StoreError(
            f"{path} cannot be used as a store: {getattr(error, 'strerror', None) or error}"
        ) from None


class FileLock:
    """The right to use a store, until `release` or the end of the process, however it ends.

    Two locks: one of a file beside the store, which can be had before there is a store, and one of
    the store's file itself, which holds whatever other name the file has, and after the file beside
    it was removed.
    """

    def __init__(self, path: Path) -> None:
        """Raise `StoreError` where another has it. The file that is locked beside it stays behind,
        and means nothing.
        """
        if not path.parent.is_dir():
            raise StoreError(f"there is no directory {path.parent}")
        self.path = path
        self.file: int | None = None
        """The store's file, once there is one. It is to be closed last: with it go all locks that
        SQLite has on the file.
        """
        lock = path.with_name(path.name + "-lock")
        self._beside: int | None = None
        try:
            self._beside = beside = os.open(
                lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o600
            )
        except OSError as error:
            raise StoreError(f"{lock} cannot be made: {error.strerror}") from None
        try:
            self._lock(beside)
            if path.exists():
                self.hold_file()
        except BaseException:
            self.release()
            raise

    def hold_file(self) -> None:
        """Lock the store's file itself. Raise `StoreError` where another has it, or it is none."""
        try:
            if not stat.S_ISREG(
                self.path.stat().st_mode
            ):  # before it is opened: a FIFO would wait for whoever writes to it
                raise StoreError(f"{self.path} cannot be used as a store: it is not a regular file")
            for beside in (Path(f"{self.path}{more}") for more in ("-wal", "-shm")):
                if beside.exists() and not beside.is_file():
                    raise StoreError(
                        f"{self.path} cannot be used as a store: {beside} is not a regular file"
                    )
            self.file = self._open()
        except OSError as error:
            raise StoreError(f"{self.path} cannot be used as a store: {error.strerror}") from None
        # Elsewhere this lock and those that SQLite takes on the file are of one sort: we would wait
        # for ourselves.
        if sys.platform == "linux":
            self._lock(self.file)

    def _open(self) -> int:
        binary = getattr(os, "O_BINARY", 0)
        try:
            # To write, which nobody does here: in a container's layers a file is another one from
            # the first such on.
            return os.open(self.path, os.O_RDWR | binary)
        except OSError:
            return os.open(self.path, os.O_RDONLY | binary)

    def _lock(self, file: int) -> None:
        try:
            if sys.platform == "win32":
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                f"{self.path} is in use by another process ({error.strerror})"
            ) from None

    def release(self) -> None:
        """Let others have it. Harmless when repeated."""
        for file in (self.file, self._beside):
            if file is not None:
                os.close(file)
        self.file = self._beside = None
