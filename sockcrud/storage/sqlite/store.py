"""The store in an SQLite file: it reads from memory, and a change is answered once it is on disk.

Changes are made in memory at once and gathered in a batch. One thread writes it to the file as one
transaction; whatever arrives meanwhile is the next batch. Until a change is on disk, an answer that
rests on it waits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.errors import DomainError, Unavailable
from sockcrud.records import Record
from sockcrud.records.schema import Schema
from sockcrud.storage.capacity import STANDARD, Capacity
from sockcrud.storage.common import Progress, StoreError, unheard
from sockcrud.storage.contract import (
    Change,
    IAtHand,
    IInFile,
    IStages,
    IStore,
    R,
    RecordStream,
    Stage,
    T,
    Where,
)
from sockcrud.storage.history import HISTORY
from sockcrud.storage.memory.cascade import Cascade
from sockcrud.storage.memory.steps import Step
from sockcrud.storage.memory.store import CheckedTables, MemoryStore, run
from sockcrud.storage.moving import GivingWay, Moved, Source
from sockcrud.storage.sqlite import batch as sqlite_batch
from sockcrud.storage.sqlite import compare
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite.batch import FileBatch
from sockcrud.storage.sqlite.copy import SqliteCopy
from sockcrud.storage.sqlite.errands import Errands
from sockcrud.storage.sqlite.file import paused_collector
from sockcrud.storage.sqlite.guard import Guard
from sockcrud.storage.sqlite.layout import LAYOUTS
from sockcrud.storage.sqlite.lock import FileLock, real_path
from sockcrud.storage.sqlite.restoring import Restoring
from sockcrud.storage.sqlite.room import DiskRoom
from sockcrud.storage.sqlite.staging import DurableStream, FileStage
from sockcrud.storage.sqlite.thread import WriteAheadLog, Writer
from sockcrud.storage.weights import SLICE

GONE: Final = -1
"""As the durable revision: everything has to wait, and is then refused."""

Told = Callable[[str], object]

_log = Logger()


@implementer(IStore, IInFile, IStages, IAtHand)
class SqliteStore(MemoryStore):
    """Records in dictionaries and in a file. It needs its reactor to run, or what waits for the
    file waits for ever.

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
        self._guard = Guard(self._lock)
        self._writer = Writer(self._guard, reactor, self._fail)
        self._wal = WriteAheadLog(path, reactor, self._writer)
        self._room = DiskRoom(path, reactor, self._tables)
        self._forming = FileBatch()
        self._writing: FileBatch | None = None
        self._is_scheduled = False
        self._rev = self._durable = self._hard = 0
        self._latest: dict[type[Record], int] = dict.fromkeys(schema, 0)
        self._published = range(0)
        """The revisions that were published last, at once: of what is staged nobody is to wait for
        the disk.
        """
        self._staged = 0
        self._stopped: str | None = None
        self._has_failed = False
        self._is_restoring = False
        self._closing: Deferred[None] | None = None
        self._snapshots: list[Deferred[None]] = []
        self._asked: list[Deferred[Any]] = []
        self._errands = Errands(reactor, self._require_open)

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
        """Return the store in this file, which is made where there is none, and whose tables are
        made those of the schema.

        It blocks until all is read, and says how far it is.

        Raise `StoreError`, with the file untouched, where it cannot be. `failed` is called once, in
        the reactor's thread, with the reason, in one line, if the file can no longer be written to.
        No thread runs before the first change.
        """
        store = cls(real_path(path), schema, reactor, failed, history, capacity)
        try:
            with paused_collector():
                sqlite_file.load(store._lock, store._tables, progress)
            store._guard.loaded()
        except BaseException:
            store._lock.release()
            raise
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

    def at_hand(self, kind: type[R], id: int) -> R | None:
        if self._hard > self._durable and self._awaited(kind, id) > self._durable:
            return None
        return self._tables.at_hand(kind, id)

    async def find(self, kind: type[R], name: str, value: Any) -> R | None:
        found = self._tables.find(kind, name, value)
        if self._hard > self._durable:
            await self._until(
                self._latest[kind] if found is None else self._awaited(kind, found.id)
            )
        return found

    async def page(
        self, kind: type[R], limit: int, after: int | None = None, where: Where | None = None
    ) -> list[R]:
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
        self,
        kind: type[R],
        after: int | None = None,
        limit: int | None = None,
        where: Where | None = None,
        peer: str = "",
    ) -> RecordStream[R]:
        return DurableStream(self, kind, self._tables.stream(kind, after, limit, where))

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

            restoring = Restoring(self._path, tables, source, giving_way, report, self._guard)
            moved, log_size = cast(
                "tuple[Sequence[Moved], int]", await self._ask(restoring.restore)
            )  # a failure is raised
            self._require_open()
            self._replace_tables(tables)
            self._room.follow(tables)
            self._rev = self._durable = self._hard = tables.rev
            self._published = range(0)
            self._wal.grew(sum(each.records for each in moved), log_size)
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
            while self._forming.is_new(
                kind, id
            ):  # without a row of it there is none for others to refer to
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
        return FileStage(self, highest)

    async def _resting_on(self, rev: int, read: Callable[[], T]) -> T:
        """Read now, and tell what was read, or why it was refused, once this revision is on
        disk.
        """
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
        await self._until_written(
            writing if writing is not None and rev <= writing.rev else self._forming
        )

    async def _until_written(self, batch: FileBatch) -> None:
        await batch.over
        if not batch.is_written:
            raise Unavailable(self._stopped)

    def _awaited(self, kind: type[Record], id: int) -> int:
        """Return the revision to wait for before the record, or its absence, is shown."""
        if (
            (cascade := self._tables.cascade) is not None
            and cascade.rev > self._durable
            and cascade.concerns(kind, id)
        ):
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
            batch.counters = [
                (self._tables.table(kind).highest, LAYOUTS[kind].highest) for kind in batch.finals
            ]
            batch.counters.append((batch.rev, "rev"))
            batch.cascade = self._tables.cascade
            batch.some_are_gone = batch.cascade is not None or self._tables.staging is not None
            staged = 0 if self._tables.staging is None else self._tables.staging.base
            if staged != self._staged:
                self._staged = batch.staged = staged
            self._writing = batch
            self._writer.do(
                lambda connection: sqlite_batch.write_batch(connection, batch, self._guard),
                self._written,
            )
        snapshots, self._snapshots = self._snapshots, []
        for moment in (
            snapshots
        ):  # memory is now just as the file will be when the writer comes to what they ask of it
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
        self._room.look()
        self.committed(seconds)
        self._hand_over()
        batch.is_written = True
        batch.over.callback(None)

    def _fail(self, failure: Failure) -> None:
        if self._has_failed:
            return
        self._has_failed, self._durable = True, GONE
        self._wal.close()
        self._room.close()
        self._stopped = self._stopped or "the store can no longer write to its disk"
        error = failure.value
        if not isinstance(error, (sqlite3.Error, OSError, StoreError)):
            _log.failure("a batch could not be written", failure=failure)
        try:
            self._tell_failed(
                f"{self._path} can no longer be written to: "
                f"{error if str(error) else type(error).__name__}"
            )
        finally:
            if self._writing is not None:
                self._writing.over.callback(None)
            self._forming.over.callback(None)
            for waiter in [*self._snapshots, *self._asked]:
                waiter.errback(Unavailable(self._stopped))

    async def close(self) -> None:
        """Return when everything is on disk, in the file alone, and the file is free for others.
        Harmless when repeated.
        """
        if self._closing is None:
            self._closing = Deferred.fromCoroutine(self._close())
        closed: Deferred[None] = Deferred()
        self._closing.addBoth(closed.callback)
        await closed

    async def _close(self) -> None:
        self._stopped, self._durable = self._stopped or "the store is closed", GONE
        self._hand_over()
        with suppress(Unavailable):  # whoever waits for it has been told
            while not self._has_failed and (
                self._writing is not None or not self._forming.is_empty
            ):
                await self._until_written(self._writing or self._forming)
            await self._errands.all_done()
            self._wal.close()
            self._room.close()
            if self._writer.thread is not None and not self._has_failed:
                await self._take_in_all()
        self._writer.stop()
        self._lock.release()

    async def _take_in_all(self) -> None:
        try:
            if not await self._ask(partial(self._guard.checkpoint, how="TRUNCATE", wait=True)):
                _log.warn(
                    "{path} is not complete without {path}-wal: another program reads it",
                    path=self._path,
                )
        except StoreError as error:
            _log.warn("{path}: {error}", path=self._path, error=error)

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

    async def copied(self) -> SqliteCopy:
        try:
            return await self._errands.run(lambda: SqliteCopy(self._path, self._errands.run))
        except (StoreError, OSError) as error:
            raise Unavailable(f"the store cannot be copied: {error}") from None

    async def check(self) -> list[str]:
        self._require_open()
        self._snapshots.append(moment := Deferred[None]())
        self._hand_over_soon()
        await moment
        # Within the same turn, and before the writer is given anything more: both are asked for the
        # same moment.
        streams = {
            kind: self._tables.stream(kind, None, None, None) for kind in self._tables.schema
        }
        try:
            connection = await self._ask(lambda _: self._guard.connect_to_read())
            try:
                return await compare.compare_all(connection, streams, self._errands, self._turn)
            finally:
                connection.close()
        except StoreError as error:
            return [str(error)]
        finally:
            for stream in streams.values():
                stream.close()
