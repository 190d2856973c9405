"""Stores that are the tests' own: each is made for a daemon, and goes with it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen

from sockcrud.settings import SQLITE
from sockcrud.storage.postgres import url as postgres_url

FILE: Final = "store.db"
"""Where a store in a file is: in the directory that the process was started in, which is its own.
It is removed after each test, so nobody can name another."""


@frozen
class OwnStore:
    """A store that is there from `make` to `remove`, both of which may be called again."""

    setting: str
    """Where it is, as the setting has it."""
    make: Callable[[], object] = lambda: None
    remove: Callable[[], object] = lambda: None


def own_store(kind: str) -> OwnStore:
    """Return the store that is asked for: `memory:`, `sqlite:`, or the URL of a database where a
    schema may be made; raise ValueError.
    """
    if kind == SQLITE:
        file = Path(FILE).absolute()
        return OwnStore(f"{SQLITE}{file}", remove=lambda: _remove(file))
    if postgres_url.is_url(kind):
        return _own_schema(kind)
    if kind == "memory:":
        return OwnStore(kind)
    # Not even a file of somebody's: what it holds would be gone after the first test.
    shown = postgres_url.without_password(kind)
    raise ValueError(
        f"store={shown!r}: expected memory:, sqlite: (for a file of the tests' own), or "
        f"{postgres_url.EXPECTED}"
    )


def _remove(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()


def _own_schema(url: str) -> OwnStore:
    if "options=" in url:
        raise ValueError("store: expected a URL without options=, where the schema is named")
    name = f"sockcrud_testing_{os.getpid()}_{secrets.token_hex(4)}"

    def run(*statements: str) -> None:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    remove = f"DROP SCHEMA IF EXISTS {name} CASCADE"
    return OwnStore(
        f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}",
        lambda: run(remove, f"CREATE SCHEMA {name}"),
        lambda: run(remove),
    )
