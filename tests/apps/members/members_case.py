# mypy: allow-untyped-calls
"""A client of the members dialect, among people it may be used by."""

from __future__ import annotations

from typing import Any, Final

import orjson

from sockcrud.apps.members.dialect import MembersResponder, State
from sockcrud.identity.records import ADMIN, USER, Account
from sockcrud.rest.routed import Terms
from tests.support.directory_kit import HERE
from tests.support.http_kit import Answered, HTTPClient, answers
from tests.support.people_case import PeopleCase

RIGHT: Final = "correct horse"
NOBODYS: Final = "EB078EB1ABFC9722EBAB9BA3DD303AFD37DD1AE50A791CBA16ABEE0A727029DF"


def shown(*accounts: Account) -> dict[str, Any]:
    numbers = {ADMIN: 1, USER: 2}
    return {
        "users": [
            {
                "id": a.id,
                "email": a.login,
                "role": numbers[a.role],
                "role_name": a.role,
                "active": a.active,
            }
            for a in accounts
        ]
    }


class MembersCase(PeopleCase):
    """A client of the members dialect, and the people it may be used by."""

    def setUp(self) -> None:
        super().setUp()
        self.uptime, self.open_connections = 0.0, 1
        self.client = self.a_client()

    def a_client(
        self, terms: Terms | None = None, *, closed: bool = False, **options: Any
    ) -> HTTPClient:
        state = State(lambda: self.uptime, lambda: self.open_connections)
        logins = self.closed if closed else self.logins

        def responder(peer: str) -> MembersResponder:
            return MembersResponder(logins, self.members, state, peer, terms)

        return HTTPClient(responder, self.clock, address=HERE, **options)

    def asks(
        self,
        method: str,
        body: object = None,
        *,
        target: str = "/",
        token: str | None = None,
        **headers: str,
    ) -> Answered:
        """Ask as those do who send `Host`; whatever is answered is nobody else's to keep."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answered = self.client.asks(method, target, body, token=token, headers=named)
        self.assertEqual(answered.field("Cache-Control"), "no-store")
        return answered

    def logs_in(self, email: str, password: str = RIGHT) -> str:
        answered = self.asks("POST", {"email": email, "password": password})
        self.assertEqual(answered.status, 200, answered.body)
        token: str = answered.json["token"]
        return token

    def asks_loosely(self, data: bytes, seconds: float = 0.0) -> Answered:
        """Send these bytes as they are, and return the answer that is there after this time."""
        self.client.says(data)
        self.clock.advance(seconds)
        (answered,) = answers(self.client.hears(), (data[: data.index(b" ")].decode(),))
        return answered

    def refuses(self, status: int, message: str, answered: Answered) -> None:
        self.assertEqual(
            (answered.status, answered.body), (status, orjson.dumps({"message": message}))
        )

    def made(self, login: str) -> Account:
        account = self.have(self.store.find(Account, "login", login))
        assert account is not None
        return account
