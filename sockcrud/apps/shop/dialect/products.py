"""The products of the shop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from sockcrud.apps.shop.dialect.base import CREATED, ETAG, MESSAGE, SESSIONS, ShopService, health, one
from sockcrud.apps.shop.service.products import Products
from sockcrud.dialects.fields import required
from sockcrud.dialects.lists import list_response
from sockcrud.dialects.openapi import Part
from sockcrud.dialects.routed import Call, Terms, json_response
from sockcrud.dialects.routes import Route, Routes
from sockcrud.dialects.schemas import (
    FLAG,
    FLAG_SHOWN,
    FLAG_TAKEN,
    MONEY_SHOWN,
    MONEY_TAKEN,
    a_list,
    an_object,
    field_of,
    fields_of,
)
from sockcrud.model import Product
from sockcrud.operations.directory import Logins
from sockcrud.serving import Serving
from sockcrud.wire.http import HTTPFactory, Response

_FIELDS: Final = ("name", "description", "quantity", "price", "status")


class ProductsResponder(ShopService):
    """The service of the products behind one connection."""

    def __init__(self, products: Products, logins: Logins, address: str, terms: Terms | None = None) -> None:
        super().__init__("products", logins, address, terms)
        self._products = products

    async def create(self, call: Call) -> Response:
        product = await self._products.create(call.principal, **_product_in(call))
        return one(product.rev, {"msg": "Product created", "id": product.id}, 201)

    async def fetch(self, call: Call) -> Response:
        product = await self._products.get(call.principal, call.id)
        return one(product.rev, _product_shown(product))

    async def fetch_all(self, call: Call) -> Response:
        return await list_response(await self._products.list(call.principal), b"[", _products_shown, b"]")

    async def update(self, call: Call) -> Response:
        fields = _product_in(call)
        product = await call.if_match(lambda rev: self._products.update(call.principal, call.id, **fields, expect=rev))
        return one(product.rev, {"msg": "Product updated"})

    async def delete(self, call: Call) -> Response:
        await call.if_match(lambda rev: self._products.delete(call.principal, call.id, rev))
        return json_response(200, {"msg": "Product deleted"})

    async def exists(self, call: Call) -> Response:
        product = await self._products.exists(call.principal, call.id)
        if product is None:
            return json_response(200, {"status": False})
        return json_response(200, {"status": True, "product_name": product.name})


def _product_in(call: Call) -> dict[str, Any]:
    fields = call.fields()
    return {name: required(fields, name) for name in _FIELDS}


def _product_shown(product: Product) -> dict[str, Any]:
    return {
        "id": product.id,
        "name": product.name,
        "description": product.description,
        "quantity": product.quantity,
        "price": f"{product.price:.2f}",
        "status": int(product.status),
    }


def _products_shown(products: Sequence[Product]) -> bytes:
    return orjson.dumps([_product_shown(product) for product in products])[1:-1]


_AS_THEY_ARE: Final = ("name", "description", "quantity")
_PRODUCT: Final = an_object(fields_of(Product, "id", *_AS_THEY_ARE, price=MONEY_SHOWN, status=FLAG_SHOWN))
_PRODUCT_IN: Final = an_object(fields_of(Product, *_AS_THEY_ARE, price=MONEY_TAKEN, status=FLAG_TAKEN))
_EXISTS: Final = an_object({"status": FLAG, "product_name": field_of(Product, "name")}, ["status"])

ProductsResponder.routes = Routes(
    [
        Route(
            "POST",
            "/products/create",
            ProductsResponder.create,
            "Create a product",
            {201: CREATED},
            errors=(409,),
            body=_PRODUCT_IN,
            headers=ETAG,
        ),
        Route("GET", "/products/fetch", ProductsResponder.fetch_all, "List the products", {200: a_list(_PRODUCT)}),
        Route(
            "GET",
            "/products/fetch/{id}",
            ProductsResponder.fetch,
            "Show a product",
            {200: _PRODUCT},
            errors=(404,),
            headers=ETAG,
        ),
        Route(
            "PUT",
            "/products/update/{id}",
            ProductsResponder.update,
            "Change a product",
            {200: MESSAGE},
            errors=(404, 409),
            body=_PRODUCT_IN,
            if_match=True,
            headers=ETAG,
        ),
        Route(
            "DELETE",
            "/products/delete/{id}",
            ProductsResponder.delete,
            "Delete a product and its inventory",
            {200: MESSAGE},
            errors=(404,),
            if_match=True,
        ),
        Route(
            "GET",
            "/products/exists/{id}",
            ProductsResponder.exists,
            "Tell whether there is such a product, and its name",
            {200: _EXISTS},
        ),
        health("/products/health"),
    ]
)

PART: Final = Part(
    "products",
    "Products of the shop",
    ProductsResponder.routes,
    ProductsResponder.error_body,
    ("products", "shop"),
    SESSIONS,
)


class ProductsFactory(HTTPFactory):
    """Makes the connections of the products service."""

    def __init__(self, serving: Serving) -> None:
        gate, store, logins, terms = serving.gate, serving.store, serving.logins, serving.terms
        products = Products(gate, store)
        super().__init__(lambda peer: ProductsResponder(products, logins, peer, terms), *serving.http)
