# mypy: allow-untyped-calls
"""The shop behind its ports, and anna, who may use it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

from sockcrud.access import Access
from sockcrud.apps.shop.dialect.auth import AuthResponder
from sockcrud.apps.shop.dialect.clients import ClientsResponder
from sockcrud.apps.shop.dialect.inventory import InventoryResponder
from sockcrud.apps.shop.dialect.products import ProductsResponder
from sockcrud.apps.shop.dialect.together import ShopResponder
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.apps.shop.service.inventory import Inventory
from sockcrud.apps.shop.service.products import Products
from sockcrud.protocols.http.connection import HTTPLimits
from sockcrud.rest.routed import Terms
from tests.support.http_kit import Answered, HTTPClient
from tests.support.people_case import PeopleCase

ARTHUR: Final[dict[str, Any]] = {
    "name": "Arthur",
    "email": "arthur.giovanini@inmetrics.com.br",
    "cpf": "454.090.000-00",
    "balance": 30.25,
}
"""The protocol's own example."""
HOME: Final[dict[str, Any]] = {
    "client_id": 1,
    "state": "SP",
    "city": "São Paulo",
    "street": "Avenida Paulista",
    "number": 1578,
    "CEP": "01310-200",
}
PEN: Final[dict[str, Any]] = {
    "name": "Pen",
    "description": "blue",
    "quantity": 7,
    "price": 1.5,
    "status": True,
}
PURCHASE: Final[dict[str, Any]] = {
    "client_id": 1,
    "product_id": 1,
    "number_of_items": 2,
    "purchase_date": "2024-11-01",
}


def basic(name: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic."""
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


class ShopWireCase(PeopleCase):
    """A client at each of the five ports, and anna's token."""

    def setUp(self) -> None:
        super().setUp()
        access = Access(self.clock, [self.tally])
        clients, addresses = Clients(access, self.store), Addresses(access, self.store)
        products, inventory = Products(access, self.store), Inventory(access, self.store)
        logins = self.logins

        def all_of_it(address: str, terms: Terms | None = None) -> ShopResponder:
            return ShopResponder(clients, addresses, products, inventory, logins, address, terms)

        self.all_of_it = all_of_it
        self.ports = {
            "clients": HTTPClient(
                lambda peer: ClientsResponder(clients, addresses, logins, peer), self.clock
            ),
            "products": HTTPClient(
                lambda peer: ProductsResponder(products, logins, peer), self.clock
            ),
            "inventory": HTTPClient(
                lambda peer: InventoryResponder(inventory, logins, peer), self.clock
            ),
            "auth": HTTPClient(lambda peer: AuthResponder(logins, peer), self.clock),
            "shop": HTTPClient(all_of_it, self.clock),
        }
        self.token = self.log_in("anna", "auth").token
        self.port = "shop"

    def shop_with(self, terms: Terms | None = None, limits: HTTPLimits | None = None) -> HTTPClient:
        return HTTPClient(lambda peer: self.all_of_it(peer, terms), self.clock, limits=limits)

    def asks(self, method: str, target: str, body: object = None, **more: Any) -> Answered:
        """Ask as anna, at the port of the case."""
        return self.ports[self.port].asks(method, target, body, **{"token": self.token, **more})

    def says(
        self, expected: tuple[int, Any], method: str, target: str, body: object = None, **more: Any
    ) -> Answered:
        """Ask as anna, and expect this status and body."""
        answered = self.asks(method, target, body, **more)
        self.assertEqual((answered.status, answered.json), expected)
        return answered

    def fails(self, status: int, method: str, target: str, body: object = None, **more: Any) -> str:
        """Ask as anna, expect an error of this status and that nothing has changed, and return its
        words.
        """
        before = self.everything()
        answered = self.asks(method, target, body, **more)
        self.assertEqual((answered.status, list(answered.json)), (status, ["msg"]), answered)
        self.assertEqual(self.everything(), before)
        self.assertIn(b"content-length", answered.fields)
        words: str = answered.json["msg"]
        return words

    def have_arthur(self) -> None:
        self.assertEqual(self.asks("POST", "/clients/create", ARTHUR).status, 201)

    def have_pen(self) -> None:
        self.assertEqual(self.asks("POST", "/products/create", PEN).status, 201)
