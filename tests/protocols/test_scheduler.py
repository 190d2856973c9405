"""Whose turn it is: peers one after the other, and those that have been cheap before all others."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.scheduler import BUDGET_SECONDS, TURN_SECONDS, Scheduler


class Connection:
    """Takes its turns for as long as it is told, and notes them."""

    def __init__(
        self, case: SchedulerTests, peer: str, seconds: float = TURN_SECONDS, turns: int = 1
    ) -> None:
        self.peer_key = peer
        self._case = case
        self._seconds = seconds
        self._left = turns

    def take_turn(self, seconds: float) -> None:
        self._case.taken.append(self.peer_key)
        self._case.time += self._seconds
        self._left -= 1
        if self._left:
            self._case.scheduler.schedule(self)


class SchedulerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.time = 0.0
        self.taken: list[str] = []
        self.scheduler = Scheduler(self.clock, lambda: self.time)

    def turn(self) -> list[str]:
        """Take a turn of the reactor; return whose turns there were in it."""
        self.taken.clear()
        (due,) = self.clock.calls  # `advance` would go on with what is due in the turns after
        self.clock.calls.clear()
        due.func()
        return self.taken

    def test_who_has_been_cheap_does_not_wait_for_three_hundred_who_have_not(self) -> None:
        for number in range(300):
            self.scheduler.schedule(Connection(self, f"stranger {number}", turns=100))
        self.scheduler.schedule(Connection(self, "known", 0.00001), light=True)
        self.assertEqual(self.turn()[0], "known")

    def test_who_has_not_been_cheap_gets_a_turn_all_the_same(self) -> None:
        self.scheduler.schedule(Connection(self, "stranger", turns=100))
        for number in range(1_000):
            self.scheduler.schedule(Connection(self, f"known {number}", 0.0001), light=True)
        self.assertEqual(self.turn().count("stranger"), 1)

    def test_peers_come_one_after_the_other_however_many_connections_they_have(self) -> None:
        for _ in range(100):
            self.scheduler.schedule(Connection(self, "many"))
        self.scheduler.schedule(Connection(self, "one"))
        self.assertEqual(self.turn()[:2], ["many", "one"])

    def test_a_turn_of_the_reactor_ends_after_its_budget(self) -> None:
        for number in range(100):
            self.scheduler.schedule(Connection(self, f"{number}", BUDGET_SECONDS / 2.5))
        self.assertEqual(len(self.turn()), 3)
        self.assertEqual(len(self.scheduler), 97)

    def test_what_is_expensive_and_comes_at_once_is_for_the_next_turn(self) -> None:
        self.assertFalse(self.scheduler.exhausted)
        self.scheduler.charge(BUDGET_SECONDS * 1.1)
        self.assertTrue(self.scheduler.exhausted)
        self.turn()
        self.assertFalse(self.scheduler.exhausted)

    def test_one_that_fails_takes_no_turn_from_the_others(self) -> None:
        failing = Connection(self, "failing")
        failing.take_turn = lambda seconds: 1 / 0  # type: ignore[assignment, method-assign]
        self.scheduler.schedule(failing)
        self.scheduler.schedule(Connection(self, "next"))
        self.assertEqual(self.turn(), ["next"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
