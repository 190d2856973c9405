"""The one row of `state`: what is counted in the database, and the statements on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg.pq.abc import PGresult

from sockcrud.errors import Unavailable
from sockcrud.records import Record, describe
from sockcrud.records.schema import Schema
from sockcrud.storage.postgres.layout import LAYOUTS, rows, unique_name
from sockcrud.storage.postgres.link import Ask, Statement
from sockcrud.storage.postgres.schema import VERSION

PATIENCE: Final = 0.05
"""Seconds that a change waits for what an import has staged."""


class Counters:
    """The counters in the one row of `state`, and the statements on them, which follow from a
    schema.
    """

    def __init__(self, schema: Schema) -> None:
        layouts = [LAYOUTS[kind] for kind in schema]
        self.schema = schema
        self.names = (
            *("rev", "journaled", "journaled_bytes", "stored"),
            *(layout.highest for layout in layouts),
            *(layout.counted for layout in layouts),
        )
        read, changes = (
            ", ".join(self.names),
            ", ".join(f"{name} = ${n}::bigint" for n, name in enumerate(self.names, 1)),
        )
        # What an import has staged is the one thing that whoever has the lock may still have to
        # wait for, and all others with them. So that wait is short; to wait for the lock itself may
        # take longer.
        read += ", version"
        locked = f"WITH locked AS MATERIALIZED (SELECT {read} FROM state WHERE id = 1 FOR UPDATE)"
        short = f"set_config('lock_timeout', '{PATIENCE * 1000:.0f}', true)"
        self.lock = Statement(
            b"lock", f"{locked} SELECT {read} FROM locked WHERE {short} IS NOT NULL".encode()
        )
        self.count = Statement(b"count on", f"UPDATE state SET {changes} WHERE id = 1".encode())
        self.uniques = {
            unique_name(kind, name): (kind, name)
            for kind in schema
            for name in describe(kind).uniques
        }
        """The kind and the field that a constraint is about."""

    def locked(self, result: PGresult) -> dict[str, int]:
        """Return the counters, with the lock; raise `Unavailable` where another version of sockcrud
        has migrated the tables meanwhile.
        """
        [[*counters, version]] = rows(result)
        if version != VERSION:
            raise Unavailable(
                f"a newer sockcrud has migrated the database to schema_version {version}, and this "
                f"one knows {VERSION}: start this node with the new one"
            )
        return dict(zip(self.names, counters, strict=True))


class Sizes:
    """How many records there are of each kind of a schema, as the one row of `state` tells."""

    def __init__(self, schema: Schema) -> None:
        self._kinds = list(schema)
        counted = ", ".join(f'"{LAYOUTS[kind].counted}"' for kind in schema)
        self._statement = Statement(b"sizes", f"SELECT {counted} FROM state WHERE id = 1".encode())

    def ask(self) -> Ask:
        """Ask for all of them."""
        return self._statement, []

    def answers(self, result: PGresult) -> Iterator[tuple[type[Record], int]]:
        """Yield each kind with its number."""
        return zip(self._kinds, rows(result)[0], strict=True)
