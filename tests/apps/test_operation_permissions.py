# mypy: allow-untyped-calls
"""Who is let through to which operation, and that an open door leads to nobody else's account."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterator
from types import ModuleType
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sockcrud.access import Access, Principal
from sockcrud.apps.admin import service as administration
from sockcrud.apps.members import service as members
from sockcrud.apps.shop.service import clients, inventory, products
from sockcrud.apps.way import service as colleagues
from sockcrud.errors import Forbidden, LoginFailed, NotLoggedIn, Taken
from sockcrud.identity import directory
from sockcrud.identity.records import ADMIN, Account
from tests.support.people_case import NEW, SECRET, PeopleCase

OK: Final = "ok"
NOT_LOGGED_IN: Final = NotLoggedIn.outcome
FORBIDDEN: Final = Forbidden.outcome

ANYONE: Final = (OK, OK, OK)
LOGGED_IN: Final = (NOT_LOGGED_IN, OK, OK)
ADMINS: Final = (NOT_LOGGED_IN, FORBIDDEN, OK)

SHOP: Final = {
    "clients": ("list", "get", "exists", "create", "update", "delete"),
    "addresses": ("list", "create", "update", "delete"),
    "products": ("list", "get", "exists", "create", "update", "delete"),
    "inventory": ("list", "add", "remove", "remove_many"),
}
EXPECTED: Final = {
    **{f"{kind}.{verb}": LOGGED_IN for kind, verbs in SHOP.items() for verb in verbs},
    "accounts.sign_up": ANYONE,
    "accounts.authenticate": ANYONE,
    "accounts.confirm": LOGGED_IN,
    "sessions.log_in": ANYONE,
    "sessions.resume": ANYONE,
    "sessions.log_out": LOGGED_IN,
    "accounts.own": LOGGED_IN,
    "members.list": LOGGED_IN,
    "colleagues.list": LOGGED_IN,
    "colleagues.create": ADMINS,
    "colleagues.change": LOGGED_IN,
    "colleagues.deactivate": ADMINS,
    "administration.enter": ADMINS,
    "accounts.list": ADMINS,
    "accounts.get": ADMINS,
    "accounts.create": ADMINS,
    "accounts.change": ADMINS,
    "accounts.deactivate": ADMINS,
    "companies.list": ADMINS,
    "companies.get": ADMINS,
    "companies.create": ADMINS,
    "companies.change": ADMINS,
    "sessions.list": ADMINS,
    "sessions.end": ADMINS,
    "sessions.end_all": ADMINS,
    "changes.list": ADMINS,
    "ledger.list": ADMINS,
}
"""What happens to nobody, to a user, and to an admin. Kept by hand: it is what somebody has thought
about.
"""


def operations_of(module: ModuleType) -> Iterator[Callable[..., Coroutine[Any, Any, object]]]:
    """Find what the classes with `access` offer."""
    for kind in vars(module).values():
        if (
            inspect.isclass(kind)
            and kind.__module__ == module.__name__
            and "access" in kind.__annotations__
        ):
            for name, method in vars(kind).items():
                if inspect.iscoroutinefunction(method) and not name.startswith("_"):
                    yield method


@attrs.frozen
class OnlyAccess:
    """Has operations, and nothing that they work with: who is let through crashes, which is as good
    as ok here.
    """

    access: Access


class PermissionTests(PeopleCase):
    def outcome(
        self, method: Callable[..., Coroutine[Any, Any, object]], principal: Principal
    ) -> tuple[str, str]:
        """Return the operation's name and whether the principal was let through."""
        passed: list[tuple[str, str]] = []
        access = Access(
            Clock(), [lambda name, principal, seconds, outcome: passed.append((name, outcome))]
        )
        Deferred.fromCoroutine(method(OnlyAccess(access), principal)).addErrback(lambda _: None)
        self.flushLoggedErrors()
        self.assertEqual(len(passed), 1, f"{method.__qualname__} is not an operation")
        name, outcome = passed[0]
        return name, OK if outcome == "crashed" else outcome

    def test_every_operation_lets_through_whom_it_should(self) -> None:
        principals = (self.nobody(), self.as_(self.anna), self.as_(self.root))
        found: dict[str, tuple[str, ...]] = {}
        for module in (
            clients,
            products,
            inventory,
            directory,
            members,
            colleagues,
            administration,
        ):
            for method in operations_of(module):
                outcomes = [self.outcome(method, principal) for principal in principals]
                name = outcomes[0][0]
                self.assertNotIn(name, found, "two operations of one name")
                found[name] = tuple(outcome for _, outcome in outcomes)
        self.assertEqual(found, EXPECTED)


class OpenDoorTests(PeopleCase):
    """Who signs up through an open door can change nobody."""

    TRIED_ELSEWHERE: Final = frozenset(
        (
            "accounts.sign_up",
            "accounts.authenticate",
            "accounts.confirm",
            "sessions.log_in",
            "sessions.resume",
            "sessions.log_out",
        )
    )
    """What everybody may, and the tests above show to touch nobody else."""

    READS: Final = frozenset(("accounts.own", "members.list", "colleagues.list"))

    def attacks(self, vera: Principal, victim: Account) -> Iterator[Coroutine[Any, Any, object]]:
        assert vera.account is not None
        session_id = self.as_(victim).session_id
        assert session_id is not None
        yield self.colleagues.create(vera, "mallory", NEW, True)
        yield self.colleagues.change(vera, victim.id, secret=NEW)
        yield self.colleagues.change(vera, victim.id, login=victim.login, secret=NEW, active=True)
        yield self.colleagues.change(vera, victim.id, login="mallory")
        yield self.colleagues.change(vera, victim.id, active=False)
        yield self.colleagues.change(vera, victim.id)
        yield self.colleagues.change(vera, vera.account.id, login=victim.login)
        yield self.colleagues.deactivate(vera, victim.id)
        yield self.admin.enter(vera)
        yield self.admin.accounts(vera)
        yield self.admin.account(vera, victim.id)
        yield self.admin.create_account(vera, "mallory", NEW, ADMIN)
        yield self.admin.change_account(vera, victim.id, secret=NEW)
        yield self.admin.change_account(vera, vera.account.id, role=ADMIN)
        yield self.admin.change_account(vera, vera.account.id, company_id=victim.company_id)
        yield self.admin.deactivate_account(vera, victim.id)
        yield self.admin.companies(vera)
        yield self.admin.company(vera, victim.company_id)
        yield self.admin.create_company(vera, "mine")
        yield self.admin.change_company(vera, victim.company_id, active=False)
        yield self.admin.sessions(vera)
        yield self.admin.end_session(vera, session_id)
        yield self.admin.end_sessions(vera, victim.id)
        yield self.admin.changes(vera, 0)
        yield self.admin.usage(vera)

    def test_every_operation_on_others_is_forbidden(self) -> None:
        self.have(self.logins.sign_up(self.nobody("members"), "vera", SECRET))
        vera = self.have(self.logins.resume(self.nobody(), "way", self.log_in("vera").token))
        self.tally.counts.clear()
        for victim in (self.anna, self.root, self.carl, self.chef):
            for attack in self.attacks(vera, victim):
                self.refused(attack, Forbidden)
        tried = {name for _, name, outcome in self.tally.counts if outcome == FORBIDDEN}
        shop = {name for name in EXPECTED if name.split(".")[0] in SHOP}
        self.assertEqual(tried, EXPECTED.keys() - shop - self.TRIED_ELSEWHERE - self.READS)

    def test_what_everybody_may_touches_nobody_else(self) -> None:
        vera = self.have(self.logins.sign_up(self.nobody("members"), "vera", SECRET))
        principal = self.as_(vera)
        others = [self.as_(account) for account in (self.anna, self.root, self.carl, self.chef)]
        accounts = [other.account for other in others]
        self.refused(self.logins.sign_up(principal, "ROOT", NEW), Taken)
        for login in ("root", "anna"):
            work = self.logins.log_in(principal, "way", login, NEW, exclusive=True)
            self.failureResultOf(Deferred.fromCoroutine(work), LoginFailed)
            self.failureResultOf(
                Deferred.fromCoroutine(self.logins.authenticate(principal, login, NEW)), LoginFailed
            )
        self.assertEqual(
            self.have(self.logins.authenticate(principal, "vera", SECRET)).account, vera
        )
        self.assertEqual(self.have(self.logins.confirm(principal)), principal)
        self.refused(self.logins.confirm(self.nobody()), NotLoggedIn)
        self.log_in("vera", exclusive=True)
        self.have(self.logins.log_out(principal))
        self.assertTrue(all(self.lives(*others)))
        self.assertEqual([self.account(account.id) for account in accounts if account], accounts)
