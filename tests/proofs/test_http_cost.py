"""No bytes make one call of the framing so costly that others would notice."""

from __future__ import annotations

import pytest

from tests.proofs.http_cost import SHAPES, dearest

MOST = 0.005
"""Seconds of the processor. The figures are about a fifth of a millisecond; before there was a
bound, they were seconds.
"""


@pytest.mark.parametrize("shape", SHAPES)
def test_one_call(shape: str) -> None:
    assert dearest(shape, byte=False, enough=MOST) < MOST
