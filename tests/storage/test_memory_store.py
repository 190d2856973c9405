# mypy: allow-untyped-calls
"""The store in memory keeps the contract, never waits, and grows no slower as it fills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.errors import NotFound
from sockcrud.identity.records import Account, Company
from sockcrud.storage.contract import IStore, ITransaction, Where
from sockcrud.storage.memory.hidden import MANY
from sockcrud.storage.memory.snapshots import TableStream
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.weights import SLICE
from tests.storage import store_contract
from tests.storage.store_case import ALL, StoreCase, a_company, an_account, everything, ids, rest_of
from tests.support.model import STANDARD


class MemoryStoreTests(store_contract.StoreContract):
    """The contract, by the store in memory."""

    async def make_store(self, history: int) -> IStore:
        return MemoryStore(STANDARD, history)


class MemoryStoreOnlyTests(StoreCase):
    """What this store promises beyond the contract."""

    async def make_store(self, history: int) -> IStore:
        return MemoryStore(STANDARD, history)

    async def test_a_body_that_waits_for_something_else_is_refused_and_nothing_changes(
        self,
    ) -> None:
        await self.store.insert(Message, data="first")
        foreign: Deferred[None] = Deferred()

        async def body(transaction: ITransaction) -> None:
            await transaction.insert(Message, data="second")
            await transaction.delete(Message, 1)
            try:
                await foreign
            finally:
                await transaction.insert(Message, data="on the way out")

        await self.refused_outright(body)
        foreign.callback(None)
        self.assertEqual((await self.store.insert(Message, data="second")).id, 2)

    async def test_a_transaction_within_a_transaction_is_refused_and_nothing_changes(self) -> None:
        async def at_once(transaction: ITransaction) -> None:
            await self.store.insert(Message, data="inner")

        async def later(transaction: ITransaction) -> None:
            await transaction.insert(Message, data="outer")
            await self.store.insert(Message, data="inner")

        for body in (at_once, later):
            await self.refused_outright(body)

    async def refused_outright(self, body: Callable[[ITransaction], Awaitable[None]]) -> None:
        before = await everything(self.store)
        with self.assertRaises(RuntimeError):
            await self.store.transact(body)
        self.assertEqual(await everything(self.store), before)

    async def test_thousands_of_records_may_share_a_value(self) -> None:
        count = MANY + 500

        async def fill(transaction: ITransaction) -> None:
            await transaction.insert(Company, **a_company("Acme"))
            for n in range(count, 0, -1):
                await transaction.insert(Account, n, **an_account(f"u{n}", 1))

        async def thin_out(transaction: ITransaction) -> None:
            for n in range(1, count, 2):
                await transaction.delete(Account, n)
            await transaction.get(Account, 1)

        await self.store.transact(fill)
        shared = Where("company_id", 1)
        self.assertEqual(
            ids(await self.store.page(Account, ALL, None, shared)), list(range(1, count + 1))
        )
        self.assertEqual(
            ids(await self.store.page(Account, 3, 4_000, shared)), [4_001, 4_002, 4_003]
        )
        before = await everything(self.store)
        with self.assertRaises(NotFound):
            await self.store.transact(thin_out)
        self.assertEqual(await everything(self.store), before)
        for n in range(1, count + 1):
            await self.store.delete(Account, n)
        self.assertEqual(await self.store.page(Account, ALL, None, shared), [])
        await self.store.delete(Company, 1)


class TableTests(StoreCase):
    """What tables and their streams hold on to."""

    def setUp(self) -> None:
        self.tables = Tables(STANDARD, 0)
        self.change(range(1, 2_001), "put in")

    def change(self, ids: range, what: str) -> None:
        self.tables.begin()
        for id in ids:
            if what == "put in":
                self.tables.insert(Message, id, {"data": "x"})
            else:
                self.tables.delete(Message, id, None)
        self.tables.commit()

    def stream(self, limit: int | None = None) -> TableStream[Message]:
        return self.tables.stream(Message, None, limit, None)

    async def test_a_slice_is_no_longer_however_much_was_deleted(self) -> None:
        stream, lengths = self.stream(), list[int]()
        self.change(range(1, 2_001), "delete")
        async for slice in stream:
            lengths.append(len(slice))
        self.assertEqual(lengths, [SLICE] * 4)

    async def test_one_read_to_its_end_or_its_limit_or_closed_keeps_nothing(self) -> None:
        table = self.tables.table(Message)
        await rest_of(self.stream())
        self.assertEqual(table.open_streams, 0)
        await rest_of(self.stream(700))
        self.assertEqual(table.open_streams, 0)
        stream = self.stream()
        self.assertEqual(table.open_streams, 1)
        stream.close()
        self.assertEqual(table.open_streams, 0)

    def test_a_value_that_no_record_has_any_more_keeps_no_room(self) -> None:
        self.tables.begin()
        company = self.tables.insert(Company, None, a_company("Acme"))
        account = self.tables.insert(Account, None, an_account("ana", company.id))
        self.tables.update(Account, account.id, None, {"role": "admin"})
        table = self.tables.table(Account)
        self.assertEqual(set(table.indexes["role"]), {"admin"})
        self.tables.delete(Account, account.id, None)
        self.assertEqual(
            (table.indexes, table.uniques), ({"role": {}, "company_id": {}}, {"login": {}})
        )
        self.tables.rollback()
