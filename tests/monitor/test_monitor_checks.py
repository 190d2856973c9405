# mypy: allow-untyped-calls
"""The checks of all dialects: what they find where all is well, and that nothing is left behind."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Product
from sockcrud.apps.users.records import User
from sockcrud.identity.records import Account, LoginFailures, Session
from sockcrud.monitor.checks.base import Mark
from sockcrud.monitor.checks.results import Outcome, Result
from sockcrud.records import Record, evolve
from tests.monitor.monitor_kit import (
    ACCOUNT,
    MonitorCase,
    after,
    failure_of,
    honestly,
    outcomes,
    step_of,
)
from tests.support.running import DIALECTS

WAYS = ("refused", "failed", "cut", "silent")
"""How a request can end that does not end well."""
CARRIED_OUT = ("failed", "cut")
MOMENT = datetime(2026, 1, 1, tzinfo=timezone.utc)


class AllIsWellTests(MonitorCase):
    def test_every_dialect_is_up_at_the_first_round_and_at_each_that_follows(self) -> None:
        for number in range(4):
            for name in DIALECTS:
                result = self.found(name)
                self.assertEqual(step_of(result), ("up", "", ""), (number, name))
                self.assertEqual(result.left, "")
                self.assertEqual(outcomes(result, Outcome.SKIPPED), [], name)

    def test_nothing_is_left_in_the_store_after_many_rounds(self) -> None:
        for name in DIALECTS:
            self.found(name)
        before = self.store_without_counters()
        for _ in range(5):
            for name in DIALECTS:
                self.found(name)
        self.assertEqual(self.store_without_counters(), before)
        self.assertEqual(self.records(), [])

    def test_only_the_standing_accounts_are_left(self) -> None:
        known = {account.login for account in self.have(self.store.page(Account, 1000))}
        for name in DIALECTS:
            self.found(name)
        accounts = {account.login: account for account in self.have(self.store.page(Account, 1000))}
        self.assertEqual(accounts.keys() - known, {ACCOUNT, f"{ACCOUNT}-way", f"{ACCOUNT}-admin"})
        self.assertEqual(
            [accounts[f"{ACCOUNT}{which}"].active for which in ("", "-way", "-admin")],
            [True, False, False],
        )

    def test_no_session_and_no_failed_login_is_left(self) -> None:
        for _ in range(2):
            for name in DIALECTS:
                self.found(name)
        self.assertEqual(self.have(self.store.page(Session, 1000)), [])
        left = [
            each
            for each in self.have(self.store.page(LoginFailures, 1000))
            if not each.key.startswith("known ")
        ]
        self.assertEqual(
            left, []
        )  # those that are known tell where somebody logged in, which is no failure

    def test_a_round_leaves_no_open_connection_and_no_timer(self) -> None:
        for name in DIALECTS:
            self.found(name)
        self.assertEqual(self.open_connections(), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_id_of_a_message_is_used_again(self) -> None:
        self.have(self.made_message(7, "somebody else's"))
        for _ in range(3):
            self.assertEqual(self.found("messages").state.value, "up")
        self.have(self.made_message(None, "the next"))
        self.assertEqual([record.id for record in self.records()], [7, 9])

    def test_side_by_side_they_do_not_disturb_each_other(self) -> None:
        async def all_at_once() -> list[Result]:
            checking = [
                Deferred.fromCoroutine(self.conductor.conduct(self.checks[name]))
                for name in DIALECTS
            ]
            return list(await gatherResults(checking))

        for _ in range(3):
            found = self.finishes(all_at_once())
            self.assertEqual(
                [step_of(result) for result in found], [("up", "", "")] * len(DIALECTS)
            )
        self.assertEqual(self.records(), [])

    async def made_message(self, id: int | None, data: str) -> None:
        async def add(transaction: Any) -> None:
            await transaction.insert(Message, id, data=data)

        await self.store.transact(add)

    def store_without_counters(self) -> list[object]:
        return [evolve(record, rev=0) for record in self.everything()[1]]


class SkippedTests(MonitorCase):
    def test_without_an_admin_the_steps_that_need_one_are_skipped_and_say_so(self) -> None:
        self.begins_anew(admin=None, admin_password=None)
        for name, count in (("way", 8), ("admin", 10), ("members", 2), ("auth", 0)):
            result = self.found(name)
            self.assertEqual(result.state.value, "up", step_of(result))
            skipped = [taken.reason for taken in result.skipped]
            self.assertEqual(len(skipped), count, skipped)
            for reason in skipped[:1]:
                self.assertIn("--admin-account", reason)

    def test_a_service_with_nowhere_to_log_in_is_asked_for_its_health_alone(self) -> None:
        self.begins_anew("auth", "shop")
        result = self.found("products")
        self.assertEqual(result.state.value, "up")
        self.assertEqual(outcomes(result, Outcome.OK), ["ask for its health"])
        self.assertIn("neither auth nor shop is on", result.skipped[0].reason)

    def test_the_token_of_the_shop_does_where_auth_is_off(self) -> None:
        self.begins_anew("auth")
        self.assertEqual(outcomes(self.found("products"), Outcome.SKIPPED), [])

    def test_the_inventory_makes_its_records_at_the_shop_where_the_others_are_off(self) -> None:
        self.begins_anew("clients", "products")
        self.assertEqual(outcomes(self.found("inventory"), Outcome.SKIPPED), [])
        self.begins_anew("clients", "products", "shop")
        result = self.found("inventory")
        self.assertEqual(result.state.value, "up")
        self.assertIn("no port for clients and products is on", result.skipped[0].reason)


class LargeStoreTests(MonitorCase):
    """Stores with more records than anybody looks through every half a minute."""

    def test_leftovers_among_many_users_are_looked_for_bit_by_bit(self) -> None:
        self.have(
            self.many(
                User,
                1200,
                name="somebody",
                email="a@b.cd",
                age=1,
                created_at=MOMENT,
                updated_at=MOMENT,
            )
        )
        ours = Mark(ACCOUNT, "users")
        self.have(
            self.many(
                User,
                1,
                name=f"{ours.text} left",
                email=ours.email,
                age=1,
                created_at=MOMENT,
                updated_at=MOMENT,
            )
        )
        self.ports["users"].meddling = self.stream_takes(0.6)
        looked = []
        for _ in range(4):
            result = self.found("users")
            self.assertEqual(step_of(result), ("up", "", ""))
            looked.append([taken.reason for taken in result.skipped])
        self.assertEqual(
            looked,
            [
                ["looked through the users up to id 500; the next check goes on"],
                ["looked through the users up to id 1000; the next check goes on"],
                [],
                [],
            ],
        )
        self.assertEqual(len(self.have(self.store.page(User, 10_000))), 1200)

    def test_long_lists_are_not_fetched_in_each_round(self) -> None:
        self.have(
            self.many(Product, 1001, description="", quantity=1, price=Decimal("1.00"), status=True)
        )
        self.have(self.many(Message, 1001, data="somebody's"))
        for name, step in (("products", "list the products"), ("messages", "list")):
            self.assertEqual(outcomes(self.found(name), Outcome.SKIPPED), [])
            result = self.found(name)
            self.assertEqual(
                (result.state.value, outcomes(result, Outcome.SKIPPED)), ("up", [step])
            )
            self.assertIn("there are 1,00", result.skipped[0].reason)

    async def many(self, kind: type[Record], count: int, **fields: Any) -> None:
        async def add(transaction: Any) -> None:
            for number in range(count):
                named = {"name": f"product {number}"} if kind is Product else {}
                await transaction.insert(kind, None, **fields, **named)

        await self.store.transact(add)

    def stream_takes(self, seconds: float) -> Any:
        async def late(dialect: str, real: Any, request: Any) -> Any:
            wait = seconds if request.get("payload", {}).get("limit") == 500 else 0.0
            return await after(self.clock, wait)(dialect, real, request)

        return late


class EveryStepTests(MonitorCase):
    """At each request in turn something goes wrong.

    It is refused, or carried out and told as a failure, or carried out and the connection cut, or
    never answered.
    """

    def requests_of(self, name: str) -> int:
        before = sum(port.asked for port in self.ports.values())
        self.assertEqual(self.found(name).state.value, "up")
        return sum(port.asked for port in self.ports.values()) - before

    def goes_wrong_at(self, number: int, how: str) -> None:
        """Have the request of this number, of those to all dialects, end like that."""
        count = 0

        async def meddle(dialect: str, real: Any, request: Any) -> Any:
            nonlocal count
            count += 1
            if count != number:
                return await honestly(dialect, real, request)
            if how in CARRIED_OUT:
                await real.answer(request)
            if how == "cut":
                self.ports[dialect].ends[-1].abortConnection()
            if how in ("cut", "silent"):
                await Deferred()
            return failure_of(real)

        for port in self.ports.values():
            port.meddling = meddle

    def check_all_of(self, name: str) -> None:
        for other in DIALECTS:
            self.found(other)  # the standing accounts are there
        count = self.requests_of(name)
        self.assertGreater(count, 4)
        for number in range(1, count + 1):
            # The shop is three checks in one, each of which is met by all ways on its own port.
            for how in (WAYS[number % len(WAYS)],) if name == "shop" else WAYS:
                self.check_one(name, number, how)
        self.assertEqual(self.records(), [])

    def check_one(self, name: str, number: int, how: str) -> None:
        where = (name, number, how)
        self.goes_wrong_at(number, how)
        result = self.found(name)
        # What only reads may be asked again over a connection that was closed.
        self.assertIn(result.state.value, ("down", "up") if how != "silent" else ("down",), where)
        self.assertEqual(bool(result.step), result.state.value == "down", where)
        self.goes_wrong_at(0, "")
        self.assertEqual(self.records(), [], (where, step_of(result), result.left))
        self.assertEqual(self.open_connections(), 0, where)
        self.assertEqual(self.active_helpers(), [], (where, step_of(result)))
        # Of a login whose answer was lost nobody has the token.
        left = len(self.have(self.store.page(Session, 1000)))
        self.assertLessEqual(left, int(how in CARRIED_OUT), (where, step_of(result)))
        self.end_all_sessions()
        self.assertEqual(step_of(self.found(name)), ("up", "", ""), where)

    def active_helpers(self) -> list[str]:
        accounts = self.have(self.store.page(Account, 1000))
        return [
            account.login
            for account in accounts
            if account.login.startswith(f"{ACCOUNT}-") and account.active
        ]

    def end_all_sessions(self) -> None:
        for session in self.have(self.store.page(Session, 1000)):
            self.have(self.sessions.end(session.id))


def _every_step(name: str) -> Any:
    def test(self: EveryStepTests) -> None:
        self.check_all_of(name)

    return test


for _name in DIALECTS:
    setattr(
        EveryStepTests,
        f"test_whatever_fails_{_name}_leaves_nothing_behind_and_is_up_again",
        _every_step(_name),
    )
