# mypy: allow-untyped-calls
"""Who is told of a change: once a change, bounded, and without secrets."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.monitor.checks.results import Result, State
from sockcrud.monitor.notifiers import (
    MOST_UNDER_WAY,
    Command,
    NoNotifier,
    NotifierFailed,
    Notifiers,
    Webhook,
)
from sockcrud.monitor.rounds import Round, Watched
from sockcrud.monitor.thresholds import Change, Standing, Thresholds
from sockcrud.protocols.admission import Connections, Listening
from sockcrud.protocols.http.connection import HTTPFactory, HTTPLimits, Request, Response
from tests.support.awaiting import awaits

NOW = 1_700_000_000.0
WHAT = {
    "monitor": "here",
    "dialect": "users",
    "new": "down",
    "step": "create",
    "reason": "`rm -rf $HOME`; 'no'",
    "old_since": None,
}


class Told:
    """A hook in memory."""

    name = "told"

    def __init__(self, *failures: str, attempts: tuple[float, ...] = (1.0, 5.0)) -> None:
        self.attempts = attempts
        self.heard: list[dict[str, Any]] = []
        self.failures = list(failures)
        self.held: Deferred[None] | None = None

    async def tell(self, what: dict[str, Any]) -> None:
        self.heard.append(what)
        if self.held is not None:
            await self.held
        if self.failures:
            raise NotifierFailed(self.failures.pop(0))


def watched(*states: State) -> tuple[Watched, list[Change | None]]:
    standing = Standing("users", Thresholds())
    results = [
        Result("users", NOW + number, state, 0.1, (), "create", "refused")
        for number, state in enumerate(states)
    ]
    it: Any = Watched("users", "tcp:127.0.0.1:8080", None, standing)  # type: ignore[arg-type]
    return it, [standing.take(result) for result in results]


U, D = State.UP, State.DOWN
ROUND = Round(1, NOW, 0.1, ())


class NotifiersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def hear(self, hook: Told, *states: State) -> Notifiers:
        hooks = Notifiers([hook], self.clock, "here")
        it, changes = watched(*states)
        for change in changes:
            hooks.hear_result(it, change)
            hooks.hear_round(ROUND)
        return hooks

    def test_a_daemon_that_dies_is_one_alert(self) -> None:
        hook = Told()
        hooks = Notifiers([hook], self.clock, "here")
        names = ("users", "messages", "way")
        standings = {name: Standing(name, Thresholds()) for name in names}
        for state in (U, D, D, D, U, U):
            for name in names:
                result = Result(name, NOW, state, 0.1, (), "connect", "connection refused")
                it: Any = Watched(name, f"tcp:{name}", None, standings[name])  # type: ignore[arg-type]
                hooks.hear_result(it, standings[name].take(result))
            hooks.hear_round(ROUND)
        self.assertEqual(
            [(each["dialect"], each["new"], each["reason"]) for each in hook.heard],
            [
                ("users, messages, way", "down", "connection refused"),
                ("users, messages, way", "up", "connection refused"),
            ],
        )
        addresses = [each["address"] for each in hook.heard[0]["dialects"]]
        self.assertEqual(addresses, ["tcp:users", "tcp:messages", "tcp:way"])

    def test_a_change_is_told_once_however_often_it_fails(self) -> None:
        hook = Told()
        self.hear(hook, U, D, D, D, D, D, U, U, U)
        self.assertEqual(
            [(each["old"], each["new"]) for each in hook.heard], [("up", "down"), ("down", "up")]
        )
        self.assertEqual(
            hook.heard[0],
            {
                "monitor": "here",
                "dialect": "users",
                "address": "tcp:127.0.0.1:8080",
                "old": "up",
                "new": "down",
                "old_since": "2023-11-14T22:13:20.000+00:00",
                "at": "2023-11-14T22:13:22.000+00:00",
                "seconds": 0.1,
                "step": "create",
                "reason": "refused",
            },
        )

    def test_one_that_dies_in_the_middle_of_a_round_is_one_alert_too(self) -> None:
        hook = Told()
        hooks = Notifiers([hook], self.clock, "here")
        its = {
            name: Watched(name, f"tcp:{name}", None, Standing(name, Thresholds()))  # type: ignore[arg-type]
            for name in ("users", "way")
        }
        for states in ((U, U), (D, U), (D, D), (D, D), (D, D)):
            for (name, it), state in zip(its.items(), states, strict=True):
                it.last = Result(name, NOW, state, 0.1, (), "connect", "refused")
                hooks.hear_result(it, it.standing.take(it.last))
            hooks.hear_round(ROUND)
        self.assertEqual([each["dialect"] for each in hook.heard], ["users, way"])

    def test_that_all_is_well_at_the_start_is_no_news_and_that_it_is_not_is(self) -> None:
        hook = Told()
        self.hear(hook, U, U, U)
        self.assertEqual(hook.heard, [])
        self.hear(hook, D, D)
        self.assertEqual([each["old"] for each in hook.heard], ["unknown"])

    def test_a_failure_is_tried_again_a_few_times_and_logged(self) -> None:
        hook = Told("it answered 500", "it answered 500", "it answered 500", "never")
        self.hear(hook, U, D, D)
        self.assertEqual(len(hook.heard), 1)
        self.clock.pump([0.9, 0.2, 4.8, 0.3, 100.0, 100.0])
        self.assertEqual(len(hook.heard), 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_succeeds_at_last_is_told_no_more(self) -> None:
        hook = Told("it answered 503")
        self.hear(hook, U, D, D)
        self.clock.pump([1.1, 10.0, 10.0])
        self.assertEqual(len(hook.heard), 2)

    def test_there_are_never_too_many_calls_under_way(self) -> None:
        hook = Told()
        hook.held = Deferred()
        hooks = self.hear(hook, *([U] + [D, D, U, U] * 50))
        self.assertEqual(len(hook.heard), MOST_UNDER_WAY)
        hook.held.callback(None)
        stopped = Deferred.fromCoroutine(hooks.stop(5.0))
        self.assertIsNone(self.successResultOf(stopped))

    def test_stopping_gives_those_under_way_some_time_and_then_breaks_them_off(self) -> None:
        hook = Told()
        hook.held = Deferred()
        hooks = self.hear(hook, U, D, D)
        stopped = Deferred.fromCoroutine(hooks.stop(5.0))
        self.clock.advance(4.9)
        self.assertNoResult(stopped)
        self.clock.advance(0.2)
        self.assertIsNone(self.successResultOf(stopped))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class GivenTests(SynchronousTestCase):
    def test_what_is_no_url_is_refused_without_being_repeated(self) -> None:
        for url in (
            "example.org/hook",
            "ftp://example.org/secret",
            "http://me:secret@example.org/",
            "https:///secret",
            "http://ü/secret",
        ):
            with self.assertRaises(NoNotifier) as caught:
                Webhook(url, Clock())
            self.assertNotIn("secret", str(caught.exception))

    def test_a_webhook_is_named_by_its_host_alone(self) -> None:
        self.assertEqual(
            Webhook("https://example.org/services/T0/secret", Clock()).name, "webhook example.org"
        )

    def test_what_is_no_command_is_refused(self) -> None:
        for text in ("", "page 'me"):
            self.assertRaises(NoNotifier, Command.parsed, text, None)


class Taker:
    """A port that takes what is posted."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.taken: list[tuple[str, bytes | None, Any]] = []
        self.silent = False

    always = ()

    async def answer(self, request: Request) -> Response:
        self.taken.append(
            (
                f"{request.method} {request.path}",
                request.header(b"content-type"),
                json.loads(request.body),
            )
        )
        if self.silent:
            await Deferred()
        return Response(self.status, b"x" * 100_000)

    async def refuse_early(self, request: Request) -> Response | None:
        return None

    def only_reads(self, request: Request) -> bool:
        return False

    def refusal(self, status: int, explanation: str) -> Response:
        return Response(status)

    def body_sink(self, request: Request) -> None:
        return None


@asynccontextmanager
async def a_port(status: int = 204) -> AsyncIterator[tuple[Taker, str]]:
    from twisted.internet import reactor

    taker, connections = Taker(status), Connections(10, reactor)
    factory: Any = HTTPFactory(lambda peer: taker, reactor, Listening(connections), HTTPLimits())
    port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
    try:
        yield taker, f"http://127.0.0.1:{port.getHost().port}/secret/path"
    finally:
        await port.stopListening()
        await connections.finish(reactor, 0.0)


def a_reactor() -> Any:
    from twisted.internet import reactor

    return reactor


@awaits
async def test_a_webhook_gets_the_change_as_json() -> None:
    async with a_port(200) as (taker, url):
        await Webhook(url, a_reactor()).tell(WHAT)
        assert taker.taken == [("POST /secret/path", b"application/json", WHAT)]


@awaits
async def test_a_webhook_that_refuses_or_is_silent_or_gone_has_failed() -> None:
    async with a_port(500) as (taker, url):
        with pytest.raises(NotifierFailed, match="it answered 500"):
            await Webhook(url, a_reactor()).tell(WHAT)
        taker.silent = True
        with pytest.raises(NotifierFailed, match=r"no answer within 0\.2 s"):
            await Webhook(url, a_reactor(), seconds=0.2).tell(WHAT)
    with pytest.raises(NotifierFailed, match="refused") as caught:
        await Webhook(url, a_reactor()).tell(WHAT)
    assert "secret" not in str(caught.value)


def written_by(tmp_path: Path, script: str) -> Command:
    file = tmp_path / "a hook.py"
    file.write_text(script)
    return Command.parsed(f"{sys.executable} '{file}' '{tmp_path / 'out'}'", a_reactor())


@awaits
async def test_a_command_gets_the_change_on_its_input_and_in_its_environment_and_no_shell_sees_it(
    tmp_path: Path,
) -> None:
    hook = written_by(
        tmp_path,
        "import json, os, sys\n"
        "said = {name: value for name, value in os.environ.items() if "
        "name.startswith('MONITOR_')}\n"
        "json.dump([json.load(sys.stdin), said], open(sys.argv[1], 'w'))\n",
    )
    await hook.tell(WHAT)
    given, variables = json.loads((tmp_path / "out").read_text())
    assert given == WHAT
    assert variables["MONITOR_REASON"] == WHAT["reason"]
    assert variables["MONITOR_OLD_SINCE"] == ""


@awaits
async def test_a_command_that_fails_tells_its_status_and_what_it_complained_of(
    tmp_path: Path,
) -> None:
    with pytest.raises(NotifierFailed, match="status 3: no pager"):
        await written_by(
            tmp_path, "import sys; print('no pager', file=sys.stderr); sys.exit(3)"
        ).tell(WHAT)
    with pytest.raises(NotifierFailed):
        await Command.parsed("/no/such/program", a_reactor()).tell(WHAT)


@awaits
async def test_a_command_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    slow = written_by(
        tmp_path,
        "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)",
    )
    with pytest.raises(NotifierFailed, match="killed after 1 s"):
        await Command(slow.words, a_reactor(), seconds=1.0).tell(WHAT)
    if (tmp_path / "out").exists():
        with pytest.raises(ProcessLookupError):
            __import__("os").kill(int((tmp_path / "out").read_text()), 0)


@awaits
async def test_a_command_that_reads_nothing_and_says_a_lot_does_no_harm(tmp_path: Path) -> None:
    await written_by(
        tmp_path,
        "import sys; sys.stdin.close(); print('x' * 1000000); print('y' * 1000000, "
        "file=sys.stderr)",
    ).tell(WHAT)
