# mypy: allow-untyped-calls
"""What the PostgreSQL store does when the server fails it: it says so in time, tells nothing that
is not so, and goes on.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import psycopg
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client
from sockcrud.errors import InDoubt, Taken, Unavailable
from sockcrud.storage.contract import IStore
from sockcrud.storage.postgres.pool import Limits
from sockcrud.storage.postgres.store import PostgresStore
from tests.storage.postgres.postgres_case import PostgresCase, opened, until
from tests.storage.sqlite.sqlite_case import settled, started, the_reactor
from tests.storage.store_case import ALL, StoreCase, a_client, an_address, ids
from tests.support import postgres_kit
from tests.support.model import STANDARD

BACK_WITHIN = 5.0
"""Seconds in which a node serves again once there is a server."""

SOON = Limits(statement_seconds=0.4, connect_seconds=0.5)


async def timed(work: Awaitable[Any]) -> tuple[float, Any]:
    """Return how long it took, and with the result or the `Unavailable` it failed with."""
    since = the_reactor().seconds()
    try:
        outcome = await work
    except Unavailable as error:
        outcome = error
    return the_reactor().seconds() - since, outcome


async def served(store: IStore, seconds: float = BACK_WITHIN) -> None:
    """Return when it reads and writes again; fail where it takes too long."""
    deadline = the_reactor().seconds() + seconds
    while True:
        outcomes = [
            (await timed(store.count(Message)))[1],
            (await timed(store.insert(Message, data="back")))[1],
        ]
        if not any(isinstance(outcome, Unavailable) for outcome in outcomes):
            return
        if the_reactor().seconds() > deadline:
            raise AssertionError(f"not back within {seconds:g} s: {outcomes}")
        await deferLater(the_reactor(), 0.05)


class ServerCase(StoreCase):
    """A store on a server of the test's own."""

    store: PostgresStore

    def setUp(self) -> None:
        self.server = self.new_server()
        postgres_kit.execute(self.server.url("postgres"), "CREATE DATABASE test")
        super().setUp()

    def new_server(self, *options: str, port: int | None = None) -> postgres_kit.Server:
        server = postgres_kit.Server(*options, port=port)
        self.addCleanup(server.remove)
        return server

    async def make_store(self, history: int) -> PostgresStore:
        return PostgresStore.open(
            self.server.url("test"), STANDARD, the_reactor(), lambda danger: None, SOON, history
        )

    def settle(self, work: Any) -> Any:
        return settled(work)


class KilledTests(ServerCase):
    """The server ends, and comes back."""

    async def test_under_load_nothing_that_was_answered_is_lost_and_the_node_is_back_by_itself(
        self,
    ) -> None:
        answered: list[int] = []
        refused: list[float] = []
        stopping = False

        async def write() -> None:
            while not stopping:
                took, outcome = await timed(self.store.insert(Message, data="x"))
                if isinstance(outcome, Unavailable):
                    refused.append(took)
                    await deferLater(the_reactor(), 0.02)
                else:
                    answered.append(outcome.id)

        writers = [started(write()) for _ in range(20)]
        for _ in range(4):
            before = len(answered)
            await until(lambda before=before: len(answered) > before + 100)  # type: ignore[misc]
            refused.clear()
            self.server.kill()
            await until(lambda: len(refused) >= 20)
            self.server.start()
            before = len(answered)
            await until(lambda before=before: len(answered) > before, BACK_WITHIN)  # type: ignore[misc]
        stopping = True
        await gatherResults(writers)
        self.assertLess(max(refused), SOON.answer_seconds + SOON.connect_seconds + 1.0)
        self.assertEqual(len(set(answered)), len(answered))
        self.assertLessEqual(set(answered), set(ids(await self.store.page(Message, ALL))))

    async def test_while_there_is_none_every_question_is_refused_at_once(self) -> None:
        await self.store.insert(Message, data="x")
        self.server.stop()
        questions: list[Callable[[], Awaitable[object]]] = [
            lambda: self.store.get(Message, 1),
            lambda: self.store.find(Client, "email", "a@x.org"),
            lambda: self.store.page(Message, 1),
            lambda: self.store.count(Message),
            lambda: self.store.insert(Message, data="x"),
            lambda: self.store.transact(lambda transaction: transaction.get(Message, 1)),
            lambda: self.store.changes(0, 1),
            lambda: self.store.stream(Message).__anext__(),
        ]
        for question in questions * 2:
            took, outcome = await timed(question())
            self.assertIsInstance(outcome, Unavailable)
            self.assertLess(took, 0.5)
        self.server.start()
        await served(self.store)

    async def test_connections_that_broke_while_nobody_used_them_are_replaced(self) -> None:
        for _ in range(3):
            await served(self.store)
            postgres_kit.execute(
                self.server.url("postgres"),
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE "
                "application_name = 'sockcrud'",
            )

    async def test_a_list_that_is_under_way_ends_with_an_error_and_not_early(self) -> None:
        async def fill(transaction: Any) -> None:
            for _ in range(1_100):
                await transaction.insert(Message, data="x")

        await self.store.transact(fill)
        stream = self.store.stream(Message)
        self.assertEqual(len(await stream.__anext__()), 500)
        self.server.kill()
        with self.assertRaises(Unavailable):
            await stream.__anext__()
        self.assertTrue(stream.ended)


class StoppedTests(ServerCase):
    """The server takes connections, and does not answer."""

    async def test_it_is_waited_for_no_longer_than_was_said_and_used_again_when_it_goes_on(
        self,
    ) -> None:
        await served(self.store)
        self.server.signal(signal.SIGSTOP)
        asked = [
            started(timed(self.store.get(Message, 1))),
            started(timed(self.store.insert(Message, data="x"))),
        ]
        for took, outcome in await gatherResults(asked):
            self.assertIsInstance(outcome, Unavailable)
            self.assertLess(took, SOON.answer_seconds + 1.0)
        for _ in range(3):
            took, outcome = await timed(self.store.get(Message, 1))
            self.assertIsInstance(outcome, Unavailable)
            self.assertLess(took, SOON.connect_seconds + 1.0)
        self.server.signal(signal.SIGCONT)
        await served(self.store)

    async def test_a_commit_that_is_not_answered_is_not_told_to_have_been_made(self) -> None:
        await self.store.insert(Client, **a_client(1))
        with psycopg.connect(self.server.url("test")) as other:
            # The reference is checked at the commit, which then waits for this.
            other.execute("SELECT FROM clients WHERE id = 1 FOR UPDATE")
            asked = started(timed(self.store.insert(Address, **an_address(1))))
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND "
                "wait_event_type = 'Lock'"
            )
            await until(lambda: postgres_kit.execute(self.server.url("test"), waits) == [(1,)])
            self.server.signal(signal.SIGSTOP)
            _, outcome = await asked
            self.assertIsInstance(outcome, InDoubt)
            self.server.signal(signal.SIGCONT)
        await served(self.store)


class PlacesTests(ServerCase):
    """A URL may name several hosts: the one that can be written to is used, wherever it stands."""

    def silent(self) -> str:
        """Make a host that takes connections, and never says anything."""
        directory = tempfile.mkdtemp()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{directory}/.s.PGSQL.5432")
        listening.listen()
        self.addCleanup(os.rmdir, directory)
        self.addCleanup(os.unlink, f"{directory}/.s.PGSQL.5432")
        self.addCleanup(listening.close)
        return directory

    def store_at(self, *hosts: str) -> PostgresStore:
        url = f"postgresql://postgres@/test?host={quote(','.join(hosts), safe='')}"
        store = PostgresStore(url, STANDARD, the_reactor(), SOON)
        self.addCleanup(lambda: settled(store.close()))
        return store

    async def test_hosts_that_are_not_there_or_do_not_answer_or_only_read_are_passed_over(
        self,
    ) -> None:
        readers = self.new_server("-c", "default_transaction_read_only=on")
        nowhere = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, nowhere)
        store = self.store_at(nowhere, self.silent(), readers.directory, self.server.directory)
        took, outcome = await timed(store.insert(Message, data="x"))
        self.assertEqual(outcome, await self.store.get(Message, 1))
        self.assertLess(took, SOON.connect_seconds)

    async def test_where_none_can_be_written_to_the_store_is_unavailable(self) -> None:
        readers = self.new_server("-c", "default_transaction_read_only=on")
        took, outcome = await timed(self.store_at(self.silent(), readers.directory).get(Message, 1))
        self.assertIsInstance(outcome, Unavailable)
        self.assertLess(took, SOON.connect_seconds + 1.0)

    async def test_a_server_that_can_no_longer_be_written_to_is_left_for_the_one_that_can(
        self,
    ) -> None:
        await self.store.insert(Message, data="x")
        new = self.new_server()
        postgres_kit.execute(new.url("postgres"), "CREATE DATABASE test")
        settled_store = PostgresStore.open(
            new.url("test"), STANDARD, the_reactor(), lambda danger: None, SOON
        )
        await settled_store.close()
        store = self.store_at(self.server.directory, new.directory)
        await served(store)
        postgres_kit.execute(
            self.server.url("test"),
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "SELECT pg_reload_conf()",
        )
        await until(
            lambda: (
                postgres_kit.execute(self.server.url("test"), "SHOW transaction_read_only")
                == [("on",)]
            )
        )
        await served(store)
        self.assertGreater(
            postgres_kit.execute(new.url("test"), "SELECT count(*) FROM messages")[0][0], 0
        )

    async def test_names_are_looked_up_without_holding_anything_up(self) -> None:
        port = postgres_kit.free_port()
        self.new_server(port=port)
        store = opened(f"postgresql://postgres@localhost:{port}/postgres")
        self.addCleanup(lambda: settled(store.close()))
        await served(store)
        unknown = PostgresStore(
            "postgresql://postgres@nowhere.invalid/postgres", STANDARD, the_reactor(), SOON
        )
        self.assertIsInstance((await timed(unknown.get(Message, 1)))[1], Unavailable)
        await unknown.close()


class OthersTests(PostgresCase):
    """Somebody else uses the database, and does not keep to the store's lock."""

    def connection(self) -> psycopg.Connection[Any]:
        other = psycopg.connect(self.url)
        self.addCleanup(other.close)
        return other

    async def test_whoever_holds_the_lock_for_long_holds_up_changes_for_a_while_and_reads_not_at_all(  # noqa: E501
        self,
    ) -> None:
        await self.store.insert(Message, data="x")
        hurried = self.another(statement_seconds=0.4)
        other = self.connection()
        other.execute("SELECT FROM state FOR UPDATE")
        changing = started(timed(hurried.update(Message, 1, data="y")))
        self.assertEqual((await hurried.get(Message, 1)).data, "x")
        self.assertEqual(len(await hurried.stream(Message).__anext__()), 1)
        took, outcome = await changing
        self.assertIs(type(outcome), Unavailable)  # and not in doubt: nothing had been sent
        self.assertLess(took, 2.0)
        other.rollback()
        self.assertEqual((await hurried.update(Message, 1, data="y")).data, "y")

    async def test_a_transaction_that_is_given_up_for_a_deadlock_is_tried_again(self) -> None:
        await self.store.insert(Client, **a_client(1))
        other = self.connection()
        other.execute(
            "SET deadlock_timeout = '60s'"
        )  # so that the store is the one to be sacrificed
        other.execute("UPDATE clients SET name = 'Eva' WHERE id = 1")
        changing = started(self.store.update(Client, 1, email="new@example.org"))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid "
            "<> pg_backend_pid()"
        )
        await until(lambda: postgres_kit.execute(self.url, waiting) == [(1,)])
        other.execute(
            "SELECT FROM state FOR UPDATE"
        )  # comes back when the store's transaction has been given up
        other.commit()
        changed = await changing
        self.assertEqual((changed.name, changed.email), ("Eva", "new@example.org"))

    async def test_a_value_that_was_taken_past_the_lock_is_taken_and_the_neighbours_are_not_hurt(
        self,
    ) -> None:
        other = self.connection()
        other.execute(
            "INSERT INTO clients (id, rev, name, email, cpf, balance, email_key)"
            " VALUES (77, 1, 'Eva', 'rui2@example.org', '111.111.111-11', 1, 'rui2@example.org')"
        )
        outcomes = [
            started(timed(self.store.insert(Client, **a_client(number)))) for number in (1, 2, 3)
        ]
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        await until(lambda: postgres_kit.execute(self.url, waiting) == [(1,)])
        other.commit()
        self.assertEqual((await outcomes[0])[1].email, "rui1@example.org")
        with self.assertRaises(Taken) as caught:
            await outcomes[1]
        self.assertEqual((caught.exception.kind, caught.exception.field), ("Client", "email"))
        self.assertEqual((await outcomes[2])[1].email, "rui3@example.org")

    async def test_what_is_no_record_is_a_fault_of_its_own_and_of_no_other(self) -> None:
        await self.store.insert(Message, data="x")
        bad = "INSERT INTO users VALUES (1, 1, 'Ana', 'ana@x.org', 30, 'infinity', 'infinity')"
        self.connection().execute(bad).connection.commit()
        from sockcrud.apps.users.records import User

        reading: Deferred[Any] = started(self.store.get(User, 1))
        self.assertEqual((await self.store.get(Message, 1)).data, "x")
        with self.assertRaises(Exception):  # noqa: B017
            await reading
