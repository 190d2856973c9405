"""The fixture that looks after the tests that await sees what it shall see."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from tests.conftest import Leftovers


class LeftoverTests(SynchronousTestCase):
    def test_nothing_is_found_after_a_test_that_leaves_nothing(self) -> None:
        self.assertEqual(Leftovers().found(), [])

    def test_a_lost_deferred_is_found_unless_it_was_meant(self) -> None:
        for meant in (0, 1):
            left = Leftovers()
            fail(KeyError("lost"))
            self.assertEqual(left.flush(KeyError if meant else ValueError), meant)
            self.assertEqual(len(left.found()), 1 - meant)
            self.flushLoggedErrors(KeyError)

    def test_a_timer_and_a_port_are_found(self) -> None:
        from twisted.internet import reactor

        running: Any = reactor
        left = Leftovers()
        timer = running.callLater(1000, print)
        port = running.listenTCP(0, Factory(), interface="127.0.0.1")
        found = left.found()
        timer.cancel()
        port.stopListening()
        self.assertEqual(len(found), 2)
