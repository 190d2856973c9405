"""Accounts and tokens of the shop."""

from __future__ import annotations

from typing import Final

from sockcrud.access import Principal
from sockcrud.apps.shop.dialect.base import MESSAGE, SESSIONS, ShopService, health_at
from sockcrud.errors import LoginFailed, NotLoggedIn
from sockcrud.identity.credentials import Password
from sockcrud.identity.directory import Logins
from sockcrud.identity.records import Account
from sockcrud.protocols.http.connection import HTTPFactory, Response
from sockcrud.rest.authorization import basic
from sockcrud.rest.fields import required
from sockcrud.rest.openapi import Part
from sockcrud.rest.routed import Call, Terms, json_response
from sockcrud.rest.routes import route
from sockcrud.rest.schemas import PASSWORD, SECRET, TEXT, an_object, field_of
from sockcrud.serving import Serving

_ACCOUNT_IN: Final = an_object({"username": field_of(Account, "login"), "password": PASSWORD})


class AuthResponder(ShopService):
    """The service of the accounts behind one connection."""

    def __init__(self, logins: Logins, address: str, terms: Terms | None = None) -> None:
        super().__init__("auth", logins, address, terms)

    @route(
        "POST",
        "/user/create",
        "Sign up",
        {201: MESSAGE},
        errors=(403, 409),
        login=False,
        body=_ACCOUNT_IN,
        also=("/users/create",),
    )
    async def create(self, call: Call) -> Response:
        fields = call.fields()
        username, password = required(fields, "username"), required(fields, "password")
        await self._logins.sign_up(await self._whoever(call), username, Password(password))
        return json_response(201, {"msg": "User created"})

    @route(
        "POST",
        "/user/login",
        "Log in with HTTP Basic, for a token",
        {200: an_object({"msg": TEXT, "token": SECRET})},
        errors=(400, 401, 429),
        login=False,
        also=("/users/login",),
    )
    async def begin(self, call: Call) -> Response:
        credentials = basic(call.request)
        if credentials is None:
            raise LoginFailed
        username, password = credentials
        logged_in = await self._logins.log_in(
            call.principal, SESSIONS, username, Password(password)
        )
        return json_response(200, {"msg": "Logged in", "token": logged_in.token})

    @route(
        "POST",
        "/user/logout",
        "End the session of the token",
        {200: MESSAGE},
        also=("/users/logout",),
    )
    async def end(self, call: Call) -> Response:
        await self._logins.log_out(call.principal)
        return json_response(200, {"msg": "Logged out"})

    health = health_at("/user/health", "/users/health")

    async def _whoever(self, call: Call) -> Principal:
        """Return who asks where no token is needed: a dead one is as good as none."""
        try:
            return await self.bearer(call.request)
        except NotLoggedIn:
            return call.principal


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
