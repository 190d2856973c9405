"""Two real daemons on one PostgreSQL, which is killed under load and started again, and once only
frozen for 3 seconds.

`python -m tests.proofs.nodes.database_crash --rounds 20 --seed 7` kills it so many times: by turns
all of its processes at once, and the first one alone. After each round, what is in the database is
held against a book of all that was asked, answered and shown, and what each daemon serves against
the database. The daemons run through all rounds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic, perf_counter, sleep
from typing import Final

from attrs import define

from tests.proofs.durability.crash import check_logins, served
from tests.proofs.durability.crash_book import Book, Broken
from tests.proofs.durability.crash_load import Load
from tests.proofs.nodes.outage_watch import Watch
from tests.support.nodes import Nodes

RECOVERY: Final = 5.0
"""Seconds within which each node serves again, once the database takes connections."""

LONGEST_ANSWER: Final = 15.0
"""Seconds within which whoever has asked knows: 6 to wait for a connection, 6 for its answer, and
time for a busy machine.
"""

FROZEN: Final = 3.0
LONGEST_DOWN: Final = 1.5
PATIENCE: Final = 30.0
"""Seconds after which a connection that was never served is given up."""


@define
class Figures:
    """What was done in all rounds, and what the slowest of it was."""

    killed: int = 0
    killed_alone: int = 0
    frozen: int = 0
    interruptions: int = 0
    longest_answer: float = 0.0
    slowest_recovery: float = 0.0
    seconds: float = 0.0


@define(eq=False)
class Rounds:
    """The rounds on one database."""

    nodes: Nodes
    random: Random
    book: Book
    figures: Figures
    token: str
    """For the shop."""
    _number: int = 0

    def run(self, count: int) -> None:
        """Raise `Broken` for a promise that was not kept."""
        started = perf_counter()
        for number in range(1, count + 1):
            self._round(partial(self._kill, number % 2 == 0))
        self._round(self._freeze)
        self.nodes.stop()
        self.nodes.check_logs()
        self.nodes.server.stop()
        self.nodes.start_database()
        self.book.settle(self.nodes.in_database())
        self.figures.seconds = perf_counter() - started

    def _round(self, breaker: Callable[[], float]) -> None:
        """Have an outage under load; it gives the moment from which on there is a database
        again.
        """
        watch = Watch()
        with self._loads(watch) as names:
            _served(watch, names)
            sleep(self.random.uniform(0.01, 0.5))
            ready = breaker()
            watch.forget()
            recovered = _served(watch, names)
            sleep(self.random.uniform(0.1, 0.3))
        self._note(watch, recovered - ready)
        if watch.last_interruption > recovered:
            raise Broken(
                f"{watch.last_interruption - ready:.2f} s after the database was back somebody "
                f"was not served"
            )
        self._settle()

    @contextmanager
    def _loads(self, watch: Watch) -> Iterator[set[str]]:
        """Have a load on each node; give the names of its connections."""
        self._number += 1
        loads = [
            Load(daemon, self.book, self.random, self._number, self.token, node, watch)
            for node, daemon in enumerate(self.nodes.daemons)
        ]
        for load in loads:
            load.start()
        try:
            yield {name for load in loads for name in load.names}
        finally:
            _end(loads)

    def _kill(self, alone: bool) -> float:
        self.nodes.kill_database(alone)
        self.figures.killed += 1
        self.figures.killed_alone += alone
        sleep(self.random.uniform(0.0, LONGEST_DOWN))
        return self.nodes.start_database()

    def _freeze(self) -> float:
        with self.nodes.frozen_database():
            sleep(FROZEN)
        self.figures.frozen += 1
        return monotonic()

    def _note(self, watch: Watch, recovery: float) -> None:
        figures = self.figures
        figures.interruptions += watch.interruptions
        figures.longest_answer = max(figures.longest_answer, watch.longest)
        figures.slowest_recovery = max(figures.slowest_recovery, recovery)
        if recovery > RECOVERY:
            raise Broken(
                f"a node was not served again until {recovery:.2f} s after the database took "
                f"connections"
            )
        if watch.longest > LONGEST_ANSWER:
            raise Broken(f"somebody has waited {watch.longest:.2f} s for an answer")

    def _settle(self) -> None:
        there = self.nodes.in_database()
        self.book.settle(there)
        for number, daemon in enumerate(self.nodes.daemons):
            if (told := served(daemon, self.token)) != there:
                differ = {
                    name for name in there.keys() | told.keys() if there.get(name) != told.get(name)
                }
                raise Broken(f"node {number} differs from the database in {differ}")
            check_logins(daemon, self.book)


def _served(watch: Watch, names: set[str]) -> float:
    """Wait until each connection is served; give the moment when the last one was."""
    moment = watch.all_served(names, PATIENCE)
    if moment is None:
        raise Broken(f"not served within {PATIENCE:g} s: {sorted(watch.missing(names))}")
    return moment


def _end(loads: Sequence[Load]) -> None:
    """End them all; raise what the first of them has found, whatever else there is to raise."""
    faults: list[Exception] = []
    for load in loads:
        try:
            load.end()
        except Exception as fault:
            faults.append(fault)
        if load.refusals:
            faults.append(Broken(f"a node refused what was right: {load.refusals}"))
    if faults:
        raise faults[0]


def run(rounds: int, seed: int, directory: Path, safe: bool = True) -> tuple[Book, Figures]:
    """Kill the database so many times, and freeze it once; hold what is left against what was
    told.
    """
    book, figures = Book(), Figures()
    with Nodes(directory, 2, safe=safe) as nodes:
        Rounds(nodes, Random(seed), book, figures, nodes.new_shopper()).run(rounds)
    return book, figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        try:
            book, figures = run(given.rounds, given.seed, Path(directory))
        except Broken as broken:
            sys.exit(f"seed {given.seed}: {broken}")
    print(
        f"killed {figures.killed:,} times, {figures.killed_alone:,} the first process alone; "
        f"frozen {figures.frozen:,} "
        f"time for {FROZEN:g} s, in {figures.seconds:.0f} s: {book.acknowledged:,} changes "
        f"acknowledged, {book.in_doubt:,} in "
        f"doubt, {book.shown:,} records shown; nothing lost\n"
        f"{figures.interruptions:,} interruptions; the slowest answer took "
        f"{figures.longest_answer:.2f} s; "
        f"all served again within {figures.slowest_recovery:.2f} s"
    )


if __name__ == "__main__":
    main()
