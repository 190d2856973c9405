# mypy: allow-untyped-calls
"""Signing up, logging in, and what people of a company may do with its accounts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from sockcrud.access import Principal
from sockcrud.errors import (
    Forbidden,
    Invalid,
    LastAdmin,
    LoginDelayed,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    Taken,
)
from sockcrud.identity.credentials import Digest, Password
from sockcrud.identity.passwords import digest_of
from sockcrud.identity.records import ADMIN, USER, Account
from sockcrud.records import evolve
from tests.support.directory_kit import HERE
from tests.support.people_case import ABSENT, NEW, SECRET, PeopleCase


class SignUpTests(PeopleCase):
    def test_who_signs_up_is_a_user_of_the_default_company(self) -> None:
        account = self.have(self.logins.sign_up(self.nobody("auth"), "Vera", NEW))
        self.assertEqual((account.login, account.role, account.active), ("Vera", USER, True))
        self.assertEqual(account.company_id, self.ours.id)
        for dialect in ("auth", "way", "members", "admin"):
            self.assertEqual(self.log_in("vera", dialect, NEW).account.id, account.id)

    def test_an_admin_signs_up_no_more_than_a_user(self) -> None:
        self.assertEqual(
            self.have(self.logins.sign_up(self.as_(self.chef), "vera", NEW)).role, USER
        )

    def test_what_is_refused(self) -> None:
        nobody = self.nobody("members")
        self.refused(self.logins.sign_up(nobody, "ANNA", NEW), Taken)
        self.refused(self.logins.sign_up(nobody, "v", NEW), Invalid)
        self.refused(self.logins.sign_up(nobody, "vera two", NEW), Invalid)
        self.refused(self.logins.sign_up(nobody, "vera", Password("x")), Invalid)
        self.refused(self.logins.sign_up(nobody, "vera", Digest("x")), Invalid)

    def test_where_it_is_closed_only_admins_make_accounts(self) -> None:
        for principal in (self.nobody(), self.as_(self.anna)):
            self.refused(self.closed.sign_up(principal, "vera", NEW), Forbidden)
        self.assertEqual(
            self.have(self.closed.sign_up(self.as_(self.root), "vera", NEW)).role, USER
        )

    def test_an_admin_that_is_none_any_more_when_the_hash_is_done_makes_none(self) -> None:
        root = self.as_(self.root)
        self.pool.holding = True
        signing_up = Deferred.fromCoroutine(self.closed.sign_up(root, "vera", NEW))
        self.have(self.directory.change(self.root.id, role=USER))
        self.pool.release()
        self.failureResultOf(signing_up, NotLoggedIn)
        self.assertIsNone(self.have(self.store.find(Account, "login", "vera")))


class LogInTests(PeopleCase):
    def test_a_login_gives_a_token_that_is_good_at_its_dialect_only(self) -> None:
        logged_in = self.log_in("anna", "auth")
        # The shop's services count the logins of auth as theirs.
        principal = self.have(self.logins.resume(self.nobody("clients"), "auth", logged_in.token))
        self.assertEqual(
            principal, Principal("clients", HERE, self.account(self.anna.id), logged_in.session_id)
        )
        for token, dialect in ((logged_in.token, "way"), ("0" * 64, "auth"), ("", "auth")):
            self.refused(self.logins.resume(self.nobody(), dialect, token), NotLoggedIn)

    def test_password_and_digest_log_in_alike(self) -> None:
        digest = Digest(digest_of("correct horse").lower())
        account = self.have(self.logins.log_in(self.nobody(), "way", "ANNA", digest)).account
        self.assertEqual(account.id, self.anna.id)

    def test_failures_tell_nothing_and_are_counted_and_delayed(self) -> None:
        self.have(self.directory.deactivate(self.carl.id))
        for login, secret in (
            ("anna", NEW),
            ("nobody", SECRET),
            ("carl", SECRET),
            ("a b", SECRET),
            ("", Password("")),
        ):
            work = self.logins.log_in(self.nobody(), "way", login, secret)
            error = self.failureResultOf(Deferred.fromCoroutine(work), LoginFailed).value
            self.assertEqual(error.args, ())
        self.assertEqual(self.tally.counts["way", "sessions.log_in", "login_failed"], 5)
        for _ in range(9):
            self.failureResultOf(
                Deferred.fromCoroutine(self.logins.log_in(self.nobody(), "way", "anna", NEW)),
                LoginFailed,
            )
        self.refused(self.logins.log_in(self.nobody(), "way", "anna", SECRET), LoginDelayed)

    def test_what_is_no_login_at_all(self) -> None:
        login: Any = 5
        self.refused(self.logins.log_in(self.nobody(), "way", login, SECRET), Invalid)
        self.refused(self.logins.log_in(self.nobody(), "way", "anna", Password(5)), Invalid)
        self.refused(
            self.logins.log_in(self.nobody(), "way", "anna", Digest("correct horse")), Invalid
        )

    def test_an_exclusive_login_ends_the_earlier_ones_at_its_dialect(self) -> None:
        way, auth = self.as_(self.anna), self.as_(self.anna, "auth")
        self.log_in("anna", "way")
        self.assertEqual(self.lives(way), [True])
        self.log_in("anna", "way", exclusive=True)
        self.assertEqual(self.lives(way, auth), [False, True])

    def test_a_logout_ends_this_session_and_no_other(self) -> None:
        one, two = self.as_(self.anna), self.as_(self.anna)
        self.have(self.logins.log_out(one))
        self.assertEqual(self.lives(one, two), [False, True])
        self.have(self.logins.log_out(one))

    def test_a_token_is_in_no_text_about_it(self) -> None:
        logged_in = self.log_in("anna")
        self.assertNotIn(logged_in.token, repr(logged_in))
        self.assertNotIn(self.anna.password_hash, repr(logged_in))

    def test_own_account(self) -> None:
        anna = self.as_(self.anna)
        changed = self.have(self.directory.change(self.anna.id, login="anne"))
        self.assertEqual(self.have(self.logins.own(anna)), changed)


class MembersTests(PeopleCase):
    def test_an_admin_sees_all_and_others_see_themselves(self) -> None:
        everybody = ["root", "anna", "chef", "carl"]
        for account, seen in (
            (self.root, everybody),
            (self.chef, everybody),
            (self.anna, ["anna"]),
            (self.carl, ["carl"]),
        ):
            self.assertEqual(self.logins_of(self.members.list(self.as_(account, "members"))), seen)


class ColleaguesTests(PeopleCase):
    def test_all_see_their_company_and_no_other_but_in_the_default_company_only_admins_do(
        self,
    ) -> None:
        for account, seen in (
            (self.anna, ["anna"]),
            (self.root, ["root", "anna"]),
            (self.carl, ["chef", "carl"]),
        ):
            self.assertEqual(self.logins_of(self.colleagues.list(self.as_(account))), seen)

    def test_an_id_of_another_company_looks_like_none(self) -> None:
        for asks, id, seen in (
            (self.carl, self.chef.id, ["chef"]),
            (self.carl, self.anna.id, []),
            (self.carl, ABSENT, []),
            (self.anna, self.anna.id, ["anna"]),
            (self.anna, self.root.id, []),
        ):
            self.assertEqual(self.logins_of(self.colleagues.list(self.as_(asks), id)), seen)
        root = self.as_(self.root)
        works = self.pool.works
        for id in (self.carl.id, ABSENT):
            for work in (
                self.colleagues.change(root, id, active=False),
                self.colleagues.change(root, id, login="root"),
                self.colleagues.change(root, id, secret=NEW),
                self.colleagues.deactivate(root, id),
            ):
                self.assertEqual(self.refused(work, NotFound).args, (f"no Account {id}",))
        self.assertEqual(self.pool.works, works)  # no hash: its time would tell them apart

    def test_an_admin_creates_users_of_its_company(self) -> None:
        for login, active in (("dora", True), ("emil", False)):
            account = self.have(self.colleagues.create(self.as_(self.chef), login, NEW, active))
            self.assertEqual(
                (account.company_id, account.role, account.active), (self.theirs.id, USER, active)
            )
        self.refused(self.colleagues.create(self.as_(self.chef), "anna", NEW, True), Taken)
        self.refused(
            self.colleagues.create(self.as_(self.chef), "fritz", Digest("no"), True), Invalid
        )

    def test_an_admin_changes_what_it_names_and_nothing_else(self) -> None:
        anna, root = self.as_(self.anna), self.as_(self.root)
        changed = self.have(self.colleagues.change(root, self.anna.id, login="anne", active=False))
        self.assertEqual(changed, evolve(self.anna, login="anne", active=False, rev=changed.rev))
        self.assertEqual(self.lives(anna), [False])
        self.have(self.colleagues.change(root, self.anna.id, secret=NEW, active=True))
        self.assertEqual(self.log_in("anne", password=NEW).account.id, self.anna.id)
        self.refused(self.colleagues.change(root, self.anna.id), Invalid)
        self.refused(self.colleagues.change(root, self.anna.id, login="Root"), Taken)

    def test_a_user_changes_its_own_password_and_nothing_else(self) -> None:
        anna, elsewhere = self.as_(self.anna), self.as_(self.anna, "auth")
        changed = self.have(
            self.colleagues.change(anna, self.anna.id, login="anna", secret=NEW, active=True)
        )
        self.assertEqual(
            changed, evolve(self.anna, password_hash=changed.password_hash, rev=changed.rev)
        )
        self.assertEqual(self.lives(anna, elsewhere), [True, False])
        self.assertEqual(self.log_in("anna", password=NEW).account.id, self.anna.id)
        before = self.everything()
        self.assertEqual(
            self.have(self.colleagues.change(anna, self.anna.id, login="anna", active=True)),
            changed,
        )
        self.assertEqual(self.everything(), before)
        for work in (
            self.colleagues.change(anna, self.anna.id, secret=NEW, active=False),
            self.colleagues.change(anna, self.anna.id, login="Anna"),
            self.colleagues.deactivate(anna, self.anna.id),
        ):
            self.refused(work, Forbidden)

    def test_own_change_keeps_the_session_and_own_deactivation_ends_it(self) -> None:
        self.one_of(self.ours, "second", ADMIN)
        root = self.as_(self.root)
        self.have(self.colleagues.change(root, self.root.id, login="toor", secret=NEW))
        self.assertEqual(self.lives(root), [True])
        self.have(self.colleagues.change(root, self.root.id, active=False))
        self.assertEqual(self.lives(root), [False])

    def test_a_deactivation_keeps_the_record_and_ends_the_sessions(self) -> None:
        anna, root = self.as_(self.anna), self.as_(self.root)
        account = self.have(self.colleagues.deactivate(root, self.anna.id))
        self.assertEqual(account, evolve(self.anna, active=False, rev=account.rev))
        self.assertEqual(self.lives(anna), [False])
        self.have(self.colleagues.deactivate(root, self.root.id))
        self.assertEqual(self.lives(root), [False])

    def test_the_last_admin_stays(self) -> None:
        self.have(self.directory.deactivate(self.chef.id))
        root = self.as_(self.root)
        self.refused(self.colleagues.deactivate(root, self.root.id), LastAdmin)
        self.refused(self.colleagues.change(root, self.root.id, active=False), LastAdmin)

    def test_what_happens_during_the_hash_counts(self) -> None:
        """Whoever asks, and what is asked for, are looked at again when the change is made."""

        def meanwhile(account: Account, **changed: Any) -> Callable[[], object]:
            return lambda: self.have(self.directory.change(account.id, **changed))

        def create(root: Principal) -> Coroutine[Any, Any, Account]:
            return self.colleagues.create(root, "vera", NEW, True)

        def change(root: Principal) -> Coroutine[Any, Any, Account]:
            return self.colleagues.change(root, self.anna.id, secret=NEW)

        self.one_of(self.ours, "second", ADMIN)
        for start, happens, error in (
            (create, meanwhile(self.root, role=USER), NotLoggedIn),
            (change, meanwhile(self.root, role=ADMIN, active=False), NotLoggedIn),
            (change, meanwhile(self.root, active=True, company_id=self.theirs.id), NotLoggedIn),
            (change, meanwhile(self.anna, company_id=self.theirs.id), NotFound),
        ):
            self.pool.holding = False
            self.have(
                self.directory.change(
                    self.root.id, role=ADMIN, active=True, company_id=self.ours.id
                )
            )
            root = self.as_(self.root)
            self.pool.holding = True
            working = Deferred.fromCoroutine(start(root))
            self.assertNoResult(working)
            happens()
            before = self.everything()
            self.pool.release()
            self.failureResultOf(working, error)
            self.assertEqual(self.everything(), before)

    def test_an_admin_that_moves_meanwhile_creates_nobody(self) -> None:
        root = self.as_(self.root, "admin")
        self.pool.holding = True
        creating = Deferred.fromCoroutine(self.colleagues.create(root, "vera", NEW, True))
        self.have(self.admin.change_account(root, self.root.id, company_id=self.theirs.id))
        self.assertEqual(self.lives(root), [True])
        self.pool.release()
        self.failureResultOf(creating, NotLoggedIn)

    def test_who_acts_without_a_session_acts_no_longer_than_its_account(self) -> None:
        root = Principal("way", HERE, self.root)
        self.have(self.colleagues.change(root, self.anna.id, login="anne"))
        self.have(self.directory.deactivate(self.root.id))
        self.refused(self.colleagues.change(root, self.anna.id, login="anna"), NotLoggedIn)

    def test_two_admins_that_put_each_other_out_leave_one(self) -> None:
        second = self.one_of(self.ours, "second", ADMIN)
        one, two = self.as_(self.root), self.as_(second)
        self.have(self.colleagues.deactivate(one, second.id))
        self.refused(self.colleagues.deactivate(two, self.root.id), NotLoggedIn)
