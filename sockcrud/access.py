"""The one place that every operation passes: permission, count, time, log, and a crash turned into
a domain error.

What watches traffic is a observer of operations, and hooks in nowhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timezone
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from attrs import Factory, define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sockcrud.errors import Crashed, DomainError, Forbidden, NotLoggedIn
from sockcrud.identity.records import ADMIN, Account
from sockcrud.refusals import refusals

log: Final = Logger()

OK: Final = "ok"
"""The outcome of an operation that has not failed."""

P = ParamSpec("P")
T = TypeVar("T")


@define(eq=False)
class Software:
    """What a client is by its own account, or by how it frames; "" before that is known."""

    name: str = ""
    counts: dict[Any, list[int]] = Factory(dict)
    """What an observer counts of it, by operation and account, in a period."""
    period: object = None

    def is_called(self, name: str) -> None:
        """Take note of its name: what is counted from now on is of that one."""
        if name != self.name:
            self.name, self.period = name, None


@frozen
class Principal:
    """Who asks: through which dialect, from where, and, after a login, as whom."""

    dialect: str
    address: str
    account: Account | None = None
    session_id: int | None = None
    software: Software = field(factory=Software, eq=False, repr=False)
    """That of the connection, whoever logs in on it."""


Permission = Callable[[Principal], None]
"""Raises where the principal may not."""


def anyone(principal: Principal) -> None:
    """Everybody may."""


def logged_in(principal: Principal) -> None:
    """Whoever has logged in may."""
    if principal.account is None:
        raise NotLoggedIn


def admins(principal: Principal) -> None:
    """Admins may."""
    logged_in(principal)
    if principal.account is None or principal.account.role != ADMIN:
        raise Forbidden


class Observer(Protocol):
    """Is told of every operation that has passed, before its answer is made."""

    def __call__(self, operation: str, principal: Principal, seconds: float, outcome: str) -> None:
        """Take note; never raise, never wait. `outcome` is "ok" or that of a `DomainError`."""


@define
class Access:
    """What the operations share: the clock, who watches, and what gets in their way."""

    clock: IReactorTime
    observers: list[Observer] = Factory(list)
    time_of_day: IReactorTime | None = None
    """What tells the time of day where the clock does not."""

    interference: Callable[[str, Principal], Awaitable[None] | None] | None = None
    """Is asked before an operation that is permitted, where testers want faults, or a dialect has
    brownouts: it raises what the operation is to fail with, or returns what is awaited, and may
    fail with that.
    """

    def note(self, operation: str, principal: Principal, seconds: float, outcome: str) -> None:
        """Tell the observers of an operation."""
        for watch in self.observers:
            watch(operation, principal, seconds, outcome)

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.fromtimestamp((self.time_of_day or self.clock).seconds(), timezone.utc)


class HasAccess(Protocol):
    """What has operations."""

    @property
    def access(self) -> Access: ...


S = TypeVar("S", bound=HasAccess)

operations: Final[set[str]] = set()
"""The names of those there are, of all modules that are imported."""


def operation(
    name: str, may: Permission
) -> Callable[
    [Callable[Concatenate[S, Principal, P], Awaitable[T]]],
    Callable[Concatenate[S, Principal, P], Coroutine[Any, Any, T]],
]:
    """Make a method an operation: it fires with the method's result, or fails with a `DomainError`
    and nothing else.

    One that only passes on what it asks of the store need be no coroutine, which would cost each
    request 0.2 us.
    """
    operations.add(name)

    def decorate(
        method: Callable[Concatenate[S, Principal, P], Awaitable[T]],
    ) -> Callable[Concatenate[S, Principal, P], Coroutine[Any, Any, T]]:
        @wraps(method)
        async def passed(self: S, principal: Principal, /, *args: P.args, **kwargs: P.kwargs) -> T:
            access = self.access
            started = access.clock.seconds()
            outcome = OK
            try:
                may(principal)
                if access.interference is not None:
                    wait = access.interference(name, principal)
                    if wait is not None:
                        await wait
                return await method(self, principal, *args, **kwargs)
            except DomainError as error:
                outcome = error.outcome
                refusals.note_error(principal.dialect, principal.address, name, error)
                raise
            except Exception:
                outcome = Crashed.outcome
                log.failure("{operation} crashed", operation=name)
                raise Crashed from None
            finally:
                seconds = access.clock.seconds() - started
                for watch in access.observers:  # as `note` does, which would be a call more
                    watch(name, principal, seconds, outcome)

        return passed

    return decorate


def log_operation(operation: str, principal: Principal, seconds: float, outcome: str) -> None:
    """Write a line for each operation: an observer. Neither arguments nor results are in it: they
    may be secret.
    """
    log.info(
        "{dialect} {peer} {operation} {outcome} {milliseconds:.3f} ms",
        dialect=principal.dialect,
        peer=principal.address,
        operation=operation,
        outcome=outcome,
        milliseconds=seconds * 1000,
    )
