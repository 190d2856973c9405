# mypy: allow-untyped-calls
"""A check finds every row that is not what is served, wherever in the file it is, while changes go
on.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from unittest import mock

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.storage import weights
from sockcrud.storage.sqlite import compare
from tests.storage.sqlite.sqlite_case import SqliteCase, settled, started
from tests.storage.store_case import a_client


class CompareTests(SqliteCase):
    """A few records are many here: they are compared in several goes."""

    def setUp(self) -> None:
        super().setUp()
        for module, name, size in ((compare, "TOGETHER", 7), (weights, "SLICE", 3)):
            patched = mock.patch.object(module, name, size)
            patched.start()
            self.addCleanup(patched.stop)
        settled(self.stock())

    async def stock(self) -> None:
        for number in range(1, 51):
            await self.store.insert(Message, number, data=f"{number}")
        await self.store.insert(Client, **a_client(1))

    def tamper(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    def test_a_sound_one_is_sound_whatever_changes_meanwhile(self) -> None:
        checking = started(self.store.check())
        changing = [
            started(self.store.update(Message, number, data="new")) for number in range(1, 51)
        ]
        changing.append(started(self.store.insert(Message, data="one more")))
        found: list[list[str]] = []
        settled(_of(checking.addCallback(found.append)))
        for each in changing:
            settled(_of(each))
        self.assertEqual(found, [[]])
        self.assertEqual(self.store._tables.table(Message).open_streams, 0)

    def test_rows_that_differ_lack_or_are_too_many_are_counted(self) -> None:
        self.tamper(
            "DELETE FROM messages WHERE id IN (1, 25, 50)",
            "INSERT INTO messages VALUES (51, 9, 'x')",
        )
        self.tamper("UPDATE messages SET data = 'other' WHERE id IN (13, 14)")
        self.assertEqual(
            settled(self.store.check()),
            ["6 rows of messages are not what is served; the first is 1"],
        )
        self.assertEqual(self.store._tables.table(Message).open_streams, 0)

    def test_the_last_row_alone(self) -> None:
        self.tamper("INSERT INTO messages VALUES (99, 9, 'x')")
        self.assertEqual(
            settled(self.store.check()),
            ["1 rows of messages are not what is served; the first is 99"],
        )

    def test_a_row_that_is_no_record_is_told(self) -> None:
        self.tamper("UPDATE messages SET data = '' WHERE id = 30")
        [fault] = settled(self.store.check())
        self.assertIn("row 30 of messages", fault)


async def _of(deferred: object) -> object:
    return await deferred  # type: ignore[misc]
