"""What is done at the services of the shop, once logged in: with clients and addresses, with products, with the inventory."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sockcrud.client import Shop
from sockcrud.client.errors import AlreadyExists, NotFound
from sockcrud.client.records import Client, Product
from sockcrud.monitor.checks.common import Mark, ShortList, Take, all_of, expect, expect_fields, expect_refusal, gone, unless
from sockcrud.monitor.steps import Step

_ADDRESS: Final = {"state": "SP", "city": "São Paulo", "street": "Avenida Paulista", "number": 1000, "cep": "01310-100"}
_DAY: Final = date(2024, 11, 1)


Connected = Callable[[], Shop]
"""Gives the client of a service: another one after the connections were made anew."""


class _Part(ABC):
    """One record of a service: what the parts share of making it, and of taking it away whatever happens."""

    def __init__(self, mark: Mark, listed_as: str) -> None:
        self._mark = mark
        self._listing = ShortList(listed_as)
        self._shop: Connected | None = None
        self._made: int | None = None
        self._uncertain = False
        self._fields: dict[str, Any] = {}

    def begin(self, shop: Connected) -> Sequence[Step]:
        """Give the steps at a service."""
        self._shop = shop
        self._uncertain = False
        return self._steps()

    @abstractmethod
    def _steps(self) -> Sequence[Step]:
        """Give the steps."""

    @abstractmethod
    async def _remove_leftovers(self) -> None:
        """Delete what carries the mark."""

    @abstractmethod
    async def _delete(self, id: int) -> None:
        """Delete one record."""

    @property
    def _service(self) -> Shop:
        assert self._shop is not None
        return self._shop()

    @property
    def id(self) -> int:
        """The id of the record that the step before has made."""
        assert self._made is not None
        return self._made

    async def delete(self) -> None:
        """Delete it."""
        await self._delete(self.id)

    async def clean_up(self) -> str:
        """Delete what the steps left. Fire with why something may be left, or with ""."""
        return "" if self._shop is None else await all_of(self._remove)

    async def _remove(self) -> None:
        if self._made is not None:
            await gone(self._delete(self._made))
            self._made = None
        if self._uncertain:
            await self._remove_leftovers()
            self._uncertain = False


class ClientsPart(_Part):
    """A client is created, read, listed, changed and deleted, and an address of it before."""

    def __init__(self, mark: Mark) -> None:
        super().__init__(mark, "clients")

    def _steps(self) -> Sequence[Step]:
        return (
            Step("create a client", self.create),
            Step("read the client", self._read),
            Step("list the clients", self._list),
            Step("update the client", self._update),
            Step("create an address", self._create_address),
            Step("update the address", self._update_address),
            Step("delete the address", self._delete_address),
            Step("delete the client", self.delete),
            Step("read the deleted client", self.read_the_deleted),
        )

    async def create(self) -> None:
        """Create it, in the place of one that an earlier check has left."""
        self._fields = {"name": self._mark.text, "email": self._mark.email, "balance": Decimal("30.25")}
        for more in (True, True, False):
            self._fields["cpf"] = _random_cpf()
            self._uncertain = True
            try:
                self._made = await self._service.create_client(**self._fields)
            except AlreadyExists:
                if not more:
                    raise
                await self._remove_leftovers()
            else:
                break
        self._uncertain = False

    async def _delete(self, id: int) -> None:
        await self._service.delete_client(id)

    async def _read(self) -> None:
        expect_fields("the client", await self._service.client(self.id), id=self.id, **self._fields)
        expect("that it exists", await self._service.client_exists(self.id), True)

    async def _list(self) -> None:
        listed = await self._listing.fetch(self._service.clients)
        expect("the client's place in the list", [each.email for each in listed if each.id == self.id], [self._mark.email])

    async def _update(self) -> None:
        self._fields["balance"] = Decimal("0.05")
        await self._service.update_client(self.id, **self._fields)
        expect_fields("the client", await self._service.client(self.id), id=self.id, **self._fields)

    async def _create_address(self) -> None:
        self._address = await self._service.create_address(self.id, **_ADDRESS)  # type: ignore[arg-type]
        await self._expect_address(_ADDRESS)

    async def _update_address(self) -> None:
        changed = {**_ADDRESS, "number": 2000}
        await self._service.update_address(self._address, **changed)  # type: ignore[arg-type]
        await self._expect_address(changed)

    async def _delete_address(self) -> None:
        await self._service.delete_address(self._address)
        expect("the list of its addresses", await self._service.addresses(self.id), [])

    async def _expect_address(self, fields: dict[str, object]) -> None:
        listed = await self._service.addresses(self.id)
        expect("the number of its addresses", len(listed), 1)
        expect_fields("the address", listed[0], id=self._address, client_id=self.id, **fields)

    async def read_the_deleted(self) -> None:
        """See that it is gone."""
        await expect_refusal("reading the deleted client", self._service.client(self.id), NotFound)
        expect("that the deleted one exists", await self._service.client_exists(self.id), False)
        self._made = None

    async def _remove_leftovers(self) -> None:
        for each in await self._listing.fetch(self._service.clients, anyway=True):
            if _is_ours(each, self._mark):
                await gone(self._service.delete_client(each.id))


def _is_ours(client: Client, mark: Mark) -> bool:
    return client.email == mark.email and client.name == mark.text


def _random_cpf() -> str:
    digits = f"{random.randrange(10**11):011}"
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


class ProductsPart(_Part):
    """A product is created, created again in vain, read, listed, changed and deleted."""

    def __init__(self, mark: Mark) -> None:
        super().__init__(mark, "products")

    def _steps(self) -> Sequence[Step]:
        return (
            Step("create a product", self.create),
            Step("create it again", self._create_again),
            Step("read the product", self._read),
            Step("list the products", self._list),
            Step("update the product", self._update),
            Step("delete the product", self.delete),
            Step("read the deleted product", self.read_the_deleted),
        )

    @property
    def product_name(self) -> str:
        """The name it has."""
        return self._mark.text

    async def create(self) -> None:
        """Create it, in the place of one that an earlier check has left."""
        self._fields = {
            "name": self._mark.text,
            "description": 'a "test", número 1',
            "quantity": 7,
            "price": Decimal("19.90"),
            "status": True,
        }
        self._uncertain = True
        try:
            self._made = await self._service.create_product(**self._fields)
        except AlreadyExists:
            await self._remove_leftovers()
            self._made = await self._service.create_product(**self._fields)
        self._uncertain = False

    async def _delete(self, id: int) -> None:
        await self._service.delete_product(id)

    async def _create_again(self) -> None:
        await expect_refusal("a second one of this name", self._service.create_product(**self._fields), AlreadyExists)

    async def _read(self) -> None:
        expect_fields("the product", await self._service.product(self.id), id=self.id, **self._fields)
        expect("the name it exists under", await self._service.product_exists(self.id), self._mark.text)

    async def _list(self) -> None:
        listed = await self._listing.fetch(self._service.products)
        expect("the product's place in the list", [each.name for each in listed if each.id == self.id], [self._mark.text])

    async def _update(self) -> None:
        self._fields |= {"quantity": 0, "price": Decimal("0.00"), "status": False}
        await self._service.update_product(self.id, **self._fields)
        expect_fields("the product", await self._service.product(self.id), id=self.id, **self._fields)

    async def read_the_deleted(self) -> None:
        """See that it is gone."""
        await expect_refusal("reading the deleted product", self._service.product(self.id), NotFound)
        expect("the name the deleted one exists under", await self._service.product_exists(self.id), None)
        self._made = None

    async def _remove_leftovers(self) -> None:
        for each in await self._listing.fetch(self._service.products, anyway=True):
            if _has_name(each, self._mark):
                await gone(self._service.delete_product(each.id))


def _has_name(product: Product, mark: Mark) -> bool:
    return product.name == mark.text


class InventoryPart:
    """A client buys of a product; that is listed and removed. Both are made for it, and go with it."""

    def __init__(self, mark: Mark) -> None:
        self._clients = ClientsPart(mark)
        self._products = ProductsPart(mark)

    def begin(self, shop: Connected, clients: Connected | None, products: Connected | None) -> Sequence[Step]:
        """Give the steps. Where there is no service to make a client or a product at, they are skipped."""
        self._shop = shop
        self._lacks = "" if clients and products else "no port for clients and products is on: there is nothing to add"
        if clients is not None and products is not None:
            self._clients.begin(clients)
            self._products.begin(products)
        return (
            Step("make a client", self._if_possible(self._clients.create)),
            Step("make a product", self._if_possible(self._products.create)),
            Step("add an item", self._if_possible(self._add)),
            Step("list the items", self._if_possible(self._list)),
            Step("remove the item", self._if_possible(self._remove)),
            Step("remove all items", self._if_possible(self._remove_all)),
            Step("list the removed", self._if_possible(self._list_the_removed)),
            Step("delete client and product", self._if_possible(self._delete_both)),
        )

    async def clean_up(self) -> str:
        """What the client bought goes with it."""
        wrong = [await self._clients.clean_up(), await self._products.clean_up()]
        return "; ".join(each for each in wrong if each)

    def _if_possible(self, take: Take) -> Take:
        return unless(lambda: self._lacks, take)

    async def _add(self) -> None:
        self._item = await self._shop().add_item(self._clients.id, self._products.id, 3, _DAY)

    async def _list(self) -> None:
        listed = await self._shop().items(self._clients.id)
        expect("the number of its items", len(listed), 1)
        expect_fields(
            "the item",
            listed[0],
            id=self._item,
            product_id=self._products.id,
            product_name=self._products.product_name,
            number_of_items=3,
            purchase_date=_DAY,
        )

    async def _remove(self) -> None:
        await self._shop().remove_item(self._item)
        removing: Awaitable[None] = self._shop().remove_item(self._item)
        await expect_refusal("removing it once more", removing, NotFound)

    async def _remove_all(self) -> None:
        await self._shop().add_item(self._clients.id, self._products.id, 1, _DAY)
        await self._shop().remove_items(self._clients.id, "client")

    async def _list_the_removed(self) -> None:
        expect("the list of its items", await self._shop().items(self._clients.id), [])

    async def _delete_both(self) -> None:
        for part in (self._clients, self._products):
            await part.delete()
            await part.read_the_deleted()
