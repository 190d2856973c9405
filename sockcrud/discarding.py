"""Letting go of files that nobody needs any more."""

from __future__ import annotations

from threading import Thread
from typing import IO, Any


def close_aside(file: IO[Any]) -> None:
    """Close a file in a thread of its own, soon.

    With the last who has it open a file without a name goes, and the disk takes the longer the more there is to free: 100 ms
    for 70 MB, in which the reactor would serve nobody.
    """
    try:
        Thread(target=file.close, name="close", daemon=True).start()
    except RuntimeError:  # the system gives no more threads
        file.close()
