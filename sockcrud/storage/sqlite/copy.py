"""A copy of a store's file, on its way to somebody else."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from sockcrud.storage import discarding
from sockcrud.storage.sqlite.file import copy

PIECE: Final = 256 * 1024

Aside = Callable[[Callable[[], bytes]], Awaitable[bytes]]
"""Does something in a thread of its own."""


class SqliteCopy:
    """A `Copied` of the file at `source`: beside it, without a name, and gone with the last who has
    it open.

    Making it blocks, and raises `StoreError` or `OSError`. It is read by `aside`.
    """

    def __init__(self, source: Path, aside: Aside) -> None:
        self._aside = aside
        self._is_closed = False
        directory = Path(mkdtemp(prefix=f"{source.name}-copy-", dir=source.parent))
        self._path = directory / source.name
        try:
            copy(source, self._path)
            self._file = self._path.open("rb", buffering=0)
        except BaseException:
            self._forget()
            raise
        self.size = os.fstat(self._file.fileno()).st_size
        self._forget()

    def __aiter__(self) -> SqliteCopy:
        return self

    async def __anext__(self) -> bytes:
        if self._is_closed:
            raise StopAsyncIteration
        piece = await self._aside(self._read)
        if not piece:
            self.close()
            raise StopAsyncIteration
        return piece

    def _read(self) -> bytes:
        try:
            return self._file.read(PIECE) or b""
        except ValueError:  # it was closed meanwhile
            return b""

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            discarding.aside(self._discard)

    def _discard(self) -> None:
        self._file.close()
        self._forget()

    def _forget(self) -> None:
        """Take its name away; where the system lets nobody do that to an open file, when it is
        closed.
        """
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.parent.rmdir()
