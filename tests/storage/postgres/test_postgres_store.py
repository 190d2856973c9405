# mypy: allow-untyped-calls
"""What the PostgreSQL store does beyond the contract: batches, round trips, long transactions, what
it leaves behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest import mock

import psycopg
from twisted.internet.defer import Deferred, gatherResults

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, Product
from sockcrud.errors import DomainError, NotFound, NotLoggedIn, Taken, Unavailable
from sockcrud.identity.records import Account, Company, Session
from sockcrud.identity.sessions import Sessions
from sockcrud.storage.contract import IFarAway, ITransaction
from sockcrud.storage.maintenance.import_rows import Given, Unimportable
from sockcrud.storage.maintenance.transfer import add_records
from sockcrud.storage.postgres import writer as postgres_writer
from sockcrud.storage.postgres.link import Ask, Link
from sockcrud.storage.postgres.store import PostgresStore
from tests.storage.postgres.postgres_case import PostgresCase, opened, until
from tests.storage.sqlite.sqlite_case import started, the_reactor
from tests.storage.store_case import (
    ALL,
    a_client,
    a_company,
    a_product,
    a_session,
    an_account,
    an_address,
    ids,
)
from tests.support import postgres_kit


class RoundTripsCase(PostgresCase):
    """Counts what is sent: in `trips`, a list of the statements of each round trip."""

    def setUp(self) -> None:
        super().setUp()
        self.trips: list[list[str]] = []
        real = Link.ask

        def ask(link: Link, asks: Sequence[Ask], seconds: float) -> Any:
            self.trips.append([statement.name.decode() for statement, _ in asks])
            return real(link, asks, seconds)

        patched = mock.patch.object(Link, "ask", ask)
        patched.start()
        self.addCleanup(patched.stop)

    async def warm(self) -> None:
        """Have all connections there, and nothing counted."""
        await self.store.insert(Company, **a_company("Acme"))
        await self.store.insert(Account, **an_account("ana", 1))
        await self.store.count(Message)
        await self.store.get(Account, 1)
        self.trips.clear()


async def outcomes(*works: Any) -> list[Any]:
    """Begin all in one turn, and fire with their results and errors."""

    async def outcome(work: Any) -> Any:
        try:
            return await work
        except DomainError as error:
            return error

    gathered: list[Any] = await gatherResults(
        [Deferred.fromCoroutine(outcome(work)) for work in works]
    )
    return gathered


class BatchesTests(RoundTripsCase):
    async def test_reads_of_one_turn_are_one_round_trip_and_each_gets_its_own(self) -> None:
        await self.warm()
        for number in range(1, 6):
            await self.store.insert(Client, **a_client(number))
        self.trips.clear()
        found = await outcomes(
            *(self.store.get(Client, id) for id in (1, 2, 2, 99)),
            *(
                self.store.find(Client, "email", email)
                for email in ("RUI3@example.org", "nobody@example.org")
            ),
            self.store.get(Account, 1),
        )
        self.assertEqual(len(self.trips), 1)
        self.assertEqual(
            [type(each) for each in found],
            [Client, Client, Client, NotFound, Client, type(None), Account],
        )
        self.assertEqual([found[0].id, found[1].id, found[2].id, found[4].id], [1, 2, 2, 3])

    async def test_what_is_asked_for_while_a_query_is_under_way_is_no_part_of_it(self) -> None:
        await self.warm()
        await self.store.insert(Message, data="old")
        self.trips.clear()
        first = started(self.store.get(Message, 1))
        await until(lambda: bool(self.trips))
        await self.another().update(Message, 1, data="new")
        second = await self.store.get(Message, 1)
        await first
        self.assertEqual(second.data, "new")

    async def test_changes_of_one_turn_share_a_commit_and_one_that_fails_fails_alone(self) -> None:
        await self.warm()
        done = await outcomes(
            self.store.insert(Client, **a_client(1)),
            self.store.insert(Client, **a_client(2, email="rui1@example.org")),
            self.store.insert(Client, **a_client(3)),
            self.store.insert(Address, **an_address(1)),
            self.store.insert(Address, **an_address(77)),
            self.store.update(Account, 1, login="new"),
            self.store.transact(lambda transaction: transaction.count(Client)),
            self.store.delete(Message, 5),
        )
        self.assertEqual(
            [type(each) for each in done],
            [Client, Taken, Client, Address, NotFound, Account, int, NotFound],
        )
        self.assertEqual([trip[-1] for trip in self.trips].count("commit"), 1)
        self.assertEqual(len(self.trips), 2)  # what they rest on; all the changes
        self.assertEqual((done[2].id, done[6], self.store.rev), (2, 2, 6))
        self.assertEqual(ids(await self.store.page(Client, ALL)), [1, 2])

    async def test_a_body_that_fails_leaves_nothing_to_those_it_shares_a_commit_with(self) -> None:
        async def fails(transaction: ITransaction) -> None:
            await transaction.insert(Client, **a_client(1))
            await transaction.delete(Product, 1)
            await transaction.delete(Product, 99)

        await self.store.insert(Product, **a_product("tea"))
        done = await outcomes(
            self.store.transact(fails),
            self.store.insert(Client, **a_client(1)),
            self.store.transact(fails),
            self.store.insert(Product, **a_product("tea")),
        )
        self.assertEqual([type(each) for each in done], [NotFound, Client, Taken, Taken])
        self.assertEqual((done[1].id, done[1].rev), (1, 2))

    async def test_changes_that_rest_on_nothing_are_as_many_in_a_commit_as_any(self) -> None:
        await self.warm()
        done = await outcomes(*(self.store.insert(Message, data="x") for _ in range(500)))
        self.assertEqual(ids(done), list(range(1, 501)))
        self.assertEqual([trip[-1] for trip in self.trips].count("commit"), 1)

    async def test_a_flood_of_questions_is_shared_out_so_that_another_question_need_not_wait_for_all_of_it(  # noqa: E501
        self,
    ) -> None:
        await self.warm()
        flood = [
            started(self.store.find(Session, "token_hash", f"{number:064X}"))
            for number in range(2_000)
        ]
        self.assertEqual((await self.store.get(Account, 1)).login, "ana")
        self.assertLess(sum(each.called for each in flood), 1_000)
        self.assertEqual([await each for each in flood], [None] * 2_000)
        self.assertGreaterEqual(len(self.trips), 10)

    async def test_how_many_there_are_of_all_kinds_is_one_question(self) -> None:
        await self.warm()
        counts = await outcomes(
            *(self.store.count(kind) for kind in (Account, Company, Message) * 50)
        )
        self.assertEqual(counts, [1, 1, 0] * 50)
        self.assertEqual(self.trips, [["sizes"]])

    async def test_a_login_is_one_question(self) -> None:
        await self.warm()
        sessions = Sessions(self.store, the_reactor())
        account = await self.store.get(Account, 1)
        logins = [await sessions.start(account, "shop", "") for _ in range(3)]
        self.trips.clear()
        resumed = await outcomes(
            *(sessions.resume(token, "shop") for token, _ in logins),
            sessions.resume("0" * 64, "shop"),
        )
        self.assertEqual(len(self.trips), 1)
        self.assertEqual(resumed[:3], [(session, account) for _, session in logins])
        self.assertIsInstance(resumed[3], NotLoggedIn)

    async def test_what_a_record_leads_to_is_of_the_same_moment(self) -> None:
        self.assertTrue(IFarAway.providedBy(self.store))
        await self.warm()
        session = await self.store.insert(Session, **a_session("a", 1))
        path = ("account_id", "company_id")
        account, company = await self.store.get(Account, 1), await self.store.get(Company, 1)
        found = await self.store.find_with(Session, "token_hash", "a" * 64, path)
        self.assertEqual(list(found), [session, account, company])
        self.assertEqual(
            list(await self.store.find_with(Session, "token_hash", "b" * 64, path)), []
        )


class LongTests(RoundTripsCase):
    async def test_values_can_be_passed_on_in_a_ring_however_few_are_written_at_once(self) -> None:
        for number in range(10):
            await self.store.insert(Product, **a_product(f"product {number}"))

        async def rotate(transaction: ITransaction) -> None:
            await transaction.update(Product, 1, name="between")
            for number in range(2, 11):
                await transaction.update(Product, number, name=f"product {number - 2}")
            await transaction.update(Product, 1, name="product 9")
            await transaction.insert(Product, **a_product("new"))

        with mock.patch.object(postgres_writer, "MANY", 3):
            await self.store.transact(rotate)
        names = [product.name for product in await self.store.page(Product, ALL)]
        self.assertEqual(names, ["product 9", *(f"product {number}" for number in range(9)), "new"])
        self.assertEqual(len(await self.store.changes(10, ALL)), 12)

    async def test_an_import_asks_for_what_it_needs_in_few_round_trips(self) -> None:
        given = [
            Given(number, {"kind": "Client", "id": number, **_as_json(a_client(number))})
            for number in range(1, 601)
        ]
        self.assertEqual(await add_records(self.store, the_reactor(), given), {"Client": 600})
        self.assertLess(len(self.trips), 60)
        self.assertEqual(await self.store.count(Client), 600)
        many = [
            Given(number, {"kind": "Client", "id": number, **_as_json(a_client(number))})
            for number in range(595, 1201)
        ]
        with self.assertRaises(Unimportable) as caught:
            await add_records(self.store, the_reactor(), many)
        self.assertEqual({fault.line for fault in caught.exception.faults}, set(range(595, 601)))
        self.assertEqual(await self.store.count(Client), 600)
        clash = Given(1, {"kind": "Client", "id": 700, **_as_json(a_client(5))})
        with self.assertRaises(Unimportable):
            await add_records(self.store, the_reactor(), [clash])

    async def test_a_transaction_of_many_may_take_longer_to_write_down_than_one_may_be_idle(
        self,
    ) -> None:
        hurried = self.another(statement_seconds=0.3)
        real = postgres_writer.note

        def slowly(staged: Any, steps: Any) -> Any:
            postgres_kit.execute(self.url, "SELECT pg_sleep(0.6)")
            return real(staged, steps)

        async def many(transaction: ITransaction) -> None:
            for _ in range(10):
                await transaction.insert(Message, data="x")

        with (
            mock.patch.object(postgres_writer, "MANY", 3),
            mock.patch.object(postgres_writer, "note", slowly),
        ):
            await hurried.transact(many)
        self.assertEqual(await hurried.count(Message), 10)

    async def test_who_waits_behind_a_transaction_that_takes_long_is_told_in_time(self) -> None:
        await self.store.close()
        hurried = self.another(statement_seconds=0.2)
        holding: Deferred[None] = Deferred()

        async def hold(transaction: ITransaction) -> None:
            await transaction.page(Message, 1)
            await holding

        held = started(outcomes(hurried.transact(hold)))
        await until(lambda: ["messages page  from start"] in self.trips)
        since = the_reactor().seconds()
        with self.assertRaises(Unavailable):
            await hurried.insert(Message, data="x")
        self.assertLess(the_reactor().seconds() - since, 2.0)
        holding.callback(None)
        await held
        self.assertEqual((await hurried.insert(Message, data="x")).data, "x")


class HistoryTests(PostgresCase):
    """What is too old to be told is deleted, however much of it there is."""

    async def make_store(self, history: int) -> PostgresStore:
        return opened(self.url, history=1_000, statement_seconds=0.4)

    async def test_what_could_not_be_deleted_goes_with_the_next_change(self) -> None:
        many = 20_000
        await self.store.insert(Message, data="x")
        postgres_kit.execute(
            self.url,
            "INSERT INTO changes (number, rev, kind, id, record, bytes_before)"
            f" SELECT g, g, 'Message', g, 'x', g * 100 FROM generate_series(2, {many}) AS g",
            f"UPDATE state SET rev = {many}, journaled = {many}, journaled_bytes = {many} * 100 "
            f"+ 100",
        )
        with psycopg.connect(self.url) as other:
            other.execute("SELECT FROM changes WHERE number = 1 FOR UPDATE")
            await self.store.insert(Message, data="the import")
            await until(lambda: bool(self.flushLoggedErrors(Unavailable)))
        await self.store.insert(Message, data="next")
        kept = "SELECT count(*) FROM changes"
        await until(lambda: postgres_kit.execute(self.url, kept)[0][0] <= 1_002)
        self.assertEqual(len(await self.store.changes(many, ALL)), 2)


class LeavesTests(PostgresCase):
    async def test_a_closed_store_has_no_connection_and_answers_nothing(self) -> None:
        await self.store.insert(Message, data="x")
        stream = self.store.stream(Message)
        await self.store.page(Message, 1)
        inserting = started(self.store.insert(Message, data="y"))
        await self.store.close()
        await self.store.close()
        self.assertEqual((await inserting).data, "y")
        stream.close()
        for question in (
            self.store.get(Message, 1),
            self.store.insert(Message, data="z"),
            self.store.count(Message),
        ):
            with self.assertRaises(Unavailable):
                await question
        count = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sockcrud' AND "
            "datname = current_database()"
        )
        await until(lambda: postgres_kit.execute(self.url, count) == [(0,)])

    async def test_what_does_not_fit_the_model_is_refused_before_it_is_sent(self) -> None:
        for wrong in ("\x00", "\ud800", "", 7):
            with self.assertRaises(ValueError):
                await self.store.insert(Message, data=wrong)
            with self.assertRaises(ValueError):
                await self.store.transact(partial(_insert, data=wrong))
        with self.assertRaises(ValueError):
            await self.store.insert(Message, 2**63, data="x")
        self.assertEqual((await self.store.insert(Message, data="x")).rev, 1)

    async def test_people_can_read_the_tables(self) -> None:
        await self.store.insert(Client, **a_client(1))
        row = "SELECT id, rev, name, email, cpf, balance::text FROM clients"
        self.assertEqual(
            postgres_kit.execute(self.url, row),
            [(1, 1, "Rui", "rui1@example.org", a_client(1)["cpf"], "10.00")],
        )


async def _insert(transaction: ITransaction, data: Any) -> None:
    await transaction.insert(Message, data=data)


def _as_json(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "balance": str(fields["balance"])}
