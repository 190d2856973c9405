"""Takes a check's steps one after the other, within its time, and judges what came of them. Cleans
up whatever happens.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sockcrud.client.errors import ClientError
from sockcrud.monitor.checks.results import Outcome, Result, Secrets, State, StepTaken

log: Final = Logger()

_REFUSED: Final = re.compile(
    r"Connection was refused by other side(: [0-9]+: Connection refused)?\.?"
)
OWN_FAULT: Final = "the monitor's own fault"


class Wrong(Exception):
    """The service does not do as it should, in words for people."""


class Skipped(Exception):
    """The step cannot be taken here, and why. The next one is."""


class Warned(Exception):
    """All is well still, but will not stay so. The next step is taken."""


FAILURES: Final = (Wrong, ClientError, ConnectError, ConnectionClosed)
"""What says something of the service. All else is the monitor's own fault."""


@frozen
class Step:
    """A thing that a user does, and its name."""

    name: str
    take: Callable[[], Awaitable[None]]
    """Fires when it is done and was right; fails with one of `FAILURES`, with `Skipped` or with
    `Warned`.
    """


class Check(Protocol):
    """The check of one dialect. It is asked for its steps before each run, and to clean up after
    it.
    """

    name: str

    def steps(self) -> Sequence[Step]:
        """Return what is to be done, from the beginning."""

    async def clean_up(self) -> str:
        """Take away what the steps left, log out and close the connections. Return why something
        may be left, or "".
        """


@frozen
class Limits:
    """How long a check may take: `slow` seconds make it degraded, `timeout` seconds fail it."""

    slow: float = 2.0
    timeout: float = 10.0


@define(eq=False)
class Conductor:
    """Conducts checks. `now` tells the seconds since 1970."""

    clock: IReactorTime
    now: Callable[[], float]
    limits: Limits = field(factory=Limits)
    secrets: Secrets = field(factory=Secrets)
    _taking: set[Deferred[None]] = field(init=False, factory=set)
    _interrupted: bool = field(init=False, default=False)

    def interrupt(self) -> None:
        """Break off all checks: each cleans up at once, and what it found is marked as
        interrupted.
        """
        self._interrupted = True
        for taking in list(self._taking):
            taking.cancel()

    async def conduct(self, check: Check) -> Result:
        """Return what the check found, when it has cleaned up. Never fails.

        Cleaning up has the time of a check once more.
        """
        begun, at = self.clock.seconds(), self.now()
        run = _Run(check, self)
        taking = Deferred.fromCoroutine(run.take_all())
        self._taking.add(taking)
        overtime = self.clock.callLater(self.limits.timeout, taking.cancel)
        try:
            await taking
        finally:
            self._taking.discard(taking)
            if overtime.active():
                overtime.cancel()
        seconds = self.clock.seconds() - begun
        left = await self._cleaned_up(check)
        return self._judged(run, at, seconds, left)

    async def _cleaned_up(self, check: Check) -> str:
        cleaning = Deferred.fromCoroutine(check.clean_up()).addTimeout(
            self.limits.timeout, self.clock
        )
        try:
            return self.secrets.hidden(await cleaning)
        except Exception as error:
            log.info(
                "{check}: cleaning up failed: {error}",
                check=check.name,
                error=self.secrets.hidden(format_error(error)),
            )
            return self.secrets.hidden(f"cleaning up failed: {format_error(error)}")

    def _judged(self, run: _Run, at: float, seconds: float, left: str) -> Result:
        state, step, reason = State.UP, "", ""
        if run.fault:
            state, step, reason = (
                State.UNKNOWN,
                run.taken[-1].name if run.taken else "",
                f"{OWN_FAULT}: {run.fault}",
            )
        elif failed := run.first(Outcome.FAILED):
            state, step, reason = State.DOWN, failed.name, failed.reason
        elif warned := run.first(Outcome.WARNED):
            state, step, reason = State.DEGRADED, warned.name, warned.reason
        elif seconds >= self.limits.slow:
            slowest = max(run.taken, key=lambda taken: taken.seconds)
            words = (
                f"slow: {seconds:.2f} s in all, {slowest.seconds:.2f} s of it here; "
                f"{self.limits.slow:g} s are allowed"
            )
            state, step, reason = State.DEGRADED, slowest.name, words
        steps = (*run.taken, *(StepTaken(name, Outcome.NOT_REACHED) for name in run.ahead))
        reason = self.secrets.hidden(reason)
        return Result(
            run.check.name,
            at,
            state,
            seconds,
            steps,
            step,
            reason,
            left,
            interrupted=self._interrupted,
        )


class _Run:
    """One run of a check."""

    def __init__(self, check: Check, conductor: Conductor) -> None:
        self.check = check
        self.taken: list[StepTaken] = []
        self.ahead: list[str] = []
        self.fault = ""
        self._conductor = conductor

    def first(self, outcome: Outcome) -> StepTaken | None:
        """Return the first step with this outcome."""
        return next((taken for taken in self.taken if taken.outcome is outcome), None)

    async def take_all(self) -> None:
        """Return after the last step, or the first that failed. Never fails."""
        try:
            steps = list(self.check.steps())
        except Exception as error:
            self._faulty("its steps", error)
            return
        self.ahead = [step.name for step in steps]
        for step in steps:
            del self.ahead[0]
            if not await self._take(step):
                return

    async def _take(self, step: Step) -> bool:
        """Return whether to go on."""
        begun = self._conductor.clock.seconds()
        outcome, reason = Outcome.OK, ""
        try:
            await step.take()
        except Skipped as error:
            outcome, reason = Outcome.SKIPPED, str(error)
        except Warned as error:
            outcome, reason = Outcome.WARNED, str(error)
        except CancelledError:
            outcome, reason = (
                Outcome.FAILED,
                f"no answer: the check has {self._conductor.limits.timeout:g} s in all",
            )
        except FAILURES as error:
            outcome, reason = Outcome.FAILED, format_error(error)
        except Exception as error:
            outcome, reason = Outcome.FAILED, format_error(error)
            self._faulty(step.name, error)
        seconds = self._conductor.clock.seconds() - begun
        self.taken.append(
            StepTaken(step.name, outcome, seconds, self._conductor.secrets.hidden(reason))
        )
        return outcome is not Outcome.FAILED

    def _faulty(self, step: str, error: Exception) -> None:
        self.fault = format_error(error)
        # Not the trace: its locals are not shown, but an error's own words may hold a secret.
        where = _where(error)
        log.error(
            "{check}: the monitor failed at {step}: {words} ({where})",
            check=self.check.name,
            step=step,
            words=self._conductor.secrets.hidden(self.fault),
            where=where,
        )


def format_error(error: BaseException) -> str:
    """Word an error: its own words, and its kind where it has none."""
    if "certificate verify failed" in str(error):
        return "its certificate is not trusted: --trust FILE names those that vouch for it"
    return _REFUSED.sub("connection refused", str(error)) or type(error).__name__


def _where(error: BaseException) -> str:
    """Name the line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "nowhere" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
