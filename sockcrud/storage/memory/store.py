"""The store that ends with the process: every promise of the contract but durability."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from zope.interface import implementer

from sockcrud.records import Record, describe
from sockcrud.records.constraints import INT64
from sockcrud.records.schema import Schema
from sockcrud.storage.capacity import STANDARD, Capacity
from sockcrud.storage.common import unheard
from sockcrud.storage.contract import (
    Change,
    Counters,
    IAtHand,
    IStages,
    IStore,
    ITransaction,
    R,
    RecordStream,
    Stage,
    T,
    Where,
)
from sockcrud.storage.history import HISTORY
from sockcrud.storage.joining import take_part
from sockcrud.storage.memory.cascade import Cascade, is_long
from sockcrud.storage.memory.restoring import TablesEnd
from sockcrud.storage.memory.snapshots import Later
from sockcrud.storage.memory.staging import Staging
from sockcrud.storage.memory.steps import Step
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.moving import GivingWay, Moved, Source, move_in_slices, require_empty
from sockcrud.storage.weights import SLICE

_log = Logger()


class _Reads:
    """Reading, the same for the store and for a transaction of it: there is only ever one under
    way.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, kind: type[R], id: int) -> R:
        return self._tables.get(kind, id)

    async def find(self, kind: type[R], field: str, value: Any) -> R | None:
        return self._tables.find(kind, field, value)

    async def page(
        self, kind: type[R], limit: int, after: int | None = None, where: Where | None = None
    ) -> list[R]:
        return self._tables.page(kind, limit, after, where)

    async def count(self, kind: type[Record]) -> int:
        return self._tables.table(kind).size


@implementer(ITransaction)
class Transaction(_Reads):
    """The changes of one `transact`, which see each other."""

    async def insert(self, kind: type[R], id: int | None = None, **fields: Any) -> R:
        return self._tables.insert(kind, id, fields)

    async def update(self, kind: type[R], id: int, expect: int | None = None, **fields: Any) -> R:
        return self._tables.update(kind, id, expect, fields)

    async def delete(self, kind: type[Record], id: int, expect: int | None = None) -> None:
        self._tables.delete(kind, id, expect)

    async def lock(self, name: str) -> None:
        """Nothing to wait for: transactions here run one after the other."""


class CheckedTables(Tables):
    """Tables that refuse what does not fit the model, and could not be read again from where it is
    to be kept.
    """

    def insert(self, kind: type[R], id: int | None, fields: dict[str, Any]) -> R:
        _check(kind, fields)
        if id is not None and id not in INT64:
            raise ValueError(f"the id of a {kind.__name__} is out of range")
        return super().insert(kind, id, fields)

    def update(self, kind: type[R], id: int, expect: int | None, fields: dict[str, Any]) -> R:
        _check(kind, fields)
        return super().update(kind, id, expect, fields)


def _check(kind: type[Record], fields: dict[str, Any]) -> None:
    constraints = describe(kind).constraints
    for name, value in fields.items():
        if not constraints[name].fits(value):
            raise ValueError(f"{name} of a {kind.__name__} is not {constraints[name].expects}")


@implementer(IStore, IStages, IAtHand)
class MemoryStore(_Reads):
    """Records in dictionaries. What it returns fires within the turn, but for what is staged or
    cleared away one at a time.
    """

    def __init__(
        self,
        schema: Schema,
        history: int = HISTORY,
        capacity: Capacity = STANDARD,
        later: Later | None = None,
    ) -> None:
        self._start_with(Tables(schema, history, capacity, later))

    def _start_with(self, tables: Tables) -> None:
        self._replace_tables(tables)
        self._hiding = DeferredLock()
        """Held while something is staged, or cleared away: what is in the tables and not to be seen
        is one or the other.
        """

    @property
    def rev(self) -> int:
        return self._tables.rev

    @property
    def schema(self) -> Schema:
        return self._tables.schema

    @property
    def unknown_kinds(self) -> tuple[str, ...]:
        return self._tables.unknown_kinds

    def at_hand(self, kind: type[R], id: int) -> R | None:
        return self._tables.at_hand(kind, id)

    async def insert(self, kind: type[R], id: int | None = None, **fields: Any) -> R:
        if (joining := take_part()) is not None:
            return await self._transact(
                lambda each: joining.run(each, lambda alone: alone.insert(kind, id, **fields))
            )
        return await self._changed(lambda: self._tables.insert(kind, id, fields))

    async def update(self, kind: type[R], id: int, expect: int | None = None, **fields: Any) -> R:
        return await self._changed(lambda: self._tables.update(kind, id, expect, fields))

    async def delete(self, kind: type[Record], id: int, expect: int | None = None) -> None:
        if is_long(self._tables, kind, id):
            await self._delete_with_many(kind, id, expect)
        else:
            await self._changed(lambda: self._tables.delete(kind, id, expect))

    async def _delete_with_many(self, kind: type[Record], id: int, expect: int | None) -> None:
        """Delete a record on which so many depend that to delete them in one turn would keep others
        waiting.
        """
        await self._hiding.acquire()
        try:
            cascade = Cascade(self._tables, kind, id, expect)
        except BaseException:
            self._hiding.release()
            raise
        self._clear_away(self._clear(cascade))

    def _clear_away(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on with it while others do what they like."""
        Deferred.fromCoroutine(work).addErrback(
            lambda failure: _log.failure(
                "what a record has taken with it could not be cleared away", failure=failure
            )
        )

    async def _clear(self, cascade: Cascade) -> None:
        while cascade.clear(SLICE):
            await self._turn()
        cascade.end()
        self._hiding.release()
        while cascade.let_go(SLICE):
            await self._turn()

    async def transact(self, body: Callable[[ITransaction], Awaitable[T]]) -> T:
        if (joining := take_part()) is not None:
            return await self._transact(lambda each: joining.run(each, body))
        return await self._transact(body)

    async def _transact(self, body: Callable[[ITransaction], Awaitable[T]]) -> T:
        return await self._changed(lambda: _without_waiting(body(self._transaction)))

    async def _changed(self, change: Callable[[], T]) -> T:
        """Make a change, or several, and fire with the result; where it raises, nothing has
        changed.
        """
        return run(self._tables, change)[0]

    async def stage(self, highest: Mapping[type[Record], int], size: int | None = None) -> Stage:
        await self._hiding.acquire()
        return TableStage(self, highest)

    def stream(
        self,
        kind: type[R],
        after: int | None = None,
        limit: int | None = None,
        where: Where | None = None,
        peer: str = "",
    ) -> RecordStream[R]:
        return self._tables.stream(kind, after, limit, where)

    async def changes(self, since: int, limit: int) -> list[Change]:
        return self._tables.changes(since, limit)

    async def counters(self) -> Counters:
        return self._tables.counters

    async def restore(self, source: Source, giving_way: GivingWay) -> Sequence[Moved]:
        await self._hiding.acquire()
        try:
            return await self._restore(source, giving_way)
        finally:
            self._hiding.release()

    async def _restore(self, source: Source, giving_way: GivingWay) -> Sequence[Moved]:
        require_empty(TablesEnd(self._tables), giving_way)
        tables = self._tables.anew()
        steps = move_in_slices(source, TablesEnd(tables), unheard, unheard, giving_way)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                moved: Sequence[Moved] = done.value
                break
            await self._turn()
        require_empty(TablesEnd(self._tables), giving_way)  # others had their turn
        tables.count_on(self._tables.counters)
        self._replace_tables(tables)
        return moved

    def _replace_tables(self, tables: Tables) -> None:
        self._tables = tables
        self._transaction = cast(ITransaction, Transaction(tables))

    async def close(self) -> None:
        """Nothing is open."""

    async def _turn(self) -> None:
        """Return in a later turn."""
        if (later := self._tables.budget.later) is not None:
            turn: Deferred[None] = Deferred()
            later(lambda: turn.callback(None))
            await turn


class TableStage:
    """A `Stage` of tables in memory. Each call does so little in a turn that nobody notices it."""

    def __init__(self, store: MemoryStore, highest: Mapping[type[Record], int]) -> None:
        self._store = store
        self._tables = store._tables
        self._staging = Staging(self._tables, highest)
        self._is_published = False

    async def add(self, records: Sequence[Record]) -> None:
        self._staging.add(records)

    async def publish(self, permit: Callable[[ITransaction], Awaitable[object]]) -> None:
        self._publish(permit)
        await self._end()

    def _publish(self, permit: Callable[[ITransaction], Awaitable[object]]) -> None:
        def publish() -> None:
            _without_waiting(permit(self._store._transaction))
            self._staging.publish()

        run(self._tables, publish)
        self._is_published = True

    async def abandon(self) -> None:
        while not self._is_published and self._staging.take_back(SLICE):
            await self._store._turn()
        await self._end()

    async def _end(self) -> None:
        """Let the next one begin, and let go of what is of no use any more."""
        self._store._hiding.release()
        while self._staging.let_go(SLICE):
            await self._store._turn()


def run(tables: Tables, change: Callable[[], T]) -> tuple[T, list[Step]]:
    """Run `change` as one transaction on the tables: give its result and its steps, or raise what
    it raised, without any.
    """
    tables.begin()
    try:
        result = change()
    except BaseException:
        tables.rollback()
        raise
    return result, tables.commit()


def _without_waiting(work: Awaitable[T]) -> T:
    """Run to its end what waits for nothing. Waiting would let others see half a transaction, so it
    is refused.
    """
    steps = cast("Coroutine[Any, Any, T]", work)
    try:
        steps.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    steps.close()
    raise RuntimeError("the body of a transaction awaits nothing but its transaction")
