# mypy: allow-untyped-calls
"""What every test of a store starts from: a fresh store, a way to run what awaits, and records to
put in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.errors import DomainError
from sockcrud.records import Record
from sockcrud.storage.contract import IStore, R, RecordStream, Where
from tests.support.model import KINDS, describe

T = TypeVar("T")

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=timezone.utc)
ALL = 1_000_000
"""More than any test stores, where a limit is asked for and none is meant."""


def a_user(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Ana",
        "email": "ana@example.org",
        "age": 30,
        "created_at": NOON,
        "updated_at": NOON,
        **fields,
    }


def a_client(number: int, **fields: Any) -> dict[str, Any]:
    """Return the fields of a client whose unique values are those of `number`."""
    cpf = f"454.090.{number // 100:03}-{number % 100:02}"
    return {
        "name": "Rui",
        "email": f"rui{number}@example.org",
        "cpf": cpf,
        "balance": Decimal("10.00"),
        **fields,
    }


def an_address(client_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "state": "SP",
        "city": "São Paulo",
        "street": "Paulista",
        "number": 7,
        "cep": "01310-100",
        **fields,
    }


def a_product(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": "",
        "quantity": 3,
        "price": Decimal("0.10"),
        "status": True,
        **fields,
    }


def an_item(client_id: int, product_id: int, **fields: Any) -> dict[str, Any]:
    day = date(2024, 2, 29)
    return {
        "client_id": client_id,
        "product_id": product_id,
        "number_of_items": 1,
        "purchase_date": day,
        **fields,
    }


def a_company(name: str) -> dict[str, Any]:
    return {"name": name, "active": True}


def an_account(login: str, company_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "login": login,
        "password_hash": "$",
        "role": "user",
        "company_id": company_id,
        "active": True,
        **fields,
    }


def a_session(token: str, account_id: int) -> dict[str, Any]:
    return {
        "token_hash": token * 64,
        "account_id": account_id,
        "dialect": "users",
        "address": "127.0.0.1",
        "created_at": NOON,
        "used_at": NOON,
    }


def some_failures(key: str) -> dict[str, Any]:
    return {"key": key, "failures": 1, "delayed_until": NOON}


def a_kept_answer(key: str) -> dict[str, Any]:
    return {
        "key": key * 64,
        "holder": "192.0.2.7",
        "fingerprint": "f" * 64,
        "kept_at": NOON,
        "answer": '[201,"application/json",[],"{}"]',
    }


def a_usage(key: str) -> dict[str, Any]:
    return {
        "key": key * 64,
        "dialect": "users",
        "operation": "users.get",
        "who": "192.0.2.7",
        "software": "JSON, a line each",
        "first_seen": NOON,
        "last_seen": NOON,
        "count": 3,
        "in_brownouts": 0,
        "days": "2024-02-29:3",
    }


def ids(records: Sequence[Record]) -> list[int]:
    return [record.id for record in records]


async def rest_of(stream: RecordStream[R]) -> list[R]:
    """Return all records that `stream` has not given yet."""
    return [record async for slice in stream for record in slice]


async def everything(store: IStore) -> dict[str, Any]:
    """Return all that can be asked of a store whose history is whole: equal before and after means
    nothing has changed.
    """
    seen: dict[str, Any] = {"rev": store.rev, "changes": await store.changes(0, ALL)}
    for kind in KINDS:
        records = await store.page(kind, ALL)
        seen[kind.__name__] = records, await store.count(kind)
        for name in describe(kind).indexed:
            values = sorted({getattr(record, name) for record in records})
            seen[f"{kind.__name__} by {name}"] = {
                value: await store.page(kind, ALL, None, Where(name, value)) for value in values
            }
        for name in describe(kind).uniques:
            values = sorted({getattr(record, name) for record in records})
            seen[f"{kind.__name__} of {name}"] = {
                value: await store.find(kind, name, value) for value in values
            }
    return seen


class StoreCase(SynchronousTestCase):
    """Tests over a store. Their bodies are `async def`: what a store really waits for depends on
    the store.

    A suite for another store overrides `make_store`, and `settle` where its awaitables need a
    running reactor.
    """

    store: IStore

    def __init_subclass__(cls) -> None:
        for name, body in list(vars(cls).items()):
            if name.startswith("test_") and iscoroutinefunction(body):
                setattr(cls, name, _settled(body))

    async def make_store(self, history: int) -> IStore:
        """Make an empty store that keeps `history` changes for `changes(since)`."""
        raise NotImplementedError

    def settle(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end, here: without waiting for anything."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def setUp(self) -> None:
        self.store = self.settle(self.opened(ALL))

    async def opened(self, history: int) -> IStore:
        """Return a store that is closed after the test."""
        store = await self.make_store(history)

        async def close() -> None:
            await store.close()

        self.addCleanup(lambda: self.settle(close()))
        return store

    async def refused(self, error: type[DomainError], work: Callable[[], Any]) -> Any:
        """Check that `work` fails with `error` and changes nothing; give the error."""
        before = await everything(self.store)
        with self.assertRaises(error) as caught:
            await work()
        self.assertEqual(await everything(self.store), before)
        return caught.exception


def _settled(body: Callable[[Any], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
    @functools.wraps(body)
    def test(self: StoreCase) -> None:
        self.settle(body(self))

    return test
