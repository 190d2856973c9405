"""Accounts and tokens of the shop."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Final

from sockcrud.apps.shop.dialect.base import MESSAGE, SESSIONS, ShopService, health
from sockcrud.dialects.fields import required
from sockcrud.dialects.openapi import Part
from sockcrud.dialects.routed import Call, Terms, json_response
from sockcrud.dialects.routes import Route, Routes
from sockcrud.dialects.schemas import PASSWORD, TEXT, an_object, field_of
from sockcrud.errors import LoginFailed, NotLoggedIn
from sockcrud.model import Account
from sockcrud.operations.directory import Logins
from sockcrud.operations.gate import Principal
from sockcrud.operations.values import Password
from sockcrud.serving import Serving
from sockcrud.wire.http import HTTPFactory, Request, Response

_BASIC: Final = re.compile(rb"basic +([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)


class AuthResponder(ShopService):
    """The service of the accounts behind one connection."""

    def __init__(self, logins: Logins, address: str, terms: Terms | None = None) -> None:
        super().__init__("auth", logins, address, terms)

    async def create(self, call: Call) -> Response:
        fields = call.fields()
        username, password = required(fields, "username"), required(fields, "password")
        await self._logins.sign_up(await self._whoever(call), username, Password(password))
        return json_response(201, {"msg": "User created"})

    async def begin(self, call: Call) -> Response:
        username, password = _basic(call.request)
        logged_in = await self._logins.log_in(call.principal, SESSIONS, username, Password(password))
        return json_response(200, {"msg": "Logged in", "token": logged_in.token})

    async def end(self, call: Call) -> Response:
        await self._logins.log_out(call.principal)
        return json_response(200, {"msg": "Logged out"})

    async def _whoever(self, call: Call) -> Principal:
        """Fire with who asks where no token is needed: a dead one is as good as none."""
        try:
            return await self.bearer(call.request)
        except NotLoggedIn:
            return call.principal


def _basic(request: Request) -> tuple[str, str]:
    """Give the name and password of HTTP Basic; raise LoginFailed where there are none."""
    credentials = _BASIC.fullmatch(request.header(b"authorization") or b"")
    try:
        if credentials is not None:
            name, colon, password = b64decode(credentials[1], validate=True).decode().partition(":")
            if colon:
                return name, password
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise LoginFailed


_ACCOUNT_IN: Final = an_object({"username": field_of(Account, "login"), "password": PASSWORD})

AuthResponder.routes = Routes(
    [
        Route(
            "POST",
            "/user/create",
            AuthResponder.create,
            "Sign up",
            {201: MESSAGE},
            errors=(403, 409),
            login=False,
            body=_ACCOUNT_IN,
            also=("/users/create",),
        ),
        Route(
            "POST",
            "/user/login",
            AuthResponder.begin,
            "Log in with HTTP Basic, for a token",
            {200: an_object({"msg": TEXT, "token": TEXT})},
            errors=(400, 401, 429),
            login=False,
            also=("/users/login",),
        ),
        Route(
            "POST",
            "/user/logout",
            AuthResponder.end,
            "End the session of the token",
            {200: MESSAGE},
            also=("/users/logout",),
        ),
        health("/user/health", "/users/health"),
    ]
)

PART: Final = Part(
    "auth",
    "Accounts and tokens of the shop",
    AuthResponder.routes,
    AuthResponder.error_body,
    ("auth", "shop"),
    SESSIONS,
    basic=("/user/login", "/users/login"),
)


class AuthFactory(HTTPFactory):
    """Makes the connections of the auth service."""

    def __init__(self, serving: Serving) -> None:
        logins, terms = serving.logins, serving.terms
        super().__init__(lambda peer: AuthResponder(logins, peer, terms), *serving.http)
