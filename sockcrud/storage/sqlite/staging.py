"""What of an SQLite store waits for the disk in its own way: lists, and records that are on their
way in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Generic

from sockcrud.errors import Unavailable
from sockcrud.records import Record
from sockcrud.storage.contract import ITransaction, R, RecordStream
from sockcrud.storage.memory.store import TableStage
from sockcrud.storage.weights import SLICE

if TYPE_CHECKING:
    from sockcrud.storage.sqlite.store import SqliteStore


class DurableStream(Generic[R]):
    """A stream that gives nothing before all that it rests on is on disk."""

    def __init__(self, store: SqliteStore, kind: type[R], stream: RecordStream[R]) -> None:
        self._store = store
        self._stream = stream
        self._rests_on = store._latest[kind]

    @property
    def ended(self) -> bool:
        return self._stream.ended

    def __aiter__(self) -> DurableStream[R]:
        return self

    async def __anext__(self) -> Sequence[R]:
        if self._rests_on > self._store._durable:
            await self._store._until(self._rests_on)
        return await self._stream.__anext__()

    def close(self) -> None:
        self._stream.close()


class FileStage(TableStage):
    """A stage whose records are on disk before they are published, so that what is published is on
    disk at once.
    """

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
