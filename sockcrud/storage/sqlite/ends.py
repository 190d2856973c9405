"""An SQLite file as an end of a move."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sockcrud.records import Record
from sockcrud.records.schema import Schema
from sockcrud.storage.common import StoreError, unheard
from sockcrud.storage.contract import Counters
from sockcrud.storage.memory.tables import Tables, Unfit
from sockcrud.storage.moving import TOGETHER, Slices
from sockcrud.storage.sqlite.check import opened_to_read
from sockcrud.storage.sqlite.file import checkpoint, connect, load
from sockcrud.storage.sqlite.layout import LAYOUTS, count_records
from sockcrud.storage.sqlite.lock import FileLock, real_path


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Blame this file for what cannot be read or written, whichever the other end is."""
    try:
        yield
    except Unfit as unfit:
        raise StoreError(f"{path} is damaged: {unfit}") from None
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be used: {error}") from None


class _File:
    """What both ends have."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        kinds: tuple[type[Record], ...],
        connection: sqlite3.Connection,
    ) -> None:
        self.path = path
        self.schema = schema
        self.kinds = kinds
        self.connection = connection

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def counters(self) -> Counters:
        with _blaming(self.path):
            values: dict[object, Any] = dict(
                self.connection.execute("SELECT name, value FROM counters")
            )
            if not all(
                type(values.get(name)) is int
                for name in ("rev", *(LAYOUTS[kind].highest for kind in self.kinds))
            ):
                raise Unfit("a counter is missing")
            return Counters(
                values["rev"], {kind: values[LAYOUTS[kind].highest] for kind in self.kinds}
            )

    def size(self, kind: type[Record]) -> int:
        with _blaming(self.path):
            return count_records(self.connection, (kind,))

    def read(self, kind: type[Record]) -> Slices:
        with _blaming(self.path):
            yield from LAYOUTS[kind].read(self.connection, TOGETHER)


class SqliteSource(_File):
    """The records in a file. It keeps no history from one start of a daemon to the next."""

    unknown_kinds: tuple[str, ...] = ()

    def history(self) -> Iterator[bytes]:
        return iter(())


class SqliteTarget(_File):
    """A file that is filled in one transaction."""

    def clear(self) -> None:
        with _blaming(self.path):
            for kind in reversed(self.kinds):  # what refers to others before them
                self.connection.execute(f'DELETE FROM "{LAYOUTS[kind].table}"')

    def write(self, kind: type[Record], records: Sequence[Record]) -> None:
        with _blaming(self.path):
            LAYOUTS[kind].write(self.connection, [(None, record) for record in records])

    def count_on(self, counters: Counters, history: Iterable[bytes]) -> None:
        """The history is not kept: a daemon on a file knows the changes since its start."""
        values = [
            (counters.rev, "rev"),
            *((id, LAYOUTS[kind].highest) for kind, id in counters.highest.items()),
        ]
        with _blaming(self.path):
            self.connection.executemany("UPDATE counters SET value = ? WHERE name = ?", values)

    def keep(self) -> None:
        with _blaming(self.path):
            self.connection.execute("COMMIT")
        checkpoint(self.connection, "TRUNCATE", wait=True)


@contextmanager
def source(path: Path, schema: Schema, alone: bool = True) -> Iterator[SqliteSource]:
    """Have a store to read from, as it is now, which no daemon has open until the end if it is to
    be `alone`.

    Raise `StoreError` where that cannot be.
    """
    with ExitStack() as stack:
        file = real_path(path)
        if alone and os.access(file.parent, os.W_OK) and file.is_file():
            stack.callback(FileLock(file).release)
        opened = stack.enter_context(opened_to_read(path, schema))
        given = SqliteSource(path, schema, opened.kinds, opened.connection)
        given.unknown_kinds = opened.unknown_kinds
        yield given


@contextmanager
def target(path: Path, schema: Schema) -> Iterator[SqliteTarget]:
    """Have a store to fill, which is made where there is none. One that was made is taken away
    unless it is kept.
    """
    with ExitStack() as stack:
        file = real_path(path)
        lock = FileLock(file)
        stack.callback(lock.release)
        is_new = lock.file is None
        load(lock, Tables(schema, history=0), unheard)
        kept = False
        try:
            with closing(connect(file)) as connection:
                with _blaming(path):
                    connection.execute("BEGIN IMMEDIATE")
                yield SqliteTarget(path, schema, schema.kinds, connection)
                kept = not connection.in_transaction
        finally:
            if is_new and not kept:
                for more in ("", "-wal", "-shm"):
                    with suppress(OSError):
                        Path(f"{file}{more}").unlink(missing_ok=True)
