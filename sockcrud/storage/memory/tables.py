"""Tables in memory: records with their indexes, changed under a journal that can take every change
back.

Everything here is plain and synchronous: one thread calls it, and between two calls everything is
consistent.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic

from sortedcontainers import SortedList

from sockcrud.errors import NotFound, Outdated, QuotaExceeded, StillReferred, Taken
from sockcrud.records import Record, evolve
from sockcrud.records.constraints import INT64
from sockcrud.records.schema import Kind, Schema
from sockcrud.storage.capacity import UNLIMITED, Capacity
from sockcrud.storage.contract import Change, Counters, R, Where
from sockcrud.storage.history import History
from sockcrud.storage.memory.hidden import (
    Dependants,
    Hidden,
    Ids,
    fitting,
    index,
    places_after,
    unindex,
    visible_after,
)
from sockcrud.storage.memory.snapshots import Budget, Later, TableStream, Versions
from sockcrud.storage.memory.steps import Step
from sockcrud.storage.weights import USUAL, weight

if TYPE_CHECKING:
    from sockcrud.storage.memory.cascade import Cascade
    from sockcrud.storage.memory.staging import Staging

_FULL: Final = "the records take all the memory that they may"
_DISK_IS_FULL: Final = "the disk is nearly full"

_HIGHEST: Final = INT64.stop - 1


class Unfit(ValueError):
    """What was stored is not what the model says."""


class Table(Generic[R]):
    """All records of one kind, by id, in the order of the ids, by unique and by indexed fields."""

    def __init__(self, kind: Kind, most: int) -> None:
        self.kind = kind
        self.most = most
        """Records that are taken."""
        self.has_rules = bool(self.kind.uniques or self.kind.references)
        self.records: dict[int, R] = {}
        self.ids: SortedList[int] = SortedList()
        self.highest = 0
        self.elsewhere = 0
        """Records that there are beside these: of a database's, only those are in here that
        somebody needs.
        """
        self.uniques: dict[str, dict[Any, int]] = {name: {} for name in self.kind.uniques}
        self.indexes: dict[str, dict[Any, Ids]] = {name: {} for name in self.kind.indexed}
        self.versions: Versions[R] | None = None
        """What its lists have to do with it, from the first one on."""
        self.hidden: Hidden[R] | Dependants[R] | None = None
        """Which of its records are staged, or still to be cleared away, while there are such."""

    def fill(self, records: Sequence[R], highest: int) -> None:
        """Let an empty table have these records, at once. They are in the order of their ids."""
        ids = [record.id for record in records]
        self.records = dict(zip(ids, records, strict=True))
        self.ids.update(ids)
        self.highest = highest
        for name, normalize in self.kind.uniques.items():
            self.uniques[name] = dict(
                zip(map(normalize, map(attrgetter(name), records)), ids, strict=True)
            )
        for name in self.kind.indexed:
            ids_by: defaultdict[Any, list[int]] = defaultdict(list)
            for value, id in zip(map(attrgetter(name), records), ids, strict=True):
                ids_by[value].append(id)
            self.indexes[name] = {value: fitting(ids) for value, ids in ids_by.items()}

    def put(self, id: int, before: R | None, after: R | None) -> None:
        """Let `after` stand where `before` stood; None for nothing."""
        if after is None:
            del self.records[id]
            self.ids.remove(id)
        else:
            if before is None:
                self.ids.add(id)
                if id > self.highest:
                    self.highest = id
            self.records[id] = after
        for name, normalize in self.kind.uniques.items():
            old, new = (
                before and normalize(getattr(before, name)),
                after and normalize(getattr(after, name)),
            )
            if old != new:
                if before is not None:
                    del self.uniques[name][old]
                if after is not None:
                    self.uniques[name][new] = id
        for name, ids_by in self.indexes.items():
            old, new = before and getattr(before, name), after and getattr(after, name)
            if before is not None and (after is None or old != new):
                unindex(ids_by, old, id)
            if after is not None and (before is None or old != new):
                index(ids_by, new, id)
        if self.hidden is not None:
            self.hidden.follow(before, after)

    @property
    def size(self) -> int:
        """Return how many records are to be seen."""
        return len(self.records) - (0 if self.hidden is None else len(self.hidden.ids))

    def free_id(self) -> int:
        """Return the id of the next record: the highest ever used plus one, or the lowest free one
        once that is exhausted.
        """
        if self.highest < _HIGHEST:
            return self.highest + 1
        first = self.ids.bisect_left(1)
        low, high = 0, len(self.ids) - first
        while low < high:  # the first place where the ids from 1 on are no longer without a gap
            middle = (low + high) // 2
            if self.ids[first + middle] == 1 + middle:
                low = middle + 1
            else:
                high = middle
        return 1 + low

    @property
    def open_streams(self) -> int:
        """Return how many lists of it are being read."""
        return 0 if self.versions is None else len(self.versions)

    def count_after(self, after: int | None, where: Where | None) -> int:
        """Return how many ids there are above `after`."""
        ids = self._ids(where)
        count = len(ids) - places_after(ids, after)
        if self.hidden is not None:
            hidden = self.hidden.among(where)
            count -= len(hidden) - places_after(hidden, after)
        return count

    def _ids(self, where: Where | None) -> Ids:
        return self.ids if where is None else self.indexes[where.field].get(where.value, [])

    def ids_after(
        self, after: int | None, size: int, where: Where | None, rev: int | None = None
    ) -> list[int]:
        """Return the first `size` ids above `after`, in order, for whoever began to read now, or at
        a revision.
        """
        ids = self._ids(where)
        if self.hidden is not None and (rev is None or rev >= self.hidden.since):
            return visible_after(ids, self.hidden.among(where), after, size)
        if isinstance(ids, list):
            first = 0 if after is None else bisect_right(ids, after)
            return ids[first : first + size]
        return list(islice(ids.irange(after, inclusive=(False, True)), size))


class Tables:
    """The tables of all kinds, their common revision, and the journal of the change under way.

    Changes are made between `begin` and either `commit`, which tells what they were, or `rollback`,
    after which they never were.
    """

    def __init__(
        self,
        schema: Schema,
        history: int,
        capacity: Capacity = UNLIMITED,
        later: Later | None = None,
    ) -> None:
        """Have a table for each kind, and keep so many changes.

        `later` calls what it is given in a later turn: so much is let go of that it takes several.
        """
        self.schema = schema
        self.rev = 0
        self._make = partial(type(self), schema, history, capacity, later)
        self.budget = Budget(capacity.list_bytes, later)
        self.stored = 0  # about the bytes of all records, as of the last commit
        self._most_bytes = capacity.record_bytes
        self.disk_is_full = False
        """Whether nothing is to be added because of the disk they are kept on."""
        self._tables: dict[type[Record], Table[Any]] = {
            kind: Table(schema.describe(kind), capacity.most(kind)) for kind in schema.kinds
        }
        self._under_way = False
        self._steps: list[Step] = []
        self.new_history: Callable[[], History] = partial(History, history, capacity.history_bytes)
        self._history = self.new_history()
        self.staging: Staging | None = None
        self.cascade: Cascade | None = None
        self.unknown_kinds: tuple[str, ...] = ()
        """The names of kinds that there are where the records are kept, and that are not in the
        schema.
        """
        self.held: dict[tuple[type[Record], int], str] = {}
        """What records of such kinds refer to, and the name of one of these kinds."""

    def table(self, kind: type[R]) -> Table[R]:
        """Return the table of a kind."""
        return self._tables[kind]

    @property
    def counters(self) -> Counters:
        """Return what was given out so far."""
        return Counters(self.rev, {kind: self._tables[kind].highest for kind in self.schema})

    def at_hand(self, kind: type[R], id: int) -> R | None:
        """Return the record, None where there is none."""
        found: R | None = self._tables[kind].records.get(id)
        if found is None or found.rev > self.rev:  # it is staged
            return None
        if self.cascade is not None and self.cascade.includes(found):  # it has gone
            return None
        return found

    def get(self, kind: type[R], id: int) -> R:
        found = self.at_hand(kind, id)
        if found is None:
            raise NotFound(kind.__name__, id)
        return found

    def find(self, kind: type[R], name: str, value: Any) -> R | None:
        table = self._tables[kind]
        id = table.uniques[name].get(table.kind.uniques[name](value))
        if id is None:
            return None
        found = table.records[id]
        is_hidden = found.rev > self.rev or (
            self.cascade is not None and self.cascade.includes(found)
        )
        return None if is_hidden else found

    def page(self, kind: type[R], limit: int, after: int | None, where: Where | None) -> list[R]:
        table = self._tables[kind]
        return [table.records[id] for id in table.ids_after(after, limit, where)]

    def stream(
        self, kind: type[R], after: int | None, limit: int | None, where: Where | None
    ) -> TableStream[R]:
        """Return the records as they are now, whatever changes while they are read."""
        if self._under_way:
            raise RuntimeError("a list within a transaction, whose changes may yet be taken back")
        table = self._tables[kind]
        if table.versions is None:
            table.versions = Versions(kind, table.kind.indexed, self.budget)
        return TableStream(table, table.versions, self.rev, after, limit, where)

    def insert(self, kind: type[R], id: int | None, fields: dict[str, Any]) -> R:
        table = self._tables[kind]
        if id is None:
            id = table.free_id()
        elif id in table.records:
            raise Taken(kind.__name__, "id")
        if self.cascade is not None and self.cascade.reserves(kind, id):
            raise Taken(kind.__name__, "id")
        if table.has_rules:
            self._check(table, None, fields)
        self.require_capacity(table)
        new: R = kind(id=id, rev=self.rev + 1, **fields)
        self._step(kind, id, None, new)
        return new

    def require_capacity(self, table: Table[Any]) -> None:
        """Raise `QuotaExceeded` where there is no room for one more record."""
        count = len(table.records) + table.elsewhere
        if count >= table.most:
            raise QuotaExceeded(table.kind.name, f"there are {count} already")
        if self.stored >= self._most_bytes and table.kind.journaled:
            raise QuotaExceeded(table.kind.name, _FULL)
        if self.disk_is_full and table.kind.journaled:
            raise QuotaExceeded(table.kind.name, _DISK_IS_FULL)

    def update(self, kind: type[R], id: int, expect: int | None, fields: dict[str, Any]) -> R:
        table = self._tables[kind]
        old = self.get(kind, id)
        expect_rev(old, expect)
        if table.has_rules:
            self._check(table, old, fields)
        new: R = evolve(old, rev=self.rev + 1, **fields)
        if (self.disk_is_full or self.stored >= self._most_bytes) and weight(kind, new) > weight(
            kind, old
        ):
            raise QuotaExceeded(kind.__name__, _DISK_IS_FULL if self.disk_is_full else _FULL)
        self._step(kind, id, old, new)
        return new

    def delete(self, kind: type[Record], id: int, expect: int | None) -> None:
        old = self.get(kind, id)
        expect_rev(old, expect)
        if self.held and (kind, id) in self.held:
            raise StillReferred(kind.__name__, id, self.held[kind, id])
        table = self._tables[kind]
        for other, name, cascade in table.kind.referred_by:
            referring = self._tables[other].indexes[name].get(id)
            if referring and not cascade:
                raise StillReferred(kind.__name__, id, other.__name__)
            if referring and self.cascade is not None and other in self.cascade.dependants:
                for one in self.cascade.others(other, referring):
                    self._delete_along(other, one, kind, id)
                continue
            # From the end, where taking an id out of the index costs the same however many there
            # are.
            while referring:
                self._delete_along(other, referring[-1], kind, id)
        self._step(kind, id, old, None)

    def _delete_along(
        self, kind: type[Record], id: int, with_kind: type[Record], with_id: int
    ) -> None:
        staged: Record = self._tables[kind].records[id]
        if self.staging is None or staged.rev < self.staging.base:
            self.delete(kind, id, None)
        else:
            self.staging.take_along(kind, id, with_kind, with_id)
            self._step(kind, id, staged, None)

    def _check(self, table: Table[Any], old: Record | None, fields: dict[str, Any]) -> None:
        for name, normalize in table.kind.uniques.items():
            if name in fields:
                owner = table.uniques[name].get(normalize(fields[name]))
                if owner is not None and (old is None or owner != old.id):
                    raise Taken(table.kind.name, name)
        for name, reference in table.kind.references.items():
            if name in fields:
                self.get(reference.kind, fields[name])

    def _step(
        self, kind: type[Record], id: int, before: Record | None, after: Record | None
    ) -> None:
        self.rev += 1
        table = self._tables[kind]
        self._steps.append(Step(self.rev, kind, id, before, after, table.highest))
        if (
            before is not None and table.versions is not None
        ):  # where there was nothing, there is nothing to keep
            table.versions.keep(self.rev, id, before, after)
        table.put(id, before, after)

    def fill(self, kind: type[Record], records: Sequence[Record], highest: int) -> None:
        """Let an empty table have these records. They are in the order of their ids, and fit the
        kind.

        What the kind refers to is there already. Raise `Unfit` where they break a rule among each
        other.
        """
        table, name = self._tables[kind], kind.__name__
        table.fill(records, highest)
        usual = USUAL[kind]
        self.stored += (
            usual * len(records) if usual else sum(weight(kind, record) for record in records)
        )
        if any(len(owners) != len(records) for owners in table.uniques.values()):
            raise Unfit(f"{name} records share what is unique")
        if records and records[-1].id > highest:
            raise Unfit(
                f"there is a {name} {records[-1].id}, and no id above {highest} was ever used"
            )
        for field, reference in table.kind.references.items():
            if missing := table.indexes[field].keys() - self._tables[reference.kind].records.keys():
                raise Unfit(
                    f"{name} records refer to {reference.kind.__name__} {min(missing)}, which is "
                    f"not there"
                )

    def hold(self, kind: type[Record], id: int, by: str) -> None:
        """Keep a record for as long as the store is open: one of a kind that is not in the schema
        refers to it.
        """
        self.held[kind, id] = by

    def start_at(self, rev: int) -> None:
        """Go on from this revision with the records the tables were filled with; no change before
        it is known.
        """
        self.rev = self._history.forgotten = rev

    def anew(self) -> Tables:
        """Return tables without records that go on behind what these have given out."""
        new = self._make()
        new.unknown_kinds, new.held = self.unknown_kinds, self.held
        new.count_on(self.counters)
        return new

    def adopt(self, record: Record) -> None:
        """Take in a record as it is, outside of any change. Raise `Taken` or `NotFound` where it
        cannot be there.
        """
        table = self._tables[type(record)]
        if record.id in table.records:
            raise Taken(table.kind.name, "id")
        if table.has_rules:
            names = (*table.kind.uniques, *table.kind.references)
            self._check(table, None, {name: getattr(record, name) for name in names})
        table.put(record.id, None, record)
        self.rev = max(self.rev, record.rev)  # what has a later one would be hidden
        self.stored += weight(type(record), record)

    def count_on(self, counters: Counters) -> None:
        """Go on behind what was given out elsewhere; no change before that is known."""
        self.start_at(max(self.rev, counters.rev))
        for kind, id in counters.highest.items():
            table = self._tables[kind]
            table.highest = max(table.highest, id)

    def begin(self) -> None:
        """Start a group of changes."""
        if self._under_way:
            raise RuntimeError("a transaction within a transaction")
        self._under_way = True

    def commit(self) -> list[Step]:
        """Keep the changes since `begin`, and return them."""
        steps, self._steps = self._steps, []
        self._under_way = False
        shown = steps if self.staging is None else filter(self.staging.was_seen, steps)
        self._history.add([(step.rev, step.kind, step.id, step.after) for step in shown])
        self.count_bytes(steps)
        return steps

    def count_bytes(self, steps: Sequence[Step]) -> None:
        """Count what these steps have changed to what all records weigh."""
        for step in steps:
            kind, before, after = step.kind, step.before, step.after
            if before is None or after is None or not USUAL[kind]:
                self.stored += 0 if after is None else USUAL[kind] or weight(kind, after)
                self.stored -= 0 if before is None else USUAL[kind] or weight(kind, before)

    def rollback(self) -> None:
        """Take the changes since `begin` back, the latest first."""
        while self._steps:
            step = self._steps.pop()
            table = self._tables[step.kind]
            table.put(step.id, step.after, step.before)
            if table.versions is not None:
                table.versions.take_back(step.rev)
            table.highest = step.highest_before
            self.rev = step.rev - 1
        self._under_way = False

    def join_history(self, later: History) -> None:
        """Let these be the changes that follow."""
        self._history.join(later)

    def changes(self, since: int, limit: int) -> list[Change]:
        return self._history.since(since, limit, self.rev)


def expect_rev(record: Record, expect: int | None) -> None:
    """Raise `Outdated` where this is not the revision of the record."""
    if expect is not None and record.rev != expect:
        raise Outdated(expect, record.rev)
