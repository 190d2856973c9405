# mypy: allow-untyped-calls
"""What a record took with it is cleared away over time, in memory and in a file, whatever happens
to the file meanwhile.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.errors import HistoryGone, NotFound, Taken, Unavailable
from sockcrud.identity.records import Session
from sockcrud.records import Record
from sockcrud.storage import history
from sockcrud.storage.common import unheard
from sockcrud.storage.contract import Change, IStore
from sockcrud.storage.history import History
from sockcrud.storage.memory.cascade import Cascade, is_long
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.sqlite import batch as sqlite_batch
from sockcrud.storage.sqlite.check import faults, opened_to_read, read_records
from sockcrud.storage.sqlite.file import copy
from sockcrud.storage.sqlite.store import SqliteStore
from sockcrud.storage.weights import SLICE
from tests.storage import store_cascade
from tests.storage.sqlite import sqlite_case
from tests.storage.sqlite.sqlite_case import records_of, rows, settled, started, the_reactor
from tests.storage.store_case import ALL, a_client, an_address, ids, rest_of
from tests.storage.test_cascade_machine import streamed
from tests.support.model import STANDARD


class MemoryCascadeTests(store_cascade.CascadePromises):
    """The store in memory."""

    async def make_store(self, history: int) -> IStore:
        return MemoryStore(STANDARD, history)


class SqliteCascadeTests(store_cascade.CascadePromises, sqlite_case.SqliteCase):
    """The store in a file."""

    async def clear(self, most: int) -> None:
        await self.store._write_hidden(self.store._tables.cascade.clear(most))

    async def test_nobody_sees_what_a_crash_can_take_back(self) -> None:
        commits = self.held()
        seen: list[object] = []
        deleted = started(self.store.delete(Client, 1))
        looks: list[Callable[[], Any]] = [
            lambda: self.store.get(Client, 1),
            lambda: self.store.get(Address, 3),
            lambda: self.store.update(Address, 3, number=1),
            lambda: self.store.find(Client, "cpf", a_client(1)["cpf"]),
            lambda: self.store.page(Address, ALL),
            lambda: self.store.count(InventoryItem),
            lambda: self.store.insert(Address, 3, **an_address(2)),
            lambda: rest_of(self.store.stream(Address)),
            lambda: self.store.changes(0, ALL),
        ]

        async def look(ask: Callable[[], Any]) -> None:
            try:
                seen.append(await ask())
            except (NotFound, Taken) as error:
                seen.append(error)

        waiting = [started(look(ask)) for ask in looks]
        await commits.reached()
        self.assertEqual((seen, deleted.called), ([], False))
        commits.let_go(1_000)
        for each in (deleted, *waiting):
            await each
        self.assertEqual(len(seen), len(looks))

    async def test_what_was_seen_of_an_earlier_commit_does_not_answer_for_a_later_one(self) -> None:
        commits = self.held()
        updates = [
            started(self.store.update(kind, 1, **fields))
            for kind, fields in ((Address, {"number": 9}), (Client, {}))
        ]
        await commits.reached()
        deleted = started(self.store.delete(Client, 1))
        looks = [started(_outcome(self.store.get(kind, 1))) for kind in (Address, Client)]
        commits.let_go()
        for update in updates:
            await update
        self.assertEqual([look.called for look in [*looks, deleted]], [False] * 3)
        commits.let_go(1_000)
        self.assertEqual([type(await look) for look in looks], [NotFound, NotFound])
        await deleted

    async def test_its_unique_values_are_passed_on_in_the_same_commit(self) -> None:
        changes = [
            started(self.store.update(Client, 1, cpf=a_client(8)["cpf"], name="Renamed")),
            started(self.store.delete(Client, 1)),
            started(self.store.update(Client, 2, cpf=a_client(8)["cpf"])),
            started(self.store.insert(Client, **a_client(1))),
        ]
        for change in changes:
            await change
        self.assertEqual(await self.store.check(), [])
        await self.cleared()
        there = await records_of(self.store)
        self.assertEqual(await records_of(await self.opened_again()), there)

    async def test_one_that_is_new_is_deleted_as_well(self) -> None:
        client = started(self.store.insert(Client, 7, **a_client(7)))
        addresses = [started(self.store.insert(Address, **an_address(7))) for _ in range(3)]
        deleted = started(self.store.delete(Client, 7))
        for change in (client, *addresses, deleted):
            await change
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2])
        await self.cleared()
        self.assertEqual(await self.store.check(), [])

    async def test_a_copy_of_the_file_and_a_look_at_it_have_nothing_of_it(self) -> None:
        await self.store.delete(Client, 1)
        self.assertEqual(await self.store.check(), [])
        self.assertEqual(rows(self.path, "SELECT count(*) FROM addresses"), [(7,)])
        copied = self.directory / "copy.db"
        copy(self.path, copied)
        self.assertEqual(
            self.seen_in(copied), [(Client, 2), (Address, 2), (Address, 5), (InventoryItem, 2)]
        )
        of_copy = self.open(copied)
        self.assertEqual(await records_of(of_copy), await records_of(self.store))
        self.assertEqual(rows(copied, "SELECT id FROM addresses"), [(2,), (5,)])
        await of_copy.insert(Client, 1, **a_client(1))
        await of_copy.close()

    def seen_in(self, path: Path) -> list[tuple[type[Record], int]]:
        with opened_to_read(path, STANDARD) as opened:
            self.assertEqual(faults(opened, unheard), [])
            kinds = (Client, Address, InventoryItem)
            return [
                (type(each), each.id)
                for some in read_records(opened, kinds, unheard)
                for each in some
            ]

    async def test_after_it_the_file_has_no_trace_of_it(self) -> None:
        await self.store.delete(Client, 1)
        await self.cleared()
        self.assertEqual(rows(self.path, "SELECT id FROM clients"), [(2,)])
        self.assertEqual(rows(self.path, "SELECT id FROM addresses"), [(2,), (5,)])
        self.assertEqual(rows(self.path, "SELECT name FROM counters WHERE name LIKE 'gone%'"), [])

    async def test_a_store_that_is_closed_goes_on_at_its_next_start(self) -> None:
        for cleared in range(11):
            store = self.open(self.directory / f"{cleared}.db")
            await store.insert(Client, **a_client(1))
            for _ in range(8):
                await store.insert(Address, **an_address(1))
            with mock.patch.object(sqlite_batch, "write_batch", Closing(store, cleared)):
                await store.delete(Client, 1)
                while (
                    store._tables.cascade is not None
                    and not store._has_failed
                    and store._closing is None
                ):
                    await store._turn()
            await store.close()
            again = self.open(self.directory / f"{cleared}.db")
            self.assertEqual([await again.count(kind) for kind in (Client, Address)], [0, 0])
            self.assertEqual(
                rows(self.directory / f"{cleared}.db", "SELECT count(*) FROM addresses"), [(0,)]
            )
            await again.insert(Client, 1, **a_client(1))
            await again.close()

    async def test_killed_after_any_commit_all_of_it_is_there_or_none(self) -> None:
        states = Copies(self.path, self.directory)
        before = await records_of(self.store)
        with mock.patch.object(sqlite_batch, "write_batch", states):
            await self.store.delete(Client, 1)
            seen = states.count
            after = await records_of(self.store)
            await self.store.transact(lambda transaction: transaction.delete(Product, 1))
            without_product = await records_of(self.store)
            await self.cleared()
        self.assertEqual(seen, 1)
        self.assertGreater(states.count, 9)
        for number in range(states.count + 1):
            store = self.open(self.directory / f"killed{number}" / "store.db")
            self.assertEqual(
                await records_of(store),
                [before, after][number] if number < 2 else without_product,
                number,
            )
            self.assertEqual(await store.check(), [])
            await store.close()
            path = self.directory / f"killed{number}" / "store.db"
            self.assertEqual(
                rows(path, "SELECT count(*) FROM addresses"), [(7 if number == 0 else 2,)]
            )


class Copies:
    """Copies what lies on the disk before the first commit, and after each."""

    def __init__(self, path: Path, directory: Path) -> None:
        self._path, self._directory, self.count = path, directory, 0
        self._real = sqlite_batch.write_batch
        self._copy()

    def __call__(self, connection: sqlite3.Connection, batch: Any, guard: Any) -> tuple[float, int]:
        written = self._real(connection, batch, guard)
        self.count += 1
        self._copy()
        return written

    def _copy(self) -> None:
        to = self._directory / f"killed{self.count}"
        to.mkdir()
        for more in ("", "-wal"):
            if (source := Path(f"{self._path}{more}")).exists():
                shutil.copyfile(source, to / source.name)


class Closing:
    """Has a store closed right after it has made so many more commits than the first."""

    def __init__(self, store: SqliteStore, commits: int) -> None:
        self._store, self._left = store, commits
        self._real = sqlite_batch.write_batch

    def __call__(self, connection: sqlite3.Connection, batch: Any, guard: Any) -> tuple[float, int]:
        written = self._real(connection, batch, guard)
        self._left -= 1
        if self._left == -1:
            the_reactor().callFromThread(lambda: Deferred.fromCoroutine(self._store.close()))
        return written


class BrokenTests(sqlite_case.SqliteCase):
    """The disk fails while something is cleared away."""

    def test_it_goes_on_at_the_next_start(self) -> None:
        self.addCleanup(streamed().close)
        settled(self.stock())
        real, commits = sqlite_batch.write_batch, 0

        def failing(connection: sqlite3.Connection, batch: Any, guard: Any) -> tuple[float, int]:
            nonlocal commits
            commits += 1
            if commits == 4:
                raise sqlite3.OperationalError("disk I/O error")
            return real(connection, batch, guard)

        with mock.patch.object(sqlite_batch, "write_batch", failing):
            settled(self.store.delete(Client, 1))
            settled(self.until_failed())
        with self.assertRaises(Unavailable):
            settled(self.store.delete(Client, 1))
        again = settled(self.opened_again())
        self.assertEqual(settled(again.count(Address)), 0)
        self.assertEqual(rows(self.path, "SELECT count(*) FROM addresses"), [(0,)])

    async def stock(self) -> None:
        await self.store.insert(Client, **a_client(1))
        for _ in range(9):
            await self.store.insert(Address, **an_address(1))

    async def until_failed(self) -> None:
        while not self.reasons:
            await self.store._turn()


async def _outcome(work: Any) -> object:
    try:
        return await work
    except NotFound as error:
        return error


class TableTests(SynchronousTestCase):
    """What hiding costs, and what it is done for."""

    def test_it_is_for_those_with_more_than_a_slice(self) -> None:
        tables = _tables(SLICE)
        self.assertFalse(is_long(tables, Client, 1))
        tables.begin()
        tables.insert(Address, None, an_address(1))
        tables.commit()
        self.assertTrue(is_long(tables, Client, 1))
        self.assertFalse(is_long(tables, Address, 1))

    def test_hiding_looks_at_none_of_them(self) -> None:
        tables = _tables(5_000)
        table = tables.table(Address)
        records, table.records = table.records, {}
        cascade = Cascade(tables, Client, 1, None)
        table.records = records
        self.assertEqual((tables.rev, table.size), (2 * 5_001, 0))
        turns = 1
        while cascade.clear(SLICE):
            turns += 1
        cascade.end()
        self.assertEqual((turns, len(table.records), len(table.ids)), (11, 0, 0))

    def test_a_list_is_read_while_half_of_what_an_older_one_needed_of_a_record_is_let_go_of(
        self,
    ) -> None:
        tables = _tables(340)
        older = tables.stream(Address, None, None, None)
        tables.begin()
        for id in range(1, 335):  # three steps each, of which a thousand go at once
            tables.delete(Address, id, None)
        tables.commit()
        stream = tables.stream(Address, None, None, None)
        older.close()

        async def listed() -> list[int]:
            return ids(await rest_of(stream))

        self.assertEqual(
            self.successResultOf(Deferred.fromCoroutine(listed())), list(range(335, 341))
        )

    def test_a_list_that_was_begun_after_it_keeps_nothing_of_it(self) -> None:
        tables = _tables(600)
        tables.stream(Address, None, None, None).close()
        cascade = Cascade(tables, Client, 1, None)
        other = tables.stream(Client, None, None, None)
        tables.begin()
        tables.insert(Client, 2, a_client(2))
        tables.insert(Address, None, an_address(2))
        tables.commit()
        stream = tables.stream(Address, None, None, None)
        while cascade.clear(SLICE):
            pass
        self.assertEqual(tables.budget.used, 0)
        stream.close()
        other.close()


def _tables(addresses: int) -> Tables:
    """Return tables with one client, who has so many addresses."""
    tables = Tables(STANDARD, history=ALL)
    tables.begin()
    tables.insert(Client, None, a_client(1))
    for _ in range(addresses):
        tables.insert(Address, None, an_address(1))
    tables.commit()
    return tables


class HistoryTests(SynchronousTestCase):
    """The changes that are kept, of which many deletions may have come at once."""

    def test_it_tells_the_latest_changes_and_never_steps_over_one(self) -> None:
        for seed in range(60):
            random = Random(seed)
            with mock.patch.object(history, "_AT_ONCE", random.choice([1, 3, 7])):
                self._compare(random, random.choice([0, 5, 20, 50]), random.choice([10_000, 3_000]))

    def _compare(self, random: Random, most: int, most_bytes: int) -> None:
        kept, expected = History(most, most_bytes), list[Change]()
        kinds: list[type[Record]] = [Address, Session]
        for _ in range(30):
            rev = len(expected)
            if random.random() < 0.3:
                some = random.sample(range(100), random.randrange(30))
                kind = random.choice(kinds)
                later = History(most, most_bytes)
                later.add_deleted(kind, some, rev + 1)
                expected += [
                    Change(rev + 1 + place, kind, id, None) for place, id in enumerate(some)
                ]
                later.add([(len(expected) + 1, Client, 1, None)])
                expected.append(Change(len(expected) + 1, Client, 1, None))
                kept.join(later)
                while later.let_go(3):
                    pass
            else:
                kept.add([(rev + 1, Message, 1, None)])
                expected.append(Change(rev + 1, Message, 1, None))
            self._check(kept, expected, random.choice([1, 2, 9, ALL]))
        rev = len(expected)
        for n in range(1, 300):  # what was too much at once goes with the next changes
            kept.add([(rev + n, Message, 1, None)])
        told = kept.since(kept.forgotten, ALL, rev + 299)
        self.assertLessEqual(len(told), most)
        self.assertEqual(kept.bytes, 150 * len(told))

    def _check(self, kept: History, expected: list[Change], limit: int) -> None:
        newest = len(expected)
        for since in range(newest + 1):
            shown = [change for change in expected[since:] if change.kind is not Session][:limit]
            try:
                self.assertEqual(kept.since(since, limit, newest), shown)
            except HistoryGone:
                self.assertLess(since, kept.forgotten)
