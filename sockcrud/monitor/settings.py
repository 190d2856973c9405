"""What the monitor is told to do, as its command line has it. Imports little: `--help` is to be
quick.
"""

from __future__ import annotations

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
