# mypy: allow-untyped-calls
"""Layouts to come, invented here: a database gets from one to the next whole, wherever its node
dies, and a node of the version before changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.errors import Unavailable
from sockcrud.storage.common import StoreError
from sockcrud.storage.postgres import counters as postgres_counters
from sockcrud.storage.postgres import schema as postgres_schema
from sockcrud.storage.postgres.pool import Limits
from sockcrud.storage.postgres.schema import VERSION, prepare
from tests.storage.postgres.postgres_case import PostgresCase
from tests.storage.sqlite.sqlite_case import fill, records_of
from tests.support import postgres_kit
from tests.support.model import STANDARD


def add_a_table(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY REFERENCES clients (id))")
    connection.execute("INSERT INTO notes SELECT id FROM clients")


def make_a_column_anew(connection: psycopg.Connection[Any]) -> None:
    connection.execute("ALTER TABLE messages RENAME COLUMN data TO former")
    connection.execute('ALTER TABLE messages ADD COLUMN data text COLLATE "C"')
    connection.execute("UPDATE messages SET data = former")
    connection.execute("ALTER TABLE messages DROP COLUMN former")
    connection.execute("ALTER TABLE messages ALTER COLUMN data SET NOT NULL")


def change_the_counters(connection: psycopg.Connection[Any]) -> None:
    connection.execute("ALTER TABLE state ADD COLUMN more bigint NOT NULL DEFAULT 0")
    connection.execute("UPDATE state SET more = rev")


STEPS = {VERSION: add_a_table, VERSION + 1: make_a_column_anew, VERSION + 2: change_the_counters}


class Died(BaseException):
    """The node is dead: nothing of it is awaited, and nothing answers it."""


@contextmanager
def ahead() -> Iterator[None]:
    """Be a node of a version to come."""
    steps = {**postgres_schema.MIGRATIONS, **STEPS}
    with (
        mock.patch.multiple(postgres_schema, VERSION=VERSION + 3, MIGRATIONS=steps),
        mock.patch.object(postgres_counters, "VERSION", VERSION + 3),
    ):
        yield


@contextmanager
def dies_at(statement: int) -> Iterator[list[int]]:
    """Die in the place of a statement; tell how many there were."""
    run, done = psycopg.Connection.execute, [0]

    def execute(*given: Any, **named: Any) -> Any:
        done[0] += 1
        if done[0] == statement:
            raise Died
        return run(*given, **named)

    with mock.patch.object(psycopg.Connection, "execute", execute):
        yield done


class LayoutsToComeTests(PostgresCase):
    """A database of this version, a node that runs on it, and nodes of one that is three ahead."""

    def setUp(self) -> None:
        super().setUp()
        self.settle(fill(self.store))
        self.before = self.settle(records_of(self.store))

    def migrate(self) -> None:
        with ahead():
            prepare(self.url, STANDARD, Limits())

    def versions(self) -> list[tuple[object, ...]]:
        asked = "SELECT (SELECT max(version) FROM schema_version), version FROM state"
        return postgres_kit.execute(self.url, asked)

    async def test_a_node_of_the_version_before_changes_nothing_any_more(self) -> None:
        await self.store.insert(Message, data="before")
        self.migrate()
        changes: list[Callable[[], Any]] = [
            lambda: self.store.insert(Message, data="after"),
            lambda: self.store.update(Client, 1, name="after"),
            lambda: self.store.delete(Message, -5),
            lambda: self.store.stage({}),
        ]
        for change in changes:
            with self.assertRaisesRegex(Unavailable, f"schema_version {VERSION + 3}"):
                await change()
        self.assertEqual((await self.store.get(Client, 1)).name, "Rui")
        self.assertEqual(await self.store.count(Message), 2)
        with ahead():  # and one of the new version does
            node = self.another()
            self.assertEqual((await node.insert(Message, data="after")).data, "after")

    def test_a_node_of_the_version_before_does_not_start_any_more(self) -> None:
        self.migrate()
        with self.assertRaisesRegex(StoreError, f"newer sockcrud.*{VERSION + 3}"):
            prepare(self.url, STANDARD, Limits())
        self.assertEqual(self.versions(), [(VERSION + 3, VERSION + 3)])

    async def test_a_node_that_dies_at_any_step_leaves_the_tables_as_they_were(self) -> None:
        at, versions = 0, [(VERSION, VERSION)]
        while self.versions() == versions:
            at += 1
            try:
                with ahead(), dies_at(at):
                    prepare(self.url, STANDARD, Limits())
            except Died:
                self.assertEqual(self.versions(), versions)
                message = await self.store.insert(Message, data="it goes on")
                await self.store.delete(Message, message.id)
        self.assertGreater(at, 20)
        self.assertEqual(self.versions(), [(VERSION + 3, VERSION + 3)])
        self.assertEqual(await records_of(self.store), self.before)
        self.assertEqual(postgres_kit.execute(self.url, "SELECT id FROM notes"), [(1,)])
