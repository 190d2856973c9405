"""The operations of `way`: the accounts of one's company. Passwords leave this machine as their
SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Final

from attrs import frozen

from sockcrud.client.calls import Call, call
from sockcrud.client.errors import (
    AlreadyExists,
    BadAnswer,
    CannotSend,
    Conflict,
    Forbidden,
    InvalidRequest,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    Refused,
)
from sockcrud.client.fields import Fields
from sockcrud.client.http_answers import Answer
from sockcrud.client.http_calls import HTTPCalls, each, http_call, message_of, refused, whole


@frozen
class Colleague:
    """An account of one's company, as `way` shows it."""

    id: int
    user_name: str
    active: bool


REFUSALS: Final[Mapping[str, type[Refused]]] = {
    "Usuário ou senha estão inválidos": LoginFailed,
    "A sessão informada é inválida": NotLoggedIn,
    "Usuário sem permissão": Forbidden,
    "Usuário não encontrado": NotFound,
    "Já Existe um usuário cadastrado com este nome.": AlreadyExists,
    "Não é possível inativar o último administrador ativo": Conflict,
    "Limite de registros atingido": Conflict,
}
"""What the server's words mean: its status is the same for all. Other words are about a value that
breaks a rule.
"""

_NOBODY: Final = "0" * 64
"""The session of a client that has not logged in: the server says in its own words that there is no
such session.
"""


class WayCalls(HTTPCalls):
    """The accounts of a company. The token is the session of the URL."""

    default_port: ClassVar[int] = 50000

    @call
    def log_in(self, user: str, password: str) -> Call[Answer, None]:
        """Log in, which ends the account's session before; `LoginFailed`."""

        def keep(fields: Fields) -> None:
            self.token = fields.text("IDSessao")

        return http_call(
            self, "POST", "/api/main", whole(keep), {"User": user, "Passwd": _hash(password)}
        )

    @call
    def log_out(self) -> Call[Answer, None]:
        """End the session."""

        def forget(fields: Fields) -> None:
            self.token = None

        return http_call(self, "DELETE", f"/api/main/{self._session}", whole(forget))

    @call
    def users(self) -> Call[Answer, list[Colleague]]:
        """Return the accounts of the company."""
        return http_call(self, "GET", f"/api/usuario/{self._session}", _users)

    @call
    def user(self, id: int) -> Call[Answer, Colleague]:
        """Return the account with this id; `NotFound` where the company has none."""
        return http_call(self, "GET", f"/api/usuario/{self._session}?id={id:d}", _user)

    @call
    def create_user(self, user_name: str, password: str, active: bool = True) -> Call[Answer, None]:
        """Make an account of the company; `AlreadyExists`, `Forbidden`."""
        body = {"UserName": user_name, "PassWord": _hash(password), "Ativo": _flag(active)}
        return http_call(self, "POST", f"/api/usuario/{self._session}", _done, body)

    @call
    def update_user(
        self, id: int, *, active: bool, user_name: str | None = None, password: str | None = None
    ) -> Call[Answer, None]:
        """Change what is named of an account, and make it active or not, which the wire must be
        told each time.

        `NotFound`, `AlreadyExists`, `Forbidden`, `Conflict`.
        """
        body = {"Ativo": _flag(active)}
        if user_name is not None:
            body["UserName"] = user_name
        if password is not None:
            body["PassWord"] = _hash(password)
        return http_call(self, "PUT", f"/api/usuario/{self._session}?id={id:d}", _done, body)

    @call
    def deactivate_user(self, id: int) -> Call[Answer, None]:
        """Make an account inactive; `NotFound`, `Forbidden`, `Conflict`."""
        return http_call(self, "DELETE", f"/api/usuario/{self._session}?id={id:d}", _done)

    @property
    def _session(self) -> str:
        return _NOBODY if self.token is None else self.token

    def good(self, answer: Answer) -> Answer:
        if answer.status != 200:
            raise refused(answer, message_of(answer, "Message"))
        if not answer.body.lstrip().startswith(b"["):
            fields = Fields.decoded(answer.body)
            if fields.text("Status") != "OK":
                message = fields.text("Message")
                raise REFUSALS.get(message, InvalidRequest)(answer.status, message)
        return answer

    def _bearing(self, rev: int | None = None) -> dict[str, str]:
        return {}


def _hash(password: str) -> str:
    try:
        return sha256(password.encode()).hexdigest().upper()
    except UnicodeEncodeError:
        raise CannotSend("the password is no text that can be sent") from None


def _flag(active: bool) -> str:
    return "true" if active else "false"


# Answers


_done: Final = whole(lambda fields: None)


def _user(answer: Answer) -> Colleague:
    found = _users(answer)
    if not found:
        raise NotFound(answer.status, "Usuário não encontrado")
    return found[0]


def _colleague(fields: Fields) -> Colleague:
    id, active = fields.text("Id"), fields.text("Ativo")
    if not (id.isascii() and id.isdigit()) or active not in ("true", "false"):
        raise BadAnswer("an answer with an account whose Id or Ativo is none")
    return Colleague(int(id), fields.text("UserName"), active == "true")


_users: Final = each(_colleague)
