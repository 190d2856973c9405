"""A PostgreSQL database as an end of a move: all records at once, by COPY. Plain and blocking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from sockcrud.records import Record, describe
from sockcrud.records.constraints import as_stored
from sockcrud.records.schema import Schema
from sockcrud.storage.common import StoreError, unheard
from sockcrud.storage.contract import Counters
from sockcrud.storage.moving import (
    NOTHING,
    TOGETHER,
    GivingWay,
    Moved,
    Slices,
    Source,
    move,
    require_empty,
)
from sockcrud.storage.postgres.kinds import kinds_there
from sockcrud.storage.postgres.layout import LAYOUTS
from sockcrud.storage.postgres.link import one_line
from sockcrud.storage.postgres.pool import Limits
from sockcrud.storage.postgres.schema import VERSION, count_again, opened, prepare
from sockcrud.storage.postgres.url import without_password
from sockcrud.storage.taking_in import SchemaError

LOCK_SECONDS: Final = 10
"""For so long a change that is under way is waited for."""

BEFORE_ALL: Final = -(2**62)
"""The number that a change gets which stands for all that are not known. Every other number is
above it.
"""

_Connection = psycopg.Connection[TupleRow]

_SESSION: Final = (
    "SELECT set_config('application_name', 'sockcrud move', false), set_config('TimeZone', "
    "'UTC', false),"
    " set_config('DateStyle', 'ISO', false), set_config('default_transaction_isolation', 'read "
    "committed', false),"
    " set_config('lock_timeout', %s, false)"
)
# A move takes longer than any statement of a daemon's. What a server does not know yet cannot be
# set there.
_NO_LIMITS: Final = (
    "SELECT set_config(name, '0', false) FROM pg_settings"
    " WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', "
    "'transaction_timeout')"
)
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'sockcrud' AND pid <> "
    "pg_backend_pid()"
)
_HISTORY: Final = (
    "COPY (SELECT number, rev, kind, id, record, bytes_before FROM changes ORDER "
    "BY number) TO STDOUT"
)
_KNOWN: Final = "COPY changes (number, rev, kind, id, record, bytes_before) FROM STDIN"


@contextmanager
def _blaming(place: str) -> Iterator[None]:
    """Blame this database for what cannot be read or written, whichever the other end is."""
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(f"{place}: {one_line(error.diag.message_primary or error)}") from None


class _Database:
    """What both ends have. `connection` holds the lock that every change needs, so what is read is
    of one moment.
    """

    def __init__(
        self, place: str, schema: Schema, kinds: tuple[type[Record], ...], connection: _Connection
    ) -> None:
        self.place = place
        self.schema = schema
        self.kinds = kinds
        self.connection = connection

    @property
    def _counters(self) -> list[str]:
        return ["rev", *(LAYOUTS[kind].highest for kind in self.kinds)]

    @property
    def counters(self) -> Counters:
        with _blaming(self.place):
            [[rev, *highest]] = _ask(
                self.connection, f"SELECT {', '.join(self._counters)} FROM state WHERE id = 1"
            )
        return Counters(rev, dict(zip(self.kinds, highest, strict=True)))

    def size(self, kind: type[Record]) -> int:
        with _blaming(self.place):
            [[size]] = _ask(self.connection, f'SELECT count(*) FROM "{LAYOUTS[kind].table}"')
        return int(size)

    def read(self, kind: type[Record]) -> Slices:
        names = ("id", "rev", *describe(kind).constraints)
        with _blaming(self.place), self.connection.cursor(name="moving", binary=True) as cursor:
            cursor.execute(LAYOUTS[kind].everything.encode())
            while rows := cursor.fetchmany(TOGETHER):
                yield [kind(**dict(zip(names, row, strict=True))) for row in rows]


class PostgresSource(_Database):
    """The records in a database."""

    unknown_kinds: tuple[str, ...] = ()

    def read(self, kind: type[Record]) -> Slices:
        """Yield all records; raise `StoreError` for one that does not fit the model, which
        something else has written.
        """
        fields = [
            (name, attrgetter(name), as_stored(held).fits)
            for name, held in describe(kind).constraints.items()
        ]
        for records in super().read(kind):
            for name, value, fits in fields:
                if not all(map(fits, map(value, records))):
                    id = next(record.id for record in records if not fits(value(record)))
                    raise StoreError(
                        f"{self.place} is damaged: {name} of {kind.__name__} {id} does not fit"
                    )
            yield records

    def history(self) -> Iterator[bytes]:
        with (
            _blaming(self.place),
            self.connection.cursor() as cursor,
            cursor.copy(_HISTORY.encode()) as copy,
        ):
            yield from map(bytes, copy)


class PostgresTarget(_Database):
    """A database that is filled in one transaction."""

    def clear(self) -> None:
        with _blaming(self.place):
            for table in ("changes", *(LAYOUTS[kind].table for kind in reversed(self.kinds))):
                self.connection.execute(f'DELETE FROM "{table}"'.encode())

    def write(self, kind: type[Record], records: Sequence[Record]) -> None:
        layout = LAYOUTS[kind]
        with (
            _blaming(self.place),
            self.connection.cursor() as cursor,
            cursor.copy(layout.copy_in.encode()) as copy,
        ):
            copy.write(layout.copied(records))

    def count_on(self, counters: Counters, history: Iterator[bytes]) -> None:
        with _blaming(self.place):
            self._count_on(counters, history)

    def _count_on(self, counters: Counters, history: Iterator[bytes]) -> None:
        with self.connection.cursor() as cursor, cursor.copy(_KNOWN.encode()) as copy:
            for some in history:
                copy.write(some)
        known = "(SELECT coalesce(max(number), 0) FROM changes)"
        if not _ask(self.connection, "SELECT EXISTS (SELECT FROM changes)")[0][0]:
            # Whoever asks for changes since a revision of the source is told that they are not
            # known.
            unknown = (
                "INSERT INTO changes (number, rev, kind, id, bytes_before) VALUES (%s, %s, "
                "'', 0, 0)"
            )
            self.connection.execute(unknown.encode(), [BEFORE_ALL, counters.rev])
            known = "0"
        changes = ", ".join(f"{name} = %s" for name in self._counters)
        values = [counters.rev, *(counters.highest.get(kind, 0) for kind in self.kinds)]
        self.connection.execute(
            f"UPDATE state SET {changes}, journaled = {known} WHERE id = 1".encode(), values
        )
        self.connection.execute(count_again(self.schema).encode())
        self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def keep(self) -> None:
        try:
            self.connection.commit()
        except psycopg.OperationalError as error:
            raise StoreError(
                f"{self.place}: {one_line(error.diag.message_primary or error)}; it was lost at "
                f"the very end:"
                " all of it is there, or nothing"
            ) from None
        with suppress(psycopg.Error):  # all is there
            self.connection.execute(
                "ANALYZE"
            )  # or queries would go by the tables as they were, empty
            self.connection.commit()


def _ask(connection: _Connection, sql: str) -> list[TupleRow]:
    return connection.execute(sql.encode()).fetchall()


@contextmanager
def source(url: str, schema: Schema, alone: bool = True) -> Iterator[PostgresSource]:
    """Have a database to read from as it is now, without any change of it until the end if it is to
    be `alone`.

    Raise `StoreError` where that cannot be.
    """
    with _session(url) as connection:
        if not alone:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        place = without_password(url)
        if not _ask(connection, "SELECT to_regclass('schema_version') IS NOT NULL")[0][0]:
            raise StoreError(f"there is no store in {place}")
        [[version]] = _ask(connection, "SELECT max(version) FROM schema_version")
        if version != VERSION:
            older = type(version) is int and version < VERSION
            cure = "start a daemon on it once" if older else "use the sockcrud that made it"
            raise StoreError(
                f"{place} has schema_version {version}, and this sockcrud reads {VERSION}: {cure}"
            )
        if alone:
            _lock(connection)
        if alone and (others := _ask(connection, _OTHERS)[0][0]):
            raise StoreError(
                f"{place} is in use: daemons have {others} connections to it; stop them first"
            )
        try:
            there = kinds_there(connection, schema)
        except SchemaError as error:
            raise StoreError(f"{place}: {error}") from None
        given = PostgresSource(place, schema, there.kinds, connection)
        given.unknown_kinds = there.unknown
        yield given


@contextmanager
def target(url: str, schema: Schema, giving_way: GivingWay = NOTHING) -> Iterator[PostgresTarget]:
    """Have a database to fill, whose tables are made where there are none. It is as it was unless
    it is kept.
    """
    prepare(url, schema, Limits())
    with _session(url) as connection:
        filled = PostgresTarget(without_password(url), schema, schema.kinds, connection)
        require_empty(filled, giving_way)  # before it is waited for: a daemon may be busy there
        _lock(connection)
        yield filled


def restore_into(url: str, schema: Schema, source: Source, giving_way: GivingWay) -> list[Moved]:
    """Put all records of a source into a database whose own give way."""
    with target(url, schema, giving_way) as filled:
        return move(source, filled, unheard, unheard, giving_way)


def _lock(connection: _Connection) -> None:
    """Have the lock that every change needs, until the end of the transaction."""
    try:
        connection.execute("SELECT rev FROM state WHERE id = 1 FOR UPDATE")
    except psycopg.errors.LockNotAvailable:
        raise StoreError(
            f"changes are under way there for {LOCK_SECONDS} s already: stop the daemons first"
        ) from None


@contextmanager
def _session(url: str) -> Iterator[_Connection]:
    """Have a connection with a transaction, which is rolled back at the end unless it was
    committed.
    """
    with opened(url, Limits()) as connection:
        connection.execute(_SESSION, [str(LOCK_SECONDS * 1000)])
        connection.execute(_NO_LIMITS)
        connection.autocommit = False
        try:
            yield connection
        finally:
            with suppress(psycopg.Error):  # where it is gone, so is the transaction
                connection.rollback()
