"""What was measured, and what can be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import attrs
from attrs import Factory, define, frozen

from bench.load import Sample


@frozen
class Target:
    """What a figure must be. Where there are two limits, the first must be kept, and the second is
    told beside it.
    """

    limits: tuple[float, ...]
    at_most: bool = False

    def met(self, value: float) -> tuple[bool, ...]:
        """Tell of each limit whether the value keeps it."""
        return tuple(value <= limit if self.at_most else value >= limit for limit in self.limits)


@define
class Contestant:
    """The samples of one server in one race, round by round."""

    name: str
    samples: list[Sample] = Factory(list)
    server_busy: list[float] = Factory(list)
    others: list[float] = Factory(list)
    """How much of the server's core other processes used meanwhile."""
    costs_us: list[float] = Factory(list)
    """The processor time of the server for a request, warming up and all."""

    @property
    def rates(self) -> list[float]:
        return [sample.rate for sample in self.samples]

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def cost_us(self) -> float | None:
        """The processor time for a request; None in what was written before it was measured."""
        return median(self.costs_us) if self.costs_us else None

    @property
    def p99_ms(self) -> float:
        return median(sample.p99_us for sample in self.samples) / 1000

    @property
    def busy(self) -> tuple[float, float]:
        """How much of their cores the server and the load used."""
        return median(self.server_busy), median(sample.load_busy for sample in self.samples)


@frozen
class Ratio:
    """How many times as fast the one is as the other: the ratio of the medians, and the least and
    most of the rounds.
    """

    value: float
    least: float
    most: float


def ratio(one: Sequence[float], other: Sequence[float]) -> Ratio:
    """Compare rounds that belong together."""
    rounds = [mine / theirs for mine, theirs in zip(one, other, strict=True)]
    return Ratio(median(one) / median(other), min(rounds), max(rounds))


@define
class RaceResult:
    """Rates of several servers under the same load; the first is the one that is compared with all
    others.
    """

    row: str
    title: str
    contestants: list[Contestant]
    targets: dict[str, Target]
    """By the name of who it is compared with."""
    notes: list[str] = Factory(list)
    comparable: bool = True
    """Whether the rates say something about each other."""
    disturbed: bool = False
    """Whether other processes took so much of the cores that the figures are no proof."""

    def against(self, other: Contestant) -> Ratio:
        """Compare the first with another."""
        return ratio(self.contestants[0].rates, other.rates)


@define
class SingleResult:
    """One figure that has no peer, taken several times."""

    row: str
    title: str
    unit: str
    values: list[float]
    target: Target
    notes: list[str] = Factory(list)
    disturbed: bool = False

    @property
    def value(self) -> float:
        return median(self.values)


@define
class Skipped:
    """A row without a figure, and why."""

    row: str
    title: str
    reason: str
    failed: bool
    """False where only something is not installed."""


Result = RaceResult | SingleResult | Skipped


@define
class Report:
    """A run of the benchmark: where, how, and what came out."""

    about: dict[str, Any]
    results: list[Result] = Factory(list)


_KINDS = {"race": RaceResult, "single": SingleResult, "skipped": Skipped}


def as_json(report: Report) -> dict[str, Any]:
    """Return the report with every sample, and what follows from them."""
    return {
        "about": report.about,
        "results": [_result_as_json(result) for result in report.results],
    }


def _result_as_json(result: Result) -> dict[str, Any]:
    kind = next(name for name, one in _KINDS.items() if type(result) is one)
    written = {"kind": kind, **attrs.asdict(result)}
    if isinstance(result, RaceResult):
        written["medians"] = {
            one.name: {"rate": one.rate, "p99_ms": one.p99_ms} for one in result.contestants
        }
        written["ratios"] = {
            one.name: attrs.asdict(result.against(one)) for one in result.contestants[1:]
        }
    elif isinstance(result, SingleResult):
        written["median"] = result.value
    return written


def from_json(written: dict[str, Any]) -> Report:
    """Return the report that `as_json` wrote."""
    return Report(written["about"], [_result_from_json(result) for result in written["results"]])


def _result_from_json(written: dict[str, Any]) -> Result:
    if written["kind"] == "skipped":
        return Skipped(written["row"], written["title"], written["reason"], written["failed"])
    if written["kind"] == "single":
        row, title, unit, values = (written[name] for name in ("row", "title", "unit", "values"))
        return SingleResult(
            row,
            title,
            unit,
            values,
            _target(written["target"]),
            written["notes"],
            written["disturbed"],
        )
    contestants = [
        Contestant(**{**one, "samples": [Sample(**sample) for sample in one["samples"]]})
        for one in written["contestants"]
    ]
    targets = {name: _target(target) for name, target in written["targets"].items()}
    row, title, notes = written["row"], written["title"], written["notes"]
    return RaceResult(
        row, title, contestants, targets, notes, written["comparable"], written["disturbed"]
    )


def _target(written: dict[str, Any]) -> Target:
    return Target(tuple(written["limits"]), written["at_most"])
