"""The report as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from bench.figures import RaceResult, Report, Result, SingleResult, Skipped, Target

COLUMNS: Final = (
    "row",
    "beside",
    "median/s",
    "p99 ms",
    "cpu us",
    "server",
    "load",
    "ratio",
    "rounds",
    "target",
    "met",
)
_LEFT: Final = 2
"""So many columns are texts, and stand at the left."""


@frozen
class Verdict:
    """What came of one target."""

    target: str
    met: str


def verdict(target: Target | None, value: float, disturbed: bool = False) -> Verdict:
    """Tell the target, and whether the value meets it, with a question mark where the value is no
    proof.
    """
    if target is None:
        return Verdict("", "")
    sign = "<=" if target.at_most else ">="
    limits = " and ".join(f"{limit:g}" for limit in target.limits)
    met = ", ".join(("yes" if one else "NO") + "?" * disturbed for one in target.met(value))
    return Verdict(f"{sign} {limits}", met)


def as_text(report: Report) -> str:
    """Return the table, what was noted beside it, and where it was measured."""
    rows = [line for result in report.results for line in _lines(result)]
    notes = [f"{result.row}: {note}" for result in report.results for note in _notes(result)]
    about = [f"{name}: {value}" for name, value in report.about.items()]
    return "\n".join([*aligned([COLUMNS, *rows], _LEFT), "", *notes, "", *about]) + "\n"


def _lines(result: Result) -> Iterator[tuple[str, ...]]:
    if isinstance(result, Skipped):
        yield _line(result.title, "no figure: see below")
    elif isinstance(result, SingleResult):
        told = verdict(result.target, result.value, result.disturbed)
        spread = f"{min(result.values):.3g}-{max(result.values):.3g}"
        yield _line(
            result.title,
            ratio=f"{result.value:.3g} {result.unit}",
            rounds=spread,
            target=told.target,
            met=told.met,
        )
    else:
        yield from _race_lines(result)


def _race_lines(result: RaceResult) -> Iterator[tuple[str, ...]]:
    for number, one in enumerate(result.contestants):
        server, load = (f"{busy:.0%}" for busy in one.busy)
        cost = "" if one.cost_us is None else f"{one.cost_us:.1f}"
        figures = {
            "rate": f"{one.rate:,.0f}",
            "p99": f"{one.p99_ms:.2f}",
            "cost": cost,
            "server": server,
            "load": load,
        }
        if not number or not result.comparable:
            yield _line(result.title if not number else "", one.name, **figures)
            continue
        ratio = result.against(one)
        told = verdict(result.targets.get(one.name), ratio.value, result.disturbed)
        spread = f"{ratio.least:.2f}-{ratio.most:.2f}"
        yield _line(
            "",
            one.name,
            **figures,
            ratio=f"{ratio.value:.2f} x",
            rounds=spread,
            target=told.target,
            met=told.met,
        )


def _line(
    title: str,
    beside: str = "",
    rate: str = "",
    p99: str = "",
    cost: str = "",
    server: str = "",
    load: str = "",
    ratio: str = "",
    rounds: str = "",
    target: str = "",
    met: str = "",
) -> tuple[str, ...]:
    return (title, beside, rate, p99, cost, server, load, ratio, rounds, target, met)


def _notes(result: Result) -> Sequence[str]:
    return [result.reason] if isinstance(result, Skipped) else result.notes


def aligned(rows: Sequence[Sequence[str]], left: int) -> Iterator[str]:
    """Give the lines of a table, the first row being its head; so many columns stand at the left,
    the others at the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
        if not number:
            yield "  ".join("-" * width for width in widths)
