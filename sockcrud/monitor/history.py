"""The history: an SQLite file of the monitor's own, bounded. Failures are kept longer than
successes.

`HistoryFile` blocks; `History` has it work in a thread, in the order it was asked.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sockcrud.monitor.checks.results import Result, State
from sockcrud.monitor.memory import DAY, HOUR, WEEK, Memory, hour_of

T = TypeVar("T")

LOCK_SECONDS: Final = 5.0
"""How long to wait for another process that has the file."""
_FORMAT: Final = 1
_APPLICATION: Final = 0x736D6F6E  # "smon", so that no other file is taken for a history

_TABLES: Final = f"""
CREATE TABLE results (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, dialect TEXT NOT NULL, state TEXT NOT NULL,
    seconds REAL NOT NULL, step TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX results_by_time ON results (state, at);
CREATE INDEX results_by_dialect ON results (dialect, at);
CREATE TABLE hours (
    dialect TEXT NOT NULL, hour INTEGER NOT NULL, good INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (dialect, hour)
) WITHOUT ROWID;
CREATE TABLE states (
    dialect TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
"""


class HistoryFault(Exception):
    """The history cannot be read or written, in one line."""


class _NoHistory(Exception):
    """The file is something else."""


@frozen
class Bounds:
    """What is kept: each success for a day, one in ten minutes for a week, failures for longer;
    never more than so many rows.

    Where there are too many rows, the oldest successes go first.
    """

    whole_seconds: int = DAY
    thinned_seconds: int = WEEK
    step_seconds: int = 600
    failure_seconds: int = 90 * DAY
    rows: int = 200_000


@frozen
class Past:
    """What a history tells at the start."""

    memories: Mapping[str, Memory]
    states: Mapping[str, tuple[State, float]]
    """The state each dialect had at last, and since when."""


class HistoryFile:
    """The file. Every method blocks, and raises `HistoryFault`."""

    def __init__(self, path: Path, bounds: Bounds | None = None) -> None:
        self._path = path
        self._bounds = bounds or Bounds()
        self._connection: sqlite3.Connection | None = None
        self._pruned_at = 0.0

    def load(self, now: float) -> Past:
        """Open the file, or make it, and return what it tells."""
        with self._transaction() as connection:
            memories: dict[str, Memory] = {}
            for dialect, hour, good, count in connection.execute(
                "SELECT dialect, hour, good, count FROM hours WHERE hour > ?",
                (hour_of(now) - WEEK // HOUR,),
            ):
                memories.setdefault(dialect, Memory()).count(hour, good, count)
            for dialect, at, seconds, state in connection.execute(
                "SELECT dialect, at, seconds, state FROM results WHERE at > ? AND at <= ? AND "
                "state <> ? ORDER BY at",
                (now - HOUR, now, State.UNKNOWN.value),
            ):
                memories.setdefault(dialect, Memory()).remember(at, seconds, State(state))
            for dialect, at, state, step, reason in connection.execute(
                "SELECT dialect, at, state, step, reason FROM results"
                " WHERE at > ? AND at <= ? AND state IN (?, ?) ORDER BY at",
                (now - WEEK, now, State.DOWN.value, State.DEGRADED.value),
            ):
                memory = memories.setdefault(dialect, Memory())
                memory.recall(at, State(state), step, reason)
            states = {
                dialect: (State(state), since)
                for dialect, state, since in connection.execute(
                    "SELECT dialect, state, since FROM states"
                )
            }
            return Past(memories, states)

    def add(
        self, results: Sequence[Result], states: Mapping[str, tuple[State, float]], now: float
    ) -> None:
        """Write results down, with the states of the dialects they are of, and let go of what is
        too old or too much.
        """
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO results (at, dialect, state, seconds, step, reason) VALUES (?, ?, "
                "?, ?, ?, ?)",
                [
                    (each.at, each.dialect, each.state.value, each.seconds, each.step, each.reason)
                    for each in results
                ],
            )
            connection.executemany(
                "INSERT INTO hours VALUES (?, ?, ?, 1)"
                " ON CONFLICT DO UPDATE SET good = good + excluded.good, count = count + 1",
                [
                    (each.dialect, hour_of(each.at), each.state is not State.DOWN)
                    for each in results
                    if each.state is not State.UNKNOWN
                ],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO states VALUES (?, ?, ?)",
                [(dialect, state.value, since) for dialect, (state, since) in states.items()],
            )
            self._prune(connection, now)

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the file in a transaction; where that fails, close it, so that the next one begins
        anew.
        """
        try:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
            connection.executescript(
                "PRAGMA incremental_vacuum"
            )  # `execute` would step it but once
        except (sqlite3.Error, OSError, ValueError, _NoHistory) as error:
            self.close()
            raise HistoryFault(f"the history {self._path}: {_reason(error)}") from None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(
                self._path,
                timeout=LOCK_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=20,
            )
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prune(self, connection: sqlite3.Connection, now: float) -> None:
        bounds = self._bounds
        if now - self._pruned_at >= bounds.step_seconds:
            self._pruned_at = now
            kept = {State.UP: bounds.thinned_seconds, State.UNKNOWN: bounds.thinned_seconds}
            for state in State:
                oldest = now - kept.get(state, bounds.failure_seconds)
                connection.execute(
                    "DELETE FROM results WHERE state = ? AND at <= ?", (state.value, oldest)
                )
            # Of the successes that are no longer kept whole, the slowest of each stretch stays.
            connection.execute(
                "DELETE FROM results WHERE state = :up AND at <= :whole AND id NOT IN (SELECT id "
                "FROM (SELECT id, max(seconds)"
                " FROM results WHERE state = :up AND at <= :whole GROUP BY dialect, CAST(at / "
                ":step AS INTEGER)))",
                {
                    "up": State.UP.value,
                    "whole": now - bounds.whole_seconds,
                    "step": bounds.step_seconds,
                },
            )
            connection.execute("DELETE FROM hours WHERE hour <= ?", (hour_of(now) - WEEK // HOUR,))
        (count,) = connection.execute("SELECT count(*) FROM results").fetchone()
        if count > bounds.rows:
            connection.execute(
                "DELETE FROM results WHERE id IN (SELECT id FROM results ORDER BY state IN (?, "
                "?) DESC, at LIMIT ?)",
                (State.UP.value, State.UNKNOWN.value, count - bounds.rows + bounds.rows // 20),
            )


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    elif (application, version) != (_APPLICATION, _FORMAT):
        raise _NoHistory(
            "it is no history of this monitor: name another file with --history, or take it away"
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 4194304")


def _reason(error: Exception) -> str:
    words = " ".join(str(getattr(error, "strerror", None) or error).split())
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return f"it is damaged ({words}); take it away, or name another with --history"
    return words


class Threads(Protocol):
    """Where blocking work is done: one work after the other."""

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Return what `work()` gives, or raise what it raises."""


class History:
    """The file, worked on in a thread. A fault is kept until a write succeeds, and logged when it
    begins and ends.
    """

    MOST_WAITING: Final = 1000
    _log = Logger()

    def __init__(self, file: HistoryFile, threads: Threads) -> None:
        self._file = file
        self._threads = threads
        self._waiting = 0
        self.fault = ""
        """Why the history cannot be written now; empty where it can."""

    async def load(self, now: float) -> Past:
        """Return what the history tells; with nothing where it cannot be read, which is a fault."""
        past: Past | None = await self._noted(lambda: self._file.load(now))
        return past or Past({}, {})

    async def add(
        self, results: Iterable[Result], states: Mapping[str, tuple[State, float]], now: float
    ) -> None:
        """Return when the results are written down, or cannot be. Never fails."""
        if self._waiting >= self.MOST_WAITING:
            self._is("the history is too slow: some results are not in it")
            return
        written, current = list(results), dict(states)
        await self._noted(lambda: self._file.add(written, current, now))

    async def close(self) -> None:
        """Return when all is written and the file is closed. Never fails."""
        await self._noted(self._file.close)

    async def _noted(self, work: Callable[[], Any]) -> Any:
        self._waiting += 1
        try:
            result = await self._threads.run(work)
        except HistoryFault as fault:
            self._is(str(fault))
            return None
        except Exception as error:
            self._is(f"the history: {error or type(error).__name__}")
            return None
        finally:
            self._waiting -= 1
        if work != self._file.close:
            self._is("")
        return result

    def _is(self, fault: str) -> None:
        if fault != self.fault:
            if fault:
                self._log.error("{fault}", fault=fault)
            else:
                self._log.info("the history is written again")
        self.fault = fault
