"""What the tests of `sockcrud move` start from: stores of both kinds, filled, looked at, and
moved.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client, Product
from sockcrud.apps.users.records import User
from sockcrud.cli.main import main
from sockcrud.identity.records import KeptAnswer
from sockcrud.ledger.records import Usage
from sockcrud.storage.contract import IStore
from sockcrud.storage.sqlite.store import SqliteStore
from tests.storage.postgres.postgres_case import opened
from tests.storage.sqlite.sqlite_case import fill, records_of, the_reactor
from tests.storage.store_case import ALL, NOON, a_client, a_kept_answer, a_product, a_usage, a_user
from tests.support import postgres_kit
from tests.support.model import STANDARD

SECRET = "hunter22"


def new_places() -> Iterator[Callable[[str], str]]:
    """Yield what makes the name of a store that is not there yet, in a file or in PostgreSQL. For a
    fixture.
    """
    made: list[str] = []

    def make(scheme: str) -> str:
        made.append(
            f"sqlite:store{len(made)}.db" if scheme == "sqlite" else postgres_kit.new_database()
        )
        return made[-1]

    yield make
    for place in made:
        if not place.startswith("sqlite:"):
            postgres_kit.drop_database(place)


def run(*words: str, input: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, ["move", *words], input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def moved(*words: str, input: bytes | None = None) -> dict[str, tuple[int, str]]:
    """Move, and give how many records of each kind there were, and their digest."""
    result = run(*words, input=input)
    assert result.exit_code == 0, result.output
    head, *lines, end = result.stdout.splitlines()
    assert head.split() == ["kind", "records", "digest"]
    found = {
        name: (int(count.replace(",", "")), digest) for name, count, digest in map(str.split, lines)
    }
    assert f"{sum(count for count, _ in found.values()):,} records" in end
    return found


def refused(status: int, *words: str) -> str:
    """Expect that status, and one line on stderr but for notes; give it."""
    result = run(*words)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert (result.exit_code, result.stdout, len(lines)) == (status, "", 1), result.output
    return lines[0]


@asynccontextmanager
async def held(place: str) -> AsyncIterator[IStore]:
    """Have a store open, as a daemon has."""
    if place.startswith("sqlite:"):
        store: Any = SqliteStore.open(
            Path(place.removeprefix("sqlite:")).absolute(),
            STANDARD,
            the_reactor(),
            print,
            history=ALL,
        )
    else:
        store = opened(place)
    try:
        yield store
    finally:
        await store.close()


async def asked(place: str, ask: Callable[[IStore], Awaitable[Any]]) -> Any:
    async with held(place) as store:
        return await ask(store)


async def fill_and_use(store: IStore) -> None:
    """Put in something of every kind, with texts that are hard to copy, and let ids and revisions
    have gone further.
    """
    await fill(store)
    await store.insert(KeptAnswer, **a_kept_answer("k"))
    await store.insert(Usage, **a_usage("u"))
    for text in (
        "tab\there",
        "line\nline\r\n",
        "back\\slash \\N \\.",
        '"{quoted}", NULL',
        "\\",
        "\U0001f600 \x01\x7f\u2028",
    ):
        await store.insert(Message, data=text)
    far = NOON.astimezone(timezone(timedelta(hours=-3, minutes=-30)))
    for number in range(2, 30):
        await store.insert(Client, **a_client(number))
        await store.insert(User, **a_user(created_at=far, updated_at=NOON))
    await store.insert(Product, **a_product("tea", description=""))
    for kind in (Client, User, Message):
        [last] = (await store.page(kind, ALL))[-1:]
        await store.delete(kind, last.id)
    await store.update(Product, 1, quantity=12)


async def filled(place: str) -> dict[str, Any]:
    """Make a store at this place; give its records."""
    await asked(place, fill_and_use)
    records: dict[str, Any] = await asked(place, records_of)
    return records


async def is_empty(place: str) -> bool:
    """Return whether there is nothing: no record, and nothing that was ever given out."""
    if place.startswith("sqlite:") and not Path(place.removeprefix("sqlite:")).exists():
        return True

    records = await asked(place, records_of)
    return not any(records.values()) and revision(place) == 0


def revision(place: str) -> int:
    if place.startswith("sqlite:"):
        with closing(sqlite3.connect(place.removeprefix("sqlite:"))) as connection:
            return int(
                connection.execute("SELECT value FROM counters WHERE name = 'rev'").fetchone()[0]
            )
    return int(postgres_kit.execute(place, "SELECT rev FROM state")[0][0])


def content(place: str) -> object:
    """Return all that is there, whoever may have written it."""
    if place.startswith("sqlite:"):
        return Path(place.removeprefix("sqlite:")).read_bytes()
    tables = postgres_kit.execute(
        place, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )
    return {table: postgres_kit.execute(place, f'TABLE "{table}" ORDER BY 1') for [table] in tables}


async def look_at(store: IStore) -> None:
    await store.page(Message, 1)
