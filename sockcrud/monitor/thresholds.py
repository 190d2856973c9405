"""When a dialect's state changes: not at each odd result, but after so many in a row."""

from __future__ import annotations

from attrs import define, frozen

from sockcrud.monitor.checks.results import Result, State


@frozen
class Thresholds:
    """How many results in a row make a state worse, and how many make it better."""

    down_after: int = 2
    up_after: int = 2


@frozen
class Change:
    """A dialect's state has changed, with the result that decided it. `since` is when the old state
    began.
    """

    dialect: str
    old: State
    new: State
    since: float
    result: Result

    @property
    def is_news(self) -> bool:
        """Whether anybody wants to be called for it: that all is well at the start is none."""
        return not (self.old is State.UNKNOWN and self.new is State.UP)


@define
class Standing:
    """The state of one dialect. It starts as unknown, and the first good result is believed at
    once.
    """

    dialect: str
    thresholds: Thresholds
    state: State = State.UNKNOWN
    since: float = 0.0
    _worse: int = 0
    _better: int = 0
    _least: State = State.DOWN
    """The best of the results in a row that were worse than the state."""
    _most: State = State.UP
    """The worst of those that were better."""

    def take(self, result: Result) -> Change | None:
        """Take in a result, and return the change it makes, if any. What is not known changes
        nothing.
        """
        if result.state is State.UNKNOWN:
            return None
        if self.state is State.UNKNOWN and result.state is State.UP:
            return self._change(State.UP, result)
        if result.state.badness > self.state.badness:
            self._least = (
                result.state if self._worse == 0 else min(self._least, result.state, key=_badness)
            )
            self._worse, self._better = self._worse + 1, 0
            return (
                self._change(self._least, result)
                if self._worse >= self.thresholds.down_after
                else None
            )
        if result.state.badness < self.state.badness:
            self._most = (
                result.state if self._better == 0 else max(self._most, result.state, key=_badness)
            )
            self._better, self._worse = self._better + 1, 0
            return (
                self._change(self._most, result)
                if self._better >= self.thresholds.up_after
                else None
            )
        self._worse = self._better = 0
        return None

    def _change(self, new: State, result: Result) -> Change:
        change = Change(self.dialect, self.state, new, self.since, result)
        self.state, self.since = new, result.at
        self._worse = self._better = 0
        return change


def _badness(state: State) -> int:
    return state.badness
