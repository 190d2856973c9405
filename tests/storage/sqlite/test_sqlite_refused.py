# mypy: allow-untyped-calls
"""A file that is not as it should be is left alone, with one line that says why; an old one is
copied before it is changed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import unittest
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest import mock

from sockcrud.apps.users.records import User
from sockcrud.identity.records import Company
from sockcrud.storage.common import StoreError
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite.file import VERSION
from sockcrud.storage.sqlite.store import SqliteStore
from tests.storage.sqlite.sqlite_case import SqliteCase, fill, rows, settled
from tests.storage.store_case import NOON, a_user


class RefusedTests(SqliteCase):
    """A file that is not as it should be is refused in one line, and left as it is."""

    def setUp(self) -> None:
        super().setUp()
        self.settle(fill(self.store))
        self.settle(self.store.close())

    def assert_refused(self, said: str, path: Path | None = None) -> None:
        """Check that the file is refused, and neither it nor what lies beside it has changed; then
        that nothing is held.
        """
        path = path or self.path
        before = self.contents(path)
        for _ in range(2):
            with self.assertRaises(StoreError) as caught:
                self.open(path)
            line = str(caught.exception)
            self.assertRegex(line, said)
            self.assertNotIn("\n", line)
            self.assertIn(str(path), line)
        self.assertEqual(self.contents(path), before)

    def contents(self, path: Path) -> dict[str, bytes]:
        files = (Path(f"{path}{more}") for more in ("", "-wal"))
        return {
            file.name: file.read_bytes() for file in files if file.is_file() and file.stat().st_size
        }

    def spoil(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(f"PRAGMA ignore_check_constraints = 1; {statement}")

    def test_a_file_that_is_no_database(self) -> None:
        self.path.write_bytes(b"id,name\n1,Ana\n" * 1_000)
        self.assert_refused("file is not a database")

    def test_a_file_of_which_the_end_is_missing(self) -> None:
        self.path.write_bytes(self.path.read_bytes()[:20_000])
        self.assert_refused("malformed|damaged")

    def test_a_file_with_rubbish_in_any_page(self) -> None:
        whole = self.path.read_bytes()
        for start in range(4_096, len(whole), 4_096):
            self.path.write_bytes(whole[:start] + b"\xa5" * 4_096 + whole[start + 4_096 :])
            self.assert_refused("malformed|damaged")

    def test_another_database(self) -> None:
        other = self.directory / "other.db"
        with closing(sqlite3.connect(other)) as connection:
            connection.execute("CREATE TABLE things (id)")
        self.assert_refused("no store of sockcrud", other)

    def test_a_file_of_a_newer_version(self) -> None:
        self.spoil("UPDATE schema_version SET version = 99")
        self.assert_refused(
            f"newer sockcrud: its schema_version is 99, and this one knows {VERSION}"
        )

    def test_a_file_of_a_version_from_which_no_way_leads_here(self) -> None:
        self.spoil("UPDATE schema_version SET version = 0")
        self.assert_refused("no way leads from schema_version 0")

    def test_rows_that_do_not_fit_the_model(self) -> None:
        for statement, undo, said in (
            (
                "UPDATE users SET age = 151",
                "UPDATE users SET age = 30",
                "row 1 of users: age does not fit",
            ),
            (
                "UPDATE users SET age = 'x'",
                "UPDATE users SET age = 30",
                "row 1 of users: age does not fit",
            ),
            (
                "UPDATE users SET rev = 99",
                "UPDATE users SET rev = 1",
                "a revision in users is above",
            ),
            ("UPDATE users SET name = char(0)", "UPDATE users SET name = 'x'", "name does not fit"),
            ("UPDATE users SET name = CAST(x'ff' AS TEXT)", "UPDATE users SET name = 'x'", "UTF-8"),
            (
                "UPDATE sessions SET used_at = 'now'",
                f"UPDATE sessions SET used_at = '{NOON.isoformat()}'",
                "used_at does not",
            ),
            (
                "UPDATE sessions SET used_at = '2024-02-29'",
                f"UPDATE sessions SET used_at = '{NOON}'",
                "used_at does not",
            ),
            ("UPDATE products SET status = 2", "UPDATE products SET status = 1", "status does not"),
            (
                "UPDATE products SET price = 'NaN'",
                "UPDATE products SET price = '1.00'",
                "price does not",
            ),
            (
                "UPDATE accounts SET role = 'king'",
                "UPDATE accounts SET role = 'user'",
                "row 1 of accounts: role does not",
            ),
            (
                "UPDATE accounts SET login = 'bo'",
                "UPDATE accounts SET login = 'Ana'",
                "login_key is not what follows from login",
            ),
            (
                "UPDATE accounts SET company_id = 7",
                "UPDATE accounts SET company_id = 1",
                "Account records refer to Company 7",
            ),
            ("UPDATE users SET id = 7", "UPDATE users SET id = 1", "there is a User 7"),
            (
                "DELETE FROM counters WHERE name = 'rev'",
                "INSERT INTO counters VALUES ('rev', 10)",
                "a counter is missing",
            ),
            (
                "ALTER TABLE users RENAME COLUMN age TO years",
                "ALTER TABLE users RENAME COLUMN years TO age",
                "has a table users in the store that is not",
            ),
        ):
            with self.subTest(statement):
                self.spoil(statement)
                self.assert_refused(said)
                self.spoil(undo)
        self.settle(self.open(self.path).close())

    def test_a_file_is_left_alone_with_what_a_crash_has_left_beside_it(self) -> None:
        held = sqlite3.connect(self.path)
        held.execute("PRAGMA wal_autocheckpoint = 0")
        held.executescript("UPDATE users SET age = 151")
        for more in ("", "-wal"):
            shutil.copy(f"{self.path}{more}", f"{self.directory}/crashed.db{more}")
        held.close()
        self.assertEqual(len(self.contents(self.directory / "crashed.db")), 2)
        self.assert_refused("age does not fit", self.directory / "crashed.db")

    def test_what_a_crash_has_left_beside_a_file_that_is_gone(self) -> None:
        left = self.directory / "gone.db-wal"
        left.write_bytes(b"x")
        self.assert_refused(
            "-wal holds changes of a file that is not there", self.directory / "gone.db"
        )
        self.assertFalse((self.directory / "gone.db").exists())

    def test_but_not_where_it_is_empty(self) -> None:
        left = self.directory / "gone.db-wal"
        left.touch()
        settled(self.open(self.directory / "gone.db").close())

    def test_a_directory_that_is_none(self) -> None:
        with self.assertRaisesRegex(StoreError, "there is no directory"):
            self.open(self.directory / "none" / "store.db")
        self.assertFalse((self.directory / "none").exists())

    def test_a_path_that_is_a_directory(self) -> None:
        (self.directory / "sub").mkdir()
        self.assert_refused("not a regular file", self.directory / "sub")

    def test_what_is_no_regular_file_is_not_waited_for(self) -> None:
        os.mkfifo(self.directory / "fifo.db")
        self.assert_refused("not a regular file", self.directory / "fifo.db")
        for more in ("-wal", "-shm"):
            beside = Path(f"{self.path}{more}")
            beside.mkdir()
            self.assert_refused(f"{more} is not a regular file")
            beside.rmdir()

    def test_a_link_that_leads_to_itself(self) -> None:
        (self.directory / "a.db").symlink_to("b.db")
        (self.directory / "b.db").symlink_to("a.db")
        self.assert_refused("cannot be used as a store", self.directory / "a.db")

    def test_a_hash_that_is_damaged_is_not_shown(self) -> None:
        self.spoil("UPDATE accounts SET password_hash = CAST('$argon2id$secret' || x'ff' AS TEXT)")
        self.assert_refused("Could not decode to UTF-8 column 'password_hash'$")

    def as_somebody_else(self, check: Callable[[], None]) -> None:
        if os.geteuid():
            return check()
        os.seteuid(65_534)
        try:
            return check()
        finally:
            os.seteuid(0)

    @unittest.skipIf(os.name == "nt", "permissions are others there")
    def test_a_directory_where_nothing_may_be_written(self) -> None:
        self.directory.chmod(0o555)
        self.as_somebody_else(lambda: self.assert_refused_in("store.db-lock|new.db-lock"))
        self.directory.chmod(0o755)
        self.assertFalse((self.directory / "new.db").exists())

    def assert_refused_in(self, said: str) -> None:
        for name in ("store.db", "new.db"):
            with self.assertRaisesRegex(StoreError, f"({said}).*Permission denied"):
                self.open(self.directory / name)

    @unittest.skipIf(os.name == "nt", "permissions are others there")
    def test_a_file_that_may_not_be_written(self) -> None:
        for name in os.listdir(self.directory):
            (self.directory / name).chmod(0o666)
        self.directory.chmod(0o777)
        self.path.chmod(0o444)
        self.as_somebody_else(lambda: self.assert_refused("no permission to write"))


class MigrationTests(SqliteCase):
    """A file of an older version is copied, and then made one of this version: whole, or not at
    all.
    """

    def setUp(self) -> None:
        super().setUp()
        self.settle(fill(self.store))
        self.settle(self.store.close())
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(
                "ALTER TABLE users DROP COLUMN age; UPDATE schema_version SET version = 0"
            )
        self.before = self.path.read_bytes()

    def migrate(self, *statements: str) -> SqliteStore:
        def step(connection: sqlite3.Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        with mock.patch.dict(sqlite_file.MIGRATIONS, {0: step}):
            return self.open(self.path)

    def test_the_records_are_there_and_the_old_file_too(self) -> None:
        store = self.migrate("ALTER TABLE users ADD COLUMN age INTEGER NOT NULL DEFAULT 41")
        self.assertEqual(settled(store.get(User, 1)).age, 41)
        self.assertEqual(settled(store.insert(User, **a_user())).id, 2)
        settled(store.close())
        self.assertEqual(rows(self.path, "SELECT version FROM schema_version"), [(VERSION,)])
        old = self.directory / "store.db-version-0"
        self.assertEqual(rows(old, "SELECT version FROM schema_version"), [(0,)])
        self.assertEqual(rows(old, "SELECT name FROM users"), [("Ana",)])

    def test_one_that_fails_changes_nothing(self) -> None:
        failing: list[tuple[str, ...]] = [
            ("ALTER TABLE users ADD COLUMN years INTEGER", "no SQL"),
            ("ALTER TABLE users ADD COLUMN years INTEGER",),
            ("ALTER TABLE users ADD COLUMN age INTEGER NOT NULL DEFAULT 151",),
        ]
        for statements in failing:
            with self.assertRaises(StoreError):
                self.migrate(*statements)
            self.assertEqual(rows(self.path, "SELECT version FROM schema_version"), [(0,)])
            self.assertNotIn("years", str(rows(self.path, "SELECT sql FROM sqlite_master")))
            self.assertEqual([name for name in os.listdir(self.directory) if "version" in name], [])
        settled(
            self.migrate("ALTER TABLE users ADD COLUMN age INTEGER NOT NULL DEFAULT 41").close()
        )


class KeyTests(SqliteCase):
    """A file from before keys were normalized."""

    def setUp(self) -> None:
        super().setUp()
        self.settle(self.store.close())

    def hold(self, *names: str) -> None:
        """Let the file have companies of these names, as version 1 had them."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("DELETE FROM companies")
            for id, name in enumerate(names, 1):
                connection.execute(
                    "INSERT INTO companies VALUES (?, 1, ?, 1, ?)", (id, name, name.casefold())
                )
            highest = "UPDATE counters SET value = ? WHERE name IN ('rev', 'highest companies')"
            connection.execute(highest, (len(names),))
            connection.execute("UPDATE schema_version SET version = 1")
            connection.commit()

    def test_its_keys_are_made_anew(self) -> None:
        self.hold("ＡＣＭＥ", "STRASSE", "ﬁne", "ad\u00admin")
        store = self.open(self.path)
        for name in ("acme", "Straße", "FINE", "ＡＣＭＥ"):
            self.assertIsNotNone(settled(store.find(Company, "name", name)), name)
        self.assertIsNone(settled(store.find(Company, "name", "admin")))
        settled(store.close())
        self.assertEqual(rows(self.path, "SELECT version FROM schema_version"), [(VERSION,)])
        keys = rows(self.path, "SELECT name_key FROM companies ORDER BY id")
        self.assertEqual(keys, [("acme",), ("strasse",), ("fine",), ("ad\u00admin",)])

    def test_two_records_that_would_be_one_are_both_named_and_nothing_is_changed(self) -> None:
        self.hold("admin", "other", "ａｄｍｉｎ")
        error = str(self.assertRaises(StoreError, self.open, self.path))
        self.assertIn(
            "Company 1 and 3 have the same name now, 'admin' and "
            "'\\uff41\\uff44\\uff4d\\uff49\\uff4e'",
            error,
        )
        self.assertIn(
            "change one of them with the sockcrud that made the store, then start this one", error
        )
        self.assertEqual(rows(self.path, "SELECT version FROM schema_version"), [(1,)])
        self.assertEqual([name for name in os.listdir(self.directory) if "version" in name], [])
