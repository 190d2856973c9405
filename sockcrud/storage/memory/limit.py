"""How much memory there is for this process: that of the machine, or the share of it that its
container has.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

A_RECORD: Final = 450
"""Bytes that a record takes in memory at the least, with its places in the tables: a user takes 510
to 570.
"""

_CGROUP: Final = Path("/sys/fs/cgroup")
_OWN_GROUP: Final = Path("/proc/self/cgroup")


def memory_limit() -> int:
    """Return the bytes of memory that this process may have, 0 where the system does not say."""
    limits = [*_of_groups()]
    with suppress(OSError, ValueError, AttributeError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((limit for limit in limits if limit > 0), default=0)


def _of_groups() -> list[int]:
    """Return the limits of the control group and of those around it; of version 1 that of the first
    one.
    """
    limits = []
    with suppress(OSError):
        for line in _OWN_GROUP.read_text().splitlines():
            number, controllers, name = line.split(":", 2)
            if number == "0":
                group = _CGROUP / name.lstrip("/")
                files = [
                    each / "memory.max"
                    for each in (group, *group.parents)
                    if each.is_relative_to(_CGROUP)
                ]
            elif "memory" in controllers.split(","):
                files = [
                    _CGROUP / "memory" / name.lstrip("/") / "memory.limit_in_bytes",
                    _CGROUP / "memory/memory.limit_in_bytes",
                ]
            else:
                continue
            for file in files:
                with suppress(OSError, ValueError):  # "max" where there is none
                    limits.append(int(file.read_text()))
    return limits
