"""What the SQLite store writes to its file as one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from time import perf_counter

from attrs import Factory, define
from twisted.internet.defer import Deferred

from sockcrud.records import Record
from sockcrud.storage.common import StoreError
from sockcrud.storage.memory.cascade import Cascade
from sockcrud.storage.memory.steps import Batch
from sockcrud.storage.sqlite.guard import Guard
from sockcrud.storage.sqlite.hidden import gone_from, mark_cleared, mark_staged
from sockcrud.storage.sqlite.layout import LAYOUTS


@define(eq=False)
class FileBatch(Batch):
    """Changes that are one transaction of the file.

    All who wait for it wait for the same Deferred, which fires also where it failed: a Deferred
    each would cost a create 2 us of 46.
    """

    rev: int = 0
    staged: int | None = None
    """The first revision that is staged from this batch on, 0 for none; None where that does not
    change with it.
    """
    publishes: bool = False
    gone: list[tuple[type[Record], int]] = Factory(list)
    """Records whose rows stay a while, under a mark, and have gone with all that goes with them."""
    cascade: Cascade | None = None
    """What is being cleared away when the batch is written."""
    some_are_gone: bool = False
    """Rows that are to be deleted may have gone with others: of what is being cleared away, or
    staged.
    """
    cleared: list[type[Record]] = Factory(list)
    """The kinds of those whose rows are gone now, so that their mark can go."""
    counters: list[tuple[int, str]] = Factory(list)
    over: Deferred[None] = Factory(Deferred)
    is_written: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.finals and not self.publishes and not self.gone

    def is_new(self, kind: type[Record], id: int) -> bool:
        """Return whether the record has no row before the batch is written."""
        final = self.finals.get(kind, {}).get(id)
        return final is not None and final[0] is None

    def let_stay(self, kind: type[Record], id: int) -> None:
        """Leave its row as it is, under a mark: nobody reads it any more."""
        self.finals.get(kind, {}).pop(id, None)
        self.gone.append((kind, id))


def write_batch(
    connection: sqlite3.Connection, batch: FileBatch, guard: Guard
) -> tuple[float, int]:
    """Commit the batch. Return the seconds it took, and how long the log is; raise `StoreError`
    where the file is another.
    """
    started = perf_counter()
    guard.begin(connection)
    cascade = batch.cascade
    for kind, id in batch.gone:  # first, as others may take over their unique values
        _mark_gone(connection, kind, id)
    for kind, finals in batch.finals.items():
        if cascade is not None:
            deleted = [id for id, (_, after, _) in finals.items() if after is None]
            _delete_gone_along(connection, cascade, kind, deleted)
        LAYOUTS[kind].write(
            connection,
            [(before, after) for before, after, _ in finals.values()],
            batch.some_are_gone,
        )
    changed = connection.executemany(
        "UPDATE counters SET value = ? WHERE name = ?", batch.counters
    ).rowcount
    if changed != len(batch.counters):
        raise StoreError("a counter is missing: another program has been at it")
    if batch.staged is not None:
        mark_staged(connection, batch.staged)
    for kind in batch.cleared:
        mark_cleared(connection, kind)
    connection.execute("COMMIT")
    log_size = guard.confirm()
    return perf_counter() - started, log_size


def _mark_gone(connection: sqlite3.Connection, kind: type[Record], id: int) -> None:
    """Let a record and all that goes with it be gone; its row lets go of its unique values."""
    LAYOUTS[kind].set_apart(connection, [id])
    connection.execute("INSERT INTO counters (name, value) VALUES (?, ?)", (gone_from(kind), id))


def _delete_gone_along(
    connection: sqlite3.Connection, cascade: Cascade, kind: type[Record], deleted: Sequence[int]
) -> None:
    """Delete what has gone with one record also where it refers to others, of any kind, that are
    deleted now.
    """
    if not deleted or kind is cascade.kind:
        return
    gone_by = {
        other: field for other, field, _ in cascade.schema.describe(cascade.kind).referred_by
    }
    for other, name, _ in cascade.schema.describe(kind).referred_by:
        if other in gone_by:  # by the index of those that are few: + keeps the other one out
            table, field = LAYOUTS[other].table, gone_by[other]
            statement = f'DELETE FROM "{table}" WHERE "{name}" = ? AND +"{field}" = {cascade.id}'
            connection.executemany(statement, [(each,) for each in deleted])
