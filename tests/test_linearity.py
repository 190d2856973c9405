"""No bytes, however they are made and split, cost more than in proportion to their number."""

from __future__ import annotations

import pytest

from tests.linearity import LIMIT, LONGEST_CALL, SHAPES, growth, in_the_framer, longest_call, on_a_connection


def test_1_mb_of_braces_a_byte_at_a_time_costs_at_most_8_times_what_200_kb_cost() -> None:
    assert growth(on_a_connection, "braces in a text", 200_000, 1_000_000, piece=1, times=1) <= 8


@pytest.mark.parametrize("shape", SHAPES)
def test_5_times_as_many_bytes_of_any_shape_cost_at_most_8_times_as_much(shape: str) -> None:
    assert growth(in_the_framer, shape, 20_000, 100_000, piece=1, times=2) <= 8
    assert growth(in_the_framer, shape, 100_000, 500_000, piece=LIMIT, times=2) <= 8


@pytest.mark.parametrize("shape", SHAPES)
def test_no_call_takes_long_whatever_the_bytes(shape: str) -> None:
    assert longest_call(shape) <= 4 * LONGEST_CALL  # other tests may be running beside this one
