"""The operations of `members`. It has no way to log out: setting `token` to None is what there
is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

from attrs import frozen

from sockcrud.client.calls import Call, call
from sockcrud.client.errors import BadAnswer, LoginFailed
from sockcrud.client.fields import Fields
from sockcrud.client.http_answers import Answer
from sockcrud.client.http_calls import REFUSALS, HTTPCalls, good, http_call, whole


@frozen
class Welcome:
    """What `members` says to who has logged in: 1 is an admin, 2 a user."""

    message: str
    role: int
    role_name: str


@frozen
class Member:
    """An account, as `members` shows it."""

    id: int
    email: str
    role: int
    role_name: str
    active: bool


@frozen
class ServerState:
    """How the server does, as `members` tells it."""

    status: str
    uptime: timedelta
    active_connections: int


_REFUSALS: Final = {**REFUSALS, 401: LoginFailed}


class MembersCalls(HTTPCalls):
    """Members by role."""

    default_port: ClassVar[int] = 9999

    def good(self, answer: Answer) -> Answer:
        return good(answer, self.message_field, _REFUSALS)

    @call
    def log_in(self, email: str, password: str) -> Call[Answer, Welcome]:
        """Log in, and return the role; `LoginFailed`, `TooManyAttempts`."""

        def keep(fields: Fields) -> Welcome:
            welcome = Welcome(
                fields.text("message"), fields.whole("role"), fields.text("role_name")
            )
            self.token = fields.text("token")
            return welcome

        return http_call(self, "POST", "/", whole(keep), {"email": email, "password": password})

    @call
    def members(self) -> Call[Answer, list[Member]]:
        """Return all members to an admin, and themselves to others; `Forbidden` where nobody is
        logged in.
        """
        return http_call(
            self,
            "GET",
            "/",
            whole(lambda fields: fields.each("users", lambda each: each.record(Member))),
        )

    @call
    def sign_up(self, email: str, password: str) -> Call[Answer, int]:
        """Make a member, and return its id; `AlreadyExists`, `InvalidRequest`."""
        body = {"email": email, "password": password}
        return http_call(self, "PUT", "/", whole(lambda fields: fields.whole("id")), body)

    @call
    def state(self) -> Call[Answer, ServerState]:
        """Return the state of the server. Needs no login."""
        return http_call(self, "HEAD", "/", _state)


def _state(answer: Answer) -> ServerState:
    headers = answer.headers
    uptime, connections = (
        headers.get("x-uptime-seconds", ""),
        headers.get("x-active-connections", ""),
    )
    if not all(
        figure.isascii() and figure.isdigit() and len(figure) < 12
        for figure in (uptime, connections)
    ):
        raise BadAnswer("an answer without the state of the server")
    return ServerState(
        headers.get("x-server-status", ""), timedelta(seconds=int(uptime)), int(connections)
    )
