"""Whether what many were told of one record can have come from one record, changed by one at a
time.

A search for an order of the operations that a record could have been through, in which none comes
before another that was answered before it was asked (Wing & Gong), with a memory of where it has
been (Lowe). An operation whose outcome nobody was told may have taken effect at any time after it
was asked, or never.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from enum import Enum
from math import inf
from typing import Final

from attrs import frozen

Value = Hashable
"""What a record can be: None while it does not exist."""


class Kind(Enum):
    """What can be asked of a record."""

    READ = "read"
    CREATE = "create"
    WRITE = "write"
    DELETE = "delete"


class Outcome(Enum):
    """What can be answered."""

    DONE = "done"
    MISSING = "is not there"
    EXISTS = "is there already"
    DIFFERS = "is not what was expected"
    UNKNOWN = "unknown"


@frozen
class Step:
    """An operation: `value` is what was read, or is to be written; with `expected`, only if the
    record is that now.
    """

    kind: Kind
    outcome: Outcome
    asked: float
    answered: float = inf
    value: Value = None
    expected: Value = None
    who: str = ""

    def __str__(self) -> str:
        condition = "" if self.expected is None else f" if it is {self.expected}"
        value = "" if self.value is None else f" {self.value}"
        times = f"{self.asked:.6f} to {self.answered:.6f}"
        return f"{times} {self.who}: {self.kind.value}{value}{condition}: {self.outcome.value}"


_IMPOSSIBLE: Final = object()
SHOWN: Final = 12
"""Steps that are shown of an order that does not go on."""


def becomes(step: Step, record: Value) -> Value | object:
    """Return what the record is after this step, or `_IMPOSSIBLE` where it cannot have had this
    outcome.
    """
    if step.outcome is Outcome.MISSING:
        return None if record is None else _IMPOSSIBLE
    if step.outcome is Outcome.EXISTS:
        return _IMPOSSIBLE if record is None else record
    if step.outcome is Outcome.DIFFERS:
        return record if record is not None and record != step.expected else _IMPOSSIBLE
    # It was done. What has an unknown outcome may have been done here, too: where it was not, it is
    # not in the order.
    if step.kind is Kind.READ:
        return record if record is not None and record == step.value else _IMPOSSIBLE
    if step.kind is Kind.CREATE:
        return step.value if record is None else _IMPOSSIBLE
    if record is None or step.expected not in (None, record):
        return _IMPOSSIBLE
    return None if step.kind is Kind.DELETE else step.value


def is_possible(step: Step, record: Value) -> bool:
    """Return whether the step can have had its outcome where the record was this."""
    return becomes(step, record) is not _IMPOSSIBLE


class NotLinearizable(Exception):
    """No order explains what was told. It shows how far the best attempt has come, and the steps
    that cannot follow.
    """


@frozen(eq=False)
class _Reached:
    """A place in the search: which steps are in the order, what the record then is, and which step
    led here from where.
    """

    done: int
    record: Value
    before: _Reached | None = None
    by: int = -1

    def path(self) -> list[int]:
        """Return the steps in their order."""
        path, reached = [], self
        while reached.before is not None:
            path.append(reached.by)
            reached = reached.before
        return path[::-1]


def check(steps: Iterable[Step], initial: Value = None) -> list[Step]:
    """Return an order that explains what was told of a record that was this at first. Raise
    `NotLinearizable`.
    """
    by_time = sorted(steps, key=lambda step: step.asked)
    told = sum(
        1 << place for place, step in enumerate(by_time) if step.outcome is not Outcome.UNKNOWN
    )
    to_do = [_Reached(0, initial)]
    known, furthest = {(0, initial)}, to_do[0]
    while to_do:
        reached = to_do.pop()
        if reached.done & told == told:
            return [by_time[place] for place in reached.path()]
        if (reached.done & told).bit_count() > (furthest.done & told).bit_count():
            furthest = reached
        for place in _next(by_time, reached.done):
            record, done = becomes(by_time[place], reached.record), reached.done | 1 << place
            if record is not _IMPOSSIBLE and (done, record) not in known:
                known.add((done, record))
                to_do.append(_Reached(done, record, reached, place))
    raise NotLinearizable(_explained(furthest, by_time))


def _next(by_time: Sequence[Step], done: int) -> list[int]:
    """Return what may come next, the likeliest last: whatever was asked before the first answer of
    those that are left.
    """
    left, first_answer = [], inf
    place = (~done & (done + 1)).bit_length() - 1
    while place < len(by_time) and by_time[place].asked <= first_answer:
        if not done >> place & 1:
            left.append(place)
            first_answer = min(first_answer, by_time[place].answered)
        place += 1
    possible = [place for place in left if by_time[place].asked <= first_answer]
    return sorted(possible, key=lambda place: by_time[place].answered, reverse=True)


def _explained(furthest: _Reached, by_time: Sequence[Step]) -> str:
    order = [f"  {by_time[place]}" for place in furthest.path()][-SHOWN:]
    left = [f"  {by_time[place]}" for place in _next(by_time, furthest.done)]
    return "\n".join(
        [
            "after",
            *order,
            f"the record is {furthest.record}, and none of these can come next:",
            *left,
        ]
    )
