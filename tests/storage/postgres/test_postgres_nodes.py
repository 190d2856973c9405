# mypy: allow-untyped-calls
"""Several nodes on one PostgreSQL: what one has done is there at once for the others, and no rule
is broken between them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client, Product
from sockcrud.errors import (
    DomainError,
    LastAdmin,
    LoginDelayed,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    Outdated,
    Taken,
)
from sockcrud.identity.accounts import Directory
from sockcrud.identity.lockout import Delays
from sockcrud.identity.passwords import InThisThread, Passwords
from sockcrud.identity.records import ADMIN, Account, Company, Session
from sockcrud.identity.sessions import Sessions
from sockcrud.storage.contract import Change, IStore, ITransaction
from sockcrud.storage.postgres.store import PostgresStore
from tests.storage.postgres.postgres_case import PostgresCase
from tests.storage.sqlite.sqlite_case import the_reactor
from tests.storage.store_case import ALL, a_client, a_company, a_product, an_account, ids

RACES = 200
DIGEST = "0" * 64


async def outcome(work: Awaitable[Any]) -> Any:
    """Return the result, or with the error of our own that it fails with."""
    try:
        return await work
    except DomainError as error:
        return error


async def together(*works: Awaitable[Any]) -> list[Any]:
    """Begin all of them in one turn, and fire with their outcomes."""
    outcomes: list[Any] = await gatherResults(
        [Deferred.fromCoroutine(outcome(work)) for work in works]
    )
    return outcomes


class NodesCase(PostgresCase):
    """Two nodes: `store`, and `other`."""

    def setUp(self) -> None:
        super().setUp()
        self.other = self.another()

    @property
    def nodes(self) -> list[PostgresStore]:
        return [self.store, self.other]


class SeesTests(NodesCase):
    async def test_what_one_node_has_changed_is_there_at_once_for_the_other(self) -> None:
        for number in range(1, 101):
            client = await self.store.insert(Client, **a_client(number))
            self.assertEqual(await self.other.get(Client, client.id), client)
            client = await self.other.update(Client, client.id, name=f"{number}")
            self.assertEqual(await self.store.find(Client, "cpf", client.cpf), client)
            if number % 2:
                await self.store.delete(Client, client.id)
                with self.assertRaises(NotFound):
                    await self.other.get(Client, client.id)
        self.assertEqual(await self.other.count(Client), 50)

    async def test_a_list_is_of_one_moment_whatever_another_node_changes(self) -> None:
        for number in range(1, 4):
            await self.store.insert(Message, data=f"{number}")
        stream = self.store.stream(Message)
        first = await stream.__anext__()
        again = self.store.stream(Message)
        await self.store.insert(Message, data="mine")
        await self.other.insert(Message, data="theirs")
        self.assertEqual(ids(first), [1, 2, 3])
        self.assertEqual([ids(slice) async for slice in again], [[1, 2, 3]])

    async def test_the_changes_of_all_nodes_are_told_once_and_in_order_while_they_are_made(
        self,
    ) -> None:
        writers = [self.store, self.other, self.another()]
        told: list[Change] = []
        left = len(writers)

        async def write(node: IStore, number: int) -> None:
            nonlocal left
            for step in range(60):
                message = await node.insert(Message, data=f"{number}")
                if step % 3 == 0:
                    await node.update(Message, message.id, data="changed")
                if step % 5 == 0:
                    await node.delete(Message, message.id)
            left -= 1

        async def follow(node: IStore) -> None:
            while left or (told[-1].rev if told else 0) < max(writer.rev for writer in writers):
                told.extend(await node.changes(told[-1].rev if told else 0, 7))

        await together(
            follow(self.another()), *(write(node, number) for number, node in enumerate(writers))
        )
        self.assertEqual([change.rev for change in told], list(range(1, len(told) + 1)))
        mirror = {change.id: change.record for change in told}
        left_over = {id: record for id, record in mirror.items() if record is not None}
        self.assertEqual(
            left_over, {record.id: record for record in await self.store.page(Message, ALL)}
        )

    async def test_the_revision_rises_over_all_nodes(self) -> None:
        revs = [(await node.insert(Message, data="x")).rev for node in self.nodes * 3]
        self.assertEqual(revs, [1, 2, 3, 4, 5, 6])
        self.assertEqual((self.store.rev, self.other.rev), (5, 6))
        await self.store.changes(6, 1)
        self.assertEqual(self.store.rev, 6)


class RacesTests(NodesCase):
    """Two nodes want the same at the same time: one gets it, always, and the other is told why it
    does not.
    """

    async def race(self, *works: Callable[[], Awaitable[Any]], loses: type[DomainError]) -> None:
        outcomes = await together(*(work() for work in works))
        lost = [each for each in outcomes if isinstance(each, DomainError)]
        self.assertEqual([type(each) for each in lost], [loses] * (len(works) - 1))

    async def test_for_a_unique_value(self) -> None:
        for number in range(RACES):
            same = {"email": f"One{number}@example.org"}
            cpfs = [f"{side}{number // 100:02}.000.000-{number % 100:02}" for side in (1, 2)]
            first, second = (a_client(0, **same, cpf=cpf) for cpf in cpfs)
            await self.race(
                lambda first=first: self.store.insert(Client, **first),  # type: ignore[misc]
                lambda second=second: self.other.insert(Client, **second),  # type: ignore[misc]
                loses=Taken,
            )
        self.assertEqual(await self.store.count(Client), RACES)

    async def test_for_a_unique_value_by_an_update(self) -> None:
        for number in (1, 2):
            await self.store.insert(Product, **a_product(f"product {number}"))
        for number in range(RACES):
            name = f"new {number}"
            await self.race(
                lambda name=name: self.store.update(Product, 1, name=name),  # type: ignore[misc]
                lambda name=name: self.other.update(Product, 2, name=name),  # type: ignore[misc]
                loses=Taken,
            )

    async def test_for_a_revision(self) -> None:
        message = await self.store.insert(Message, data="x")
        for _ in range(RACES):
            rev = message.rev
            await self.race(
                *(
                    lambda node=node, rev=rev: node.update(Message, 1, rev, data="x")
                    for node in self.nodes
                ),
                loses=Outdated,
            )
            message = await self.store.get(Message, 1)
            self.assertEqual(message.rev, rev + 1)

    async def test_for_the_same_id(self) -> None:
        for number in range(100, 300):
            await self.race(
                *(
                    lambda node=node, id=number: node.insert(Message, id, data="x")
                    for node in self.nodes
                ),
                loses=Taken,
            )

    async def test_new_ids_are_given_once_and_without_a_gap(self) -> None:
        works = [node.insert(Message, data="x") for node in self.nodes for _ in range(200)]
        self.assertEqual(sorted(ids(await together(*works))), list(range(1, 401)))

    async def test_a_record_is_read_and_changed_in_one_transaction(self) -> None:
        product = await self.store.insert(Product, **a_product("tea", quantity=0))

        async def one_more(transaction: ITransaction) -> None:
            now = await transaction.get(Product, product.id)
            await transaction.update(Product, product.id, quantity=now.quantity + 1)

        await together(*(node.transact(one_more) for node in self.nodes for _ in range(100)))
        self.assertEqual((await self.store.get(Product, product.id)).quantity, 200)

    async def test_for_being_the_one_that_may_go_of_two_last_admins(self) -> None:
        await self.store.insert(Company, **a_company("Acme"))
        for login in ("ana", "eva"):
            await self.store.insert(Account, **an_account(login, 1, role=ADMIN))
        first, second = (
            Directory(node, Passwords(InThisThread()), the_reactor()) for node in self.nodes
        )
        for _ in range(RACES):
            await self.race(
                lambda: first.deactivate(1), lambda: second.deactivate(2), loses=LastAdmin
            )
            await together(first.change(1, active=True), second.change(2, active=True))

    async def test_for_the_only_session_of_an_account(self) -> None:
        await self.store.insert(Company, **a_company("Acme"))
        account = await self.store.insert(Account, **an_account("ana", 1))
        sessions = [Sessions(node, the_reactor()) for node in self.nodes]
        for _ in range(RACES // 4):
            started = await together(
                *(each.start(account, "shop", "", exclusive=True) for each in sessions)
            )
            left = await self.store.page(Session, ALL)
            self.assertEqual(len(left), 1)
            self.assertIn(left[0].id, [session.id for _, session in started])


class LoginsTests(NodesCase):
    """A login is one for all nodes, and so is what ends it, or delays it."""

    def setUp(self) -> None:
        super().setUp()
        self.sessions, self.others = (Sessions(node, the_reactor()) for node in self.nodes)

    async def account(self) -> Account:
        await self.store.insert(Company, **a_company("Acme"))
        await self.store.insert(Account, **an_account("eva", 1, role=ADMIN))
        return await self.store.insert(Account, **an_account("ana", 1))

    async def test_a_session_works_at_every_node_from_the_start(self) -> None:
        account = await self.account()
        token, session = await self.sessions.start(account, "members", "")
        self.assertEqual(await self.others.resume(token, "members"), (session, account))

    async def test_whatever_ends_a_session_at_one_node_ends_it_for_the_next_request_at_the_others(
        self,
    ) -> None:
        account = await self.account()
        directory = Directory(self.other, Passwords(InThisThread()), the_reactor())
        endings: list[Callable[[Session], Awaitable[object]]] = [
            lambda session: self.others.end(session.id),
            lambda session: self.others.end_all(account.id),
            lambda session: directory.change(account.id, role=ADMIN),
            lambda session: directory.change(account.id, digest=DIGEST),
            lambda session: directory.change_company(1, name="Other"),
            lambda session: directory.deactivate(account.id),
        ]
        for end in endings:
            token, session = await self.sessions.start(
                await self.store.get(Account, account.id), "members", ""
            )
            await self.sessions.resume(token, "members")
            await end(session)
            with self.assertRaises(NotLoggedIn):
                await self.sessions.resume(token, "members")

    async def test_a_last_use_at_one_node_revives_nothing_that_a_company_has_ended_at_another(
        self,
    ) -> None:
        account = await self.account()
        directory = Directory(self.other, Passwords(InThisThread()), the_reactor())
        for number in range(10):
            token, session = await self.sessions.start(
                await self.store.get(Account, account.id), "members", ""
            )
            later = session.used_at + timedelta(minutes=5)
            await together(
                self.sessions._write_use(session.id, later),
                self.others._write_use(session.id, later),
                directory.change_company(1, name=f"Acme {number}"),
            )
            for sessions in (self.sessions, self.others):
                with self.assertRaises(NotLoggedIn):
                    await sessions.resume(token, "members")
            await self.others._write_use(session.id, later + timedelta(minutes=5))
            with self.assertRaises(NotLoggedIn):
                await self.sessions.resume(token, "members")
        self.assertEqual(await self.others.sweep(), 10)
        self.assertEqual(await self.store.count(Session), 0)

    async def test_failed_logins_count_at_all_nodes_together(self) -> None:
        await self.account()
        delays = Delays(free_failures=4)
        doors = [
            Directory(node, Passwords(InThisThread()), the_reactor(), delays) for node in self.nodes
        ]
        for door in doors * 2:
            with self.assertRaises(LoginFailed):
                await door.authenticate("nobody", DIGEST, "10.0.0.1")
        for door in doors:
            with self.assertRaises(LoginDelayed):
                await door.authenticate("nobody", DIGEST, "10.0.0.1")
