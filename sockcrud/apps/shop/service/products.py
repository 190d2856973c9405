"""What can be done with the products of the shop.

They belong to no company: whoever has logged in may use them.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from attrs import frozen

from sockcrud.access import Access, Principal, logged_in, operation
from sockcrud.apps.shop.records import Product
from sockcrud.errors import NotFound
from sockcrud.records import checked, values
from sockcrud.storage.contract import IStore, RecordStream


@frozen
class Products:
    """The products' operations. Any of them fails with NotLoggedIn without a login."""

    access: Access
    store: IStore

    @operation("products.list", logged_in)
    async def list(self, principal: Principal) -> RecordStream[Product]:
        """Return all products as they are now."""
        return self.store.stream(Product, peer=principal.address)

    @operation("products.get", logged_in)
    def get(self, principal: Principal, id: int) -> Awaitable[Product]:
        """Return the product; raise NotFound."""
        return self.store.get(Product, id)

    @operation("products.exists", logged_in)
    async def exists(self, principal: Principal, id: int) -> Product | None:
        """Return the product where there is one, None where there is none: to ask for that is no
        failure.
        """
        try:
            return await self.store.get(Product, id)
        except NotFound:
            return None

    @operation("products.create", logged_in)
    async def create(
        self,
        principal: Principal,
        name: str,
        description: str,
        quantity: int,
        price: object,
        status: object,
    ) -> Product:
        """Return the new product. Raise Invalid, or Taken (the name)."""
        return await self.store.insert(
            Product, **_product(name, description, quantity, price, status)
        )

    @operation("products.update", logged_in)
    async def update(
        self,
        principal: Principal,
        id: int,
        name: str,
        description: str,
        quantity: int,
        price: object,
        status: object,
        expect: int | None = None,
    ) -> Product:
        """Return the changed product. Raise Invalid, NotFound, Taken, or Outdated where it is not
        at `expect`.
        """
        return await self.store.update(
            Product, id, expect, **_product(name, description, quantity, price, status)
        )

    @operation("products.delete", logged_in)
    async def delete(self, principal: Principal, id: int, expect: int | None = None) -> None:
        """Return when the product is gone, and its inventory with it. Raise NotFound or
        Outdated.
        """
        await self.store.delete(Product, id, expect)


def _product(
    name: str, description: str, quantity: int, price: object, status: object
) -> dict[str, Any]:
    return checked(
        Product,
        name=name,
        description=description,
        quantity=quantity,
        price=values.money("price", price),
        status=values.flag(status),
    )
