"""What a framing says where it has worked long enough for one call, and is not done."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Later(Enum):
    """The type of `LATER`."""

    LATER = "there is more to work on"


LATER: Final = Later.LATER
"""Returned by `next_request` in the place of a request: call again, in this turn or, where others
wait, in a later one.

A framing gives it after a bounded amount of work (a fraction of a millisecond), so that a
connection whose bytes are expensive to take apart can be interrupted: None would mean that there is
nothing to do before more bytes come.
"""
