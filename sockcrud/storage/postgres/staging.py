"""Many records at once in PostgreSQL: an import that nobody waits for, and that is all or nothing.

It is one long transaction, which does not have the lock that every change needs, but for its last
moment. So its rows lie in their tables, and nobody sees them. Their revisions are far above those
that others take meanwhile, and so are the numbers of its changes where these are many: then the end
is an update of one row, and the commit. (The history counts by numbers, so it begins anew with such
an import.)

Whoever wants an id or a unique value that is staged waits until it is known whether it is taken,
but without the lock: no statement that has it waits for longer than `counters.PATIENCE`. Whoever
deletes what a staged record refers to is not held up: the import then fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from psycopg.pq.abc import PGresult

from sockcrud.errors import DomainError, NotFound, Taken, Unavailable
from sockcrud.records import Record, describe
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.contract import ITransaction, Overtaken
from sockcrud.storage.memory.staging import REVISIONS_BETWEEN
from sockcrud.storage.postgres.copy import BEFORE_ALL
from sockcrud.storage.postgres.counters import Counters
from sockcrud.storage.postgres.layout import LAYOUTS, in_parts, rows
from sockcrud.storage.postgres.link import Ask, Link, Lost, Refused, Statement
from sockcrud.storage.postgres.pool import Pool, unavailable
from sockcrud.storage.postgres.staged import (
    Need,
    StagedTables,
    StagedTransaction,
    asks_for,
    needs_of_insert,
)
from sockcrud.storage.postgres.writer import LONG_SECONDS, MANY, NOTE, note

FEW: Final = 20_000
"""Records whose changes are joined to the history under the lock, in a tenth of a second at most.
"""

AHEAD: Final = 2**32
"""From the latest number of a change to the first of an import of more: more than others can take
meanwhile.
"""

IDLE_SECONDS: Final = 60.0
"""For so long the database waits for the next records before it gives the import up."""

_TOGETHER: Final = 50
"""Records that are looked at in one go: some milliseconds."""

ANOTHER: Final = "another import is under way"

_KEY: Final = int.from_bytes(b"import\0\0", "big")
_BEGIN: Final = Statement(b"begin", b"BEGIN")
_COMMIT: Final = Statement(b"commit", b"COMMIT")
_ALONE: Final = Statement(b"import alone", b"SELECT pg_advisory_lock($1::bigint)")
_LIMITS: Final = Statement(
    b"import limits",
    b"SELECT set_config('statement_timeout', $1, true), "
    b"set_config('idle_in_transaction_session_timeout', $2, true)",
)
_MARK: Final = Statement(
    b"import mark",
    b"INSERT INTO changes (number, rev, kind, id, bytes_before) VALUES ($1::bigint, $2::bigint, "
    b"'', 0, 0)"
    b" ON CONFLICT DO NOTHING",
)
_APART: Final = Statement(
    b"import apart", b"CREATE TEMPORARY TABLE import_changes (LIKE changes) ON COMMIT DROP"
)
_NOTE_APART: Final = Statement(
    b"import note", NOTE.sql.replace(b"INTO changes ", b"INTO import_changes ")
)
_JOIN: Final = Statement(
    b"import join",
    b"INSERT INTO changes (number, bytes_before, rev, kind, id, record)"
    b" SELECT number + $1::bigint, bytes_before + $2::bigint, rev, kind, id, record FROM "
    b"import_changes ORDER BY number",
)
_CHECK: Final = Statement(b"import check", b"SET CONSTRAINTS ALL IMMEDIATE")


class PostgresStage:
    """A `Stage`. Use `begin` first."""

    def __init__(
        self,
        pool: Pool,
        over: Callable[[], object],
        ready: Callable[[], Awaitable[None]],
        counters: Counters,
        capacity: Capacity,
        most_kept: int,
        size: int | None,
        changed: Callable[[int, int, int], object],
    ) -> None:
        self._pool = pool
        self._over = over
        self._ready = ready
        self._counters = counters
        self._capacity = capacity
        self._changed = changed
        self._noted_from = (
            0 if size is None else size - most_kept - 1
        )  # with one more, which tells where the rest begins
        self._is_few = size is None or size <= FEW
        self._link: Link | None = None
        self._state: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._base = self._count = 0

    async def begin(self, highest: Mapping[type[Record], int]) -> None:
        """Return when there is no other, on any node, and ids up to the highest are nobody
        else's.
        """
        try:
            self._link = await self._pool.take()
        except BaseException:
            self._over()
            raise
        try:
            await self._link.ask([(_ALONE, [b"%d" % _KEY])], self._pool.limits.answer_seconds)
        except (Lost, Refused) as error:
            await self.abandon()
            raise (
                Unavailable(ANOTHER) if isinstance(error, Refused) else unavailable(error)
            ) from None
        try:
            state = await self._lock()
            for kind, id in highest.items():
                name = LAYOUTS[kind].highest
                state[name] = max(state[name], id)
            await self._ask([self._count_on(state), (_COMMIT, [])])
            self._base = state["rev"] + REVISIONS_BETWEEN
            ahead = 0 if self._is_few else AHEAD
            self._state = {**state, "rev": self._base - 1, "journaled": state["journaled"] + ahead}
            self._before = state
            limits = [b"%d" % (seconds * 1000) for seconds in (LONG_SECONDS, IDLE_SECONDS)]
            mark: Ask = (
                _MARK,
                [b"%d" % BEFORE_ALL, b"%d" % state["rev"]],
            )  # that the history began with nothing before
            more = [(_APART, ())] if self._is_few else [] if state["journaled"] else [mark]
            await self._ask([(_BEGIN, []), (_LIMITS, limits), *more])
        except BaseException:
            await self.abandon()
            raise

    async def add(self, records: Sequence[Record]) -> None:
        for some in in_parts(records, _TOGETHER):
            await self._add(some)

    async def _add(self, records: Sequence[Record]) -> None:
        given = [(type(record), record.id, _fields(record)) for record in records]
        staged = await self._staged([need for each in given for need in needs_of_insert(*each)])
        tables = staged.tables
        tables.begin()
        for kind, id, fields in given:
            try:
                tables.insert(kind, id, fields)
            except DomainError as error:
                raise Overtaken(kind, id, error) from None
        steps = tables.commit()
        asks: list[Ask] = []
        for kind in dict.fromkeys(kind for kind, _, _ in given):
            new = [(None, step.after) for step in steps if step.kind is kind]
            asks += LAYOUTS[kind].writes(new, MANY)
        noted = [
            step
            for place, step in enumerate(steps, self._count)
            if place >= self._noted_from and describe(step.kind).journaled
        ]
        if noted:
            asks.append((_NOTE_APART if self._is_few else NOTE, note(staged, noted)))
        try:
            await self._ask(asks)
        except _Broken as broken:  # it came between the question and the answer
            raise Overtaken(given[0][0], given[0][1], self._word(broken)) from None
        self._count += len(steps)
        self._state |= {"rev": tables.rev, "stored": tables.stored}
        self._state |= {"journaled": staged.journaled, "journaled_bytes": staged.journaled_bytes}
        for kind in {kind for kind, _, _ in given}:
            table = tables.table(kind)
            self._state[LAYOUTS[kind].counted] = len(table.records) + table.elsewhere
            self._state[LAYOUTS[kind].highest] = table.highest

    async def publish(self, permit: Callable[[ITransaction], Awaitable[object]]) -> None:
        await self._require_references()
        try:
            await self._ask([(_CHECK, [])])
        except _Broken:
            raise Unavailable("what the import refers to is being deleted") from None
        await self._ready()  # lists that were asked for before this have nothing of it
        state = await self._lock(begins=False)
        if state["rev"] >= self._base:
            raise RuntimeError("others have taken the revisions of what is staged")
        tables = StagedTables(self._counters.schema, state, self._capacity)
        tables.tables.begin()
        await permit(StagedTransaction(tables, lambda needs: self._learn(tables, needs)))
        more = {
            name: self._state[name] - self._before[name]
            for name in ("stored", "journaled_bytes", *self._sizes)
        }
        ended = {name: state[name] + some for name, some in more.items()}
        highest = {
            name: max(state[name], self._state[name])
            for name in self._state
            if name.startswith("highest_")
        }
        ended |= {"rev": self._state["rev"], "journaled": self._state["journaled"], **highest}
        asks = []
        if self._is_few:
            further = {
                name: state[name] - self._before[name] for name in ("journaled", "journaled_bytes")
            }
            ended["journaled"] += further["journaled"]
            asks.append((_JOIN, [b"%d" % some for some in further.values()]))
        [*_, committed] = await self._ask([*asks, self._count_on(ended), (_COMMIT, [])])
        if committed.command_status != b"COMMIT":
            raise Unavailable("the import was not committed")
        self._end()
        self._changed(ended["rev"], ended["journaled"], ended["journaled_bytes"])

    async def abandon(self) -> None:
        """Close the connection, and let the next one begin: the transaction ends with it."""
        self._end()

    def _end(self) -> None:
        if self._link is not None:
            link, self._link = self._link, None
            self._pool.drop(link)  # and with it the lock that keeps others from importing
            self._over()

    @property
    def _sizes(self) -> Iterator[str]:
        return (LAYOUTS[kind].counted for kind in self._counters.schema)

    def _count_on(self, state: Mapping[str, int]) -> Ask:
        return self._counters.count, [b"%d" % state[name] for name in self._counters.names]

    async def _lock(self, begins: bool = True) -> dict[str, int]:
        """Return the counters, with the lock that every change needs."""
        [*_, locked] = await self._ask(
            [*([(_BEGIN, [])] if begins else []), (self._counters.lock, [])]
        )
        return self._counters.locked(locked)

    async def _staged(self, needs: Sequence[Need]) -> StagedTables:
        staged = StagedTables(self._counters.schema, self._state, self._capacity)
        await self._learn(staged, needs)
        return staged

    async def _learn(self, staged: StagedTables, needs: Sequence[Need]) -> None:
        asks, groups = asks_for(needs)
        staged.learn(groups, await self._ask(asks))

    async def _require_references(self) -> None:
        """Raise `Overtaken` where somebody has deleted what a staged record refers to."""
        for kind in self._counters.schema:
            for name, reference in describe(kind).references.items():
                to, table = describe(reference.kind).table, describe(kind).table
                there = f'SELECT FROM "{to}" WHERE "{to}"."id" = "{table}"."{name}"'
                sql = (
                    f'SELECT "id", "{name}" FROM "{table}" WHERE "rev" >= $1::bigint AND NOT '
                    f"EXISTS ({there}) LIMIT 1"
                )
                asked = Statement(f"{table} import {name}".encode(), sql.encode())
                [result] = await self._ask([(asked, [b"%d" % self._base])])
                for id, missing in rows(result):
                    raise Overtaken(kind, id, NotFound(reference.kind.__name__, missing))

    async def _ask(self, asks: Sequence[Ask]) -> list[PGresult]:
        if self._link is None:
            raise Unavailable("the import is over")
        try:
            return await self._link.ask(asks, LONG_SECONDS)
        except Refused as refused:
            if refused.code.startswith("23"):
                raise _Broken(refused.constraint) from None
            raise unavailable(refused) from None
        except Lost as lost:
            raise unavailable(lost) from None

    def _word(self, broken: _Broken) -> DomainError:
        if broken.constraint in self._counters.uniques:
            kind, name = self._counters.uniques[broken.constraint]
            return Taken(kind.__name__, name)
        return Unavailable("the database refuses what is imported")


class _Broken(Exception):
    """A constraint does not hold."""

    def __init__(self, constraint: str | None) -> None:
        super().__init__(constraint)
        self.constraint = constraint


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in describe(type(record)).constraints}
