"""How records lie in the file of the SQLite store: a table for each kind, as the kind declares
it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from attrs import frozen

from sockcrud.records import Record, describe, exactly, from_columns
from sockcrud.records.constraints import (
    INT64,
    Constraint,
    Instance,
    Moment,
    Money,
    Whole,
    all_fit,
    as_stored,
)
from sockcrud.storage.common import PerKind, StoreError
from sockcrud.storage.memory.tables import Unfit
from sockcrud.storage.sqlite.hidden import where_there

CHUNK: Final = 10_000
"""Rows read at once."""

_ROWS: Final = (50, 5, 1)
"""Rows that one statement writes. Between two the thread has to wait for the interpreter: 200
statements beside a reactor that is busy took seconds. The most is what stays below 1,000 values,
which every SQLite takes."""


@frozen
class Column:
    """A column: where its values come from, and how they are written, read and checked."""

    name: str
    attribute: str
    declared: str
    encode: Callable[[Any], object] | None
    decode: Callable[[Any], Any] | None
    constraint: Constraint


def column_of(name: str, constraint: Constraint, more: str) -> Column:
    """Return the column for a field. Its values sort as text as they do in time."""
    make = partial(Column, name, name)
    text = f"TEXT NOT NULL{more}"
    if isinstance(constraint, Moment):
        return make(
            text,
            partial(datetime.isoformat, timespec="microseconds"),
            datetime.fromisoformat,
            constraint,
        )
    if isinstance(constraint, Money):
        return make(text, "{:.2f}".format, Decimal, constraint)
    if isinstance(constraint, Instance) and constraint.type is date:
        return make(text, date.isoformat, date.fromisoformat, constraint)
    if isinstance(constraint, Instance) and constraint.type is bool:
        return make(
            f'INTEGER NOT NULL{more} CHECK ("{name}" IN (0, 1))',
            None,
            {0: False, 1: True}.__getitem__,
            constraint,
        )
    return make(
        f"INTEGER NOT NULL{more}" if isinstance(constraint, Whole) else text,
        None,
        None,
        constraint,
    )


class Layout:
    """How records of one kind lie in their table."""

    def __init__(self, kind: type[Record]) -> None:
        self.kind = kind
        declared = describe(kind)
        self.table = declared.table
        self.highest = f"highest {self.table}"
        fields = [
            Column(
                "id",
                "id",
                "INTEGER PRIMARY KEY",
                None,
                None,
                Whole(INT64.start, INT64.stop - 1),
            ),
            Column("rev", "rev", "INTEGER NOT NULL", None, None, Whole(1, INT64.stop - 1)),
        ]
        self._keys: list[Column] = []
        for name, constraint in declared.constraints.items():
            constraint = as_stored(constraint)
            normalize = declared.uniques.get(name)
            more = " UNIQUE" if normalize is exactly else ""
            if reference := declared.references.get(name):
                more += (
                    f' REFERENCES "{describe(reference.kind).table}" ("id") DEFERRABLE '
                    f"INITIALLY DEFERRED"
                )
            fields.append(column_of(name, constraint, more))
            if normalize is not None and normalize is not exactly:
                self._keys.append(
                    Column(
                        f"{name}_key",
                        name,
                        "TEXT NOT NULL UNIQUE",
                        normalize,
                        None,
                        constraint,
                    )
                )
        self._fields, self._columns = fields, [*fields, *self._keys]
        self._uniques = [
            (normalize, attrgetter(name)) for name, normalize in declared.uniques.items()
        ]
        self._values = attrgetter(*(column.attribute for column in self._columns))
        names = [f'"{column.name}"' for column in self._columns]
        changes = ", ".join(f"{name} = ?{number}" for number, name in enumerate(names[1:], 2))
        apart = ", ".join(
            f'"{column.name}" = char(0) || "id"'
            for column in self._columns
            if "UNIQUE" in column.declared
        )
        # Without the table before it, a column that is not there would be taken for a text in
        # quotes.
        read = ", ".join(f'"{self.table}".{name}' for name in names)
        self._select = f'SELECT {read} FROM "{self.table}"'
        insert, row = (
            f'INSERT INTO "{self.table}" ({", ".join(names)}) VALUES ',
            f"({', '.join('?' * len(names))})",
        )
        self._inserts = {rows: insert + ", ".join([row] * rows) for rows in _ROWS}
        self._update = f'UPDATE "{self.table}" SET {changes} WHERE "id" = ?1'
        self._deletes = {
            rows: f'DELETE FROM "{self.table}" WHERE "id" IN ({", ".join("?" * rows)})'
            for rows in _ROWS
        }
        self._set_apart = f'UPDATE "{self.table}" SET {apart} WHERE "id" = ?'

    @property
    def statements(self) -> list[str]:
        """What makes the table. A reference has an index, without which a delete would read all
        that may refer.
        """
        columns = ",\n  ".join(f'"{column.name}" {column.declared}' for column in self._columns)
        index = 'CREATE INDEX "{0} by {1}" ON "{0}" ("{1}")'.format
        indexes = [index(self.table, name) for name in describe(self.kind).references]
        return [f'CREATE TABLE "{self.table}" (\n  {columns}\n)', *indexes]

    def write(
        self,
        to: sqlite3.Connection,
        finals: Iterable[tuple[Record | None, Record | None]],
        some_are_gone: bool = False,
    ) -> None:
        """Let each record that is `before` become the one that is `after`; None where there is
        none.

        Raise `StoreError` where a row is not there that should be, but not for one to be deleted
        where some are gone already.
        """
        gone, apart, changed, new = list[Record](), list[Record](), list[Record](), list[Record]()
        for before, after in finals:
            if before is None:
                new += [after] if after is not None else []
            elif after is None:
                gone.append(before)
            else:
                changed.append(after)
                if any(
                    normalize(value(before)) != normalize(value(after))
                    for normalize, value in self._uniques
                ):
                    apart.append(after)
        # Unique values may be passed on in a ring: first those that move let go of theirs. An
        # update and not a delete and an insert, because a row that goes has all that refer to it
        # looked through, and one that comes again.
        deleted = _write_together(to, self._deletes, [(record.id,) for record in gone])
        if not some_are_gone:
            self._require_rows(deleted, len(gone))
        if apart:
            self.set_apart(to, [record.id for record in apart])
        if changed:
            self._require_rows(
                to.executemany(self._update, self._rows(changed)).rowcount, len(changed)
            )
        if new:
            self._require_rows(_write_together(to, self._inserts, list(self._rows(new))), len(new))

    def set_apart(self, to: sqlite3.Connection, ids: Sequence[int]) -> None:
        """Have the rows with these ids let go of their unique values."""
        if self._uniques:
            self._require_rows(
                to.executemany(self._set_apart, [(id,) for id in ids]).rowcount, len(ids)
            )

    def _require_rows(self, changed: int, meant: int) -> None:
        if changed != meant:
            raise StoreError(
                f"{self.table} has {changed:,} of {meant:,} rows that were to be changed: "
                f"another program has been at it"
            )

    def _rows(self, records: Sequence[Record]) -> Iterator[tuple[object, ...]]:
        columns = zip(self._columns, zip(*map(self._values, records), strict=True), strict=True)
        return zip(
            *(
                map(column.encode, values) if column.encode else values
                for column, values in columns
            ),
            strict=True,
        )

    def read(self, connection: sqlite3.Connection, size: int = CHUNK) -> Iterator[list[Record]]:
        """Yield all records in the order of their ids, so many at a time. Raise `Unfit` for a row
        that is none.
        """
        with without_values():
            cursor = connection.execute(
                f'{self._select}{where_there(connection, self.kind)} ORDER BY "id"'
            )
        while True:
            with without_values():
                rows = cursor.fetchmany(size)
            if not rows:
                return
            yield self._records(rows)

    def _records(self, rows: list[tuple[Any, ...]]) -> list[Record]:
        try:
            values = dict(
                zip([column.name for column in self._columns], zip(*rows, strict=True), strict=True)
            )
            fields = {column.name: _read(column, values[column.name]) for column in self._fields}
            for key in self._keys:
                if key.encode is None or list(map(key.encode, fields[key.attribute])) != list(
                    values[key.name]
                ):
                    raise Unfit(f"{key.name} is not what follows from {key.attribute}")
        except Unfit as unfit:
            if len(rows) == 1:
                raise Unfit(f"row {rows[0][0]} of {self.table}: {unfit}") from None
            return list(chain.from_iterable(self._records([row]) for row in rows))
        return from_columns(self.kind, fields)


@contextmanager
def without_values() -> Iterator[None]:
    """Leave out of an error what was read: a text that is no UTF-8 may be a hash."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise sqlite3.OperationalError(str(error).partition(" with text ")[0]) from None


def _write_together(
    to: sqlite3.Connection, statements: Mapping[int, str], rows: Sequence[tuple[object, ...]]
) -> int:
    """Write the rows with as few statements as there can be, and return how many rows these have
    changed.

    The statements are by how many rows they take, the most first.
    """
    done = changed = 0
    for size, statement in statements.items():
        while len(rows) - done >= size:
            changed += to.execute(
                statement, tuple(chain.from_iterable(rows[done : done + size]))
            ).rowcount
            done += size
    return changed


def _read(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    try:
        if column.decode is not None:
            values = list(map(column.decode, values))
    except (ValueError, TypeError, KeyError, ArithmeticError):
        values = [None]  # which fits nothing
    if not all_fit(column.constraint, values):
        raise Unfit(f"{column.name} does not fit")
    return values


LAYOUTS: Final = PerKind(Layout)


def count_records(connection: sqlite3.Connection, kinds: Iterable[type[Record]]) -> int:
    """Return how many records of these kinds there are."""
    selects = (
        f'SELECT count(*) FROM "{LAYOUTS[kind].table}"{where_there(connection, kind)}'
        for kind in kinds
    )
    return sum(connection.execute(select).fetchone()[0] for select in selects)
