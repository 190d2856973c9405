"""What the tests of the PostgreSQL store start from: a store in a database of its own, and the
reactor it waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from twisted.internet.task import deferLater

from sockcrud.storage.capacity import STANDARD, Capacity
from sockcrud.storage.postgres.pool import Limits
from sockcrud.storage.postgres.store import PostgresStore
from tests.storage.sqlite.sqlite_case import settled, the_reactor
from tests.storage.store_case import ALL, StoreCase
from tests.support import model, postgres_kit

T = TypeVar("T")


def opened(
    url: str, history: int = ALL, capacity: Capacity = STANDARD, **limits: Any
) -> PostgresStore:
    """Open a store that nobody needs to be warned of."""
    return PostgresStore.open(
        url, model.STANDARD, the_reactor(), lambda danger: None, Limits(**limits), history, capacity
    )


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return when it is so; fail where it takes too long."""
    reactor = the_reactor()
    deadline = reactor.seconds() + seconds
    while not condition():
        if reactor.seconds() > deadline:
            raise AssertionError(f"not within {seconds:g} s")
        await deferLater(reactor, 0.005)


@cache
def _with_tables() -> str:
    """Return the URL of a database with the tables of a store, and nothing in them: to make them
    takes longer than a copy.
    """
    url = postgres_kit.new_database()
    settled(opened(url).close())
    return url


class PostgresCase(StoreCase):
    """Tests over a store in PostgreSQL. `url` is that of the test's database."""

    store: PostgresStore

    def setUp(self) -> None:
        self.url = self.new_url()
        self.made = 0
        super().setUp()

    def new_url(self) -> str:
        url = postgres_kit.new_database(like=_with_tables())
        self.addCleanup(postgres_kit.drop_database, url)
        return url

    async def make_store(self, history: int) -> PostgresStore:
        self.made += 1
        return opened(self.url if self.made == 1 else self.new_url(), history)

    def another(self, **limits: Any) -> PostgresStore:
        """Return the store of another node on the same database. It is closed after the test."""
        store = opened(self.url, **limits)
        self.addCleanup(lambda: settled(store.close()))
        return store

    def settle(self, work: Coroutine[Any, Any, T]) -> T:
        return settled(work)
