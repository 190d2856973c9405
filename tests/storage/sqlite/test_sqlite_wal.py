# mypy: allow-untyped-calls
"""What is committed and lies beside the file stays short, and who keeps it from that is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any
from unittest import mock

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from sockcrud.apps.messages.records import Message
from sockcrud.storage.contract import ITransaction
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite import thread as sqlite_thread
from sockcrud.storage.sqlite.log_mark import log_size
from sockcrud.storage.sqlite.thread import TIDY_SECONDS
from tests.storage.sqlite.sqlite_case import SqliteCase, rows

BOUND = 2**20
LONG = "\U0001f600" * 10_000
"""A message of 40 KB."""


class WriteAheadLogTests(SqliteCase):
    """The log beside the file."""

    def setUp(self) -> None:
        bounds = (
            (sqlite_file, "CHECKPOINT_BYTES"),
            (sqlite_thread, "CHECKPOINT_BYTES"),
            (sqlite_thread, "WAL_BYTES"),
        )
        for module, name in bounds:
            small = mock.patch.object(module, name, BOUND)
            small.start()
            self.addCleanup(small.stop)
        super().setUp()
        self.clock = Clock()
        self.store._wal._reactor = self.clock

    @property
    def size(self) -> int:
        return log_size(self.path)

    async def write(self, count: int) -> None:
        """Add and delete so many messages, one a commit."""
        for _ in range(count):
            message = await self.store.insert(Message, data=LONG)
            await self.store.delete(Message, message.id)
        await self.all_done()

    async def all_done(self) -> None:
        await self.store._ask(lambda connection: None)

    async def test_it_is_taken_in_before_it_is_long(self) -> None:
        longest = 0
        for _ in range(100):
            await self.write(1)
            longest = max(longest, self.size)
        self.assertLess(longest, BOUND + 500_000)

    async def test_it_is_short_again_after_a_long_transaction(self) -> None:
        async def many(transaction: ITransaction) -> None:
            for _ in range(100):
                await transaction.insert(Message, data=LONG)

        await self.store.transact(many)
        self.assertGreater(self.size, 3 * BOUND)
        await self.write(2)
        self.assertLessEqual(self.size, BOUND + 500_000)

    async def test_it_goes_when_nothing_is_written_any_more(self) -> None:
        await self.write(3)
        self.assertGreater(self.size, 0)
        self.clock.advance(TIDY_SECONDS)
        await self.write(1)
        self.clock.advance(TIDY_SECONDS)
        await self.all_done()
        self.assertGreater(self.size, 0)
        for _ in range(3):
            self.clock.advance(TIDY_SECONDS)
            await self.all_done()
        self.assertEqual((self.size, self.clock.getDelayedCalls()), (0, []))
        self.assertEqual(rows(self.path, "SELECT count(*) FROM messages"), [(0,)])

    async def test_who_keeps_it_from_being_taken_in_is_told_of_once(self) -> None:
        with closing(sqlite3.connect(self.path)) as reader, capturedLogs() as logged:
            await self.write(1)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()
            await self.write(60)
            self.assertGreater(self.size, 2 * BOUND)
            self.assertEqual(self.told(logged, LogLevel.warn), 1)
            reader.rollback()
            await self.write(20)
            self.assertLessEqual(self.size, BOUND + 500_000)
            self.assertEqual(
                (self.told(logged, LogLevel.warn), self.told(logged, LogLevel.info)), (1, 1)
            )

    async def test_a_reader_that_ends_when_nothing_is_written_any_more_leaves_nothing_behind(
        self,
    ) -> None:
        with closing(sqlite3.connect(self.path)) as reader:
            await self.write(1)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()
            await self.write(30)
            for _ in range(3):
                self.clock.advance(TIDY_SECONDS)
                await self.all_done()
            self.assertGreater(self.size, BOUND)
            reader.rollback()
            for _ in range(3):
                self.clock.advance(TIDY_SECONDS)
                await self.all_done()
            self.assertEqual(self.size, 0)

    def told(self, logged: Any, level: Any) -> int:
        return sum(
            event["log_level"] == level and "wal" in event.get("log_format", "") for event in logged
        )
