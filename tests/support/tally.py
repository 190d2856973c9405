"""A observer of operations that counts operations by dialect, name and outcome."""

from __future__ import annotations

from collections import Counter

from sockcrud.access import Principal


class Tally:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def __call__(self, operation: str, principal: Principal, seconds: float, outcome: str) -> None:
        self.counts[principal.dialect, operation, outcome] += 1
