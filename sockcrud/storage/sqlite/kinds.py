"""Which kinds the file of an SQLite store has, and making its tables those of a schema.

A table whose declaration in the file is not, to the letter, that of its kind is read, checked, and
made anew. So there is one way for all changes, and no table that is almost right.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from sockcrud.records import Declaration, Record, describe
from sockcrud.records.constraints import as_stored
from sockcrud.records.schema import Schema
from sockcrud.storage import taking_in
from sockcrud.storage.keys import renewed
from sockcrud.storage.memory.tables import Unfit
from sockcrud.storage.sqlite.hidden import references, where_there
from sockcrud.storage.sqlite.layout import LAYOUTS, Column, column_of, without_values

KINDS_TABLE: Final = (
    'CREATE TABLE IF NOT EXISTS "kinds" ("name" TEXT PRIMARY KEY, "table" TEXT NOT NULL UNIQUE, '
    '"fields" TEXT NOT NULL,'
    ' "declared" TEXT NOT NULL) WITHOUT ROWID'
)
"""`fields` are their names, with blanks between; `declared` is the fingerprint of what the records
were checked against.
"""


def renew_keys(connection: sqlite3.Connection) -> None:
    """Make the keys of version 1 what follows from their fields. Raise `SameKey` where two would be
    the same.
    """
    for kind, table, field in taking_in.OLD_KEYS:
        rows = connection.execute(
            f'SELECT "id", "{field}", "{field}_key" FROM "{table}" ORDER BY "id"'
        )
        changed = renewed(kind, field, rows)
        # One may be what another was until now: all let go of theirs first.
        apart = f'UPDATE "{table}" SET "{field}_key" = char(0) || "id" WHERE "id" = ?'
        connection.executemany(apart, [(id,) for id, _ in changed])
        connection.executemany(f'UPDATE "{table}" SET "{field}_key" = ?2 WHERE "id" = ?1', changed)


def add_kinds(connection: sqlite3.Connection) -> None:
    """Write down which kinds there are in a file of version 2: always the same."""
    connection.execute(KINDS_TABLE)
    connection.executemany("INSERT OR IGNORE INTO kinds VALUES (?, ?, ?, '')", taking_in.OLD_KINDS)


def note_kinds(connection: sqlite3.Connection, kinds: Iterable[type[Record]]) -> None:
    """Write down that the records of these kinds are as the kinds declare them now."""
    described = map(describe, kinds)
    rows = [
        (kind.name, kind.table, " ".join(kind.constraints), taking_in.fingerprint(kind))
        for kind in described
    ]
    connection.executemany("INSERT OR REPLACE INTO kinds VALUES (?, ?, ?, ?)", rows)


@frozen
class Plan:
    """What there is to do before a file is that of a schema."""

    schema: Schema
    new: tuple[type[Record], ...]
    changed: tuple[type[Record], ...]
    checked: tuple[type[Record], ...]
    """Those whose tables are right, and whose records have not been checked against what they are
    to be now.
    """
    noted: tuple[type[Record], ...]
    """Those that are to be written down as they are now."""
    fields: Mapping[str, tuple[str, ...]]
    """Of each kind in the file, by its name, the fields that it has there."""
    others: Mapping[str, str]
    """The names of kinds that are not in the schema, and their tables."""

    @property
    def changes(self) -> tuple[type[Record], ...]:
        return self.new + self.changed

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(self.others)

    def check_rows(self, connection: sqlite3.Connection) -> None:
        """Raise `SchemaError` for a record that its kind no longer allows."""
        for kind in self.checked:
            _fitting(connection, kind, self.fields[kind.__name__], where_there(connection, kind))


def plan_for(connection: sqlite3.Connection, schema: Schema) -> Plan:
    """Compare a file with a schema. Raise `SchemaError` where a kind cannot have its table, and
    `Unfit` where one is away.
    """
    there = {
        name: rest
        for name, *rest in connection.execute('SELECT name, "table", fields, declared FROM kinds')
    }
    statements: dict[str, set[str]] = {}
    for table, sql in connection.execute(
        "SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    ):
        statements.setdefault(table.lower(), set()).add(sql)
    new, changed, checked, noted = (list[type[Record]]() for _ in range(4))
    for kind in schema:
        declared = describe(kind)
        if declared.name not in there:
            if declared.table in statements:
                by = next(
                    (name for name, (table, *_) in there.items() if table == declared.table), None
                )
                raise taking_in.table_taken(declared, by)
            new.append(kind)
        elif declared.table not in statements:
            raise Unfit(f"its table {declared.table} is missing")
        elif not statements[declared.table] >= set(
            LAYOUTS[kind].statements
        ):  # others may have made indexes beside
            changed.append(kind)
        elif (known := there[declared.name][2]) != taking_in.fingerprint(declared):
            noted.append(kind)
            checked += [kind] if known else []
    fields = {name: tuple(names.split()) for name, (_, names, _) in there.items()}
    others = {name: table for name, (table, *_) in there.items() if name not in schema.by_name}
    return Plan(schema, tuple(new), tuple(changed), tuple(checked), tuple(noted), fields, others)


def take_in(connection: sqlite3.Connection, plan: Plan) -> None:
    """Make the tables those of the schema, in a transaction in which no reference is looked at.
    Raise `SchemaError`.

    What is hidden is not there any more.
    """
    plan.check_rows(connection)
    for kind in plan.schema:
        layout = LAYOUTS[kind]
        if kind in plan.changed:
            records = _fitting(connection, kind, plan.fields[kind.__name__], "")
            connection.execute(f'DROP TABLE "{layout.table}"')
        if kind in plan.changes:
            for statement in layout.statements:
                connection.execute(statement)
        if kind in plan.changed:
            layout.write(connection, ((None, record) for record in records))
        if kind in plan.new:
            connection.execute("INSERT INTO counters VALUES (?, 0)", (layout.highest,))
    note_kinds(connection, plan.schema)


def _fitting(
    connection: sqlite3.Connection, kind: type[Record], there: tuple[str, ...], where: str
) -> list[Record]:
    """Return all records of a kind whose table has the fields that are there. Raise `SchemaError`
    for one that does not fit.
    """
    declared = describe(kind)
    columns_there = {
        name for _, name, *_ in connection.execute(f'PRAGMA table_info("{declared.table}")')
    }
    if (
        not {"id", "rev", *there}
        <= columns_there
        <= {"id", "rev", *there, *map("{}_key".format, there)}
    ):
        raise taking_in.looks_different(declared)
    [[count]] = connection.execute(f'SELECT count(*) FROM "{declared.table}"{where}')
    defaults = taking_in.require_fields(declared, there, count)
    columns = [column_of(name, as_stored(declared.constraints[name]), "") for name in there]
    names = ", ".join(f'"{column.name}"' for column in columns)
    records = []
    with without_values():
        for id, rev, *values in connection.execute(
            f'SELECT "id", "rev", {names} FROM "{declared.table}"{where} ORDER BY "id"'
        ):
            fields = {
                column.name: _read(declared, column, id, value)
                for column, value in zip(columns, values, strict=True)
            }
            if type(id) is not int or type(rev) is not int:
                raise taking_in.looks_different(declared)
            records.append(kind(id=id, rev=rev, **{**defaults, **fields}))
    _require_rules(connection, kind, records)
    return records


def _read(declared: Declaration, column: Column, id: int, value: Any) -> Any:
    try:
        read = value if column.decode is None else column.decode(value)
    except (ValueError, TypeError, KeyError, ArithmeticError):
        read = None  # which fits nothing
    if not column.constraint.fits(read):
        raise taking_in.unfit(declared, column.name, id, value)
    return read


def _require_rules(
    connection: sqlite3.Connection, kind: type[Record], records: list[Record]
) -> None:
    """Raise `SchemaError` where records share what is unique, or refer to what is not there."""
    declared = describe(kind)
    for field, normalize in declared.uniques.items():
        owners: dict[Any, int] = {}
        for record in records:
            if (
                other := owners.setdefault(normalize(getattr(record, field)), record.id)
            ) != record.id:
                raise taking_in.shared(declared, field, other, record.id)
    for field, reference in declared.references.items():
        ids = {
            id
            for [id] in connection.execute(f'SELECT "id" FROM "{describe(reference.kind).table}"')
        }
        for record in records:
            if (to := getattr(record, field)) not in ids:
                raise taking_in.leads_nowhere(declared, field, record.id, to)


def referred_to(
    connection: sqlite3.Connection, plan: Plan
) -> Iterator[tuple[type[Record], int, str]]:
    """Yield the records that those of other kinds refer to: kind, id, and the name of the other
    kind.
    """
    kinds = {describe(kind).table: kind for kind in plan.schema}
    for name, table in plan.others.items():
        for field, to in references(connection, table):
            if to in kinds:
                for [id] in connection.execute(f'SELECT DISTINCT "{field}" FROM "{table}"'):
                    yield kinds[to], id, name
