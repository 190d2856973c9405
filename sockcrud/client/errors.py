"""How a call can end that does not end well.

`ClientError` is all of them. Where the server could not be asked, or did not answer as it should,
it is one of `CannotSend`, `ServerGone`, `TimedOut` and `BadAnswer`, each of which tells whether the
request may have been carried out all the same. Where the server said no it is `Refused`, by
meaning: the class is the same whichever wire it came over.

No text in here holds a password, a token or a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from attrs import frozen


@frozen
class Words:
    """What a wire calls the two ends of a broken connection."""

    cannot_send: str = "the request could not be sent"
    server_gone: str = "the connection was closed before the answer"


DEFAULT_WORDS: Final = Words()


class ClientError(Exception):
    """A call that did not end well."""

    may_have_happened: bool = False
    """Whether the server may have done what was asked for."""


class CannotSend(ClientError):
    """Nothing was sent: the server cannot be reached, or what was given cannot be a request.
    `message` is the wire's word.
    """

    code: ClassVar[int] = 504

    def __init__(self, reason: str, message: str = DEFAULT_WORDS.cannot_send) -> None:
        super().__init__(f"{message}: {reason}")
        self.reason = reason
        self.message = message


class ServerGone(ClientError):
    """The connection was lost before the answer. `message` is the wire's word for that."""

    code: ClassVar[int] = 505

    def __init__(
        self, reason: str, message: str = DEFAULT_WORDS.server_gone, may_have_happened: bool = True
    ) -> None:
        super().__init__(f"{message}: {reason}")
        self.reason = reason
        self.message = message
        self.may_have_happened = may_have_happened


class TimedOut(ClientError):
    """There was no answer within the time the call had."""

    def __init__(self, seconds: float, may_have_happened: bool = True) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds
        self.may_have_happened = may_have_happened


class BadAnswer(ClientError):
    """What came back is no answer of this wire: garbage, another shape, or longer than the
    limit.
    """

    may_have_happened = True


class Refused(ClientError):
    """The server said no: `status` and `message` are its own. This class itself is for what none of
    those below means.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} ({status})")
        self.status = status
        self.message = message


@frozen
class Fault:
    """What is wrong with one line of an import. Without a field it is the line as a whole."""

    line: int
    field: str | None
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field or 'all of it'}: {self.message}"


class InvalidRequest(Refused):
    """A value breaks a rule, or the request is not what the server takes. `field` names it where
    the wire does.
    """

    def __init__(
        self, status: int, message: str, field: str | None = None, faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(status, message)
        self.field = field
        self.faults = list(faults)


class NotFound(Refused):
    """There is no such record, or none that the one who asks may know of."""


class AlreadyExists(Refused):
    """A value that must be unique belongs to another record."""


class LoginFailed(Refused):
    """Login name or password are wrong, or the account may not log in: nobody is told which."""


class NotLoggedIn(Refused):
    """There is no login, or it is dead: log in first, or again."""


class Forbidden(Refused):
    """Logged in, and not allowed to do this."""


class Outdated(Refused):
    """The record is at another revision than the one given."""


class Conflict(Refused):
    """What is there stands against it: the last active admin, a record that others refer to, or a
    quota.
    """


class HistoryGone(Refused):
    """Changes are not known that far back: start from a full list."""


class TooManyAttempts(Refused):
    """Too many failed logins. Try again after `retry_after` seconds."""

    def __init__(self, status: int, message: str, retry_after: float) -> None:
        super().__init__(status, message)
        self.retry_after = retry_after


class Busy(Refused):
    """The server cannot serve now: try again after `retry_after` seconds. Whether a change took
    effect is unknown.
    """

    may_have_happened = True

    def __init__(self, status: int, message: str, retry_after: float = 1.0) -> None:
        super().__init__(status, message)
        self.retry_after = retry_after


class ServerFault(Refused):
    """A fault of the server."""

    may_have_happened = True
