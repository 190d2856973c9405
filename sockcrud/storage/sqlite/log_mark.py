"""Whether the log beside a store's file is the file's own, and whether it is there.

What was committed lies in the log, PATH-wal, until it is taken into the file. SQLite takes into a
file whatever log has the right name: that of the file which a backup was copied over, too. And
where a log was taken away it misses nothing.

So, from the first change on until the log is empty and nothing is written any more, file and log
have one token. The file has it where its schema cookie is, a number in its header that SQLite
itself makes another one in every copy of a file, so that a copy is never taken for what it is a
copy of. The log has it in a counter, whose page every commit writes:

    counter             in the file                     in the log
    log token           the token                       the token
    log token before    the cookie until then           0, once the file has the token
    log missing         1: without its log, the         0: who has read this has all
                        latest changes are missing

A store that was closed has none of the three.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sockcrud.storage.common import StoreError

_TOKEN: Final = "log token"
_BEFORE: Final = "log token before"
_MISSING: Final = "log missing"
_COOKIE_AT, _COOKIE_BYTES = 40, 4
_LEAST: Final = 2**16
"""Copies that SQLite makes have a cookie that is 1, or one more than that of the original."""


def write(connection: sqlite3.Connection, token: int, before: int = 0, missing: int = 0) -> None:
    """Write the mark, in a transaction that is under way. Where the token is 0 there is to be
    none.
    """
    if not token:
        connection.execute(
            "DELETE FROM counters WHERE name GLOB 'log *'"
        )  # writes nothing where there is none
        return
    values = ((_TOKEN, token), (_BEFORE, before), (_MISSING, missing))
    connection.executemany("INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)", values)


def write_new(connection: sqlite3.Connection, file: int) -> int:
    """Give the file a new token, in a transaction that is under way, and return it. It gets there
    with the next checkpoint.
    """
    token = _LEAST + secrets.randbelow(2**31 - _LEAST)
    write(connection, token, before=cookie(file), missing=1)
    connection.execute(f"PRAGMA schema_version = {token}")
    return token


def cookie(file: int) -> int:
    """Return the cookie that the file has in itself, without what lies beside it."""
    os.lseek(file, _COOKIE_AT, os.SEEK_SET)
    return int.from_bytes(os.read(file, _COOKIE_BYTES), "big")


def log_size(path: Path) -> int:
    """Return the length of the log beside the file, 0 where there is none."""
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


class LogIsAnothers(StoreError):
    """The log is not the file's own."""


class LogIsGone(StoreError):
    """The file has a log no more, and needs it."""


def require_own_log(connection: sqlite3.Connection, path: Path, file: int, log: int) -> int:
    """Return how long the log is that a daemon left, or is writing; raise `StoreError` where it is
    not the file's own, or gone.

    The connection was opened by the file's name, when the log was so long.
    """
    try:
        if not connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'counters'"
        ).fetchone()[0]:
            return 0
        there = dict(connection.execute("SELECT name, value FROM counters WHERE name GLOB 'log *'"))
    except sqlite3.DatabaseError:
        if log and is_sound_alone(path):
            raise of_another_file(path) from None
        raise
    token, before, missing = (there.get(name, 0) for name in (_TOKEN, _BEFORE, _MISSING))
    if not token:
        return 0
    own = cookie(file)
    if log and own not in (token, before):
        raise of_another_file(path)
    if not log and missing and own == token:
        raise LogIsGone(
            f"{path} was not closed in order, and {path}-wal, with its latest changes, is gone: "
            f"bring that back, or put a"
            f" backup in its place: sockcrud restore BACKUP {path} (BACKUP may be {path} itself: "
            f"what is gone stays gone)"
        )
    return log


def of_another_file(path: Path) -> StoreError:
    """Return why a file is not used with its log."""
    return LogIsAnothers(
        f"{path}-wal holds changes of another file, which {path} has taken the place of: to put "
        f"a backup in a store's place,"
        f" use sockcrud restore BACKUP {path} (BACKUP may be {path} itself: it is taken without "
        f"{path}-wal)"
    )


def is_sound_alone(path: Path) -> bool:
    """Return whether the file is a sound database without what lies beside it."""
    with suppress(sqlite3.Error), closing(connect_alone(path)) as connection:
        [sound] = connection.execute("PRAGMA quick_check(1)").fetchone()
        return bool(sound == "ok")
    return False


def connect_alone(path: Path) -> sqlite3.Connection:
    """Open a file to be read without what lies beside it. Nobody may write to it meanwhile."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
