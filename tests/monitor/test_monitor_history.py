"""The history: what it keeps, for how long, and what happens where the file is damaged, locked or
something else.
"""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.monitor import history as history_module
from sockcrud.monitor.checks.results import Result, State
from sockcrud.monitor.history import Bounds, History, HistoryFault, HistoryFile
from sockcrud.monitor.memory import DAY, HOUR, WEEK
from tests.monitor.monitor_kit import AtOnce

NOW = 1_700_000_000.0
LONG = "x" * 300


def result(state: State, at: float, dialect: str = "users", reason: str = "") -> Result:
    return Result(dialect, at, state, 0.25, (), "create" if reason else "", reason)


class HistoryCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "state" / "monitor.db"
        self.file = HistoryFile(self.path, Bounds(rows=1000))
        self.addCleanup(lambda: self.file.close())
        self.patch(history_module, "LOCK_SECONDS", 0.05)

    def rows(self, where: str = "1") -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(
                f"SELECT dialect, at, state, seconds, step, reason FROM results WHERE {where}"
            ).fetchall()
        finally:
            connection.close()

    def add(self, *results: Result, now: float = NOW) -> None:
        self.file.add(results, {}, now)


class KeepingTests(HistoryCase):
    def test_a_result_is_kept_with_its_step_its_reason_and_its_latency(self) -> None:
        self.add(result(State.DOWN, NOW, reason="connection refused"))
        self.assertEqual(
            self.rows(), [("users", NOW, "down", 0.25, "create", "connection refused")]
        )

    def test_only_its_owner_can_read_it(self) -> None:
        self.add(result(State.UP, NOW))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_what_was_known_is_known_to_the_next_process(self) -> None:
        for number in range(4):
            self.add(result(State.DOWN if number == 0 else State.UP, NOW - 300 + number))
        self.file.add([], {"users": (State.DOWN, NOW - 50)}, NOW)
        self.file.close()
        past = HistoryFile(self.path).load(NOW)
        self.assertEqual(past.memories["users"].uptime(NOW, DAY), 0.75)
        self.assertEqual(
            sum(value is not None for value in past.memories["users"].last_hour(NOW, 60)), 2
        )
        self.assertEqual(past.states, {"users": (State.DOWN, NOW - 50)})

    def test_successes_are_thinned_after_a_day_and_gone_after_a_week(self) -> None:
        self.file = HistoryFile(self.path)
        for at in range(int(NOW - 30 * HOUR), int(NOW), 60):
            self.add(result(State.UP, float(at)), now=NOW - 40 * HOUR)
        self.add(result(State.UP, NOW), now=NOW)
        self.assertGreater(len(self.rows()), 900)
        old = self.rows(f"at < {NOW - DAY}")
        self.assertLessEqual(len(old), 6 * 7)
        self.assertGreater(len(old), 6 * 5)
        self.add(result(State.UP, NOW), now=NOW + WEEK + DAY)
        self.assertEqual(self.rows(), [])

    def test_failures_are_kept_longer_than_successes(self) -> None:
        for state in State:
            self.add(result(state, NOW, reason="so"))
        self.add(now=NOW + WEEK + DAY)
        self.assertEqual({row[2] for row in self.rows()}, {"down", "degraded"})
        self.add(now=NOW + 91 * DAY)
        self.assertEqual(self.rows(), [])

    def test_uptime_does_not_depend_on_what_was_thinned(self) -> None:
        for number in range(200):
            self.add(
                result(State.UP if number % 4 else State.DOWN, NOW - 50 * HOUR + number),
                now=NOW - 50 * HOUR + number,
            )
        self.add(now=NOW)
        self.assertLess(len(self.rows("state = 'up'")), 10)
        self.assertEqual(self.file.load(NOW).memories["users"].uptime(NOW, WEEK), 0.75)


class BoundTests(HistoryCase):
    def test_there_are_never_more_rows_than_allowed_and_successes_go_first(self) -> None:
        for number in range(200):
            self.add(
                *(result(State.UP, NOW + number) for _ in range(9)),
                result(State.DOWN, NOW + number, reason="so"),
            )
            self.assertLessEqual(len(self.rows()), 1000)
        self.assertEqual(len(self.rows("state = 'down'")), 200)

    def test_failures_alone_are_bounded_too_and_the_oldest_go(self) -> None:
        for number in range(300):
            self.add(*(result(State.DOWN, NOW + number, reason="so") for _ in range(10)))
        self.assertLessEqual(len(self.rows()), 1000)
        self.assertEqual(max(row[1] for row in self.rows()), NOW + 299)

    def test_the_file_is_bounded_where_every_row_is_as_long_as_it_can_be(self) -> None:
        sizes, whole = [], []
        for number in range(100):
            self.add(*(result(State.DOWN, NOW + number, reason=LONG) for _ in range(100)))
            sizes.append(self.path.stat().st_size)
            whole.append(sum(file.stat().st_size for file in self.path.parent.iterdir()))
        self.assertLess(max(whole), 1000 * 600 + 5 * 2**20)
        self.assertLess(max(sizes), 1000 * 600)

    def test_the_file_becomes_smaller_when_what_was_in_it_is_gone(self) -> None:
        for number in range(10):
            self.add(*(result(State.DOWN, NOW + number, reason=LONG) for _ in range(100)))
        self.file.close()
        large = self.path.stat().st_size
        self.add(now=NOW + 365 * DAY)
        self.file.close()
        self.assertLess(self.path.stat().st_size, large / 4)


class FaultTests(HistoryCase):
    def fault(self) -> str:
        with self.assertRaises(HistoryFault) as caught:
            self.file.load(NOW)
        return str(caught.exception)

    def test_a_damaged_file_is_told_and_left_as_it_is(self) -> None:
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(b"no database at all" * 100)
        self.assertRegex(self.fault(), "monitor.db: it is damaged .*--history")
        self.assertEqual(self.path.read_bytes(), b"no database at all" * 100)

    def test_another_database_is_left_as_it_is(self) -> None:
        self.path.parent.mkdir(parents=True)
        other = sqlite3.connect(self.path)
        other.execute("CREATE TABLE results (id)")
        other.commit()
        other.close()
        self.assertIn("it is no history of this monitor", self.fault())

    def test_a_locked_file_is_told_and_written_again_when_it_is_free(self) -> None:
        self.add(result(State.UP, NOW))
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with self.assertRaisesRegex(HistoryFault, "database is locked"):
            self.add(result(State.UP, NOW))
        other.execute("ROLLBACK")
        other.close()
        self.add(result(State.UP, NOW))
        self.assertEqual(len(self.rows()), 2)

    def test_a_directory_that_cannot_be_made_is_told(self) -> None:
        self.path.parent.parent.mkdir(parents=True)
        self.path.parent.write_text("in the way")
        self.assertIn("monitor.db", self.fault())

    def test_a_fault_is_logged_once_and_fails_nothing(self) -> None:
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(b"no database at all" * 100)
        history = History(self.file, AtOnce())
        for _ in range(3):
            self.assertIsNone(
                self.successResultOf(Deferred.fromCoroutine(history.add([], {}, NOW)))
            )
        self.assertEqual(
            self.successResultOf(Deferred.fromCoroutine(history.load(NOW))).memories, {}
        )
        self.assertIn("it is damaged", history.fault)
        self.path.unlink()
        self.successResultOf(Deferred.fromCoroutine(history.add([result(State.UP, NOW)], {}, NOW)))
        self.assertEqual(history.fault, "")
        self.assertEqual(len(self.rows()), 1)

    def test_what_waits_for_a_slow_disk_is_bounded(self) -> None:
        class Never:
            works = 0

            def run(self, work: Any) -> Deferred[Any]:
                self.works += 1
                return Deferred()

        never = Never()
        history = History(self.file, never)
        waiting = [
            Deferred.fromCoroutine(history.add([], {}, NOW))
            for _ in range(history.MOST_WAITING + 50)
        ]
        self.assertEqual(sum(each.called for each in waiting), 50)
        self.assertEqual(never.works, history.MOST_WAITING)
        self.assertIn("too slow", history.fault)
