"""Domain errors as HTTP has them: the status of each, and when to ask again. The words are the
dialects'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from sockcrud.errors import (
    Busy,
    Crashed,
    DomainError,
    Forbidden,
    HistoryGone,
    InDoubt,
    Invalid,
    KeyInUse,
    KeyReused,
    LastAdmin,
    LoginDelayed,
    LoginFailed,
    NoFile,
    NotFound,
    NotLoggedIn,
    Outdated,
    QuotaExceeded,
    StillReferred,
    Taken,
    Unavailable,
)

STATUSES: Final[Mapping[type[DomainError], int]] = {
    Invalid: 400,
    NotLoggedIn: 401,
    LoginFailed: 401,
    Forbidden: 403,
    NotFound: 404,
    Taken: 409,
    StillReferred: 409,
    LastAdmin: 409,
    NoFile: 409,
    KeyInUse: 409,
    HistoryGone: 410,
    Outdated: 412,
    KeyReused: 422,
    LoginDelayed: 429,
    Crashed: 500,
    InDoubt: 500,
    Busy: 503,
    Unavailable: 503,
    QuotaExceeded: 507,
}
"""For dialects that speak HTTP as RFC 9110 has it: `members` and `way` have statuses of their own.
"""

WORDS: Final[Mapping[type[DomainError], str]] = {
    LoginFailed: "the login or the password is wrong, or the account may not log in",
    Crashed: "an internal error; its trace is in the log",
    InDoubt: "whether the change took effect is unknown: the store was lost while it was made; "
    "look before you ask again",
    Unavailable: "the store cannot be reached; whether a change took effect is unknown",
}
"""Where the error's own words are none, or are not for everybody."""

SOON: Final = (b"Retry-After", b"1")


def retry_after(error: DomainError) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header field that says when the same request may succeed; none where asking again
    is of no use.
    """
    if isinstance(error, LoginDelayed):
        return ((b"Retry-After", b"%d" % whole_seconds(error)),)
    invites = isinstance(error, (Busy, Unavailable, KeyInUse)) and not isinstance(
        error, InDoubt
    )  # nobody is to make it twice
    return (SOON,) if invites else ()


def whole_seconds(error: LoginDelayed) -> int:
    """Return how long to wait, never less than there is left of it."""
    return max(1, math.ceil(error.retry_after))
