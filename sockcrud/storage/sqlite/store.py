"""The store in an SQLite file: it reads from memory, and a change is answered once it is on disk.

Changes are made in memory at once and gathered in a batch. One thread writes it to the file as one transaction; whatever
arrives meanwhile is the next batch. Until a change is on disk, an answer that rests on it waits.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Final, Generic, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.errors import DomainError, Unavailable
from sockcrud.records import Record, describe
from sockcrud.records.schema import Schema
from sockcrud.storage.capacity import STANDARD, Capacity
from sockcrud.storage.common import Progress, StoreError, unheard
from sockcrud.storage.contract import Change, IInFile, IStages, IStore, ITransaction, R, RecordStream, Stage, T, Where
from sockcrud.storage.history import HISTORY
from sockcrud.storage.memory.cascade import Cascade
from sockcrud.storage.memory.store import CheckedTables, MemoryStore, TableStage, run
from sockcrud.storage.memory.tables import Step, Unfit
from sockcrud.storage.moving import GivingWay, Moved, Source
from sockcrud.storage.sqlite import batch as sqlite_batch
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite.batch import FileBatch
from sockcrud.storage.sqlite.compare import TOGETHER, Comparison
from sockcrud.storage.sqlite.copy import SqliteCopy
from sockcrud.storage.sqlite.file import FileLock
from sockcrud.storage.sqlite.layout import LAYOUTS
from sockcrud.storage.sqlite.restoring import Restoring
from sockcrud.storage.sqlite.thread import WriteAheadLog, Writer
from sockcrud.storage.weights import SLICE

GONE: Final = -1
"""As the durable revision: everything has to wait, and is then refused."""

Told = Callable[[str], object]

_log = Logger()


class _RecordStream(Generic[R]):
    """A stream that gives nothing before all that it rests on is on disk."""

    def __init__(self, store: SqliteStore, kind: type[R], stream: RecordStream[R]) -> None:
        self._store = store
        self._stream = stream
        self._rests_on = store._latest[kind]

    @property
    def ended(self) -> bool:
        return self._stream.ended

    def __aiter__(self) -> _RecordStream[R]:
        return self

    async def __anext__(self) -> Sequence[R]:
        if self._rests_on > self._store._durable:
            await self._store._until(self._rests_on)
        return await self._stream.__anext__()

    def close(self) -> None:
        self._stream.close()


class _Stage(TableStage):
    """A stage whose records are on disk before they are published, so that what is published is on disk at once."""

    def __init__(self, store: SqliteStore, highest: Mapping[type[Record], int]) -> None:
        super().__init__(store, highest)
        self._file = store

    async def add(self, records: Sequence[Record]) -> None:
        self._file._require_open()
        await self._file._write_hidden(self._staging.add(records))

    async def publish(self, permit: Callable[[ITransaction], Awaitable[object]]) -> None:
        store, staging = self._file, self._staging
        store._require_open()
        try:
            self._publish(permit)
        except Exception:
            await store._until(store._hard)
            raise
        store._published = range(staging.base, store._tables.rev + 1)
        store._hard = store._tables.rev
        for kind in staging.kinds:
            store._latest[kind] = store._hard
        store._forming.publishes = True
        await store._written_soon()
        await self._end()

    async def abandon(self) -> None:
        with suppress(Unavailable):  # then they go at the next start
            while not self._is_published and (steps := self._staging.take_back(SLICE)):
                await self._file._write_hidden(steps)
        await super().abandon()


@implementer(IStore, IInFile, IStages)
class SqliteStore(MemoryStore):
    """Records in dictionaries and in a file. It needs its reactor to run, or what waits for the file waits for ever.

    After the first failure to write, or `close`, every call fails with `Unavailable`.
    """

    def __init__(
        self,
        path: Path,
        schema: Schema,
        reactor: IReactorFromThreads,
        failed: Told,
        history: int,
        capacity: Capacity,
    ) -> None:
        """Use `open`."""
        self._start_with(CheckedTables(schema, history, capacity, reactor.callFromThread))
        self.committed: Callable[[float], object] = lambda seconds: None
        """Is told, in the reactor's thread, how long each commit took."""
        self._path = path
        self._reactor = reactor
        self._tell_failed = failed
        self._lock = FileLock(path)
        self._writer = Writer(path, reactor, self._fail)
        self._wal = WriteAheadLog(path, reactor, self._writer)
        self._forming = FileBatch()
        self._writing: FileBatch | None = None
        self._is_scheduled = False
        self._rev = self._durable = self._hard = 0
        self._latest: dict[type[Record], int] = dict.fromkeys(schema, 0)
        self._published = range(0)
        """The revisions that were published last, at once: of what is staged nobody is to wait for the disk."""
        self._staged = 0
        self._stopped: str | None = None
        self._has_failed = False
        self._is_restoring = False
        self._closing: Deferred[None] | None = None
        self._snapshots: list[Deferred[None]] = []
        self._asked: list[Deferred[Any]] = []
        self._errands: list[Deferred[None]] = []

    @classmethod
    def open(
        cls,
        path: Path,
        schema: Schema,
        reactor: IReactorFromThreads,
        failed: Told,
        progress: Progress = unheard,
        history: int = HISTORY,
        capacity: Capacity = STANDARD,
    ) -> SqliteStore:
        """Return the store in this file, which is made where there is none, and whose tables are made those of the schema.

        It blocks until all is read, and says how far it is.

        Raise `StoreError`, with the file untouched, where it cannot be. `failed` is called once, in the reactor's thread, with
        the reason, in one line, if the file can no longer be written to. No thread runs before the first change.
        """
        store = cls(path.resolve(), schema, reactor, failed, history, capacity)
        if collects := gc.isenabled():
            gc.disable()  # a million new records hold no garbage, and looking for some takes half as long as reading them
        try:
            sqlite_file.load(store._path, store._tables, progress)
        except BaseException:
            store._lock.release()
            raise
        finally:
            if collects:
                gc.enable()
        store._durable = store._rev = store._tables.rev
        return store

    @property
    def rev(self) -> int:
        """The latest revision on disk: one that a crash can take back is not told."""
        return self._rev

    async def get(self, kind: type[R], id: int) -> R:
        if self._hard > self._durable and (rev := self._awaited(kind, id)) > self._durable:
            return await self._resting_on(rev, lambda: self._tables.get(kind, id))
        return self._tables.get(kind, id)

    async def find(self, kind: type[R], name: str, value: Any) -> R | None:
        found = self._tables.find(kind, name, value)
        if self._hard > self._durable:
            await self._until(self._latest[kind] if found is None else self._awaited(kind, found.id))
        return found

    async def page(self, kind: type[R], limit: int, after: int | None = None, where: Where | None = None) -> list[R]:
        records = self._tables.page(kind, limit, after, where)
        if self._latest[kind] > self._durable:
            await self._until(self._latest[kind])
        return records

    async def count(self, kind: type[Record]) -> int:
        size = self._tables.table(kind).size
        if self._latest[kind] > self._durable:
            await self._until(self._latest[kind])
        return size

    def stream(
        self, kind: type[R], after: int | None = None, limit: int | None = None, where: Where | None = None
    ) -> RecordStream[R]:
        return _RecordStream(self, kind, self._tables.stream(kind, after, limit, where))

    async def changes(self, since: int, limit: int) -> list[Change]:
        return await self._resting_on(self._hard, lambda: self._tables.changes(since, limit))

    def _require_open(self) -> None:
        if self._stopped is not None:
            raise Unavailable(self._stopped)

    async def _restore(self, source: Source, giving_way: GivingWay) -> Sequence[Moved]:
        self._require_open()
        self._is_restoring = True
        try:
            while (batch := self._writing or self._forming) is self._writing or not batch.is_empty:
                await self._until_written(batch)
            tables = self._tables.anew()

            def report(done: int, total: int) -> None:
                if self._stopped is not None:  # whoever closes it does not wait for long
                    raise StoreError(self._stopped)

            restoring = Restoring(self._path, tables, source, giving_way, report)
            moved = cast("Sequence[Moved]", await self._ask(restoring.restore))  # a failure is raised
            self._require_open()
            self._replace_tables(tables)
            self._rev = self._durable = self._hard = tables.rev
            self._published = range(0)
            self._wal.grew(sum(each.records for each in moved), self._wal.size())
            return moved
        finally:
            self._is_restoring = False

    async def _changed(self, change: Callable[[], T]) -> T:
        self._require_open()
        if self._is_restoring:
            raise Unavailable("the store is being restored, and takes no changes until then")
        try:
            result, steps = run(self._tables, change)
        except Exception:
            await self._until(self._hard)  # it may rest on anything that the body has read
            raise
        if not steps:
            await self._until(self._hard)
            return result
        for step in steps:
            if self._forming.take(step):
                self._hard = self._latest[step.kind] = step.rev
        await self._written_soon()
        return result

    async def _delete_with_many(self, kind: type[Record], id: int, expect: int | None) -> None:
        await self._hiding.acquire()
        try:
            while self._forming.is_new(kind, id):  # without a row of it there is none for others to refer to
                await self._written_soon()
            self._require_open()
            cascade = Cascade(self._tables, kind, id, expect)
        except BaseException as error:
            self._hiding.release()
            if isinstance(error, DomainError):
                await self._until(self._hard)
            raise
        self._forming.let_stay(kind, id)
        self._hard = cascade.rev
        self._latest.update(dict.fromkeys(cascade.kinds, cascade.rev))
        self._clear_away(self._clear(cascade))
        await self._written_soon()

    async def _clear(self, cascade: Cascade) -> None:
        try:
            await self._until(cascade.rev)
            while steps := cascade.clear(SLICE):
                await self._write_hidden(steps)
            self._require_open()
            cascade.end()
            self._forming.cleared.append(cascade.kind)
            await self._write_hidden([cascade.step])
        except Unavailable:
            return  # the next start goes on from the mark
        finally:
            self._hiding.release()
        while cascade.let_go(SLICE):
            await self._turn()

    async def _write_hidden(self, steps: list[Step]) -> None:
        """Return when these changes, for which nobody else waits, are on disk."""
        self._require_open()
        for step in steps:
            self._forming.take(step, staged=True)
        await self._written_soon()

    async def _written_soon(self) -> None:
        """Return when the batch that is forming is on disk."""
        if self._writing is None:
            self._hand_over_soon()
        await self._until_written(self._forming)

    async def stage(self, highest: Mapping[type[Record], int], size: int | None = None) -> Stage:
        await self._hiding.acquire()
        return _Stage(self, highest)

    async def _resting_on(self, rev: int, read: Callable[[], T]) -> T:
        """Read now, and tell what was read, or why it was refused, once this revision is on disk."""
        try:
            result = read()
        except DomainError:
            await self._until(rev)
            raise
        await self._until(rev)
        return result

    async def _until(self, rev: int) -> None:
        """Return once this revision is on disk."""
        if rev <= self._durable:
            return
        self._require_open()
        writing = self._writing
        await self._until_written(writing if writing is not None and rev <= writing.rev else self._forming)

    async def _until_written(self, batch: FileBatch) -> None:
        await batch.over
        if not batch.is_written:
            raise Unavailable(self._stopped)

    def _awaited(self, kind: type[Record], id: int) -> int:
        """Return the revision to wait for before the record, or its absence, is shown."""
        if (cascade := self._tables.cascade) is not None and cascade.rev > self._durable and cascade.concerns(kind, id):
            return cascade.rev
        awaited = self._forming.awaited(kind, id)
        awaited = awaited or (0 if self._writing is None else self._writing.awaited(kind, id))
        if not awaited and self._published.stop > self._durable:
            record = self._tables.table(kind).records.get(id)
            if record is not None and record.rev in self._published:
                return self._published.stop - 1
        return awaited

    def _hand_over_soon(self) -> None:
        """Begin at the next turn: what else comes in this one is written together with it."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._reactor.callFromThread(self._hand_over)

    def _hand_over(self) -> None:
        self._is_scheduled = False
        if self._writing is not None or self._has_failed:
            return
        if not self._forming.is_empty:
            batch, self._forming = self._forming, FileBatch()
            batch.rev = self._tables.rev
            batch.counters = [(self._tables.table(kind).highest, LAYOUTS[kind].highest) for kind in batch.finals]
            batch.counters.append((batch.rev, "rev"))
            batch.cascade = self._tables.cascade
            staged = 0 if self._tables.staging is None else self._tables.staging.base
            if staged != self._staged:
                self._staged = batch.staged = staged
            self._writing = batch
            self._writer.do(lambda connection: (sqlite_batch.write_batch(connection, batch), self._wal.size()), self._written)
        snapshots, self._snapshots = self._snapshots, []
        for moment in snapshots:  # memory is now just as the file will be when the writer comes to what they ask of it
            moment.callback(None)

    def _written(self, result: tuple[float, int]) -> None:
        seconds, wal_size = result
        batch, self._writing = self._writing, None
        if batch is None or self._has_failed:
            return
        self._rev = batch.rev
        if self._stopped is None:
            self._durable = batch.rev
        self._wal.grew(batch.steps + 1, wal_size)
        self.committed(seconds)
        self._hand_over()
        batch.is_written = True
        batch.over.callback(None)

    def _fail(self, failure: Failure) -> None:
        if self._has_failed:
            return
        self._has_failed, self._durable = True, GONE
        self._wal.close()
        self._stopped = self._stopped or "the store can no longer write to its disk"
        error = failure.value
        if not isinstance(error, (sqlite3.Error, OSError, StoreError)):
            _log.failure("a batch could not be written", failure=failure)
        try:
            self._tell_failed(f"{self._path} can no longer be written to: {error if str(error) else type(error).__name__}")
        finally:
            if self._writing is not None:
                self._writing.over.callback(None)
            self._forming.over.callback(None)
            for waiter in [*self._snapshots, *self._asked]:
                waiter.errback(Unavailable(self._stopped))

    async def close(self) -> None:
        """Return when everything is on disk, in the file alone, and the file is free for others. Harmless when repeated."""
        if self._closing is None:
            self._closing = Deferred.fromCoroutine(self._close())
        closed: Deferred[None] = Deferred()
        self._closing.addBoth(closed.callback)
        await closed

    async def _close(self) -> None:
        self._stopped, self._durable = self._stopped or "the store is closed", GONE
        self._hand_over()
        with suppress(Unavailable):  # whoever waits for it has been told
            while not self._has_failed and (self._writing is not None or not self._forming.is_empty):
                await self._until_written(self._writing or self._forming)
            for errand in list(self._errands):
                await errand
            self._wal.close()
            written_to = self._writer.thread is not None and not self._has_failed
            if written_to and not await self._ask(partial(sqlite_file.checkpoint, how="TRUNCATE", wait=True)):
                _log.warn("{path} is not complete without {path}-wal: another program reads it", path=self._path)
        self._writer.stop()
        self._lock.release()

    def _ask(self, work: Callable[[sqlite3.Connection], T]) -> Deferred[T]:
        """Have the writer do something. A `StoreError` is an answer, too."""
        asked: Deferred[Any] = Deferred()
        self._asked.append(asked)

        def answer(result: T | Failure) -> None:
            self._asked.remove(asked)
            asked.callback(result)

        def attempt(connection: sqlite3.Connection) -> T | Failure:
            try:
                return work(connection)
            except StoreError:
                return Failure()

        self._writer.do(attempt, answer)
        return asked

    def _aside(self, work: Callable[[], T]) -> Deferred[T]:
        """Do something in a thread of its own, while everything else goes on."""
        self._require_open()
        result, over = Deferred[Any](), Deferred[None]()

        def end(outcome: T | Failure) -> None:
            self._errands.remove(over)
            result.callback(outcome)
            over.callback(None)

        def errand() -> None:
            try:
                outcome: T | Failure = work()
            except BaseException:
                outcome = Failure()
            self._reactor.callFromThread(end, outcome)

        Thread(target=errand, name="store errand", daemon=True).start()
        self._errands.append(over)
        return result

    async def copied(self) -> SqliteCopy:
        try:
            return await self._aside(lambda: SqliteCopy(self._path, self._aside))
        except (StoreError, OSError) as error:
            raise Unavailable(f"the store cannot be copied: {error}") from None

    async def check(self) -> list[str]:
        self._require_open()
        self._snapshots.append(moment := Deferred[None]())
        self._hand_over_soon()
        await moment
        # Within the same turn, and before the writer is given anything more: both are asked for the same moment.
        streams = {kind: self._tables.stream(kind, None, None, None) for kind in self._tables.schema}
        connection = await self._ask(lambda _: sqlite_file.connect_to_read(self._path))
        try:
            # Sessions and failed logins first: what is replaced of a kind is kept until it has been read, within a budget, and
            # of these 200,000 may end at once.
            kinds = sorted(self._tables.schema, key=lambda kind: describe(kind).journaled)
            found = [fault for kind in kinds for fault in await self._compared(connection, kind, streams[kind])]
            return found + await self._aside(partial(sqlite_file.problems, connection))
        finally:
            for stream in streams.values():
                stream.close()
            connection.close()

    async def _compared(self, connection: sqlite3.Connection, kind: type[R], stream: RecordStream[R]) -> list[str]:
        """Return what is wrong with the rows of a kind beside its records."""
        comparison, records = Comparison(connection, kind), list[R]()
        try:
            async for some in stream:
                records += some
                if len(records) >= TOGETHER or stream.ended:
                    await self._aside(partial(comparison.take, records))
                    records = []
                else:
                    await self._turn()
            if records:
                await self._aside(partial(comparison.take, records))
            return await self._aside(comparison.faults)
        except (Unfit, sqlite3.Error) as error:
            return [str(error)]
