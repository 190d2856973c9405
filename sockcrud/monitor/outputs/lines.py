"""What the monitor says on its standard output: an object a round, or a line a change. And the
JUnit file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.monitor.checks.results import Result, State
from sockcrud.monitor.history import Threads
from sockcrud.monitor.outputs import junit
from sockcrud.monitor.outputs.snapshot import iso, of_round
from sockcrud.monitor.rounds import Round, Watched
from sockcrud.monitor.thresholds import Change

T = TypeVar("T")
log: Final = Logger()

WIDTH: Final = 9
"""Columns for the name of a dialect, unless one is longer."""


@define(eq=False)
class Writer:
    """Writes in a thread: whoever reads the other end may be slow. So much may wait; what is more
    is left out, and logged.
    """

    threads: Threads
    most_waiting: int = 100
    _waiting: int = field(init=False, default=0)
    _full: bool = field(init=False, default=False)
    failed: str = field(init=False, default="")
    """Why the latest work could not be done; empty where it could."""

    def write(self, work: Callable[[], object], what: str) -> bool:
        """Have it written in its turn, unless it is left out. A failure is logged once, until it is
        over.
        """
        if self._waiting >= self.most_waiting:
            if not self._full:
                log.error("{what} is written too slowly: some of it is left out", what=what)
            self._full = True
            return False
        self._waiting += 1
        self._full = False
        self.threads.run(work).addCallbacks(
            lambda _: self._done(""), lambda failure: self._done(_words(failure), what)
        )
        return True

    def _done(self, failed: str, what: str = "") -> None:
        self._waiting -= 1
        if failed and failed != self.failed:
            log.error("{what} cannot be written: {words}", what=what, words=failed)
        self.failed = failed


def _words(failure: Failure) -> str:
    return str(failure.value) or type(failure.value).__name__


@define(eq=False)
class JsonLines:
    """An object a round."""

    writer: Writer
    print: Callable[[str], object]

    def hear_result(self, watched: Watched, change: Change | None) -> None:
        """A round says it all."""

    def hear_round(self, round: Round) -> None:
        """Write the round down."""
        line = orjson.dumps(of_round(round)).decode()
        self.writer.write(lambda: self.print(line), "the output")


@define(eq=False)
class Lines:
    """A line for each result that is another than the one before, and for each change of state."""

    writer: Writer
    print: Callable[[str], object]
    width: int = WIDTH
    """Columns for the name of a dialect."""
    _last: dict[str, tuple[State, str]] = field(init=False, factory=dict)
    _left: dict[str, str] = field(init=False, factory=dict)
    _fault: str = field(init=False, default="")

    def hear_result(self, watched: Watched, change: Change | None) -> None:
        """Write a line where there is something new."""
        result = watched.last
        if result is None:
            return
        known, self._last[watched.name] = self._last.get(watched.name), (result.state, result.step)
        if change is not None or known != (result.state, result.step):
            self._say(line(result, watched, change, self.width))
        if result.left and self._left.get(watched.name) != result.left:
            self._say(
                f"{iso(result.at)}  {watched.name:<{self.width}}  may have left records behind: "
                f"{result.left}"
            )
        self._left[watched.name] = result.left

    def hear_round(self, round: Round) -> None:
        """Write a line where the monitor itself has a fault, or has none any more."""
        if round.fault != self._fault:
            self._say(
                f"{iso(round.at)}  {'monitor':<{self.width}}  {round.fault or 'its fault is over'}"
            )
        self._fault = round.fault

    def _say(self, text: str) -> None:
        self.writer.write(lambda: self.print(text), "the output")


def line(result: Result, watched: Watched, change: Change | None, width: int = WIDTH) -> str:
    """Return the line for a result. A state in brackets is what the dialect counts as, where that
    is another.
    """
    words = (
        f"{iso(result.at)}  {watched.name:<{width}}  {result.state.value:<8}  "
        f"{result.seconds * 1000:6,.0f} ms"
    )
    if result.step:
        words += f"  at {result.step}: {result.reason}"
    if change is not None and change.old is not State.UNKNOWN:
        words += f"  (was {change.old.value})"
    elif change is None and watched.standing.state is not result.state:
        words += f"  (counts as {watched.standing.state.value} so far)"
    return words


@define(eq=False)
class JUnitFile:
    """The latest round, as a file."""

    writer: Writer
    path: Path

    def hear_result(self, watched: Watched, change: Change | None) -> None:
        """A round says it all."""

    def hear_round(self, round: Round) -> None:
        """Replace the file."""
        document = junit.xml(round)
        self.writer.write(lambda: junit.write(self.path, document), f"the JUnit file {self.path}")


def settled(threads: Threads) -> Deferred[Any]:
    """Return when all that was given to the thread before is done."""
    return threads.run(lambda: None)
