"""Changes to tables in memory: one that can be taken back, and many that go to a disk together."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

from attrs import Factory, define

from sockcrud.records import Record, describe
from sockcrud.storage.common import PerKind


@define(eq=False)
class Step:
    """One change that can be taken back. The record before it, and after it, or None where there
    was none.
    """

    rev: int
    kind: type[Record]
    id: int
    before: Record | None
    after: Record | None
    highest_before: int


def _hard(kind: type[Record]) -> attrgetter[Any] | None:
    declared = describe(kind)
    return (
        attrgetter("id", *(name for name in declared.constraints if name not in declared.soft))
        if declared.soft
        else None
    )


_HARD: Final = PerKind(_hard)
"""What gives all that is not soft, of the kinds that have something soft."""


def _is_hard(step: Step) -> bool:
    values = _HARD[step.kind]
    return (
        values is None
        or step.before is None
        or step.after is None
        or values(step.before) != values(step.after)
    )


@define(eq=False)
class Batch:
    """The changes of several transactions that go to a disk together: of each record only the first
    state and the last.
    """

    finals: dict[type[Record], dict[int, tuple[Record | None, Record | None, int]]] = Factory(dict)
    """What the record is before the batch, and after it, and the revision that whoever reads it
    waits for, or 0.
    """
    steps: int = 0

    def take(self, step: Step, staged: bool = False) -> bool:
        """Add a change. Return whether anybody is to wait for it: nobody where it is staged, or
        changes only what is soft.
        """
        self.steps += 1
        finals = self.finals.get(step.kind)
        if finals is None:
            finals = self.finals[step.kind] = {}
        before, _, awaited = finals.get(step.id) or (step.before, None, 0)
        hard = not staged and _is_hard(step)
        finals[step.id] = before, step.after, step.rev if hard else awaited
        return hard

    def awaited(self, kind: type[Record], id: int) -> int:
        """Return the revision to wait for before the record is shown, or 0."""
        final = self.finals.get(kind, {}).get(id)
        return 0 if final is None else final[2]
