"""No bytes, however they are made and split, cost more than in proportion to their number."""

from __future__ import annotations

from typing import Final

import pytest

from tests.proofs.linearity import (
    LIMIT,
    LONGEST_CALL,
    SHAPES,
    growth,
    in_the_framer,
    longest_call,
    on_a_connection,
)

MOST: Final = 8
"""How many times as much 5 times the bytes may cost: a cost that grows with the square would be 25
times as much.
"""


def test_100_kb_of_braces_a_byte_at_a_time_cost_at_most_8_times_what_20_kb_cost() -> None:
    times = growth(on_a_connection, "braces in a text", 20_000, 100_000, piece=1, enough=MOST)
    assert times <= MOST


@pytest.mark.parametrize("shape", SHAPES)
def test_5_times_as_many_bytes_of_any_shape_cost_at_most_8_times_as_much(shape: str) -> None:
    # In pieces so small that each costs the same for itself: what grows is the cost of what came
    # before. With pieces of one byte, the long form, it is the same figure five times as late.
    assert growth(in_the_framer, shape, 20_000, 100_000, piece=5, enough=MOST) <= MOST
    assert growth(in_the_framer, shape, 50_000, 250_000, piece=LIMIT, enough=MOST) <= MOST


@pytest.mark.parametrize("shape", SHAPES)
def test_no_call_takes_long_whatever_the_bytes(shape: str) -> None:
    most = 4 * LONGEST_CALL  # other tests may be running beside this one
    assert longest_call(shape, enough=most) <= most
