"""A signal that comes while the daemon stops already, by itself or by another signal, is no error."""

from __future__ import annotations

import signal
from collections.abc import Callable

from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.daemon import stop_on_signals


class StoppingReactor:
    """As a reactor is between its stop and its end."""

    running = True
    stops = 0

    def callFromThread(self, call: Callable[[], object]) -> None:
        call()

    def stop(self) -> None:
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning("Can't stop reactor that isn't running.")


class StopSignalTests(SynchronousTestCase):
    """The handlers of SIGTERM and SIGINT."""

    def setUp(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reactor = StoppingReactor()
        stop_on_signals(self.reactor)

    def test_a_second_one_is_no_error(self) -> None:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        self.assertEqual(self.reactor.stops, 3)
