# mypy: allow-untyped-calls
"""What a store promises of records that belong together: references, and transactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from zope.interface.verify import verifyObject

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.errors import DomainError, NotFound, Outdated, StillReferred, Taken
from sockcrud.identity.records import Account, Company, Session
from sockcrud.storage.contract import IStore, ITransaction, Where
from tests.storage.store_case import (
    ALL,
    StoreCase,
    a_client,
    a_company,
    a_product,
    a_session,
    a_user,
    an_account,
    an_address,
    an_item,
    everything,
    ids,
)


async def stocked(store: IStore) -> None:
    """Put in two clients with addresses, two products and what was bought, and a company with an
    account and its session.
    """
    for number in (1, 2):
        await store.insert(Client, **a_client(number))
        await store.insert(Product, **a_product(f"product {number}"))
    for client_id in (1, 2, 1):
        await store.insert(Address, **an_address(client_id))
    for client_id, product_id in ((1, 1), (1, 2), (2, 1), (2, 2)):
        await store.insert(InventoryItem, **an_item(client_id, product_id))
    await store.insert(Company, **a_company("Acme"))
    await store.insert(Account, **an_account("ana", 1))
    await store.insert(Session, **a_session("a", 1))


class ReferencePromises(StoreCase):
    """A reference always names a record that is there."""

    async def test_what_a_reference_names_must_be_there(self) -> None:
        await stocked(self.store)
        refusals: list[tuple[Callable[[], Awaitable[object]], str, int]] = [
            (lambda: self.store.insert(Address, **an_address(3)), "Client", 3),
            (lambda: self.store.insert(InventoryItem, **an_item(-1, 1)), "Client", -1),
            (lambda: self.store.insert(InventoryItem, **an_item(1, 9)), "Product", 9),
            (lambda: self.store.update(InventoryItem, 1, product_id=9), "Product", 9),
            (lambda: self.store.update(Account, 1, company_id=2, login="new"), "Company", 2),
        ]
        for work, kind, id in refusals:
            error = await self.refused(NotFound, work)
            self.assertEqual((error.kind, error.id), (kind, id))

    async def test_a_reference_can_change_to_another_record(self) -> None:
        await stocked(self.store)
        await self.store.update(Address, 1, client_id=2)
        await self.store.delete(Client, 1)
        self.assertEqual(ids(await self.store.page(Address, ALL)), [1, 2])
        self.assertEqual(
            ids(await self.store.page(Address, ALL, None, Where("client_id", 2))), [1, 2]
        )

    async def test_a_deleted_record_can_no_longer_be_referred_to(self) -> None:
        await stocked(self.store)
        await self.store.delete(Client, 1)
        await self.refused(NotFound, lambda: self.store.insert(Address, **an_address(1)))

    async def test_what_belongs_to_a_record_goes_with_it(self) -> None:
        await stocked(self.store)
        await self.store.delete(Client, 1)
        self.assertEqual(ids(await self.store.page(Address, ALL)), [2])
        self.assertEqual(ids(await self.store.page(InventoryItem, ALL)), [3, 4])
        self.assertEqual(
            ids(await self.store.page(InventoryItem, ALL, None, Where("product_id", 1))), [3]
        )
        self.assertEqual(await self.store.page(Address, ALL, None, Where("client_id", 1)), [])
        await self.store.delete(Product, 2)
        self.assertEqual(ids(await self.store.page(InventoryItem, ALL)), [3])
        await self.store.delete(Account, 1)
        self.assertEqual(await self.store.count(Session), 0)

    async def test_what_goes_with_a_record_goes_before_it_each_with_its_own_revision(self) -> None:
        await stocked(self.store)
        start = self.store.rev
        await self.store.delete(Client, 1)
        changes = await self.store.changes(start, ALL)
        self.assertEqual([change.rev for change in changes], list(range(start + 1, start + 6)))
        self.assertEqual((changes[-1].kind, changes[-1].id), (Client, 1))
        gone = {(change.kind, change.id) for change in changes[:-1]}
        self.assertEqual(gone, {(Address, 1), (Address, 3), (InventoryItem, 1), (InventoryItem, 2)})
        self.assertEqual({change.record for change in changes}, {None})
        self.assertEqual(self.store.rev, start + 5)

    async def test_a_record_stays_while_others_that_do_not_go_with_it_refer_to_it(self) -> None:
        await stocked(self.store)
        error = await self.refused(StillReferred, lambda: self.store.delete(Company, 1))
        self.assertEqual((error.kind, error.id, error.by), ("Company", 1, "Account"))
        await self.store.delete(Account, 1)
        await self.store.delete(Company, 1)
        self.assertEqual(await self.store.count(Company), 0)

    async def test_a_record_can_go_once_what_referred_to_it_refers_elsewhere(self) -> None:
        await stocked(self.store)
        await self.store.insert(Company, **a_company("Other"))
        await self.store.update(Account, 1, company_id=2)
        await self.store.delete(Company, 1)
        await self.refused(StillReferred, lambda: self.store.delete(Company, 2))

    async def test_an_outdated_delete_takes_nothing_along(self) -> None:
        await stocked(self.store)
        await self.refused(Outdated, lambda: self.store.delete(Client, 1, 2))


class Stop(Exception):
    """Raised by a body that wants nothing of it to stay."""


async def turn_everything_over(transaction: ITransaction) -> None:
    """Insert, update and delete in every way there is, on what `stocked` put in."""
    await transaction.insert(Client, 77, **a_client(77))
    await transaction.update(Client, 2, email="rui77@example.com", cpf="000.000.000-00")
    await transaction.insert(Address, **an_address(77))
    await transaction.update(Address, 2, client_id=77)
    await transaction.delete(Client, 1)
    await transaction.insert(Client, **a_client(1))
    await transaction.update(Account, 1, role="admin", login="new")
    await transaction.delete(Account, 1)
    await transaction.delete(Company, 1)
    await transaction.insert(Company, **a_company("ACME"))
    await transaction.insert(User, 2**63 - 1, **a_user())


class TransactionPromises(StoreCase):
    """A transaction takes effect as a whole or not at all."""

    async def stopped(self, body: Callable[[ITransaction], Awaitable[object]]) -> None:
        """Run `body` in a transaction that fails after it."""

        async def stopping(transaction: ITransaction) -> None:
            await body(transaction)
            raise Stop("as told")

        with self.assertRaises(Stop) as caught:
            await self.store.transact(stopping)
        self.assertEqual(str(caught.exception), "as told")

    async def test_fires_with_the_result_of_its_body(self) -> None:
        async def body(transaction: ITransaction) -> str:
            verifyObject(ITransaction, transaction)
            await transaction.lock("a rule")
            return "done"

        self.assertEqual(await self.store.transact(body), "done")
        self.assertEqual(self.store.rev, 0)

    async def test_all_of_its_changes_stay_with_a_revision_each(self) -> None:
        await stocked(self.store)
        start = self.store.rev
        await self.store.transact(turn_everything_over)
        revs = [change.rev for change in await self.store.changes(start, ALL)]
        self.assertEqual(revs, sorted(set(revs)))
        self.assertEqual(revs[-1], self.store.rev)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [2, 77, 78])
        self.assertEqual(
            ids(await self.store.page(Address, ALL, None, Where("client_id", 77))), [2, 4]
        )
        self.assertEqual(
            [company.name for company in await self.store.page(Company, ALL)], ["ACME"]
        )

    async def test_one_that_fails_leaves_everything_as_it_was(self) -> None:
        await stocked(self.store)
        before = await everything(self.store)
        await self.stopped(turn_everything_over)
        self.assertEqual(await everything(self.store), before)
        self.assertIsNone(await self.store.find(Client, "email", "rui77@example.com"))
        self.assertIsNone(await self.store.find(Account, "login", "new"))
        self.assertEqual(await self.store.page(Address, ALL, None, Where("client_id", 77)), [])
        self.assertEqual(await self.store.page(Account, ALL, None, Where("role", "admin")), [])

    async def test_one_that_fails_gives_its_ids_and_unique_values_back(self) -> None:
        await stocked(self.store)
        await self.stopped(turn_everything_over)
        self.assertEqual((await self.store.insert(Client, **a_client(77))).id, 3)
        self.assertEqual((await self.store.insert(Address, **an_address(1))).id, 4)
        self.assertEqual((await self.store.insert(User, **a_user())).id, 1)
        await self.refused(Taken, lambda: self.store.insert(Client, **a_client(1)))
        await self.refused(Taken, lambda: self.store.insert(Company, **a_company("acme")))
        await self.store.delete(Client, 1)
        self.assertEqual(ids(await self.store.page(InventoryItem, ALL)), [3, 4])

    async def test_what_a_failed_one_did_can_be_done_again(self) -> None:
        await stocked(self.store)
        for _ in range(2):
            await self.stopped(turn_everything_over)
        await self.store.transact(turn_everything_over)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [2, 77, 78])

    async def test_a_refusal_that_leaves_the_body_takes_the_whole_back(self) -> None:
        async def body(transaction: ITransaction) -> None:
            await transaction.insert(Client, **a_client(1))
            await transaction.insert(Client, **a_client(2))
            await transaction.insert(Client, **a_client(3, email="RUI1@example.org"))

        await self.refused(Taken, lambda: self.store.transact(body))
        self.assertEqual((await self.store.insert(Client, **a_client(1))).id, 1)

    async def test_its_body_sees_its_own_changes(self) -> None:
        await stocked(self.store)

        async def body(transaction: ITransaction) -> None:
            rui = await transaction.insert(Client, **a_client(9))
            self.assertEqual(await transaction.get(Client, rui.id), rui)
            self.assertEqual(await transaction.find(Client, "email", "RUI9@example.org"), rui)
            rui = await transaction.update(Client, rui.id, rui.rev, email="new@example.org")
            self.assertIsNone(await transaction.find(Client, "email", "rui9@example.org"))
            self.assertEqual(await transaction.page(Client, 1, 2), [rui])
            address = await transaction.insert(Address, **an_address(rui.id))
            self.assertEqual(
                await transaction.page(Address, ALL, None, Where("client_id", rui.id)), [address]
            )
            await transaction.delete(Client, 1)
            self.assertEqual(await transaction.count(Client), 2)
            self.assertEqual(ids(await transaction.page(Address, ALL)), [2, 4])
            with self.assertRaises(NotFound):
                await transaction.get(Client, 1)

        await self.store.transact(body)
        self.assertEqual(await self.store.count(Client), 2)

    async def test_two_records_can_swap_a_unique_value(self) -> None:
        await stocked(self.store)
        first, second = await self.store.page(Client, ALL)

        async def swap(transaction: ITransaction) -> None:
            await transaction.update(Client, 1, email="between@example.org")
            await transaction.update(Client, 2, email=first.email)
            await transaction.update(Client, 1, email=second.email)

        await self.stopped(swap)
        self.assertEqual(await self.store.find(Client, "email", first.email), first)
        await self.store.transact(swap)
        for id, email in ((2, first.email), (1, second.email)):
            found = await self.store.find(Client, "email", email)
            self.assertEqual(found and found.id, id)

    async def test_a_refusal_that_its_body_catches_leaves_no_trace(self) -> None:
        await stocked(self.store)
        refusals: list[tuple[type[DomainError], Callable[[ITransaction], Awaitable[object]]]] = [
            (Taken, lambda transaction: transaction.insert(Client, **a_client(2))),
            (Taken, lambda transaction: transaction.insert(Message, 1, data="again")),
            (
                Taken,
                lambda transaction: transaction.update(
                    Client, 1, email="new@example.org", cpf=a_client(2)["cpf"]
                ),
            ),
            (NotFound, lambda transaction: transaction.insert(Address, **an_address(9))),
            (NotFound, lambda transaction: transaction.delete(User, 9)),
            (Outdated, lambda transaction: transaction.delete(Client, 1, 99)),
            (StillReferred, lambda transaction: transaction.delete(Company, 1)),
        ]

        async def body(transaction: ITransaction) -> None:
            await transaction.insert(Message, data="before")
            for error, refused in refusals:
                with self.assertRaises(error):
                    await refused(transaction)
            await transaction.insert(Message, data="after")

        before = await everything(self.store)
        await self.store.transact(body)
        self.assertEqual(
            [message.data for message in await self.store.page(Message, ALL)], ["before", "after"]
        )
        self.assertEqual(self.store.rev, before["rev"] + 2)
        for kind in ("Client", "Address", "Company", "Client of email", "Address by client_id"):
            self.assertEqual((await everything(self.store))[kind], before[kind])

    async def test_a_reference_can_name_what_the_same_transaction_put_in(self) -> None:
        async def body(transaction: ITransaction) -> Address:
            rui = await transaction.insert(Client, **a_client(1))
            return await transaction.insert(Address, **an_address(rui.id))

        address = await self.store.transact(body)
        self.assertEqual((await self.store.get(Client, address.client_id)).rev, 1)
