"""What other processes do on the cores meanwhile: figures taken beside them are no proof."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

TOLERATED: Final = 0.1
LOOK_SECONDS: Final = 0.5
_USER, _NICE, _SYSTEM, _IRQ, _SOFTIRQ, _STEAL = 0, 1, 2, 5, 6, 7

_PARENT, _UTIME, _STIME = 1, 11, 12
_KERNEL: Final = 2
"""The process that all threads of the kernel come from."""


def worked_seconds(core: int) -> float:
    """Return the seconds that the core has worked, or was taken away by the host, since the machine
    started.
    """
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            return sum(
                int(ticks[place]) for place in (_USER, _NICE, _SYSTEM, _IRQ, _SOFTIRQ, _STEAL)
            ) / os.sysconf("SC_CLK_TCK")
    raise ValueError(f"there is no core {core}")


def kernel_seconds() -> float:
    """Return the seconds that the kernel's own threads have worked, on any core: they write what a
    server has synced.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[_PARENT]) == _KERNEL:
            ticks += int(fields[_UTIME]) + int(fields[_STIME])
    return ticks / os.sysconf("SC_CLK_TCK")


def look(cores: Iterable[int]) -> list[str]:
    """Look for a moment at cores that should be idle; give a note about each that is not."""
    before = {core: worked_seconds(core) for core in cores}
    time.sleep(LOOK_SECONDS)
    shares = {
        core: (worked_seconds(core) - worked) / LOOK_SECONDS for core, worked in before.items()
    }
    return [
        f"before it began, others used {share:.0%} of core {core}: not to be relied upon"
        for core, share in shares.items()
        if share > TOLERATED
    ]
