# mypy: allow-untyped-calls
"""What the tests of the SQLite store start from: a store in its own file, the reactor it waits for,
a hand on its commits.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.identity.records import Account, Company, LoginFailures, Session
from sockcrud.storage.contract import IStore, ITransaction
from sockcrud.storage.sqlite import batch as sqlite_batch
from sockcrud.storage.sqlite.store import SqliteStore
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
    some_failures,
)
from tests.support.awaiting import run_reactor_until
from tests.support.model import KINDS, STANDARD

T = TypeVar("T")


def started(work: Coroutine[Any, Any, T]) -> Deferred[T]:
    """Let `work` go on by itself."""
    return Deferred.fromCoroutine(work)


def settled(work: Coroutine[Any, Any, T]) -> T:
    """Let the reactor go on until `work` has come to its end, and return its result."""
    results: list[T] = []
    run_reactor_until(started(work).addCallback(results.append))
    return results[0]


async def all_of(*fired: Deferred[Any]) -> list[Any]:
    """Return when all have, with their results."""
    return [await one for one in fired]


def the_reactor() -> Any:
    """Return the running one."""
    from twisted.internet import reactor

    return reactor


def rows(path: Path, statement: str) -> list[Any]:
    """Ask a file as any tool can."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


async def fill(store: IStore) -> None:
    """Put in something of every kind."""

    async def body(transaction: ITransaction) -> None:
        await transaction.insert(User, **a_user())
        await transaction.insert(Message, -5, data="hello")
        await transaction.insert(Client, **a_client(1, email="RUI@example.org"))
        await transaction.insert(Address, **an_address(1))
        await transaction.insert(Product, **a_product("Chá"))
        await transaction.insert(InventoryItem, **an_item(1, 1))
        await transaction.insert(Company, **a_company("Acme"))
        await transaction.insert(Account, **an_account("Ana", 1))
        await transaction.insert(Session, **a_session("a", 1))
        await transaction.insert(LoginFailures, **some_failures("ana 127.0.0.1"))

    await store.transact(body)


async def records_of(store: IStore) -> dict[str, Any]:
    return {kind.__name__: await store.page(kind, ALL) for kind in KINDS}


class Held:
    """The commits of all stores, each of which waits until it is let go. `sizes` tells how many
    records each has.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._real = sqlite_batch.write_batch
        self._let_go = threading.Semaphore(0)
        self._reached: Deferred[None] = Deferred()

    def __call__(self, connection: sqlite3.Connection, batch: Any, guard: Any) -> tuple[float, int]:
        self.sizes.append(sum(map(len, batch.finals.values())))
        the_reactor().callFromThread(self._at_one)
        if not self._let_go.acquire(timeout=30):
            raise TimeoutError("a commit was not let go")
        return self._real(connection, batch, guard)

    def _at_one(self) -> None:
        reached, self._reached = self._reached, Deferred()
        reached.callback(None)

    def wait_for_one(self) -> None:
        """Come back when the next commit is about to be made. All that was asked for before has
        then been begun.
        """
        run_reactor_until(self._reached)

    async def reached(self) -> None:
        """Return when the next commit is about to be made."""
        await self._reached

    def let_go(self, count: int = 1) -> None:
        """Let so many go on, now or when they come."""
        self._let_go.release(count)


class SqliteCase(StoreCase):
    """Tests over a store in a file, with its real thread. `directory` is the test's own, `reasons`
    why a store has failed.
    """

    store: SqliteStore

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.directory = Path(holder.name).resolve()
        self.path = self.directory / "store.db"
        self.reasons: list[str] = []
        self.made = 0
        super().setUp()

    async def make_store(self, history: int) -> SqliteStore:
        self.made += 1
        return self.open(
            self.path if self.made == 1 else self.directory / f"store{self.made}.db", history
        )

    def open(self, path: Path, history: int = ALL) -> SqliteStore:
        return SqliteStore.open(path, STANDARD, the_reactor(), self.reasons.append, history=history)

    async def opened_again(self) -> SqliteStore:
        """Close the store, and return it as a new process would have it. It is closed after the
        test, too.
        """
        await self.store.close()
        store = self.open(self.path)
        self.addCleanup(lambda: settled(store.close()))
        self.store = store
        return store

    def settle(self, work: Coroutine[Any, Any, T]) -> T:
        return settled(work)

    def held(self) -> Held:
        """Hold every commit from now on to the end of the test."""
        held = Held()
        patched = mock.patch.object(sqlite_batch, "write_batch", held)
        patched.start()
        self.addCleanup(patched.stop)
        self.addCleanup(held.let_go, 1_000)
        return held
