"""All services of the shop behind one port."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, Final

from sockcrud.apps.shop.dialect.auth import AuthResponder
from sockcrud.apps.shop.dialect.base import ShopService
from sockcrud.apps.shop.dialect.clients import ClientsResponder
from sockcrud.apps.shop.dialect.inventory import InventoryResponder
from sockcrud.apps.shop.dialect.products import ProductsResponder
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.apps.shop.service.inventory import Inventory
from sockcrud.apps.shop.service.products import Products
from sockcrud.identity.directory import Logins
from sockcrud.protocols.http.connection import HTTPFactory, Request, Response
from sockcrud.rest.routed import Terms
from sockcrud.rest.routes import Routes
from sockcrud.serving import Serving

SERVICES: Final = (ClientsResponder, ProductsResponder, InventoryResponder, AuthResponder)


def _first_part(path: str) -> str:
    return path[1:].partition("/")[0]


_FIRST_PARTS: Final[Mapping[type[ShopService], set[str]]] = {
    service: {
        _first_part(path) for route in service.routes.all for path in (route.path, *route.also)
    }
    for service in SERVICES
}


class ShopResponder:
    """All services behind one connection: each request is for the one whose table has paths that
    begin like its own.
    """

    routes: ClassVar[Routes] = Routes(
        [route for service in SERVICES for route in service.routes.all]
    )
    error_body = ShopService.error_body
    always = ShopService.always

    def __init__(
        self,
        clients: Clients,
        addresses: Addresses,
        products: Products,
        inventory: Inventory,
        logins: Logins,
        address: str,
        terms: Terms | None = None,
    ) -> None:
        services: tuple[ShopService, ...] = (
            ClientsResponder(clients, addresses, logins, address, terms),
            ProductsResponder(products, logins, address, terms),
            InventoryResponder(inventory, logins, address, terms),
            AuthResponder(logins, address, terms),
        )
        self._any = services[0]  # for what is for none of them: they all word it alike
        self._services = {
            first: service for service in services for first in _FIRST_PARTS[type(service)]
        }

    def answer(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Return the answer. Never fails."""
        return self._service(request).answer(request)

    async def refuse_early(self, request: Request) -> Response | None:
        """Return the refusal of a request whose body is not wanted, or None where it is."""
        return await self._service(request).refuse_early(request)

    def only_reads(self, request: Request) -> bool:
        """Return whether the request changes nothing."""
        return self._service(request).only_reads(request)

    def refusal(self, status: int, explanation: str) -> Response:
        """Word an error of the wire."""
        return self._any.refusal(status, explanation)

    def body_sink(self, request: Request) -> None:
        """Bodies are small, and held in memory."""

    def _service(self, request: Request) -> ShopService:
        return self._services.get(_first_part(request.path), self._any)


class ShopFactory(HTTPFactory):
    """Makes the connections of the one port of all services."""

    def __init__(self, serving: Serving) -> None:
        access, store, logins, terms = serving.access, serving.store, serving.logins, serving.terms
        clients, addresses = Clients(access, store), Addresses(access, store)
        products, inventory = Products(access, store), Inventory(access, store)
        super().__init__(
            lambda peer: ShopResponder(
                clients, addresses, products, inventory, logins, peer, terms
            ),
            *serving.http,
        )
