"""What the soak test judges by."""

from __future__ import annotations

import pytest
from twisted.trial.unittest import SynchronousTestCase

from bench.soak import MOST_A_SECOND, VISITS, rise
from tests.support.running import DIALECTS


class RiseTests(SynchronousTestCase):
    def test_a_rise_is_told_from_what_goes_up_and_down(self) -> None:
        steady = [(at * 10.0, 100e6 + (at % 2) * 1e6) for at in range(100)]
        self.assertLess(abs(rise(steady)), MOST_A_SECOND)
        rising = [(at, value * (1 + at * 0.02 / 3600)) for at, value in steady]
        self.assertEqual(rise(rising) * 3600, pytest.approx(0.02, rel=0.2))
        self.assertGreater(rise(rising), MOST_A_SECOND)

    def test_every_dialect_is_visited(self) -> None:
        self.assertEqual(set(VISITS), set(DIALECTS))
