# mypy: allow-untyped-calls
"""Imports come in over many turns and are seen in one, in memory and in a file, whatever happens to
the file meanwhile.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sortedcontainers import SortedList
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client
from sockcrud.errors import Taken, Unavailable
from sockcrud.storage.common import unheard
from sockcrud.storage.contract import IStages, IStore, Stage
from sockcrud.storage.memory.hidden import visible_after
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.sqlite.check import faults, opened_to_read, read_records
from sockcrud.storage.sqlite.file import copy
from tests.storage import store_staging
from tests.storage.sqlite import sqlite_case
from tests.storage.sqlite.sqlite_case import rows, settled, started
from tests.storage.store_case import ALL, a_client, everything, ids, rest_of
from tests.storage.store_staging import client, message, permit
from tests.support.model import STANDARD


class MemoryStagingTests(store_staging.StagingPromises):
    """The store in memory."""

    async def make_store(self, history: int) -> IStore:
        return MemoryStore(STANDARD, history)


class SqliteStagingTests(store_staging.StagingPromises, sqlite_case.SqliteCase):
    """The store in a file."""

    async def test_it_is_there_after_the_next_start_only_where_it_was_published(self) -> None:
        await self.stock()
        before = await everything(self.store)
        await self.new_ones()
        store = await self.opened_again()
        self.assertEqual(await store.page(Client, ALL), before["Client"][0])
        self.assertEqual(rows(self.path, "SELECT id FROM clients"), [(2,), (4,), (6,)])
        await (await self.new_ones()).publish(permit)
        there = store.rev, await store.page(Client, ALL)
        store = await self.opened_again()
        self.assertEqual((store.rev, await store.page(Client, ALL)), there)

    async def test_a_copy_of_the_file_and_a_look_at_it_have_nothing_of_it(self) -> None:
        await self.stock()
        stage = await self.new_ones()
        self.assertEqual(await self.store.check(), [])
        copied = self.directory / "copy.db"
        copy(self.path, copied)
        self.assertEqual(self.seen_in(copied), [2, 4, 6, 20])
        of_copy = self.open(copied)
        self.assertEqual(ids(await of_copy.page(Client, ALL)), [2, 4, 6])
        await of_copy.insert(Client, 5, **a_client(5))
        await of_copy.close()
        await stage.publish(permit)
        self.assertEqual(await self.store.check(), [])
        self.assertEqual(self.seen_in(self.path), [1, 2, 4, 5, 6, 9, 10, 20, 21, 30])

    def seen_in(self, path: Path) -> list[int]:
        with opened_to_read(path, STANDARD) as opened:
            self.assertEqual(faults(opened, unheard), [])
            return [
                record.id
                for some in read_records(opened, (Client, Address), unheard)
                for record in some
            ]

    async def test_after_it_was_abandoned_the_file_has_no_trace_of_it(self) -> None:
        await self.stock()
        await (await self.new_ones()).abandon()
        await self.store.insert(Message, data="one more")
        self.assertEqual(await self.store.check(), [])
        await self.store.close()
        self.assertEqual(rows(self.path, "SELECT id FROM clients"), [(2,), (4,), (6,)])
        self.assertEqual(
            rows(self.path, "SELECT value FROM counters WHERE name = 'staged'"), [(0,)]
        )

    async def test_a_store_that_is_closed_takes_no_more_of_it(self) -> None:
        stage = await self.staged(client(1))
        await self.store.close()
        for work in (stage.add([client(2)]), stage.publish(permit)):
            with self.assertRaises(Unavailable):
                await work
        await stage.abandon()


class PublishedTests(sqlite_case.SqliteCase):
    """It is published, and the commit of that is held up."""

    def test_nobody_sees_what_a_crash_can_take_back(self) -> None:
        stage = settled(self.stage())
        commits = self.held()
        published = started(stage.publish(permit))
        commits.wait_for_one()
        seen: list[object] = []

        async def look() -> None:
            seen.append(await self.store.get(Message, 7))

        async def listed() -> None:
            seen.append(ids(await rest_of(self.store.stream(Message))))

        async def refused() -> None:
            try:
                await self.store.insert(Message, 7, data="mine")
            except Taken:
                seen.append("taken")

        waiting = [started(work()) for work in (look, listed, refused)]
        self.assertEqual((seen, published.called), ([], False))
        self.assertEqual(self.store.rev, 0)
        commits.let_go(5)
        for each in (published, *waiting):
            settled(_result(each))
        record = settled(self.store.get(Message, 7))
        self.assertEqual(seen, [record, [7, 8], "taken"])
        self.assertEqual(self.store.rev, record.rev + 1)

    async def stage(self) -> Stage:
        staging: IStages = self.store
        stage = await staging.stage({Message: 8})
        await stage.add([message(7), message(8)])
        return stage


_NUMBERS = st.sets(st.integers(-30, 30))


async def _result(deferred: object) -> object:
    return await deferred  # type: ignore[misc]


class HiddenTests(SynchronousTestCase):
    """Reading without what is hidden."""

    @given(
        numbers=_NUMBERS,
        some=_NUMBERS,
        after=st.none() | st.integers(-31, 31),
        size=st.integers(0, 40),
    )
    def test_what_is_hidden_is_skipped(
        self, numbers: set[int], some: set[int], after: int | None, size: int
    ) -> None:
        expected = [id for id in sorted(numbers - some) if after is None or id > after][:size]
        for make in (list, SortedList):
            all_ids, those = make(sorted(numbers)), make(sorted(numbers & some))
            self.assertEqual(visible_after(all_ids, those, after, size), expected)

    def test_a_page_costs_the_same_with_a_million_hidden(self) -> None:
        class Counted(SortedList):  # type: ignore[type-arg]
            looks = 0

            def __getitem__(self, place: Any) -> Any:
                Counted.looks += 1
                return super().__getitem__(place)

        all_ids, those = Counted(range(200_000)), Counted(range(100, 199_900))
        self.assertEqual(
            visible_after(all_ids, those, 50, 100), [*range(51, 100), *range(199_900, 199_951)]
        )
        self.assertLess(Counted.looks, 100)
