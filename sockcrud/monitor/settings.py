"""What the monitor is told to do, as its command line has it. Imports little: `--help` is to be
quick.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from sockcrud import loading

_DIALECTS: Final = loading.in_use().dialects
DIALECTS: Final = tuple(dialect.name for dialect in _DIALECTS)
PORTS: Final[Mapping[str, int]] = {dialect.name: dialect.port or 0 for dialect in _DIALECTS}
OFF: Final = "off"
ACCOUNT: Final = "sockcrud-monitor"

_DURATION: Final = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(ms|s|m|h)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


@frozen
class Settings:
    """All of it."""

    places: Mapping[str, str]
    """Where the dialects are that are not off."""
    account: str
    password: str = field(repr=False)
    admin: str | None
    admin_password: str | None = field(repr=False)
    trust: str | None
    once: bool
    every: float
    json: bool
    junit: Path | None
    history: Path | None
    slow: float
    timeout: float
    certificate_days: float
    down_after: int
    up_after: int
    webhooks: tuple[str, ...] = field(repr=False)
    hooks: tuple[str, ...] = field(repr=False)
    status: str | None


def seconds(text: str) -> float:
    """Read a duration such as 2s, 500ms, 5m or 30; raise `ValueError`."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise ValueError(f"{text!r} is no duration such as 2s, 500ms, 5m or 30")
    return float(found[1]) * _UNITS[found[2]]
