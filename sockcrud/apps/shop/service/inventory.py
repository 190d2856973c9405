"""What can be done with the inventory: which clients bought how many of which products, and when.

It belongs to no company: whoever has logged in may use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults

from sockcrud.access import Access, Principal, logged_in, operation
from sockcrud.apps.shop.records import InventoryItem, Product
from sockcrud.errors import Invalid, NotFound
from sockcrud.records import Record, checked, values
from sockcrud.storage.contract import IStore, ITransaction, RecordStream, Where

_PAGE: Final = 200
_OWNERS: Final = {"client": "client_id", "product": "product_id"}


class NamedItem(Record, stored=False):
    """An item together with the name of its product. It has the item's id and revision, and is
    stored nowhere.
    """

    item: InventoryItem
    product_name: str


class NamedItems:
    """A stream of items, to which it adds the names of their products.

    The items are as they were at one moment. Names are looked up when their slice is read, and each
    product keeps the name it had then to the end of the list. So a list that fits in one slice, and
    is read in the turn it was asked for, is all of one moment where the store reads from memory. In
    a longer one a name may be newer than the items, and the items of a product that has gone before
    its name was read are left out: they have gone with it. To hold all products as of the moment
    would cost a large shop more than that is worth.
    """

    def __init__(self, store: IStore, items: RecordStream[InventoryItem]) -> None:
        self._store = store
        self._items = items
        self._names: dict[int, str | None] = {}
        self.ended = False

    def __aiter__(self) -> NamedItems:
        return self

    async def __anext__(self) -> list[NamedItem]:
        while True:
            try:
                items = await anext(self._items)
                await self._learn_names({item.product_id for item in items} - self._names.keys())
            except BaseException:
                # nobody reads on after a failure, and the store would hold the moment for good
                self.close()
                raise
            self.ended = self._items.ended
            if named := self._named(items):
                return named

    def close(self) -> None:
        self.ended = True
        self._items.close()

    def _named(self, items: Iterable[InventoryItem]) -> list[NamedItem]:
        return [
            NamedItem(id=item.id, rev=item.rev, item=item, product_name=name)
            for item in items
            if (name := self._names[item.product_id]) is not None
        ]

    async def _learn_names(self, product_ids: Iterable[int]) -> None:
        # All at once: a store on a network makes one question of them.
        learning = [Deferred.fromCoroutine(self._learn_name(id)) for id in product_ids]
        try:
            await gatherResults(learning, consumeErrors=True)
        except FirstError as error:
            error.subFailure.raiseException()

    async def _learn_name(self, product_id: int) -> None:
        try:
            self._names[product_id] = (await self._store.get(Product, product_id)).name
        except NotFound:
            self._names[product_id] = None


@frozen
class Inventory:
    """The inventory's operations. Any of them fails with NotLoggedIn without a login."""

    access: Access
    store: IStore

    @operation("inventory.list", logged_in)
    async def list(self, principal: Principal, client_id: int) -> RecordStream[NamedItem]:
        """Return what the client has, with the products' names: with nothing where there is no such
        client.
        """
        where = Where("client_id", client_id)
        return NamedItems(
            self.store, self.store.stream(InventoryItem, where=where, peer=principal.address)
        )

    @operation("inventory.add", logged_in)
    async def add(
        self,
        principal: Principal,
        client_id: int,
        product_id: int,
        number_of_items: int,
        purchase_date: object,
    ) -> InventoryItem:
        """Return the new item. Raise Invalid, or NotFound where the client or the product does not
        exist.
        """
        fields = checked(
            InventoryItem,
            client_id=client_id,
            product_id=product_id,
            number_of_items=number_of_items,
            purchase_date=values.day("purchase_date", purchase_date),
        )
        return await self.store.insert(InventoryItem, **fields)

    @operation("inventory.remove", logged_in)
    async def remove(self, principal: Principal, id: int, expect: int | None = None) -> None:
        """Return when the item is gone. Raise NotFound or Outdated."""
        await self.store.delete(InventoryItem, id, expect)

    @operation("inventory.remove_many", logged_in)
    async def remove_many(self, principal: Principal, id: int, type: str) -> int:
        """Remove all items of the client or product with this id, as one change, and fire with how
        many these were.

        An owner that does not exist has none, which is no failure: clients clear up after a
        deletion, and it may have taken the items with it already. Raise Invalid where `type` is
        neither "client" nor "product".
        """
        field = _OWNERS.get(type) if isinstance(type, str) else None
        if field is None:
            raise Invalid("type", " or ".join(_OWNERS))
        where = Where(field, checked(InventoryItem, **{field: id})[field])

        async def remove(transaction: ITransaction) -> int:
            removed, after = 0, None
            while page := await transaction.page(InventoryItem, _PAGE, after, where):
                for item in page:
                    with suppress(NotFound):  # removed by another since it was read
                        await transaction.delete(InventoryItem, item.id)
                        removed += 1
                after = page[-1].id
            return removed

        return await self.store.transact(remove)
