# mypy: allow-untyped-calls
"""What every store promises that takes in many records at once: nobody sees any of them before
everybody sees all.
"""

from __future__ import annotations

from random import Random
from typing import Any, cast

from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client
from sockcrud.errors import DomainError, Forbidden, NotFound, QuotaExceeded, Taken
from sockcrud.identity.records import Account, Company
from sockcrud.records import Record
from sockcrud.storage.contract import IReads, IStages, ITransaction, Overtaken, Stage, Where
from tests.storage.store_case import (
    ALL,
    StoreCase,
    a_client,
    a_company,
    an_account,
    an_address,
    everything,
    ids,
    rest_of,
)


def client(number: int, **fields: Any) -> Client:
    return Client(id=number, rev=0, **a_client(number, **fields))


def address(number: int, client_id: int) -> Address:
    return Address(id=number, rev=0, **an_address(client_id))


def message(number: int) -> Message:
    return Message(id=number, rev=0, data=f"{number}")


async def permit(transaction: ITransaction) -> None:
    """Permit it."""


class StagingPromises(StoreCase):
    """Some records are there; others are staged among them."""

    async def staged(self, *records: Record) -> Stage:
        highest: dict[type[Record], int] = {}
        for record in records:
            highest[type(record)] = max(highest.get(type(record), 0), record.id)
        stage = await cast(IStages, self.store).stage(highest)
        for record in records:
            await stage.add([record])
        return stage

    async def stock(self) -> None:
        for number in (2, 4, 6):
            await self.store.insert(Client, number, **a_client(number))
        await self.store.insert(Address, 20, **an_address(2))

    async def new_ones(self) -> Stage:
        return await self.staged(
            client(1), client(5), client(9), address(10, 5), address(21, 2), address(30, 2)
        )

    async def test_nothing_of_it_is_seen_before_it_is_published(self) -> None:
        await self.stock()
        before = await everything(self.store)
        stream = self.store.stream(Client)
        stage = await self.new_ones()
        self.assertEqual(await everything(self.store), before)
        for id in (1, 5, 9):
            with self.assertRaises(NotFound):
                await self.store.get(Client, id)
        self.assertIsNone(await self.store.find(Client, "cpf", a_client(5)["cpf"]))
        self.assertEqual(ids(await self.store.page(Client, 2)), [2, 4])
        self.assertEqual(ids(await self.store.page(Client, 2, after=4)), [6])
        self.assertEqual(await self.store.page(Address, ALL, None, Where("client_id", 5)), [])
        between = (
            self.store.stream(Address, where=Where("client_id", 2)),
            self.store.stream(Client, 4),
        )
        await stage.publish(permit)
        self.assertEqual(ids(await rest_of(stream)), [2, 4, 6])
        self.assertEqual([ids(await rest_of(each)) for each in between], [[20], [6]])

    async def test_all_of_it_is_seen_at_once(self) -> None:
        await self.stock()
        before = self.store.rev
        stage = await self.new_ones()
        await self.store.update(Client, 2, name="Other")
        await stage.publish(permit)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2, 4, 5, 6, 9])
        self.assertEqual(
            ids(await rest_of(self.store.stream(Address, where=Where("client_id", 2)))),
            [20, 21, 30],
        )
        self.assertEqual([await self.store.count(kind) for kind in (Client, Address)], [6, 4])
        found = await self.store.find(Client, "cpf", a_client(5)["cpf"])
        self.assertEqual(found, await self.store.get(Client, 5))
        changes = await self.store.changes(before, ALL)
        self.assertEqual([change.id for change in changes], [2, 1, 5, 9, 10, 21, 30])
        self.assertEqual(
            [change.rev for change in changes], sorted({change.rev for change in changes})
        )
        self.assertEqual(changes[-1].rev, self.store.rev)
        self.assertEqual(
            [change.record and change.record.rev for change in changes],
            [change.rev for change in changes],
        )

    async def test_the_records_are_like_any_others_then(self) -> None:
        await self.stock()
        await (await self.new_ones()).publish(permit)
        five = await self.store.get(Client, 5)
        five = await self.store.update(Client, 5, five.rev, name="New")
        self.assertEqual(five.rev, self.store.rev)
        stream = self.store.stream(Address)
        await self.store.delete(Client, 2)
        self.assertEqual(ids(await self.store.page(Address, ALL)), [10])
        self.assertEqual(ids(await rest_of(stream)), [10, 20, 21, 30])
        self.assertEqual((await self.store.insert(Client, **a_client(11))).id, 10)
        await (await self.staged(client(2), address(40, 2))).publish(permit)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2, 4, 5, 6, 9, 10])

    async def test_abandoned_it_never_was(self) -> None:
        await self.stock()
        before = await everything(self.store)
        await (await self.new_ones()).abandon()
        self.assertEqual(await everything(self.store), before)
        for number in (1, 5, 9):
            await self.store.insert(Client, number, **a_client(number))
        await (await self.staged(client(10))).publish(permit)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2, 4, 5, 6, 9, 10])

    async def test_what_is_staged_is_taken_and_others_get_ids_above(self) -> None:
        await self.stock()
        stage = await self.new_ones()
        with self.assertRaises(Taken):
            await self.store.insert(Client, 5, **a_client(50))
        with self.assertRaises(Taken):
            await self.store.insert(Client, **a_client(51, cpf=a_client(5)["cpf"]))
        with self.assertRaises(Taken):
            await self.store.update(Client, 2, email=a_client(9)["email"].upper())
        self.assertEqual((await self.store.insert(Client, **a_client(52))).id, 10)
        with self.assertRaises(NotFound):
            await self.store.insert(Address, **an_address(5))
        for work in (self.store.update(Client, 5, name="x"), self.store.delete(Client, 5)):
            with self.assertRaises(NotFound):
                await work
        await stage.publish(permit)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2, 4, 5, 6, 9, 10])

    async def test_others_get_no_id_of_what_is_still_to_come(self) -> None:
        stage = await cast(IStages, self.store).stage({Client: 9})
        self.assertEqual((await self.store.insert(Client, **a_client(50))).id, 10)
        await stage.add([client(1)])
        self.assertEqual((await self.store.insert(Client, **a_client(51))).id, 11)
        await stage.add([client(2), client(9)])
        await stage.publish(permit)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2, 9, 10, 11])

    async def test_a_record_that_cannot_be_there_is_refused_and_named(self) -> None:
        await self.stock()
        cases: list[tuple[Record, type[DomainError]]] = [
            (client(4), Taken),
            (client(7, cpf=a_client(2)["cpf"]), Taken),
            (client(7, email=a_client(1)["email"].upper()), Taken),
            (address(20, 2), Taken),
            (address(40, 8), NotFound),
        ]
        for record, error in cases:
            before = await everything(self.store)
            stage = await self.new_ones()
            with self.assertRaises(Overtaken) as caught:
                await stage.add([client(11), record])
            self.assertEqual(
                (caught.exception.kind, caught.exception.id), (type(record), record.id)
            )
            self.assertIsInstance(caught.exception.error, error)
            await stage.abandon()
            self.assertEqual(await everything(self.store), before)

    async def test_who_deletes_what_it_refers_to_takes_it_along_and_it_fails(self) -> None:
        await self.stock()
        stage = await self.new_ones()
        before = self.store.rev
        await self.store.delete(Client, 2)
        self.assertEqual(await self.store.page(Address, ALL), [])
        shown = [(change.kind, change.id) for change in await self.store.changes(before, ALL)]
        self.assertEqual(shown, [(Address, 20), (Client, 2)])
        with self.assertRaises(Overtaken) as caught:
            await stage.publish(permit)
        self.assertIsInstance(caught.exception.error, NotFound)
        await stage.abandon()
        self.assertEqual(ids(await self.store.page(Client, ALL)), [4, 6])

    async def test_a_delete_that_is_taken_back_takes_nothing_along(self) -> None:
        await self.stock()
        stage = await self.new_ones()

        async def body(transaction: ITransaction) -> None:
            await transaction.delete(Client, 2)
            raise Forbidden

        with self.assertRaises(Forbidden):
            await self.store.transact(body)
        await stage.publish(permit)
        self.assertEqual(ids(await self.store.page(Address, ALL)), [10, 20, 21, 30])

    async def test_what_refers_without_going_along_keeps_what_it_refers_to(self) -> None:
        await self.store.insert(Company, **a_company("Acme"))
        stage = await self.staged(Account(id=1, rev=0, **an_account("ana", 1)))
        with self.assertRaises(DomainError):
            await self.store.delete(Company, 1)
        await stage.publish(permit)
        self.assertEqual(await self.store.count(Account), 1)

    async def test_who_may_not_publishes_nothing(self) -> None:
        await self.stock()
        before = await everything(self.store)
        stage, seen = await self.new_ones(), list[int]()

        async def forbid(transaction: ITransaction) -> None:
            seen.extend(ids(await cast(IReads, transaction).page(Client, ALL)))
            raise Forbidden

        with self.assertRaises(Forbidden):
            await stage.publish(forbid)
        self.assertEqual(seen, [2, 4, 6])
        await stage.abandon()
        self.assertEqual(await everything(self.store), before)

    async def test_a_kind_that_is_full_takes_no_more_and_room_comes_back(self) -> None:
        tables = cast(Any, self.store)._tables
        weighed = tables.stored
        tables.table(Message).most = 3
        stage = await self.staged(message(1), message(2))
        with self.assertRaises(QuotaExceeded):
            await self.store.insert(Message, 9, data="x")
            await self.store.insert(Message, 10, data="x")
        with self.assertRaises(Overtaken) as caught:
            await stage.add([message(3)])
        self.assertIsInstance(caught.exception.error, QuotaExceeded)
        await stage.abandon()
        await self.store.delete(Message, 9)
        self.assertEqual(tables.stored, weighed)

    async def test_one_after_the_other(self) -> None:
        for end in (lambda stage: stage.publish(permit), lambda stage: stage.abandon()):
            first = await self.staged(message(self.store.rev % 1000))
            second: Deferred[Stage] = Deferred.fromCoroutine(cast(Any, self.store).stage({}))
            self.assertFalse(second.called)
            await end(first)
            await (await second).abandon()

    async def test_among_whatever_others_do_it_is_as_if_it_came_in_one_change(self) -> None:
        for seed in range(5):
            await self._among_others(Random(seed), 1000 * seed)

    async def _among_others(self, random: Random, first: int) -> None:
        """Change messages below and above the staged ones, and hold what is seen against what it
        has to be.
        """
        mine = {message.id: message.data for message in await self.store.page(Message, ALL)}
        numbers = random.sample(range(first, first + 1000), 300)
        staged, others = numbers[:150], numbers[150:]
        stage = await cast(IStages, self.store).stage({Message: max(numbers)})
        while staged:
            some, staged = staged[:10], staged[10:]
            await stage.add([message(id) for id in some])
            for _ in range(5):
                await self._change(random, mine, others)
            after = random.choice([None, first + random.randrange(1000)])
            expected = sorted(id for id in mine if after is None or id > after)
            self.assertEqual(ids(await self.store.page(Message, 40, after)), expected[:40])
            self.assertEqual(ids(await rest_of(self.store.stream(Message, after))), expected)
            self.assertEqual(await self.store.count(Message), len(mine))
        stream, expected = self.store.stream(Message), sorted(mine)
        if random.random() < 0.3:
            await stage.abandon()
        else:
            await stage.publish(permit)
            mine |= {id: f"{id}" for id in numbers[:150]}
        self.assertEqual(ids(await rest_of(stream)), expected)
        self.assertEqual({each.id: each.data for each in await self.store.page(Message, ALL)}, mine)
        self.assertEqual(ids(await rest_of(self.store.stream(Message))), sorted(mine))

    async def _change(self, random: Random, mine: dict[int, str], others: list[int]) -> None:
        id, kind = random.choice(others), random.randrange(3)
        if id not in mine:
            await self.store.insert(Message, id, data="new")
            mine[id] = "new"
        elif kind:
            await self.store.update(Message, id, data=f"{kind}")
            mine[id] = f"{kind}"
        else:
            await self.store.delete(Message, id)
            del mine[id]
