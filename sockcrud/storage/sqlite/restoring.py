"""What the writer's thread does to restore a store: the file and new tables get all records, in one
transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from twisted.python.failure import Failure

from sockcrud.storage.common import Progress
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.moving import GivingWay, Moved, Source, move
from sockcrud.storage.sqlite.ends import SqliteTarget
from sockcrud.storage.sqlite.guard import Guard


class _Target(SqliteTarget):
    """A file whose records come into new tables before they are kept."""

    tables: Tables

    def keep(self) -> None:
        counters = self.counters
        for kind in self.kinds:
            records = [record for some in self.read(kind) for record in some]
            self.tables.fill(kind, records, counters.highest[kind])
        self.tables.start_at(counters.rev)


@frozen
class Restoring:
    """What is restored, into a file and into new tables. `report` may raise `StoreError` to end
    it.
    """

    path: Path
    tables: Tables
    source: Source
    giving_way: GivingWay
    report: Progress
    guard: Guard

    def restore(self, connection: sqlite3.Connection) -> tuple[Sequence[Moved], int] | Failure:
        """Return what was restored, and how long the log is, or, with the file as it was, why it
        was not.

        A commit that fails ends the store.
        """
        target = _Target(self.path, self.tables.schema, self.tables.schema.kinds, connection)
        target.tables = self.tables
        self.guard.begin(connection)
        try:
            moved = move(self.source, target, self.report, self.report, self.giving_way)
        except Exception:
            failure = Failure()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return failure
        connection.execute("COMMIT")
        return moved, self.guard.confirm()
