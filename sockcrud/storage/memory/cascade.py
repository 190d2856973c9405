"""A record on which very many depend, deleted in one turn, and what depended on it cleared away
over many.

Those that go with a record are all under one value of an index. So they can be hidden in one
assignment, however many they are: from then on whoever meets one is told what would be said if it
were gone. Each has a revision of its own at which it went, all of them one after the other with
that of the record itself as the last. Then they are taken out a slice a turn, which nobody sees any
more but the lists that were begun before. A store in a file has the same rule on its disk: the row
of the record stays under a mark until the last of what refers to it is gone, and while there is a
mark none of them are there.

Until they are gone their ids and unique values are taken, and so is the id of the record, which
nobody gets unless they ask for it. The unique values of the record itself are free at once. Neither
a second one nor an import is under way meanwhile.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sockcrud.records import Record
from sockcrud.records.schema import Schema
from sockcrud.storage.memory.hidden import Dependants, Ids
from sockcrud.storage.memory.steps import Step
from sockcrud.storage.memory.tables import Tables, expect_rev
from sockcrud.storage.weights import SLICE


@cache
def _can_be_hidden(schema: Schema, kind: type[Record]) -> bool:
    """Return whether all that refers to a kind goes with it, by one field each, and nothing is
    asked about it in turn.
    """
    referred_by = schema.describe(kind).referred_by
    referring = [schema.describe(other) for other, _, _ in referred_by]
    goes_along = all(cascade for _, _, cascade in referred_by)
    asked_in_turn = any(
        other.referred_by or not all(reference.cascade for reference in other.references.values())
        for other in referring
    )
    return (
        bool(referring)
        and goes_along
        and len({other.name for other in referring}) == len(referring)
        and not asked_in_turn
    )


def is_long(tables: Tables, kind: type[Record], id: int) -> bool:
    """Return whether so many go with a record that to delete them in one turn would keep others
    waiting.
    """
    table = tables.table(kind)
    # What kinds refer to that nobody uses now is looked through one by one.
    if id not in table.records or tables.held or not _can_be_hidden(tables.schema, kind):
        return False
    return (
        sum(
            len(tables.table(other).indexes[name].get(id, ()))
            for other, name, _ in table.kind.referred_by
        )
        > SLICE
    )


class Cascade:
    """What goes with one record, hidden and not yet cleared away. There is one at a time, and none
    beside a staging.
    """

    def __init__(self, tables: Tables, kind: type[Record], id: int, expect: int | None) -> None:
        """Let the record be gone, and all that goes with it. Raise as `Tables.delete` does, with
        nothing changed.
        """
        if tables.staging is not None or tables.cascade is not None:
            raise RuntimeError("something is staged or being cleared away already")
        record = tables.get(kind, id)
        expect_rev(record, expect)
        self.kind = kind
        self.id = id
        self._tables = tables
        self._history = tables.new_history()
        rev = tables.rev
        table = tables.table(kind)
        indexes = {
            other: tables.table(other).indexes[name] for other, name, _ in table.kind.referred_by
        }
        for other, ids_by in indexes.items():
            ids = ids_by.get(id, [])
            self._history.add_deleted(other, ids, rev + 1)
            rev += len(ids)
        self.rev = rev + 1
        """The revision at which all of them are gone."""
        self.step = Step(self.rev, kind, id, record, None, table.highest)
        self._history.add([(self.rev, kind, id, None)])
        if table.versions is not None:
            table.versions.keep(self.rev, id, record, None)
        table.put(id, record, None)
        tables.count_bytes([self.step])
        self.dependants = {
            other: Dependants[Any](tables.table(other), name, id, self.rev)
            for other, name, _ in table.kind.referred_by
        }
        for other, dependants in self.dependants.items():
            tables.table(other).hidden = dependants
        tables.cascade = self
        tables.rev = self.rev
        tables.join_history(self._history)

    @property
    def schema(self) -> Schema:
        return self._tables.schema

    @property
    def kinds(self) -> set[type[Record]]:
        """The kinds of which something has gone."""
        return {self.kind, *self.dependants}

    def includes(self, record: Record) -> bool:
        """Return whether a record that is in its table is gone."""
        dependants = self.dependants.get(type(record))
        return dependants is not None and dependants.includes(record)

    def concerns(self, kind: type[Record], id: int) -> bool:
        """Return whether this is the record, or one that has gone with it."""
        if self.reserves(kind, id):
            return True
        record = self._tables.table(kind).records.get(id)
        return record is not None and self.includes(record)

    def reserves(self, kind: type[Record], id: int) -> bool:
        """Return whether this is the id of the record, which nobody may have yet."""
        return id == self.id and kind is self.kind

    def others(self, kind: type[Record], ids: Ids) -> list[int]:
        """Return those of these ids of a kind of dependants whose records are not gone, the last
        first.
        """
        records = self._tables.table(kind).records
        return [id for id in reversed(ids) if not self.includes(records[id])]

    def clear(self, most: int) -> list[Step]:
        """Take so many out of their tables; give the steps. Once there are none left it is time to
        `end`.
        """
        steps, tables = list[Step](), self._tables
        for kind, dependants in self.dependants.items():
            table = tables.table(kind)
            while len(steps) < most and (ids := dependants.ids):
                record = table.records[ids[-1]]  # from the end, as `Tables.delete` does
                steps.append(Step(tables.rev, kind, record.id, record, None, table.highest))
                if table.versions is not None:
                    table.versions.keep(tables.rev, record.id, record, None, gone_at=self.rev)
                table.put(record.id, record, None)
        tables.count_bytes(steps)
        return steps

    def end(self) -> None:
        """Have nothing to hide any more."""
        self._tables.cascade = None
        for kind in self.dependants:
            self._tables.table(kind).hidden = None

    def let_go(self, most: int) -> bool:
        """Drop so many of the changes that others have pushed out of the history; tell whether
        there are more.
        """
        return self._history.let_go(most)
