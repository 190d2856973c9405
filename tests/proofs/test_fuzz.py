"""Bytes without sense do no harm. The long form is `python -m tests.proofs.fuzz`."""

from __future__ import annotations

from pathlib import Path

from tests.proofs.fuzz import run


def test_2000_random_and_broken_requests_into_each_port_store_nothing_and_leave_no_trace_in_the_log(
    tmp_path: Path,
) -> None:
    figures = run(2000, 1, tmp_path)
    assert all(figure.answers > 1000 for figure in figures.values())
