"""Which kinds a PostgreSQL database has, and making its tables those of a schema.

It happens in one transaction, under the lock of the start: of several nodes the first does it, and
the others find it done. A new column keeps its default, so that a node that does not know it yet
can go on until it is stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from attrs import Factory, define, frozen
from psycopg import sql

from sockcrud.records import Declaration, Record, RecordType, describe, exactly, reference
from sockcrud.records.constraints import as_stored
from sockcrud.records.schema import Schema
from sockcrud.storage import taking_in
from sockcrud.storage.postgres.layout import LAYOUTS, UNIQUE, Layout, unique_name

_Connection = psycopg.Connection[Any]

_KINDS_TABLE: Final = (
    'CREATE TABLE IF NOT EXISTS kinds (name text COLLATE "C" PRIMARY KEY, "table" text COLLATE '
    '"C" NOT NULL UNIQUE,'
    ' fields text COLLATE "C" NOT NULL, declared text COLLATE "C" NOT NULL)'
)
_NOTE: Final = (
    "INSERT INTO kinds VALUES (%s, %s, %s, %s) ON CONFLICT (name)"
    " DO UPDATE SET fields = excluded.fields, declared = excluded.declared"
)
_COLUMNS: Final = (
    "SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_attribute JOIN pg_class "
    "ON attrelid = pg_class.oid"
    " WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped "
    "AND relname = ANY (%s)"
)
_RULES: Final = (
    "SELECT here.relname, conname, contype::text, attname, coalesce(there.relname, '') FROM "
    "pg_constraint"
    " JOIN pg_class AS here ON conrelid = here.oid LEFT JOIN pg_class AS there ON confrelid = "
    "there.oid"
    " JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
    " WHERE here.relnamespace = current_schema()::regnamespace AND contype IN ('u', 'f') AND "
    "here.relname = ANY (%s)"
)
_INDEXES: Final = (
    "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = "
    "current_schema() AND tablename = ANY (%s)"
)

_TOGETHER: Final = 1_000
"""Rows that are read at once."""


def make_kinds(connection: _Connection) -> None:
    """Make the table of the kinds."""
    connection.execute(_KINDS_TABLE.encode())


def add_kinds(connection: _Connection) -> None:
    """Write down which kinds there are in a database of version 3: always the same."""
    make_kinds(connection)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO kinds VALUES (%s, %s, %s, '') ON CONFLICT DO NOTHING", taking_in.OLD_KINDS
        )


@define
class _Table:
    """A table as it is in the database."""

    columns: dict[str, str] = Factory(dict)
    """Their types, by their names."""
    uniques: dict[str, str] = Factory(dict)
    """The columns, by the names of the constraints that are the store's."""
    references: dict[str, tuple[str, str]] = Factory(dict)
    """The constraints, and the tables they lead to, by the columns."""
    indexes: set[str] = Factory(set)


def _tables(connection: _Connection, names: list[str]) -> Mapping[str, _Table]:
    tables: defaultdict[str, _Table] = defaultdict(_Table)
    for table, column, type in connection.execute(_COLUMNS.encode(), [names]):
        tables[table].columns[column] = type
    for table, name, what, column, to in connection.execute(_RULES.encode(), [names]):
        if what == "u" and name.endswith(UNIQUE):
            tables[table].uniques[name] = column
        elif what == "f":
            tables[table].references[column] = name, to
    for table, name in connection.execute(_INDEXES.encode(), [names]):
        tables[table].indexes.add(name)
    return tables


def _as_declared(layout: Layout[Any]) -> _Table:
    """Return the table as it is to be."""
    declared = describe(layout.kind)
    return _Table(
        {column.name: column.type.partition(" COLLATE")[0].replace("numeric(10, "
                                                                   "2)", "numeric(10,2)").replace(
            "timestamptz", "timestamp with time zone") for column in layout.columns},
        {unique_name(layout.kind, name): key.name for name, key in layout.keys.items()},
        {name: ("", describe(to.kind).table) for name, to in declared.references.items()},
        {f"{layout.table}_pkey", *(unique_name(layout.kind, name) for name in layout.keys),
         *(layout.index(name) for name in declared.indexed)},
    )  # fmt: skip


def take_in(connection: _Connection, schema: Schema) -> None:
    """Make the tables those of the schema. Raise `SchemaError` where that cannot be; the
    transaction is to be rolled back.
    """
    there = {
        name: rest
        for name, *rest in connection.execute('SELECT name, "table", fields, declared FROM kinds')
    }
    tables = _tables(connection, [describe(kind).table for kind in schema])
    counted = _tables(connection, ["state"])["state"].columns
    for kind in schema:
        layout, declared = LAYOUTS[kind], describe(kind)
        fingerprint = taking_in.fingerprint(declared)
        if declared.name not in there:
            if declared.table in tables:
                by = next(
                    (name for name, (table, *_) in there.items() if table == declared.table), None
                )
                raise taking_in.table_taken(declared, by)
            for statement in layout.declared:
                connection.execute(statement.encode())
        elif not _is_right(tables[declared.table], layout) or there[declared.name][2] not in (
            "",
            fingerprint,
        ):
            _Change(
                connection, layout, tables[declared.table], there[declared.name][1].split()
            ).make()
        if declared.name not in there or there[declared.name][2] != fingerprint:
            connection.execute(
                _NOTE, [declared.name, declared.table, " ".join(declared.constraints), fingerprint]
            )
        if not {layout.highest, layout.counted} <= counted.keys():
            for name in (layout.highest, layout.counted):
                connection.execute(
                    f'ALTER TABLE state ADD COLUMN IF NOT EXISTS "{name}" bigint NOT NULL '
                    f"DEFAULT 0".encode()
                )
            connection.execute(
                f'UPDATE state SET "{layout.counted}" = (SELECT count(*) FROM '
                f'"{layout.table}")'.encode()
            )


def _is_right(table: _Table, layout: Layout[Any]) -> bool:
    """Return whether a table has all that it is to have. Others may have added columns and indexes
    of their own.
    """
    expected = _as_declared(layout)
    return (
        expected.columns.items() <= table.columns.items()
        and expected.indexes <= table.indexes
        and (expected.uniques, _leads(expected)) == (table.uniques, _leads(table))
    )


def _leads(table: _Table) -> dict[str, str]:
    return {field: to for field, (_, to) in table.references.items()}


@define
class _Change:
    """Making the table of one kind what it is to be."""

    connection: _Connection
    layout: Layout[Any]
    table: _Table
    there: list[str]
    """The fields that its records have."""
    declared: Declaration = Factory(lambda self: describe(self.layout.kind), takes_self=True)

    def make(self) -> None:
        """Make it. Raise `SchemaError`."""
        # As for any change, so that nobody changes anything between a look and what follows from
        # it.
        self.connection.execute("SELECT rev FROM state WHERE id = 1 FOR UPDATE")
        if not {"id", "rev", *self.there} <= self.table.columns.keys():
            raise taking_in.looks_different(self.declared)
        [[count]] = self._ask(f'SELECT count(*) FROM "{self.layout.table}"')
        defaults = taking_in.require_fields(self.declared, self.there, count)
        expected = _as_declared(self.layout)
        self._drop_rules(expected)
        for name in self.declared.constraints:
            type = expected.columns[name]
            if name in self.there and self.table.columns[name] != type:
                if count:
                    raise taking_in.of_another_type(self.declared, name, self.table.columns[name])
                self._alter(f'DROP COLUMN "{name}"')
            if name not in self.there or self.table.columns[name] != type:
                default = f" DEFAULT {self._literal(defaults[name])}" if name in defaults else ""
                self._alter(f'ADD COLUMN "{name}" {self._type(name)} NOT NULL{default}')
        self._check_rows()
        self._add_rules(expected)

    def _drop_rules(self, expected: _Table) -> None:
        for name, column in self.table.uniques.items():
            if expected.uniques.get(name) != column:
                self._alter(f'DROP CONSTRAINT "{name}"')
                if column in self.there:
                    self._alter(f'ALTER COLUMN "{column}" SET NOT NULL')
                else:
                    self._alter(f'DROP COLUMN "{column}"')
        for field, (name, to) in self.table.references.items():
            if _leads(expected).get(field) != to:
                self._alter(f'DROP CONSTRAINT "{name}"')
        for name in (
            self.table.indexes.intersection(map(self.layout.index, self.there)) - expected.indexes
        ):
            self.connection.execute(f'DROP INDEX "{name}"'.encode())

    def _add_rules(self, expected: _Table) -> None:
        for field, key in self.layout.keys.items():
            name = unique_name(self.layout.kind, field)
            if self.table.uniques.get(name) != key.name:
                if key.name != field:
                    self._alter(f'ADD COLUMN "{key.name}" {key.type}')
                self._make_unique(field)
                self._alter(f'ALTER COLUMN "{key.name}" DROP NOT NULL')
                self._alter(f'ADD CONSTRAINT "{name}" UNIQUE ("{key.name}")')
        for field, to in _leads(expected).items():
            if _leads(self.table).get(field) != to:
                self._require_targets(field, to)
                self._alter(
                    f'ADD FOREIGN KEY ("{field}") REFERENCES "{to}" ("id") DEFERRABLE INITIALLY '
                    f"DEFERRED"
                )
        for field in self.declared.indexed:
            if self.layout.index(field) not in self.table.indexes:
                self.connection.execute(self.layout.index_statement(field).encode())

    def _check_rows(self) -> None:
        """Raise `SchemaError` for a record that its kind no longer allows."""
        checks = [(name, as_stored(self.declared.constraints[name]).fits) for name in self.there]
        names = ", ".join(f'"{name}"' for name in self.there)
        with self.connection.cursor(name="taking in") as cursor:
            cursor.itersize = _TOGETHER
            cursor.execute(
                f'SELECT "id", {names} FROM "{self.layout.table}" ORDER BY "id"'.encode()
            )
            for id, *values in cursor:
                for (name, fits), value in zip(checks, values, strict=True):
                    if not fits(value):
                        raise taking_in.unfit(self.declared, name, id, value)

    def _make_unique(self, field: str) -> None:
        """Return the records their keys. Raise `SchemaError` where two have the same."""
        normalize, owners = self.declared.uniques[field], dict[Any, int]()
        for id, value in self._ask(
            f'SELECT "id", "{field}" FROM "{self.layout.table}" ORDER BY "id"'
        ):
            if (other := owners.setdefault(normalize(value), id)) != id:
                raise taking_in.shared(self.declared, field, other, id)
        if normalize is not exactly:
            with self.connection.cursor() as cursor:
                update = (
                    f'UPDATE "{self.layout.table}" SET "{self.layout.keys[field].name}" = '
                    f'%s WHERE "id" = %s'
                )
                cursor.executemany(update.encode(), list(owners.items()))

    def _require_targets(self, field: str, to: str) -> None:
        missing = f'SELECT "id", "{field}" FROM "{self.layout.table}" AS t WHERE NOT EXISTS'
        for id, value in self._ask(
            f'{missing} (SELECT FROM "{to}" AS u WHERE u."id" = t."{field}") ORDER BY "id" LIMIT 1'
        ):
            raise taking_in.leads_nowhere(self.declared, field, id, value)

    def _type(self, name: str) -> str:
        return next(column.type for column in self.layout.columns if column.name == name)

    def _literal(self, value: Any) -> str:
        return sql.Literal(value).as_string(self.connection)

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()

    def _alter(self, how: str) -> None:
        # A change of a table has to wait until what is deferred has been looked at.
        self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.connection.execute(f'ALTER TABLE "{self.layout.table}" {how}'.encode())


def other_kinds(connection: _Connection, schema: Schema) -> tuple[type[Record], ...]:
    """Return the kinds that the database has besides, each with those of its fields that refer to a
    kind of the schema.
    """
    there = connection.execute('SELECT name, "table" FROM kinds').fetchall()
    others = {table: name for name, table in there if name not in schema.by_name}
    by_table = {describe(kind).table: kind for kind in schema}
    kinds: list[Any] = []
    for table, name in others.items():
        leads = _leads(_tables(connection, [table])[table])
        fields = {field: reference(by_table[to]) for field, to in leads.items() if to in by_table}
        kinds.append(
            RecordType(name, (Record,), {"__annotations__": dict.fromkeys(fields, int), **fields})
        )
    return tuple(kinds)


@frozen
class There:
    """What a database has: the kinds of a schema, and the names of others."""

    kinds: tuple[type[Record], ...]
    unknown: tuple[str, ...]


def kinds_there(connection: _Connection, schema: Schema) -> There:
    """Return which kinds there are. Raise `SchemaError` for one that is not as it is declared."""
    there = [name for [name] in connection.execute("SELECT name FROM kinds")]
    kinds = tuple(kind for kind in schema if kind.__name__ in there)
    tables = _tables(connection, [describe(kind).table for kind in kinds])
    for kind in kinds:
        if not _is_right(tables[describe(kind).table], LAYOUTS[kind]):
            raise taking_in.SchemaError(
                f"{kind.__name__} is there as declared before: start a daemon on it once"
            )
    return There(kinds, tuple(name for name in there if name not in schema.by_name))
