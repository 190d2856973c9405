"""Letting go of files that nobody needs any more."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread


def aside(discard: Callable[[], object]) -> None:
    """Have it done in a thread of its own, soon; `discard` fails with nothing.

    A file without a name goes with the last who has it open, and the disk takes the longer the more
    there is to free: 100 ms for 70 MB, in which the reactor would serve nobody.
    """
    try:
        Thread(target=discard, name="discarding", daemon=True).start()
    except RuntimeError:  # the system gives no more threads
        discard()
