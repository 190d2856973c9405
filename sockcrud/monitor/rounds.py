"""The monitor: rounds of checks, what they make known, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar

from attrs import Factory, define, field, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.monitor.certificates import CertificateSeen
from sockcrud.monitor.checks.results import Result, State
from sockcrud.monitor.checks.steps import OWN_FAULT, Check, Conductor
from sockcrud.monitor.history import History
from sockcrud.monitor.memory import Memory
from sockcrud.monitor.thresholds import Change, Standing

T = TypeVar("T")

log: Final = Logger()

GRACE: Final = 2.0
"""Seconds that checks under way have when the monitor is stopped: one that is broken off in a login
leaves a session.
"""


@define(eq=False)
class Watched:
    """A dialect that is checked, where it is, and what is known of it."""

    name: str
    address: str
    """As people write it; there is no secret in it."""
    check: Check
    standing: Standing
    certificate: CertificateSeen | None = None
    memory: Memory = Factory(Memory)
    last: Result | None = None
    busy: bool = False
    """Whether a check of it is under way."""


@frozen
class Round:
    """What was found in one round. `passed_over` are the dialects whose check of an earlier round
    was still under way.
    """

    number: int
    at: float
    seconds: float
    results: tuple[Result, ...]
    passed_over: tuple[str, ...] = ()
    fault: str = ""
    """What is wrong with the monitor itself."""

    @property
    def state(self) -> State:
        """The worst of what was found; unknown where nothing was."""
        known = [result.state for result in self.results if result.state is not State.UNKNOWN]
        return max(known, key=lambda state: state.badness, default=State.UNKNOWN)

    @property
    def status(self) -> int:
        """The exit status that says it: 0 all well, 1 degraded, 2 down, 3 a fault of the monitor's
        own, whatever else.
        """
        if (
            self.fault
            or not self.results
            or any(result.state is State.UNKNOWN for result in self.results)
        ):
            return 3
        return self.state.badness


class Listener(Protocol):
    """Who wants to know."""

    def hear_result(self, watched: Watched, change: Change | None) -> None:
        """Hear of a result, which is `watched.last`, and of the change of state that it made, if
        any.
        """

    def hear_round(self, round: Round) -> None:
        """Hear that a round is over."""


@define(eq=False)
class Monitor:
    """Checks what is watched, side by side, every so many seconds."""

    watched: Sequence[Watched]
    conductor: Conductor
    history: History | None
    listeners: Sequence[Listener] = ()
    every: float = 30.0
    number: int = 0
    """That of the latest round."""
    last_round: Round | None = None
    _loop: LoopingCall = field(init=False)
    _under_way: set[Deferred[Any]] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._loop = LoopingCall(self._tick)
        self._loop.clock = self.clock

    @property
    def clock(self) -> IReactorTime:
        """What tells it the time that passes."""
        return self.conductor.clock

    @property
    def now(self) -> Callable[[], float]:
        """What tells it the seconds since 1970."""
        return self.conductor.now

    @property
    def fault(self) -> str:
        """What is wrong with the monitor itself; empty where all is well."""
        return self.history.fault if self.history is not None else ""

    async def load(self) -> None:
        """Return when what the history tells is known, or that it tells nothing. Never fails."""
        if self.history is None:
            return
        past = await self.history.load(self.now())
        for each in self.watched:
            each.memory = past.memories.get(each.name, each.memory)
            if each.name in past.states:
                each.standing.state, each.standing.since = past.states[each.name]

    def start(self) -> None:
        """Begin a round now, and one every so many seconds. A check that is still under way is not
        begun again.
        """
        self._loop.start(self.every, now=True).addErrback(self._failed)

    async def stop(self) -> None:
        """Begin nothing more, and fire when all has cleaned up and the history is closed.

        What is under way has a little time to end by itself, then it is broken off.
        """
        if self._loop.running:
            self._loop.stop()
        await all_over(self._under_way, self.clock, GRACE, self.conductor.interrupt)
        if self.history is not None:
            await self.history.close()

    def begin_round(self) -> Deferred[Round]:
        """Check all that is not being checked; fire when all of it is known, written down and
        told.
        """
        work = Deferred.fromCoroutine(self._round())
        self._under_way.add(work)
        return work.addBoth(self._over, work)

    def _over(self, result: T, work: Deferred[Any]) -> T:
        self._under_way.discard(work)
        return result

    async def _round(self) -> Round:
        self.number += 1
        number, at, begun = self.number, self.now(), self.clock.seconds()
        free = [each for each in self.watched if not each.busy]
        passed_over = tuple(each.name for each in self.watched if each.busy)
        found = await gatherResults([Deferred.fromCoroutine(self._check(each)) for each in free])
        results = tuple(found)
        if self.history is not None:
            states = {each.name: (each.standing.state, each.standing.since) for each in free}
            counted = [result for result in results if not result.interrupted]
            await self.history.add(counted, states, self.now())
        round = Round(number, at, self.clock.seconds() - begun, results, passed_over, self.fault)
        self.last_round = round
        for listener in self.listeners:
            _notify(listener.hear_round, round)
        return round

    def _tick(self) -> None:
        if all(each.busy for each in self.watched):
            return
        self.begin_round().addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        log.failure("the monitor failed", failure)

    async def _check(self, watched: Watched) -> Result:
        watched.busy = True
        try:
            result = await self.conductor.conduct(watched.check)
        except Exception as error:
            # By what its parts promise this cannot be; the other dialects must be checked all the
            # same.
            log.failure("{name}: the check failed", name=watched.name)
            result = Result(
                watched.name,
                self.now(),
                State.UNKNOWN,
                0.0,
                (),
                "",
                f"{OWN_FAULT}: {type(error).__name__}",
            )
        finally:
            watched.busy = False
        if not result.interrupted:
            watched.last = result
            watched.memory.take(result)
            change = watched.standing.take(result)
            for listener in self.listeners:
                _notify(listener.hear_result, watched, change)
        return result


def _notify(hear: Callable[..., None], *what: object) -> None:
    try:
        hear(*what)
    except Exception:
        log.failure("a result could not be told")


async def all_over(
    works: Iterable[Deferred[Any]],
    clock: IReactorTime,
    seconds: float,
    break_off: Callable[[], object],
) -> None:
    """Return when all of it is over, however it ends; break it off when that takes so many
    seconds.
    """
    overtime = clock.callLater(seconds, break_off)
    await gatherResults([_when_over(work) for work in works])
    if overtime.active():
        overtime.cancel()


def _when_over(work: Deferred[Any]) -> Deferred[None]:
    over: Deferred[None] = Deferred()

    def done(result: Any) -> Any:
        over.callback(None)
        return result

    work.addBoth(done)
    return over
