"""Where faults act: before an operation, and in the place of the answer to its request.

An operation is met in `access.py`, which knows who asks for what and no connection; the answer is
the connection's. What joins them is the context that the request's coroutine is stepped in: the
rule that meets an operation leaves there what is to become of the answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from types import CoroutineType
from typing import Any, Final

from attrs import Factory, define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from sockcrud.access import Principal, operations
from sockcrud.errors import DomainError, Invalid, NotFound, QuotaExceeded
from sockcrud.faults.rules import ERRORS, Delay, Rule, rule_of
from sockcrud.protocols.answers import Answer, CloseAfter, Stream
from sockcrud.refusals import refusals

MOST: Final = 100
"""Rules at a time: each operation looks at them all."""


_OF_ANSWERS: Final = ("drop", "reset", "truncate", "split")


class Injected(DomainError):
    """A fault that was asked for: the operation was not begun, and nobody hears of this error."""

    outcome = "fault"
    noted = True


@define
class _Exchange:
    """A request on its way to its answer."""

    dialect: str
    """The one that it came by, which may serve several others together."""
    met: set[int] = Factory(set)
    """The rules that it has met: each acts once, also where a request is several operations."""
    effects: dict[str, Any] = Factory(dict)


_exchange: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)


class Faults:
    """The rules that are there, and what they do to operations and answers."""

    def __init__(
        self, clock: Any, dialects: Mapping[str, bool], random: Random | None = None
    ) -> None:
        """`dialects` says of each whether the daemon is administered there: it is let alone, or
        nobody could take a fault back.
        """
        self._clock: IReactorTime = clock
        self._dialects = [name for name, is_privileged in dialects.items() if not is_privileged]
        self._random = random or Random()
        self._rules: dict[int, Rule] = {}
        self._ids = count(1)

    # The rules

    def add(self, given: Mapping[str, Any]) -> Rule:
        """Take in a rule, which is in the words of `rules`; raise Invalid or QuotaExceeded."""
        rule = rule_of(0, self._clock.seconds(), given)
        if rule.dialect and rule.dialect not in self._dialects:
            raise Invalid("dialect", f"one of {', '.join(self._dialects)}")
        if rule.operation and not any(map(rule.is_for, operations)):
            known = ", ".join(sorted(operations))
            raise Invalid("operation", f"one of {known}, or a pattern such as users.*")
        if len(self.all()) >= MOST:
            raise QuotaExceeded("fault", f"there are {MOST}")
        rule.id = next(self._ids)
        self._rules[rule.id] = rule
        return rule

    def all(self) -> list[Rule]:
        """Return those that have not passed."""
        now = self._clock.seconds()
        for rule in list(self._rules.values()):
            if rule.has_passed or (rule.until is not None and rule.until <= now):
                del self._rules[rule.id]
        return list(self._rules.values())

    def remove(self, id: int) -> None:
        """Take one back; raise NotFound."""
        if self._rules.pop(id, None) is None:
            raise NotFound("fault", id)

    def clear(self) -> int:
        """Take all of them back, and return how many these were."""
        number = len(self.all())
        self._rules.clear()
        return number

    # An operation

    def before(self, operation: str, principal: Principal) -> Awaitable[None] | None:
        """Return what an operation has to wait for, or None; what is awaited may fail with an
        error that is to be the answer.
        """
        exchange = _exchange.get()
        if not self._rules or exchange is None:
            return None
        login = None if principal.account is None else principal.account.login
        met = [
            rule
            for rule in self.all()
            if rule.id not in exchange.met
            and rule.meets(
                operation, (principal.dialect, exchange.dialect), principal.address, login
            )
            and self._random.random() < rule.said.get("chance", 1.0)
        ]
        return self._met(met, exchange, operation, principal) if met else None

    async def _met(
        self, rules: list[Rule], exchange: _Exchange, operation: str, principal: Principal
    ) -> None:
        for rule in rules:
            exchange.met.add(rule.id)
            rule.hits += 1
            why = f"fault {rule.id}: {rule}"
            refusals.note(principal.dialect, principal.address, operation, why)
        for rule in rules:
            said = rule.said
            if "delay" in said:
                await self._wait(said["delay"])
            exchange.effects.update((name, said[name]) for name in _OF_ANSWERS if name in said)
            if "error" in said:
                error = ERRORS[said["error"]]()
                error.noted = True
                raise error
            if ("drop" in said or "reset" in said) and "after" not in said:
                raise Injected

    def _wait(self, delay: Delay) -> Deferred[None]:
        seconds = delay.mean + self._random.uniform(-delay.spread, delay.spread)
        waited: Deferred[None] = deferLater(self._clock, max(0.0, seconds))
        return waited

    # An answer

    def around(self, connection: Any) -> None:
        """Have the answers of a connection pass here, before they are put into their order."""
        respond, abort = connection.respond, connection.abort
        dialect: str = connection.dialect

        def respond_with_faults(request: Any) -> Any:
            if not self._rules:
                return respond(request)
            exchange, context = _Exchange(dialect), copy_context()
            context.run(_exchange.set, exchange)
            work = context.run(respond, request)
            if isinstance(work, CoroutineType):
                work = _InContext(work, context)
            elif not isinstance(work, Deferred):
                return _changed(work, exchange.effects, abort)
            return _answered(work, exchange, abort)

        connection.respond = respond_with_faults


async def _answered(
    work: Awaitable[Answer], exchange: _Exchange, abort: Callable[[], object]
) -> Answer:
    return _changed(await work, exchange.effects, abort)


class _InContext:
    """A coroutine that is stepped in a context of its own, whoever steps it."""

    def __init__(self, work: Coroutine[Any, Any, Answer], context: Context) -> None:
        self._work = work
        self._context = context

    def __await__(self) -> Generator[Any, Any, Answer]:
        return self  # type: ignore[return-value]  # as good as one

    def __iter__(self) -> _InContext:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        """Step on with a value."""
        return self._context.run(self._work.send, value)

    def throw(self, *error: Any) -> Any:
        """Step on with an error."""
        return self._context.run(self._work.throw, *error)


def _changed(answer: Answer, effects: Mapping[str, Any], abort: Callable[[], object]) -> Answer:
    """Return what is sent in place of an answer; what is in slices keeps its order as it is."""
    if not effects:
        return answer
    close = answer.close if isinstance(answer, Stream) else lambda: None
    if "drop" in effects:
        close()
        return CloseAfter(b"")
    if "reset" in effects:
        return Stream(_aborted(abort), close, last=True)
    is_last = isinstance(answer, CloseAfter) or (isinstance(answer, Stream) and answer.last)
    slices = _slices(answer)
    if "truncate" in effects:
        slices, is_last = _first(slices, effects["truncate"]), True
    return Stream(_single(slices) if "split" in effects else slices, close, is_last)


async def _slices(answer: Answer) -> AsyncIterator[bytes]:
    if isinstance(answer, Stream):
        while (slice := await answer.next()) is not None:
            yield slice
    else:
        yield answer.body if isinstance(answer, CloseAfter) else bytes(answer)


async def _first(slices: AsyncIterator[bytes], left: int) -> AsyncIterator[bytes]:
    async for slice in slices:
        if left <= 0:
            return
        yield slice[:left]
        left -= len(slice)


async def _single(slices: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield each byte alone: the connection sends one slice in a turn of the reactor."""
    async for slice in slices:
        for at in range(len(slice)):
            yield slice[at : at + 1]


async def _aborted(abort: Callable[[], object]) -> AsyncIterator[bytes]:
    abort()
    return
    yield b""
