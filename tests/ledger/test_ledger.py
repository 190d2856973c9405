# mypy: allow-untyped-calls
"""Who uses which dialect: what is counted, and that strangers cannot fill what is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable
from datetime import date
from typing import Any, Final, TypeVar
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.access import Principal, Software
from sockcrud.errors import Unavailable
from sockcrud.identity.records import Account
from sockcrud.ledger import counting
from sockcrud.ledger.counting import MOST_COUNTED, MOST_ROWS, Ledger
from sockcrud.ledger.records import Usage
from sockcrud.ledger.rows import DAYS, OTHERS, report
from sockcrud.storage.memory.store import MemoryStore
from tests.support.model import STANDARD

T = TypeVar("T")

NOON: Final = 1_700_049_600.0  # of 2023-11-15
DAY: Final = 24 * 60 * 60
ANA: Final = Account(
    id=7, rev=1, login="ana", password_hash="x", role="user", company_id=1, active=True
)
STRANGER: Final = Principal("users", "192.0.2.9", software=Software("JSON, a line each"))


class LedgerCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOON)
        self.store = MemoryStore(STANDARD)
        self.ledger = Ledger(self.store, self.clock)

    def have(self, asked: Awaitable[T]) -> T:
        fired: Deferred[Any] = Deferred.fromCoroutine(asked)  # type: ignore[arg-type]
        while not fired.called:
            self.clock.advance(0)
        result: T = self.successResultOf(fired)
        return result

    def come(self, times: int = 1, who: Principal = STRANGER, operation: str = "get_user") -> None:
        for _ in range(times):
            self.ledger(operation, who, 0.001, "ok")

    def written(self) -> list[Usage]:
        self.have(self.ledger.write())
        return self.have(self.store.page(Usage, 2 * MOST_ROWS))


class CountingTests(LedgerCase):
    def test_who_came_is_told_by_account_or_address_and_by_program(self) -> None:
        curl = Principal("shop", "2001:db8::5", ANA, 3, Software("curl/8.5.0"))
        self.come(2)
        self.come(1, curl, "clients.get")
        self.come(
            1, Principal("shop", "2001:db8::5", software=Software("curl/8.5.0")), "clients.get"
        )
        rows = {(u.dialect, u.operation, u.who, u.software): u.count for u in self.written()}
        self.assertEqual(
            rows,
            {
                ("users", "get_user", "192.0.2.9", "JSON, a line each"): 2,
                ("shop", "clients.get", "ana", "curl/8.5.0"): 1,
                ("shop", "clients.get", "2001:db8::/64", "curl/8.5.0"): 1,
            },
        )

    def test_days_are_counted_apart_and_go_on_after_a_restart(self) -> None:
        self.come(3)
        self.written()
        self.clock.advance(DAY)
        self.ledger = Ledger(self.store, self.clock)
        self.come(2)
        [usage] = self.written()
        self.assertEqual(
            (usage.count, usage.days, usage.first_seen.date(), usage.last_seen.date()),
            (5, "2023-11-16:2 2023-11-15:3", date(2023, 11, 15), date(2023, 11, 16)),
        )
        since = report(usage, date(2023, 11, 16))
        assert since is not None
        self.assertEqual((since.count, dict(since.days)), (2, {"2023-11-16": 2}))
        self.assertIsNone(report(usage, date(2023, 11, 17)))

    def test_a_row_stays_as_short_as_its_field(self) -> None:
        for _ in range(DAYS + 5):
            self.come(999_999 // 1000)
            self.clock.advance(DAY)
            self.written()
        [usage] = self.written()
        self.assertEqual(len(usage.days.split()), DAYS)
        self.assertEqual(usage.count, 999 * (DAYS + 5))

    def test_steps_on_the_way_to_an_operation_are_no_requests(self) -> None:
        self.come(1, operation="sessions.resume")
        self.ledger("sessions.resume", STRANGER, 0.001, "not_logged_in")
        [usage] = self.written()
        self.assertEqual((usage.operation, usage.count), ("sessions.resume", 1))

    def test_what_could_not_be_written_is_still_counted(self) -> None:
        self.come(2)
        with patch.object(self.store, "transact", side_effect=Unavailable):
            fired = Deferred.fromCoroutine(self.ledger.write())
            self.failureResultOf(fired, Unavailable)
        self.come(1)
        self.assertEqual([usage.count for usage in self.written()], [3])

    def test_nothing_is_written_where_nobody_came(self) -> None:
        with patch.object(self.store, "transact") as transact:
            self.have(self.ledger.write())
        transact.assert_not_called()


class BoundsTests(LedgerCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(counting, "MOST_ROWS", 10)
        self.patch(counting, "MOST_COUNTED", 40)

    def strangers(self, first: int, last: int, times: int = 1) -> None:
        for number in range(first, last):
            self.come(times, Principal("users", f"192.0.2.{number}"))

    def test_a_thousand_names_of_a_stranger_take_nobody_out_who_comes_often(self) -> None:
        self.come(50)
        self.strangers(100, 109, 3)
        self.written()
        for round in range(3):
            self.strangers(round * 30, round * 30 + 30)
            rows = self.written()
        named = {usage.who: usage.count for usage in rows if usage.who != OTHERS}
        self.assertEqual(len(named), 10)
        self.assertEqual(named[STRANGER.address], 50)
        self.assertEqual(set(named.values()), {50, 3})
        self.assertEqual([usage.count for usage in rows if usage.who == OTHERS], [90])

    def test_a_transaction_that_is_run_again_counts_nobody_twice(self) -> None:
        self.strangers(0, 10, 5)
        self.written()
        self.strangers(20, 23)
        transact = self.store.transact

        async def twice(body: Any) -> Any:
            async def first(transaction: Any) -> None:
                await body(transaction)
                raise Unavailable

            with contextlib.suppress(Unavailable):
                await transact(first)
            return await transact(body)

        with patch.object(self.store, "transact", twice):
            rows = self.written()
        self.assertEqual([usage.count for usage in rows if usage.who == OTHERS], [3])

    def test_newcomers_that_could_not_be_written_are_still_counted(self) -> None:
        self.strangers(0, 10, 5)
        self.written()
        self.strangers(20, 23)
        with patch.object(counting, "_replacing", side_effect=Unavailable):
            fired = Deferred.fromCoroutine(self.ledger.write())
            self.clock.advance(0)
            self.failureResultOf(fired, Unavailable)
        rows = self.written()
        self.assertEqual([usage.count for usage in rows if usage.who == OTHERS], [3])

    def test_who_comes_more_often_gets_the_row_of_who_came_least(self) -> None:
        self.strangers(0, 10)
        self.written()
        self.come(5)
        rows = {usage.who: usage.count for usage in self.written()}
        self.assertEqual((rows[STRANGER.address], rows[OTHERS], len(rows)), (5, 1, 11))

    def test_who_has_not_come_for_half_a_year_makes_room(self) -> None:
        self.strangers(0, 10, 100)
        self.written()
        self.clock.advance((DAYS + 1) * DAY)
        self.come()
        rows = {usage.who: usage.count for usage in self.written()}
        self.assertEqual((rows[STRANGER.address], rows[OTHERS]), (1, 100))

    def test_memory_is_bounded_between_two_writings(self) -> None:
        for number in range(1000):
            self.come(1, Principal("users", "192.0.2.9", software=Software(f"x{number}")))
        self.assertLessEqual(len(self.ledger._counted), 41)
        self.assertEqual(sum(usage.count for usage in self.written()), 1000)

    def test_the_bounds_are_those_of_the_documents(self) -> None:
        self.assertEqual((MOST_ROWS, MOST_COUNTED), (1000, 2000))
