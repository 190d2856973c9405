# mypy: allow-untyped-calls
"""The admin that is always there, from the first on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from sockcrud.errors import Invalid, LastAdmin
from sockcrud.identity.accounts import ACTIVE_ADMIN, active_admin
from sockcrud.identity.records import ADMIN, USER, Account
from tests.support.directory_kit import HERE, RIGHT, WRONG, DirectoryCase


class LastAdminTests(DirectoryCase):
    """At any moment there is an active admin in an active company."""

    def setUp(self) -> None:
        super().setUp()
        self.root = self.an_admin()
        self.closed = self.have(self.directory.create_company("Closed", active=False))
        self.session = self.a_session(self.root)

    def doors(self, account: Account) -> list[Callable[[], Coroutine[Any, Any, object]]]:
        change = self.directory.change
        return [
            lambda: change(account.id, role=USER),
            lambda: change(account.id, active=False),
            lambda: self.directory.deactivate(account.id),
            lambda: change(account.id, company_id=self.closed.id),
            lambda: change(account.id, login="other", digest=WRONG, role=USER, active=True),
            lambda: self.directory.change_company(account.company_id, active=False),
            lambda: self.directory.change_company(
                account.company_id, name="Elsewhere", active=False
            ),
        ]

    def assert_every_door_is_closed(self) -> None:
        for door in self.doors(self.root):
            self.refused(door(), LastAdmin)
        self.assertEqual(self.living(self.session), [True])

    def test_stays_whatever_the_door(self) -> None:
        self.assert_every_door_is_closed()

    def test_others_that_are_no_active_admins_do_not_count(self) -> None:
        self.have(self.directory.create("user", RIGHT))
        self.have(self.directory.create("idle", RIGHT, role=ADMIN, active=False))
        self.have(self.directory.create("shut", RIGHT, role=ADMIN, company_id=self.closed.id))
        self.assert_every_door_is_closed()

    def test_with_another_each_door_opens(self) -> None:
        offices = self.have(self.directory.create_company("Offices"))
        self.have(self.directory.create("second", RIGHT, role=ADMIN, company_id=offices.id))
        for number in range(len(self.doors(self.root))):
            company = self.have(self.directory.create_company(f"Company {number}"))
            third = self.have(
                self.directory.create(f"third{number}", RIGHT, role=ADMIN, company_id=company.id)
            )
            self.have(self.doors(third)[number]())
            self.have(self.directory.change(third.id, login=f"gone{number}"))

    def test_the_other_may_come_after_hundreds_that_do_not_count(self) -> None:
        for number in range(450):
            self.have(self.directory.create(f"idle{number}", RIGHT, role=ADMIN, active=False))
        self.assert_every_door_is_closed()
        second = self.an_admin("second")
        self.have(self.directory.deactivate(self.root.id))
        self.assertEqual(self.have(active_admin(self.store)), second)

    def test_changes_that_take_no_admin_away_are_free(self) -> None:
        offices = self.have(self.directory.create_company("Offices"))
        user = self.have(self.directory.create("user", RIGHT))
        self.have(self.directory.change(user.id, role=USER, active=False, company_id=offices.id))
        self.have(self.directory.change_company(offices.id, active=False))
        self.have(
            self.directory.change_company(self.root.company_id, name="Elsewhere", active=True)
        )
        self.have(
            self.directory.change(self.root.id, login="boss", digest=WRONG, role=ADMIN, active=True)
        )

    def test_may_move_to_another_active_company(self) -> None:
        offices = self.have(self.directory.create_company("Offices"))
        self.have(self.directory.change(self.root.id, company_id=offices.id))
        self.have(self.directory.change_company(self.root.company_id, active=False))
        self.refused(self.directory.change_company(offices.id, active=False), LastAdmin)

    def test_two_that_remove_each_other_at_once_do_not_both_succeed(self) -> None:
        second = self.an_admin("second")
        removals: list[dict[str, Any]] = [
            {"active": False},
            {"role": USER},
            {"company_id": self.closed.id},
        ]
        for removal in removals:
            self.pool.holding = True
            removing = [
                Deferred.fromCoroutine(self.directory.change(account.id, digest=WRONG, **removal))
                for account in (self.root, second)
            ]
            for each in removing:
                self.assertNoResult(each)
            self.pool.release()
            removed = self.successResultOf(removing[0])
            self.failureResultOf(removing[1], LastAdmin)
            restored: dict[str, Any] = {
                "active": True,
                "role": ADMIN,
                "company_id": second.company_id,
            }
            self.have(self.directory.change(removed.id, **restored))

    def test_on_any_store_whoever_may_take_one_away_is_alone_before_it_looks(self) -> None:
        self.an_admin("second")
        for door in self.doors(self.root):
            self.have(self.directory.change(self.root.id, role=ADMIN, active=True))
            going = Deferred.fromCoroutine(door()).addErrback(
                lambda failure: failure.trap(LastAdmin)
            )
            self.assertEqual(self.store.asked[0], f"lock {ACTIVE_ADMIN}")
            self.successResultOf(going)


class FirstAdminTests(DirectoryCase):
    def test_is_made_once(self) -> None:
        self.assertFalse(self.have(self.directory.has_active_admin()))
        root = self.have(self.directory.ensure_admin("root", RIGHT))
        assert root is not None
        self.assertEqual((root.role, root.active), (ADMIN, True))
        self.assertEqual(root.company_id, self.have(self.directory.default_company()).id)
        self.assertEqual(self.have(self.directory.authenticate("root", RIGHT, HERE)), root)
        self.pool.works = 0
        before = self.everything()
        self.assertIsNone(self.have(self.directory.ensure_admin("other", WRONG)))
        self.assertEqual((self.everything(), self.pool.works), (before, 0))
        self.assertTrue(self.have(self.directory.has_active_admin()))

    def test_two_nodes_that_start_at_once_make_one(self) -> None:
        self.pool.holding = True
        both = [
            Deferred.fromCoroutine(self.directory.ensure_admin(login, RIGHT))
            for login in ("one", "two")
        ]
        self.pool.release()
        self.assertIsNotNone(self.successResultOf(both[0]))
        self.assertIsNone(self.successResultOf(both[1]))
        self.assertEqual(self.have(self.store.count(Account)), 1)

    def test_takes_over_the_account_of_that_name_where_no_admin_is_left(self) -> None:
        company = self.have(self.directory.create_company("default", active=False))
        user = self.have(self.directory.create("Root", WRONG, active=False))
        root = self.have(self.directory.ensure_admin("root", RIGHT))
        assert root is not None
        self.assertEqual((root.id, root.role, root.company_id), (user.id, ADMIN, company.id))
        self.assertEqual(self.have(self.directory.authenticate("root", RIGHT, HERE)), root)

    def test_what_breaks_a_rule_is_refused(self) -> None:
        self.refused(self.directory.ensure_admin("r", RIGHT), Invalid)
        self.refused(self.directory.ensure_admin("root", "secret"), Invalid)
