"""The little of a reactor that commands have: what it takes for the time."""

from __future__ import annotations

from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.storage.waiting import Turns


class TimeTests(SynchronousTestCase):
    def test_what_is_waited_for_after_a_long_turn_has_all_of_its_time(self) -> None:
        with mock.patch("sockcrud.storage.waiting.time", return_value=100.0) as now:
            turns, over = Turns(), list[float]()
            now.return_value = 160.0  # a turn has taken a minute
            self.assertEqual(turns.callLater(5.0, lambda: over.append(turns.seconds())).getTime(), 165.0)
            now.return_value = 164.0
            turns.advance(0)
            self.assertEqual(over, [])
            now.return_value = 165.0
            turns.advance(0)
            self.assertEqual(over, [165.0])

    def test_a_clock_that_is_set_back_holds_nothing_up(self) -> None:
        with mock.patch("sockcrud.storage.waiting.time", return_value=100.0) as now:
            turns = Turns()
            now.return_value = 40.0
            self.assertEqual(turns.seconds(), 100.0)
