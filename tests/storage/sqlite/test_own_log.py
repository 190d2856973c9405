# mypy: allow-untyped-calls
"""What lies beside a store's file after a crash is taken in where it is the file's own, and whole;
else the start says so.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

from twisted.internet.task import Clock

from sockcrud.apps.messages.records import Message
from sockcrud.apps.users.records import User
from sockcrud.errors import Unavailable
from sockcrud.storage.common import StoreError, unheard
from sockcrud.storage.sqlite import log_mark
from sockcrud.storage.sqlite.check import opened_to_read
from sockcrud.storage.sqlite.file import copy
from sockcrud.storage.sqlite.guard import Guard
from sockcrud.storage.sqlite.restore import Restored, restore
from sockcrud.storage.sqlite.thread import TIDY_SECONDS
from tests.storage.sqlite.sqlite_case import SqliteCase, rows, settled
from tests.storage.store_case import a_user
from tests.support.model import STANDARD


class CrashedCase(SqliteCase):
    """A store that is being written to, and what a crash would leave of it."""

    def setUp(self) -> None:
        super().setUp()
        self.add(3)
        self.crashed = self.directory / "crashed.db"

    def add(self, count: int) -> None:
        for _ in range(count):
            self.settle(self.store.insert(Message, data="x" * 1_000))

    def crash(self) -> None:
        """Leave what is on the disk now, as the file `crashed`; the store itself goes on."""
        for more in ("", "-wal"):
            if Path(f"{self.path}{more}").exists():
                shutil.copyfile(f"{self.path}{more}", f"{self.crashed}{more}")

    def messages_of(self, path: Path) -> int:
        """Open a store, and return how many messages it has."""
        store = self.open(path)
        try:
            return settled(store.count(Message))
        finally:
            settled(store.close())

    def reason(self, path: Path) -> str:
        """Return why a store is refused, by a daemon and by the commands, in one line that names
        the way out.
        """
        before = self.contents(path)
        reason = str(self.assertRaises(StoreError, self.open, path))
        self.assertNotIn("\n", reason)
        self.assertIn(f"sockcrud restore BACKUP {path}", reason)
        self.assertTrue(self.contents(path) == before)
        return reason

    def contents(self, path: Path) -> list[bytes]:
        return [
            each.read_bytes()
            for each in (path, Path(f"{path}-wal"))
            if each.exists() and each.stat().st_size
        ]

    def restored(self, backup: Path, target: Path) -> Restored:
        return restore(backup, target, STANDARD, unheard)


class OwnLogTests(CrashedCase):
    """The start says what it has found."""

    def test_a_log_of_its_own_is_taken_in(self) -> None:
        self.crash()
        self.assertGreater(log_mark.log_size(self.crashed), 0)
        self.assertEqual(self.messages_of(self.crashed), 3)
        self.assertEqual(
            rows(self.crashed, "SELECT name FROM counters WHERE name GLOB 'log *'"), []
        )

    def test_a_crash_at_any_point_before_the_first_change_is_none(self) -> None:
        settled(self.store.close())
        writes: list[str] = []
        real = Guard._mark

        def mark(
            guard: Guard, connection: sqlite3.Connection, token: int, missing: int = 0
        ) -> None:
            self.crash()  # marked in the log, and in the file, but for the last
            writes.append(str(self.messages_of(self.crashed)))
            real(guard, connection, token, missing)

        self.store = self.open(self.path)
        with mock.patch.object(Guard, "_mark", mark):
            self.add(1)
        self.assertEqual(writes, ["3"])

    def test_the_log_of_what_a_backup_was_copied_over(self) -> None:
        settled(self.store.close())
        cold = self.directory / "cold.db"
        shutil.copyfile(self.path, cold)
        self.store = self.open(self.path)
        self.add(20)
        hot, by_shell, vacuumed = (
            self.directory / f"{name}.db" for name in ("hot", "shell", "vacuumed")
        )
        copy(self.path, hot)
        with (
            closing(sqlite3.connect(self.path)) as shell,
            closing(sqlite3.connect(by_shell)) as target,
        ):
            shell.backup(target)
            shell.execute("VACUUM INTO ?", (str(vacuumed),))
        self.add(20)
        for backup, messages in ((cold, 3), (hot, 23), (by_shell, 23), (vacuumed, 23)):
            with self.subTest(backup.name):
                self.crash()
                shutil.copyfile(backup, self.crashed)
                self.assertIn("holds changes of another file", self.reason(self.crashed))
                with (
                    self.assertRaisesRegex(StoreError, "another file"),
                    opened_to_read(self.crashed, STANDARD),
                ):
                    pass
                self.assertEqual(self.restored(backup, self.crashed).records, messages)
                self.assertEqual(self.messages_of(self.crashed), messages)
                self.assertEqual(self.messages_of(backup), messages)

    def test_a_log_that_was_taken_away(self) -> None:
        self.crash()
        Path(f"{self.crashed}-wal").unlink()
        self.assertIn("with its latest changes, is gone", self.reason(self.crashed))
        done = self.restored(self.crashed, self.crashed)
        self.assertIn("is gone", str(done.note))
        self.assertEqual(self.messages_of(self.crashed), 0)

    def test_but_not_one_that_another_program_has_taken_in(self) -> None:
        self.crash()
        self.assertEqual(rows(self.crashed, "SELECT count(*) FROM messages"), [(3,)])
        self.assertFalse(Path(f"{self.crashed}-wal").exists())
        self.assertEqual(self.messages_of(self.crashed), 3)

    def test_nor_one_that_nothing_was_in(self) -> None:
        settled(self.store.close())
        self.store = self.open(self.path)
        self.store._wal._reactor = clock = Clock()
        self.add(1)
        for _ in range(3):
            clock.advance(TIDY_SECONDS)
            self.settle(self.all_done())
        self.assertEqual(log_mark.log_size(self.path), 0)
        self.crash()
        Path(f"{self.crashed}-wal").unlink()
        self.assertEqual(self.messages_of(self.crashed), 4)
        self.add(1)
        self.crash()
        Path(f"{self.crashed}-wal").unlink()
        self.reason(self.crashed)

    async def all_done(self) -> None:
        await self.store._ask(lambda connection: None)

    def test_a_copy_of_the_file_alone_while_it_is_written_to(self) -> None:
        shutil.copyfile(self.path, self.crashed)
        self.assertIn("is gone", self.reason(self.crashed))

    def test_an_empty_file_in_the_place_of_a_store(self) -> None:
        self.crashed.touch()
        self.assertIn("is empty, and no store", self.reason(self.crashed))

    def test_a_store_at_whose_start_another_program_reads(self) -> None:
        settled(self.store.close())
        with closing(sqlite3.connect(self.path)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()
            self.store = self.open(self.path)
            self.add(2)
            self.crash()
        self.assertEqual(self.messages_of(self.crashed), 5)

    def test_what_somebody_writes_between_the_start_and_the_first_change(self) -> None:
        settled(self.store.close())
        self.store = self.open(self.path)
        rows(self.path, "DELETE FROM messages WHERE id = 1")
        with self.assertRaises(Unavailable):
            self.add(1)
        self.assertIn("another program has written to it", self.reasons[0])

    def test_a_row_that_is_not_there_to_be_changed(self) -> None:
        self.settle(self.store.insert(User, **a_user()))
        rows(self.path, "DELETE FROM users")
        with mock.patch.object(Guard, "_data_version", lambda guard, connection: guard._version):
            with self.assertRaises(Unavailable):
                self.settle(self.store.update(User, 1, age=3))
            self.assertIn("users has 0 of 1 rows that were to be changed", self.reasons[0])


class RestoreTests(CrashedCase):
    """A backup in the place of a store, which is kept."""

    def test_what_was_there_is_kept_with_what_a_crash_has_left_beside_it(self) -> None:
        backup = self.directory / "backup.db"
        copy(self.path, backup)
        self.add(2)
        for name in ("crashed.db-replaced", "crashed.db-replaced-2"):
            self.crash()
            done = self.restored(backup, self.crashed)
            self.assertEqual((done.records, done.revision, done.note), (3, 3, None))
            self.assertEqual(done.kept, self.directory / name)
            self.assertEqual(self.messages_of(self.crashed), 3)
            self.assertEqual(self.messages_of(self.directory / name), 5)

    def test_a_store_that_was_crashed_is_a_backup_too(self) -> None:
        self.crash()
        done = self.restored(self.crashed, self.directory / "new.db")
        self.assertEqual((done.records, done.kept, done.note), (3, None, None))
        self.assertEqual(self.messages_of(self.directory / "new.db"), 3)

    def test_a_log_beside_nothing_is_kept_too(self) -> None:
        self.crash()
        self.crashed.rename(self.directory / "moved.db")
        done = self.restored(self.path, self.crashed)
        self.assertEqual(self.messages_of(self.crashed), 3)
        self.assertTrue(Path(f"{done.kept}-wal").exists())

    def test_what_is_no_sound_backup_changes_nothing(self) -> None:
        bad = self.directory / "bad.db"
        copy(self.path, bad)
        rows(bad, "UPDATE messages SET rev = 0 WHERE id = 2")
        other, empty = self.directory / "other.db", self.directory / "empty.db"
        rows(other, "CREATE TABLE things (id)")
        empty.touch()
        self.crash()
        before = sorted(os.listdir(self.directory))
        for backup in (bad, other, empty, self.directory / "none.db"):
            with self.assertRaises(StoreError) as caught:
                self.restored(backup, self.crashed)
            self.assertIn(backup.name, str(caught.exception))
        self.assertEqual({*os.listdir(self.directory)} - {*before}, {"crashed.db-lock"})
        self.assertEqual(self.messages_of(self.crashed), 3)

    def test_not_in_the_place_of_a_store_that_is_in_use(self) -> None:
        with self.assertRaisesRegex(StoreError, "in use"):
            self.restored(self.path, self.path)
        self.add(1)
