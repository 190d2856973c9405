"""Runs a race: the same load on several servers by turns, round by round, so that what the machine
does hits all alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from attrs import field, frozen

from bench.figures import Contestant, RaceResult, Target
from bench.load import WARM_SECONDS, Sample, Shape, finished
from bench.others import TOLERATED, kernel_seconds, worked_seconds
from bench.processes import Failed, Server
from bench.stage import Stage

BESIDE_MARGIN_SECONDS = 0.5
KEPT_RATE = 0.98


@frozen
class Beside:
    """Another load that goes on while a contender is measured."""

    port: int
    shape: Shape


@frozen
class Contender:
    """A server that takes part, and what it is sent."""

    name: str
    server: Server
    port: int
    shape: Shape
    beside: Beside | None = None


@frozen
class Lineup:
    """Who takes part, the first being compared with all others; all are filled, and their answers
    have been checked.
    """

    contenders: Sequence[Contender]
    notes: Callable[[RaceResult], list[str]] = lambda _: []


@frozen
class Race:
    """A row of the table with peers."""

    row: str
    title: str
    line_up: Callable[[Stage], Lineup]
    targets: dict[str, Target] = field(factory=dict)
    """By the names of the contenders that it is compared with."""
    comparable: bool = True

    def run(
        self, stage: Stage, rounds: int, seconds: float, say: Callable[[str], object]
    ) -> RaceResult:
        """Raise `Failed` where any of it does."""
        lineup = self.line_up(stage)
        contestants = {
            contender.name: Contestant(contender.name) for contender in lineup.contenders
        }
        for round in range(rounds):
            order = lineup.contenders if round % 2 == 0 else lineup.contenders[::-1]
            for contender in order:
                measure(stage, contender, contestants[contender.name], seconds)
            rates = ", ".join(
                f"{one.name} {one.samples[-1].rate:,.0f}/s" for one in contestants.values()
            )
            say(f"{self.row}, round {round + 1} of {rounds}: {rates}")
        targets = {name: target for name, target in self.targets.items() if name in contestants}
        result = RaceResult(
            self.row, self.title, list(contestants.values()), targets, comparable=self.comparable
        )
        result.notes.extend(lineup.notes(result))
        if (others := max(share for one in result.contestants for share in one.others)) > TOLERATED:
            result.notes.append(
                f"others used up to {others:.0%} of the server's core meanwhile: not to be "
                f"relied upon"
            )
            result.disturbed = True
        return result


def measure(stage: Stage, contender: Contender, into: Contestant, seconds: float) -> None:
    """Load the contender once, and add what came of it; raise `Failed`."""
    core, started = stage.cores.server, time.perf_counter()
    used, worked = contender.server.processor_seconds(), worked_seconds(core) - kernel_seconds()
    try:
        with ExitStack() as stack:
            if (beside := contender.beside) is not None:
                lasts = WARM_SECONDS + seconds + BESIDE_MARGIN_SECONDS
                other = stack.enter_context(
                    stage.load.going_on(beside.port, beside.shape, lasts, warm=0)
                )
            sample = stage.load.run(contender.port, contender.shape, seconds)
            lasted = time.perf_counter() - started
            took = contender.server.processor_seconds() - used
            busy = took / lasted
            all_busy = (worked_seconds(core) - kernel_seconds() - worked) / lasted
            answers = sample.answers
            if beside is not None:
                other_sample = finished(other, lasts)
                _check_kept(beside, other_sample)
                answers += other_sample.answers
    except Failed as failure:
        contender.server.check()
        raise Failed(f"{contender.name}: {failure}") from None
    into.samples.append(sample)
    into.server_busy.append(round(busy, 3))
    into.others.append(round(max(0.0, all_busy - busy), 3))
    into.costs_us.append(took / max(answers, 1) * 1e6)


def _check_kept(beside: Beside, sample: Sample) -> None:
    """See that the load beside was what it should be: one that the server could not keep up with
    would prove nothing.
    """
    wanted = beside.shape.rate
    if wanted is not None and sample.rate < wanted * KEPT_RATE:
        raise Failed(
            f"of the {wanted:g} requests a second beside only {sample.rate:g} were answered in time"
        )
