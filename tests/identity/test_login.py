# mypy: allow-untyped-calls
"""Logging in: who gets in, and what a refusal tells."""

from __future__ import annotations

import argon2
from twisted.internet.defer import Deferred

from sockcrud.errors import Busy, Invalid, LoginFailed
from sockcrud.identity.passwords import HashCost, digest_of
from sockcrud.identity.records import Account
from sockcrud.identity.sessions import Sessions
from tests.support.directory_kit import HERE, RIGHT, WRONG, LoginCase


class AuthenticationTests(LoginCase):
    def test_the_right_password_gives_the_account(self) -> None:
        self.assertEqual(self.log_in(), self.ann)

    def test_neither_the_case_of_the_login_nor_of_the_digits_counts(self) -> None:
        self.assertEqual(self.log_in("aNN", RIGHT.lower()), self.ann)

    def test_refusals_are_alike_and_cost_the_same(self) -> None:
        company = self.have(self.directory.create_company("Closed", active=False))
        self.have(self.directory.create("Idle", RIGHT, active=False))
        self.have(self.directory.create("Shut", RIGHT, company_id=company.id))
        refusals = set()
        for login, digest in (
            ("Ann", WRONG),
            ("Nobody", RIGHT),
            ("Idle", RIGHT),
            ("Shut", RIGHT),
            ("Idle", WRONG),
        ):
            self.pool.works = 0
            error = self.refusal(login, digest)
            refusals.add((type(error), str(error), self.pool.works))
        self.assertEqual(refusals, {(LoginFailed, "", 1)})

    def test_a_name_that_nobody_can_have_costs_a_hash_too_and_counts(self) -> None:
        for name in ("", "a", "two words", "nul\x00", "half\ud800", "a,b", "x" * 1_000_000):
            self.pool.works = 0
            self.miss(10, name)
            self.assertEqual(self.pool.works, 10)
            self.assertEqual(self.delay(name), 1)

    def test_what_is_no_digest_is_said_to_be_none_without_a_hash(self) -> None:
        self.assertIsInstance(self.refusal(digest="correct horse"), Invalid)
        self.assertEqual((self.pool.works, self.failures()), (0, []))

    def test_a_full_pool_is_busy_and_no_failure(self) -> None:
        self.pool.room = 0
        for _ in range(20):
            self.assertIsInstance(self.refusal(), Busy)
        self.pool.room = 1
        self.log_in()
        self.assertEqual(self.failures(), [])


class ChangedWhileHashingTests(LoginCase):
    """The login is decided on the state after the hashing."""

    def held_login(self, digest: str = RIGHT, login: str = "Ann") -> Deferred[Account]:
        self.pool.holding = True
        trying = self.trying(login, digest)
        self.assertNoResult(trying)
        self.pool.holding = False
        return trying

    def test_a_deactivated_account_stays_out(self) -> None:
        trying = self.held_login()
        self.have(self.directory.change(self.ann.id, active=False))
        self.pool.release()
        self.failureResultOf(trying, LoginFailed)

    def test_so_does_one_of_a_deactivated_company(self) -> None:
        trying = self.held_login()
        self.have(self.directory.change_company(self.ann.company_id, active=False))
        self.pool.release()
        self.failureResultOf(trying, LoginFailed)

    def test_the_old_password_no_longer_opens_and_the_new_one_does(self) -> None:
        new = digest_of("new one")
        with_old, with_new = self.held_login(), self.held_login(new)
        changed = self.have(self.directory.change(self.ann.id, digest=new))
        self.pool.release()
        self.failureResultOf(with_old, LoginFailed)
        self.assertEqual(self.successResultOf(with_new), changed)

    def test_an_old_name_no_longer_opens(self) -> None:
        trying = self.held_login()
        self.have(self.directory.change(self.ann.id, login="Bea"))
        self.pool.release()
        self.failureResultOf(trying, LoginFailed)

    def test_a_name_that_went_to_another_opens_only_with_its_password(self) -> None:
        trying = self.held_login()
        self.have(self.directory.change(self.ann.id, login="Bea"))
        self.have(self.directory.create("Ann", WRONG))
        self.pool.release()
        self.failureResultOf(trying, LoginFailed)

    def test_an_account_made_meanwhile_opens(self) -> None:
        trying = self.held_login(login="Bea")
        bea = self.have(self.directory.create("Bea", RIGHT))
        self.pool.release()
        self.assertEqual(self.successResultOf(trying), bea)

    def test_one_that_changes_without_end_is_refused_in_the_end(self) -> None:
        self.pool.holding = True
        trying = self.trying()
        while self.pool.held:
            self.pool.holding = False
            self.have(self.directory.change(self.ann.id, digest=RIGHT))
            self.pool.holding = True
            self.pool.release_one()
        self.failureResultOf(trying, LoginFailed)


class RehashTests(LoginCase):
    def setUp(self) -> None:
        super().setUp()
        self.old = self.ann.password_hash
        self.directory = self.a_directory(HashCost(time_cost=2, memory_cost=16, parallelism=1))

    def kept(self) -> str:
        return self.have(self.store.get(Account, self.ann.id)).password_hash

    def test_a_login_renews_a_hash_of_another_cost_and_ends_no_session(self) -> None:
        sessions = Sessions(self.store, self.clock)
        token, _ = self.have(sessions.start(self.ann, "way", HERE))
        account = self.log_in()
        made_at = argon2.extract_parameters(self.kept())
        self.assertEqual((made_at.time_cost, made_at.memory_cost), (2, 16))
        self.assertEqual(account, self.have(self.store.get(Account, self.ann.id)))
        self.have(sessions.resume(token, "way"))
        self.have(sessions.start(account, "way", HERE))
        self.pool.works = 0
        self.assertEqual(self.log_in(), account)
        self.assertEqual(self.pool.works, 1)

    def test_a_refused_login_renews_nothing(self) -> None:
        self.have(self.directory.change(self.ann.id, active=False))
        self.pool.works = 0
        self.miss(1)
        self.assertIsInstance(self.refusal(digest=RIGHT), LoginFailed)
        self.assertEqual((self.kept(), self.pool.works), (self.old, 2))

    def test_a_full_pool_puts_it_off(self) -> None:
        self.pool.room = 1
        self.assertEqual(self.log_in(), self.ann)
        self.assertEqual(self.kept(), self.old)

    def test_two_at_once_both_get_in_and_can_start_sessions(self) -> None:
        self.pool.holding = True
        both = [self.trying(), self.trying()]
        self.pool.release()
        accounts = [self.successResultOf(each) for each in both]
        self.assertEqual(accounts[0], accounts[1])
        self.have(Sessions(self.store, self.clock).start(accounts[0], "way", HERE))

    def test_it_undoes_no_change_made_meanwhile(self) -> None:
        self.pool.holding = True
        trying = self.trying()
        self.pool.release_one()
        self.pool.holding = False
        new = digest_of("new one")
        changed = self.have(self.directory.change(self.ann.id, digest=new))
        self.pool.release()
        self.failureResultOf(trying, LoginFailed)
        self.assertEqual(self.kept(), changed.password_hash)
        self.log_in(digest=new)

    def test_who_is_deactivated_meanwhile_stays_out(self) -> None:
        for change in (
            lambda: self.directory.change(self.ann.id, active=False),
            lambda: self.directory.change_company(self.ann.company_id, active=False),
        ):
            self.pool.holding = True
            trying = self.trying()
            self.pool.release_one()
            self.have(change())
            self.pool.release()
            self.failureResultOf(trying, LoginFailed)
            self.have(self.directory.change(self.ann.id, active=True))
