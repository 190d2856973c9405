# mypy: allow-untyped-calls
"""Somebody sets the system's clock: timers do not wait for that, and sessions do not outlive it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud import clocks
from sockcrud.clocks import TimeOfDay, count_steadily
from sockcrud.errors import NotLoggedIn
from sockcrud.identity.sessions import AGE, IDLE, SKEW, Sessions
from tests.support.people_case import PeopleCase


class SetClock:
    """A system's time of day, which may be set, and its clock that nobody sets."""

    def __init__(self) -> None:
        self.day, self.steady = 1_700_000_000.0, 4_000.0

    def pass_(self, seconds: float) -> None:
        self.day += seconds
        self.steady += seconds


class Still(PosixReactorBase):
    """A reactor that watches nothing, and whose own time is the time of day."""

    def __init__(self, system: SetClock) -> None:
        self._system = system
        super().__init__()

    def installWaker(self) -> None: ...

    def seconds(self) -> float:
        return self._system.day


class TimersTests(SynchronousTestCase):
    """A deadline comes when its time has passed, whatever the time of day is set to."""

    def due_after(self, set_by: float) -> list[str]:
        system, done = SetClock(), list[str]()
        reactor: Any = Still(system)
        self.patch(clocks, "monotonic", lambda: system.steady)
        count_steadily(reactor)
        reactor.callLater(30, done.append, "a request took too long")
        system.day += set_by
        system.pass_(29)
        reactor.runUntilCurrent()
        assert done == []
        system.pass_(1)
        reactor.runUntilCurrent()
        return done

    def test_a_clock_set_back_an_hour_holds_no_timeout(self) -> None:
        self.assertEqual(self.due_after(-3600), ["a request took too long"])

    def test_a_clock_set_ahead_an_hour_ends_nothing_early(self) -> None:
        self.assertEqual(self.due_after(3600), ["a request took too long"])

    def test_calls_that_were_put_off_before_still_come(self) -> None:
        system, done = SetClock(), list[str]()
        reactor: Any = Still(system)
        reactor.callLater(1, done.append, "done")
        count_steadily(reactor)
        system.pass_(1)
        reactor.runUntilCurrent()
        self.assertEqual(done, ["done"])


class SessionsTests(PeopleCase):
    """Sessions go by the time of day, which a restart and other nodes share."""

    def setUp(self) -> None:
        super().setUp()
        self.system = SetClock()
        clock = TimeOfDay(Clock(), lambda: self.system.day)
        self.on_the_day = Sessions(self.store, clock)

    def started(self) -> str:
        token, _ = self.have(self.on_the_day.start(self.anna, "way", "192.0.2.7"))
        return str(token)

    def is_alive(self, token: str) -> bool:
        resumed = Deferred.fromCoroutine(self.on_the_day.resume(token, "way"))
        outcomes: list[object] = []
        resumed.addCallbacks(outcomes.append, lambda error: error.trap(NotLoggedIn))
        return bool(outcomes)

    def used(self, token: str, span: timedelta) -> None:
        """Let so much time pass, in which the session is used all the time."""
        for _ in range(int(span / timedelta(minutes=20))):
            self.system.pass_(1200)
            self.assertTrue(self.is_alive(token))

    def test_one_from_before_the_clock_was_set_back_is_over(self) -> None:
        self.system.day += 10 * 3600  # somebody errs
        token = self.started()
        self.used(token, timedelta(hours=1))
        self.system.day -= 10 * 3600  # and mends it: else it would live for 10 hours beyond its age
        self.assertFalse(self.is_alive(token))

    def test_one_from_before_that_was_used_meanwhile_ends_with_its_age(self) -> None:
        token = self.started()
        self.system.day += 3600
        self.assertFalse(self.is_alive(token), "it was not used for an hour, as far as is known")
        token = self.started()
        self.used(token, AGE - timedelta(minutes=20))
        self.system.pass_(1200)
        self.assertFalse(self.is_alive(token))

    def test_a_last_use_in_the_future_keeps_none_alive(self) -> None:
        token = self.started()
        self.system.pass_(1200)
        self.assertTrue(self.is_alive(token))
        self.system.day -= 1200
        self.assertTrue(self.is_alive(token), "a little back")
        self.system.day -= IDLE.total_seconds()
        self.assertFalse(self.is_alive(token))

    def test_the_clocks_of_two_nodes_may_differ_a_little(self) -> None:
        token = self.started()
        self.system.day -= SKEW.total_seconds()
        self.assertTrue(self.is_alive(token))
        self.system.day -= 1
        self.assertFalse(self.is_alive(token))
