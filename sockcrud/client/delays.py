"""How long a client leaves a server alone that it could not reach."""

from __future__ import annotations

from typing import Final

FIRST: Final = 0.1
"""Seconds after the first failure; each further one doubles them."""
LONGEST: Final = 5.0


class Delays:
    """Grows with each failure to connect, and is gone with the first success.

    It never takes more than a quarter of a call's time: a call that waits still tries.
    """

    def __init__(self, timeout: float) -> None:
        self._longest = min(LONGEST, timeout / 4)
        self._failures = 0
        self._until = 0.0

    def failed(self, now: float) -> None:
        """Take note that the server could not be reached."""
        self._until = now + min(self._longest, FIRST * 2 ** min(self._failures, 20))
        self._failures += 1

    def succeeded(self) -> None:
        """Take note that it could."""
        self._failures, self._until = 0, 0.0

    def left(self, now: float) -> float:
        """Return the seconds until it may be tried again."""
        return max(0.0, self._until - now)
