# mypy: allow-untyped-calls
"""After the first failure to write, the SQLite store acknowledges nothing any more."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Coroutine
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.apps.users.records import User
from sockcrud.errors import Unavailable
from sockcrud.storage.contract import ITransaction
from sockcrud.storage.sqlite import batch as sqlite_batch
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite import thread as sqlite_thread
from tests.storage.sqlite.sqlite_case import SqliteCase, all_of, settled, started
from tests.storage.store_case import a_user

Asked = Callable[[], Coroutine[Any, Any, Any]]


class FailStopTests(SqliteCase):
    """After the first failure to write nothing is acknowledged any more."""

    def questions(self) -> list[Asked]:
        async def read(transaction: ITransaction) -> int:
            return await transaction.count(User)

        return [
            lambda: self.store.get(User, 1),
            lambda: self.store.get(User, 99),
            lambda: self.store.find(Client, "email", "nobody"),
            lambda: self.store.page(User, 1),
            lambda: self.store.count(User),
            lambda: self.store.changes(0, 1),
            lambda: self.store.stream(User).__anext__(),
            lambda: self.store.transact(read),
            lambda: self.store.insert(User, **a_user()),
            lambda: self.store.update(User, 1, age=3),
            lambda: self.store.delete(User, 99),
            lambda: self.store.check(),
            lambda: self.store.copied(),
        ]

    def assert_all_refused(self) -> None:
        for question in self.questions():
            self.failureResultOf(started(question()), Unavailable)

    def assert_fails(self, failing: Any) -> None:
        """Check that a failure stops everything, is told once, and leaves what was acknowledged
        before.
        """
        self.settle(self.store.insert(User, **a_user()))
        with failing:
            waiting: list[Deferred[Any]] = [
                started(self.store.insert(User, **a_user())) for _ in range(3)
            ]
            waiting += [
                started(question())
                for question in (
                    lambda: self.store.get(User, 2),
                    lambda: self.store.page(User, 1),
                    lambda: self.store.count(User),
                    lambda: self.store.changes(0, 9),
                    lambda: self.store.stream(User).__anext__(),
                    lambda: self.store.delete(User, 99),
                )
            ]
            for fired in waiting:
                with self.assertRaises(Unavailable):
                    settled(all_of(fired))
        self.assert_all_refused()
        self.assertEqual(len(self.reasons), 1)
        self.assertNotIn("\n", self.reasons[0])
        self.assertIn(str(self.path), self.reasons[0])
        self.assertEqual(self.store.rev, 1)
        store = self.settle(self.opened_again())
        self.assertEqual(self.settle(store.count(User)), 1)
        self.assertEqual(self.settle(store.check()), [])
        self.assertEqual(len(self.reasons), 1)

    def test_a_failed_commit_stops_everything(self) -> None:
        self.assert_fails(
            mock.patch.object(
                sqlite_batch, "write_batch", side_effect=sqlite3.OperationalError("disk I/O error")
            )
        )
        self.assertIn("disk I/O error", self.reasons[0])

    def test_a_full_disk_stops_everything(self) -> None:
        def connect(path: Any) -> sqlite3.Connection:
            connection = sqlite_file_connect(path)
            connection.execute("PRAGMA max_page_count = 1")
            return connection

        sqlite_file_connect = sqlite_file.connect
        with mock.patch.object(sqlite_file, "connect", connect):
            store = self.store

            async def fill() -> None:
                while True:
                    await store.insert(Message, data="x" * 10_000)

            with self.assertRaises(Unavailable):
                settled(fill())
        self.assert_all_refused()
        [reason] = self.reasons
        self.assertIn("full", reason)

    def test_a_fault_of_ours_stops_everything_and_is_logged(self) -> None:
        self.assert_fails(
            mock.patch.object(sqlite_batch, "write_batch", side_effect=ZeroDivisionError)
        )
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_closed_store_answers_nothing_any_more(self) -> None:
        self.settle(self.store.insert(User, **a_user()))
        settled(self.store.close())
        self.assert_all_refused()
        self.assertEqual(self.reasons, [])

    def test_a_failed_checkpoint_stops_everything(self) -> None:
        self.settle(self.store.insert(User, **a_user()))
        failing = mock.patch.object(
            sqlite_file, "checkpoint", side_effect=sqlite3.OperationalError("disk I/O error")
        )
        with failing, mock.patch.object(sqlite_thread, "WRITES_BETWEEN_CHECKPOINTS", 3):
            self.settle(self.store.insert(User, **a_user()))
            with self.assertRaises(Unavailable):
                for _ in range(3):
                    self.settle(self.store.insert(User, **a_user()))
        self.assert_all_refused()
        self.assertEqual(len(self.reasons), 1)

    def test_a_file_that_has_gone_away_stops_everything(self) -> None:
        self.path.rename(self.directory / "elsewhere.db")
        with self.assertRaises(Unavailable):
            self.settle(self.store.insert(User, **a_user()))
        self.assertEqual(len(self.reasons), 1)

    def test_no_thread_to_be_had_stops_everything(self) -> None:
        with (
            mock.patch.object(
                threading.Thread, "start", side_effect=RuntimeError("can't start new thread")
            ),
            self.assertRaises(Unavailable),
        ):
            self.settle(self.store.insert(User, **a_user()))
        self.assertEqual(len(self.reasons), 1)
        self.flushLoggedErrors(RuntimeError)

    def test_a_value_that_could_not_be_read_again_is_refused_alone(self) -> None:
        bad: list[Asked] = [
            lambda: self.store.insert(User, **a_user(name="\ud800")),
            lambda: self.store.insert(User, **a_user(age="3")),
            lambda: self.store.insert(User, 2**63, **a_user()),
            lambda: self.store.update(User, 1, age=2**70),
        ]
        self.settle(self.store.insert(User, **a_user()))
        for question in bad:
            with self.assertRaises(ValueError):
                self.settle(question())
        self.settle(self.store.update(User, 1, age=31))
        self.assertEqual((self.store.rev, self.reasons), (2, []))
