# mypy: allow-untyped-calls
"""A client of the way dialect, among people it may be used by."""

from __future__ import annotations

from typing import Any, Final

import orjson

from sockcrud.apps.way.dialect import WayResponder
from sockcrud.identity.passwords import digest_of
from sockcrud.identity.records import Account
from sockcrud.rest.routed import Terms
from tests.support.directory_kit import HERE
from tests.support.http_kit import Answered, HTTPClient
from tests.support.people_case import PeopleCase

HASH: Final = digest_of("correct horse")
NEW_HASH: Final = digest_of("battery staple")
NOBODYS: Final = "EB078EB1ABFC9722EBAB9BA3DD303AFD37DD1AE50A791CBA16ABEE0A727029DF"

WRONG_LOGIN: Final = "Usuário ou senha estão inválidos"
PASSWORD_FORMAT: Final = (
    "O formato de senha está incorreto, a senha deve estar sob o Hash SHA/256, com 64 caracteres."
)
BLANKS: Final = "O nome do usuário não pode conter espaços"
TAKEN: Final = "Já Existe um usuário cadastrado com este nome."
NO_PERMISSION: Final = "Usuário sem permissão"
NO_SUCH_USER: Final = "Usuário não encontrado"
LAST_ADMIN: Final = "Não é possível inativar o último administrador ativo"
INVALID_SESSION: Final = (
    b'{"Status":"ERROR","IDSessao":"","Message":"A sess\xc3\xa3o informada '
    b'\xc3\xa9 inv\xc3\xa1lida","StackTrace":""}'
)


def outcome(status: str, session: str, message: str) -> bytes:
    return orjson.dumps(
        {"Status": status, "IDSessao": session, "Message": message, "StackTrace": ""}
    )


def shown(*accounts: Account) -> list[dict[str, str]]:
    return [
        {"Id": str(a.id), "UserName": a.login, "Ativo": str(a.active).lower()} for a in accounts
    ]


class WayCase(PeopleCase):
    """A client of the way dialect, and the people it may be used by."""

    def setUp(self) -> None:
        super().setUp()
        self.client = self.a_client()

    def a_client(self, terms: Terms | None = None, **options: Any) -> HTTPClient:
        def responder(peer: str) -> WayResponder:
            return WayResponder(self.logins, self.colleagues, peer, terms)

        return HTTPClient(responder, self.clock, address=HERE, **options)

    def asks(self, method: str, target: str, body: object = None, **headers: str) -> Answered:
        """Ask; whatever is answered has what every answer here must have."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answered = self.client.asks(method, target, body, headers=named)
        self.assertEqual(answered.field("Cache-Control"), "no-store")
        self.assertEqual(answered.field("Referrer-Policy"), "no-referrer")
        return answered

    def logs_in(self, login: str, digest: str = HASH) -> str:
        answered = self.asks("POST", "/api/main", {"User": login, "Passwd": digest})
        self.assertEqual(answered.json["Status"], "OK", answered.body)
        session: str = answered.json["IDSessao"]
        return session

    def lists(self, session: str, query: str = "") -> Any:
        return self.asks("GET", f"/api/usuario/{session}{query}").json

    def is_over(self, session: str) -> bool:
        answered = self.asks("GET", f"/api/usuario/{session}")
        self.assertEqual(answered.status, 200)
        return answered.body == INVALID_SESSION

    def succeeds(self, method: str, session: str, query: str = "", body: object = None) -> None:
        answered = self.asks(method, f"/api/usuario/{session}{query}", body)
        self.assertEqual((answered.status, answered.body), (200, outcome("OK", session, "")))

    def fails(
        self, message: str, method: str, session: str, query: str = "", body: object = None
    ) -> None:
        """Expect this error, and that nothing at all has changed."""
        before = self.everything()
        answered = self.asks(method, f"/api/usuario/{session}{query}", body)
        self.assertEqual(
            (answered.status, answered.body), (200, outcome("ERROR", session, message))
        )
        self.assertEqual(self.everything(), before)
