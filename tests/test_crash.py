"""Nothing acknowledged is lost in a crash. The long form is `python -m tests.crash`."""

from __future__ import annotations

from pathlib import Path

from tests.crash import run


def test_a_daemon_that_is_killed_20_times_under_load_loses_nothing_that_it_has_told(tmp_path: Path) -> None:
    book, figures = run(20, 1, tmp_path)
    assert figures.rounds == 20
    # How many there are depends on the machine's speed: a slow one has 50 acknowledged in each round.
    assert book.acknowledged > 200
    assert book.in_doubt > 20
    assert book.shown > 1000
