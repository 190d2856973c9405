"""What a row of the ledger counts, and how it is told of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, Final, NamedTuple

from attrs import define, frozen

from sockcrud.ledger.records import LONGEST_DAYS, Usage

DAYS: Final = 180
"""So many days are counted apart at most; a client that has not come for so long may lose its row.
"""

OTHERS: Final = "others"
"""Who the clients are that are counted together."""


class Row(NamedTuple):
    """What is counted apart from all else."""

    dialect: str
    operation: str
    who: str
    software: str

    @property
    def key(self) -> str:
        """What it is found by in the store."""
        return sha256("\0".join(self).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def others(self) -> Row:
        """The row that counts it where it has none of its own."""
        return Row(self.dialect, OTHERS, OTHERS, "")


@define
class Counted:
    """The requests of a row: how many in all, from when to when, in brownouts, and by day."""

    count: int
    first_seen: datetime
    last_seen: datetime
    in_brownouts: int
    days: dict[str, int]

    def add(self, other: Counted) -> None:
        """Count these too."""
        self.count += other.count
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        self.in_brownouts += other.in_brownouts
        for day, count in other.days.items():
            self.days[day] = self.days.get(day, 0) + count


def counted_between(count: int, first: int, last: int, in_brownouts: int) -> Counted:
    """Return what was counted between two seconds; all of it counts for the day of the last."""
    begin, end = (datetime.fromtimestamp(second, timezone.utc) for second in (first, last))
    return Counted(count, begin, end, in_brownouts, {end.date().isoformat(): count})


def counted_in(usage: Usage) -> Counted:
    """Return what a row of the store has counted."""
    days = _read_days(usage.days)
    return Counted(usage.count, usage.first_seen, usage.last_seen, usage.in_brownouts, days)


def row_of(usage: Usage) -> Row:
    """Return what a row of the store counts."""
    return Row(usage.dialect, usage.operation, usage.who, usage.software)


def fields_of(counted: Counted) -> dict[str, Any]:
    """Return the fields in which the store keeps this."""
    return {
        "first_seen": counted.first_seen,
        "last_seen": counted.last_seen,
        "count": counted.count,
        "in_brownouts": counted.in_brownouts,
        "days": _format_days(counted.days),
    }


def is_out_of_use(usage: Usage, now: datetime) -> bool:
    """Return whether nobody has come for so long that the row may be another's."""
    return usage.last_seen < now - timedelta(days=DAYS)


def _format_days(days: Mapping[str, int]) -> str:
    latest = sorted(days, reverse=True)[:DAYS]
    text = " ".join(f"{day}:{days[day]}" for day in latest)
    return text if len(text) <= LONGEST_DAYS else text[: text.rindex(" ", 0, LONGEST_DAYS)]


def _read_days(text: str) -> dict[str, int]:
    return {day: int(count) for day, _, count in (each.partition(":") for each in text.split())}


@frozen
class Report:
    """A row as people are told of it."""

    id: int
    dialect: str
    operation: str
    who: str
    software: str
    first_seen: datetime
    last_seen: datetime
    count: int
    """Since the day that was asked for."""
    in_brownouts: int
    days: Mapping[str, int]


def report(usage: Usage, since: date | None = None) -> Report | None:
    """Return what a row has counted since a day; None where nobody has come since."""
    if since is not None and usage.last_seen.date() < since:
        return None
    counted = counted_in(usage)
    first = "" if since is None else since.isoformat()
    days = {day: count for day, count in counted.days.items() if day >= first}
    return Report(
        usage.id,
        *row_of(usage),
        usage.first_seen,
        usage.last_seen,
        counted.count if since is None else sum(days.values()),
        usage.in_brownouts,
        days,
    )
