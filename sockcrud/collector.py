"""When Python looks for garbage: seldom, as long as memory does not grow."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from twisted.logger import Logger

LOOK_SECONDS: Final = 0.25
TRIM_GROWTH: Final = 8 * 1024 * 1024
LOOKS_A_TRIM: Final = 20
"""Growth, and looks, after which what is free is returned to the system."""

LOOKS_A_COMPARISON: Final = 40
NEAR: Final = 0.7
NEAR_NO_MORE: Final = 0.6
"""The shares of the memory there is from which on it is said, and below which it may be said again.
"""

_STATM: Final = Path("/proc/self/statm")

_log = Logger()


_MMAP_THRESHOLD: Final = -3
_LARGE_BLOCK: Final = 128 * 1024


def give_large_blocks_back() -> None:
    """Have what is large returned to the system as soon as it is freed, where the C library can be
    told so.

    glibc begins that way, and ends it with the first large block that is freed: what a hundred
    strangers made the process hold for a moment then stays with it, behind some small block at its
    end.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)


def let_collector_rest() -> None:
    """Have garbage looked for seldom, and only in what is new from here on.

    What is stored and what is loaded is no garbage, and to look through it took up to 30 ms at a
    time: with thousands of creates a second one answer in a hundred waited for that. What is new is
    searched 5,000 objects at a time, and then 30,000 together (5 ms): a search stops everybody, and
    an import makes a million objects. All of it is searched once 100,000 searches have found that
    nothing new was garbage: `GrowthWatch` makes four a second.
    """
    gc.freeze()
    gc.set_threshold(5_000, 5, 100_000)


def resident_bytes() -> int:
    """Return the memory that this process has in use; 0 where the system does not tell it as Linux
    does.
    """
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


class Holds(Protocol):
    """What tells how much of the memory is others' for the moment: the connections, all
    together.
    """

    unsent: int
    unfinished: int
    released: int


class GrowthWatch:
    """Looks after memory: the collector itself counts how many more objects there are, and nothing
    else.

    So it does not see objects that take the place of others, as those of an update do: a hundred
    thousand of them came together, and the search through them all stopped everybody for 100 ms.
    Nor does it see how long they are. What is new is therefore searched several times a second,
    while it is little. What strangers made the process hold for a moment is returned to the system
    within seconds, also from between small blocks.
    """

    def __init__(
        self,
        holds: Holds,
        resident: Callable[[], int] = resident_bytes,
        trim: Callable[[], object] | None = None,
    ) -> None:
        self._holds = holds
        self._resident = resident
        self._trim = trim or _trim
        self._trimmed_at = resident()
        self._released_at = holds.released
        self._looks = 0

    def look(self) -> None:
        """Collect what is new, and return what is free where the process has grown; to be called
        every `LOOK_SECONDS`.
        """
        gc.collect(1)
        self._looks += 1
        now, holds = self._resident(), self._holds
        self._trimmed_at = min(now, self._trimmed_at)
        # Not before they have gone, and not for what is stored: to look through a large heap takes
        # up to 30 ms.
        if (
            now - self._trimmed_at > TRIM_GROWTH
            and holds.released - self._released_at > TRIM_GROWTH
            and holds.unsent + holds.unfinished < TRIM_GROWTH
            and not self._looks % LOOKS_A_TRIM
        ):
            self._trim()
            self._trimmed_at = self._resident()
            self._released_at = holds.released


class MemoryWatch:
    """Says when the process comes near to the memory that there is: the system would kill it
    without a word.
    """

    def __init__(
        self, limit: Callable[[], int], resident: Callable[[], int] = resident_bytes
    ) -> None:
        self._limit = limit
        self._resident = resident
        self._looks = 0
        self._has_warned = False

    def look(self) -> None:
        """Compare now and then; to be called every `LOOK_SECONDS`."""
        self._looks += 1
        if self._looks % LOOKS_A_COMPARISON != 1:
            return
        used, there = self._resident(), self._limit()
        if used >= NEAR * there > 0 and not self._has_warned:
            _log.warn(
                "{used:,} MiB of memory are in use, of {there:,} MiB that there are: records "
                "take more and more of it, up to"
                " max_stored",
                used=used // 2**20,
                there=there // 2**20,
            )
        # Not again and again where it goes up and down a little.
        self._has_warned = (
            there > 0 and used >= (NEAR_NO_MORE if self._has_warned else NEAR) * there
        )


def _trim() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
