"""Nothing acknowledged is lost in a crash. The long form is `python -m
tests.proofs.durability.crash`.
"""

from __future__ import annotations

from pathlib import Path

from tests.proofs.durability.crash import run


def test_a_daemon_that_is_killed_10_times_under_load_loses_nothing_that_it_has_told(
    tmp_path: Path,
) -> None:
    book, figures = run(10, 1, tmp_path)
    assert figures.rounds == 10
    # How many there are depends on the machine's speed: a slow one has 50 acknowledged in each
    # round.
    assert book.acknowledged > 100
    assert book.in_doubt > 10
    assert book.shown > 500
