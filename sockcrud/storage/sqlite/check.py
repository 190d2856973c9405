"""A store's file as it lies, read beside whoever has it open: what is wrong with it, and all of its
records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from sockcrud.records import Record
from sockcrud.records.schema import Schema
from sockcrud.storage.common import Progress, StoreError
from sockcrud.storage.memory.tables import Unfit
from sockcrud.storage.sqlite.file import VERSION, connect_to_own, problems
from sockcrud.storage.sqlite.hidden import where_there
from sockcrud.storage.sqlite.kinds import plan_for
from sockcrud.storage.sqlite.layout import LAYOUTS, Layout, count_records
from sockcrud.storage.taking_in import SchemaError
from sockcrud.storage.weights import SLICE


@frozen
class StoreFile:
    """A file that is read: the kinds of a schema that it has, and the names of those that it has
    besides.
    """

    connection: sqlite3.Connection
    kinds: tuple[type[Record], ...]
    unknown_kinds: tuple[str, ...]


@contextmanager
def opened_to_read(path: Path, schema: Schema) -> Iterator[StoreFile]:
    """Hold on to what is committed now. Raise `StoreError`, in one line, where it is no store of
    this version, or damaged.
    """
    if not path.is_file():
        raise StoreError(f"there is no store {path}")
    # Open until SQLite has closed it: with the first of a process to be closed go the locks that
    # this process has on the file.
    with path.open("rb") as file, closing(connect_to_own(path, file.fileno())[0]) as connection:
        try:
            if not connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'"
            ).fetchone()[0]:
                raise StoreError(f"{path} is no store of sockcrud, but another SQLite database")
            [version] = connection.execute("SELECT max(version) FROM schema_version").fetchone()
            if version != VERSION:
                older = type(version) is int and version < VERSION
                cure = "start the daemon on it once" if older else "use the sockcrud that made it"
                raise StoreError(
                    f"{path} has schema_version {version}, and this sockcrud reads {VERSION}: "
                    f"{cure}"
                )
            plan = plan_for(connection, schema)
            if plan.changed:
                kinds = ", ".join(kind.__name__ for kind in plan.changed)
                raise StoreError(
                    f"{path} has {kinds} as declared before: start the daemon on it once"
                )
            yield StoreFile(
                connection, tuple(kind for kind in schema if kind not in plan.new), plan.unknown
            )
        except SchemaError as error:
            raise StoreError(f"{path}: {error}") from None
        except (sqlite3.Error, Unfit) as error:
            raise StoreError(f"{path} is damaged: {error}") from None


def latest_revision(file: StoreFile) -> int:
    """Return the revision of the last change."""
    [revision] = file.connection.execute(
        "SELECT max(value) FROM counters WHERE name = 'rev'"
    ).fetchone()
    return revision if type(revision) is int else 0


def read_records(
    file: StoreFile, kinds: Iterable[type[Record]], progress: Progress
) -> Iterator[list[Record]]:
    """Yield all records that the file has of these kinds, one kind after the other, in slices; tell
    how far this is.
    """
    there = [kind for kind in kinds if kind in file.kinds]
    done, total = 0, count_records(file.connection, there)
    for kind in there:
        for records in LAYOUTS[kind].read(file.connection, SLICE):
            yield records
            done += len(records)
            progress(done, total)


def faults(file: StoreFile, progress: Progress) -> list[str]:
    """Return what is wrong, a line each: the file's pages and indexes, references, each record, the
    counters.

    Of kinds that are not in the schema the records are not looked at, but the rest is.
    """
    connection = file.connection
    found = problems(connection)
    try:
        counters: dict[object, Any] = dict(connection.execute("SELECT name, value FROM counters"))
        done, total = 0, count_records(connection, file.kinds)
    except sqlite3.Error as error:
        return [*found, str(error)]
    for layout in map(LAYOUTS.__getitem__, file.kinds):
        try:
            for records in layout.read(connection, SLICE):
                done += len(records)
                progress(done, total)
            found += _behind(counters, layout, connection)
        except (sqlite3.Error, Unfit) as error:
            found.append(str(error))
    return found


def _behind(
    counters: dict[object, Any], layout: Layout, connection: sqlite3.Connection
) -> Iterator[str]:
    there = where_there(connection, layout.kind)
    [[highest, rev]] = connection.execute(
        f'SELECT max("id"), max("rev") FROM "{layout.table}"{there}'
    )
    for name, least in ((layout.highest, highest), ("rev", rev)):
        if type(counters.get(name)) is not int:
            yield f"the counter {name!r} is missing"
        elif least is not None and least > counters[name]:
            yield f"the counter {name!r} is {counters[name]}, behind {least} in {layout.table}"
