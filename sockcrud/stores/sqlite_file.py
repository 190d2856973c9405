"""The file of the SQLite store: its tables as the model declares them, how it is locked, opened, filled, checked and copied.

Plain and synchronous, without a reactor: the store uses it in its threads, and commands that work on the file as it lies.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import chain, count
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from sockcrud.model import INT64, KINDS, Bound, Instance, Moment, Money, Record, Whole, as_stored, describe, exactly
from sockcrud.stores.keys import SameKey, renewed
from sockcrud.stores.tables import Tables, Unfit

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

VERSION: Final = 2
"""Of the tables. Whoever changes the model makes it one more, and adds the way to there to `MIGRATIONS`."""

CHECKPOINT_BYTES: Final = 8 * 2**20
"""The length of what is committed and lies beside the file, from which on it is taken into it. It keeps its place on the disk
up to this length. No more, because changes wait meanwhile: 64 MiB took 60 ms and more, and kept the disk from syncing."""

CHUNK: Final = 10_000
"""Rows read at once."""

_ROWS: Final = (50, 5, 1)
"""Rows that one statement writes. Between two the thread has to wait for the interpreter: 200 statements beside a reactor that
is busy took seconds. The most is what stays below 1,000 values, which every SQLite takes."""

_PATIENCE: Final = 10.0
"""Seconds for another program, such as the `sqlite3` shell, to let go of the file."""

Progress = Callable[[int, int], object]


def unheard(done: int, total: int) -> None:
    """A progress that nobody follows: how much is done, and of how much."""


class StoreError(Exception):
    """Why a file cannot be used, in one line for people."""


class FileLock:
    """The right to use a store, until `release` or the end of the process, however it ends."""

    def __init__(self, path: Path) -> None:
        """Raise `StoreError` where another has it. The file that is locked stays behind, and means nothing."""
        if not path.parent.is_dir():
            raise StoreError(f"there is no directory {path.parent}")
        lock = path.with_name(path.name + "-lock")
        try:
            self._held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{lock} cannot be made: {error.strerror}") from None
        try:
            if sys.platform == "win32":
                msvcrt.locking(self._held, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise StoreError(f"{path} is in use by another process ({error.strerror})") from None

    def release(self) -> None:
        """Let others have it."""
        os.close(self._held)


@frozen
class _Column:
    """A column: where its values come from, and how they are written, read and checked."""

    name: str
    attribute: str
    declared: str
    encode: Callable[[Any], object] | None
    decode: Callable[[Any], Any] | None
    fits: Callable[[Any], bool]


def _column(name: str, bound: Bound, more: str) -> _Column:
    """Give the column for a field. Its values sort as text as they do in time."""
    make = partial(_Column, name, name)
    text = f"TEXT NOT NULL{more}"
    if isinstance(bound, Moment):
        return make(text, partial(datetime.isoformat, timespec="microseconds"), datetime.fromisoformat, bound.fits)
    if isinstance(bound, Money):
        return make(text, "{:.2f}".format, Decimal, bound.fits)
    if isinstance(bound, Instance) and bound.type is date:
        return make(text, date.isoformat, date.fromisoformat, bound.fits)
    if isinstance(bound, Instance) and bound.type is bool:
        return make(f'INTEGER NOT NULL{more} CHECK ("{name}" IN (0, 1))', None, {0: False, 1: True}.__getitem__, bound.fits)
    return make(f"INTEGER NOT NULL{more}" if isinstance(bound, Whole) else text, None, None, bound.fits)


def table_name(kind: type[Record]) -> str:
    """Give the name of the kind's table: plural, in small letters."""
    name = re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
    endings = (("ss", "sses"), ("s", "s"), ("y", "ies"), ("", "s"))
    return next(name.removesuffix(one) + many for one, many in endings if name.endswith(one))


class Layout:
    """How records of one kind lie in their table."""

    def __init__(self, kind: type[Record]) -> None:
        self.kind = kind
        self.table = table_name(kind)
        self.highest = f"highest {self.table}"
        declared = describe(kind)
        fields = [
            _Column("id", "id", "INTEGER PRIMARY KEY", None, None, Whole(INT64.start, INT64.stop - 1).fits),
            _Column("rev", "rev", "INTEGER NOT NULL", None, None, Whole(1, INT64.stop - 1).fits),
        ]
        self._keys: list[_Column] = []
        for name, bound in declared.bounds.items():
            bound = as_stored(bound)
            fold = declared.uniques.get(name)
            more = " UNIQUE" if fold is exactly else ""
            if reference := declared.references.get(name):
                more += f' REFERENCES "{table_name(reference.kind)}" ("id") DEFERRABLE INITIALLY DEFERRED'
            fields.append(_column(name, bound, more))
            if fold is not None and fold is not exactly:
                self._keys.append(_Column(f"{name}_key", name, "TEXT NOT NULL UNIQUE", fold, None, bound.fits))
        self._fields, self._columns = fields, [*fields, *self._keys]
        self._uniques = [(fold, attrgetter(name)) for name, fold in declared.uniques.items()]
        self._values = attrgetter(*(column.attribute for column in self._columns))
        names = [f'"{column.name}"' for column in self._columns]
        changes = ", ".join(f"{name} = ?{number}" for number, name in enumerate(names[1:], 2))
        apart = ", ".join(f'"{column.name}" = char(0) || "id"' for column in self._columns if "UNIQUE" in column.declared)
        # Without the table before it, a column that is not there would be taken for a text in quotes.
        read = ", ".join(f'"{self.table}".{name}' for name in names)
        self._select = f'SELECT {read} FROM "{self.table}"'
        insert, row = f'INSERT INTO "{self.table}" ({", ".join(names)}) VALUES ', f"({', '.join('?' * len(names))})"
        self._inserts = {rows: insert + ", ".join([row] * rows) for rows in _ROWS}
        self._update = f'UPDATE "{self.table}" SET {changes} WHERE "id" = ?1'
        self._deletes = {rows: f'DELETE FROM "{self.table}" WHERE "id" IN ({", ".join("?" * rows)})' for rows in _ROWS}
        self._set_apart = f'UPDATE "{self.table}" SET {apart} WHERE "id" = ?'

    @property
    def statements(self) -> list[str]:
        """What makes the table. A reference has an index, without which a delete would read all that may refer."""
        columns = ",\n  ".join(f'"{column.name}" {column.declared}' for column in self._columns)
        index = 'CREATE INDEX "{0} by {1}" ON "{0}" ("{1}")'.format
        indexes = [index(self.table, name) for name in describe(self.kind).references]
        return [f'CREATE TABLE "{self.table}" (\n  {columns}\n)', *indexes]

    def write(self, to: sqlite3.Connection, finals: Iterable[tuple[Record | None, Record | None]]) -> None:
        """Let each record that is `before` become the one that is `after`; None where there is none."""
        gone, apart, changed, new = list[Record](), list[Record](), list[Record](), list[Record]()
        for before, after in finals:
            if before is None:
                new += [after] if after is not None else []
            elif after is None:
                gone.append(before)
            else:
                changed.append(after)
                if any(fold(value(before)) != fold(value(after)) for fold, value in self._uniques):
                    apart.append(after)
        # Unique values may be passed on in a ring: first those that move let go of theirs. An update and not a delete
        # and an insert, because a row that goes has all that refer to it looked through, and one that comes again.
        _write_together(to, self._deletes, [(record.id,) for record in gone])
        if apart:
            self.set_apart(to, [record.id for record in apart])
        if changed:
            to.executemany(self._update, self._rows(changed))
        if new:
            _write_together(to, self._inserts, list(self._rows(new)))

    def set_apart(self, to: sqlite3.Connection, ids: Iterable[int]) -> None:
        """Have the rows with these ids let go of their unique values."""
        if self._uniques:
            to.executemany(self._set_apart, [(id,) for id in ids])

    def _rows(self, records: Sequence[Record]) -> Iterator[tuple[object, ...]]:
        columns = zip(self._columns, zip(*map(self._values, records), strict=True), strict=True)
        return zip(*(map(column.encode, values) if column.encode else values for column, values in columns), strict=True)

    def renew_keys(self, connection: sqlite3.Connection) -> None:
        """Make the keys what follows from their fields. Raise `SameKey` where two would be the same."""
        for key in self._keys:
            table, column = f'"{self.table}"', f'"{key.name}"'
            rows = connection.execute(f'SELECT "id", "{key.attribute}", {column} FROM {table} ORDER BY "id"')
            changed = renewed(self.kind, key.attribute, rows)
            # One may be what another was until now: all let go of theirs first.
            connection.executemany(
                f'UPDATE {table} SET {column} = char(0) || "id" WHERE "id" = ?', [(id,) for id, _ in changed]
            )
            connection.executemany(f'UPDATE {table} SET {column} = ?2 WHERE "id" = ?1', changed)

    def read(self, connection: sqlite3.Connection, size: int = CHUNK) -> Iterator[list[Record]]:
        """Give all records in the order of their ids, so many at a time. Raise `Unfit` for a row that is none."""
        cursor = connection.execute(f'{self._select}{where_there(connection, self.kind)} ORDER BY "id"')
        while rows := cursor.fetchmany(size):
            yield self._records(rows)

    def _records(self, rows: list[tuple[Any, ...]]) -> list[Record]:
        try:
            values = dict(zip([column.name for column in self._columns], zip(*rows, strict=True), strict=True))
            fields = {column.name: _read(column, values[column.name]) for column in self._fields}
            for key in self._keys:
                if key.encode is None or list(map(key.encode, fields[key.attribute])) != list(values[key.name]):
                    raise Unfit(f"{key.name} is not what follows from {key.attribute}")
        except Unfit as unfit:
            if len(rows) == 1:
                raise Unfit(f"row {rows[0][0]} of {self.table}: {unfit}") from None
            return list(chain.from_iterable(self._records([row]) for row in rows))
        make, names = self.kind, tuple(fields)
        return [make(**dict(zip(names, row, strict=True))) for row in zip(*fields.values(), strict=True)]


def _write_together(to: sqlite3.Connection, statements: Mapping[int, str], rows: Sequence[tuple[object, ...]]) -> None:
    """Write the rows with as few statements as there can be; these are by how many rows they take, the most first."""
    done = 0
    for size, statement in statements.items():
        while len(rows) - done >= size:
            to.execute(statement, tuple(chain.from_iterable(rows[done : done + size])))
            done += size


def _read(column: _Column, values: Sequence[Any]) -> Sequence[Any]:
    try:
        if column.decode is not None:
            values = list(map(column.decode, values))
    except (ValueError, TypeError, KeyError, ArithmeticError):
        values = [None]  # which fits nothing
    if not all(map(column.fits, values)):
        raise Unfit(f"{column.name} does not fit")
    return values


LAYOUTS: Final[Mapping[type[Record], Layout]] = {kind: Layout(kind) for kind in KINDS}

_SHARED: Final = (
    'CREATE TABLE "schema_version" ("version" INTEGER NOT NULL)',
    'CREATE TABLE "counters" ("name" TEXT PRIMARY KEY, "value" INTEGER NOT NULL) WITHOUT ROWID',
)
STAGED: Final = "staged"
"""The counter that is the first revision of an import under way, where there is one: what has it, or more, is not there yet."""


_GONE: Final = {f"gone from {layout.table}": kind for kind, layout in LAYOUTS.items()}
"""The counters that are the id of a record that has gone with all that goes with it, and by far not all of whose rows have."""


def _staged(connection: sqlite3.Connection) -> int:
    """Give the first revision that is staged, or 0."""
    row = connection.execute("SELECT value FROM counters WHERE name = ?", (STAGED,)).fetchone()
    return row[0] if row is not None and type(row[0]) is int else 0


def _gone(connection: sqlite3.Connection) -> Iterator[tuple[type[Record], int]]:
    """Give the records that have gone and still have rows."""
    for name, kind in _GONE.items():
        row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        if row is not None and type(row[0]) is int:
            yield kind, row[0]


def where_there(connection: sqlite3.Connection, kind: type[Record]) -> str:
    """Give the condition under which a row is a record: empty where all are."""
    staged = _staged(connection)
    conditions = [f'"rev" < {staged}'] if staged else []
    for gone, id in _gone(connection):
        conditions += [f'"{name}" <> {id}' for other, name in _rows_of(gone) if other is kind]
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _rows_of(kind: type[Record]) -> Iterator[tuple[type[Record], str]]:
    """Give where the rows lie that go with a record of a kind, what refers before the record: kinds, and fields with its id."""
    for other, name, _ in describe(kind).referred_by:
        yield other, name
    yield kind, "id"


def mark_gone(connection: sqlite3.Connection, kind: type[Record], id: int) -> None:
    """Let a record and all that goes with it be gone; its row lets go of its unique values."""
    LAYOUTS[kind].set_apart(connection, [id])
    connection.execute("INSERT INTO counters (name, value) VALUES (?, ?)", (f"gone from {LAYOUTS[kind].table}", id))


def delete_gone_along(
    connection: sqlite3.Connection, gone: type[Record], id: int, kind: type[Record], deleted: Sequence[int]
) -> None:
    """Delete what has gone with one record also where it refers to others, of any kind, that are deleted now."""
    for other, name, _ in describe(kind).referred_by if deleted and kind is not gone else ():
        for its_kind, field, _ in describe(gone).referred_by:
            if its_kind is other:  # by the index of those that are few: + keeps the other one out
                statement = f'DELETE FROM "{LAYOUTS[other].table}" WHERE "{name}" = ? AND +"{field}" = {id}'
                connection.executemany(statement, [(each,) for each in deleted])


def mark_cleared(connection: sqlite3.Connection, kind: type[Record]) -> None:
    """Have the rows of what was marked as gone be gone, too."""
    connection.execute("DELETE FROM counters WHERE name = ?", (f"gone from {LAYOUTS[kind].table}",))


def mark_staged(connection: sqlite3.Connection, rev: int) -> None:
    """Let this be the first revision of an import under way; 0 for none."""
    connection.execute("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", (STAGED, rev))


def _drop_hidden(path: Path) -> None:
    """Take away the rows that are no records: of an import, or of what was gone, when the daemon died."""
    with _one_line(path), closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if staged := _staged(connection):
            for layout in LAYOUTS.values():
                connection.execute(f'DELETE FROM "{layout.table}" WHERE "rev" >= ?', (staged,))
            mark_staged(connection, 0)
        for kind, id in list(_gone(connection)):
            for other, name in _rows_of(kind):
                connection.execute(f'DELETE FROM "{LAYOUTS[other].table}" WHERE "{name}" = ?', (id,))
            mark_cleared(connection, kind)
        connection.execute("COMMIT")


COUNTERS: Final = ("rev", *(layout.highest for layout in LAYOUTS.values()))
SCHEMA: Final = ";\n".join(chain(_SHARED, *(layout.statements for layout in LAYOUTS.values())))


def _renew_keys(connection: sqlite3.Connection) -> None:
    for layout in LAYOUTS.values():
        layout.renew_keys(connection)


MIGRATIONS: Final[dict[int, Callable[[sqlite3.Connection], object]]] = {1: _renew_keys}
"""What makes tables of a version those of the next one, in a transaction that is already under way.

1 had keys whose case was folded, but that were not normalized.
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing, and make sure that a commit is on disk when it is done. Raise `StoreError`."""
    with _opened(path, "rw") as connection:
        # After a checkpoint of SQLite's own accord nobody hears that it failed: the store asks for them.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_BYTES}")
        for name, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("fullfsync", 1)):
            connection.execute(f"PRAGMA {name} = {value}")
            [got] = connection.execute(f"PRAGMA {name}").fetchone()
            if got != value:
                raise sqlite3.NotSupportedError(f"{name} stays {got} and does not become {value}, so nothing would be durable")
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file so that nothing in here can change it, and hold on to what is committed now. Raise `StoreError`."""
    with _opened(path, "ro") as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    with _one_line(path):
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, timeout=_PATIENCE, isolation_level=None, uri=True, check_same_thread=False)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, SameKey) as error:
        raise StoreError(f"{path} cannot be used as a store: {error}") from None
    except Unfit as unfit:
        raise StoreError(f"{path} is damaged: {unfit}") from None


def load(path: Path, tables: Tables, progress: Progress) -> None:
    """Fill the tables from the file, which is made where there is none. Raise `StoreError`, with the file untouched.

    A file of an older version is first copied to `PATH-version-N`. Whoever calls holds the lock.
    """
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        _create(path)
    may_write = partial(os.access, mode=os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    if not may_write(path) or not may_write(path.parent):
        raise StoreError(f"no permission to write to {path} and next to it")
    with _one_line(path), closing(connect_to_read(path)) as connection:
        version = _version(connection, path)
        if version == VERSION:
            _fill(connection, tables, progress)
    if version < VERSION:
        _migrate(path, version, tables, progress)
    _drop_hidden(path)  # shows that it can be written to, and takes in what a crash has left beside it


def _create(path: Path) -> None:
    """Make an empty store. It has its name only once it is whole."""
    new = path.with_name(path.name + "-new")
    left = Path(f"{path}-wal")  # an empty one is left by whoever only reads
    if left.exists() and left.stat().st_size:
        raise StoreError(f"{path}-wal holds changes of a file that is not there: bring {path} back, or take it away")
    with _one_line(path):
        for more in ("", "-journal", "-wal", "-shm"):
            Path(f"{new}{more}").unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL, 0o600))
        with closing(connect(new)) as connection:
            connection.executescript(f"BEGIN;{SCHEMA};INSERT INTO schema_version VALUES ({VERSION});")
            connection.executemany("INSERT INTO counters VALUES (?, 0)", [(name,) for name in COUNTERS])
            connection.execute("COMMIT")
        _take_name(new, path)


def _take_name(new: Path, path: Path) -> None:
    """Let a file that is whole have its name, for good."""
    with open(new, "rb+") as file:
        os.fsync(file)
    new.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Have the names in a directory on disk."""
    if sys.platform != "win32":
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Give the version of a sound file's tables."""
    if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'").fetchone()[0]:
        raise StoreError(f"{path} is no store of sockcrud, but another SQLite database")
    if (sound := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise Unfit(" ".join(sound.split()))
    version: object = connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    if type(version) is not int:
        raise Unfit("its schema_version is no number")
    if version > VERSION:
        raise StoreError(f"{path} is from a newer sockcrud: its schema_version is {version}, and this one knows {VERSION}")
    return version


def _migrate(path: Path, version: int, tables: Tables, progress: Progress) -> None:
    if not MIGRATIONS.keys() >= {*range(version, VERSION)}:
        raise StoreError(f"{path} cannot be used as a store: no way leads from schema_version {version} to {VERSION}")
    copies = (path.with_name(f"{path.name}-version-{version}{more}") for more in chain([""], map("-{}".format, count(2))))
    old = next(copy for copy in copies if not copy.exists())
    copy(path, old)
    try:
        with _one_line(path), closing(connect(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for older in range(version, VERSION):
                MIGRATIONS[older](connection)
            connection.execute("UPDATE schema_version SET version = ?", (VERSION,))
            _fill(connection, tables, progress)
            connection.execute("COMMIT")
    except StoreError:
        old.unlink()  # the file is what it was, and a daemon that is started again and again would fill the disk
        raise


def _fill(connection: sqlite3.Connection, tables: Tables, progress: Progress) -> None:
    counters: dict[object, Any] = dict(connection.execute("SELECT name, value FROM counters"))
    if not all(type(counters.get(name)) is int for name in COUNTERS):
        raise Unfit("a counter is missing")
    done, total = 0, count_records(connection)
    for kind, layout in LAYOUTS.items():
        records: list[Record] = []
        for chunk in layout.read(connection):
            records += chunk
            done += len(chunk)
            progress(done, total)
        if any(record.rev > counters["rev"] for record in records):
            raise Unfit(f"a revision in {layout.table} is above that of the latest change, {counters['rev']}")
        tables.fill(kind, records, counters[layout.highest])
    tables.start_at(counters["rev"])


def count_records(connection: sqlite3.Connection, kinds: Iterable[type[Record]] = KINDS) -> int:
    """Give how many records of these kinds there are."""
    selects = (f'SELECT count(*) FROM "{LAYOUTS[kind].table}"{where_there(connection, kind)}' for kind in kinds)
    return sum(connection.execute(select).fetchone()[0] for select in selects)


def copy(source: Path, target: Path, progress: Progress = unheard) -> None:
    """Copy what is committed now to a new file, which is whole as soon as it has its name. Raise `StoreError`.

    Others may write to the source meanwhile.
    """
    if target.exists():
        raise StoreError(f"{target} exists already")
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL, 0o600))
        with (
            closing(connect_to_read(source)) as reading,
            closing(sqlite3.connect(part)) as writing,
            open(part, "rb+") as written,
        ):

            def told(_: int, left: int, total: int) -> None:
                os.fsync(written)  # a little at a time: whoever commits meanwhile waits for what the disk has to do before
                progress(total - left, total)

            reading.backup(writing, pages=CHUNK // 10, progress=told)
            writing.execute("PRAGMA journal_mode = delete")  # so that it can be read where nothing can be written
        _take_name(part, target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{target} cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def problems(connection: sqlite3.Connection) -> list[str]:
    """Tell what SQLite finds wrong with the file."""
    try:
        found = [" ".join(line.split()) for [line] in connection.execute("PRAGMA integrity_check") if line != "ok"]
        for table, id, other, _ in connection.execute("PRAGMA foreign_key_check"):
            found.append(f"row {id} of {table} refers to one of {other} that is not there")
    except sqlite3.Error as error:
        return [str(error)]
    return found


def checkpoint(connection: sqlite3.Connection, how: str, wait: bool = False) -> bool:
    """Take what lies beside the file into it, and tell whether that is all of it: it is not while another program reads.

    Only with `wait` that program is waited for, some seconds.
    """
    if not wait:
        connection.execute("PRAGMA busy_timeout = 0")
    try:
        busy, there, taken = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000:.0f}")
    return not busy and there == taken
