"""When a state changes, and what is remembered for the display."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.monitor.checks.results import Result, Secrets, State
from sockcrud.monitor.memory import DAY, HOUR, WEEK, Memory, sparkline
from sockcrud.monitor.outputs.pages import percent
from sockcrud.monitor.thresholds import Standing, Thresholds

U, G, D, N = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN
NOW = 1_700_000_000.0


def result(state: State, at: float = NOW, seconds: float = 0.1) -> Result:
    return Result("users", at, state, seconds)


class ThresholdTests(SynchronousTestCase):
    def after(
        self, *states: State, down: int = 2, up: int = 2
    ) -> tuple[State, list[tuple[State, State]]]:
        standing = Standing("users", Thresholds(down, up))
        changes = [
            standing.take(result(state, NOW + number)) for number, state in enumerate(states)
        ]
        return standing.state, [
            (change.old, change.new) for change in changes if change is not None
        ]

    def test_the_first_good_result_is_believed_at_once_and_is_no_news(self) -> None:
        self.assertEqual(self.after(U), (U, [(N, U)]))
        change = Standing("users", Thresholds()).take(result(U))
        assert change is not None
        self.assertFalse(change.is_news)

    def test_one_bad_result_changes_nothing_and_two_in_a_row_do(self) -> None:
        self.assertEqual(self.after(U, D), (U, [(N, U)]))
        self.assertEqual(self.after(U, D, U, D, U, D), (U, [(N, U)]))
        self.assertEqual(self.after(U, D, D), (D, [(N, U), (U, D)]))

    def test_a_bad_start_takes_as_many(self) -> None:
        self.assertEqual(self.after(D), (N, []))
        self.assertEqual(self.after(D, D), (D, [(N, D)]))

    def test_it_is_up_again_after_two_in_a_row(self) -> None:
        self.assertEqual(self.after(D, D, U), (D, [(N, D)]))
        self.assertEqual(self.after(D, D, U, D, U), (D, [(N, D)]))
        self.assertEqual(self.after(D, D, U, U), (U, [(N, D), (D, U)]))

    def test_the_numbers_are_those_that_were_given(self) -> None:
        self.assertEqual(self.after(U, D, down=1), (D, [(N, U), (U, D)]))
        self.assertEqual(self.after(U, D, D, D, down=4), (U, [(N, U)]))
        self.assertEqual(self.after(D, D, U, U, U, up=3), (U, [(N, D), (D, U)]))

    def test_what_is_sometimes_down_and_sometimes_slow_is_degraded(self) -> None:
        self.assertEqual(self.after(U, D, G), (G, [(N, U), (U, G)]))
        self.assertEqual(self.after(U, G, G, D, D), (D, [(N, U), (U, G), (G, D)]))
        self.assertEqual(self.after(D, D, U, G), (G, [(N, D), (D, G)]))

    def test_what_is_not_known_counts_for_nothing(self) -> None:
        self.assertEqual(self.after(U, D, N, D), (D, [(N, U), (U, D)]))
        self.assertEqual(self.after(N, N, N), (N, []))


class MemoryTests(SynchronousTestCase):
    def test_uptime_is_the_part_of_the_results_that_were_not_down(self) -> None:
        memory = Memory()
        for number in range(10):
            memory.take(result(D if number == 3 else G if number == 4 else U, NOW + number))
        self.assertEqual(memory.uptime(NOW + 10, DAY), 0.9)

    def test_a_day_and_a_week_are_told_apart(self) -> None:
        memory = Memory()
        memory.take(result(D, NOW - 2 * DAY))
        memory.take(result(U, NOW))
        self.assertEqual((memory.uptime(NOW, DAY), memory.uptime(NOW, WEEK)), (1.0, 0.5))

    def test_what_is_not_known_is_no_uptime_and_no_downtime(self) -> None:
        memory = Memory()
        memory.take(result(N))
        self.assertIsNone(memory.uptime(NOW, DAY))

    def test_it_is_bounded(self) -> None:
        memory = Memory()
        for number in range(8 * 24):  # longer than a week
            for _ in range(20):
                memory.take(result(U, NOW + number * HOUR))
        self.assertLessEqual(len(memory._hours), 24 * 7)
        self.assertLessEqual(len(memory._recent), 3600)
        self.assertEqual(memory.last_hour(NOW, 10), [None] * 10)

    def test_the_last_hour_is_drawn_with_its_slowest_and_its_failures(self) -> None:
        memory = Memory()
        memory.take(result(U, NOW - 3 * HOUR, 99.0))
        memory.take(result(U, NOW - 50 * 60, 0.1))
        memory.take(result(D, NOW - 20 * 60, 5.0))
        memory.take(result(U, NOW - 1, 0.8))
        self.assertEqual(sparkline(memory.last_hour(NOW, 6)), "▂··×·█")
        self.assertEqual(sparkline([None, 0.0]), "·▁")

    def test_a_part_that_is_missing_is_never_rounded_away(self) -> None:
        self.assertEqual(
            [percent(part) for part in (None, 1.0, 0.99999, 0.5, 0.0)],
            ["–", "100 %", "99.99 %", "50.00 %", "0.00 %"],
        )


class SecretTests(SynchronousTestCase):
    def test_passwords_and_tokens_are_hidden(self) -> None:
        secrets = Secrets(["correct horse"])
        token = "0123456789abcdef" * 4
        self.assertEqual(
            secrets.hidden(f"no {token.upper()} and correct horse here"),
            "no [hidden] and [hidden] here",
        )

    def test_a_reason_is_one_bounded_line_that_controls_no_terminal(self) -> None:
        self.assertEqual(Secrets().hidden("a\n\x1b[31mb\x00\tc\u202e"), "a [31mb c")
        self.assertEqual(len(Secrets().hidden("x" * 10_000)), 300)
