# mypy: allow-untyped-calls
"""The records of all apps at the admin's: by the apps' own rules, and without their secrets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.access import Access, Principal
from sockcrud.app import App, Apps
from sockcrud.apps.admin.records import MOST_DEPENDENTS, StoredRecords
from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, Product
from sockcrud.apps.users.records import User
from sockcrud.errors import Forbidden, Invalid, NotLoggedIn
from sockcrud.generic import crud
from sockcrud.identity.records import ADMIN, USER, Account
from sockcrud.records import Record, reference, text, whole
from sockcrud.records import evolve as evolve_record
from sockcrud.records.schema import Schema
from sockcrud.storage.memory.store import MemoryStore
from tests.apps.admin.admin_case import APPS, AdminCase
from tests.support.directory_kit import HERE

ANA = {"name": "Ana", "email": "ana@example.org", "age": 30}


class RecordsTests(AdminCase):
    def a_client_of_the_shop(self, number: int = 1) -> Client:
        fields: dict[str, Any] = {
            "name": "Eva",
            "email": f"eva{number}@x.org",
            "cpf": f"454.090.000-{number:02}",
        }
        return self.have(self.store.insert(Client, **fields, balance=Decimal("1.00")))

    def test_every_kind_of_every_app_is_there_and_none_of_the_directory(self) -> None:
        kinds = {kind["name"]: kind for kind in self.asks("GET", "/records").json["items"]}
        declared = {name for app in APPS for name in app.names_of_records}
        self.assertEqual(kinds.keys(), declared)
        self.assertNotIn("Account", kinds)
        self.assertEqual(kinds["Client"]["filters"], ["email", "cpf"])
        self.assertEqual(kinds["Message"]["change"], None)  # its app has no such operation
        for path in ("accounts", "sessions", "login_failures", "nothing"):
            self.refused(self.asks("GET", f"/records/{path}"), 404, "not_found")

    def test_pages_of_many(self) -> None:
        for id in range(1, 31):
            self.have(self.store.insert(Message, id, data=f"number {id}"))
        seen: list[int] = []
        after: int | None = 0
        while after is not None:
            page = self.asks("GET", f"/records/messages?limit=12&after={after}").json
            seen += [item["id"] for item in page["items"]]
            after = page["next"]
        self.assertEqual(seen, list(range(1, 31)))
        for query in ("limit=0", "limit=1001", "after=x", "data=x", "nothing=1"):
            self.assertEqual(self.asks("GET", f"/records/messages?{query}").status, 400, query)

    def test_filtering_by_indexed_fields(self) -> None:
        one, other = self.a_client_of_the_shop(1), self.a_client_of_the_shop(2)
        place: dict[str, Any] = {"state": "SP", "city": "S", "street": "R", "number": 9}
        place["cep"] = "01310-100"
        for owner in (one, one, other):
            self.have(self.store.insert(Address, client_id=owner.id, **place))
        page = self.asks("GET", f"/records/addresses?client_id={one.id}").json
        self.assertEqual([item["client_id"] for item in page["items"]], [one.id, one.id])
        found = self.asks("GET", "/records/clients?email=EVA2@x.org").json["items"]
        self.assertEqual([item["id"] for item in found], [other.id])

    def test_a_user_is_made_and_changed_by_the_operations_of_users(self) -> None:
        made = self.asks("POST", "/records/users", {**ANA, "created_at": "1999-01-01", "id": 77})
        self.assertEqual((made.status, made.field("Location")), (201, "/records/users/1"))
        self.assertEqual(made.json["created_at"], made.json["updated_at"])
        self.clock.advance(60)
        changed = self.asks(
            "PATCH", "/records/users/1", {"age": 31}, If_Match=made.field("ETag") or ""
        )
        self.assertEqual(
            (changed.status, changed.json["age"], changed.json["name"]), (200, 31, "Ana")
        )
        self.assertGreater(changed.json["updated_at"], made.json["updated_at"])
        self.assertEqual(changed.json["created_at"], made.json["created_at"])

    def test_a_revision_that_has_passed_is_refused_and_nothing_is_changed(self) -> None:
        tag = self.asks("POST", "/records/users", ANA).field("ETag") or ""
        self.assertEqual(self.asks("PATCH", "/records/users/1", {"age": 31}).status, 200)
        for method, body in (("PATCH", {"age": 99}), ("DELETE", None)):
            answered = self.asks(method, "/records/users/1", body, If_Match=tag)
            self.refused(answered, 412, "outdated")
        self.assertEqual(self.have(self.store.get(User, 1)).age, 31)

    def test_the_forms_that_an_app_takes_are_taken(self) -> None:
        body = {"name": "Eva", "email": "e@x.org", "cpf": "45409000000", "balance": 30.5}
        made = self.asks("POST", "/records/clients", body).json
        self.assertEqual((made["cpf"], made["balance"]), ("454.090.000-00", "30.50"))
        changed = self.asks("PATCH", f"/records/clients/{made['id']}", {"name": "Eve"}).json
        self.assertEqual((changed["cpf"], changed["balance"]), ("454.090.000-00", "30.50"))

    def test_what_is_wrong_is_told_of_its_field(self) -> None:
        for body, field in (({**ANA, "age": 151}, "age"), ({"name": "Ana"}, "email")):
            self.refused(self.asks("POST", "/records/users", body), 400, "invalid", field)
        place = {"state": "SP", "city": "S", "street": "R", "number": 9, "cep": "01310-100"}
        answered = self.asks("POST", "/records/addresses", {**place, "client_id": 4711})
        self.refused(answered, 400, "invalid", "client_id")
        self.a_client_of_the_shop(1)
        taken = {"name": "Eva", "email": "EVA1@x.org", "cpf": "1" * 11, "balance": 0}
        self.refused(self.asks("POST", "/records/clients", taken), 409, "taken", "email")

    def test_where_clients_choose_the_ids_so_may_an_admin(self) -> None:
        self.assertEqual(
            self.asks("POST", "/records/messages", {"id": -5, "data": "x"}).json["id"], -5
        )
        self.assertEqual(self.asks("POST", "/records/messages", {"data": "x"}).status, 201)
        answered = self.asks("POST", "/records/messages", {"id": 2**63, "data": "x"})
        self.refused(answered, 400, "invalid", "id")

    def test_what_no_operation_does_is_refused(self) -> None:
        self.have(self.store.insert(Message, 1, data="x"))
        self.refused(self.asks("PATCH", "/records/messages/1", {"data": "y"}), 403, "forbidden")
        self.assertEqual(self.have(self.store.get(Message, 1)).data, "x")

    def test_what_goes_with_a_record_is_told_before(self) -> None:
        client = self.a_client_of_the_shop()
        product = {"name": "TV", "description": "", "quantity": 0, "price": 1, "status": True}
        self.asks("POST", "/records/products", product)
        item = {"client_id": client.id, "product_id": 1, "number_of_items": 2}
        for day in ("2024-11-01", "2024-11-02"):
            made = self.asks("POST", "/records/inventory_items", {**item, "purchase_date": day})
            self.assertEqual(made.status, 201, made)
        told = self.asks("GET", f"/records/clients/{client.id}/dependents").json["items"]
        of_client = {"kind": "InventoryItem", "field": "client_id", "goes": True}
        self.assertEqual(told, [{**of_client, "count": 2, "more": False}])
        self.assertEqual(self.asks("DELETE", f"/records/clients/{client.id}").status, 204)
        self.assertEqual(self.asks("GET", "/records/inventory_items").json["items"], [])
        self.assertEqual(self.have(self.store.count(Product)), 1)
        gone = self.asks("GET", f"/records/clients/{client.id}/dependents")
        self.refused(gone, 404, "not_found")


class Author(Record):
    """Who writes."""

    name: str = text(1, 100)
    password: str = text(1, 100, secret=True)


class Volume(Record):
    """What is written; its author cannot go before it."""

    author_id: int = reference(Author)
    pages: int = whole(1, 10_000, default=1)


class Page(Record):
    """A page goes with its volume."""

    volume_id: int = reference(Volume, cascade=True)


class OwnAppTests(SynchronousTestCase):
    """An app that wrote no line for this: its records are read from their declaration."""

    def setUp(self) -> None:
        apps = Apps([App("books", crud(Author, Volume, Page, rest="tcp:0"))])
        self.store = MemoryStore(Schema(apps.schema.kinds))
        self.records = StoredRecords(Access(Clock()), self.store, apps)
        account = Account(
            id=1, rev=1, login="root", password_hash="x", role=ADMIN, company_id=1, active=True
        )
        self.root = Principal("admin", HERE, account, 1)
        given = {"name": "Ada", "password": "hidden"}
        self.author: Any = self.have(self.records.create(self.root, "authors", given))

    def have(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def test_defaults_are_taken_and_secrets_stay_where_nothing_is_said_of_them(self) -> None:
        volume = self.have(self.records.create(self.root, "volumes", {"author_id": 1}))
        self.assertEqual(volume.pages, 1)
        changed = self.have(self.records.change(self.root, "authors", 1, {"name": "Eva"}, None))
        self.assertEqual((changed.name, changed.password), ("Eva", "hidden"))

    def test_references_that_keep_a_record_are_told_and_those_of_what_goes(self) -> None:
        for _ in range(3):
            self.have(self.records.create(self.root, "volumes", {"author_id": 1}))
        for _ in range(MOST_DEPENDENTS + 5):
            self.have(self.store.insert(Page, volume_id=2))
        (volumes,) = self.have(self.records.dependents(self.root, "authors", 1))
        self.assertEqual((volumes.kind, volumes.goes, volumes.count), ("Volume", False, 3))
        (pages,) = self.have(self.records.dependents(self.root, "volumes", 2))
        self.assertEqual((pages.goes, pages.count, pages.more), (True, MOST_DEPENDENTS, True))

    def test_only_admins_may(self) -> None:
        account: Any = self.root.account
        user = evolve(self.root, account=evolve_record(account, role=USER))
        nobody = Principal("admin", HERE)
        for principal, error in ((user, Forbidden), (nobody, NotLoggedIn)):
            refused: tuple[Any, ...] = (
                self.records.kinds(principal),
                self.records.dependents(principal, "authors", 1),
                self.records.shelf("authors").reading.list(principal, 10, None, {}),
                self.records.change(principal, "authors", 1, {}, None),
            )
            for work in refused:
                self.failureResultOf(Deferred.fromCoroutine(work), error)

    def test_a_name_that_no_record_has_is_no_reference(self) -> None:
        work = self.records.create(self.root, "volumes", {"author_id": 9})
        failure = self.failureResultOf(Deferred.fromCoroutine(work), Invalid)
        self.assertEqual(failure.value.field, "author_id")
