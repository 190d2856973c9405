# mypy: allow-untyped-calls
"""What a store promises of how much it takes, and how much it keeps of what has changed."""

from __future__ import annotations

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client, Product
from sockcrud.apps.users.records import User
from sockcrud.errors import HistoryGone, QuotaExceeded
from sockcrud.identity.records import Account, Company, Session
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.contract import IStore, ITransaction
from tests.storage.store_case import (
    ALL,
    StoreCase,
    a_client,
    a_company,
    a_product,
    a_session,
    a_user,
    an_account,
)

LONG = "\U0001f600" * 10_000
"""A message of 40 KB."""

FEW = Capacity(records=3, accounts=2)
MIB = 2**20


class CapacityPromises(StoreCase):
    """What a store promises of how many records it takes."""

    async def make_store(self, history: int) -> IStore:
        return await self.make_bounded(FEW)

    async def make_bounded(self, capacity: Capacity) -> IStore:
        raise NotImplementedError

    async def bounded(self, capacity: Capacity) -> None:
        """Go on with a store of this capacity."""
        store = await self.make_bounded(capacity)

        async def close() -> None:
            await store.close()

        self.addCleanup(lambda: self.settle(close()))
        self.store = store

    async def test_a_kind_takes_its_records_and_no_more(self) -> None:
        for number in range(3):
            await self.store.insert(Client, **a_client(number))
        error = await self.refused(QuotaExceeded, lambda: self.store.insert(Client, **a_client(3)))
        self.assertEqual(error.kind, "Client")
        await self.store.insert(Message, data="another kind")
        await self.store.update(Client, 1, name="Ana")
        await self.store.delete(Client, 2)
        await self.store.insert(Client, **a_client(3))

    async def test_accounts_have_a_quota_of_their_own(self) -> None:
        await self.store.insert(Company, **a_company("Acme"))
        for login in ("ana", "rui"):
            await self.store.insert(Account, **an_account(login, 1))
        await self.refused(
            QuotaExceeded, lambda: self.store.insert(Account, **an_account("eva", 1))
        )

    async def test_a_transaction_that_is_too_much_leaves_nothing(self) -> None:
        async def body(transaction: ITransaction) -> None:
            for number in range(4):
                await transaction.insert(Message, data=f"{number}")

        await self.refused(QuotaExceeded, lambda: self.store.transact(body))
        await self.store.insert(Message, data="there is room")

    async def test_with_all_memory_used_only_what_is_smaller_is_taken(self) -> None:
        await self.bounded(Capacity(record_bytes=MIB))
        await self.store.insert(Company, **a_company("Acme"))
        await self.store.insert(Account, **an_account("ana", 1))
        await self.store.insert(Product, **a_product("Chá", description="short"))
        taken = 0
        with self.assertRaises(QuotaExceeded):
            while True:
                await self.store.insert(Message, data=LONG)
                taken += 1
        self.assertIn(taken, range(24, 28))
        await self.refused(QuotaExceeded, lambda: self.store.insert(User, **a_user()))
        await self.refused(
            QuotaExceeded, lambda: self.store.update(Product, 1, description="longer")
        )
        await self.store.update(Product, 1, description="less")
        await self.store.insert(Session, **a_session("a", 1))  # so that an admin can log in
        await self.store.delete(Message, 1)
        await self.store.insert(User, **a_user())

    async def test_what_is_deleted_is_soon_forgotten(self) -> None:
        await self.bounded(Capacity(history_bytes=MIB))
        for _ in range(100):
            message = await self.store.insert(Message, data=LONG)
            await self.store.delete(Message, message.id)
        kept = [
            change for change in await self.store.changes(160, ALL) if change.record is not None
        ]
        self.assertEqual(len(kept), 20)
        with self.assertRaises(HistoryGone) as caught:
            await self.store.changes(0, ALL)
        oldest = caught.exception.oldest
        told = await self.store.changes(oldest, ALL)
        self.assertEqual([change.rev for change in told], list(range(oldest + 1, 201)))
        self.assertLess(
            sum(
                len(change.record.data) * 4 for change in told if isinstance(change.record, Message)
            ),
            MIB,
        )

    async def test_one_change_that_is_too_long_to_be_kept_is_said_to_be_gone(self) -> None:
        await self.bounded(Capacity(history_bytes=10_000))
        await self.store.insert(Message, data=LONG)
        self.assertEqual(await self.store.changes(1, ALL), [])
        with self.assertRaises(HistoryGone):
            await self.store.changes(0, ALL)
