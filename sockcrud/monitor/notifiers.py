"""Tells others of a change of state: a URL gets it as JSON, a command on its standard input and in
its environment.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Awaitable, Callable, Sequence
from io import BytesIO
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson
from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProcessProtocol, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.protocol import Protocol as Connected
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, FileBodyProducer
from twisted.web.http_headers import Headers
from zope.interface import implementer

from sockcrud.monitor.checks.results import State
from sockcrud.monitor.checks.steps import format_error
from sockcrud.monitor.outputs.snapshot import iso
from sockcrud.monitor.rounds import Round, Watched, all_over
from sockcrud.monitor.thresholds import Change

log: Final = Logger()

WEBHOOK_SECONDS: Final = 10.0
PAUSES: Final = (1.0, 5.0)
"""How long to wait before each further attempt at a URL."""
COMMAND_SECONDS: Final = 30.0
MOST_UNDER_WAY: Final = 20
PREFIX: Final = "MONITOR_"
_MOST_OUTPUT: Final = 2000


class NoNotifier(Exception):
    """What was given can be no notifier, in one line."""


class NotifierFailed(Exception):
    """A notifier that could not be called, in one line without secrets."""


class Notifier(Protocol):
    """Somebody to tell. `name` says who, and has no secret in it."""

    @property
    def name(self) -> str: ...

    @property
    def attempts(self) -> Sequence[float]:
        """How long to wait before each further attempt."""

    def tell(self, what: dict[str, Any]) -> Awaitable[None]:
        """Return when it was told; raise `NotifierFailed`. Cancelling it breaks it off."""


@define(eq=False)
class Notifiers:
    """Calls the notifiers at each change that is news. So many calls may be under way; more are
    logged as failed.
    """

    notifiers: Sequence[Notifier]
    clock: IReactorTime
    monitor: str
    """How this monitor calls itself."""
    _under_way: set[Deferred[None]] = field(init=False, factory=set)
    _news: list[tuple[Change, str]] = field(init=False, factory=list)
    """The changes that nobody is told of yet, with the addresses of what has changed."""
    _undecided: set[str] = field(init=False, factory=set)
    """The dialects whose latest result is not what their state is: more like it, and they
    change."""
    _held: bool = field(init=False, default=False)
    """Whether the news have waited for these for a round."""

    def hear_result(self, watched: Watched, change: Change | None) -> None:
        """Take note of a change that is news."""
        last = watched.last
        if last is not None and last.state not in (watched.standing.state, State.UNKNOWN):
            self._undecided.add(watched.name)
        else:
            self._undecided.discard(watched.name)
        if change is not None and change.is_news:
            self._news.append((change, watched.address))

    def hear_round(self, round: Round) -> None:
        """Call every notifier once for all that has become the same in this round: a daemon that
        dies is one alert, however many dialects it served. One that dies in the middle of a round
        was up for some of its checks: so the news wait a round for those that are about to follow.
        """
        if self._news and self._undecided and not self._held:
            self._held = True
            return
        self._held = False
        news, self._news = self._news, []
        by_state: dict[State, list[tuple[Change, str]]] = {}
        for change, address in news:
            by_state.setdefault(change.new, []).append((change, address))
        for changes in by_state.values():
            self._tell(described(changes, self.monitor))

    def _tell(self, what: dict[str, Any]) -> None:
        for notifier in self.notifiers:
            if len(self._under_way) >= MOST_UNDER_WAY:
                log.error(
                    "{notifier} is not told of {dialect}: too many calls are under way",
                    notifier=notifier.name,
                    dialect=what["dialect"],
                )
                continue
            calling = Deferred.fromCoroutine(self._call(notifier, what))
            self._under_way.add(calling)
            calling.addErrback(_unexpected, notifier.name).addBoth(self._over, calling)

    async def stop(self, patience: float) -> None:
        """Return what is under way so many seconds, then break it off; fire when all is over."""
        calls = list(self._under_way)
        await all_over(calls, self.clock, patience, lambda: _cancel_all(calls))

    async def _call(self, notifier: Notifier, what: dict[str, Any]) -> None:
        for number, pause in enumerate((0.0, *notifier.attempts), 1):
            try:
                if pause:
                    await deferLater(self.clock, pause)
                await notifier.tell(what)
            except NotifierFailed as error:
                of = 1 + len(notifier.attempts)
                log.error(
                    "{notifier} failed, attempt {number} of {of}: {error}",
                    notifier=notifier.name,
                    number=number,
                    of=of,
                    error=error,
                )
            except CancelledError:
                log.error("{notifier} was broken off", notifier=notifier.name)
                return
            else:
                return

    def _over(self, result: None, calling: Deferred[None]) -> None:
        self._under_way.discard(calling)


def _unexpected(failure: Failure, name: str) -> None:
    log.error("{notifier} failed: {error}", notifier=name, error=type(failure.value).__name__)


def _cancel_all(calls: Sequence[Deferred[None]]) -> None:
    for call in calls:
        call.cancel()


def described(changes: Sequence[tuple[Change, str]], monitor: str) -> dict[str, Any]:
    """Return what a notifier is told, as JSON has it: of several dialects their names together, and
    of each besides.
    """
    each = [_of_one(change, address) for change, address in changes]
    if len(each) == 1:
        return {"monitor": monitor, **each[0]}
    names = ", ".join(one["dialect"] for one in each)
    reasons = list(dict.fromkeys(one["reason"] for one in each))
    together = {"dialect": names, "reason": "; ".join(reasons)[:_MOST_OUTPUT], "dialects": each}
    return {"monitor": monitor, **each[0], **together}


def _of_one(change: Change, address: str) -> dict[str, Any]:
    result = change.result
    return {
        "dialect": change.dialect,
        "address": address,
        "old": change.old.value,
        "new": change.new.value,
        "old_since": iso(change.since) if change.since else None,
        "at": iso(result.at),
        "seconds": round(result.seconds, 4),
        "step": result.step,
        "reason": result.reason,
    }


class Webhook:
    """A URL that gets a POST with JSON. Its path may be a secret, so it is named by its host
    alone.
    """

    attempts = PAUSES

    def __init__(
        self, url: str, reactor: Any, seconds: float = WEBHOOK_SECONDS, agent: Any = None
    ) -> None:
        try:
            parts = urlsplit(url)
            good = (
                parts.scheme in ("http", "https")
                and parts.hostname
                and parts.username is None
                and parts.port != 0
            )
            self._url = url.encode("ascii")
        except ValueError:
            good = False
        if not good:
            raise NoNotifier(
                "a webhook is a URL such as https://example.org/hook, without a name and "
                "password in it"
            )
        self.name = f"webhook {parts.hostname}"
        self._reactor = reactor
        self._seconds = seconds
        self._agent = agent or Agent(reactor, BrowserLikePolicyForHTTPS(), connectTimeout=seconds)

    async def tell(self, what: dict[str, Any]) -> None:
        """Post it, and look at the status alone."""
        headers = Headers(
            {"Content-Type": ["application/json"], "User-Agent": ["sockcrud-monitor"]}
        )
        asking = self._agent.request(
            b"POST", self._url, headers, FileBodyProducer(BytesIO(orjson.dumps(what)))
        )
        overtime = self._reactor.callLater(self._seconds, asking.cancel)
        try:
            response = await asking
        except Exception as error:
            if not overtime.active():
                raise NotifierFailed(f"no answer within {self._seconds:g} s") from None
            if isinstance(error, CancelledError):
                raise
            raise NotifierFailed(_cause(error)) from None
        finally:
            if overtime.active():
                overtime.cancel()
        ignoring = _Ignored()
        response.deliverBody(ignoring)
        await ignoring.over
        if not 200 <= response.code < 300:
            raise NotifierFailed(f"it answered {response.code}")


class _Ignored(Connected):
    """A body that nobody reads: its connection is closed."""

    def __init__(self) -> None:
        self.over: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        close = getattr(self.transport, "abortConnection", None) or getattr(
            self.transport, "loseConnection", None
        )
        if close is not None:
            close()

    def connectionLost(self, reason: Failure | None = None) -> None:
        if not self.over.called:
            self.over.callback(None)


def _cause(error: BaseException) -> str:
    reasons = getattr(
        error, "reasons", None
    )  # of twisted.web's errors, which have no words of their own
    return format_error(reasons[0].value) if reasons else format_error(error)


@frozen
class Command:
    """A program that is run, without a shell: the change is JSON on its standard input, and in
    MONITOR_* variables.
    """

    words: tuple[str, ...]
    reactor: Any
    seconds: float = COMMAND_SECONDS
    attempts: Sequence[float] = ()

    @classmethod
    def parsed(cls, text: str, reactor: Any) -> Command:
        """Take the words of a command line apart; raise `NoNotifier`."""
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise NoNotifier(f"the hook {text!r} is no command: {error}") from None
        if not words:
            raise NoNotifier("a hook is a command such as /usr/local/bin/page-me, and it is empty")
        return cls(words, reactor)

    @property
    def name(self) -> str:
        """The program, without its arguments."""
        return f"hook {self.words[0]}"

    async def tell(self, what: dict[str, Any]) -> None:
        """Run it to its end; kill it when its time is over."""
        variables = {
            f"{PREFIX}{name.upper()}": "" if value is None else str(value)
            for name, value in what.items()
            if not isinstance(value, list)  # which is in the JSON alone
        }
        running = _Running(orjson.dumps(what) + b"\n")
        try:
            process = self.reactor.spawnProcess(
                running, self.words[0], self.words, env={**os.environ, **variables}
            )
        except OSError as error:
            raise NotifierFailed(error.strerror or str(error)) from None
        overtime = self.reactor.callLater(self.seconds, running.kill, process)
        running.cancelled = lambda: running.kill(process)
        try:
            status = await running.ended
        finally:
            in_time = overtime.active()
            if in_time:
                overtime.cancel()
        if not in_time:
            raise NotifierFailed(f"killed after {self.seconds:g} s")
        if status:
            said = running.errors.decode(errors="replace").strip()
            raise NotifierFailed(f"{status}: {said}" if said else status)


@implementer(IProcessProtocol)
class _Running(ProcessProtocol):
    """A program under way. `ended` fires with why it went wrong, or with "". Cancelling that kills
    it.
    """

    def __init__(self, said: bytes) -> None:
        self.errors = b""
        self.cancelled: Callable[[], None] = lambda: None
        self.ended: Deferred[str] = Deferred(lambda _: self.cancelled())
        self._said = said

    def connectionMade(self) -> None:
        self.transport.write(self._said)  # type: ignore[union-attr]
        self.transport.closeStdin()  # type: ignore[union-attr]

    def errReceived(self, data: bytes) -> None:
        self.errors = (self.errors + data)[:_MOST_OUTPUT]

    def kill(self, process: Any) -> None:
        """End it at once, and wait for no output of what it may have started."""
        try:
            process.signalProcess("KILL")
        except Exception as error:  # it has ended meanwhile
            log.debug("a hook was over: {error}", error=error)
        process.loseConnection()

    def processEnded(self, reason: Failure) -> None:
        if not self.ended.called:
            code, signal = (
                getattr(reason.value, "exitCode", None),
                getattr(reason.value, "signal", None),
            )
            self.ended.callback(
                ""
                if code == 0
                else f"status {code}"
                if code is not None
                else f"ended by signal {signal}"
            )
