# mypy: allow-untyped-calls
"""The shop: what its operations take, what they do, and what they refuse."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.access import Access, Principal
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.apps.shop.service.inventory import Inventory
from sockcrud.apps.shop.service.products import Products
from sockcrud.errors import (
    DomainError,
    Invalid,
    NotFound,
    NotLoggedIn,
    Outdated,
    Taken,
    Unavailable,
)
from sockcrud.identity.records import USER, Account
from sockcrud.records import Record
from sockcrud.storage.contract import RecordStream
from sockcrud.storage.memory.store import MemoryStore
from tests.support.model import KINDS, STANDARD
from tests.support.tally import Tally

T = TypeVar("T")
R = TypeVar("R", bound=Record)

ARTHUR: dict[str, Any] = {
    "name": "Arthur",
    "email": "arthur@inmetrics.com.br",
    "cpf": "454.090.000-00",
    "balance": 30.25,
}
HOME: dict[str, Any] = {
    "state": "SP",
    "city": "São Paulo",
    "street": "Avenida Paulista",
    "number": 1578,
    "cep": "01310-200",
}
PEN: dict[str, Any] = {
    "name": "Pen",
    "description": "blue",
    "quantity": 7,
    "price": "1.50",
    "status": True,
}
MANY = 1200
"""Items that make more than two slices of a stream."""


class ShopStore(MemoryStore):
    """A store that can be asked to fail at products, or to let those who ask for them wait."""

    def __init__(self) -> None:
        super().__init__(STANDARD)
        self.failing = False
        self.waiting: list[Deferred[None]] | None = None

    async def get(self, kind: type[Any], id: int) -> Any:
        if kind is Product and self.failing:
            raise Unavailable
        if kind is Product and self.waiting is not None:
            turn: Deferred[None] = Deferred()
            self.waiting.append(turn)
            await turn
        return await super().get(kind, id)


class ShopCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = ShopStore()
        self.tally = Tally()
        access = Access(Clock(), [self.tally])
        self.clients = Clients(access, self.store)
        self.addresses = Addresses(access, self.store)
        self.products = Products(access, self.store)
        self.inventory = Inventory(access, self.store)
        account = Account(
            id=1, rev=1, login="anna", password_hash="-", role=USER, company_id=1, active=True
        )
        self.anna = Principal("shop", "192.0.2.1", account, 1)

    def have(self, work: Coroutine[Any, Any, T]) -> T:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def all_of(self, stream: RecordStream[R]) -> list[R]:
        async def read() -> list[R]:
            return [record async for slice in stream for record in slice]

        return self.have(read())

    def everything(self) -> tuple[int, list[Record]]:
        return self.store.rev, [
            record for kind in KINDS for record in self.have(self.store.page(kind, 10_000))
        ]

    def refused(self, work: Coroutine[Any, Any, object], *errors: type[DomainError]) -> DomainError:
        """Expect the refusal, and that nothing at all has changed."""
        before = self.everything()
        error = self.failureResultOf(Deferred.fromCoroutine(work), *errors).value
        self.assertEqual(self.everything(), before)
        assert isinstance(error, DomainError)
        return error

    def invalid(self, work: Coroutine[Any, Any, object], field: str) -> None:
        error = self.refused(work, Invalid)
        assert isinstance(error, Invalid)
        self.assertEqual(error.field, field)

    def a_client(self, **changed: Any) -> Client:
        return self.have(self.clients.create(self.anna, **{**ARTHUR, **changed}))

    def a_product(self, **changed: Any) -> Product:
        return self.have(self.products.create(self.anna, **{**PEN, **changed}))

    def an_address(self, client: Client, **changed: Any) -> Address:
        return self.have(self.addresses.create(self.anna, client.id, **{**HOME, **changed}))

    def an_item(self, client: Client, product: Product, day: str = "2024-11-01") -> InventoryItem:
        return self.have(self.inventory.add(self.anna, client.id, product.id, 2, day))


class ClientsTests(ShopCase):
    def test_a_client_is_created_as_it_was_meant(self) -> None:
        client = self.a_client(cpf="45409000000", balance="30.2")
        self.assertEqual((client.cpf, client.balance), ("454.090.000-00", Decimal("30.20")))
        self.assertEqual(self.have(self.clients.get(self.anna, client.id)), client)

    def test_each_field_has_its_bounds(self) -> None:
        wrong = {
            "name": ("", "x" * 101, 5, None, "a\x00b", "\ud800"),
            "email": ("arthur", "a@b", "a b@c.de", None),
            "cpf": (
                "454090000000",
                "4540900000",
                "454.090.000.00",
                "٤٥٤٠٩٠٠٠٠٠٠",
                45409000000,
                "45409000000\n",
            ),
            "balance": (-1, "30.255", True, None, 10**8),
        }
        for field, values_ in wrong.items():
            for value in values_:
                self.invalid(self.clients.create(self.anna, **{**ARTHUR, field: value}), field)
        self.a_client(
            name="x" * 100, email="Vinícius_Peixoto@inmetrics.com.br", balance=99999999.99
        )

    def test_email_and_cpf_are_unique_the_email_whatever_its_case(self) -> None:
        self.a_client()
        other = self.a_client(email="other@example.org", cpf="00000000000")
        for work in (
            self.clients.create(
                self.anna, **{**ARTHUR, "email": "ARTHUR@inmetrics.com.br", "cpf": "11111111111"}
            ),
            self.clients.create(
                self.anna, **{**ARTHUR, "email": "third@example.org", "cpf": "45409000000"}
            ),
            self.clients.update(self.anna, other.id, **{**ARTHUR, "email": "other@example.org"}),
        ):
            self.refused(work, Taken)

    def test_an_update_takes_the_same_fields_and_honours_the_revision(self) -> None:
        client = self.a_client()
        changed = self.have(
            self.clients.update(
                self.anna, client.id, **{**ARTHUR, "name": "Pedro"}, expect=client.rev
            )
        )
        self.assertEqual((changed.name, changed.email), ("Pedro", client.email))
        self.refused(
            self.clients.update(self.anna, client.id, **ARTHUR, expect=client.rev), Outdated
        )
        self.refused(self.clients.delete(self.anna, client.id, client.rev), Outdated)
        self.refused(self.clients.update(self.anna, 99, **ARTHUR), NotFound)
        self.invalid(self.clients.update(self.anna, client.id, **{**ARTHUR, "cpf": "1"}), "cpf")

    def test_with_a_client_go_its_addresses_and_inventory(self) -> None:
        client, other = self.a_client(), self.a_client(email="other@example.org", cpf="00000000000")
        kept_address, product = self.an_address(other), self.a_product()
        kept_item = self.an_item(other, product)
        self.an_address(client)
        self.an_item(client, product)
        self.have(self.clients.delete(self.anna, client.id, client.rev))
        self.assertEqual(self.all_of(self.have(self.addresses.list(self.anna))), [kept_address])
        self.assertEqual(self.have(self.store.page(InventoryItem, 9)), [kept_item])
        self.refused(self.clients.delete(self.anna, client.id), NotFound)

    def test_exists_and_list(self) -> None:
        client = self.a_client()
        self.assertEqual(
            [self.have(self.clients.exists(self.anna, id)) for id in (client.id, 99)], [True, False]
        )
        self.assertEqual(self.all_of(self.have(self.clients.list(self.anna))), [client])
        self.refused(self.clients.get(self.anna, 99), NotFound)

    def test_who_has_not_logged_in_is_refused_whatever_is_sent(self) -> None:
        nobody = Principal("shop", "192.0.2.1")
        self.refused(self.clients.create(nobody, "", "", "", None), NotLoggedIn)
        self.refused(self.products.get(nobody, 99), NotLoggedIn)
        self.refused(self.inventory.remove_many(nobody, 1, "client"), NotLoggedIn)
        self.assertEqual(self.tally.counts["shop", "clients.create", "not_logged_in"], 1)


class AddressesTests(ShopCase):
    def test_an_address_is_of_a_client_that_exists(self) -> None:
        client = self.a_client()
        address = self.an_address(client, cep="01310200")
        self.assertEqual((address.client_id, address.cep), (client.id, "01310-200"))
        self.refused(self.addresses.create(self.anna, 99, **HOME), NotFound)
        self.invalid(self.addresses.create(self.anna, True, **HOME), "client_id")

    def test_each_field_has_its_bounds(self) -> None:
        client = self.a_client()
        wrong: dict[str, tuple[object, ...]] = {
            "state": ("S", "SPX", "S1", None),
            "city": ("", 5),
            "street": ("", None),
            "number": (0, -1, 1.0, "5", True),
            "cep": ("0131020", "013102000", "013-10200", 1310200),
        }
        for field, values_ in wrong.items():
            for value in values_:
                self.invalid(
                    self.addresses.create(self.anna, client.id, **{**HOME, field: value}), field
                )

    def test_an_update_leaves_it_with_its_client(self) -> None:
        address = self.an_address(self.a_client())
        new: dict[str, Any] = {**HOME, "city": "Santos"}
        changed = self.have(self.addresses.update(self.anna, address.id, **new, expect=address.rev))
        self.assertEqual((changed.city, changed.client_id), ("Santos", address.client_id))
        self.refused(
            self.addresses.update(self.anna, address.id, **new, expect=address.rev), Outdated
        )
        self.refused(self.addresses.update(self.anna, 99, **new), NotFound)
        self.have(self.addresses.delete(self.anna, address.id, changed.rev))
        self.refused(self.addresses.delete(self.anna, address.id), NotFound)

    def test_they_are_listed_all_or_by_client(self) -> None:
        one, two = self.a_client(), self.a_client(email="two@example.org", cpf="00000000000")
        first, second = self.an_address(one), self.an_address(two)
        for client_id, expected in ((None, [first, second]), (two.id, [second]), (99, [])):
            self.assertEqual(
                self.all_of(self.have(self.addresses.list(self.anna, client_id))), expected
            )


class ProductsTests(ShopCase):
    def test_a_product_is_created_as_it_was_meant(self) -> None:
        for name, status, kept in (("a", True, True), ("b", 0, False), ("c", 1, True)):
            self.assertIs(self.a_product(name=name, status=status).status, kept)
        self.assertEqual(self.a_product(name="d", price=1).price, Decimal("1.00"))

    def test_each_field_has_its_bounds(self) -> None:
        wrong = {
            "name": ("", "x" * 101, None),
            "description": ("x" * 10_001, None),
            "quantity": (-1, 1.0, "7", True, 2**63),
            "price": (-0.01, 1.999, None, "1e2"),
            "status": (2, -1, 1.0, "1", "true", None),
        }
        for field, values_ in wrong.items():
            for value in values_:
                self.invalid(self.products.create(self.anna, **{**PEN, field: value}), field)

    def test_the_name_is_unique(self) -> None:
        self.a_product()
        other = self.a_product(name="pen")
        self.refused(self.products.create(self.anna, **PEN), Taken)
        self.refused(self.products.update(self.anna, other.id, **PEN), Taken)

    def test_update_delete_exists_list(self) -> None:
        product, client = self.a_product(), self.a_client()
        self.an_item(client, product)
        new: dict[str, Any] = {**PEN, "price": 2.5}
        changed = self.have(self.products.update(self.anna, product.id, **new, expect=product.rev))
        self.assertEqual(str(changed.price), "2.50")
        self.refused(
            self.products.update(self.anna, product.id, **new, expect=product.rev), Outdated
        )
        self.assertEqual(self.have(self.products.exists(self.anna, product.id)), changed)
        self.assertIsNone(self.have(self.products.exists(self.anna, 99)))
        self.assertEqual(self.all_of(self.have(self.products.list(self.anna))), [changed])
        self.refused(self.products.delete(self.anna, product.id, product.rev), Outdated)
        self.have(self.products.delete(self.anna, product.id))
        self.assertEqual(self.have(self.store.count(InventoryItem)), 0)
        self.refused(self.products.get(self.anna, product.id), NotFound)


class InventoryTests(ShopCase):
    def setUp(self) -> None:
        super().setUp()
        self.client, self.pen = self.a_client(), self.a_product()

    def named(self, client_id: int) -> list[tuple[int, str]]:
        stream = self.have(self.inventory.list(self.anna, client_id))
        return [(named.item.id, named.product_name) for named in self.all_of(stream)]

    def test_an_item_is_of_a_client_and_a_product_that_exist(self) -> None:
        item = self.an_item(self.client, self.pen, "2024-11-01T23:59:00-03:00")
        self.assertEqual((item.number_of_items, item.purchase_date), (2, date(2024, 11, 1)))
        self.refused(self.inventory.add(self.anna, 99, self.pen.id, 1, "2024-11-01"), NotFound)
        self.refused(self.inventory.add(self.anna, self.client.id, 99, 1, "2024-11-01"), NotFound)
        self.invalid(
            self.inventory.add(self.anna, self.client.id, self.pen.id, -1, "2024-11-01"),
            "number_of_items",
        )
        self.invalid(
            self.inventory.add(self.anna, self.client.id, self.pen.id, 1, "1/11/2024"),
            "purchase_date",
        )

    def test_the_list_of_a_client_names_the_products(self) -> None:
        other = self.a_client(email="other@example.org", cpf="00000000000")
        ink = self.a_product(name="Ink")
        items = [self.an_item(self.client, product) for product in (ink, self.pen, ink)]
        self.an_item(other, self.pen)
        expected = [
            (item.id, name) for item, name in zip(items, ("Ink", "Pen", "Ink"), strict=True)
        ]
        self.assertEqual(self.named(self.client.id), expected)
        self.assertEqual(self.named(99), [])

    def test_a_long_list_is_the_items_of_one_moment(self) -> None:
        ink, chalk = self.a_product(name="Ink"), self.a_product(name="Chalk")
        items = [self.an_item(self.client, self.pen) for _ in range(MANY - 2)]
        items += [self.an_item(self.client, ink), self.an_item(self.client, chalk)]
        stream = self.have(self.inventory.list(self.anna, self.client.id))
        first = list(self.have(anext(stream)))
        self.assertFalse(stream.ended)
        self.have(self.products.update(self.anna, self.pen.id, **{**PEN, "name": "Pencil"}))
        self.have(self.products.delete(self.anna, chalk.id))
        self.have(self.inventory.remove(self.anna, items[-3].id))
        self.an_item(self.client, self.pen)
        seen = first + self.all_of(stream)
        # Chalk's item has gone with it, and its name is not to be had any more.
        self.assertEqual([named.item for named in seen], items[:-1])
        self.assertEqual([named.product_name for named in seen], ["Pen"] * (MANY - 2) + ["Ink"])
        self.assertTrue(stream.ended)

    def test_no_slice_is_empty(self) -> None:
        ink = self.a_product(name="Ink")
        for product in [self.pen] * 500 + [ink] * 500:
            self.an_item(self.client, product)
        stream = self.have(self.inventory.list(self.anna, self.client.id))
        self.assertEqual(len(self.have(anext(stream))), 500)
        self.have(self.products.delete(self.anna, ink.id))
        self.assertEqual(self.all_of(stream), [])

    def test_names_are_asked_for_all_at_once(self) -> None:
        for product in (
            self.a_product(name="Ink"),
            self.pen,
            self.pen,
            self.a_product(name="Chalk"),
        ):
            self.an_item(self.client, product)
        stream = self.have(self.inventory.list(self.anna, self.client.id))
        self.store.waiting = []
        reading = Deferred.fromCoroutine(anext(stream))
        self.assertNoResult(reading)
        self.assertEqual(len(self.store.waiting), 3)
        for turn in reversed(self.store.waiting):
            turn.callback(None)
        self.assertEqual(
            [named.product_name for named in self.successResultOf(reading)],
            ["Ink", "Pen", "Pen", "Chalk"],
        )

    def test_a_list_that_fails_says_how_and_lets_go_of_the_moment(self) -> None:
        for _ in range(MANY):
            self.an_item(self.client, self.pen)
        stream = self.have(self.inventory.list(self.anna, self.client.id))
        self.store.failing = True
        self.failureResultOf(Deferred.fromCoroutine(anext(stream)), Unavailable)
        self.store.failing = False
        self.assertTrue(stream.ended)
        self.assertEqual(self.all_of(stream), [])

    def test_one_is_removed(self) -> None:
        item = self.an_item(self.client, self.pen)
        self.refused(self.inventory.remove(self.anna, item.id, item.rev + 1), Outdated)
        self.have(self.inventory.remove(self.anna, item.id))
        self.refused(self.inventory.remove(self.anna, item.id), NotFound)

    def test_many_are_removed_by_client_or_product_as_one_change(self) -> None:
        other = self.a_client(email="other@example.org", cpf="00000000000")
        ink = self.a_product(name="Ink")
        kept = self.an_item(other, ink)
        for _ in range(450):
            self.an_item(self.client, ink)
        self.an_item(other, self.pen)
        self.assertEqual(
            self.have(self.inventory.remove_many(self.anna, self.client.id, "client")), 450
        )
        self.assertEqual(
            self.have(self.inventory.remove_many(self.anna, self.pen.id, "product")), 1
        )
        self.assertEqual(self.have(self.store.page(InventoryItem, 9)), [kept])

    def test_an_owner_that_is_not_there_has_nothing_to_remove(self) -> None:
        self.an_item(self.client, self.pen)
        before = self.everything()
        self.assertEqual(self.have(self.inventory.remove_many(self.anna, 99, "client")), 0)
        self.assertEqual(self.everything(), before)

    def test_what_to_remove_must_be_said(self) -> None:
        wrong: tuple[Any, ...] = ("address", "", None, [])
        for type in wrong:
            self.invalid(self.inventory.remove_many(self.anna, 1, type), "type")
            self.invalid(self.inventory.remove_many(self.anna, type, "client"), "client_id")

    def test_a_removal_that_fails_in_the_middle_removes_nothing(self) -> None:
        self.failing_to_delete(self.three_items()[2], Unavailable())
        self.refused(self.inventory.remove_many(self.anna, self.client.id, "client"), Unavailable)

    def test_what_others_remove_meanwhile_does_not_count(self) -> None:
        item = self.three_items()[1]
        self.failing_to_delete(item, NotFound("InventoryItem", item.id))
        self.assertEqual(
            self.have(self.inventory.remove_many(self.anna, self.client.id, "client")), 2
        )

    def three_items(self) -> list[InventoryItem]:
        return [self.an_item(self.client, self.pen) for _ in range(3)]

    def failing_to_delete(self, item: InventoryItem, error: DomainError) -> None:
        real = self.store._transaction.delete

        async def delete(kind: type[Record], id: int, expect: int | None = None) -> None:
            if id == item.id:
                raise error
            await real(kind, id, expect)

        self.patch(self.store._transaction, "delete", delete)
