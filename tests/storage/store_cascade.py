# mypy: allow-untyped-calls
"""What every store promises that clears away over time what a record took with it: all of it is
gone at once.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast

from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.errors import Forbidden, NotFound, Outdated, Taken
from sockcrud.records import Record
from sockcrud.storage.contract import IStages, ITransaction, Stage, Where
from tests.storage.store_case import (
    ALL,
    StoreCase,
    a_client,
    a_product,
    an_address,
    an_item,
    everything,
    ids,
    rest_of,
)
from tests.storage.test_cascade_machine import streamed

OF_ONE = Where("client_id", 1)
KINDS_THAT_GO = (Address, InventoryItem)


class CascadePromises(StoreCase):
    """One client of two has five addresses and three items, and they are cleared away one by one
    when a test says so.
    """

    store: Any

    def setUp(self) -> None:
        self.addCleanup(streamed().close)
        super().setUp()
        self.paused: list[Coroutine[Any, Any, None]] = []
        self.store._clear_away = self.paused.append
        self.settle(self._stock())
        self.addCleanup(lambda: self.settle(self.cleared()))

    async def _stock(self) -> None:
        for number in (1, 2):
            await self.store.insert(Client, **a_client(number))
            await self.store.insert(Product, **a_product(f"{number}"))
        for client in (1, 2, 1, 1, 2, 1, 1):
            await self.store.insert(Address, **an_address(client))
        for client, product in ((1, 1), (2, 1), (1, 2), (1, 1)):
            await self.store.insert(InventoryItem, **an_item(client, product))
        await self.store.insert(Message, data="beside it")

    async def cleared(self) -> None:
        """Return when nothing is left to be cleared away."""
        while self.paused:
            await self.paused.pop(0)

    async def clear(self, most: int) -> None:
        """Let so many of them be cleared away."""
        self.store._tables.cascade.clear(most)

    async def always(self, check: Any) -> None:
        """Check right after the delete, when some have been cleared away, and when all have."""
        await check()
        for most in (4, 2):
            await self.clear(most)
            await check()
        await self.cleared()
        await check()

    async def test_all_of_it_is_gone_at_once(self) -> None:
        await self.store.delete(Client, 1)
        self.assertTrue(self.paused)

        async def check() -> None:
            gone: list[tuple[type[Record], int]] = [
                (Client, 1),
                *((Address, id) for id in (1, 3, 4, 6, 7)),
            ]
            for kind, id in [*gone, *((InventoryItem, id) for id in (1, 3, 4))]:
                for work in (self.store.get, self.store.update, self.store.delete):
                    with self.assertRaises(NotFound):
                        await work(kind, id)
            with self.assertRaises(NotFound):
                await self.store.insert(Address, **an_address(1))
            with self.assertRaises(NotFound):
                await self.store.update(Address, 2, client_id=1)
            self.assertEqual(ids(await self.store.page(Address, ALL)), [2, 5])
            self.assertEqual(ids(await self.store.page(Address, 1, 2)), [5])
            self.assertEqual(
                [await self.store.count(kind) for kind in (Client, *KINDS_THAT_GO)], [1, 2, 1]
            )
            for kind in KINDS_THAT_GO:
                self.assertEqual(await self.store.page(kind, ALL, None, OF_ONE), [])
                self.assertEqual(await rest_of(self.store.stream(kind, where=OF_ONE)), [])
            self.assertEqual(ids(await rest_of(self.store.stream(Address))), [2, 5])
            for product, expected in ((1, [2]), (2, [])):
                where = Where("product_id", product)
                self.assertEqual(
                    ids(await self.store.page(InventoryItem, ALL, None, where)), expected
                )
                self.assertEqual(
                    ids(await rest_of(self.store.stream(InventoryItem, where=where))), expected
                )

        await self.always(check)

    async def test_a_list_that_was_begun_before_still_has_all_and_one_after_has_none(self) -> None:
        kinds = (Address, InventoryItem, Client)
        wheres = (None, OF_ONE, Where("product_id", 1))
        asked = [
            (kind, where)
            for kind in kinds
            for where in wheres
            if where is None or hasattr(kind, where.field)
        ]
        before = [await self.store.page(kind, ALL, None, where) for kind, where in asked]
        early = [self.store.stream(kind, where=where) for kind, where in asked]
        also = [self.store.stream(kind, where=where) for kind, where in asked]
        await self.store.delete(Client, 1)
        after = [await self.store.page(kind, ALL, None, where) for kind, where in asked]
        late = [self.store.stream(kind, where=where) for kind, where in asked]
        await self.store.update(Message, 1, data="later than the late ones")
        self.assertEqual([await rest_of(stream) for stream in early], before)
        await self.cleared()
        self.assertEqual([await rest_of(stream) for stream in also], before)
        self.assertEqual([await rest_of(stream) for stream in late], after)

    async def test_its_changes_are_told_once_each_and_in_order(self) -> None:
        before = self.store.rev
        await self.store.delete(Client, 1)
        await self.store.update(Message, 1, data="later")

        async def check() -> None:
            changes = await self.store.changes(before, ALL)
            self.assertEqual(
                [change.rev for change in changes], list(range(before + 1, before + 11))
            )
            self.assertEqual([change.record for change in changes[:9]], [None] * 9)
            gone = {(change.kind, change.id) for change in changes[:8]}
            self.assertEqual(
                gone,
                {
                    *((Address, id) for id in (1, 3, 4, 6, 7)),
                    *((InventoryItem, id) for id in (1, 3, 4)),
                },
            )
            self.assertEqual(
                [(change.kind, change.id) for change in changes[8:]], [(Client, 1), (Message, 1)]
            )
            for since in range(before, before + 11):
                for limit in (1, 2, 3, ALL):
                    told = await self.store.changes(since, limit)
                    self.assertEqual(told, changes[since - before :][:limit])

        await self.always(check)
        self.assertEqual(self.store.rev, before + 10)

    async def test_what_is_taken_until_it_is_cleared_away(self) -> None:
        await self.store.delete(Client, 1)
        for kind, id, fields in (
            (Client, 1, a_client(1)),
            (Address, 3, an_address(2)),
            (InventoryItem, 1, an_item(2, 1)),
        ):
            with self.assertRaises(Taken):
                await self.store.insert(kind, id, **fields)
        again = await self.store.insert(Client, **a_client(1))  # its unique values are free at once
        self.assertEqual(again.id, 3)
        await self.store.update(Client, 2, cpf=a_client(9)["cpf"])
        await self.cleared()
        await self.store.insert(Client, 1, **a_client(10))
        await self.store.insert(Address, 3, **an_address(1))
        self.assertEqual(ids(await self.store.page(Address, ALL)), [2, 3, 5])
        self.assertEqual(await self.store.find(Client, "cpf", a_client(1)["cpf"]), again)

    async def test_one_that_is_refused_changes_nothing(self) -> None:
        await self.refused(NotFound, lambda: self.store.delete(Client, 9))
        await self.refused(Outdated, lambda: self.store.delete(Client, 1, 1_000))
        self.assertEqual(self.paused, [])
        await self.store.delete(Client, 1, (await self.store.get(Client, 1)).rev)

    async def test_one_after_the_other(self) -> None:
        await self.store.delete(Client, 1)
        others = [Deferred.fromCoroutine(self.store.delete(Client, 2)) for _ in range(2)]
        stage: Deferred[Stage] = Deferred.fromCoroutine(self.store.stage({}))
        for _ in range(3):
            self.assertFalse(any(other.called for other in [*others, stage]))
            await self.store.update(Message, 1, data="nobody else waits")
        await self.cleared()
        await others[0]
        self.assertEqual(await self.store.count(Address), 0)
        with self.assertRaises(NotFound):
            await self.cleared()
            await others[1]
        await (await stage).abandon()

    async def test_what_is_staged_is_over_before(self) -> None:
        stage = await cast(IStages, self.store).stage({})
        deleted = Deferred.fromCoroutine(self.store.delete(Client, 1))
        await self.store.update(Message, 1, data="nobody else waits")
        self.assertFalse(deleted.called)
        await stage.abandon()
        await deleted
        self.assertEqual(ids(await self.store.page(Address, ALL)), [2, 5])

    async def test_within_a_transaction_it_goes_with_the_other_changes_or_stays_with_them(
        self,
    ) -> None:
        async def body(transaction: ITransaction) -> None:
            for client in (1, 2):
                await transaction.delete(Client, client)
            self.assertEqual(await transaction.count(Address), 0)
            if not succeeds:
                raise Forbidden

        before, succeeds = await everything(self.store), False
        with self.assertRaises(Forbidden):
            await self.store.transact(body)
        self.assertEqual(await everything(self.store), before)
        succeeds = True
        await self.store.transact(body)
        self.assertEqual(
            [await self.store.count(kind) for kind in (Client, *KINDS_THAT_GO)], [0, 0, 0]
        )
        self.assertEqual(self.paused, [])

    async def test_what_else_it_referred_to_can_go_meanwhile(self) -> None:
        stream = self.store.stream(InventoryItem)
        await self.store.delete(Client, 1)
        before = await everything(self.store)

        async def body(transaction: ITransaction) -> None:
            await transaction.delete(Product, 1)
            self.assertEqual(await transaction.count(InventoryItem), 0)
            if not succeeds:
                raise Forbidden

        succeeds = False
        with self.assertRaises(Forbidden):
            await self.store.transact(body)
        self.assertEqual(await everything(self.store), before)
        succeeds = True
        await self.store.transact(body)
        told = await self.store.changes(before["rev"], ALL)
        self.assertEqual(
            [(change.kind, change.id) for change in told], [(InventoryItem, 2), (Product, 1)]
        )

        async def check() -> None:
            self.assertEqual(await self.store.page(InventoryItem, ALL), [])
            self.assertEqual(ids(await self.store.page(Product, ALL)), [2])

        await self.always(check)
        self.assertEqual(ids(await rest_of(stream)), [1, 2, 3, 4])

    async def test_afterwards_nothing_is_left_of_it(self) -> None:
        tables = self.store._tables
        weighed = tables.stored
        client = await self.store.insert(Client, **a_client(7))
        for _ in range(3):
            await self.store.insert(Address, **an_address(client.id))
        await self.store.delete(Client, client.id)
        await self.cleared()
        self.assertEqual(tables.stored, weighed)
        self.assertIsNone(tables.cascade)
        self.assertFalse(self.store._hiding.locked)
        for kind in KINDS_THAT_GO:
            self.assertIsNone(tables.table(kind).hidden)
            self.assertNotIn(client.id, tables.table(kind).indexes["client_id"])
