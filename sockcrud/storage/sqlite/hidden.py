"""Rows in the file of the SQLite store that are no records: of an import that has not happened, or
of what has gone.

Counters tell which these are. The ones of an import have its first revision, or a later one. What
has gone with all that goes with it is under a mark, the id of the record, until the last of its
rows is gone, too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from sockcrud.records import Record, describe

STAGED: Final = "staged"
"""The counter that is the first revision of an import under way, where there is one: what has it,
or more, is not there yet.
"""

_GONE: Final = "gone from "
"""How the counters begin that are the id of a record that has gone with all that goes with it; its
table follows.
"""


def gone_from(kind: type[Record]) -> str:
    """Return the counter of a record of this kind that has gone."""
    return _GONE + describe(kind).table


def _counter(connection: sqlite3.Connection, name: str) -> int | None:
    row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
    return row[0] if row is not None and type(row[0]) is int else None


def where_there(connection: sqlite3.Connection, kind: type[Record]) -> str:
    """Return the condition under which a row is a record: empty where all are."""
    staged = _counter(connection, STAGED)
    conditions = [f'"rev" < {staged}'] if staged else []
    referring = {name: reference.kind for name, reference in describe(kind).references.items()}
    for name, other in {"id": kind, **referring}.items():
        if (gone := _counter(connection, gone_from(other))) is not None:
            conditions.append(f'"{name}" <> {gone}')
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def mark_cleared(connection: sqlite3.Connection, kind: type[Record]) -> None:
    """Have the rows of what was marked as gone be gone, too."""
    connection.execute("DELETE FROM counters WHERE name = ?", (gone_from(kind),))


def mark_staged(connection: sqlite3.Connection, rev: int) -> None:
    """Let this be the first revision of an import under way; 0 for none."""
    connection.execute("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", (STAGED, rev))


def drop_hidden(connection: sqlite3.Connection) -> None:
    """Delete the rows that are no records, of whatever kind, those included that nobody uses
    now.
    """
    tables = [table for [table] in connection.execute('SELECT "table" FROM kinds')]
    if staged := _counter(connection, STAGED):
        for table in tables:
            connection.execute(f'DELETE FROM "{table}" WHERE "rev" >= ?', (staged,))
        mark_staged(connection, 0)
    marks = connection.execute(
        "SELECT name, value FROM counters WHERE name GLOB ?", (_GONE + "*",)
    ).fetchall()
    for name, id in marks:
        gone = name.removeprefix(_GONE)
        for table in tables:
            for field, to in references(connection, table):
                if to == gone:
                    connection.execute(f'DELETE FROM "{table}" WHERE "{field}" = ?', (id,))
        connection.execute(f'DELETE FROM "{gone}" WHERE "id" = ?', (id,))
        connection.execute("DELETE FROM counters WHERE name = ?", (name,))


def references(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str]]:
    """Yield the columns of a table that refer to another one, and which."""
    for _, _, to, field, *_ in connection.execute(f'PRAGMA foreign_key_list("{table}")').fetchall():
        yield field, to
