"""Logging in, signing up and looking, at one path, for clients that know little of HTTP:
docs/protocols/members.md.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from attrs import frozen

from sockcrud.access import Principal
from sockcrud.apps.members.service import Members
from sockcrud.errors import (
    Busy,
    Crashed,
    DomainError,
    Forbidden,
    InDoubt,
    Invalid,
    LoginDelayed,
    LoginFailed,
    NotLoggedIn,
    QuotaExceeded,
    Taken,
    Unavailable,
)
from sockcrud.identity.credentials import Password
from sockcrud.identity.directory import Logins
from sockcrud.identity.records import ADMIN, USER, Account
from sockcrud.protocols.http.connection import HTTPFactory, Request, Response
from sockcrud.rest.errors import retry_after
from sockcrud.rest.fields import required
from sockcrud.rest.lists import each, list_response
from sockcrud.rest.openapi import Part
from sockcrud.rest.pages import accepts_html
from sockcrud.rest.routed import Call, RoutedResponder, Terms, json_response, media_type
from sockcrud.rest.routes import JSON, Found, Route, Schema, route
from sockcrud.rest.schemas import ID, PASSWORD, SECRET, an_object, exactly, field_of
from sockcrud.serving import Serving

DIALECT: Final = "members"
COOKIE: Final = "sockcrud_members"
"""Not just `session`: a browser sends the cookies of all ports of a host to each of them."""

ROLES: Final = {ADMIN: 1, USER: 2}
"""The protocol's numbers."""

_ERRORS: Final[dict[type[DomainError], tuple[int, str]]] = {
    LoginFailed: (401, "Login fail"),
    LoginDelayed: (429, "Too many failed logins"),
    NotLoggedIn: (403, "Forbidden"),
    Forbidden: (403, "Forbidden"),
    Invalid: (400, "Bad request"),
    Taken: (409, "Email already exists"),
    Busy: (503, "Service unavailable"),
    Unavailable: (503, "Service unavailable"),
    QuotaExceeded: (507, "No further users can be stored"),
    InDoubt: (500, "Internal server error: it is unknown whether the change took effect"),
    Crashed: (500, "Internal server error"),
}
_OF_HTTP: Final = {
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    413: "Request too large",
    414: "Request too large",
    415: "Unsupported media type",
    421: "Misdirected request",
    431: "Request too large",
    500: "Internal server error",
    501: "Not implemented",
    503: "Service unavailable",
    505: "HTTP version not supported",
}
_CHALLENGE: Final = (b"WWW-Authenticate", b"Bearer")
_TEXT: Final = "user:"
_BLANKS: Final = b" \t\r\n"


@frozen
class State:
    """How the server is. Both are asked at every HEAD."""

    uptime: Callable[[], float]
    """Gives the seconds since it started."""
    open_connections: Callable[[], int]
    """Gives how many connections are open."""


_STRING: Final[Schema] = {"type": "string"}
_ROLE: Final[Schema] = {"enum": list(ROLES.values())}
_ROLE_NAME: Final[Schema] = {"enum": list(ROLES)}
_USER: Final = exactly(
    id=ID,
    email=field_of(Account, "login"),
    role=_ROLE,
    role_name=_ROLE_NAME,
    active={"type": "boolean"},
)
_CREDENTIALS: Final = an_object({"email": _STRING, "password": SECRET})
_NEW: Final = an_object({"email": field_of(Account, "login"), "password": PASSWORD})
_ANYTHING: Final[tuple[str, ...]] = ()
"""Types of a body: its shape tells, whatever the Content-Type says."""


class MembersResponder(RoutedResponder):
    """The members behind one connection.

    A login is remembered for the connection, but only for requests without `Host`: behind a proxy,
    which sends one, the next request may be another person's. What is remembered is the token: each
    request asks whether its session lives.
    """

    error_body: ClassVar[Schema] = exactly(message=_STRING)

    def __init__(
        self,
        logins: Logins,
        members: Members,
        state: State,
        address: str,
        terms: Terms | None = None,
    ) -> None:
        super().__init__(Principal(DIALECT, address), terms)
        self._logins = logins
        self._members = members
        self._state = state
        self._token: str | None = None

    # What the dialect says

    async def log_in(self, request: Request, found: Found) -> Principal:
        """Return the principal as the account whose token the request brings, or whose connection
        this is.
        """
        token = _bearer(request) or _cookie(request) or (None if request.has_host else self._token)
        if token is None:
            raise NotLoggedIn
        return await self._logins.resume(self.principal, DIALECT, token)

    def error(self, status: int, message: str) -> Response:
        """Word an error of HTTP."""
        return json_response(status, {"message": _OF_HTTP.get(status, "Bad request")})

    def failed(self, error: DomainError, found: Found) -> Response:
        """Word a domain error."""
        status, message = _ERRORS.get(type(error), (500, "Internal server error"))
        headers = (_CHALLENGE,) if status == 401 else retry_after(error)
        return json_response(status, {"message": message}, *headers)

    def takes(self, request: Request, route: Route) -> bool:
        """Return whether the body is of a type that is taken: any, but JSON alone of web pages of
        other origins.

        Those may send JSON only where they were asked for by CORS, and so none of their forms sets
        the cookie.
        """
        return not self.sender(request).foreign or media_type(request) == JSON

    def answer(self, request: Request) -> Coroutine[Any, Any, Response]:
        answer = super().answer(request)
        return self._shown(request, answer) if accepts_html(request) else answer

    async def _shown(self, request: Request, answer: Coroutine[Any, Any, Response]) -> Response:
        """Return the answer; where a browser is not logged in, what this port is."""
        response = await answer
        if response.status != 403 or request.method != "GET":
            return response
        return self.page(request) or response

    # The protocol's four

    @route(
        "POST",
        "/",
        "Log in, for the connection or with the token that is answered",
        {200: exactly(message=_STRING, role=_ROLE, role_name=_ROLE_NAME, token=SECRET)},
        errors=(401, 429),
        login=False,
        body=_CREDENTIALS,
        takes=_ANYTHING,
    )
    async def begin(self, call: Call) -> Response:
        login, secret = _credentials(call)
        logged_in = await self._logins.log_in(self.principal, DIALECT, login, secret)
        if not call.request.has_host:
            self._token = logged_in.token
        role = logged_in.account.role
        body = {
            "message": f"Success Login. you are {role}",
            "role": ROLES[role],
            "role_name": role,
            "token": logged_in.token,
        }
        cookie = (
            f"{COOKIE}={logged_in.token}; Path=/; HttpOnly; "
            f"SameSite=Strict{'; Secure' if self.terms.secure else ''}"
        )
        return json_response(200, body, (b"Set-Cookie", cookie.encode()))

    @route(
        "GET",
        "/",
        "List all members for an admin, and themselves for others",
        {200: exactly(users={"type": "array", "items": _USER})},
        errors=(403,),
    )
    async def show(self, call: Call) -> Response:
        return await list_response(
            await self._members.list(call.principal), b'{"users":[', _users, b"]}"
        )

    @route(
        "PUT",
        "/",
        "Sign up",
        {201: exactly(message=_STRING, id=ID)},
        errors=(403, 409),
        login=False,
        body=_NEW,
        takes=_ANYTHING,
    )
    async def sign_up(self, call: Call) -> Response:
        login, secret = _credentials(call)
        account = await self._logins.sign_up(await self._whoever(call), login, secret)
        return json_response(201, {"message": "Success create user", "id": account.id})

    @route(
        "HEAD",
        "/",
        "Tell the state of the server in headers",
        {200: None},
        login=False,
        headers={
            "X-Server-Status": "running",
            "X-Uptime-Seconds": "for how long it has been, a whole number",
            "X-Active-Connections": "how many are open",
        },
    )
    async def tell_state(self, call: Call) -> Response:
        headers = (
            (b"X-Server-Status", b"running"),
            (b"X-Uptime-Seconds", b"%d" % self._state.uptime()),
            (b"X-Active-Connections", b"%d" % self._state.open_connections()),
        )
        return Response(200, headers=headers)

    async def _whoever(self, call: Call) -> Principal:
        """Return the principal, as its account where it has logged in: while sign-up is open it
        need not have.
        """
        try:
            return await self.log_in(call.request, Found(call.route, {}))
        except NotLoggedIn:
            return self.principal


# Requests


def _bearer(request: Request) -> str | None:
    scheme, _, token = (request.header(b"authorization") or b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _cookie(request: Request) -> str | None:
    """Return the token of the cookie. It counts where nothing changes: a browser may send it
    without its owner's will.
    """
    if request.method not in ("GET", "HEAD"):
        return None
    for pair in (request.header(b"cookie") or b"").decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def _credentials(call: Call) -> tuple[Any, Password]:
    """Return the email and the password of a body, which tells by its shape what it is: an object,
    the field's text, a form.
    """
    body = call.request.body
    fields = call.fields() if body.lstrip(_BLANKS).startswith(b"{") else _of_text(body)
    return required(fields, "email"), Password(required(fields, "password"))


def _of_text(body: bytes) -> dict[str, str]:
    try:
        text = body.decode()
        if not text.startswith(_TEXT):
            return dict(
                parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
            )
    except ValueError:
        raise Invalid("body", "an object, a form, or user:EMAIL,PASSWORD") from None
    return dict(zip(("email", "password"), text[len(_TEXT) :].split(","), strict=False))


# Answers


def _render(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "email": account.login,
        "role": ROLES[account.role],
        "role_name": account.role,
        "active": account.active,
    }


_users: Final = each(_render)


# How it is served

PART: Final = Part(
    DIALECT,
    "Members, and the state of the server",
    MembersResponder.routes,
    MembersResponder.error_body,
    (DIALECT,),
    DIALECT,
    no_token=403,
)


class MembersFactory(HTTPFactory):
    """Makes the connections of the members."""

    def __init__(self, serving: Serving) -> None:
        clock, logins, terms = serving.clock, serving.logins, serving.terms
        members = Members(serving.access, serving.store)
        started = clock.seconds()
        state = State(lambda: clock.seconds() - started, lambda: len(serving.connections.all))
        super().__init__(
            lambda peer: MembersResponder(logins, members, state, peer, terms),
            *serving.http,
            loose=not serving.settings.of("members_strict"),
        )
