"""Imports into PostgreSQL are seen in one, and keep nobody waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.errors import Forbidden, HistoryGone, NotFound, QuotaExceeded, Taken, Unavailable
from sockcrud.identity.records import Account, Company
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.contract import ITransaction, Overtaken, Stage
from sockcrud.storage.history import CHANGE_BYTES
from sockcrud.storage.postgres import staging
from tests.storage import store_staging
from tests.storage.postgres.postgres_case import PostgresCase, opened
from tests.storage.sqlite.sqlite_case import settled
from tests.storage.store_case import ALL, a_client, a_company, an_account, everything, ids
from tests.storage.store_staging import client, message, permit
from tests.support import postgres_kit


class PostgresStagingTests(store_staging.StagingPromises, PostgresCase):
    """The store in PostgreSQL."""

    async def test_what_is_staged_is_taken_and_others_get_ids_above(self) -> None:
        """It is not known yet whether it is taken: others wait for that a while, and nobody waits
        with them.
        """
        await self.stock()
        stage, hurried = await self.new_ones(), self.another(statement_seconds=0.2)
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: hurried.insert(Client, 5, **a_client(50)),
            lambda: hurried.insert(Client, **a_client(51, cpf=a_client(5)["cpf"])),
            lambda: hurried.update(Client, 2, email=a_client(9)["email"].upper()),
        ]
        for work in changes:
            with self.assertRaisesRegex(Unavailable, "an import is under way"):
                await work()
        self.assertEqual((await self.store.insert(Client, **a_client(52))).id, 10)
        with self.assertRaises(NotFound):
            await self.store.update(Client, 5, name="x")
        with self.assertRaises(NotFound):
            await self.store.delete(Client, 5)
        await stage.publish(permit)
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2, 4, 5, 6, 9, 10])

    async def test_what_refers_without_going_along_keeps_what_it_refers_to(self) -> None:
        """Who deletes it is not held up, and the import fails."""
        await self.store.insert(Company, **a_company("Acme"))
        stage = await self.staged(Account(id=1, rev=0, **an_account("ana", 1)))
        await self.store.delete(Company, 1)
        with self.assertRaises(Overtaken) as caught:
            await stage.publish(permit)
        self.assertEqual((caught.exception.kind, caught.exception.id), (Account, 1))
        await stage.abandon()
        self.assertEqual(await self.store.count(Account), 0)

    async def test_who_may_not_publishes_nothing(self) -> None:
        await self.stock()
        before = await everything(self.store)
        stage = await self.new_ones()

        async def forbid(transaction: ITransaction) -> None:
            raise Forbidden

        with self.assertRaises(Forbidden):
            await stage.publish(forbid)
        await stage.abandon()
        self.assertEqual(await everything(self.store), before)

    async def test_a_kind_that_is_full_takes_no_more_and_room_comes_back(self) -> None:
        store = opened(self.url, capacity=Capacity(records=3))
        self.addCleanup(lambda: settled(store.close()))
        stage = await store.stage({Message: 4})
        await stage.add([message(1), message(2), message(3)])
        with self.assertRaises(Overtaken) as caught:
            await stage.add([message(4)])
        self.assertIsInstance(caught.exception.error, QuotaExceeded)
        await stage.abandon()
        for number in range(3):
            await store.insert(Message, data=f"{number}")
        with self.assertRaises(QuotaExceeded):
            await store.insert(Message, data="x")

    async def test_who_shares_a_commit_with_one_that_is_refused_is_served(self) -> None:
        stage = await self.staged(message(1))
        late = Deferred.fromCoroutine(self.store.insert(Message, 1, data="x"))
        made = Deferred.fromCoroutine(self.store.insert(Message, 7, data="y"))
        self.assertEqual((await made).data, "y")
        self.assertFalse(late.called)
        await stage.publish(permit)
        with self.assertRaises(Taken):  # now that it is known
            await late
        self.assertEqual(ids(await self.store.page(Message, ALL)), [1, 7])

    async def test_another_node_waits_its_turn_or_is_told(self) -> None:
        other = self.another(statement_seconds=0.3)
        stage = await self.staged(message(1))
        with self.assertRaisesRegex(Unavailable, "another import is under way"):
            await other.stage({Message: 9})
        waiting: Deferred[Stage] = Deferred.fromCoroutine(self.another().stage({Message: 9}))
        await stage.publish(permit)
        after = await waiting
        await after.add([message(9)])
        await after.publish(permit)
        self.assertEqual(ids(await other.page(Message, ALL)), [1, 9])
        self.assertEqual([change.id for change in await other.changes(0, ALL)], [1, 9])

    async def test_what_others_change_meanwhile_stays_in_the_history(self) -> None:
        await self.store.insert(Message, 1_000, data="first")
        stage = await self.staged(message(1), message(2))
        for number in range(3, 9):
            await self.store.insert(Message, number, data="x")
        await stage.publish(permit)
        await self.store.insert(Message, 2_000, data="last")
        changes = await self.store.changes(0, ALL)
        self.assertEqual([change.id for change in changes], [1_000, *range(3, 9), 1, 2, 2_000])
        kept = postgres_kit.execute(self.url, "SELECT number FROM changes ORDER BY 1")
        self.assertEqual(kept, [(number,) for number in range(1, 11)])
        [[bytes_there, counted]] = postgres_kit.execute(
            self.url,
            f"SELECT sum({CHANGE_BYTES} + octet_length(record)), (SELECT journaled_bytes FROM "
            f"state) FROM changes",
        )
        self.assertEqual(bytes_there, counted)

    async def test_the_history_begins_anew_with_a_large_one(self) -> None:
        for first, others in ((1, 0), (1_001, 3)):
            stage = await self.store.stage({Message: first + 19}, staging.FEW + 1)
            await stage.add([message(number) for number in range(first, first + 20)])
            made = [(await self.store.insert(Message, data="meanwhile")).rev for _ in range(others)]
            await stage.publish(permit)
            last = await self.store.insert(Message, data="last")
            expected = [*range(first, first + 20), last.id]
            told = await self.store.changes(made[-1] if made else 0, ALL)
            self.assertEqual([change.id for change in told][-21:], expected)

    async def test_of_a_large_one_only_so_many_changes_are_kept_as_of_others(self) -> None:
        store = opened(self.url, history=5)
        self.addCleanup(lambda: settled(store.close()))
        await store.insert(Message, 1_000, data="first")
        before = store.rev
        stage = await store.stage({Message: 20}, 20)
        await stage.add([message(number) for number in range(1, 21)])
        await stage.publish(permit)
        last = (await store.get(Message, 20)).rev
        self.assertEqual(
            [change.id for change in await store.changes(last - 5, ALL)], [16, 17, 18, 19, 20]
        )
        for since in (0, before, last - 6):
            with self.assertRaises(HistoryGone):
                await store.changes(since, ALL)

    async def test_a_client_of_a_staged_record_is_found_by_nobody_else(self) -> None:
        stage = await self.staged(client(1))
        other = self.another()
        with self.assertRaises(NotFound):
            await other.get(Client, 1)
        await stage.publish(permit)
        self.assertEqual((await other.get(Client, 1)).id, 1)
