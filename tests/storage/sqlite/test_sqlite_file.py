# mypy: allow-untyped-calls
"""The SQLite store's file: any tool can read it, it is complete, and it is left alone where it is
not as it should be.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from threading import Thread, current_thread
from typing import Any
from unittest import mock

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.errors import HistoryGone, Unavailable
from sockcrud.identity.records import KeptAnswer
from sockcrud.ledger.records import Usage
from sockcrud.records import describe
from sockcrud.records.constraints import INT64
from sockcrud.storage.common import StoreError
from sockcrud.storage.contract import ITransaction
from sockcrud.storage.sqlite import copy as sqlite_copy
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite import layout as sqlite_layout
from sockcrud.storage.sqlite.file import VERSION
from sockcrud.storage.sqlite.store import SqliteStore
from tests.storage.sqlite.sqlite_case import (
    SqliteCase,
    fill,
    records_of,
    rows,
    settled,
    started,
    the_reactor,
)
from tests.storage.store_case import (
    ALL,
    NOON,
    a_client,
    a_kept_answer,
    a_product,
    a_usage,
    a_user,
    an_item,
    ids,
    rest_of,
)
from tests.support.model import KINDS, STANDARD


class RestartTests(SqliteCase):
    """What was there is there again, and nothing is given twice."""

    async def test_every_record_is_there_again(self) -> None:
        await fill(self.store)
        await self.store.insert(KeptAnswer, **a_kept_answer("k"))
        await self.store.insert(Usage, **a_usage("u"))
        before = await records_of(self.store)
        self.assertNotIn([], before.values())
        self.assertEqual(await records_of(await self.opened_again()), before)

    async def test_every_value_within_its_bounds_is_there_again(self) -> None:
        zone = timezone(timedelta(hours=-11, minutes=-30))
        for moment in (
            NOON,
            NOON.replace(microsecond=0),
            datetime.min.replace(tzinfo=zone),
            datetime.max.replace(tzinfo=zone),
        ):
            await self.store.insert(User, **a_user(created_at=moment, name="🙂'\"\\\n\x7f"))
        for number, amount in enumerate(("0", "0.1", "99999999.99", "1E+7", "10.00")):
            await self.store.insert(Client, **a_client(number, balance=Decimal(amount)))
        for id in (INT64.start, -1, 0, INT64.stop - 1):
            await self.store.insert(Message, id, data="ä" * 10_000)
        await self.store.insert(Product, **a_product("x", quantity=INT64.stop - 1, status=False))
        for day in (date.min, date.max):
            await self.store.insert(InventoryItem, **an_item(1, 1, purchase_date=day))
        before = await records_of(self.store)
        self.assertEqual(await records_of(await self.opened_again()), before)

    async def test_unique_and_indexed_values_are_known_again(self) -> None:
        await fill(self.store)
        store = await self.opened_again()
        found = await store.find(Client, "email", "rui@EXAMPLE.org")
        self.assertEqual(found and found.email, "RUI@example.org")
        await store.delete(Client, 1)
        self.assertEqual((await store.count(Address), await store.count(InventoryItem)), (0, 0))

    async def test_no_id_is_given_again_not_even_that_of_a_deleted_record(self) -> None:
        for _ in range(3):
            await self.store.insert(User, **a_user())
        await self.store.delete(User, 3)
        await self.store.delete(User, 2)
        inserting = started(self.store.insert(User, **a_user()))
        await self.store.delete(User, (await inserting).id)
        store = await self.opened_again()
        self.assertEqual((await store.insert(User, **a_user())).id, 5)

    async def test_revisions_go_on_and_older_changes_are_said_to_be_gone(self) -> None:
        await fill(self.store)
        await self.store.delete(User, 1)
        store = await self.opened_again()
        self.assertEqual((store.rev, await store.changes(11, ALL)), (11, []))
        with self.assertRaises(HistoryGone) as caught:
            await store.changes(10, ALL)
        self.assertEqual((caught.exception.oldest, caught.exception.newest), (11, 11))
        self.assertEqual((await store.insert(User, **a_user())).rev, 12)
        self.assertEqual([change.rev for change in await store.changes(11, ALL)], [12])

    async def test_a_store_is_read_in_parts_and_says_how_far_it_is(self) -> None:
        await fill(self.store)
        for _ in range(24):
            await self.store.insert(User, **a_user())
        await self.store.close()
        told: list[tuple[int, int]] = []
        with mock.patch.object(sqlite_layout.Layout.read, "__defaults__", (10,)):
            store = SqliteStore.open(
                self.path, STANDARD, the_reactor(), print, lambda *progress: told.append(progress)
            )
        self.assertEqual(ids(await rest_of(store.stream(User))), list(range(1, 26)))
        self.assertEqual(told[:4], [(10, 34), (20, 34), (25, 34), (26, 34)])
        self.assertEqual(told[-1], (34, 34))
        await store.close()


class FileTests(SqliteCase):
    """Any tool that knows SQLite can read the file, and it is all there is."""

    async def test_tables_have_real_columns_with_readable_values(self) -> None:
        await fill(self.store)
        self.assertEqual(
            rows(self.path, "SELECT name, email, email_key, cpf, balance FROM clients"),
            [("Rui", "RUI@example.org", "rui@example.org", "454.090.000-01", "10.00")],
        )
        self.assertEqual(
            rows(
                self.path,
                "SELECT city, clients.name FROM addresses JOIN clients ON clients.id = client_id",
            ),
            [("São Paulo", "Rui")],
        )
        self.assertEqual(rows(self.path, "SELECT status, price FROM products"), [(1, "0.10")])
        self.assertEqual(
            rows(self.path, "SELECT purchase_date FROM inventory_items"), [("2024-02-29",)]
        )
        self.assertEqual(
            rows(self.path, "SELECT delayed_until FROM login_failures"),
            [("2024-02-29T12:00:00.123456+00:00",)],
        )
        self.assertEqual(rows(self.path, "SELECT version FROM schema_version"), [(VERSION,)])

    async def test_keys_and_references_bind_other_tools_too(self) -> None:
        await fill(self.store)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA foreign_keys = 1")
            for breaking in (
                "UPDATE addresses SET client_id = 9",
                "DELETE FROM companies",
                "INSERT INTO companies VALUES (2, 1, 'ACME', 1, 'acme')",
                "UPDATE companies SET active = 2",
                "UPDATE users SET name = NULL",
            ):
                with self.assertRaises(sqlite3.IntegrityError), connection:
                    connection.execute(breaking)

    async def test_once_closed_the_file_alone_is_complete(self) -> None:
        await fill(self.store)
        before = await records_of(self.store)
        await self.store.close()
        self.assertEqual(sorted(os.listdir(self.directory)), ["store.db", "store.db-lock"])
        alone = self.directory / "alone.db"
        shutil.copy(self.path, alone)
        store = self.open(alone)
        self.assertEqual(await records_of(store), before)
        await store.close()

    async def test_close_waits_for_what_is_pending_and_refuses_what_comes_later(self) -> None:
        inserting = [started(self.store.insert(User, **a_user())) for _ in range(3)]
        for closing_ in [started(self.store.close()) for _ in range(2)]:
            await closing_
        self.assertEqual([(await user).id for user in inserting], [1, 2, 3])
        self.assertEqual(rows(self.path, "SELECT count(*) FROM users"), [(3,)])
        await self.store.close()

    async def test_only_its_owner_may_read_it(self) -> None:
        await fill(self.store)
        modes = {
            name: (self.directory / name).stat().st_mode & 0o777
            for name in os.listdir(self.directory)
        }
        self.assertEqual(set(modes.values()), {0o600}, modes)

    async def test_a_second_store_on_the_file_is_refused_until_the_first_is_closed(self) -> None:
        (self.directory / "link.db").symlink_to(self.path)
        for path in (self.path, self.directory / "link.db"):
            with self.assertRaisesRegex(StoreError, "in use by another process"):
                self.open(path)
        await self.opened_again()

    async def test_a_disk_that_cannot_be_made_to_keep_its_word_is_refused(self) -> None:
        class Careless(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                return super().execute(
                    statement.replace("synchronous = 2", "synchronous = 1"), *values
                )

        await self.store.close()
        real = sqlite3.connect
        with (
            mock.patch.object(
                sqlite3, "connect", lambda *args, **more: real(*args, factory=Careless, **more)
            ),
            self.assertRaisesRegex(StoreError, "synchronous stays 1"),
        ):
            self.open(self.path)

    def test_what_the_store_has_beside_the_kinds_needs_a_new_version_where_it_changes(self) -> None:
        known = {3: "7e938e15b0a67d76"}
        shared = hashlib.sha256("".join(sqlite_file._SHARED).encode()).hexdigest()[:16]
        self.assertEqual({VERSION: shared}, {VERSION: known.get(VERSION)})
        self.assertEqual(sorted(sqlite_file.MIGRATIONS), list(range(1, VERSION)))

    def test_tables_are_named_in_the_plural(self) -> None:
        names = (
            "users messages clients addresses products inventory_items companies accounts "
            "sessions login_failures kept_answers usages"
        )
        self.assertEqual([describe(kind).table for kind in KINDS], names.split())


class BackupTests(SqliteCase):
    """A backup is the store at one moment, taken while it works."""

    async def pairs(self, count: int) -> None:
        """Insert two messages in each of many transactions."""

        async def body(transaction: ITransaction) -> None:
            for _ in range(2):
                await transaction.insert(Message, data="x" * 5_000)

        for _ in range(count):
            await self.store.transact(body)

    async def backup(self) -> Path:
        """Write a copy of the store, as it comes, to a file of its own."""
        target = self.directory / "backup.db"
        copied = await self.store.copied()
        with target.open("wb") as file:
            async for piece in copied:
                file.write(piece)
        self.assertEqual(target.stat().st_size, copied.size)
        return target

    async def test_holds_all_that_was_acknowledged_and_only_whole_transactions_while_others_go_on(
        self,
    ) -> None:
        await self.pairs(150)
        writing = started(self.pairs(50))
        with mock.patch.object(sqlite_copy, "PIECE", 4_000):
            target = await self.backup()
        await writing
        store = self.open(target)
        count = await store.count(Message)
        self.assertGreaterEqual(count, 300)
        self.assertEqual(count % 2, 0)
        self.assertEqual(store.rev, count)
        self.assertEqual(await store.check(), [])
        await store.close()

    async def test_leaves_nothing_on_the_disk_not_even_while_it_is_read(self) -> None:
        await fill(self.store)
        before = sorted(os.listdir(self.directory))
        copied = await self.store.copied()
        self.assertEqual(sorted(os.listdir(self.directory)), before)
        self.assertTrue((await copied.__anext__()).startswith(b"SQLite format 3"))
        copied.close()
        copied.close()
        with self.assertRaises(StopAsyncIteration):
            await copied.__anext__()

    async def test_is_discarded_in_another_thread_as_the_disk_takes_its_time_for_that(self) -> None:
        await fill(self.store)
        copied = await self.store.copied()
        discarded_in = SimpleQueue[Thread]()

        def discard() -> None:
            discarded_in.put(current_thread())

        with mock.patch.object(copied, "_discard", discard):
            copied.close()
            self.assertIsNot(discarded_in.get(timeout=10), current_thread())
        copied._discard()

    async def test_is_unavailable_where_the_disk_has_no_room_and_leaves_nothing(self) -> None:
        before = sorted(os.listdir(self.directory))
        full = mock.patch.object(
            sqlite_copy, "copy", side_effect=OSError(28, "No space left on device")
        )
        with full, self.assertRaisesRegex(Unavailable, "No space left"):
            await self.store.copied()
        self.assertEqual(sorted(os.listdir(self.directory)), before)
        await self.store.insert(Message, data="on it goes")

    def test_tells_how_far_it_is_and_takes_no_name_that_is_taken(self) -> None:
        settled(self.pairs(150))
        told: list[tuple[int, int]] = []
        target = self.directory / "backup.db"
        with mock.patch.object(sqlite_file, "CHUNK", 100):
            sqlite_file.copy(self.store._path, target, lambda *progress: told.append(progress))
        self.assertGreater(len(told), 3)
        self.assertEqual(told[-1][0], told[-1][1])
        self.assertEqual(target.stat().st_mode & 0o777, 0o600)
        target.write_text("mine")
        for taken in (target, self.directory / "none" / "backup.db"):
            with self.assertRaises(StoreError):
                sqlite_file.copy(self.store._path, taken)
        self.assertEqual(target.read_text(), "mine")
        self.assertEqual([name for name in os.listdir(self.directory) if "part" in name], [])


class CheckTests(SqliteCase):
    """A check compares the file with itself, with the model and with what is served."""

    async def test_finds_nothing_wrong_while_changes_go_on(self) -> None:
        await fill(self.store)

        async def change() -> None:
            for age in range(100):
                await self.store.update(User, 1, age=age)
                await self.store.insert(User, **a_user())

        changing = started(change())
        for _ in range(5):
            self.assertEqual(await self.store.check(), [])
        await changing

    async def test_finds_what_somebody_else_has_changed(self) -> None:
        await fill(self.store)
        for statement, told in (
            ("UPDATE users SET age = 31", "1 rows of users are not what is served; the first is 1"),
            (
                "UPDATE users SET age = 30; DELETE FROM messages",
                "1 rows of messages are not what is served; the first is -5",
            ),
            (
                "UPDATE addresses SET client_id = 7",
                "row 1 of addresses refers to one of clients that is not there",
            ),
            (
                "UPDATE clients SET email_key = 'x'",
                "row 1 of clients: email_key is not what follows from email",
            ),
        ):
            with closing(sqlite3.connect(self.path)) as connection:
                connection.executescript(statement)
            self.assertIn(told, await self.store.check())

    async def test_says_that_the_file_is_gone(self) -> None:
        await fill(self.store)
        self.path.rename(self.directory / "elsewhere.db")
        [fault] = await self.store.check()
        self.assertIn("store.db was removed or renamed", fault)
        (self.directory / "elsewhere.db").rename(self.path)
        self.assertEqual(await self.store.check(), [])
