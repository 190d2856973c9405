"""What a transaction in PostgreSQL makes of the tables, worked out here before any of it is
written.

Nobody else changes anything meanwhile: the transaction holds the lock that every change needs. So
the few records that a change rests on are loaded into tables in memory, and those decide, with the
rules that all stores share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from psycopg.pq.abc import PGresult
from zope.interface import implementer

from sockcrud.records import Record, describe
from sockcrud.records.constraints import INT64
from sockcrud.records.schema import Schema
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.contract import IForesees, ITransaction, R, Where
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.postgres.layout import LAYOUTS, rows
from sockcrud.storage.postgres.link import Ask

_HIGHEST: Final = INT64.stop - 1


@frozen
class WithId:
    """Need of the record with an id, if there is one."""

    kind: type[Record]
    id: int


@frozen
class WithKey:
    """Need of the record whose unique field, normalized, is this."""

    kind: type[Record]
    name: str
    key: Any


@frozen
class Referring:
    """Need of the records that refer to another by a field: of all of them, or of one."""

    kind: type[Record]
    name: str
    id: int
    all: bool


@frozen
class InPage:
    """Need of the first so many records above an id."""

    kind: type[Record]
    limit: int
    after: int | None
    where: Where | None


@frozen
class Free:
    """Need of the lowest id from `start` on that no record has."""

    kind: type[Record]
    start: int


Need = WithId | WithKey | Referring | InPage | Free


def check_fields(kind: type[Record], fields: Mapping[str, Any], id: int | None = None) -> None:
    """Raise ValueError for what does not fit the model: it could not be written, or not be read
    again.
    """
    constraints = describe(kind).constraints
    for name, value in fields.items():
        if not constraints[name].fits(value):
            raise ValueError(f"{name} of a {kind.__name__} is not {constraints[name].expects}")
    if id is not None and id not in INT64:
        raise ValueError(f"the id of a {kind.__name__} is out of range")


def needs_of_fields(kind: type[Record], fields: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what it takes to check these fields of a record of the kind."""
    declared = describe(kind)
    for name, normalize in declared.uniques.items():
        if name in fields:
            yield WithKey(kind, name, normalize(fields[name]))
    for name, reference in declared.references.items():
        if name in fields:
            yield WithId(reference.kind, fields[name])


def needs_of_insert(
    kind: type[Record], id: int | None, fields: Mapping[str, Any]
) -> Iterator[Need]:
    """Yield what an insert rests on."""
    if id is not None:
        yield WithId(kind, id)
    yield from needs_of_fields(kind, fields)


def needs_of_update(kind: type[Record], id: int, fields: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what an update rests on."""
    yield WithId(kind, id)
    yield from needs_of_fields(kind, fields)


def needs_of_delete(schema: Schema, kind: type[Record], id: int) -> Iterator[Need]:
    """Yield what a delete rests on, but what refers to the records that go with this one."""
    yield WithId(kind, id)
    for other, name, cascade in schema.describe(kind).referred_by:
        yield Referring(other, name, id, cascade)


def asks_for(needs: Sequence[Need]) -> tuple[list[Ask], list[list[Need]]]:
    """Return what to ask for these, and, for each, which of the needs it is about."""
    groups: defaultdict[tuple[Any, ...], list[Need]] = defaultdict(list)
    for need in dict.fromkeys(needs):
        groups[_group(need)].append(need)
    return [_ask(those) for those in groups.values()], list(groups.values())


class StagedTables:
    """What is known of the tables at this moment, and what has been made of it."""

    def __init__(self, schema: Schema, state: Mapping[str, int], capacity: Capacity) -> None:
        self.tables = Tables(schema, history=0, capacity=capacity)
        self.tables.start_at(state["rev"])
        self.tables.stored = state["stored"]
        self.journaled = state["journaled"]
        self.journaled_bytes = state["journaled_bytes"]
        self._before: dict[type[Record], dict[int, Record | None]] = {kind: {} for kind in schema}
        self._highest_before: dict[type[Record], int] = {}
        for kind in schema:
            layout = LAYOUTS[kind]
            self.tables.table(kind).highest = self._highest_before[kind] = state[layout.highest]
            self.tables.table(kind).elsewhere = state[layout.counted]
        self._known: set[Need] = set()
        self._pages: dict[Need, list[int]] = {}
        self._numbers: dict[Need, int] = {}

    def missing(self, needs: Iterable[Need]) -> list[Need]:
        """Return those that are not known yet."""
        return [need for need in needs if not self._knows(need)]

    def _knows(self, need: Need) -> bool:
        if isinstance(need, WithId):
            return need.id in self._before[need.kind] or need.id > self._highest_before[need.kind]
        return need in self._known

    def learn(self, groups: Sequence[Sequence[Need]], results: Sequence[PGresult]) -> None:
        """Take in the answers."""
        for needs, result in zip(groups, results, strict=True):
            need = needs[0]
            if isinstance(need, Free):
                self._numbers[need] = rows(result)[0][0]
            else:
                records = LAYOUTS[need.kind].records(result)
                for record in records:
                    self._put(need.kind, record)
                if isinstance(need, WithId):
                    before = self._before[need.kind]
                    for asked in needs:
                        assert isinstance(asked, WithId)
                        before.setdefault(asked.id, None)
                    continue
                if isinstance(need, InPage):
                    self._pages[need] = [record.id for record in records]
            self._known.update(needs)

    def _put(self, kind: type[Record], record: Record) -> None:
        before = self._before[kind]
        if record.id not in before:
            before[record.id] = record
            table = self.tables.table(kind)
            table.put(record.id, None, record)
            table.elsewhere -= 1

    # What is asked of the tables together with what has changed

    def changed(self, kind: type[Record]) -> list[int]:
        """Return the ids of what was there and is not as it was."""
        now = self.tables.table(kind).records
        return [
            id
            for id, record in self._before[kind].items()
            if record is not None and now.get(id) is not record
        ]

    def page(self, need: InPage, limit: int) -> list[Any]:
        """Return the page, from a longer one of what was there: longer by as many as have
        changed.
        """
        table = self.tables.table(need.kind)
        ids = {*self._pages[need], *table.ids_after(need.after, limit, need.where)}
        now = (table.records.get(id) for id in sorted(ids))
        return [record for record in now if record is not None and _is_wanted(record, need.where)][
            :limit
        ]

    def count(self, kind: type[Record]) -> int:
        """Return how many records there are now."""
        table = self.tables.table(kind)
        return len(table.records) + table.elsewhere

    async def free_id(self, kind: type[Record], know: Callable[[Need], Awaitable[None]]) -> int:
        """Return the id of the next record."""
        table = self.tables.table(kind)
        if table.highest < _HIGHEST:
            return table.highest + 1
        gone = [
            id
            for id, record in self._before[kind].items()
            if record is not None and id > 0 and id not in table.records
        ]
        start = 1
        while True:
            await know(free := Free(kind, start))
            id = min([self._numbers[free], *gone])
            if id not in table.records:
                self._before[kind].setdefault(id, None)
                return id
            start = id + 1


def _is_wanted(record: Record, where: Where | None) -> bool:
    return where is None or getattr(record, where.field) == where.value


def _group(need: Need) -> tuple[Any, ...]:
    if isinstance(need, WithId):
        return WithId, need.kind
    if isinstance(need, WithKey):
        return WithKey, need.kind, need.name
    if isinstance(need, Referring):
        return Referring, need.kind, need.name, need.all
    return (need,)


def _ask(needs: Sequence[Any]) -> Ask:
    need, layout = needs[0], LAYOUTS[needs[0].kind]
    if isinstance(need, WithId):
        return layout.with_ids(need.id for need in needs)
    if isinstance(need, WithKey):
        return layout.with_keys(need.name, [need.key for need in needs])
    if isinstance(need, Referring):
        return layout.referring(need.name, [need.id for need in needs], need.all)
    if isinstance(need, InPage):
        return layout.page(need.limit, need.after, need.where)
    return layout.free_id(need.start)


@implementer(ITransaction, IForesees)
class StagedTransaction:
    """The changes of one `transact`. What is not known yet is loaded; that is all it ever waits
    for.
    """

    def __init__(
        self, staged: StagedTables, load: Callable[[Sequence[Need]], Awaitable[None]]
    ) -> None:
        self._staged = staged
        self._tables = staged.tables
        self._load = load

    async def get(self, kind: type[R], id: int) -> R:
        await self._know(WithId(kind, id))
        return self._tables.get(kind, id)

    async def find(self, kind: type[R], field: str, value: Any) -> R | None:
        await self._know(WithKey(kind, field, describe(kind).uniques[field](value)))
        return self._tables.find(kind, field, value)

    async def page(
        self, kind: type[R], limit: int, after: int | None = None, where: Where | None = None
    ) -> list[R]:
        need = InPage(kind, limit + len(self._staged.changed(kind)), after, where)
        await self._know(need)
        return self._staged.page(need, limit)

    async def count(self, kind: type[Record]) -> int:
        return self._staged.count(kind)

    async def foresee(
        self, kind: type[Record], inserts: Sequence[tuple[int | None, Mapping[str, Any]]]
    ) -> None:
        for id, fields in inserts:
            check_fields(kind, fields, id)
        await self._know(
            *(need for id, fields in inserts for need in needs_of_insert(kind, id, fields))
        )

    async def insert(self, kind: type[R], id: int | None = None, **fields: Any) -> R:
        check_fields(kind, fields, id)
        await self._know(*needs_of_insert(kind, id, fields))
        return await self.insert_known(kind, id, fields)

    async def insert_known(self, kind: type[R], id: int | None, fields: dict[str, Any]) -> R:
        """Insert what was checked before; all that it rests on is known."""
        if id is None:
            id = await self._staged.free_id(kind, self._know)
        return self._tables.insert(kind, id, fields)

    async def update(self, kind: type[R], id: int, expect: int | None = None, **fields: Any) -> R:
        check_fields(kind, fields)
        await self._know(*needs_of_update(kind, id, fields))
        return await self.update_known(kind, id, expect, fields)

    async def update_known(
        self, kind: type[R], id: int, expect: int | None, fields: dict[str, Any]
    ) -> R:
        """Update by what was checked before; all that it rests on is known."""
        return self._tables.update(kind, id, expect, fields)

    async def delete(self, kind: type[Record], id: int, expect: int | None = None) -> None:
        schema, going, seen = self._tables.schema, [(kind, id)], {(kind, id)}
        while going:
            await self._know(*(need for each in going for need in needs_of_delete(schema, *each)))
            going = [each for one in going for each in self._going_with(*one) if each not in seen]
            seen.update(going)
        self._tables.delete(kind, id, expect)

    def _going_with(self, kind: type[Record], id: int) -> Iterator[tuple[type[Record], int]]:
        described = self._tables.schema.describe
        for other, name, cascade in described(kind).referred_by:
            if cascade and described(other).referred_by:
                for referring in self._tables.table(other).indexes[name].get(id, ()):
                    yield other, referring

    async def lock(self, name: str) -> None:
        """Nothing to wait for: a transaction here is alone with all others, on every node."""

    async def _know(self, *needs: Need) -> None:
        if missing := self._staged.missing(needs):
            await self._load(missing)
