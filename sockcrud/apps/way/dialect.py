"""The accounts of a company, over HTTP, with the session in the URL: docs/protocols/way.md.

Nearly everything is answered with status 200: whether it went well is the `Status` in the body, as
its clients expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from attrs import evolve

from sockcrud.access import Principal
from sockcrud.apps.way.service import Colleagues
from sockcrud.errors import (
    Busy,
    DomainError,
    Forbidden,
    Invalid,
    LastAdmin,
    LoginDelayed,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    QuotaExceeded,
    Taken,
    Unavailable,
)
from sockcrud.identity.credentials import Digest
from sockcrud.identity.directory import Logins
from sockcrud.identity.records import Account
from sockcrud.protocols.http.connection import HTTPFactory, Request, Response
from sockcrud.rest.errors import SOON
from sockcrud.rest.fields import whole
from sockcrud.rest.lists import each, list_response
from sockcrud.rest.openapi import Part
from sockcrud.rest.routed import NO_STORE, Call, RoutedResponder, Terms, json_response
from sockcrud.rest.routes import Found, Route, Schema, route
from sockcrud.rest.schemas import ID, SECRET, exactly, field_of
from sockcrud.serving import Serving

DIALECT: Final = "way"

LOGGED_IN: Final = "Login Realizado com sucesso"
LOGGED_OUT: Final = "Logout realizado com sucesso"
WRONG_LOGIN: Final = "Usuário ou senha estão inválidos"
INVALID_SESSION: Final = "A sessão informada é inválida"
PASSWORD_FORMAT: Final = (
    "O formato de senha está incorreto, a senha deve estar sob o Hash SHA/256, com 64 caracteres."
)
NAME_HAS_BLANKS: Final = "O nome do usuário não pode conter espaços"
NAME_TAKEN: Final = "Já Existe um usuário cadastrado com este nome."
NAME_INVALID: Final = "O nome do usuário é inválido"
ACTIVE_INVALID: Final = 'O campo Ativo deve ser "true" ou "false"'
NO_PERMISSION: Final = "Usuário sem permissão"
NO_SUCH_USER: Final = "Usuário não encontrado"
LAST_ADMIN: Final = "Não é possível inativar o último administrador ativo"
QUOTA_EXCEEDED: Final = "Limite de registros atingido"
BAD_REQUEST: Final = "Requisição inválida"
INTERNAL_ERROR: Final = "Erro interno do servidor"
UNAVAILABLE: Final = "Serviço indisponível, tente novamente"

_OF_HTTP: Final = {
    403: "Páginas desta origem não podem alterar nada aqui",
    404: "Caminho não encontrado",
    405: "Método não permitido",
    408: "A requisição demorou demais",
    413: "O corpo da requisição é grande demais",
    414: "O endereço é longo demais",
    415: "O corpo da requisição deve ser application/json",
    421: "Este servidor não atende por este nome",
    431: "O cabeçalho da requisição é grande demais",
    500: INTERNAL_ERROR,
    503: UNAVAILABLE,
}
_ERRORS: Final[dict[type[DomainError], tuple[int, str]]] = {
    NotLoggedIn: (200, INVALID_SESSION),
    LoginFailed: (200, WRONG_LOGIN),
    LoginDelayed: (200, WRONG_LOGIN),
    Forbidden: (200, NO_PERMISSION),
    NotFound: (200, NO_SUCH_USER),
    Taken: (200, NAME_TAKEN),
    LastAdmin: (200, LAST_ADMIN),
    QuotaExceeded: (200, QUOTA_EXCEEDED),
    Busy: (503, UNAVAILABLE),
    Unavailable: (503, UNAVAILABLE),
}
"""What is not here is a fault of ours; `Invalid` depends on the field."""

_ACTIVE: Final[Mapping[object, bool]] = {"true": True, "false": False}


def _outcome(status: str, **others: Schema) -> Schema:
    return exactly(Status={"const": status}, IDSessao=SECRET, Message={"type": "string"}, **others)


_TRACE: Final[Schema] = {"const": ""}
_HASH: Final[Schema] = {
    **SECRET,
    "pattern": "^[0-9A-Fa-f]{64}$",
    "description": "the SHA-256 of the password",
}
_FLAG: Final[Schema] = {"enum": ["true", "false", True, False]}
_LOGIN: Final = field_of(Account, "login")
_USER: Final = exactly(
    Id={"type": "string", "pattern": "^[0-9]+$"}, UserName=_LOGIN, Ativo={"enum": ["true", "false"]}
)
_OUTCOME: Final[Schema] = {
    "oneOf": [_outcome("OK", StackTrace=_TRACE), _outcome("ERROR", StackTrace=_TRACE)]
}
_LOGIN_OUTCOME: Final[Schema] = {"oneOf": [_outcome("OK"), _outcome("ERROR")]}
_ID: Final[Mapping[str, Schema]] = {"id": ID}


def _account(needed: Sequence[str]) -> Schema:
    fields: dict[str, Schema] = {"UserName": _LOGIN, "PassWord": _HASH, "Ativo": _FLAG}
    return {"type": "object", "properties": fields, "required": list(needed)}


class WayResponder(RoutedResponder):
    """The accounts of a company behind one connection."""

    error_body: ClassVar[Schema] = {
        "anyOf": [_outcome("ERROR"), _outcome("ERROR", StackTrace=_TRACE)]
    }
    ignores_case = True
    always = (NO_STORE, (b"Referrer-Policy", b"no-referrer"))
    """The session is in the URL."""

    def __init__(
        self, logins: Logins, colleagues: Colleagues, address: str, terms: Terms | None = None
    ) -> None:
        super().__init__(Principal(DIALECT, address), terms)
        self._logins = logins
        self._colleagues = colleagues

    # What the dialect says

    async def log_in(self, request: Request, found: Found) -> Principal:
        """Return the principal as the account whose session is in the path, whatever the case of it
        there.
        """
        return await self._logins.resume(self.principal, DIALECT, _session(found.parameters))

    def error(self, status: int, message: str) -> Response:
        """Word an error of HTTP, in the protocol's language."""
        return _said(status, "ERROR", "", _OF_HTTP.get(status, BAD_REQUEST))

    def error_at(self, found: Found, status: int, message: str) -> Response:
        """Word an error of HTTP at a known route: its session is valid, for that was looked at
        first.
        """
        return _error(found, status, _OF_HTTP.get(status, BAD_REQUEST))

    def failed(self, error: DomainError, found: Found) -> Response:
        """Word a domain error."""
        status, message = _ERRORS.get(type(error), (500, INTERNAL_ERROR))
        if isinstance(error, Invalid):
            status, message = (
                (400, BAD_REQUEST)
                if error.field == "body"
                else (200, _of_field(error, found.route))
            )
        response = _error(found, status, message, valid=not isinstance(error, NotLoggedIn))
        return evolve(response, headers=(SOON,)) if status == 503 else response

    # /api/main

    @route(
        "POST",
        "/api/main",
        "Log in, which ends the account's earlier session",
        {200: _LOGIN_OUTCOME},
        login=False,
        body=exactly(User={"type": "string"}, Passwd=_HASH),
    )
    async def begin(self, call: Call) -> Response:
        fields = _fields(call)
        secret = Digest(fields.get("passwd"))
        user: Any = fields.get("user")
        session = await self._logins.log_in(self.principal, DIALECT, user, secret, exclusive=True)
        return _said(200, "OK", session.token, LOGGED_IN, trace=False)

    @route("DELETE", "/api/main/{session}", "Log out", {200: _OUTCOME})
    async def end(self, call: Call) -> Response:
        await self._logins.log_out(call.principal)
        return _said(200, "OK", "", LOGGED_OUT)

    # /api/usuario

    @route(
        "GET",
        "/api/usuario/{session}",
        "List the accounts of the company, or the one with this id",
        {200: {"oneOf": [{"type": "array", "items": _USER}, _outcome("ERROR", StackTrace=_TRACE)]}},
        query=_ID,
    )
    async def show(self, call: Call) -> Response:
        given = _query_id(call)
        if given is None:
            return await list_response(
                await self._colleagues.list(call.principal), b"[", _users, b"]"
            )
        try:
            id = whole(given, "id")
        except Invalid:
            return json_response(200, [])  # what is no id is the id of nobody
        return await list_response(
            await self._colleagues.list(call.principal, id), b"[", _users, b"]"
        )

    @route(
        "POST",
        "/api/usuario/{session}",
        "Create an account of the company; without Ativo it is inactive",
        {200: _OUTCOME},
        body=_account(("UserName", "PassWord")),
    )
    async def add(self, call: Call) -> Response:
        fields = _fields(call)
        login: Any = fields.get("username")
        try:
            await self._colleagues.create(
                call.principal, login, Digest(fields.get("password")), _active(fields)
            )
        except Invalid as error:
            return _refused(call, error, login)
        return _done(call)

    @route(
        "PUT",
        "/api/usuario/{session}",
        "Change what is named of an account; without Ativo it becomes inactive",
        {200: _OUTCOME},
        query=_ID,
        body=_account(()),
    )
    async def change(self, call: Call) -> Response:
        fields = _fields(call)
        id = _needed_id(call)
        login: Any = fields.get("username")
        try:
            if login is None and "username" in fields:
                raise Invalid(
                    "login", "a text"
                )  # null names it, and the operation takes None for not named
            secret = Digest(fields["password"]) if "password" in fields else None
            await self._colleagues.change(
                call.principal, id, login=login, secret=secret, active=_active(fields)
            )
        except Invalid as error:
            return _refused(call, error, login)
        return _done(call)

    @route(
        "DELETE",
        "/api/usuario/{session}",
        "Make an account inactive; nothing is deleted",
        {200: _OUTCOME},
        query=_ID,
    )
    async def deactivate(self, call: Call) -> Response:
        await self._colleagues.deactivate(call.principal, _needed_id(call))
        return _done(call)


# Requests


def _session(parameters: Mapping[str, Any]) -> str:
    session: str = parameters.get("session", "")
    return session.upper()


def _fields(call: Call) -> dict[str, Any]:
    """Return the fields of the body, their names in lower case. Of a name given twice the last
    counts.
    """
    return {name.lower(): value for name, value in call.fields().items()}


def _active(fields: Mapping[str, Any]) -> Any:
    """Return what `Ativo` says: false where it is absent, as the protocol warns. What it cannot be
    the operation refuses.
    """
    value = fields.get("ativo", False)
    if value is None:
        raise Invalid("active", "true or false")
    return _ACTIVE.get(value, value) if isinstance(value, str) else value


def _query_id(call: Call) -> str | None:
    """Return the id of the query, as it came; None where there is none."""
    return {name.lower(): value for name, value in call.query.items()}.get("id") or None


def _needed_id(call: Call) -> int:
    try:
        return whole(_query_id(call), "id")
    except Invalid:
        raise NotFound("Account", 0) from None


# Answers


def _said(status: int, outcome: str, session: str, message: str, *, trace: bool = True) -> Response:
    body = {"Status": outcome, "IDSessao": session, "Message": message}
    if trace:
        body["StackTrace"] = ""
    return json_response(status, body)


def _error(found: Found, status: int, message: str, *, valid: bool = True) -> Response:
    """Return an error with the session, if it is a valid one; the login's have none, and no
    trace.
    """
    return _said(
        status,
        "ERROR",
        _session(found.parameters) if valid else "",
        message,
        trace=found.route.login,
    )


def _done(call: Call) -> Response:
    return _said(200, "OK", _session(call.parameters), "")


def _of_field(error: Invalid, route: Route) -> str:
    if error.field == "login" and not route.login:
        return WRONG_LOGIN
    return {"login": NAME_INVALID, "password": PASSWORD_FORMAT, "active": ACTIVE_INVALID}.get(
        error.field, BAD_REQUEST
    )


def _refused(call: Call, error: Invalid, login: object) -> Response:
    """Word what is wrong with an account's fields. The protocol has words of its own for a blank in
    the name.
    """
    message = _of_field(error, call.route)
    if error.field == "login" and isinstance(login, str) and any(map(str.isspace, login)):
        message = NAME_HAS_BLANKS
    return _said(200, "ERROR", _session(call.parameters), message)


def _render(account: Account) -> dict[str, str]:
    return {
        "Id": str(account.id),
        "UserName": account.login,
        "Ativo": "true" if account.active else "false",
    }


_users: Final = each(_render)


# How it is served

PART: Final = Part(
    DIALECT,
    "The accounts of a company, with the session in the path; a refusal has Status ERROR, and is "
    "a 200",
    WayResponder.routes,
    WayResponder.error_body,
    (DIALECT,),
    None,
)


class WayFactory(HTTPFactory):
    """Makes the connections of way."""

    def __init__(self, serving: Serving) -> None:
        colleagues = Colleagues(serving.access, serving.store, serving.directory)
        logins, terms = serving.logins, serving.terms
        super().__init__(lambda peer: WayResponder(logins, colleagues, peer, terms), *serving.http)
