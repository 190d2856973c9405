# mypy: allow-untyped-calls
"""A disk that is nearly full: nothing is added, but logins, reads and deletes go on, until there is
room again.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from sockcrud.apps.messages.records import Message
from sockcrud.apps.users.records import User
from sockcrud.errors import QuotaExceeded
from sockcrud.identity.records import Account, Company, Session
from sockcrud.storage.capacity import MIB
from sockcrud.storage.sqlite import room
from sockcrud.storage.sqlite.room import LOOK_SECONDS
from tests.storage.sqlite.sqlite_case import SqliteCase
from tests.storage.store_case import a_company, a_session, a_user, an_account


class DiskRoomTests(SqliteCase):
    """The store looks after each commit."""

    def setUp(self) -> None:
        super().setUp()
        self.disk = SimpleNamespace(total=100_000 * MIB, free=50_000 * MIB)
        patched = mock.patch.object(room, "disk_usage", self.usage)
        patched.start()
        self.addCleanup(patched.stop)
        self.clock = self.store._room._reactor = Clock()

    def usage(self, directory: Path) -> SimpleNamespace:
        self.assertEqual(directory, self.directory)
        return self.disk

    async def stock(self) -> None:
        await self.store.insert(Company, **a_company("Acme"))
        await self.store.insert(Account, **an_account("ana", 1))
        await self.store.insert(User, **a_user())
        await self.store.insert(Message, data="short")

    async def test_nothing_is_added_until_there_is_room_again(self) -> None:
        await self.stock()
        self.disk.free = 63 * MIB
        with capturedLogs() as logged:
            await self.store.insert(User, **a_user())
            for _ in range(3):
                with self.assertRaisesRegex(QuotaExceeded, "the disk is nearly full"):
                    await self.store.insert(User, **a_user())
                self.clock.advance(LOOK_SECONDS)
            with self.assertRaisesRegex(QuotaExceeded, "the disk is nearly full"):
                await self.store.update(Message, 1, data="much longer than it was")
            await self.store.insert(Session, **a_session("a", 1))
            await self.store.update(User, 1, age=5)
            await self.store.delete(User, 2)
            self.assertEqual(await self.store.count(User), 1)
            self.disk.free = 65 * MIB
            self.clock.advance(LOOK_SECONDS)
            await self.store.insert(User, **a_user())
        levels = [event["log_level"] for event in logged if "room" in event.get("log_format", "")]
        self.assertEqual(levels, [LogLevel.warn, LogLevel.info])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def test_of_a_small_disk_a_part_is_enough(self) -> None:
        self.disk.total, self.disk.free = 100 * MIB, 6 * MIB
        await self.stock()
        await self.store.insert(User, **a_user())
        self.disk.free = 4 * MIB
        await self.store.delete(User, 2)
        with self.assertRaises(QuotaExceeded):
            await self.store.insert(User, **a_user())

    async def test_a_store_that_is_closed_looks_no_more(self) -> None:
        self.disk.free = 0
        await self.stock_one()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        await self.store.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def stock_one(self) -> None:
        await self.store.insert(User, **a_user())
