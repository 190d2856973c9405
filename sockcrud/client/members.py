"""The operations of `members`. It has no way to log out: setting `token` to None is what there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar, Final, TypeVar

from sockcrud.client.calls import Call, call
from sockcrud.client.errors import BadAnswer, LoginFailed
from sockcrud.client.fields import Fields
from sockcrud.client.http_answers import Answer
from sockcrud.client.http_calls import REFUSALS, HTTPCalls, asked, message_of, refused
from sockcrud.client.records import Member, ServerState, Welcome

T = TypeVar("T")

_REFUSALS: Final = {**REFUSALS, 401: LoginFailed}


class MembersCalls(HTTPCalls):
    """Members by role."""

    default_port: ClassVar[int] = 9999

    @call
    def log_in(self, email: str, password: str) -> Call[Answer, Welcome]:
        """Log in, and give the role; `LoginFailed`, `TooManyAttempts`."""

        def keep(fields: Fields) -> Welcome:
            welcome = Welcome(fields.text("message"), fields.whole("role"), fields.text("role_name"))
            self.token = fields.text("token")
            return welcome

        return asked(self, "POST", "/", _whole(keep), {"email": email, "password": password})

    @call
    def members(self) -> Call[Answer, list[Member]]:
        """Give all members to an admin, and themselves to others; `Forbidden` where nobody is logged in."""
        return asked(self, "GET", "/", _whole(lambda fields: fields.each("users", _member)))

    @call
    def sign_up(self, email: str, password: str) -> Call[Answer, int]:
        """Make a member, and give its id; `AlreadyExists`, `InvalidRequest`."""
        body = {"email": email, "password": password}
        return asked(self, "PUT", "/", _whole(lambda fields: fields.whole("id")), body)

    @call
    def state(self) -> Call[Answer, ServerState]:
        """Give the state of the server. Needs no login."""
        return asked(self, "HEAD", "/", _state)


def _good(answer: Answer) -> Answer:
    if answer.status >= 300:
        raise refused(answer, message_of(answer, "message"), _REFUSALS)
    return answer


def _whole(read: Callable[[Fields], T]) -> Callable[[Answer], T]:
    return lambda answer: read(Fields.decoded(_good(answer).body))


def _member(fields: Fields) -> Member:
    return Member(
        fields.whole("id"), fields.text("email"), fields.whole("role"), fields.text("role_name"), fields.flag("active")
    )


def _state(answer: Answer) -> ServerState:
    headers = _good(answer).headers
    uptime, connections = headers.get("x-uptime-seconds", ""), headers.get("x-active-connections", "")
    if not all(figure.isascii() and figure.isdigit() and len(figure) < 12 for figure in (uptime, connections)):
        raise BadAnswer("an answer without the state of the server")
    return ServerState(headers.get("x-server-status", ""), timedelta(seconds=int(uptime)), int(connections))
