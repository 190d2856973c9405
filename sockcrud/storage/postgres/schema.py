"""The tables in PostgreSQL, made and migrated at the start, once, however many nodes start at the
same time.

Plain and blocking: it is done before the reactor runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from attrs import frozen
from psycopg.conninfo import make_conninfo

from sockcrud.records import Record
from sockcrud.records.schema import Schema
from sockcrud.storage.common import StoreError
from sockcrud.storage.history import CHANGE_BYTES
from sockcrud.storage.keys import SameKey, renewed
from sockcrud.storage.postgres.kinds import add_kinds, make_kinds, other_kinds, take_in
from sockcrud.storage.postgres.layout import LAYOUTS
from sockcrud.storage.postgres.link import one_line
from sockcrud.storage.postgres.pool import Limits, NoUrl, parse_url
from sockcrud.storage.postgres.url import without_password
from sockcrud.storage.taking_in import OLD_KEYS, OLD_KINDS, SchemaError

VERSION: Final = 5
"""Of what the store itself has in the database, beside the tables of the kinds. Whoever changes
that makes it one more, and adds the way to there to `MIGRATIONS`. What records declare needs no
version: `postgres_kinds` compares it."""

SIZED: Final = 3
"""The first version that counts records and bytes."""

OLDEST_SERVER: Final = 14
START_SECONDS: Final = 60
"""For so long a node waits for another that makes or migrates the tables."""

_LOCK: Final = int.from_bytes(b"sockcrud", "big")

_SHARED: Final = (
    "CREATE TABLE schema_version (version integer NOT NULL)",
    # One row: who changes anything locks it first.
    "CREATE TABLE state (\n  id integer PRIMARY KEY CHECK (id = 1),\n  rev bigint NOT NULL,\n  "
    "journaled bigint NOT NULL,\n"
    "  journaled_bytes bigint NOT NULL DEFAULT 0,\n  stored bigint NOT NULL DEFAULT 0,\n"
    "  version integer NOT NULL\n)",
    f"INSERT INTO state (id, rev, journaled, version) VALUES (1, 0, 0, {VERSION})",
    # `bytes_before` are the bytes of all changes before it, those included that are forgotten.
    "CREATE TABLE changes (number bigint PRIMARY KEY, rev bigint NOT NULL UNIQUE, kind text "
    'COLLATE "C" NOT NULL,'
    ' id bigint NOT NULL, record text COLLATE "C", bytes_before bigint NOT NULL)',
)
_bytes: Final = f"{CHANGE_BYTES} + coalesce(octet_length(record), 0)"
_ADD_SIZES: Final = (
    *(
        f"ALTER TABLE state ADD COLUMN IF NOT EXISTS {name} bigint NOT NULL DEFAULT 0"
        for name in ("journaled_bytes", "stored")
    ),
    "ALTER TABLE changes ADD COLUMN IF NOT EXISTS bytes_before bigint NOT NULL DEFAULT 0",
    # A node of the version before, which should not run any more, can then change nothing that it
    # would not count.
    "ALTER TABLE changes ALTER COLUMN bytes_before DROP DEFAULT",
    f"UPDATE changes SET bytes_before = up_to.bytes - ({_bytes}) FROM"
    f" (SELECT number AS last, sum({_bytes}) OVER (ORDER BY number) AS bytes FROM changes) AS "
    f"up_to WHERE number = last",
)


def count_again(schema: Schema) -> str:
    """Return what writes down how many records there are of each kind, how many bytes they take,
    and the changes.
    """
    layouts = [LAYOUTS[kind] for kind in schema]
    sizes = "".join(
        f'"{layout.counted}" = (SELECT count(*) FROM "{layout.table}"), ' for layout in layouts
    )
    stored = " + ".join(["0", *(layout.weighed for layout in layouts)])
    journaled = f"SELECT bytes_before + {_bytes} FROM changes ORDER BY number DESC LIMIT 1"
    return (
        f"UPDATE state SET {sizes}stored = {stored}, journaled_bytes = coalesce(({journaled}), 0)"
    )


_SETTINGS: Final = (
    "SELECT current_setting('server_encoding'), current_setting('synchronous_commit'), "
    "current_setting('fsync'),"
    " current_setting('synchronous_standby_names') <> ''"
)


@frozen
class Prepared:
    """A database that is ready."""

    dangers: list[str]
    """What a person should be warned of."""
    others: tuple[type[Record], ...]
    """Its kinds that are not in the schema; of their fields those that refer to one that is."""


def prepare(url: str, schema: Schema, limits: Limits) -> Prepared:
    """Have the tables there, of this version, as a schema declares them. Raise `StoreError`."""
    with opened(url, limits) as connection:
        try:
            with opened(url, limits) as other:
                _require_sessions(connection, other)
            return _prepare(connection, schema)
        except SchemaError as error:
            raise StoreError(f"{without_password(url)}: {error}") from None
        except StoreError as error:
            raise StoreError(
                f"{without_password(url)} cannot be used as a store: {error}"
            ) from None


def _require_sessions(*connections: psycopg.Connection[Any]) -> None:
    """Raise `StoreError` where what is behind a connection changes, or is behind another one, too.

    A pooler that hands the server's connections out for a transaction each keeps no settings and no
    prepared statements.
    """
    seen: list[set[int]] = [set() for _ in connections]
    for _ in range(2):  # a pooler may give either the one that was used last, or the next
        for connection, processes in zip(connections, seen, strict=True):
            [[process]] = connection.execute("SELECT pg_backend_pid()").fetchall()
            processes.add(process)
    if len(set.union(*seen)) != len(connections) or any(len(processes) > 1 for processes in seen):
        raise StoreError(
            "a pooler in transaction mode is before it: use its session mode, or the server's "
            "own port"
        )


def _prepare(connection: psycopg.Connection[Any], schema: Schema) -> Prepared:
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        raise StoreError(
            f"it is PostgreSQL {connection.info.server_version // 10_000}, and {OLDEST_SERVER} "
            f"is the oldest known"
        )
    [[encoding, synchronous, fsync, standbys]] = connection.execute(_SETTINGS).fetchall()
    if encoding != "UTF8":
        raise StoreError(f"its encoding is {encoding}: make one with ENCODING 'UTF8'")
    try:
        with connection.transaction():
            _make_or_migrate(connection, schema)
            others = other_kinds(connection, schema)
    except SameKey as error:
        raise StoreError(str(error)) from None
    return Prepared(list(_dangers(synchronous, fsync, standbys)), others)


def _make_or_migrate(connection: psycopg.Connection[Any], schema: Schema) -> None:
    connection.execute(f"SET LOCAL lock_timeout = {START_SECONDS * 1000}".encode())
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    [[known]] = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL").fetchall()
    if not known:
        _run(connection, _SHARED)
        make_kinds(connection)
        connection.execute("INSERT INTO schema_version VALUES (%s)", [VERSION])
        take_in(connection, schema)
        return
    [[version]] = connection.execute("SELECT max(version) FROM schema_version").fetchall()
    if type(version) is not int or version < 1:
        raise StoreError(
            "its table schema_version is not sockcrud's: use a database, or a schema, of its own"
        )
    if version > VERSION:
        raise StoreError(
            f"it is from a newer sockcrud: its schema_version is {version}, and this one knows "
            f"{VERSION}"
        )
    for older in range(version, VERSION):
        if older not in MIGRATIONS:
            raise StoreError(f"no way leads from its schema_version {version} to {VERSION}")
        MIGRATIONS[older](connection)
    if version < VERSION:
        connection.execute("UPDATE schema_version SET version = %s", [VERSION])
        # A node of the version before that still runs sees it with the lock, and changes nothing.
        connection.execute("UPDATE state SET version = %s", [VERSION])
    take_in(connection, schema)
    if version < SIZED:
        connection.execute(count_again(schema).encode())


def _run(connection: psycopg.Connection[Any], statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.execute(statement.encode())


def _renew_keys(connection: psycopg.Connection[Any]) -> None:
    for kind, table, field in OLD_KEYS:
        column = f'"{field}_key"'
        rows = connection.execute(
            f'SELECT "id", "{field}", {column} FROM "{table}" ORDER BY "id"'.encode()
        )
        changed = renewed(kind, field, rows)
        # One may be what another was until now: all let go of theirs first.
        ids = [id for id, _ in changed]
        connection.execute(
            f'UPDATE "{table}" SET {column} = NULL WHERE "id" = ANY (%s)'.encode(), [ids]
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                f'UPDATE "{table}" SET {column} = %s WHERE "id" = %s'.encode(),
                [(k, id) for id, k in changed],
            )


def _add_sizes(connection: psycopg.Connection[Any]) -> None:
    _run(connection, _ADD_SIZES)
    for _, table, _ in OLD_KINDS:
        connection.execute(
            f'ALTER TABLE state ADD COLUMN IF NOT EXISTS "size_{table}" bigint NOT NULL DEFAULT '
            f"0".encode()
        )
        connection.execute(
            f'UPDATE state SET "size_{table}" = (SELECT count(*) FROM "{table}")'.encode()
        )


def _add_version(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        f"ALTER TABLE state ADD COLUMN IF NOT EXISTS version integer NOT NULL DEFAULT {VERSION}"
        "".encode()
    )


MIGRATIONS: Final[dict[int, Callable[[psycopg.Connection[Any]], object]]] = {
    1: _renew_keys,
    2: _add_sizes,
    3: add_kinds,
    4: _add_version,
}
"""What makes tables of a version those of the next one, in a transaction that is already under way.

1 had keys whose case was folded, but that were not normalized. 2 did not count records, nor bytes.
3 did not say which kinds it has. 4 did not tell its version where every change looks.
"""


def _dangers(synchronous: str, fsync: str, standbys: bool) -> Iterator[str]:
    if fsync == "off":
        yield "the database has fsync = off: a crash of its machine can destroy everything"
    if synchronous == "off":
        yield (
            "the database has synchronous_commit = off: a crash of it takes back changes that "
            "were answered already"
        )
    elif standbys and synchronous in ("local", "remote_write"):
        yield (
            f"the database has synchronous_commit = {synchronous}: if its machine is lost, "
            f"changes that were answered"
            " already can be missing on the standby"
        )


@contextmanager
def opened(url: str, limits: Limits) -> Iterator[psycopg.Connection[Any]]:
    """Have a connection of its own, and what goes wrong with it told as `StoreError`, in one line,
    without secrets.
    """
    shown = without_password(url)
    try:
        # libpq takes whole seconds, of which one is none.
        more = {"connect_timeout": max(2, round(limits.connect_seconds))}
        conninfo = make_conninfo("", **{**parse_url(url), **more})
        with psycopg.connect(conninfo, autocommit=True) as connection:
            yield connection
    except NoUrl as error:
        raise StoreError(f"the store's URL cannot be used: expected {error}") from None
    except psycopg.errors.DuplicateTable as error:
        raise StoreError(
            f"{shown}: {one_line(error.diag.message_primary)}, and is not sockcrud's: use "
            f"another schema"
        ) from None
    except psycopg.Error as error:
        raise StoreError(
            f"{shown} cannot be used as a store: {one_line(error.diag.message_primary or error)}"
        ) from None
