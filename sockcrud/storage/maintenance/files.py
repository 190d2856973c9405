"""The files that commands write, and those they read lines from."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

Write = Callable[[bytes], object]

_PIECE: Final = 64 * 1024


def write_new(target: Path, give: Callable[[Write], object]) -> None:
    """Write what `give` gives to a new file that others cannot read. Half a file is taken away."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as new:
            give(new.write)
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise


@contextmanager
def lines_of(source: Path) -> Iterator[IO[bytes]]:
    """Open a file, or stdin, kept on disk until it is known how much it is."""
    if str(source) != "-":
        with source.open("rb") as lines:
            yield lines
        return
    with TemporaryFile() as lines:
        shutil.copyfileobj(sys.stdin.buffer, lines)
        lines.seek(0)
        yield lines


def pieces_of(file: IO[bytes], size: int, report: Callable[[int, int], object]) -> Iterator[bytes]:
    """Yield so many bytes of a file in pieces, for `import_lines`."""
    sent = 0
    while piece := file.read(min(_PIECE, size - sent)):
        yield piece
        sent += len(piece)
        report(sent, size)
