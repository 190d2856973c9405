# mypy: allow-untyped-calls
"""What the monitor shows: its status port, its JUnit file, its lines, its table."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.monitor.certificates import CertificateSeen
from sockcrud.monitor.checks.results import Outcome, Result, Secrets, State, StepTaken
from sockcrud.monitor.checks.steps import Conductor
from sockcrud.monitor.memory import DAY, HOUR, WEEK, Memory
from sockcrud.monitor.outputs import junit
from sockcrud.monitor.outputs.lines import JsonLines, JUnitFile, Lines, Writer
from sockcrud.monitor.outputs.live import LiveTable, table
from sockcrud.monitor.outputs.pages import Figures, html, uptime
from sockcrud.monitor.outputs.status import StatusResponder
from sockcrud.monitor.rounds import Monitor, Round, Watched
from sockcrud.monitor.thresholds import Standing, Thresholds
from tests.monitor.monitor_kit import AtOnce
from tests.support.http_kit import HTTPClient

NOW = 1_700_000_000.0
EVIL = Secrets().hidden("<script>alert('x')</script> & \"quoted\" \x1b[2J ]]> \ud800")


def result(name: str, state: State, step: str = "", reason: str = "", left: str = "") -> Result:
    steps = (
        StepTaken("log in", Outcome.OK, 0.01),
        StepTaken(
            step or "create", Outcome.FAILED if state is State.DOWN else Outcome.OK, 0.2, reason
        ),
        StepTaken("sign up", Outcome.SKIPPED, 0.0, "sign-up is closed"),
        StepTaken("delete", Outcome.NOT_REACHED if state is State.DOWN else Outcome.OK),
    )
    return Result(name, NOW, state, 0.21, steps, step, reason, left)


ROUND = Round(
    7,
    NOW,
    0.3,
    (
        result("users", State.UP),
        result("way", State.DOWN, "create", EVIL, "no answer"),
        result("shop", State.DEGRADED, "create", "slow: 3 s"),
        Result("admin", NOW, State.UNKNOWN, 0.0, (), "", "the monitor's own fault: KeyError"),
    ),
)


def a_monitor() -> Monitor:
    clock = Clock()
    clock.advance(NOW)
    watched = []
    for found in ROUND.results:
        check: Any = None
        standing = Standing(found.dialect, Thresholds(1, 1))
        each = Watched(found.dialect, "tcp:127.0.0.1:1", check, standing)
        each.last = found
        each.standing.take(found)
        each.memory.take(found)
        watched.append(each)
    watched[2].certificate = CertificateSeen(12.345)
    monitor = Monitor(watched, Conductor(clock, clock.seconds), None)
    monitor.last_round, monitor.number = ROUND, 7
    return monitor


class Reader(HTMLParser):
    """Takes a page apart: every element must be closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data


class StatusPageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.monitor = a_monitor()
        figures = Figures(self.monitor)
        responder: Any = lambda peer: StatusResponder(self.monitor, figures)  # noqa: E731
        self.client = HTTPClient(responder, Clock())

    def test_the_page_tells_all_without_a_script_and_escapes_what_services_say(self) -> None:
        answered = self.client.asks("GET", "/")
        self.assertEqual(
            (answered.status, answered.field("content-type")), (200, "text/html; charset=utf-8")
        )
        page = Reader(answered.body.decode())
        self.assertNotIn("script", page.seen)
        self.assertIn("Some services are down", page.text)
        self.assertIn("<script>alert('x')</script> & \"quoted\"", page.text)
        self.assertIn("(at create)", page.text)
        self.assertIn("certificate: 12.3 days left", page.text)
        self.assertIn("may have left records behind: no answer", page.text)
        self.assertIn("default-src 'none'", answered.field("content-security-policy") or "")
        self.assertIn("prefers-color-scheme: dark", answered.body.decode())

    def test_the_same_as_json(self) -> None:
        shown = self.client.asks("GET", "/status.json").json
        self.assertEqual(shown["state"], "down")
        self.assertEqual(
            {name: each["state"] for name, each in shown["dialects"].items()}["way"], "down"
        )
        self.assertEqual(shown["dialects"]["way"]["last"]["step"], "create")
        self.assertEqual(shown["dialects"]["way"]["uptime_24h"], 0.0)
        self.assertIsNone(shown["dialects"]["admin"]["uptime_7d"])

    def test_the_same_for_prometheus(self) -> None:
        answered = self.client.asks("GET", "/metrics")
        found = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(answered.body.decode())
            for sample in family.samples
        }
        self.assertEqual(found["sockcrud_monitor_state", "down", "way"], 1)
        self.assertEqual(found["sockcrud_monitor_state", "up", "way"], 0)
        self.assertEqual(found["sockcrud_monitor_failing_step", "create", "way"], 1)
        self.assertEqual(found["sockcrud_monitor_certificate_days", "shop"], 12.35)
        self.assertEqual(found["sockcrud_monitor_rounds_total",], 7)
        self.assertEqual(found["sockcrud_monitor_fault",], 0)

    def test_health_is_that_of_the_monitor_and_not_of_what_it_watches(self) -> None:
        self.assertEqual(self.client.asks("GET", "/health").status, 200)
        self.monitor.clock.advance(79)  # type: ignore[attr-defined]
        self.assertEqual(self.client.asks("GET", "/health").status, 200)
        self.monitor.clock.advance(2)  # type: ignore[attr-defined]
        answered = self.client.asks("GET", "/health")
        self.assertEqual(
            (answered.status, answered.json["fault"]), (503, "no round has ended for too long")
        )

    def test_it_can_only_be_read(self) -> None:
        for method, path, status in (
            ("POST", "/", 405),
            ("DELETE", "/status.json", 405),
            ("GET", "/etc/passwd", 404),
        ):
            answered = self.client.asks(method, path)
            self.assertEqual(answered.status, status)
            self.assertEqual(answered.field("allow"), "GET, HEAD" if status == 405 else None)
        self.assertEqual(self.client.asks("HEAD", "/").body, b"")


class JUnitTests(SynchronousTestCase):
    def test_a_step_is_a_case_and_the_numbers_fit(self) -> None:
        root = ElementTree.fromstring(junit.xml(ROUND))
        self.assertEqual(root.tag, "testsuites")
        suites = {suite.get("name"): suite for suite in root.findall("testsuite")}
        self.assertEqual(list(suites), ["users", "way", "shop", "admin"])
        for suite in suites.values():
            cases = suite.findall("testcase")
            counted = {
                kind: sum(case.find(kind) is not None for case in cases)
                for kind in ("failure", "error", "skipped")
            }
            told = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
            self.assertEqual(
                told,
                [
                    str(len(cases)),
                    *(str(counted[kind]) for kind in ("failure", "error", "skipped")),
                ],
            )
        self.assertEqual(
            [root.get(name) for name in ("tests", "failures", "errors", "skipped")],
            ["13", "1", "1", "4"],
        )
        failure = suites["way"].find("testcase/failure")
        assert failure is not None
        self.assertIn("<script>", failure.get("message") or "")

    def test_the_file_is_replaced_whole_and_nothing_lies_beside_it(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        file = JUnitFile(Writer(AtOnce()), directory / "monitor.xml")
        for _ in range(2):
            file.hear_round(ROUND)
        self.assertEqual([each.name for each in directory.iterdir()], ["monitor.xml"])
        ElementTree.parse(directory / "monitor.xml")

    def test_a_file_that_cannot_be_written_is_told_and_fails_nothing(self) -> None:
        writer = Writer(AtOnce())
        JUnitFile(writer, Path(self.mktemp()) / "nowhere" / "monitor.xml").hear_round(ROUND)
        self.assertIn("No such file", writer.failed)


class LinesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.said: list[str] = []
        self.writer = Writer(AtOnce())
        self.lines = Lines(self.writer, self.said.append)

    def hear(self, *found: tuple[State, str]) -> None:
        each = Watched("users", "tcp:127.0.0.1:1", None, Standing("users", Thresholds()))  # type: ignore[arg-type]
        for state, step in found:
            each.last = Result("users", NOW, state, 0.1, (), step, "refused" if step else "")
            self.lines.hear_result(each, each.standing.take(each.last))

    def test_a_line_a_change(self) -> None:
        down = (State.DOWN, "create")
        self.hear(
            (State.UP, ""),
            (State.UP, ""),
            down,
            down,
            down,
            (State.DOWN, "read"),
            (State.UP, ""),
            (State.UP, ""),
        )
        self.assertEqual(
            [re.sub(r"^\S+  users +", "", line) for line in self.said],
            [
                "up           100 ms",
                "down         100 ms  at create: refused  (counts as up so far)",
                "down         100 ms  at create: refused  (was up)",
                "down         100 ms  at read: refused",
                "up           100 ms  (counts as down so far)",
                "up           100 ms  (was down)",
            ],
        )

    def test_columns_stand_below_each_other_also_with_a_long_name(self) -> None:
        lines = Lines(self.writer, self.said.append, len("phone-book-lines"))
        for name in ("users", "phone-book-lines"):
            each = Watched(name, "tcp:127.0.0.1:1", None, Standing(name, Thresholds()))  # type: ignore[arg-type]
            each.last = Result(name, NOW, State.UP, 0.1, (), "", "", "a record")
            lines.hear_result(each, None)
        lines.hear_round(Round(2, NOW, 0.1, (), fault="the disk is full"))
        self.assertEqual(len({_second_column(line) for line in self.said}), 1, self.said)

    def test_a_round_is_one_object_on_one_line(self) -> None:
        JsonLines(self.writer, self.said.append).hear_round(ROUND)
        (line,) = self.said
        self.assertNotIn("\n", line)
        shown = json.loads(line)
        self.assertEqual((shown["round"], shown["state"], shown["status"]), (7, "down", 3))
        self.assertEqual(
            shown["dialects"]["way"]["steps"][3], {"name": "delete", "outcome": "not reached"}
        )

    def test_who_reads_too_slowly_misses_something_and_holds_up_nothing(self) -> None:
        class Never:
            works = 0

            def run(self, work: Any) -> Deferred[Any]:
                self.works += 1
                return Deferred()

        threads = Never()
        lines = JsonLines(Writer(threads, most_waiting=10), self.said.append)
        for _ in range(100):
            lines.hear_round(ROUND)
        self.assertEqual(threads.works, 10)

    def test_the_exit_status_says_the_worst(self) -> None:
        up, degraded, down, unknown = (
            result("users", state)
            for state in (State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN)
        )
        for results, fault, status in (
            ((up, up), "", 0),
            ((up, degraded), "", 1),
            ((degraded, down, up), "", 2),
            ((down, unknown), "", 3),
            ((up,), "the history is damaged", 3),
            ((), "", 3),
        ):
            self.assertEqual(Round(1, NOW, 0.1, results, (), fault).status, status)


class TableTests(SynchronousTestCase):
    def drawn(self, width: int) -> str:
        out = StringIO()
        Console(file=out, width=width, force_terminal=True, color_system=None).print(
            table(a_monitor(), width)
        )
        return out.getvalue()

    def test_it_shows_each_dialect_with_the_step_that_failed(self) -> None:
        drawn = self.drawn(140)
        self.assertRegex(drawn, r"way +down +down: <script>.* 210 ms +·+× +0\.00 % \(\d+ min\) +–")
        self.assertRegex(drawn, r"users +up +up, 1 steps skipped +210 ms +·+█ +100 % ")
        self.assertIn("round 7, one each 30 s", drawn)
        self.assertNotIn("\x1b[2J", drawn)

    def test_it_fits_a_terminal_of_80_columns(self) -> None:
        self.assertLessEqual(max(map(len, self.drawn(80).splitlines())), 80)

    def test_it_is_drawn_over_itself_and_logs_go_above(self) -> None:
        out = StringIO()
        live = LiveTable(
            Writer(AtOnce()), Console(file=out, width=100, force_terminal=True), a_monitor()
        )
        for _ in range(3):
            live.draw()
        live.say("something happened")
        live.stop()
        self.assertIn("something happened", out.getvalue())
        self.assertGreater(out.getvalue().count("\x1b[1A"), 3)


def _second_column(line: str) -> int:
    """Return where the word behind the name begins."""
    found = re.match(r"\S+ +\S+ +", line)
    assert found is not None
    return found.end()


class UptimeTests(SynchronousTestCase):
    def test_it_is_told_of_the_time_that_is_known_and_of_no_other(self) -> None:
        for part, known, span, words in (
            (1.0, 90, DAY, "100 % (2 min)"),
            (0.5, 3 * HOUR, DAY, "50.00 % (3 h)"),
            (1.0, 3 * HOUR, WEEK, "–"),
            (1.0, DAY, DAY, "100 %"),
            (1.0, 3 * DAY, WEEK, "100 % (72 h)"),
            (1.0, WEEK, WEEK, "100 %"),
            (None, 5, DAY, "–"),
        ):
            self.assertEqual(uptime(part, known, span), words)


class IncidentTests(SynchronousTestCase):
    def test_failures_in_a_row_are_one_incident(self) -> None:
        memory = Memory()
        for number, state in enumerate(
            (State.UP, State.DEGRADED, State.DOWN, State.UP, State.UNKNOWN, State.DOWN)
        ):
            memory.take(Result("users", NOW + number, state, 0.1, (), "create", f"{state.value}!"))
        found = [
            (each.start - NOW, each.end - NOW, each.state, each.is_over)
            for each in memory.incidents
        ]
        self.assertEqual(
            found,
            [(1.0, 2.0, State.DOWN, True), (5.0, 5.0, State.DOWN, False)],
        )

    def test_of_a_history_a_pause_ends_it(self) -> None:
        memory = Memory()
        for at in (0, 60, 120, 5000):
            memory.recall(NOW + at, State.DOWN, "connect", "refused")
        self.assertEqual([each.end - NOW for each in memory.incidents], [120, 5000])

    def test_the_page_shows_them(self) -> None:
        page = Reader(html(a_monitor()).decode())
        self.assertIn("Incidents", page.text)
        self.assertRegex(page.text, r"to now: way down, ")
