# mypy: allow-untyped-calls
"""An admin who exports and imports, records of all kinds, and a store to take them to."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, TypeVar

import orjson
from twisted.internet.defer import Deferred

from sockcrud.access import Principal
from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.identity.records import ADMIN, USER, Account, Company
from sockcrud.records import Record, evolve
from sockcrud.records.constraints import INT64
from sockcrud.storage.maintenance.import_rows import Fault, Given, Unimportable
from sockcrud.storage.maintenance.record_lines import as_json
from sockcrud.storage.maintenance.transfer import REST_SECONDS, Transfer
from tests.support.directory_kit import HERE, HandWorkedStore
from tests.support.people_case import PeopleCase

T = TypeVar("T")

NOON: Final = datetime(2024, 2, 29, 12, 0, 0, 123456, timezone.utc)
FAR: Final = 1_000_000
"""Ids from here on belong to the one who imports, so that all others are free."""

RECORDS: Final[tuple[tuple[type[Record], int, dict[str, Any]], ...]] = (
    (
        User,
        1,
        {
            "name": "Ana",
            "email": "ana@x.org",
            "age": 30,
            "created_at": NOON,
            "updated_at": NOON + timedelta(days=1),
        },
    ),
    (
        User,
        2,
        {"name": "Bia", "email": "ana@x.org", "age": 0, "created_at": NOON, "updated_at": NOON},
    ),
    (Message, -5, {"data": 'it\'s\n"quoted" \u2028 ü 🎈'}),
    (Message, INT64.stop - 1, {"data": "x" * 10_000}),
    (
        Client,
        7,
        {
            "name": "Pedro",
            "email": "Pé@x.org",
            "cpf": "454.090.000-00",
            "balance": Decimal("30.25"),
        },
    ),
    (
        Client,
        8,
        {"name": "Nil", "email": "n@x.org", "cpf": "454.454.454-27", "balance": Decimal("0.00")},
    ),
    (
        Address,
        1,
        {
            "client_id": 7,
            "state": "SP",
            "city": "S",
            "street": "R",
            "number": 9,
            "cep": "01310-100",
        },
    ),
    (
        Product,
        3,
        {
            "name": "TV",
            "description": "",
            "quantity": 0,
            "price": Decimal("99999999.99"),
            "status": False,
        },
    ),
    (
        InventoryItem,
        4,
        {"client_id": 8, "product_id": 3, "number_of_items": 2, "purchase_date": date(2024, 2, 29)},
    ),
)


class TransferCase(PeopleCase):
    """An admin who may import, with ids that are in nobody's way, and a store to import into."""

    def setUp(self) -> None:
        super().setUp()
        self.transfer = Transfer(self.admin.access, self.store)
        self.boss = self.as_(self.root, "admin")

    def filled(self) -> None:
        for kind, id, fields in RECORDS:
            self.have(self.store.insert(kind, id, **fields))

    def elsewhere(self) -> Principal:
        """Take another store, with nobody in it but an admin with ids far away."""
        self.store = HandWorkedStore()
        self.directory = self.a_directory()
        self.transfer = Transfer(self.admin.access, self.store)
        company = self.have(self.store.insert(Company, FAR, name="landing", active=True))
        hash = self.have(
            self.store.insert(
                Account, FAR, **self.an_account("importer", company_id=company.id, role=ADMIN)
            )
        )
        return Principal("admin", HERE, hash)

    def an_account(self, login: str, **fields: Any) -> dict[str, Any]:
        return {
            "login": login,
            "password_hash": "x",
            "role": USER,
            "company_id": self.ours.id,
            "active": True,
            **fields,
        }

    def exported(self, secrets: bool = False) -> list[Record]:
        async def read() -> list[Record]:
            return [
                record
                async for slice in await self.transfer.export(self.boss, secrets)
                for record in slice
            ]

        return self.have(read())

    def wait(self, work: Awaitable[T]) -> Deferred[T]:
        async def run() -> T:
            return await work

        done = Deferred.fromCoroutine(run())
        self.take_turns()
        return done

    def take_turns(self) -> None:
        """Let the clock go on as long as anything waits for it."""
        while self.clock.getDelayedCalls():
            self.clock.advance(REST_SECONDS)

    def imports(self, *given: dict[str, Any] | Fault, by: Principal | None = None) -> Any:
        entries = (
            each if isinstance(each, Fault) else Given(line, each)
            for line, each in enumerate(given, 1)
        )
        return self.successResultOf(self.wait(self.transfer.import_(by or self.boss, entries)))

    def faults(self, *given: dict[str, Any] | Fault) -> list[tuple[int, str | None]]:
        """Expect to be refused, with nothing changed; give the line and field of each fault."""
        return [(fault.line, fault.field) for fault in self.refusal(*given).faults]

    def refusal(self, *given: dict[str, Any] | Fault) -> Unimportable:
        before = self.everything()
        entries = (
            each if isinstance(each, Fault) else Given(line, each)
            for line, each in enumerate(given, 1)
        )
        error = self.failureResultOf(
            self.wait(self.transfer.import_(self.boss, entries)), Unimportable
        ).value
        self.assertEqual(self.everything(), before)
        assert isinstance(error, Unimportable)
        return error


def a_message(id: object, **fields: object) -> dict[str, Any]:
    return {"kind": "Message", "id": id, "data": "abc", **fields}


def as_given(record: Record) -> dict[str, Any]:
    given: dict[str, Any] = orjson.loads(orjson.dumps(as_json(record)))
    return given


def without_rev(records: list[Record]) -> list[Record]:
    return sorted(
        (evolve(record, rev=0) for record in records),
        key=lambda record: (type(record).__name__, record.id),
    )
