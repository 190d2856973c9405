# mypy: allow-untyped-calls
"""Layouts to come, invented here: a file gets from one to the next whole, whenever its daemon is
killed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import unittest
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

from sockcrud.apps.shop.records import Address, Client
from sockcrud.storage.common import StoreError, unheard
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite.file import VERSION
from sockcrud.storage.sqlite.layout import LAYOUTS
from sockcrud.storage.sqlite.lock import FileLock
from tests.storage.sqlite.sqlite_case import SqliteCase, fill, records_of, rows, settled
from tests.support.model import STANDARD

KILLED = 9


def add_a_table(connection: sqlite3.Connection) -> None:
    connection.execute(
        'CREATE TABLE "notes" ("id" INTEGER PRIMARY KEY, "client_id" INTEGER NOT NULL REFERENCES '
        '"clients" ("id"))'
    )
    connection.execute("INSERT INTO notes SELECT id, id FROM clients")


def make_a_table_anew(connection: sqlite3.Connection) -> None:
    """Make one to which others refer."""
    connection.execute("CREATE TABLE kept AS SELECT * FROM clients")
    connection.execute("DROP TABLE clients")
    for statement in LAYOUTS[Client].statements:
        connection.execute(statement)
    connection.execute("INSERT INTO clients SELECT * FROM kept")
    connection.execute("DROP TABLE kept")


def change_the_counters(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE counters RENAME TO former")
    connection.execute(sqlite_file._SHARED[1])
    connection.execute("INSERT INTO counters SELECT * FROM former")
    connection.execute("DROP TABLE former")


def lose_a_row(connection: sqlite3.Connection) -> None:
    """Make the mistake of leaving a row out that others refer to: of a table that no kind has."""
    connection.execute("UPDATE notes SET client_id = 99")


STEPS: dict[int, Callable[[sqlite3.Connection], object]] = {
    VERSION: add_a_table,
    VERSION + 1: make_a_table_anew,
    VERSION + 2: change_the_counters,
}


class LayoutsToComeTests(SqliteCase):
    """A file of this version, and daemons of one that is three ahead."""

    def setUp(self) -> None:
        super().setUp()
        self.settle(fill(self.store))
        self.before = self.settle(records_of(self.store))
        self.settle(self.store.close())

    def ahead(self, steps: dict[int, Callable[[sqlite3.Connection], object]] = STEPS) -> Any:
        """Be a daemon of a version to come."""
        return mock.patch.multiple(
            sqlite_file, VERSION=VERSION + 3, MIGRATIONS={**sqlite_file.MIGRATIONS, **steps}
        )

    def version(self, path: Path) -> int:
        [[version]] = rows(path, "SELECT version FROM schema_version")
        return int(version)

    def copies(self, path: Path) -> list[str]:
        return sorted(each.name for each in path.parent.glob(f"{path.name}-version-*"))

    def assert_migrated(self, path: Path) -> None:
        with self.ahead():
            store = self.open(path)
            self.assertEqual(settled(records_of(store)), self.before)
            self.assertEqual(settled(store.check()), [])
            settled(store.close())
        self.assertEqual(self.version(path), VERSION + 3)
        self.assertEqual(self.copies(path), [f"store.db-version-{VERSION}"])
        self.assertEqual(self.version(path.with_name(f"store.db-version-{VERSION}")), VERSION)
        self.assertEqual(rows(path, "SELECT id, client_id FROM notes"), [(1, 1)])

    def test_an_older_daemon_refuses_it_after_that(self) -> None:
        self.assert_migrated(self.path)
        with self.assertRaisesRegex(
            StoreError, f"newer sockcrud: its schema_version is {VERSION + 3}"
        ):
            self.open(self.path)

    def test_a_step_that_breaks_a_reference_changes_nothing(self) -> None:
        for _ in range(2):
            with (
                self.ahead({**STEPS, VERSION + 2: lose_a_row}),
                self.assertRaisesRegex(StoreError, "row 1 of notes would refer"),
            ):
                self.open(self.path)
            self.assertEqual((self.version(self.path), self.copies(self.path)), (VERSION, []))
        self.assert_migrated(self.path)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_daemon_that_is_killed_at_any_step_leaves_one_or_the_other(self) -> None:
        at, killed, versions = 0, True, set[int]()
        while killed:
            at += 1
            path = self.directory / str(at) / "store.db"
            path.parent.mkdir()
            shutil.copyfile(self.path, path)
            with self.ahead():
                killed = self.killed_at(path, at)
                if (
                    killed
                ):  # once more at the same place, as where the system kills it for its memory
                    self.killed_at(path, at)
            versions.add(version := self.version(path))
            self.assertIn(version, (VERSION, VERSION + 3))
            self.assertLessEqual(len(self.copies(path)), 1)
            self.assert_migrated(path)
            shutil.rmtree(path.parent)
        self.assertGreater(at, 25)
        self.assertEqual(versions, {VERSION, VERSION + 3})

    def killed_at(self, path: Path, at: int) -> bool:
        """Load the file in a process that dies at a statement. Return whether it came to that."""
        if (child := os.fork()) == 0:
            try:
                real, left = sqlite_file.connect, at

                def count(statement: str) -> None:
                    nonlocal left
                    left -= 1
                    if not left:
                        os._exit(KILLED)

                def connect(path: Path) -> sqlite3.Connection:
                    connection = real(path)
                    connection.set_trace_callback(count)
                    return connection

                with mock.patch.object(sqlite_file, "connect", connect):
                    sqlite_file.load(FileLock(path), Tables(STANDARD, history=0), unheard)
                os._exit(0)
            except BaseException:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.assertIn(status, (0, KILLED))
        return status == KILLED

    def test_the_references_of_the_file_bind_as_before(self) -> None:
        self.assert_migrated(self.path)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA foreign_keys = 1")
            with self.assertRaises(sqlite3.IntegrityError), connection:
                connection.execute("DELETE FROM clients")
        self.assertEqual(
            rows(self.path, "PRAGMA foreign_key_list(addresses)")[0][2], LAYOUTS[Client].table
        )
        self.assertEqual(LAYOUTS[Address].table, "addresses")
