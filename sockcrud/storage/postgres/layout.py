"""How records lie in PostgreSQL: a table for each kind, as the model declares it, and the
statements on it.

Values go out in arrays of texts, one for each column, so that a statement takes as many records as
there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

import orjson
from attrs import frozen
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult

from sockcrud.records import Record, describe, exactly
from sockcrud.records.constraints import INT64, Constraint, Instance, Moment, Money, Whole
from sockcrud.storage import weights
from sockcrud.storage.common import PerKind
from sockcrud.storage.contract import R, Where
from sockcrud.storage.postgres.link import Ask, Statement
from sockcrud.storage.weights import FIXED, LONG, USUAL

T = TypeVar("T")
Written = Callable[[Any], str]


def _moment(value: datetime) -> str:
    return value.astimezone(timezone.utc).isoformat()


def _flag(value: bool) -> str:
    return "t" if value else "f"


def _same(value: Any) -> Any:
    return value


@frozen
class _Column:
    """A column: its type, and how one of its values is written; None for a text, which is put in
    quotes.
    """

    name: str
    attribute: str
    type: str
    written: Written | None
    from_json: Callable[[Any], Any] = _same
    normalize: Callable[[Any], Any] = exactly

    def array(self, values: Iterable[Any]) -> bytes:
        """Write values as an array."""
        return array(values, self.written)


def array(values: Iterable[Any], written: Written | None = str) -> bytes:
    """Write values as one of PostgreSQL's arrays; without `written` they are texts, or None."""
    if written is not None:
        return f"{{{','.join(map(written, values))}}}".encode()
    quoted = (
        "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for value in values
    )
    return f"{{{','.join(quoted)}}}".encode()


_SPECIAL: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _escaped(text: str) -> str:
    """Write a text as COPY takes it."""
    return text.translate(_SPECIAL) if "\\" in text or not text.isprintable() else text


_TEXT: Final = 'text COLLATE "C"'


def _column(name: str, constraint: Constraint) -> _Column:
    if isinstance(constraint, Moment):
        return _Column(name, name, "timestamptz", _moment, datetime.fromisoformat)
    if isinstance(constraint, Money):
        return _Column(name, name, "numeric(10, 2)", "{:.2f}".format, Decimal)
    if isinstance(constraint, Instance) and constraint.type is date:
        return _Column(name, name, "date", date.isoformat, date.fromisoformat)
    if isinstance(constraint, Instance) and constraint.type is bool:
        return _Column(name, name, "boolean", _flag)
    if isinstance(constraint, Whole):
        return _Column(name, name, "bigint", str)
    return _Column(name, name, _TEXT, None)


class Layout(Generic[R]):
    """How records of one kind lie in their table."""

    def __init__(self, kind: type[R]) -> None:
        self.kind = kind
        self._declared = declared = describe(kind)
        self.table = declared.table
        self.highest = f"highest_{self.table}"
        self.counted = f"size_{self.table}"
        fields = [_Column("id", "id", "bigint", str), _Column("rev", "rev", "bigint", str)]
        fields += [_column(name, constraint) for name, constraint in declared.constraints.items()]
        by_name = {column.name: column for column in fields}
        self.keys = {
            name: by_name[name]
            if normalize is exactly
            else _Column(f"{name}_key", name, _TEXT, None, normalize=normalize)
            for name, normalize in declared.uniques.items()
        }
        self._fields = fields
        self.columns = [*fields, *(key for key in self.keys.values() if key not in fields)]
        self.names = tuple(column.name for column in fields)
        self._moved = attrgetter(*(column.attribute for column in self.columns))
        self._values = attrgetter(*self.names)
        self._make_statements()

    def _make_statements(self) -> None:
        table, columns = f'"{self.table}"', [f'"{column.name}"' for column in self.columns]
        self._read = ", ".join(f'"{name}"' for name in self.names)
        arrays = ", ".join(
            f"${number}::{_array_type(column)}" for number, column in enumerate(self.columns, 1)
        )
        rows = f"unnest({arrays}) AS new ({', '.join(columns)})"
        changes = ", ".join(f"{column} = new.{column}" for column in columns[1:])
        apart = ", ".join(f'"{key.name}" = NULL' for key in self.keys.values())
        make = self._statement
        self._insert = make(
            "insert", f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM {rows}"
        )
        self._update = make(
            "update", f'UPDATE {table} AS old SET {changes} FROM {rows} WHERE old."id" = new."id"'
        )
        self._delete = make("delete", f'DELETE FROM {table} WHERE "id" = ANY ($1::bigint[])')
        self._apart = make("apart", f'UPDATE {table} SET {apart} WHERE "id" = ANY ($1::bigint[])')
        self._with_ids = make(
            "with id", f'SELECT {self._read} FROM {table} WHERE "id" = ANY ($1::bigint[])'
        )
        self._with_keys = {
            name: make(
                f"with {name}",
                f'SELECT {self._read} FROM {table} WHERE "{key.name}" = ANY '
                f"($1::{_array_type(key)})",
            )
            for name, key in self.keys.items()
        }
        above = f'CASE WHEN t."id" < {INT64.stop - 1} THEN t."id" + 1 END'
        gap = f'SELECT min({above}) FROM {table} t WHERE t."id" >= $1::bigint'
        gap += f' AND NOT EXISTS (SELECT FROM {table} u WHERE u."id" = {above})'
        taken = f'EXISTS (SELECT FROM {table} WHERE "id" = $1::bigint)'
        self._free = make("free", f"SELECT CASE WHEN {taken} THEN ({gap}) ELSE $1::bigint END")

    def _statement(self, what: str, sql: str) -> Statement:
        return Statement(f"{self.table} {what}".encode(), sql.encode())

    # The table

    @property
    def declared(self) -> list[str]:
        """What makes the table. Unique columns may be NULL: only within a transaction that passes
        their values on.
        """
        columns = []
        uniques = {key.name: name for name, key in self.keys.items()}
        for column in self.columns:
            more = (
                " PRIMARY KEY"
                if column.name == "id"
                else ""
                if column.name in uniques
                else " NOT NULL"
            )
            if reference := self._declared.references.get(column.name):
                more += (
                    f' REFERENCES "{describe(reference.kind).table}" ("id") DEFERRABLE '
                    f"INITIALLY DEFERRED"
                )
            columns.append(f'"{column.name}" {column.type}{more}')
        columns += [
            f'CONSTRAINT "{unique_name(self.kind, name)}" UNIQUE ("{key}")'
            for key, name in uniques.items()
        ]
        indexes = map(self.index_statement, self._declared.indexed)
        inside = ",\n  ".join(columns)
        return [f'CREATE TABLE "{self.table}" (\n  {inside}\n)', *indexes]

    def index(self, name: str) -> str:
        """Return the name of the index of a field."""
        return f"{self.table}_by_{name}"

    def index_statement(self, name: str) -> str:
        """Return what makes the index of a field."""
        return f'CREATE INDEX "{self.index(name)}" ON "{self.table}" ("{name}", "id")'

    # All of it

    @property
    def weighed(self) -> str:
        """What gives about the bytes of all its records, as `weight` gives those of each."""
        if usual := USUAL[self.kind]:
            return f'(SELECT count(*) * {usual} FROM "{self.table}")'
        texts = (
            f'CASE octet_length("{name}") WHEN char_length("{name}") THEN 1 ELSE 4 END * '
            f'char_length("{name}")'
            for name in LONG[self.kind]
        )
        return f'(SELECT coalesce(sum({" + ".join([str(FIXED), *texts])}), 0) FROM "{self.table}")'

    @property
    def copy_in(self) -> str:
        """What takes records as `copied` writes them."""
        columns = ", ".join(f'"{column.name}"' for column in self.columns)
        return f'COPY "{self.table}" ({columns}) FROM STDIN'

    @property
    def everything(self) -> str:
        """What gives all records in the order of their ids, each as the fields of the model, in
        their order.
        """
        return f'SELECT {self._read} FROM "{self.table}" ORDER BY "id"'

    def copied(self, records: Iterable[R]) -> bytes:
        """Write records as COPY takes them."""
        columns = []
        for column, values in zip(
            self.columns, zip(*map(self._moved, records), strict=True), strict=True
        ):
            normalized = values if column.normalize is exactly else map(column.normalize, values)
            columns.append(map(_escaped if column.written is None else column.written, normalized))
        return "".join(["\t".join(row) + "\n" for row in zip(*columns, strict=True)]).encode()

    # Reading

    def records(self, result: PGresult) -> list[R]:
        """Return the records in the rows of a result."""
        kind, names = self.kind, self.names
        return [kind(**dict(zip(names, row, strict=True))) for row in rows(result)]

    def with_ids(self, ids: Iterable[int]) -> Ask:
        """Ask for the records that have these ids."""
        return self._with_ids, [array(ids)]

    def with_keys(self, name: str, keys: Iterable[Any]) -> Ask:
        """Ask for the records whose unique field, normalized, is one of these."""
        return self._with_keys[name], [self.keys[name].array(keys)]

    @cache  # noqa: B019 - there is one layout for each kind, for ever
    def _referring(self, name: str, all: bool) -> Statement:
        what, distinct, order = (
            ("referring by", "", "")
            if all
            else ("one by", f'DISTINCT ON ("{name}") ', f' ORDER BY "{name}", "id"')
        )
        sql = (
            f'SELECT {distinct}{self._read} FROM "{self.table}" WHERE "{name}" = ANY '
            f"($1::bigint[]){order}"
        )
        return self._statement(f"{what} {name}", sql)

    def referring(self, name: str, ids: Iterable[int], all: bool) -> Ask:
        """Ask for all the records that refer to these by the field `name`, or for one to each."""
        return self._referring(name, all), [array(ids)]

    @cache  # noqa: B019 - there is one layout for each kind, for ever
    def _page(self, where: str | None, from_start: bool) -> Statement:
        return self._statement(
            f"page {_name_of_page(where, from_start)}", self._page_sql(where, from_start)
        )

    @cache  # noqa: B019 - there is one layout for each kind, for ever
    def _slice(self, where: str | None, from_start: bool) -> Statement:
        texts = " + ".join(f'octet_length("{name}")' for name in weights.TEXTS[self.kind]) or "0"
        so_far = (
            f'sum({texts}) OVER so_far AS "bytes so far", row_number() OVER so_far AS '
            f'"number of it"'
        )
        page = self._page_sql(where, from_start)
        counted = f'SELECT *, {so_far}, count(*) OVER () AS "there are" FROM ({page}) AS page'
        counted += ' WINDOW so_far AS (ORDER BY "id" ROWS UNBOUNDED PRECEDING)'
        fits = (
            f'"number of it" = 1 OR ("bytes so far" <= {weights.SLICE_TEXT} AND "number of '
            f'it" < $1::bigint)'
        )
        sql = (
            f'SELECT {self._read}, "there are" FROM ({counted}) AS counted WHERE {fits} ORDER '
            f'BY "id"'
        )
        return self._statement(f"slice {_name_of_page(where, from_start)}", sql)

    def _page_sql(self, where: str | None, from_start: bool) -> str:
        conditions = [f'"{where}" = $3'] if where is not None else []
        conditions += ['"id" > $2::bigint'] if not from_start else []
        wanted = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f'SELECT {self._read} FROM "{self.table}"{wanted} ORDER BY "id" LIMIT $1::bigint'
        if from_start and where is not None:
            sql = sql.replace("$3", "$2")
        return sql

    def page(self, limit: int, after: int | None, where: Where | None) -> Ask:
        """Ask for the first `limit` records above an id."""
        return self._page(None if where is None else where.field, after is None), self._of_page(
            limit, after, where
        )

    def slice(self, limit: int, after: int | None, where: Where | None) -> Ask:
        """Ask for no more of a page than makes a slice: one record at least, and no more text than
        `SLICE_TEXT` bytes.

        The database looks at one record more, and tells whether it has left any of these away:
        `is_all`.
        """
        return self._slice(None if where is None else where.field, after is None), self._of_page(
            limit + 1, after, where
        )

    def is_all(self, result: PGresult) -> bool:
        """Return whether a slice has all that there was to look at."""
        there = result.get_value(0, len(self.names)) if result.ntuples else None
        return there is None or int(there) == result.ntuples

    def slice_in_parts(self, result: PGresult, size: int) -> Iterator[list[R]]:
        """Yield the records of a slice, so many at a time."""
        kind, names, transformer = self.kind, self.names, Transformer()
        transformer.set_pgresult(result)
        for start in range(0, result.ntuples, size):
            some = transformer.load_rows(start, min(start + size, result.ntuples), tuple)
            yield [
                kind(**dict(zip(names, row, strict=False))) for row in some
            ]  # behind a record is how many there are

    def _of_page(self, limit: int, after: int | None, where: Where | None) -> list[bytes]:
        parameters = [b"%d" % limit]
        if after is not None:
            parameters.append(b"%d" % after)
        if where is not None:
            written = (
                next(column for column in self._fields if column.name == where.field).written
                or _same
            )
            parameters.append(written(where.value).encode())
        return parameters

    def free_id(self, start: int) -> Ask:
        """Ask for the lowest id from `start` on that no record has."""
        return self._free, [b"%d" % start]

    def key(self, name: str, record: R) -> Any:
        """Return the value of a unique field, normalized."""
        return self._declared.uniques[name](getattr(record, name))

    # Writing

    def writes(self, finals: Iterable[tuple[R | None, R | None]], most: int) -> Iterator[Ask]:
        """Ask to let each record that is the first become the second; None where there is none.

        No statement writes more than `most` records.
        """
        gone, apart, changed, new = list[int](), list[int](), list[R](), list[R]()
        for before, after in finals:
            if before is None:
                new += [after] if after is not None else []
            elif after is None:
                gone.append(before.id)
            else:
                changed.append(after)
                if any(self.key(name, before) != self.key(name, after) for name in self.keys):
                    apart.append(after.id)
        # Unique values may be passed on in a ring: those that move first let go of theirs.
        for statement, ids in ((self._delete, gone), (self._apart, apart)):
            if ids:
                yield statement, [array(ids)]
        for statement, records in ((self._update, changed), (self._insert, new)):
            for some in in_parts(records, most):
                yield statement, self._arrays(some)

    def _arrays(self, records: Sequence[R]) -> list[bytes]:
        values = zip(*map(self._moved, records), strict=True)
        return [
            column.array(those if column.normalize is exactly else map(column.normalize, those))
            for column, those in zip(self.columns, values, strict=True)
        ]

    def to_json(self, record: R) -> str:
        """Write a record as the history keeps it."""
        return orjson.dumps(
            dict(zip(self.names, self._values(record), strict=True)), default=str
        ).decode()

    def from_json(self, text: str) -> R:
        """Return the record that was written so."""
        given = orjson.loads(text)
        # What was written before a field was there has its default.
        there = {
            column.name: column.from_json(given[column.name])
            for column in self._fields
            if column.name in given
        }
        return self.kind(**there)


class Chain:
    """A record that is found by a unique field, and those that its references lead to, each from
    the one before.
    """

    def __init__(self, kind: type[Record], field: str, path: Sequence[str]) -> None:
        layouts: list[Layout[Any]] = [LAYOUTS[kind]]
        joins = ""
        for number, name in enumerate(path):
            layouts.append(LAYOUTS[describe(layouts[-1].kind).references[name].kind])
            joins += (
                f' JOIN "{layouts[-1].table}" AS t{number + 1} ON t{number + 1}."id" = '
                f't{number}."{name}"'
            )
        read = ", ".join(
            f't{number}."{name}"' for number, layout in enumerate(layouts) for name in layout.names
        )
        key = layouts[0].keys[field]
        found = f't0."{key.name}" = ANY ($1::{_array_type(key)})'
        sql = f'SELECT {read} FROM "{layouts[0].table}" AS t0{joins} WHERE {found}'
        self._statement = Statement(
            f"{layouts[0].table} with {field} and {' '.join(path)}".encode(), sql.encode()
        )
        self._key = key
        self._layouts = layouts

    def with_keys(self, keys: Iterable[Any]) -> Ask:
        """Ask for those whose unique field, normalized, is one of these."""
        return self._statement, [self._key.array(keys)]

    def records(self, result: PGresult) -> Iterator[list[Record]]:
        """Give, for each that is found, it and those after it."""
        for row in rows(result):
            values = iter(row)
            yield [
                layout.kind(**dict(zip(layout.names, values, strict=False)))
                for layout in self._layouts
            ]


def _name_of_page(where: str | None, from_start: bool) -> str:
    return f"{where or ''}{' from start' if from_start else ''}"


def _array_type(column: _Column) -> str:
    return column.type.partition(" COLLATE")[0] + "[]"


UNIQUE: Final = "_is_unique"
"""How the names of the constraints end that keep a field unique."""


def unique_name(kind: type[Record], name: str) -> str:
    """Name the constraint that keeps a field unique."""
    return f"{describe(kind).table}_{name}{UNIQUE}"


def in_parts(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Return the items in parts of so many."""
    return (items[start : start + most] for start in range(0, len(items), most))


def rows(result: PGresult) -> list[tuple[Any, ...]]:
    """Return the rows of a result, each value of the type it has in Python."""
    transformer = Transformer()
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


LAYOUTS: Final[PerKind[Layout[Any]]] = PerKind(Layout)
