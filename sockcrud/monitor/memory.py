"""What the monitor remembers of a dialect, for what it shows: the latencies of an hour, and how
often it was up in a week.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from attrs import Factory, define

from sockcrud.monitor.checks.results import Result, State

HOUR: Final = 3600
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

_MOST_OF_AN_HOUR: Final = 3600
_MOST_INCIDENTS: Final = 20
_PAUSE: Final = 900
"""Seconds without a failure after which the next one, read from a history, is another incident."""


@define
class Incident:
    """A time in which a dialect was not up: its first and its latest failure, and what that was."""

    start: float
    end: float
    state: State
    step: str
    reason: str
    is_over: bool = False


@define
class Memory:
    """The results of one dialect, summed up. Bounded: an hour of latencies, and two numbers for
    each hour of a week.
    """

    _recent: deque[tuple[float, float, State]] = Factory(lambda: deque(maxlen=_MOST_OF_AN_HOUR))
    _hours: dict[int, tuple[int, int]] = Factory(dict)
    """By the hour since 1970: how many results were good, and of how many."""
    _first: float | None = None
    """When the first of all results that are known was made."""
    incidents: deque[Incident] = Factory(lambda: deque(maxlen=_MOST_INCIDENTS))
    """The latest, oldest first."""

    def take(self, result: Result) -> None:
        """Take in a result. What is not known says nothing of the dialect."""
        if result.state is State.UNKNOWN:
            return
        if self._first is None:
            self._first = result.at
        self.remember(result.at, result.seconds, result.state)
        if result.state is State.UP:
            self.recover()
        else:
            self.fail(result.at, result.state, result.step, result.reason)
        good, count = self._hours.get(hour_of(result.at), (0, 0))
        self.count(hour_of(result.at), good + (result.state is not State.DOWN), count + 1)
        for hour in [hour for hour in self._hours if hour <= hour_of(result.at) - WEEK // HOUR]:
            del self._hours[hour]

    def fail(self, at: float, state: State, step: str, reason: str) -> None:
        """Take in a failure: it belongs to the incident before, if that is not over."""
        last = self.incidents[-1] if self.incidents else None
        if last is None or last.is_over:
            self.incidents.append(Incident(at, at, state, step, reason))
        else:
            last.end, last.step, last.reason = at, step, reason
            last.state = max(last.state, state, key=lambda each: each.badness)

    def recover(self) -> None:
        """Take in that it is up."""
        if self.incidents:
            self.incidents[-1].is_over = True

    def recall(self, at: float, state: State, step: str, reason: str) -> None:
        """Take in a failure that a history tells, which has not all that went well between."""
        if self.incidents and at - self.incidents[-1].end > _PAUSE:
            self.recover()
        self.fail(at, state, step, reason)

    def remember(self, at: float, seconds: float, state: State) -> None:
        """Take in a latency alone."""
        self._recent.append((at, seconds, state))
        while self._recent[0][0] <= self._recent[-1][0] - HOUR:
            self._recent.popleft()

    def count(self, hour: int, good: int, count: int) -> None:
        """Take in the sums of an hour."""
        if self._first is None or hour < hour_of(self._first):
            self._first = float(hour * HOUR)
        self._hours[hour] = (good, count)

    def uptime(self, now: float, span: int) -> float | None:
        """Return the part of the results that were not down, in whole hours up to now; None where
        there are none.
        """
        first = hour_of(now) - span // HOUR
        hours = [sums for hour, sums in self._hours.items() if hour > first]
        count = sum(count for _, count in hours)
        return sum(good for good, _ in hours) / count if count else None

    def known(self, now: float, span: int) -> int:
        """Return for how many seconds up to now, of those of the span, results are known at all."""
        return 0 if self._first is None else min(span, int(now - self._first) + 1)

    def last_hour(self, now: float, columns: int) -> Sequence[float | None]:
        """Return the slowest latency in each part of the last hour, oldest first.

        None where nothing is known, inf where it was down.
        """
        slowest: list[float | None] = [None] * columns
        for at, seconds, state in self._recent:
            column = columns - 1 - int((now - at) * columns // HOUR)
            if 0 <= column < columns:
                known = slowest[column]
                value = float("inf") if state is State.DOWN else seconds
                slowest[column] = value if known is None else max(known, value)
        return slowest


def hour_of(at: float) -> int:
    """Return the number of the hour since 1970."""
    return int(at // HOUR)


_BARS: Final = "▁▂▃▄▅▆▇█"
DOWN: Final = "×"
NOTHING: Final = "·"


def sparkline(values: Sequence[float | None]) -> str:
    """Draw latencies as bars, the slowest the highest; × where it was down, · where nothing is
    known.
    """
    highest = max(
        (value for value in values if value is not None and value != float("inf")), default=0.0
    )
    return "".join(_bar(value, highest) for value in values)


def _bar(value: float | None, highest: float) -> str:
    if value is None:
        return NOTHING
    if value == float("inf"):
        return DOWN
    return (
        _BARS[min(len(_BARS) - 1, int(value / highest * len(_BARS)))] if highest > 0 else _BARS[0]
    )
