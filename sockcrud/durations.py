"""Durations, as people write them."""

from __future__ import annotations

import re
from typing import Final

DURATION: Final = r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(ms|s|m|h)?"
EXAMPLES: Final = "2s, 500ms, 5m or 30"
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def seconds_of(text: str) -> float:
    """Read a duration such as 2s, 500ms, 5m or 30, which is in seconds; raise `ValueError`."""
    found = re.fullmatch(DURATION, text.strip())
    if found is None or float(found[1]) == 0:
        raise ValueError(f"{text!r} is no duration such as {EXAMPLES}")
    return float(found[1]) * _UNITS[found[2]]
