"""When Python looks for garbage: seldom, as long as memory does not grow."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

GROWTH: Final = 64 * 1024 * 1024
"""Bytes by which the process may grow before what is new is searched, however few objects that is."""

_STATM: Final = Path("/proc/self/statm")


def let_collector_rest() -> None:
    """Have garbage looked for seldom, and only in what is new from here on.

    What is stored and what is loaded is no garbage, and to look through it took up to 30 ms at a time: with thousands of
    creates a second one answer in a hundred waited for that. What is new is searched 5,000 objects at a time, and then
    30,000 together (5 ms): a search stops everybody, and an import makes a million objects. All of it is searched once 100
    million have come that did not go again.
    """
    gc.freeze()
    gc.set_threshold(5_000, 5, 4_000)


def resident_bytes() -> int:
    """Return the memory that this process has in use; 0 where the system does not tell it as Linux does."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


class GrowthWatch:
    """Collects what is new whenever the process has grown: the collector itself counts objects, however long they are."""

    def __init__(self, resident: Callable[[], int] = resident_bytes) -> None:
        self._resident = resident
        self._collected_at = resident()

    def look(self) -> bool:
        """Collect where the process has grown by more than `GROWTH` since the last time; return whether it had."""
        now = self._resident()
        if now - self._collected_at <= GROWTH:
            self._collected_at = min(now, self._collected_at)
            return False
        gc.collect(1)
        self._collected_at = self._resident()
        return True
