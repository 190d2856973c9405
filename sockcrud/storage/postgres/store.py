"""The store in PostgreSQL, for several nodes on one database.

Nothing that another node can change is kept here: every answer is one of the database. A node that
does not get one says that it is unavailable, and goes on by itself once there is a server again.

The links are libpq's pipeline mode on the reactor. Psycopg's `AsyncConnection` in that mode took
110 to 140 us of processor time a read with 10 to 50 at once, where these take 13 to 39, and 390 to
260 with one at a time; it also needs an event loop of asyncio, which not every reactor has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from threading import Thread
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.errors import HistoryGone
from sockcrud.records import Record
from sockcrud.records.constraints import INT64
from sockcrud.records.schema import Schema
from sockcrud.storage.capacity import MIB, STANDARD, Capacity
from sockcrud.storage.contract import (
    Change,
    Counters,
    IFarAway,
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
from sockcrud.storage.moving import GivingWay, Moved, Source
from sockcrud.storage.postgres.copy import restore_into
from sockcrud.storage.postgres.counters import Counters as StateCounters
from sockcrud.storage.postgres.layout import LAYOUTS, array, rows
from sockcrud.storage.postgres.link import Statement
from sockcrud.storage.postgres.pool import CircuitBreaker, Limits, Places, Pool
from sockcrud.storage.postgres.reads import Reads
from sockcrud.storage.postgres.schema import prepare
from sockcrud.storage.postgres.snapshots import Snapshots
from sockcrud.storage.postgres.staged import (
    StagedTransaction,
    WithKey,
    check_fields,
    needs_of_delete,
    needs_of_insert,
    needs_of_update,
)
from sockcrud.storage.postgres.staging import PostgresStage
from sockcrud.storage.postgres.writer import Writer

FORGOTTEN_TOGETHER: Final = 1_000
"""Changes that are too old to be told, and are deleted together; or so many that they have the
bytes of the next line.
"""

FORGOTTEN_BYTES: Final = 4 * MIB

DELETED_TOGETHER: Final = 5_000
"""So many of them at most in one statement: a few milliseconds, however many there are."""

FEWEST_LINKS: Final = 5
"""One for single records, one for changes, one for lists that are short and one for one that is
long, and one for all else.
"""

_STANDARD: Final = Limits()

_CHANGES: Final = Statement(
    b"changes",
    b"SELECT state.rev, coalesce(gone.rev, CASE WHEN kept.number = 1 OR state.journaled = 0 THEN 0"
    b" ELSE coalesce(kept.rev - 1, state.rev) END), told.rev, told.kind, told.id, told.record "
    b"FROM state"
    b" LEFT JOIN LATERAL (SELECT number, rev FROM changes WHERE number > state.journaled - "
    b"$1::bigint"
    b" AND bytes_before >= state.journaled_bytes - $2::bigint ORDER BY number LIMIT 1) AS kept "
    b"ON true"
    b" LEFT JOIN LATERAL (SELECT rev FROM changes WHERE number < coalesce(kept.number, "
    b"9223372036854775807)"
    b" ORDER BY number DESC LIMIT 1) AS gone ON true"
    b" LEFT JOIN LATERAL (SELECT * FROM changes WHERE rev > $3::bigint AND kind = ANY ($5::text[])"
    b" ORDER BY rev LIMIT $4::bigint) AS told ON true"
    b" ORDER BY told.rev",
)
"""The first that is kept tells where history begins: what is before it is too old here, or another
node has deleted it.
"""

_FORGET: Final = Statement(
    b"forget",
    b"WITH up_to AS (SELECT max(number) AS number FROM"
    b" (SELECT number, bytes_before FROM changes WHERE number >= $4::bigint ORDER BY number "
    b"LIMIT $3::bigint) AS oldest, state"
    b" WHERE number <= journaled - $1::bigint OR bytes_before < journaled_bytes - $2::bigint),"
    b" gone AS (DELETE FROM changes WHERE number >= $4::bigint AND number < (SELECT number FROM "
    b"up_to))"
    b" SELECT number FROM up_to",
)
"""From the oldest on, without a gap: what is left is all that has changed since the first of it,
which this tells.

It begins where the last one ended: what is deleted stays in the index for a while, and to step over
it each time takes longer each time, in the end longer than a statement may.
"""

_log = Logger()

__all__ = ("Limits", "PostgresStore")


@implementer(IStore, IFarAway, IStages)
class PostgresStore:
    """Records in PostgreSQL. It needs its reactor to run."""

    def __init__(
        self,
        url: str,
        schema: Schema,
        reactor: Any,
        limits: Limits = _STANDARD,
        history: int = HISTORY,
        capacity: Capacity = STANDARD,
        others: Sequence[type[Record]] = (),
    ) -> None:
        """Use `open`, but for a database that another store has been opened on already.

        `others` are the kinds in the database that are not in the schema: of them only what they
        refer to is known.
        """
        places, breaker = Places(url, reactor, limits.connect_seconds), CircuitBreaker(reactor)
        left = max(FEWEST_LINKS, limits.pool) - 2
        pools = [
            Pool(places, reactor, size, limits, breaker)
            for size in (1, 1, left - left // 3, left // 3)
        ]
        breaker.pools += pools
        self.schema = schema
        self.unknown_kinds = tuple(kind.__name__ for kind in others)
        self._all = Schema((*schema, *others))
        self._shown = array(schema.by_name, None)
        counters = ", ".join(["rev", *(LAYOUTS[kind].highest for kind in schema)])
        self._given_out = Statement(
            b"given out", f"SELECT {counters} FROM state WHERE id = 1".encode()
        )
        self._url = url
        self._reactor = reactor
        self._counters = StateCounters(self._all)
        self._capacity = capacity
        self._staging = DeferredLock()
        self._staging_pool = Pool(places, reactor, 1, limits, breaker)
        pools.append(self._staging_pool)
        breaker.pools.append(self._staging_pool)
        self._pools = pools
        self._shared = pools[3]
        self._reads = Reads(pools[0], schema)
        self._snapshots = Snapshots(pools[2])
        self._writer = Writer(pools[1], self._snapshots.opened, self._changed, self._all, capacity)
        self._rev = 0
        self._most_kept = history, capacity.history_bytes
        self._forgetting_at = FORGOTTEN_TOGETHER, FORGOTTEN_BYTES
        self._forgetting: Deferred[None] = succeed(None)
        self._oldest = INT64.start  # number of a change: there is none before it

    @classmethod
    def open(
        cls,
        url: str,
        schema: Schema,
        reactor: Any,
        warn: Callable[[str], object],
        limits: Limits = _STANDARD,
        history: int = HISTORY,
        capacity: Capacity = STANDARD,
    ) -> PostgresStore:
        """Return the store in this database, whose tables are made those of the schema.

        It blocks until then.

        Raise `StoreError` where it cannot be. `warn` is told what in the database endangers the
        store's promises.
        """
        prepared = prepare(url, schema, limits)
        for danger in prepared.dangers:
            warn(danger)
        return cls(url, schema, reactor, limits, history, capacity, prepared.others)

    @property
    def rev(self) -> int:
        """The latest revision that this node has seen: of its own changes, and of what it has asked
        for with `changes`.
        """
        return self._rev

    @property
    def committed(self) -> Callable[[float], object]:
        """Is told how long each commit took."""
        return self._writer.committed

    @committed.setter
    def committed(self, told: Callable[[float], object]) -> None:
        self._writer.committed = told

    async def get(self, kind: type[R], id: int) -> R:
        return await self._reads.get(kind, id)

    async def find(self, kind: type[R], field: str, value: Any) -> R | None:
        return await self._reads.find(kind, field, value)

    async def find_with(
        self, kind: type[Record], field: str, value: Any, path: tuple[str, ...]
    ) -> Sequence[Record]:
        return await self._reads.find_with(kind, field, value, path)

    async def page(
        self, kind: type[R], limit: int, after: int | None = None, where: Where | None = None
    ) -> list[R]:
        layout = LAYOUTS[kind]
        [result] = await self._shared.ask([layout.page(limit, after, where)])
        return layout.records(result)

    async def count(self, kind: type[Record]) -> int:
        return await self._reads.count(kind)

    async def insert(self, kind: type[R], id: int | None = None, **fields: Any) -> R:
        check_fields(kind, fields, id)
        needs = list(needs_of_insert(kind, id, fields))

        async def insert(transaction: StagedTransaction) -> R:
            return await transaction.insert_known(kind, id, fields)

        if (joining := take_part()) is not None:
            needs.append(WithKey(*joining.needs))
            joined: R = await self._writer.do(lambda each: joining.run(each, insert), needs)
            return joined
        inserted: R = await self._writer.do(insert, needs)
        return inserted

    async def update(self, kind: type[R], id: int, expect: int | None = None, **fields: Any) -> R:
        check_fields(kind, fields)
        needs = needs_of_update(kind, id, fields)
        updated: R = await self._writer.do(
            lambda transaction: transaction.update_known(kind, id, expect, fields), needs
        )
        return updated

    async def delete(self, kind: type[Record], id: int, expect: int | None = None) -> None:
        await self._writer.do(
            lambda transaction: transaction.delete(kind, id, expect),
            needs_of_delete(self._all, kind, id),
        )

    async def transact(self, body: Callable[[ITransaction], Awaitable[T]]) -> T:
        if (joining := take_part()) is not None:
            joined: T = await self._writer.do(lambda each: joining.run(each, body))
            return joined
        result: T = await self._writer.do(body)
        return result

    def stream(
        self,
        kind: type[R],
        after: int | None = None,
        limit: int | None = None,
        where: Where | None = None,
        peer: str = "",
    ) -> RecordStream[R]:
        return self._snapshots.stream(kind, after, limit, where, peer)

    async def changes(self, since: int, limit: int) -> list[Change]:
        asked = [*(b"%d" % number for number in (*self._most_kept, since, limit)), self._shown]
        [result] = await self._shared.ask([(_CHANGES, asked)])
        told = rows(result)
        newest, forgotten = told[0][:2]
        self._rev = max(self._rev, newest)
        if not forgotten <= since <= newest:
            raise HistoryGone(since, forgotten, newest)
        changes = []
        for _, _, rev, name, id, record in told:
            if rev is not None:
                kind = self.schema.by_name[name]
                changes.append(
                    Change(
                        rev, kind, id, None if record is None else LAYOUTS[kind].from_json(record)
                    )
                )
        return changes

    async def stage(self, highest: Mapping[type[Record], int], size: int | None = None) -> Stage:
        await self._staging.acquire()
        over, ready = self._staging.release, self._snapshots.opened
        stage = PostgresStage(
            self._staging_pool,
            over,
            ready,
            self._counters,
            self._capacity,
            self._most_kept[0],
            size,
            self._changed,
        )
        await stage.begin(highest)
        return stage

    async def counters(self) -> Counters:
        [result] = await self._shared.ask([(self._given_out, [])])
        [[rev, *highest]] = rows(result)
        return Counters(rev, dict(zip(self.schema, highest, strict=True)))

    async def restore(self, source: Source, giving_way: GivingWay) -> Sequence[Moved]:
        """Do it in a thread, on a connection of its own, which has the lock that every change
        needs.
        """
        restored: Deferred[Sequence[Moved]] = Deferred()

        def restore() -> None:
            try:
                outcome: Sequence[Moved] | Failure = restore_into(
                    self._url, self.schema, source, giving_way
                )
            except BaseException:
                outcome = Failure()
            with suppress(Exception):  # the reactor may have ended meanwhile
                self._reactor.callFromThread(restored.callback, outcome)

        Thread(target=restore, name="store restore", daemon=True).start()
        moved = await restored
        self._rev = max(self._rev, (await self.counters()).rev)
        return moved

    async def close(self) -> None:
        """Return when what was asked for is done, and no connection is open any more. Harmless when
        repeated.
        """
        await self._writer.finish()
        await self._forgetting
        self._snapshots.close()
        for pool in self._pools:
            pool.close()

    def _changed(self, rev: int, journaled: int, journaled_bytes: int) -> None:
        self._rev = max(self._rev, rev)
        most, most_bytes = self._most_kept
        many, bytes = self._forgetting_at
        is_due = journaled >= max(many, most) or journaled_bytes >= max(bytes, most_bytes)
        if is_due and self._forgetting.called:
            self._forgetting_at = journaled + FORGOTTEN_TOGETHER, journaled_bytes + FORGOTTEN_BYTES
            self._forgetting = Deferred.fromCoroutine(self._forget()).addErrback(
                self._not_forgotten
            )

    async def _forget(self) -> None:
        """Delete what is too old to be told. The newest of it stays: it tells where what can be
        told begins.
        """
        while True:
            asked = [
                b"%d" % number for number in (*self._most_kept, DELETED_TOGETHER, self._oldest)
            ]
            [result] = await self._shared.ask([(_FORGET, asked)])
            [[oldest]] = rows(result)
            if oldest is None or oldest == self._oldest:
                return
            self._oldest = oldest

    def _not_forgotten(self, failure: Failure) -> None:
        self._forgetting_at = FORGOTTEN_TOGETHER, FORGOTTEN_BYTES  # with the next change
        _log.failure(
            "old changes could not be deleted; the next attempt comes with the next change",
            failure=failure,
        )
