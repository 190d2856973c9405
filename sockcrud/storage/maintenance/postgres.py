"""Opens a store in PostgreSQL: for the daemon, and for a command that does one thing and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from sockcrud.records.schema import Schema
from sockcrud.settings import Settings
from sockcrud.storage.capacity import STANDARD, Capacity
from sockcrud.storage.common import StoreError
from sockcrud.storage.contract import IStore
from sockcrud.storage.waiting import Turns

if TYPE_CHECKING:
    from sockcrud.storage.postgres.store import (
        PostgresStore,
    )  # at run time only where it is used: its driver is an extra

_STANDARD: Final = Settings()


def open_postgres(
    url: str,
    schema: Schema,
    reactor: Any,
    warn: Callable[[str], object],
    settings: Settings = _STANDARD,
    capacity: Capacity = STANDARD,
) -> PostgresStore:
    """Return the store in this database, whose tables are made where there are none. It blocks
    until then.

    Raise `StoreError` where it cannot be. `warn` is told what in the database endangers the store's
    promises.
    """
    try:
        from sockcrud.storage.postgres.store import Limits, PostgresStore
    except ImportError as error:
        raise StoreError(
            f"{error}: a store in PostgreSQL needs what pip install 'sockcrud[postgres]' brings"
        ) from None
    limits = Limits(
        settings.postgres_pool,
        settings.postgres_statement_timeout,
        settings.postgres_connect_timeout,
    )
    return PostgresStore.open(url, schema, reactor, warn, limits, capacity=capacity)


@contextmanager
def opened_database(url: str, schema: Schema) -> Iterator[tuple[IStore, Turns]]:
    """Have a store in PostgreSQL, beside whoever else has it, and leave it closed. Raise
    `StoreError`.
    """
    turns = Turns()
    store = open_postgres(
        url, schema, turns, lambda danger: click.echo(f"WARNING: {danger}", err=True)
    )
    try:
        yield store, turns
    finally:
        turns.finish(store.close())
