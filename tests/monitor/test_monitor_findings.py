# mypy: allow-untyped-calls
"""What the monitor finds where something is wrong: the step, and why, within one period."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from sockcrud.identity.passwords import digest_of
from sockcrud.identity.records import Account
from sockcrud.monitor.checks.results import Outcome, Result, State
from sockcrud.monitor.checks.steps import Limits
from sockcrud.monitor.history import History, HistoryFile
from sockcrud.monitor.rounds import Monitor, Round, Watched
from sockcrud.monitor.thresholds import Change, Standing, Thresholds
from tests.monitor.monitor_kit import (
    ACCOUNT,
    AtOnce,
    MonitorCase,
    after,
    honestly,
    outcomes,
    step_of,
)
from tests.support.running import DIALECTS

LOGS_IN = ("clients", "products", "inventory", "auth", "shop", "way", "members")


class FindingsCase(MonitorCase):
    """A monitor that has had one round, in which all was well."""

    def setUp(self) -> None:
        super().setUp()
        self.watches(Limits())

    def watches(self, limits: Limits) -> None:
        self.begins_anew(timeout=limits.timeout)
        watched = [
            Watched(name, "memory", check, Standing(name, Thresholds(down_after=1)))
            for name, check in self.checks.items()
        ]
        self.monitor = Monitor(watched, self.a_conductor(limits), None)
        self.monitor.start()
        self.passes(1)
        self.assertEqual(
            {name: result.state for name, result in self.latest().items()},
            dict.fromkeys(DIALECTS, State.UP),
        )

    def tearDown(self) -> None:
        for port in self.ports.values():
            port.meddling = honestly
        self.finishes(self.monitor.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def passes(self, seconds: float) -> None:
        until = self.clock.seconds() + seconds
        while self.clock.seconds() < until:
            self.rests()
            self.clock.advance(0.1)
        self.rests()

    def latest(self) -> dict[str, Result]:
        return {
            watched.name: watched.last
            for watched in self.monitor.watched
            if watched.last is not None
        }

    def found_within_a_period(self, name: str) -> Result:
        """Let a period pass, with the time that a check and its cleaning up may take."""
        self.passes(self.monitor.every + 2 * self.monitor.conductor.limits.timeout)
        return self.latest()[name]

    def only_down(self, *names: str) -> None:
        self.assertEqual(
            [name for name, result in self.latest().items() if result.state is State.DOWN],
            list(names),
        )


class FindingsTests(FindingsCase):
    def test_a_dialect_switched_off_is_down_at_its_first_step_and_the_others_are_up(self) -> None:
        for name, step in (
            ("users", "create"),
            ("messages", "list"),
            ("way", "log in"),
            ("admin", "ask for its health"),
        ):
            self.ports[name].refusing = True
            result = self.found_within_a_period(name)
            self.assertEqual(step_of(result)[:2], ("down", step))
            self.assertIn("refused", result.reason)
            if name != "admin":
                self.only_down(name)
            self.ports[name].refusing = False
            self.assertEqual(self.found_within_a_period(name).state, State.UP)

    def test_a_deactivated_account_is_a_refused_login(self) -> None:
        self.has_own_account(active=False)
        self.found_within_a_period("auth")
        for name in LOGS_IN:
            state, step, reason = step_of(self.latest()[name])
            self.assertEqual((state, step), ("down", "log in"), name)
            self.assertTrue(reason, name)
        self.only_down(*LOGS_IN)
        self.assertEqual(self.latest()["auth"].reason, "Wrong username or password (401)")
        self.assertEqual(self.latest()["way"].reason, "Usuário ou senha estão inválidos (200)")

    def test_a_changed_password_is_a_refused_login(self) -> None:
        self.has_own_account(digest=digest_of("another"))
        self.assertEqual(step_of(self.found_within_a_period("products"))[:2], ("down", "log in"))

    def test_an_account_that_is_gone_is_made_again_with_the_round_that_misses_it(self) -> None:
        self.have(self.forgets_the_account())
        self.assertEqual(step_of(self.found_within_a_period("clients")), ("up", "", ""))
        for name in ("products", "shop", "members", "way"):
            self.have(self.forgets_the_account())
            self.assertEqual(step_of(self.found(name)), ("up", "", ""), name)

    def test_a_service_that_answers_after_five_seconds_is_down_for_it_cannot_do_all_in_time(
        self,
    ) -> None:
        self.ports["products"].meddling = after(self.clock, 5.0)
        result = self.found_within_a_period("products")
        self.assertEqual(
            step_of(result), ("down", "create a product", "no answer: the check has 10 s in all")
        )
        self.only_down("products", "inventory")
        self.assertIn("product", self.latest()["inventory"].step)

    def test_one_that_answers_its_first_step_after_five_seconds_is_degraded(self) -> None:
        self.ports["users"].meddling = self.late_once(5.0)
        result = self.found_within_a_period("users")
        self.assertEqual(step_of(result)[:2], ("degraded", "create"))
        self.assertIn("slow: 5.", result.reason)
        self.assertEqual(self.found_within_a_period("users").state, State.UP)

    def test_a_service_that_never_answers_is_down_and_begins_no_second_check_meanwhile(
        self,
    ) -> None:
        self.finishes(self.monitor.stop())
        self.watches(Limits(timeout=100.0))
        self.ports["users"].meddling = never
        before = self.ports["users"].asked
        self.passes(95)
        self.assertEqual(self.ports["users"].asked - before, 1)
        assert self.monitor.last_round is not None
        self.assertEqual(self.monitor.last_round.passed_over, ("users",))
        self.assertEqual(len(self.monitor.last_round.results), len(DIALECTS) - 1)

    def test_a_wrong_answer_is_down_and_says_what_was_answered(self) -> None:
        self.ports["users"].meddling = as_another(b"sockcrud monitor", b"Somebody")
        result = self.found_within_a_period("users")
        self.assertEqual(step_of(result)[:2], ("down", "create"))
        self.assertRegex(
            result.reason,
            r"a wrong answer: the user's name is 'Somebody .*', and 'sockcrud monitor .*'",
        )

    def test_a_wrong_amount_in_the_middle_is_found_at_the_step_that_reads_it(self) -> None:
        self.ports["shop"].meddling = as_another(b'"0.05"', b'"0.06"')
        result = self.found_within_a_period("shop")
        self.assertEqual(step_of(result)[:2], ("down", "update the client"))
        self.assertIn(
            "balance is Decimal('0.06'), and Decimal('0.05') was to be expected", result.reason
        )
        self.assertEqual(self.records(), [])

    def test_garbage_is_down(self) -> None:
        self.ports["messages"].meddling = garbage
        self.assertEqual(step_of(self.found_within_a_period("messages"))[:2], ("down", "list"))

    def test_a_session_that_lives_on_after_its_end_is_down(self) -> None:
        self.ports["auth"].meddling = without_logout
        self.assertEqual(
            step_of(self.found_within_a_period("auth"))[:2], ("down", "use the dead token")
        )

    def test_a_store_that_cannot_be_reached_is_down_everywhere_and_the_admin_says_why(self) -> None:
        for port in self.ports.values():
            port.meddling = unavailable
        self.found_within_a_period("admin")
        self.only_down(*DIALECTS)

    def test_steps_behind_the_one_that_failed_are_told_as_not_reached(self) -> None:
        self.ports["users"].meddling = as_another(b'"age":42', b'"age":43')
        result = self.found_within_a_period("users")
        self.assertEqual(outcomes(result, Outcome.FAILED), ["update"])
        self.assertEqual(
            outcomes(result, Outcome.NOT_REACHED), ["delete", "read the deleted", "say goodbye"]
        )

    def test_the_monitors_own_fault_is_no_state_of_the_dialect(self) -> None:
        class Broken:
            name = "users"

            def steps(self) -> Any:
                raise KeyError("broken")

            async def clean_up(self) -> str:
                return ""

        self.monitor.watched[0].check = Broken()
        result = self.found_within_a_period("users")
        self.assertEqual(result.state, State.UNKNOWN)
        self.assertIn("the monitor's own fault", result.reason)
        self.assertEqual(self.monitor.watched[0].standing.state, State.UP)
        round = self.monitor.last_round
        assert round is not None
        self.assertEqual(round.status, 3)

    def test_a_monitor_that_starts_again_goes_on_from_the_state_it_had(self) -> None:
        history = History(HistoryFile(Path(self.mktemp())), AtOnce())
        for _ in range(2):
            self.ports["users"].refusing = True
            self.finishes(self.monitor.stop())
            watched = Watched(
                "users", "memory", self.checks["users"], Standing("users", Thresholds())
            )
            changes = Changes()
            self.monitor = Monitor([watched], self.a_conductor(), history, [changes])
            self.finishes(self.monitor.load())
            self.monitor.start()
            self.passes(100)
            self.assertEqual(watched.standing.state, State.DOWN)
        self.assertEqual(changes.heard, [])
        self.assertLess(watched.memory.uptime(self.clock.seconds(), 24 * 3600) or 0.0, 0.1)
        self.ports["users"].refusing = False
        self.passes(100)
        self.assertEqual(
            [(change.old, change.new) for change in changes.heard], [(State.DOWN, State.UP)]
        )

    # What happens to the account

    def has_own_account(self, **changes: Any) -> None:
        account = self.have(self.store.find(Account, "login", ACCOUNT))
        assert account is not None
        self.have(self.directory.change(account.id, **changes))

    async def forgets_the_account(self) -> None:
        account = await self.store.find(Account, "login", ACCOUNT)
        assert account is not None
        found = account

        async def forget(transaction: Any) -> None:
            await transaction.delete(Account, found.id)

        await self.store.transact(forget)

    def late_once(self, seconds: float) -> Any:
        waited = False

        async def late(dialect: str, real: Any, request: Any) -> Any:
            nonlocal waited
            if waited:
                return await real.answer(request)
            waited = True
            return await after(self.clock, seconds)(dialect, real, request)

        return late


class StoppingTests(FindingsCase):
    def test_a_monitor_that_is_stopped_in_the_middle_cleans_up_and_counts_nothing(self) -> None:
        before = self.latest()
        self.ports["users"].meddling = self.silent_at("update_user")
        self.passes(self.monitor.every)
        self.assertEqual(len(self.records()), 1)
        self.ports["users"].meddling = honestly
        self.finishes(self.monitor.stop(), 5.0)
        self.assertEqual(self.records(), [])
        self.assertEqual(self.latest()["users"], before["users"])
        self.assertEqual(self.open_connections(), 0)

    def test_one_round_that_is_broken_off_cleans_up_too(self) -> None:
        self.finishes(self.monitor.stop())
        self.begins_anew()
        watched = [
            Watched("users", "memory", self.checks["users"], Standing("users", Thresholds()))
        ]
        self.monitor = Monitor(watched, self.a_conductor(), None)
        self.ports["users"].meddling = self.silent_at("update_user")
        round = self.monitor.begin_round()
        self.passes(1)
        self.assertEqual(len(self.records()), 1)
        self.ports["users"].meddling = honestly
        self.finishes(self.monitor.stop(), 5.0)
        self.assertEqual(self.records(), [])
        self.assertEqual(
            [result.interrupted for result in self.successResultOf(round).results], [True]
        )

    def test_a_check_that_ends_soon_is_not_broken_off(self) -> None:
        before = self.latest()["users"]
        self.ports["users"].meddling = after(self.clock, 0.1)
        self.passes(self.monitor.every - 0.9)
        self.finishes(self.monitor.stop(), 3.0)
        self.assertNotEqual(self.latest()["users"], before)
        self.assertEqual(self.latest()["users"].state, State.UP)

    def test_leftovers_of_a_monitor_that_was_killed_are_removed_by_the_next(self) -> None:
        for name in ("users", "messages", "clients", "products", "inventory", "shop"):
            self.begins_anew()
            for port in self.ports.values():
                port.meddling = self.deaf_to_deletions
            self.found(name, self.a_conductor(Limits(timeout=1.0)))
            self.assertTrue(self.records(), name)
            for port in self.ports.values():
                port.meddling = honestly
            self.begins_anew()  # as a new process
            self.assertEqual(self.found(name).state, State.UP)
            self.assertEqual(self.records(), [], name)

    def test_records_of_others_that_look_alike_are_left_alone(self) -> None:
        self.ports["users"].meddling = self.deaf_to_deletions
        self.begins_anew(account="another-monitor")
        self.found("users", self.a_conductor(Limits(timeout=1.0)))
        self.assertEqual(len(self.records()), 1)
        self.ports["users"].meddling = honestly
        self.begins_anew()
        self.assertEqual(self.found("users").state, State.UP)
        self.assertEqual(len(self.records()), 1)

    def test_what_could_not_be_deleted_is_told_and_removed_by_the_next_check(self) -> None:
        self.ports["users"].meddling = self.deaf_to_deletions
        check = self.checks["users"]
        result = self.finishes(self.a_conductor(Limits(timeout=1.0)).conduct(check))
        self.assertIn("cleaning up failed", result.left)
        self.ports["users"].meddling = honestly
        self.assertEqual(self.found("users").state, State.UP)
        self.assertEqual(self.records(), [])

    def silent_at(self, operation: str) -> Any:
        async def silent(dialect: str, real: Any, request: Any) -> Any:
            if request.get("id_operation") == operation:
                await Deferred()
            return await real.answer(request)

        return silent

    async def deaf_to_deletions(self, dialect: str, real: Any, request: Any) -> Any:
        what = (
            request.get("id_operation") or request.get("op")
            if isinstance(request, dict)
            else request.method
        )
        if what in ("delete_user", "deletar", "DELETE"):
            await Deferred()
        return await real.answer(request)


class Changes:
    """Hears of changes."""

    def __init__(self) -> None:
        self.heard: list[Change] = []

    def hear_result(self, watched: Watched, change: Change | None) -> None:
        if change is not None:
            self.heard.append(change)

    def hear_round(self, round: Round) -> None:
        pass


# Meddlings


async def never(dialect: str, real: Any, request: Any) -> Any:
    await Deferred()


def as_another(old: bytes, new: bytes) -> Any:
    """Answer honestly, with another text in the place of one."""

    async def changed(dialect: str, real: Any, request: Any) -> Any:
        answer = await real.answer(request)
        if isinstance(answer, bytes):
            return answer.replace(old, new)
        return (
            evolve(answer, body=answer.body.replace(old, new))
            if isinstance(answer.body, bytes)
            else answer
        )

    return changed


async def garbage(dialect: str, real: Any, request: Any) -> Any:
    return b"\x00\xff<html>\n"


async def without_logout(dialect: str, real: Any, request: Any) -> Any:
    if request.path == "/user/logout":
        return evolve(await real.answer(evolve_to_health(request)), status=200)
    return await real.answer(request)


def evolve_to_health(request: Any) -> Any:
    request.method, request.path = "GET", "/user/health"
    return request


async def unavailable(dialect: str, real: Any, request: Any) -> Any:
    if isinstance(request, dict):
        return real.busy
    return real.refusal(503, "the store cannot be reached")
