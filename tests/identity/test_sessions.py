# mypy: allow-untyped-calls
"""Sessions: what a token opens, until when, and what ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, cast

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher

from sockcrud.errors import Invalid, LoginFailed, NotLoggedIn, Unavailable
from sockcrud.identity.records import Account, LoginFailures, Session
from sockcrud.identity.sessions import Sessions
from sockcrud.records import evolve
from sockcrud.storage.contract import ITransaction
from tests.support.directory_kit import HERE, RIGHT, WRONG, DirectoryCase, T


class SessionCase(DirectoryCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.an_admin()
        offices = self.have(self.directory.create_company("Offices"))
        self.ann = self.have(self.directory.create("Ann", RIGHT, company_id=offices.id))

    def start(self, dialect: str = "way", exclusive: bool = False) -> tuple[str, Session]:
        return self.have(self.sessions.start(self.account(self.ann.id), dialect, HERE, exclusive))

    def resume(self, token: str, dialect: str = "way") -> tuple[Session, Account]:
        return self.have(self.sessions.resume(token, dialect))

    def assert_dead(self, token: str, dialect: str = "way") -> None:
        self.failureResultOf(
            Deferred.fromCoroutine(self.sessions.resume(token, dialect)), NotLoggedIn
        )

    def kept(self, session: Session) -> Session:
        return self.have(self.store.get(Session, session.id))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.seconds(), timezone.utc)


class StartTests(SessionCase):
    def test_the_token_is_256_bits_as_upper_case_hex_and_kept_only_as_its_hash(self) -> None:
        token, session = self.start()
        self.assertRegex(token, "^[0-9A-F]{64}$")
        self.assertEqual(session.token_hash, sha256(token.encode()).hexdigest())
        self.assertNotIn(
            token,
            repr(vars(self.sessions))
            + repr([attrs.astuple(each) for each in self.everything()[1]]),
        )
        self.assertNotIn(session.token_hash, repr(session))
        self.assertNotEqual(self.start()[0], token)

    def test_tells_whose_it_is_and_from_where(self) -> None:
        token, session = self.start()
        self.assertEqual(
            (session.account_id, session.dialect, session.address), (self.ann.id, "way", HERE)
        )
        self.assertEqual((session.created_at, session.used_at), (self.now(), self.now()))
        self.assertEqual(self.resume(token), (session, self.account(self.ann.id)))

    def test_a_long_address_is_cut_and_what_no_store_can_hold_is_refused(self) -> None:
        self.assertEqual(
            len(self.have(self.sessions.start(self.ann, "way", "x" * 999))[1].address), 200
        )
        self.refused(self.sessions.start(self.ann, "way", "nul\x00"), Invalid)

    def test_fails_when_the_account_was_changed_since_it_was_authenticated(self) -> None:
        changes: list[dict[str, Any]] = [
            {"active": False},
            {"active": True},
            {"digest": WRONG},
            {"login": "Bea"},
        ]
        for change in changes:
            authenticated = self.account(self.ann.id)
            self.have(self.directory.change(self.ann.id, **change))
            self.refused(self.sessions.start(authenticated, "way", HERE), LoginFailed)

    def test_fails_when_the_company_is_inactive_now(self) -> None:
        self.have(self.directory.change_company(self.ann.company_id, active=False))
        self.refused(self.sessions.start(self.ann, "way", HERE), LoginFailed)

    def test_fails_when_there_is_no_such_account(self) -> None:
        self.refused(self.sessions.start(evolve(self.ann, id=77), "way", HERE), LoginFailed)

    def test_an_exclusive_one_ends_the_others_at_its_dialect_only(self) -> None:
        way, other, admin = self.start()[0], self.start()[0], self.start("admin")[0]
        roots = self.have(self.sessions.start(self.root, "way", HERE))[0]
        new = self.start(exclusive=True)[0]
        for token in (way, other):
            self.assert_dead(token)
        self.resume(new)
        self.resume(admin, "admin")
        self.resume(roots)

    def test_an_exclusive_one_that_fails_ends_nothing(self) -> None:
        token, _ = self.start()
        self.refused(
            self.sessions.start(evolve(self.ann, rev=1), "way", HERE, exclusive=True), LoginFailed
        )
        self.resume(token)

    def test_on_any_store_it_is_alone_with_its_account(self) -> None:
        self.start(exclusive=True)
        self.assertEqual(
            self.store.asked[:2],
            [f"lock company {self.ann.company_id}", f"lock account {self.ann.id}"],
        )


class ResumeTests(SessionCase):
    def test_an_odd_or_unknown_token_opens_nothing(self) -> None:
        token, session = self.start()
        odd = (
            "",
            "A" * 64,
            token.lower(),
            token[:-1],
            token + "\n",
            "\x00" * 64,
            "\ud800",
            session.token_hash,
            "A" * 1_000_000,
        )
        for each in odd:
            self.assert_dead(each)

    def test_a_session_works_only_at_its_dialect(self) -> None:
        token, _ = self.start("way")
        self.assert_dead(token, "admin")
        self.resume(token, "way")

    def test_idle_to_the_moment(self) -> None:
        token, session = self.start()
        self.clock.advance(30 * 60 - 0.001)
        self.assertTrue(self.have(self.sessions.is_alive(session.id)))
        self.clock.advance(0.001)
        self.assertFalse(self.have(self.sessions.is_alive(session.id)))
        self.assert_dead(token)

    def test_a_use_keeps_it_alive_and_a_question_does_not(self) -> None:
        token, session = self.start()
        for _ in range(3):
            self.clock.advance(29 * 60)
            self.resume(token)
        self.clock.advance(29 * 60)
        self.assertTrue(self.have(self.sessions.is_alive(session.id)))
        self.clock.advance(60)
        self.assert_dead(token)

    def test_too_old_to_the_moment_however_much_it_is_used(self) -> None:
        token, _ = self.start()
        for _ in range(12 * 6 - 1):
            self.clock.advance(600)
            self.resume(token)
        self.clock.advance(600 - 0.001)
        self.resume(token)
        self.clock.advance(0.001)
        self.assert_dead(token)

    def test_a_dialect_may_have_its_own_idle_time_and_the_limits_can_be_said(self) -> None:
        minutes = [timedelta(minutes=each) for each in (5, 10, 1)]
        self.sessions = Sessions(
            self.store, self.clock, minutes[0], minutes[1], {"admin": minutes[2]}
        )
        way, admin = self.start("way")[0], self.start("admin")[0]
        self.clock.advance(60)
        self.assert_dead(admin, "admin")
        for _ in range(2):
            self.resume(way)
            self.clock.advance(4 * 60)
        self.resume(way)
        self.clock.advance(60)
        self.assert_dead(way)

    def test_what_became_inactive_without_ending_it_keeps_it_shut(self) -> None:
        # As another program's hand on the store would leave it: the directory ends the sessions
        # too.
        token, session = self.start()
        self.have(self.store.update(Account, self.ann.id, active=False))
        self.assert_dead(token)
        self.have(self.store.update(Account, self.ann.id, active=True))
        self.have(self.sessions.resume(token, "way"))
        self.have(self.store.delete(Account, self.ann.id))
        self.assert_dead(token)
        self.assertFalse(self.have(self.sessions.is_alive(session.id)))

    def test_the_account_is_as_it_is_now(self) -> None:
        token, session = self.start()
        renamed = self.have(self.directory.change(self.ann.id, login="Bea", own_session=session.id))
        self.assertEqual(self.resume(token)[1], renamed)

    def test_a_clock_that_goes_back_a_little_ends_nothing_and_prolongs_nothing(self) -> None:
        token, _ = self.start()
        self.clock.rightNow -= 300
        self.resume(token)
        self.have(self.sessions.sweep())
        self.clock.advance(30 * 60)
        self.assert_dead(token)


class HeldStore:
    """In front of a store: its transactions wait until they are let go, or fail."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.access: Deferred[None] = Deferred()
        self.transactions = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def transact(self, body: Callable[[ITransaction], Awaitable[T]]) -> T:
        self.transactions += 1
        await self.access
        result: T = await self._store.transact(body)
        return result


class LastUseTests(SessionCase):
    """The last use is written at most once in a thirtieth of the idle time, and nobody waits for
    that.
    """

    def setUp(self) -> None:
        super().setUp()
        self.token, self.session = self.start()
        self.held = HeldStore(self.store)

    def hold(self) -> None:
        self.sessions = Sessions(self.held, self.clock)  # type: ignore[arg-type]

    def test_is_written_once_in_a_minute(self) -> None:
        revs = []
        for _ in range(180):
            self.clock.advance(1)
            self.resume(self.token)
            revs.append(self.kept(self.session).rev)
        self.assertEqual(len(set(revs)), 4)
        self.assertEqual(self.kept(self.session).used_at, self.now())

    def test_is_due_to_the_moment(self) -> None:
        self.clock.advance(60 - 0.001)
        self.resume(self.token)
        self.assertEqual(self.kept(self.session), self.session)
        self.clock.advance(0.001)
        self.resume(self.token)
        self.assertEqual(self.kept(self.session).used_at, self.now())

    def test_nothing_else_changes_with_it(self) -> None:
        self.clock.advance(60)
        self.resume(self.token)
        kept = self.kept(self.session)
        self.assertEqual(kept, evolve(self.session, used_at=self.now(), rev=kept.rev))

    def test_nobody_waits_and_a_thousand_uses_meanwhile_write_nothing_more(self) -> None:
        self.hold()
        self.clock.advance(60)
        for _ in range(1000):
            self.resume(self.token)
        self.assertEqual(self.held.transactions, 1)
        self.held.access.callback(None)
        self.resume(self.token)
        self.assertEqual(self.held.transactions, 1)
        self.assertEqual(self.kept(self.session).used_at, self.now())

    def test_a_session_that_ended_meanwhile_stays_ended(self) -> None:
        self.hold()
        self.clock.advance(60)
        self.resume(self.token)
        self.have(self.store.delete(Session, self.session.id))
        self.held.access.callback(None)
        self.assertEqual(self.have(self.store.page(Session, 9)), [])
        self.assert_dead(self.token)

    def test_one_that_another_node_wrote_meanwhile_is_not_written_again(self) -> None:
        self.hold()
        self.clock.advance(60)
        self.resume(self.token)
        written = self.have(self.store.update(Session, self.session.id, used_at=self.now()))
        self.held.access.callback(None)
        self.assertEqual(self.kept(self.session), written)

    def test_a_failure_is_logged_without_a_secret_and_not_repeated_for_every_request(self) -> None:
        logged: list[LogEvent] = []
        observer = cast(ILogObserver, logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.hold()
        self.held.access.errback(Unavailable())
        self.clock.advance(60)
        for _ in range(1000):
            self.resume(self.token)
        self.assertEqual(len(self.flushLoggedErrors(Unavailable)), 1)
        text = "".join(eventAsText(event) for event in logged)
        self.assertIn(f"last use of session {self.session.id} ", text)
        for secret in (self.token, self.session.token_hash, self.ann.password_hash, RIGHT):
            self.assertNotIn(secret, text)
        self.held.access = Deferred()
        self.clock.advance(1)
        self.resume(self.token)
        self.held.access.callback(None)
        self.assertEqual(self.kept(self.session).used_at, self.now())


class EndTests(SessionCase):
    def test_a_logout_is_for_good_and_can_be_repeated(self) -> None:
        token, session = self.start()
        other, _ = self.start()
        self.assertTrue(self.have(self.sessions.end(session.id)))
        self.assertFalse(self.have(self.sessions.end(session.id)))
        self.assert_dead(token)
        self.resume(other)

    def test_all_of_an_account_or_all_but_one(self) -> None:
        sessions = [self.start(dialect)[1] for dialect in ("way", "way", "admin")]
        roots = self.a_session(self.root)
        self.assertEqual(self.have(self.sessions.end_all(self.ann.id, but=sessions[1].id)), 2)
        self.assertEqual(self.living(*sessions, roots), [False, True, False, True])
        self.assertEqual(self.have(self.sessions.end_all(self.ann.id)), 1)
        self.assertEqual(self.have(self.sessions.end_all(self.ann.id)), 0)
        self.assertEqual(self.living(*sessions, roots), [False, False, False, True])


class SweepTests(SessionCase):
    def sweep(self) -> int:
        sweeping = Deferred.fromCoroutine(self.sessions.sweep())
        self.clock.advance(0)
        return self.successResultOf(sweeping)

    def test_deletes_what_is_over_and_nothing_else(self) -> None:
        idle = self.start()[1]
        self.clock.advance(60)
        living = self.start()[1]
        self.clock.advance(29 * 60)
        self.assertEqual(self.sweep(), 1)
        self.assertEqual(self.have(self.store.page(Session, 9)), [living])
        self.assertFalse(self.have(self.sessions.end(idle.id)))
        self.assertEqual(self.sweep(), 0)

    def test_deletes_failures_an_hour_after_their_delay(self) -> None:
        for _ in range(11):
            self.failureResultOf(
                Deferred.fromCoroutine(self.directory.authenticate("Ann", WRONG, HERE))
            )
        self.clock.advance(1 + 3600 - 0.001)
        self.assertEqual(self.sweep(), 1)  # those of the account, which have earned no delay yet
        self.assertEqual(self.sweep(), 0)
        self.clock.advance(0.001)
        self.assertEqual(self.sweep(), 1)
        self.assertEqual(self.have(self.store.page(LoginFailures, 9)), [])

    def test_works_in_slices_a_turn_each(self) -> None:
        for _ in range(1000):
            self.start()
        self.clock.advance(30 * 60)
        left_at_pauses = []
        call_later = self.clock.callLater

        def paused(*call: Any) -> IDelayedCall:
            left_at_pauses.append(self.have(self.store.count(Session)))
            return call_later(*call)

        self.patch(self.clock, "callLater", paused)
        self.assertEqual(self.sweep(), 1000)
        self.assertEqual(left_at_pauses, [800, 600, 400, 200, 0])

    def test_a_session_used_or_ended_between_reading_and_deleting_is_left_alone(self) -> None:
        used, ended, over = (self.start()[1] for _ in range(3))
        self.clock.advance(30 * 60)
        held = HeldStore(self.store)
        sweeping = Deferred.fromCoroutine(Sessions(held, self.clock).sweep())  # type: ignore[arg-type]
        self.assertNoResult(sweeping)
        used = self.have(self.store.update(Session, used.id, used_at=self.now()))
        self.have(self.sessions.end(ended.id))
        held.access.callback(None)
        self.assertEqual(self.successResultOf(sweeping), 1)
        self.assertEqual(self.have(self.store.page(Session, 9)), [used])
        self.assertFalse(self.have(self.sessions.end(over.id)))

    def test_a_looping_call_can_run_it(self) -> None:
        loop = LoopingCall(self.sessions.sweep)
        loop.clock = self.clock
        self.start()
        running = loop.start(60)
        self.clock.pump([60] * 31)
        self.assertEqual(self.have(self.store.count(Session)), 0)
        loop.stop()
        self.successResultOf(running)
