# mypy: allow-untyped-calls
"""The directory: accounts, companies, and the sessions their changes end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from sockcrud.errors import Busy, Forbidden, Invalid, NotFound, NotLoggedIn, Outdated, Taken
from sockcrud.identity.accounts import Directory
from sockcrud.identity.passwords import Passwords
from sockcrud.identity.records import ADMIN, USER, Account, Company, Session
from sockcrud.records import evolve
from sockcrud.storage.contract import ITransaction
from tests.support.directory_kit import CHEAP, HERE, RIGHT, WRONG, DirectoryCase


class CreateTests(DirectoryCase):
    def test_makes_a_user_of_the_default_company_who_can_log_in(self) -> None:
        ann = self.have(self.directory.create("Ann", RIGHT.lower()))
        company = self.have(self.store.get(Company, ann.company_id))
        self.assertEqual((ann.login, ann.role, ann.active), ("Ann", USER, True))
        self.assertEqual((company.name, company.active), ("default", True))
        self.assertEqual(self.have(self.directory.authenticate("Ann", RIGHT, HERE)), ann)

    def test_all_can_be_said(self) -> None:
        company = self.have(self.directory.create_company("Offices"))
        ann = self.have(
            self.directory.create(
                "ann@example.org", RIGHT, role=ADMIN, company_id=company.id, active=False
            )
        )
        self.assertEqual((ann.role, ann.company_id, ann.active), (ADMIN, company.id, False))
        self.assertEqual(self.have(self.store.page(Company, 9)), [company])

    def test_the_default_company_is_made_once_and_can_have_another_name(self) -> None:
        first = self.have(self.directory.default_company())
        self.assertEqual(self.have(self.directory.default_company()), first)
        self.assertEqual(self.have(self.directory.create("Ann", RIGHT)).company_id, first.id)
        other = Directory(
            self.store, Passwords(self.pool, CHEAP), self.clock, default_company="Guests"
        )
        self.assertEqual(self.have(other.default_company()).name, "Guests")

    def test_a_name_that_is_taken_in_any_case_is_refused_before_the_hash(self) -> None:
        self.have(self.directory.create("Ann", RIGHT))
        self.pool.works = 0
        self.refused(self.directory.create("aNN", RIGHT), Taken)
        self.assertEqual(self.pool.works, 0)

    def test_of_two_at_once_with_one_name_one_is_refused(self) -> None:
        self.pool.holding = True
        both = [
            Deferred.fromCoroutine(self.directory.create(name, RIGHT)) for name in ("Ann", "ANN")
        ]
        self.pool.release()
        self.successResultOf(both[0])
        self.failureResultOf(both[1], Taken)

    def test_what_breaks_a_rule_is_refused_before_the_hash(self) -> None:
        wrong: list[tuple[str, dict[str, Any]]] = [
            *(
                ("login", {"login": login})
                for login in ("", "a", "two words", "a:b", "a,b", "nul\x00", "x" * 255)
            ),
            ("role", {"role": "root"}),
            ("active", {"active": "true"}),
            ("company_id", {"company_id": True}),
            ("password", {"digest": "correct horse"}),
        ]
        for field, values in wrong:
            error = self.refused(
                self.directory.create(**{"login": "Ann", "digest": RIGHT, **values}), Invalid
            )
            assert isinstance(error, Invalid)
            self.assertEqual(error.field, field)
        self.assertEqual(self.pool.works, 0)

    def test_a_company_that_does_not_exist_is_not_found(self) -> None:
        self.refused(self.directory.create("Ann", RIGHT, company_id=77), NotFound)

    def test_a_full_pool_is_busy(self) -> None:
        self.pool.room = 0
        self.refused(self.directory.create("Ann", RIGHT), Busy)

    def test_the_password_is_in_no_repr(self) -> None:
        ann = self.have(self.directory.create("Ann", RIGHT))
        self.assertNotIn("$argon2", repr(ann) + repr(self.have(self.store.changes(0, 99))))
        self.assertTrue(ann.password_hash.startswith("$argon2id$"))


class ChangeTests(DirectoryCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.an_admin()
        self.ann = self.have(self.directory.create("Ann", RIGHT))
        self.offices = self.have(self.directory.create_company("Offices"))

    def every_change(self) -> list[dict[str, Any]]:
        return [
            {"login": "Bea"},
            {"digest": WRONG},
            {"role": ADMIN},
            {"company_id": self.offices.id},
            {"active": True},
            {"active": False},
        ]

    def test_writes_only_what_is_named(self) -> None:
        for change in self.every_change():
            before = self.account(self.ann.id)
            after = self.have(self.directory.change(self.ann.id, **change))
            if "digest" in change:
                change = {"password_hash": after.password_hash}
            self.assertEqual(after, evolve(before, rev=after.rev, **change))
            self.assertGreater(after.rev, before.rev)
        self.have(self.directory.change(self.ann.id, active=True))
        self.assertEqual(self.have(self.directory.authenticate("bea", WRONG, HERE)).id, self.ann.id)

    def test_nothing_named_is_invalid(self) -> None:
        self.refused(self.directory.change(self.ann.id), Invalid)
        self.refused(self.directory.change(self.ann.id, expect=self.ann.rev), Invalid)

    def test_what_cannot_be_is_refused(self) -> None:
        self.refused(self.directory.change(77, active=True), NotFound)
        self.refused(self.directory.change(self.ann.id, company_id=77), NotFound)
        self.refused(self.directory.change(self.ann.id, login="ROOT"), Taken)
        self.refused(self.directory.change(self.ann.id, role="boss"), Invalid)
        self.refused(
            self.directory.change(self.ann.id, login="Bea", expect=self.ann.rev - 1), Outdated
        )
        self.pool.works = 0
        self.refused(self.directory.change(77, digest=WRONG), NotFound)
        self.refused(self.directory.change(self.ann.id, digest="no digest"), Invalid)
        self.assertEqual(self.pool.works, 0)

    def test_the_revision_expected_is_the_one_after_the_hashing(self) -> None:
        self.pool.holding = True
        changing = Deferred.fromCoroutine(
            self.directory.change(self.ann.id, digest=WRONG, expect=self.ann.rev)
        )
        self.have(self.directory.change(self.ann.id, login="Bea"))
        self.pool.release()
        self.failureResultOf(changing, Outdated)

    def test_a_new_password_undoes_nothing_that_changed_during_its_hashing(self) -> None:
        self.pool.holding = True
        changing = Deferred.fromCoroutine(self.directory.change(self.ann.id, digest=WRONG))
        self.have(self.directory.change(self.ann.id, login="Bea", active=False))
        self.pool.release()
        self.successResultOf(changing)
        after = self.account(self.ann.id)
        self.assertEqual((after.login, after.active), ("Bea", False))

    def test_ends_the_sessions_at_all_dialects_and_nobody_elses(self) -> None:
        for change in self.every_change():
            self.have(
                self.directory.change(self.ann.id, active=True, company_id=self.root.company_id)
            )
            token, _ = self.have(self.sessions.start(self.account(self.ann.id), "way", HERE))
            mine, roots = (
                [self.a_session(self.ann, dialect) for dialect in ("way", "admin")],
                self.a_session(self.root),
            )
            self.have(self.directory.change(self.ann.id, **change))
            self.assertEqual(self.living(*mine, roots), [False, False, True], change)
            self.failureResultOf(
                Deferred.fromCoroutine(self.sessions.resume(token, "way")), NotLoggedIn
            )

    def test_keeps_the_accounts_own_session(self) -> None:
        for change in self.every_change()[:-1]:
            own, other = self.a_session(self.ann), self.a_session(self.ann)
            self.have(self.directory.change(self.ann.id, own_session=own.id, **change))
            self.assertEqual(self.living(own, other), [True, False], change)

    def test_own_deactivation_ends_that_too(self) -> None:
        own = self.a_session(self.ann)
        self.have(self.directory.change(self.ann.id, own_session=own.id, active=False))
        self.have(self.directory.change(self.ann.id, own_session=own.id, active=True))
        self.assertEqual(self.living(own), [False])

    def test_the_session_of_another_keeps_none(self) -> None:
        anns, roots = self.a_session(self.ann), self.a_session(self.root)
        self.have(self.directory.change(self.ann.id, own_session=roots.id, login="Bea"))
        self.assertEqual(self.living(anns, roots), [False, True])

    def test_a_refused_change_ends_no_session(self) -> None:
        session = self.a_session(self.ann)
        self.refused(self.directory.change(self.ann.id, login="root"), Taken)
        self.refused(self.directory.change(self.ann.id, active=False, expect=1), Outdated)
        self.assertEqual(self.living(session), [True])

    def test_a_thousand_sessions_end_together(self) -> None:
        sessions = [self.a_session(self.ann) for _ in range(1000)]
        self.have(self.directory.change(self.ann.id, own_session=sessions[500].id, login="Bea"))
        self.assertEqual(self.have(self.store.page(Session, 9)), [sessions[500]])

    def test_deactivated_is_out(self) -> None:
        session = self.a_session(self.ann)
        self.assertFalse(self.have(self.directory.deactivate(self.ann.id)).active)
        self.assertEqual(self.living(session), [False])

    def test_who_may_is_asked_as_things_stand_in_the_transaction(self) -> None:
        async def permit(transaction: ITransaction) -> None:
            if not (await transaction.get(Account, self.root.id)).active:
                raise Forbidden

        second = self.an_admin("second")
        self.have(self.directory.change(self.ann.id, login="Bea", permit=permit))
        self.pool.holding = True
        changing = Deferred.fromCoroutine(
            self.directory.change(self.ann.id, digest=WRONG, permit=permit)
        )
        creating = Deferred.fromCoroutine(self.directory.create("Cid", RIGHT, permit=permit))
        self.have(self.directory.deactivate(self.root.id))
        before = self.everything()
        self.pool.release()
        self.failureResultOf(changing, Forbidden)
        self.failureResultOf(creating, Forbidden)
        self.assertEqual(self.everything(), before)
        self.refused(self.directory.deactivate(second.id, permit=permit), Forbidden)
        self.refused(self.directory.create_company("New", permit=permit), Forbidden)
        self.refused(
            self.directory.change_company(self.offices.id, name="Old", permit=permit), Forbidden
        )


class CompanyTests(DirectoryCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.an_admin()
        self.offices = self.have(self.directory.create_company("Offices"))
        self.ann = self.have(self.directory.create("Ann", RIGHT, company_id=self.offices.id))

    def test_a_name_is_unique_whatever_its_case(self) -> None:
        self.refused(self.directory.create_company("OFFICES"), Taken)
        self.refused(self.directory.change_company(self.offices.id, name="Default"), Taken)
        self.refused(self.directory.create_company(""), Invalid)

    def test_any_change_ends_the_sessions_of_its_accounts_and_no_others(self) -> None:
        changes: list[dict[str, Any]] = [{"name": "Works"}, {"active": True}]
        for change in changes:
            sessions = [
                self.a_session(self.ann, "way"),
                self.a_session(self.ann, "admin"),
                self.a_session(self.root),
            ]
            after = self.have(self.directory.change_company(self.offices.id, **change))
            self.assertEqual({name: getattr(after, name) for name in change}, change)
            self.assertEqual(self.living(*sessions), [False, False, True], change)
        self.assertEqual((after.name, after.active), ("Works", True))

    def test_sessions_of_a_company_that_was_inactive_for_a_while_do_not_come_back(self) -> None:
        session = self.a_session(self.ann)
        self.have(self.directory.change_company(self.offices.id, active=False))
        self.have(self.directory.change_company(self.offices.id, active=True))
        self.assertEqual(self.living(session), [False])

    def test_sessions_of_hundreds_of_accounts_end_together_with_one_change(self) -> None:
        accounts = [
            self.have(self.directory.create(f"user{n}", RIGHT, company_id=self.offices.id))
            for n in range(450)
        ]
        sessions = [self.a_session(account) for account in accounts]
        before = self.store.rev
        self.have(self.directory.change_company(self.offices.id, name="Works"))
        self.assertEqual(self.store.rev, before + 1)
        self.assertEqual(self.living(*sessions), [False] * 450)

    def test_a_refused_change_ends_no_session(self) -> None:
        session = self.a_session(self.ann)
        self.refused(self.directory.change_company(self.offices.id, name="default"), Taken)
        self.refused(
            self.directory.change_company(self.offices.id, active=False, expect=1), Outdated
        )
        self.refused(self.directory.change_company(self.offices.id), Invalid)
        self.refused(self.directory.change_company(77, active=True), NotFound)
        self.assertEqual(self.living(session), [True])
