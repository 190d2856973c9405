"""The ways a request can fail, in words of the business: each dialect has one table from these to
its own errors.
"""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A request that cannot be had. `outcome` is its short name, for counts and logs."""

    outcome: ClassVar[str] = "failed"
    noted = False
    """Whether the log has it already."""


class Invalid(DomainError):
    """A value that breaks a rule: which field, and what would be right. The value itself stays out:
    it may be a secret.
    """

    outcome = "invalid"

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class NotFound(DomainError):
    """There is no such record (or none that the one who asks may know of)."""

    outcome = "not_found"

    def __init__(self, kind: str, id: int | None) -> None:
        """Take the id that was asked for, None where the record was asked for by something else."""
        super().__init__(f"no such {kind}" if id is None else f"no {kind} {id}")
        self.kind = kind
        self.id = id


class Taken(DomainError):
    """A value that must be unique belongs to another record of the kind."""

    outcome = "taken"

    def __init__(self, kind: str, field: str) -> None:
        super().__init__(f"another {kind} has this {field}")
        self.kind = kind
        self.field = field


class QuotaExceeded(DomainError):
    """The store takes no more of this. To ask again is of no use before something is deleted, or an
    operator allows more.
    """

    outcome = "quota"

    def __init__(self, kind: str, quota: str) -> None:
        super().__init__(f"no further {kind} is taken: {quota}")
        self.kind = kind
        self.quota = quota


class StillReferred(DomainError):
    """The record cannot go: others refer to it and do not go with it."""

    outcome = "still_referred"

    def __init__(self, kind: str, id: int, by: str) -> None:
        super().__init__(f"{by} records refer to {kind} {id}")
        self.kind = kind
        self.id = id
        self.by = by


class Outdated(DomainError):
    """Compare-and-set: the record is at another revision than the caller expects."""

    outcome = "outdated"

    def __init__(self, expected: int, rev: int) -> None:
        super().__init__(f"the record is at revision {rev}, not {expected}")
        self.expected = expected
        self.rev = rev


class HistoryGone(DomainError):
    """`changes(since)` reaches further back than is kept, or to a revision that never was: start
    from a full list.
    """

    outcome = "history_gone"

    def __init__(self, since: int, oldest: int, newest: int) -> None:
        super().__init__(f"changes are known from revision {oldest} to {newest}, not since {since}")
        self.since = since
        self.oldest = oldest
        self.newest = newest


class KeyReused(DomainError):
    """The Idempotency-Key is that of another request, which was answered already."""

    outcome = "key_reused"

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used for another request: choose a new one")


class KeyInUse(DomainError):
    """A request with this Idempotency-Key is under way: its answer is there in a moment."""

    outcome = "key_in_use"

    def __init__(self) -> None:
        super().__init__("a request with this Idempotency-Key is under way: ask again in a moment")


class NotLoggedIn(DomainError):
    """The operation needs a login, and there is none that lives: no session, a wrong one, a dead
    one.
    """

    outcome = "not_logged_in"


class LoginFailed(DomainError):
    """Login name or password are wrong, or the account or its company is inactive: nobody is told
    which.
    """

    outcome = "login_failed"


class LoginDelayed(DomainError):
    """Too many failed logins for this account from this address: try again after `retry_after`
    seconds.
    """

    outcome = "login_delayed"

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many failed logins, try again in {retry_after:.0f} s")
        self.retry_after = retry_after


class Forbidden(DomainError):
    """Logged in, and not allowed to do this."""

    outcome = "forbidden"


class LastAdmin(DomainError):
    """The change would leave no active admin in an active company."""

    outcome = "last_admin"


class Busy(DomainError):
    """Too much of this is under way already: the same request may succeed in a moment."""

    outcome = "busy"


class NoFile(DomainError):
    """The store is in no file of its own, so there is none to check or to copy."""

    outcome = "no_file"

    def __init__(self) -> None:
        super().__init__(
            "the store is in no file of the daemon's; an export has all of its records"
        )


class Unavailable(DomainError):
    """The store cannot serve. Whether a change that fails with this took effect is unknown."""

    outcome = "unavailable"


class InDoubt(Unavailable):
    """The store was lost while it made a change durable: the change took effect, or it did not, and
    nobody here knows.

    To ask again might make it twice, so nobody is invited to.
    """

    outcome = "in_doubt"


class Crashed(DomainError):
    """A fault of ours. The trace is in the log, and nothing of it in the answer."""

    outcome = "crashed"
