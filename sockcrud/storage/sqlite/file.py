"""The file of the SQLite store: how it is opened, made, migrated, filled, checked and copied.

Plain and synchronous, without a reactor: the store uses it in its threads, and commands that work
on the file as it lies.
"""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import chain, count
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from twisted.logger import Logger

from sockcrud.records import Record
from sockcrud.records.schema import Schema
from sockcrud.storage.capacity import MIB
from sockcrud.storage.common import Progress, StoreError, unheard
from sockcrud.storage.keys import SameKey
from sockcrud.storage.memory.limit import A_RECORD, memory_limit
from sockcrud.storage.memory.tables import Tables, Unfit
from sockcrud.storage.sqlite import log_mark
from sockcrud.storage.sqlite.hidden import drop_hidden
from sockcrud.storage.sqlite.kinds import (
    KINDS_TABLE,
    Plan,
    add_kinds,
    note_kinds,
    plan_for,
    referred_to,
    renew_keys,
    take_in,
)
from sockcrud.storage.sqlite.layout import CHUNK, LAYOUTS, count_records
from sockcrud.storage.sqlite.lock import FileLock
from sockcrud.storage.sync import sync_directory
from sockcrud.storage.taking_in import SchemaError

VERSION: Final = 3
"""Of what the store itself has in the file, beside the tables of the kinds. Whoever changes that
makes it one more, and adds the way to there to `MIGRATIONS`. What records declare needs no version:
`sqlite_kinds` compares it."""

CHECKPOINT_BYTES: Final = 8 * 2**20
"""The length of what is committed and lies beside the file, from which on it is taken into it. It
keeps its place on the disk up to this length. No more, because changes wait meanwhile: 64 MiB took
60 ms and more, and kept the disk from syncing."""

_log = Logger()

_PATIENCE: Final = 10.0
"""Seconds for another program, such as the `sqlite3` shell, to let go of the file."""


_SHARED: Final = (
    'CREATE TABLE "schema_version" ("version" INTEGER NOT NULL)',
    'CREATE TABLE "counters" ("name" TEXT PRIMARY KEY, "value" INTEGER NOT NULL) WITHOUT ROWID',
    KINDS_TABLE,
)

MIGRATIONS: Final[dict[int, Callable[[sqlite3.Connection], object]]] = {1: renew_keys, 2: add_kinds}
"""What makes the file of a version one of the next, in a transaction that is already under way.

1 had keys whose case was folded, but that were not normalized. 2 did not say which kinds it has.
"""


def counters(schema: Schema) -> tuple[str, ...]:
    """Return the names of the counters that there must be."""
    return "rev", *(LAYOUTS[kind].highest for kind in schema)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing, and make sure that a commit is on disk when it is done. Raise
    `StoreError`.
    """
    with _opened(path, "rw") as connection:
        # After a checkpoint of SQLite's own accord nobody hears that it failed: the store asks for
        # them.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_BYTES}")
        for name, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("fullfsync", 1),
        ):
            connection.execute(f"PRAGMA {name} = {value}")
            [got] = connection.execute(f"PRAGMA {name}").fetchone()
            if got != value:
                raise sqlite3.NotSupportedError(
                    f"{name} stays {got} and does not become {value}, so nothing would be durable"
                )
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file so that nothing in here can change it, and hold on to what is committed now.
    Raise `StoreError`.
    """
    with _opened(path, "ro") as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def connect_to_own(path: Path, file: int) -> tuple[sqlite3.Connection, int]:
    """Open the file as `connect_to_read` does, where its log is its own, and there.

    Return how many bytes of changes are in the log that a daemon has left, or is writing, too.
    Raise `StoreError`.
    """
    log = log_mark.log_size(path)
    try:
        connection = connect_to_read(path)
    except StoreError:
        if log and log_mark.is_sound_alone(path):
            raise log_mark.of_another_file(path) from None
        raise
    try:
        with _one_line(path):
            return connection, log_mark.require_own_log(connection, path, file, log)
    except BaseException:
        connection.close()
        raise


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    with _one_line(path):
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            uri, timeout=_PATIENCE, isolation_level=None, uri=True, check_same_thread=False
        )
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
    except (SchemaError, _TooLarge) as error:
        raise StoreError(f"{path}: {error}") from None
    except Unfit as unfit:
        raise StoreError(f"{path} is damaged: {unfit}") from None


@contextmanager
def paused_collector() -> Iterator[None]:
    """Have no garbage looked for: a million new records hold none, and it takes half as long as
    reading them.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def load(lock: FileLock, tables: Tables, progress: Progress) -> None:
    """Fill the tables from the file, which is made where there is none. Raise `StoreError`, with
    the file untouched.

    A file of an older version, or one whose tables are to be changed, is first copied beside
    itself.
    """
    path = lock.path
    if lock.file is None:
        _create(path, tables.schema)
        lock.hold_file()
    assert lock.file is not None
    if not os.fstat(lock.file).st_size:
        raise StoreError(
            f"{path} is empty, and no store: take it away for a new one, or put a backup in its "
            f"place: sockcrud restore BACKUP"
            f" {path}"
        )
    may_write = partial(
        os.access, mode=os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids
    )
    if not may_write(path) or not may_write(path.parent):
        raise StoreError(f"no permission to write to {path} and next to it")
    plan = None
    connection, left = connect_to_own(path, lock.file)
    with _one_line(path), closing(connection):
        if left:
            _log.info(
                "{path} was not closed in order: {left} bytes of changes beside it are taken in",
                path=path,
                left=left,
            )
        version = _version(connection, path)
        if version == VERSION:
            plan = plan_for(connection, tables.schema)
            if not plan.changes:
                _fill(connection, plan, tables, progress)
    if plan is None or plan.changes:
        _migrate(path, version, plan, tables, progress)
    _tidy(path, plan)


def _tidy(path: Path, plan: Plan | None) -> None:
    """Take away what is no record, which shows that it can be written to, and takes in what a crash
    has left beside it.
    """
    with _one_line(path), closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        log_mark.write(connection, token=0)
        drop_hidden(connection)
        if plan is not None:
            note_kinds(connection, plan.noted)
        connection.execute("COMMIT")


def _create(path: Path, schema: Schema) -> None:
    """Make an empty store. It has its name only once it is whole."""
    new = path.with_name(path.name + "-new")
    left = Path(f"{path}-wal")  # an empty one is left by whoever only reads
    if left.exists() and left.stat().st_size:
        raise StoreError(
            f"{path}-wal holds changes of a file that is not there: bring {path} back, or take "
            f"it away"
        )
    with _one_line(path):
        for more in ("", "-journal", "-wal", "-shm"):
            Path(f"{new}{more}").unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL, 0o600))
        with closing(connect(new)) as connection:
            statements = ";\n".join(chain(_SHARED, *(LAYOUTS[kind].statements for kind in schema)))
            connection.executescript(
                f"BEGIN;{statements};INSERT INTO schema_version VALUES ({VERSION});"
            )
            connection.executemany(
                "INSERT INTO counters VALUES (?, 0)", [(name,) for name in counters(schema)]
            )
            note_kinds(connection, schema)
            connection.execute("COMMIT")
        _take_name(new, path)


def _take_name(new: Path, path: Path) -> None:
    """Let a file that is whole have its name, for good."""
    with open(new, "rb+") as file:
        os.fsync(file)
    new.replace(path)
    sync_directory(path.parent)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a sound file's tables."""
    if not connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'"
    ).fetchone()[0]:
        raise StoreError(f"{path} is no store of sockcrud, but another SQLite database")
    if (sound := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise Unfit(" ".join(sound.split()))
    version: object = connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    if type(version) is not int:
        raise Unfit("its schema_version is no number")
    if version > VERSION:
        raise StoreError(
            f"{path} is from a newer sockcrud: its schema_version is {version}, and this one "
            f"knows {VERSION}"
        )
    return version


def _migrate(
    path: Path, version: int, plan: Plan | None, tables: Tables, progress: Progress
) -> None:
    """Make a file of an older version one of this, and its tables those of the schema, after a copy
    of it.
    """
    if not MIGRATIONS.keys() >= {*range(version, VERSION)}:
        raise StoreError(
            f"{path} cannot be used as a store: no way leads from schema_version {version} to "
            f"{VERSION}"
        )
    before = f"before-{plan.changes[0].__name__}" if plan is not None else f"version-{version}"
    copies = (
        path.with_name(f"{path.name}-{before}{more}")
        for more in chain([""], map("-{}".format, count(2)))
    )
    old = next(copy for copy in copies if not copy.exists() or _is_copy(copy, path))
    if (
        not old.exists()
    ):  # it does where a daemon was killed at this: one more at each start would fill the disk
        copy(path, old)
    try:
        with _one_line(path), closing(connect(path)) as connection:
            connection.execute(
                "PRAGMA foreign_keys = 0"
            )  # a table that is made anew is away for a moment
            connection.execute("BEGIN IMMEDIATE")
            for older in range(version, VERSION):
                MIGRATIONS[older](connection)
            log_mark.write(connection, token=0)
            drop_hidden(connection)
            take_in(connection, plan := plan_for(connection, tables.schema))
            connection.execute("UPDATE schema_version SET version = ?", (VERSION,))
            _fill(connection, plan, tables, progress)
            for table, id, other, _ in connection.execute(
                "PRAGMA foreign_key_check"
            ):  # of no app in use, too
                raise Unfit(f"row {id} of {table} would refer to one of {other} that is not there")
            connection.execute("COMMIT")
    except StoreError:
        # the file is what it was, and a daemon that is started again and again would fill the disk
        old.unlink()
        raise


def _is_copy(copy: Path, path: Path) -> bool:
    """Return whether a copy is of the file as it is now: each change shows in a counter, and each
    declaration as it is.
    """
    with (
        suppress(StoreError, sqlite3.Error),
        closing(connect_to_read(copy)) as one,
        closing(connect_to_read(path)) as other,
    ):
        asked = (
            "SELECT name, value FROM counters WHERE name NOT GLOB 'log *' ORDER BY name",
            "SELECT version FROM schema_version",
            "SELECT name, sql FROM sqlite_master ORDER BY name",
        )
        return all(one.execute(each).fetchall() == other.execute(each).fetchall() for each in asked)
    return False


def _fill(connection: sqlite3.Connection, plan: Plan, tables: Tables, progress: Progress) -> None:
    plan.check_rows(connection)
    there: dict[object, Any] = dict(connection.execute("SELECT name, value FROM counters"))
    if not all(type(there.get(name)) is int for name in counters(tables.schema)):
        raise Unfit("a counter is missing")
    done, total = 0, count_records(connection, tables.schema)
    _require_memory(total)
    for kind in tables.schema:
        layout, records = LAYOUTS[kind], list[Record]()
        for chunk in layout.read(connection):
            records += chunk
            done += len(chunk)
            progress(done, total)
        if max(map(attrgetter("rev"), records), default=0) > there["rev"]:
            raise Unfit(
                f"a revision in {layout.table} is above that of the latest change, {there['rev']}"
            )
        tables.fill(kind, records, there[layout.highest])
    tables.start_at(there["rev"])
    tables.unknown_kinds = plan.unknown
    for kind, id, name in referred_to(connection, plan):
        tables.hold(kind, id, name)


def _require_memory(records: int) -> None:
    """Raise `StoreError` where so many records do not fit into memory: the system would kill the
    process without a word.
    """
    least, there = records * A_RECORD, memory_limit()
    if there and least > there:
        raise _TooLarge(
            f"its {records:,} records take {least // MIB:,} MiB of memory at the least, and "
            f"there are {there // MIB:,} MiB:"
            " give it more, or use PostgreSQL, which does not keep them in memory"
        )


class _TooLarge(StoreError):
    """What a file holds is more than fits. Where it is has still to be said."""


def copy(source: Path, target: Path, progress: Progress = unheard) -> None:
    """Copy what is committed now to a new file, which is whole as soon as it has its name. Raise
    `StoreError`.

    Others may write to the source meanwhile.
    """
    if target.exists():
        raise StoreError(f"{target} exists already")
    with written_anew(target) as part, closing(connect_to_read(source)) as reading:
        copy_pages(reading, part, progress)


@contextmanager
def written_anew(target: Path) -> Iterator[Path]:
    """Have an empty file that is then, once it is whole, the target. Raise `StoreError`; half a
    file is taken away.
    """
    part = target.with_name(target.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL, 0o600))
        yield part
        _take_name(part, target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{target} cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def copy_pages(reading: sqlite3.Connection, part: Path, progress: Progress) -> None:
    """Copy what a connection sees to an empty file."""
    with closing(sqlite3.connect(part)) as writing, open(part, "rb+") as written:

        def report(_: int, left: int, total: int) -> None:
            os.fsync(
                written
                # a little at a time: whoever commits meanwhile waits for what the disk has to do
                # before
            )
            progress(total - left, total)

        reading.backup(writing, pages=CHUNK // 10, progress=report)
        writing.execute(
            "PRAGMA journal_mode = delete"
        )  # so that it can be read where nothing can be written


def problems(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite finds wrong with the file."""
    try:
        found = [
            " ".join(line.split())
            for [line] in connection.execute("PRAGMA integrity_check")
            if line != "ok"
        ]
        for table, id, other, _ in connection.execute("PRAGMA foreign_key_check"):
            found.append(f"row {id} of {table} refers to one of {other} that is not there")
    except sqlite3.Error as error:
        return [str(error)]
    return found


def checkpoint(connection: sqlite3.Connection, how: str, wait: bool = False) -> bool:
    """Take what lies beside the file into it, and tell whether that is all of it: it is not while
    another program reads.

    Only with `wait` that program is waited for, some seconds.
    """
    if not wait:
        connection.execute("PRAGMA busy_timeout = 0")
    try:
        busy, there, taken = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000:.0f}")
    return not busy and there == taken
