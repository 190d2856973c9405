"""The inventory of the shop: what its clients bought."""

from __future__ import annotations

from datetime import date, datetime, timezone
from email.utils import format_datetime
from typing import Any, Final

from sockcrud.apps.shop.dialect.base import (
    CREATED,
    ETAG,
    MESSAGE,
    SESSIONS,
    ShopService,
    health_at,
    one,
)
from sockcrud.apps.shop.records import InventoryItem, Product
from sockcrud.apps.shop.service.inventory import Inventory, NamedItem
from sockcrud.identity.directory import Logins
from sockcrud.protocols.http.connection import HTTPFactory, Response
from sockcrud.rest.fields import required, sent_as
from sockcrud.rest.lists import each, list_response
from sockcrud.rest.openapi import Part
from sockcrud.rest.routed import Call, Terms, json_response
from sockcrud.rest.routes import route
from sockcrud.rest.schemas import DAY_TAKEN, HTTP_DATE, ID, a_list, an_object, field_of, fields_of
from sockcrud.serving import Serving

_FIELDS: Final = ("client_id", "product_id", "number_of_items", "purchase_date")


_ITEM: Final = an_object(
    {
        **fields_of(InventoryItem, "id", "product_id"),
        "product_name": field_of(Product, "name"),
        **fields_of(InventoryItem, "number_of_items", purchase_date=HTTP_DATE),
    }
)
_ITEM_IN: Final = an_object(
    fields_of(InventoryItem, "client_id", "product_id", "number_of_items", purchase_date=DAY_TAKEN)
)
_OWNER: Final = an_object({"remotion_id": ID, "type": {"enum": ["client", "product"]}})


class InventoryResponder(ShopService):
    """The service of the inventory behind one connection."""

    def __init__(
        self, inventory: Inventory, logins: Logins, address: str, terms: Terms | None = None
    ) -> None:
        super().__init__("inventory", logins, address, terms)
        self._inventory = inventory

    @route(
        "POST",
        "/inventory/add_product",
        "Add what a client bought of a product",
        {201: CREATED},
        errors=(404,),
        body=_ITEM_IN,
        once=True,
        headers=ETAG,
    )
    async def add(self, call: Call) -> Response:
        sent = call.fields()
        fields = {name: required(sent, name) for name in _FIELDS}
        says = "Product added to the inventory"
        return await call.once(
            lambda: self._inventory.add(call.principal, **fields),
            lambda item: one(item.rev, {"msg": says, "id": item.id}, 201),
        )

    @route(
        "GET",
        "/inventory/list_products_id/{client_id}",
        "List what a client bought",
        {200: a_list(_ITEM)},
        also=("/inventory/list_products_ids/{client_id}",),
    )
    async def list_of_client(self, call: Call) -> Response:
        stream = await self._inventory.list(call.principal, call.parameters["client_id"])
        return await list_response(stream, b"[", _render_items, b"]")

    @route(
        "DELETE",
        "/inventory/remove_product/{id}",
        "Remove an item",
        {200: MESSAGE},
        errors=(404,),
        if_match=True,
    )
    async def remove(self, call: Call) -> Response:
        await call.if_match(lambda rev: self._inventory.remove(call.principal, call.id, rev))
        return json_response(200, {"msg": "Product removed from the inventory"})

    @route(
        "DELETE",
        "/inventory/remove_products",
        "Remove all items of a client or of a product",
        {200: MESSAGE},
        body=_OWNER,
        also=("/inventory/remove_many",),
    )
    async def remove_many(self, call: Call) -> Response:
        fields = call.fields()
        owner, type = required(fields, "remotion_id"), required(fields, "type")
        with sent_as("remotion_id", "client_id", "product_id"):
            removed = await self._inventory.remove_many(call.principal, owner, type)
        return json_response(200, {"msg": f"Products removed from the inventory: {removed}"})

    health = health_at("/inventory/health")


def _render_item(named: NamedItem) -> dict[str, Any]:
    item = named.item
    return {
        "id": item.id,
        "product_id": item.product_id,
        "product_name": named.product_name,
        "number_of_items": item.number_of_items,
        "purchase_date": _http_date(item.purchase_date),
    }


def _http_date(day: date) -> str:
    return format_datetime(datetime(day.year, day.month, day.day, tzinfo=timezone.utc), usegmt=True)


_render_items: Final = each(_render_item)


PART: Final = Part(
    "inventory",
    "Which clients have how many of which products",
    InventoryResponder.routes,
    InventoryResponder.error_body,
    ("inventory", "shop"),
    SESSIONS,
)


class InventoryFactory(HTTPFactory):
    """Makes the connections of the inventory service."""

    def __init__(self, serving: Serving) -> None:
        access, store, logins, terms = serving.access, serving.store, serving.logins, serving.terms
        inventory = Inventory(access, store)
        super().__init__(
            lambda peer: InventoryResponder(inventory, logins, peer, terms), *serving.http
        )
