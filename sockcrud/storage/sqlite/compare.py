"""A store's file beside what is served: the rows of a kind and the records of a snapshot of it,
both in the order of their ids.

The records come in slices from the reactor's thread, a few at a time, and are compared in another:
to copy the tables of a million records would take that thread 50 ms, and everybody would wait for
it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

from sockcrud.records import Record, describe
from sockcrud.storage.contract import R, RecordStream
from sockcrud.storage.memory.tables import Unfit
from sockcrud.storage.sqlite.errands import Errands
from sockcrud.storage.sqlite.file import problems
from sockcrud.storage.sqlite.layout import LAYOUTS

TOGETHER: Final = 5_000
"""Records that are compared in one go, for which there is a thread each time."""


class Comparison:
    """The comparison of one kind. Both calls block; the rows are read in between."""

    def __init__(self, connection: sqlite3.Connection, kind: type[Record]) -> None:
        self._layout = LAYOUTS[kind]
        self._rows: Iterator[Record] = chain.from_iterable(self._layout.read(connection))
        self._next: Record | None = None
        self._is_over = False
        self._wrong = 0
        self._first: int | None = None

    def take(self, records: Sequence[Record]) -> None:
        """Compare the next records. Raise `Unfit` for a row that is none."""
        expected = {record.id: record for record in records}
        while (row := self._row()) is not None and row.id <= records[-1].id:
            if expected.pop(row.id, None) != row:
                self._note(row.id)
            self._next = None
        for id in expected:
            self._note(id)

    def faults(self) -> list[str]:
        """Return what is wrong, once all records have been taken: a line or none."""
        while (row := self._row()) is not None:
            self._note(row.id)
            self._next = None
        if not self._wrong:
            return []
        return [
            f"{self._wrong} rows of {self._layout.table} are not what is served; the first is "
            f"{self._first}"
        ]

    def _row(self) -> Record | None:
        if self._next is None and not self._is_over:
            self._next = next(self._rows, None)
            self._is_over = self._next is None
        return self._next

    def _note(self, id: int) -> None:
        self._wrong += 1
        self._first = id if self._first is None else min(id, self._first)


async def compare_all(
    connection: sqlite3.Connection,
    streams: Mapping[type[Record], RecordStream[Any]],
    errands: Errands,
    turn: Callable[[], Awaitable[object]],
) -> list[str]:
    """Return what is wrong with a file, in itself and beside the records of these streams."""
    # Sessions and failed logins first: what is replaced of a kind is kept until it has been read,
    # within a budget, and of these 200,000 may end at once.
    kinds = sorted(streams, key=lambda kind: describe(kind).journaled)
    found = [
        fault
        for kind in kinds
        for fault in await _compared(connection, kind, streams[kind], errands, turn)
    ]
    return found + await errands.run(partial(problems, connection))


async def _compared(
    connection: sqlite3.Connection,
    kind: type[R],
    stream: RecordStream[R],
    errands: Errands,
    turn: Callable[[], Awaitable[object]],
) -> list[str]:
    """Return what is wrong with the rows of a kind beside its records."""
    comparison, records = Comparison(connection, kind), list[R]()
    try:
        async for some in stream:
            records += some
            if len(records) >= TOGETHER or stream.ended:
                await errands.run(partial(comparison.take, records))
                records = []
            else:
                await turn()
        if records:
            await errands.run(partial(comparison.take, records))
        return await errands.run(comparison.faults)
    except (Unfit, sqlite3.Error) as error:
        return [str(error)]
