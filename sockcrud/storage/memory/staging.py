"""Many records at once, staged over many turns and published in one: an import keeps nobody
waiting, and is all or nothing.

A record is visible while its revision is not above that of the tables. Staged records are in their
tables, with their ids and unique values taken, under revisions far above: nobody sees them.
Publishing them lets the revision of the tables be that of the last staged one. That is one
assignment, in one turn, however many they are; all revisions that others took meanwhile are lower,
so neither `changes(since)` nor the snapshots of lists need an exception. A store in a file has the
same rule on its disk: the revision there is a counter in the file, and rows from a certain one on
are of an import that has not happened.

Whoever wants an id or a unique value that is staged is refused as if it were there. Whoever deletes
what a staged record refers to, and goes with, takes that record along, and the import then fails:
the others need not know of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sockcrud.errors import DomainError, NotFound, Taken
from sockcrud.records import Record, evolve
from sockcrud.storage.contract import Overtaken
from sockcrud.storage.memory.hidden import Hidden
from sockcrud.storage.memory.steps import Step
from sockcrud.storage.memory.tables import Tables

REVISIONS_BETWEEN: Final = 2**32
"""From the latest revision to the first staged one: more than others can take while an import is
under way. There can be two million imports before JavaScript can no longer tell a revision from the
next one."""


class Staging:
    """What is staged in tables. There is one at a time."""

    def __init__(self, tables: Tables, highest: Mapping[type[Record], int]) -> None:
        if tables.staging is not None:
            raise RuntimeError("something is staged already")
        self.base = tables.rev + REVISIONS_BETWEEN
        """The revision of the first staged record."""
        self._taken_along: list[Overtaken] = []
        self.kinds: set[type[Record]] = set()
        self._tables = tables
        self._rev = self.base - 1
        self._history = tables.new_history()
        self._hidden = {
            kind: Hidden[Any](self.base, tables.table(kind).kind.indexed) for kind in tables.schema
        }
        tables.staging = self
        for kind, hidden in self._hidden.items():
            table = tables.table(kind)
            table.hidden = hidden
            table.highest = max(
                table.highest, highest.get(kind, 0)
            )  # else others would get the ids of what comes later

    def add(self, records: Iterable[Record]) -> list[Step]:
        """Stage these records under new revisions; give the steps. Raise `Overtaken` for one that
        cannot be there.
        """
        steps, tables = list[Step](), self._tables
        for record in records:
            kind, id = type(record), record.id
            table = tables.table(kind)
            try:
                self._require_room(record)
            except DomainError as error:
                tables.count_bytes(steps)
                raise Overtaken(kind, id, error) from None
            self._rev += 1
            staged = evolve(record, rev=self._rev)
            steps.append(Step(self._rev, kind, id, None, staged, table.highest))
            table.put(id, None, staged)
            self.kinds.add(kind)
        self._history.add([(step.rev, step.kind, step.id, step.after) for step in steps])
        tables.count_bytes(steps)
        return steps

    def _require_room(self, record: Record) -> None:
        kind = type(record)
        table = self._tables.table(kind)
        self._tables.require_capacity(table)
        if record.id in table.records:
            raise Taken(kind.__name__, "id")
        for name, normalize in table.kind.uniques.items():
            if normalize(getattr(record, name)) in table.uniques[name]:
                raise Taken(kind.__name__, name)
        for name, reference in table.kind.references.items():
            if (to := getattr(record, name)) not in self._tables.table(reference.kind).records:
                raise NotFound(reference.kind.__name__, to)

    def take_along(
        self, kind: type[Record], id: int, with_kind: type[Record], with_id: int
    ) -> None:
        """Hear that somebody deletes a staged record with what it refers to."""
        self._taken_along.append(Overtaken(kind, id, NotFound(with_kind.__name__, with_id)))

    def was_seen(self, step: Step) -> bool:
        """Return whether the step is one of records that others can see."""
        return step.before is None or step.before.rev < self.base

    def publish(self) -> None:
        """Let all staged records be seen. Raise `Overtaken` where one has gone."""
        for overtaken in self._taken_along:
            if (
                overtaken.id not in self._hidden[overtaken.kind].ids
            ):  # else the delete was taken back
                raise overtaken
        if self._tables.rev >= self.base:
            raise RuntimeError("others have taken the revisions of what is staged")
        self._tables.rev = self._rev
        self._tables.join_history(self._history)
        self._end()

    def take_back(self, most: int) -> list[Step]:
        """Take so many of the staged records back; give the steps. Once there are none it is
        over.
        """
        steps = list[Step]()
        for kind in reversed(self._tables.schema.kinds):  # what refers to others before them
            table, ids = self._tables.table(kind), self._hidden[kind].ids
            while ids and len(steps) < most:
                record = table.records[ids[-1]]
                steps.append(Step(record.rev, kind, record.id, record, None, table.highest))
                table.put(record.id, record, None)
        self._tables.count_bytes(steps)
        if not steps:
            self._end()
        return steps

    def _end(self) -> None:
        self._tables.staging = None
        for kind in self._tables.schema:
            self._tables.table(kind).hidden = None

    def let_go(self, most: int) -> bool:
        """Drop so many of the entries that were collected and are of no more use; tell whether
        there are others.
        """
        for hidden in self._hidden.values():
            for ids_by in hidden.indexes.values():
                for _ in range(min(most, len(ids_by))):
                    ids_by.popitem()
                if ids_by:
                    return True
        return self._history.let_go(most)
