"""The ledger: an observer of operations that counts who uses which wire, and writes it down.

What has come since the last writing is in memory, and in the store after a minute at most: when it
came is known to the minute. Both are bounded, whatever strangers call themselves: the store keeps
the `MOST_ROWS` that were used most, and a row for each dialect, of no client, that counts all the
others together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from sockcrud.access import OK, Principal
from sockcrud.ledger.records import LONGEST_SOFTWARE, Usage
from sockcrud.ledger.rows import (
    OTHERS,
    Counted,
    Row,
    counted_between,
    counted_in,
    fields_of,
    is_out_of_use,
    row_of,
)
from sockcrud.peers import peer_of
from sockcrud.storage.contract import IStore, ITransaction

WRITE_SECONDS: Final = 60.0
"""At most once in this time the store is written to."""

MOST_ROWS: Final = 1000
"""Rows that the store keeps."""

MOST_COUNTED: Final = 2000
"""Rows that are counted apart between two writings."""

_TOGETHER: Final = 25
"""Rows that are written in one go: a millisecond of the reactor's time."""

_STEPS: Final = frozenset(("sessions.resume", "administration.enter"))
"""Steps of a request on the way to its operation: where they succeed, that is counted instead."""

_LOCK: Final = "ledger"


class Ledger:
    """Counts operations as they pass, in a dictionary, and writes the counts to the store."""

    is_paused: Callable[[str, datetime], bool] | None = None
    """Tells whether a dialect is in a brownout; None where none ever is."""

    def __init__(self, store: IStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._counted: dict[Row, list[int]] = {}  # how many, since when, how many in pauses
        self._period = object()

    def __call__(self, operation: str, principal: Principal, seconds: float, outcome: str) -> None:
        """Count a request. What a connection counts is looked up in its own dictionary, because
        every request passes here.
        """
        software, account = principal.software, principal.account
        if software.period is not self._period:
            software.counts, software.period = {}, self._period
        key = operation if account is None else (operation, account.id)
        found = software.counts.get(key)
        if found is None:
            if operation not in _STEPS:
                found = software.counts[key] = self._begun(operation, principal)
            elif outcome == OK:
                return
            else:
                found = self._begun(operation, principal)
        found[0] += 1
        if self.is_paused is not None and self.is_paused(principal.dialect, self._now()):
            found[2] += 1

    def _begun(self, operation: str, principal: Principal) -> list[int]:
        """Return where a client's requests for an operation are counted in this period."""
        account = principal.account
        who = peer_of(principal.address) if account is None else account.login
        row = Row(principal.dialect, operation, who, principal.software.name)
        if row not in self._counted and len(self._counted) >= MOST_COUNTED:
            row = row.others
        return self._counted.setdefault(row, [0, int(self._clock.seconds()), 0])

    async def write(self) -> None:
        """Write down what was counted since the last time; where that fails it is still counted."""
        counted, self._counted = self._counted, {}
        self._period = object()
        now = int(self._clock.seconds())
        rows = list(counted)
        newcomers: dict[Row, Counted] = {}
        try:
            while rows:
                some = {row: _counted_until(now, *counted[row]) for row in rows[-_TOGETHER:]}
                newcomers |= await self._store.transact(_adding(some))
                del rows[-_TOGETHER:]
                await deferLater(self._clock, 0)
            if newcomers:
                await self._store.transact(_replacing(newcomers, self._now()))
        except BaseException:
            self._count_again({row: counted[row] for row in (*rows, *newcomers)})
            raise

    def _count_again(self, counted: Mapping[Row, list[int]]) -> None:
        for row, (count, first, paused) in counted.items():
            found = self._counted.setdefault(row, [0, first, 0])
            found[0] += count
            found[1] = first
            found[2] += paused

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), timezone.utc)


def _counted_until(last: int, count: int, first: int, in_brownouts: int) -> Counted:
    return counted_between(count, first, last, in_brownouts)


def _adding(news: Mapping[Row, Counted]) -> Any:
    async def add(transaction: ITransaction) -> dict[Row, Counted]:
        """Add what is new to the rows that are there; return those for which there is no room."""
        await transaction.lock(_LOCK)
        room = MOST_ROWS - await transaction.count(Usage)
        newcomers = {}
        for row, counted in news.items():
            usage = await transaction.find(Usage, "key", row.key)
            if usage is not None:
                await _add(transaction, usage, counted)
            elif room > 0 or row.who == OTHERS:
                await _insert(transaction, row, counted)
                room -= 1
            else:
                newcomers[row] = counted
        return newcomers

    return add


def _replacing(newcomers: Mapping[Row, Counted], now: datetime) -> Any:
    async def replace(transaction: ITransaction) -> None:
        """Give those newcomers a row that came more often than whoever has one, or in the place of
        who comes no more; count all the rest with the others.
        """
        await transaction.lock(_LOCK)
        least = sorted(
            (
                usage
                for usage in await transaction.page(Usage, 2 * MOST_ROWS)
                if usage.who != OTHERS
            ),
            key=lambda usage: (not is_out_of_use(usage, now), usage.count),
            reverse=True,
        )
        together: dict[Row, Counted] = {}
        most = sorted(newcomers, key=lambda row: newcomers[row].count, reverse=True)
        for place, row in enumerate(most):
            weakest = least[-1] if least and place < _TOGETHER else None
            if weakest is not None and (
                is_out_of_use(weakest, now) or weakest.count < newcomers[row].count
            ):
                least.pop()
                await transaction.delete(Usage, weakest.id)
                await _insert(transaction, row, newcomers[row])
                row, counted = row_of(weakest), counted_in(weakest)
            else:
                counted = newcomers[row]
            if row.others in together:
                together[row.others].add(counted)
            else:  # a copy: a store may run this again, with the same newcomers
                together[row.others] = evolve(counted, days=dict(counted.days))
        for row, counted in together.items():
            usage = await transaction.find(Usage, "key", row.key)
            if usage is None:
                await _insert(transaction, row, counted)
            else:
                await _add(transaction, usage, counted)

    return replace


async def _insert(transaction: ITransaction, row: Row, counted: Counted) -> None:
    names: dict[str, Any] = {
        "key": row.key,
        "dialect": row.dialect,
        "operation": row.operation,
        "who": row.who,
        "software": row.software[:LONGEST_SOFTWARE],
    }
    await transaction.insert(Usage, **names, **fields_of(counted))


async def _add(transaction: ITransaction, usage: Usage, counted: Counted) -> None:
    total = counted_in(usage)
    total.add(counted)
    await transaction.update(Usage, usage.id, **fields_of(total))
