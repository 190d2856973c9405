# mypy: allow-untyped-calls
"""Products and inventory on the wire: docs/protocols/shop.md."""

from __future__ import annotations

from datetime import date
from typing import Any

from sockcrud.apps.shop.records import InventoryItem, Product
from tests.apps.shop.shop_kit import PEN, PURCHASE, ShopWireCase
from tests.support.http_kit import HTTPClient

SHOWN = {**PEN, "id": 1, "price": "1.50", "status": 1}
INK: dict[str, Any] = {
    "name": "Ink",
    "description": "",
    "quantity": 0,
    "price": "30.25",
    "status": 0,
}
NO_PRODUCT = (404, {"msg": "There is no product with id 7"})
NO_CLIENT = (404, {"msg": "There is no client with id 7"})
ADDED = {"msg": "Product added to the inventory", "id": 1}


class ProductTests(ShopWireCase):
    """At their own port."""

    def setUp(self) -> None:
        super().setUp()
        self.port = "products"

    def test_a_product_is_created_and_fetched(self) -> None:
        created = self.says(
            (201, {"msg": "Product created", "id": 1}), "POST", "/products/create", PEN
        )
        fetched = self.asks("GET", "/products/fetch/1")
        self.assertEqual(
            fetched.body,
            b'{"id":1,"name":"Pen","description":"blue","quantity":7,"price":"1.50","status":1}',
        )
        self.assertEqual(created.field("ETag"), fetched.field("ETag"))

    def test_all_products_are_a_list(self) -> None:
        self.says((200, []), "GET", "/products/fetch")
        self.have_pen()
        self.asks("POST", "/products/create", INK)
        self.says((200, [SHOWN, {"id": 2, **INK}]), "GET", "/products/fetch/")

    def test_a_name_belongs_to_one_product(self) -> None:
        self.have_pen()
        self.asks("POST", "/products/create", INK)
        taken = "Another product has this name already"
        self.assertEqual(self.fails(409, "POST", "/products/create", PEN), taken)
        self.assertEqual(self.fails(409, "PUT", "/products/update/2", PEN), taken)
        self.says((200, {"msg": "Product updated"}), "PUT", "/products/update/1", PEN)

    def test_a_product_is_updated(self) -> None:
        self.have_pen()
        updated = self.says((200, {"msg": "Product updated"}), "PUT", "/products/update/1", INK)
        fetched = self.says((200, {"id": 1, **INK}), "GET", "/products/fetch/1")
        self.assertEqual(updated.field("ETag"), fetched.field("ETag"))

    def test_a_product_is_deleted_once(self) -> None:
        self.have_pen()
        self.says((200, {"msg": "Product deleted"}), "DELETE", "/products/delete/1")
        self.says((404, {"msg": "There is no product with id 1"}), "DELETE", "/products/delete/1")

    def test_a_product_that_does_not_exist_is_404(self) -> None:
        self.says(NO_PRODUCT, "GET", "/products/fetch/7")
        self.says(NO_PRODUCT, "PUT", "/products/update/7", PEN)
        self.says(NO_PRODUCT, "DELETE", "/products/delete/7")

    def test_whether_a_product_exists_is_told_with_its_name(self) -> None:
        self.have_pen()
        self.says((200, {"status": True, "product_name": "Pen"}), "GET", "/products/exists/1")
        self.says((200, {"status": False}), "GET", "/products/exists/7")

    def test_a_flag_is_taken_as_boolean_and_as_1_and_0(self) -> None:
        self.have_pen()
        for given, shown in ((True, 1), (False, 0), (1, 1), (0, 0)):
            self.asks("PUT", "/products/update/1", {**PEN, "status": given})
            self.assertIs(type(self.asks("GET", "/products/fetch/1").json["status"]), int)
            self.assertEqual(self.asks("GET", "/products/fetch/1").json["status"], shown)

    def test_a_wrong_or_missing_field_is_400_and_is_named(self) -> None:
        wrong: dict[str, tuple[Any, ...]] = {
            "name": ("", "x" * 101, None),
            "description": ("x" * 10_001, None, 5),
            "quantity": (-1, 1.0, "1", True, 2**63),
            "price": (-0.01, 1.999, "x", 10**8, None),
            "status": (2, "1", None, 1.0, "true"),
        }
        for name, values in wrong.items():
            for value in values:
                words = self.fails(400, "POST", "/products/create", {**PEN, name: value})
                self.assertTrue(words.startswith(f"{name}: expected "), words)
            left = {key: value for key, value in PEN.items() if key != name}
            self.assertEqual(
                self.fails(400, "PUT", "/products/update/1", left),
                f"{name}: expected a value, and there is none",
            )

    def test_health_needs_no_token(self) -> None:
        self.says((200, {"msg": "The service is running"}), "GET", "/products/health", token=None)


class InventoryTests(ShopWireCase):
    """At its own port."""

    def setUp(self) -> None:
        super().setUp()
        self.have_arthur()
        self.have_pen()
        self.port = "inventory"

    def test_what_a_client_bought_is_added_and_listed(self) -> None:
        created = self.says((201, ADDED), "POST", "/inventory/add_product", PURCHASE)
        self.assertEqual(
            created.field("ETag"), f'"{self.have(self.store.get(InventoryItem, 1)).rev}"'
        )
        expected = (
            b'[{"id":1,"product_id":1,"product_name":"Pen","number_of_items":2,'
            b'"purchase_date":"Fri, 01 Nov 2024 00:00:00 GMT"}]'
        )
        for path in ("list_products_id", "list_products_ids"):
            for slash in ("", "/"):
                answered = self.asks("GET", f"/inventory/{path}/1{slash}")
                self.assertEqual((answered.status, answered.body), (200, expected))
        self.says((200, []), "GET", "/inventory/list_products_id/7")

    def test_the_day_of_a_date_time_is_kept_as_it_was_written(self) -> None:
        days = {
            "2024-11-01T23:59:59-12:00": "Fri, 01 Nov 2024 00:00:00 GMT",
            "2024-02-29 00:00": "Thu, 29 Feb 2024 00:00:00 GMT",
            "0001-01-01": "Mon, 01 Jan 0001 00:00:00 GMT",
            "9999-12-31": "Fri, 31 Dec 9999 00:00:00 GMT",
        }
        for given in days:
            self.asks("POST", "/inventory/add_product", {**PURCHASE, "purchase_date": given})
        listed = self.asks("GET", "/inventory/list_products_id/1").json
        self.assertEqual([item["purchase_date"] for item in listed], list(days.values()))

    def test_a_client_or_product_that_does_not_exist_is_404(self) -> None:
        self.says(NO_CLIENT, "POST", "/inventory/add_product", {**PURCHASE, "client_id": 7})
        self.says(NO_PRODUCT, "POST", "/inventory/add_product", {**PURCHASE, "product_id": 7})

    def test_a_wrong_or_missing_field_is_400_and_is_named(self) -> None:
        wrong: dict[str, tuple[Any, ...]] = {
            "client_id": ("1", 1.0, True, None, 2**63),
            "product_id": ("1", None),
            "number_of_items": (-1, "2", 1.5, True),
            "purchase_date": (
                "2024-02-30",
                "01/11/2024",
                "Fri, 01 Nov 2024 00:00:00 GMT",
                20241101,
                None,
                "",
            ),
        }
        for name, values in wrong.items():
            for value in values:
                words = self.fails(400, "POST", "/inventory/add_product", {**PURCHASE, name: value})
                self.assertTrue(words.startswith(f"{name}: expected "), words)
            left = {key: value for key, value in PURCHASE.items() if key != name}
            self.fails(400, "POST", "/inventory/add_product", left)

    def test_an_item_is_removed_once(self) -> None:
        self.asks("POST", "/inventory/add_product", PURCHASE)
        removed = {"msg": "Product removed from the inventory"}
        self.says((200, removed), "DELETE", "/inventory/remove_product/1")
        words = self.fails(404, "DELETE", "/inventory/remove_product/1")
        self.assertEqual(words, "There is no inventory item with id 1")

    def test_all_items_of_a_client_or_of_a_product_are_removed(self) -> None:
        for path in ("remove_products", "remove_many", "remove_many/"):
            for type in ("client", "product"):
                for _ in range(3):
                    self.asks("POST", "/inventory/add_product", PURCHASE)
                body = {"remotion_id": 1, "type": type}
                expected = {"msg": "Products removed from the inventory: 3"}
                self.says((200, expected), "DELETE", f"/inventory/{path}", body)
                self.says((200, []), "GET", "/inventory/list_products_id/1")
                expected = {"msg": "Products removed from the inventory: 0"}
                self.says(
                    (200, expected), "DELETE", f"/inventory/{path}", {**body, "remotion_id": 7}
                )

    def test_whose_items_are_to_be_removed_must_be_said(self) -> None:
        for body, field in (
            ({"remotion_id": 1}, "type"),
            ({"type": "client"}, "remotion_id"),
            ({"remotion_id": 1, "type": "address"}, "type"),
            ({"remotion_id": 1, "type": 5}, "type"),
        ):
            self.assertTrue(
                self.fails(400, "DELETE", "/inventory/remove_products", body).startswith(
                    f"{field}: "
                )
            )
        for type in ("client", "product"):
            words = self.fails(
                400, "DELETE", "/inventory/remove_products", {"remotion_id": "1", "type": type}
            )
            self.assertTrue(words.startswith("remotion_id: expected "), words)
        self.fails(400, "DELETE", "/inventory/remove_products")

    def test_inventory_goes_with_its_product(self) -> None:
        self.asks("POST", "/inventory/add_product", PURCHASE)
        self.have(self.store.delete(Product, 1))
        self.says((200, []), "GET", "/inventory/list_products_id/1")

    def test_a_long_list_comes_whole_in_slices(self) -> None:
        for _ in range(4000):
            self.have(
                self.store.insert(
                    InventoryItem,
                    client_id=1,
                    product_id=1,
                    number_of_items=1,
                    purchase_date=date(2024, 11, 1),
                )
            )
        answered = self.asks("GET", "/inventory/list_products_id/1")
        self.assertEqual(answered.field("Transfer-Encoding"), "chunked")
        self.assertEqual([item["id"] for item in answered.json], list(range(1, 4001)))

    def test_health_needs_no_token(self) -> None:
        self.says((200, {"msg": "The service is running"}), "GET", "/inventory/health", token=None)


class DoorTests(ShopWireCase):
    CALLS = (
        ("POST", "/products/create", PEN),
        ("GET", "/products/fetch", None),
        ("GET", "/products/fetch/1", None),
        ("PUT", "/products/update/1", PEN),
        ("DELETE", "/products/delete/1", None),
        ("GET", "/products/exists/1", None),
        ("POST", "/inventory/add_product", PURCHASE),
        ("GET", "/inventory/list_products_id/1", None),
        ("GET", "/inventory/list_products_ids/1", None),
        ("DELETE", "/inventory/remove_product/1", None),
        ("DELETE", "/inventory/remove_products", {"remotion_id": 1, "type": "client"}),
        ("DELETE", "/inventory/remove_many", {"remotion_id": 1, "type": "client"}),
    )

    def test_without_a_living_token_nothing_is_to_be_had(self) -> None:
        self.have_arthur()
        self.have_pen()
        for method, path, body in self.CALLS:
            for token in (None, "F" * 64):
                before = self.everything()
                answered = self.asks(method, path, body, token=token)
                self.assertEqual(
                    (answered.status, answered.field("WWW-Authenticate")), (401, "Bearer")
                )
                self.assertEqual(self.everything(), before)

    def test_each_port_serves_its_own_paths_and_the_shop_s_serves_all(self) -> None:
        self.have_arthur()
        own = {
            "clients": "/clients/fetch",
            "products": "/products/fetch",
            "inventory": "/inventory/list_products_id/1",
            "auth": "/user/health",
        }
        for port, client in self.ports.items():
            for service, path in own.items():
                status = client.asks("GET", path, token=self.token).status
                self.assertEqual(status, 200 if port in (service, "shop") else 404, (port, path))

    def test_each_service_is_counted_under_its_own_name_behind_the_shop_s_port_too(self) -> None:
        self.asks("GET", "/products/fetch")
        self.asks("GET", "/inventory/list_products_id/1")
        self.asks("POST", "/user/logout")
        counted = {key[:2] for key in self.tally.counts if key[1] != "sessions.resume"}
        for key in (
            ("products", "products.list"),
            ("inventory", "inventory.list"),
            ("auth", "sessions.log_out"),
        ):
            self.assertIn(key, counted)

    def test_one_token_opens_all_services(self) -> None:
        def status(client: HTTPClient, path: str) -> int:
            return client.asks("GET", path, token=self.token).status

        self.assertEqual(status(self.ports["products"], "/products/fetch"), 200)
        self.assertEqual(status(self.ports["inventory"], "/inventory/list_products_id/1"), 200)
        self.ports["auth"].asks("POST", "/user/logout", token=self.token)
        self.assertEqual(status(self.ports["products"], "/products/fetch"), 401)
        self.assertEqual(status(self.ports["inventory"], "/inventory/list_products_id/1"), 401)
