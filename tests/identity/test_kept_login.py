"""The login that a connection keeps: it is looked up once, as long as nothing has changed."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from sockcrud.access import Principal
from sockcrud.identity.directory import KeptLogin
from sockcrud.identity.records import ADMIN, Account
from sockcrud.identity.sessions import Sessions
from sockcrud.storage.contract import IStore
from sockcrud.storage.memory.store import MemoryStore
from tests.support.people_case import PeopleCase


@implementer(IStore)
class Elsewhere:
    """A store that says nothing of having its records at hand, as that in PostgreSQL does not."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class KeptLoginTests(PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        self.token = self.log_in("anna", "auth").token
        self.login = KeptLogin(self.logins, self.nobody("shop"), "auth")

    def test_a_token_is_not_looked_up_again_and_counts_as_resumed_all_the_same(self) -> None:
        self.assertIsNone(self.login.again(self.token))
        principal = self.have(self.login.resume(self.token))
        self.store.find = None  # type: ignore[assignment]
        self.assertEqual([self.login.again(self.token) for _ in range(3)], [principal] * 3)
        self.assertEqual(self.tally.counts["shop", "sessions.resume", "ok"], 4)

    def test_another_role_counts_at_the_very_next_request(self) -> None:
        self.have(self.login.resume(self.token))
        self.have(self.store.update(Account, self.anna.id, role=ADMIN))
        self.assertIsNone(self.login.again(self.token))
        principal: Any = self.have(self.login.resume(self.token))
        self.assertEqual(principal.account.role, ADMIN)
        self.assertEqual(self.login.again(self.token), principal)

    def test_what_gets_in_the_way_of_operations_gets_in_the_way_of_each_resume(self) -> None:
        asked: list[str] = []

        def interfere(operation: str, principal: Principal) -> None:
            asked.append(operation)

        self.have(self.login.resume(self.token))
        self.logins.access.interference = interfere
        self.assertIsNone(self.login.again(self.token))
        self.have(self.login.resume(self.token))
        self.assertEqual(asked, ["sessions.resume"])

    def test_what_another_node_can_end_is_asked_for_each_time(self) -> None:
        self.logins.sessions = Sessions(Elsewhere(self.store), self.clock)
        self.have(self.login.resume(self.token))
        self.assertIsNone(self.login.again(self.token))
