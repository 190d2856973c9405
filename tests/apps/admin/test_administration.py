# mypy: allow-untyped-calls
"""What an admin can do with all accounts, companies and sessions, and what it sees of changes."""

from __future__ import annotations

from typing import Any

import attrs

from sockcrud.errors import Forbidden, HistoryGone, Invalid, LastAdmin, NotFound, Outdated, Taken
from sockcrud.identity.credentials import HIDDEN, Password
from sockcrud.identity.records import ADMIN, USER, Account, Company, Session
from sockcrud.records import evolve
from tests.support.people_case import ABSENT, NEW, PeopleCase


class AdministrationTests(PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        self.boss = self.as_(self.root, "admin")

    def test_accounts_of_all_companies_in_pages(self) -> None:
        first = self.have(self.admin.accounts(self.boss, 3))
        self.assertEqual([account.login for account in first.items], ["root", "anna", "chef"])
        rest = self.have(self.admin.accounts(self.boss, 3, first.next))
        self.assertEqual(([account.login for account in rest.items], rest.next), (["carl"], None))
        self.assertIsNone(self.have(self.admin.accounts(self.boss, 4)).next)
        wrong: tuple[Any, ...] = (0, -1, 1001, "5", True, None)
        for limit in wrong:
            self.refused(self.admin.accounts(self.boss, limit), Invalid)

    def test_an_account_is_created_as_it_was_named(self) -> None:
        plain = self.have(self.admin.create_account(self.boss, "dora", NEW))
        self.assertEqual((plain.role, plain.company_id, plain.active), (USER, self.ours.id, True))
        other = self.have(
            self.admin.create_account(self.boss, "emil", NEW, ADMIN, self.theirs.id, active=False)
        )
        self.assertEqual(
            (other.role, other.company_id, other.active), (ADMIN, self.theirs.id, False)
        )
        self.refused(
            self.admin.create_account(self.boss, "fritz", NEW, company_id=ABSENT), NotFound
        )
        self.refused(self.admin.create_account(self.boss, "fritz", NEW, "king"), Invalid)
        self.refused(self.admin.create_account(self.boss, "fritz", Password("x")), Invalid)

    def test_a_change_changes_what_it_names(self) -> None:
        carl, anna = self.as_(self.carl), self.as_(self.anna)
        before = self.have(self.admin.account(self.boss, self.carl.id))
        changed = self.have(
            self.admin.change_account(self.boss, self.carl.id, role=ADMIN, expect=before.rev)
        )
        self.assertEqual(changed, evolve(before, role=ADMIN, rev=changed.rev))
        self.assertEqual(self.lives(carl, anna), [False, True])
        changed = self.have(
            self.admin.change_account(
                self.boss, self.carl.id, company_id=self.ours.id, login="karl"
            )
        )
        self.assertEqual(
            (changed.company_id, changed.login, changed.role), (self.ours.id, "karl", ADMIN)
        )
        for work, error in (
            (
                self.admin.change_account(self.boss, self.carl.id, role=USER, expect=before.rev),
                Outdated,
            ),
            (self.admin.change_account(self.boss, self.carl.id), Invalid),
            (self.admin.change_account(self.boss, ABSENT, secret=NEW), NotFound),
            (self.admin.deactivate_account(self.boss, self.carl.id, before.rev), Outdated),
        ):
            self.refused(work, error)
        self.assertFalse(
            self.have(self.admin.deactivate_account(self.boss, self.carl.id, changed.rev)).active
        )

    def test_an_admin_that_resigns_keeps_its_session_and_no_power(self) -> None:
        self.have(self.admin.change_account(self.boss, self.root.id, secret=NEW, role=USER))
        self.assertEqual(self.lives(self.boss), [True])
        # Even with a principal from before.
        self.refused(self.admin.create_company(self.boss, "mine"), Forbidden)
        self.refused(self.admin.end_sessions(self.boss, self.chef.id), Forbidden)
        self.refused(self.admin.end_session(self.boss, self.boss.session_id or 0), Forbidden)

    def test_there_is_always_an_admin(self) -> None:
        self.have(self.admin.deactivate_account(self.boss, self.chef.id))
        for work in (
            self.admin.deactivate_account(self.boss, self.root.id),
            self.admin.change_account(self.boss, self.root.id, role=USER),
            self.admin.change_company(self.boss, self.ours.id, active=False),
        ):
            self.refused(work, LastAdmin)

    def test_companies(self) -> None:
        new = self.have(self.admin.create_company(self.boss, "new"))
        self.assertEqual(self.have(self.admin.companies(self.boss, 2)).next, self.theirs.id)
        self.assertEqual(self.have(self.admin.companies(self.boss, 2, self.theirs.id)).items, [new])
        self.assertEqual(self.have(self.admin.company(self.boss, new.id)), new)
        self.refused(self.admin.create_company(self.boss, "NEW"), Taken)
        carl, anna = self.as_(self.carl), self.as_(self.anna)
        renamed = self.have(
            self.admin.change_company(
                self.boss, self.theirs.id, name="others", expect=self.theirs.rev
            )
        )
        self.assertEqual((renamed.name, renamed.active), ("others", True))
        self.assertEqual(self.lives(carl, anna), [False, True])
        for active in (False, True):
            self.assertIs(
                self.have(
                    self.admin.change_company(self.boss, self.theirs.id, active=active)
                ).active,
                active,
            )
        for work, error in (
            (
                self.admin.change_company(
                    self.boss, self.theirs.id, active=True, expect=renamed.rev
                ),
                Outdated,
            ),
            (self.admin.change_company(self.boss, ABSENT, name="x"), NotFound),
            (self.admin.change_company(self.boss, new.id), Invalid),
            (self.admin.company(self.boss, ABSENT), NotFound),
        ):
            self.refused(work, error)

    def test_sessions_are_seen_without_what_opens_them_and_ended(self) -> None:
        one, two, other = self.as_(self.anna), self.as_(self.anna, "auth"), self.as_(self.carl)
        page = self.have(self.admin.sessions(self.boss, account_id=self.anna.id))
        self.assertEqual(
            [(seen.id, seen.dialect) for seen in page.items],
            [(one.session_id, "way"), (two.session_id, "auth")],
        )
        self.assertEqual(len(self.have(self.admin.sessions(self.boss)).items), 4)
        self.assertEqual(self.have(self.admin.sessions(self.boss, 1)).next, self.boss.session_id)
        for session in self.have(self.store.page(Session, 9)):
            self.assertNotIn(session.token_hash, str([attrs.asdict(seen) for seen in page.items]))
        assert one.session_id is not None
        self.have(self.admin.end_session(self.boss, one.session_id))
        self.assertEqual(self.lives(one, two), [False, True])
        self.refused(self.admin.end_session(self.boss, one.session_id), NotFound)
        self.assertEqual(self.have(self.admin.end_sessions(self.boss, self.anna.id)), 1)
        self.assertEqual(self.lives(two, other), [False, True])
        self.refused(self.admin.end_sessions(self.boss, ABSENT), NotFound)

    def test_changes_hide_password_hashes(self) -> None:
        since = self.store.rev
        self.have(self.admin.change_account(self.boss, self.carl.id, secret=NEW))
        self.have(self.admin.create_company(self.boss, "new"))
        changes = self.have(self.admin.changes(self.boss, since))
        self.assertEqual([change.kind for change in changes], [Account, Company])
        self.assertEqual(
            changes[0].record, evolve(self.account(self.carl.id), password_hash=HIDDEN)
        )
        self.assertEqual(self.have(self.admin.changes(self.boss, since, 1)), changes[:1])
        self.assertEqual(self.have(self.admin.changes(self.boss, changes[0].rev)), changes[1:])
        self.refused(self.admin.changes(self.boss, 10_000), HistoryGone)
        wrong: tuple[Any, ...] = ("0", None, True, 0.0)
        for since in wrong:
            self.refused(self.admin.changes(self.boss, since), Invalid)
