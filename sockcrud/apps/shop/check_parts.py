"""What is done at the services of the shop, once logged in: with clients and addresses, with
products, with the inventory.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sockcrud.client import Shop
from sockcrud.client.errors import NotFound
from sockcrud.monitor.checks.base import (
    Mark,
    expect,
    expect_fields,
    expect_refusal,
    guarded,
    step,
    steps_of,
)
from sockcrud.monitor.checks.record_steps import Calls, RecordSteps
from sockcrud.monitor.checks.steps import Step

_ADDRESS: Final = {
    "state": "SP",
    "city": "São Paulo",
    "street": "Avenida Paulista",
    "number": 1000,
    "cep": "01310-100",
}
_DAY: Final = date(2024, 11, 1)

Connected = Callable[[], Shop]
"""Gives the client of a service: another one after the connections were made anew."""


class ClientsPart(RecordSteps):
    """A client is created, read, listed, changed and deleted, and an address of it before."""

    one, many = "client", "clients"
    calls = Calls("create_client", "client", "clients", "update_client", "delete_client")
    ours = ("email", "name")
    change: Mapping[str, Any] = {"balance": Decimal("0.05")}
    tries = 3  # its cpf may be somebody's, besides

    def values(self) -> dict[str, Any]:
        return {
            "name": self.mark.text,
            "email": self.mark.email,
            "balance": Decimal("30.25"),
            "cpf": _random_cpf(),
        }

    async def look_up(self, is_there: bool) -> None:
        expect(
            "that it exists" if is_there else "that the deleted one exists",
            await self.client.client_exists(self.id),
            is_there,
        )

    @step("create an address")
    async def _create_address(self) -> None:
        self._address = await self.client.create_address(self.id, **_ADDRESS)
        await self._expect_address(_ADDRESS)

    @step("update the address")
    async def _update_address(self) -> None:
        changed = {**_ADDRESS, "number": 2000}
        await self.client.update_address(self._address, **changed)
        await self._expect_address(changed)

    @step("delete the address")
    async def _delete_address(self) -> None:
        await self.client.delete_address(self._address)
        expect("the list of its addresses", await self.client.addresses(self.id), [])

    async def _expect_address(self, fields: dict[str, object]) -> None:
        listed = await self.client.addresses(self.id)
        expect("the number of its addresses", len(listed), 1)
        expect_fields("the address", listed[0], id=self._address, client_id=self.id, **fields)


def _random_cpf() -> str:
    digits = f"{random.randrange(10**11):011}"
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


class ProductsPart(RecordSteps):
    """A product is created, created again in vain, read, listed, changed and deleted."""

    one, many = "product", "products"
    calls = Calls("create_product", "product", "products", "update_product", "delete_product")
    ours = ("name",)
    change: Mapping[str, Any] = {"quantity": 0, "price": Decimal("0.00"), "status": False}
    is_unique = True

    def values(self) -> dict[str, Any]:
        described = {
            "description": 'a "test", número 1',
            "quantity": 7,
            "price": Decimal("19.90"),
            "status": True,
        }
        return {"name": self.mark.text, **described}

    async def look_up(self, is_there: bool) -> None:
        name = await self.client.product_exists(self.id)
        if is_there:
            expect("the name it exists under", name, self.mark.text)
        else:
            expect("the name the deleted one exists under", name, None)


class InventoryPart:
    """A client buys of a product; that is listed and removed. Both are made for it, and go with
    it.
    """

    def __init__(self, mark: Mark) -> None:
        self._clients = ClientsPart(mark)
        self._products = ProductsPart(mark)

    def begin(
        self, shop: Connected, clients: Connected | None, products: Connected | None
    ) -> Sequence[Step]:
        """Return the steps. Where there is no service to make a client or a product at, they are
        skipped.
        """
        self._shop = shop
        lacks = (
            ""
            if clients and products
            else "no port for clients and products is on: there is nothing to add"
        )
        if clients is not None and products is not None:
            self._clients.begin(clients)
            self._products.begin(products)
        return [guarded(step, lambda: lacks) for step in steps_of(self)]

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        """Return what is to be done so that nothing of the steps is left. What the client bought
        goes with it.
        """
        return [*self._clients.left(), *self._products.left()]

    @step("make a client")
    async def _make_a_client(self) -> None:
        await self._clients.create()

    @step("make a product")
    async def _make_a_product(self) -> None:
        await self._products.create()

    @step("add an item")
    async def _add(self) -> None:
        self._item = await self._shop().add_item(self._clients.id, self._products.id, 3, _DAY)

    @step("list the items")
    async def _list(self) -> None:
        listed = await self._shop().items(self._clients.id)
        expect("the number of its items", len(listed), 1)
        bought = {"product_id": self._products.id, "product_name": self._products.mark.text}
        expect_fields(
            "the item", listed[0], id=self._item, **bought, number_of_items=3, purchase_date=_DAY
        )

    @step("remove the item")
    async def _remove(self) -> None:
        await self._shop().remove_item(self._item)
        await expect_refusal(
            "removing it once more", self._shop().remove_item(self._item), NotFound
        )

    @step("remove all items")
    async def _remove_all(self) -> None:
        await self._shop().add_item(self._clients.id, self._products.id, 1, _DAY)
        await self._shop().remove_items(self._clients.id, "client")

    @step("list the removed")
    async def _list_the_removed(self) -> None:
        expect("the list of its items", await self._shop().items(self._clients.id), [])

    @step("delete client and product")
    async def _delete_both(self) -> None:
        for part in (self._clients, self._products):
            await part.delete()
            await part.read_the_deleted()
