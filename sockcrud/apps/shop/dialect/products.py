"""The products of the shop."""

from __future__ import annotations

from typing import Any, Final

from sockcrud.apps.shop.dialect.base import (
    CREATED,
    ETAG,
    MESSAGE,
    SESSIONS,
    UPDATES,
    ShopService,
    health_at,
    one,
)
from sockcrud.apps.shop.records import Product
from sockcrud.apps.shop.service.products import Products
from sockcrud.identity.directory import Logins
from sockcrud.protocols.http.connection import HTTPFactory, Response
from sockcrud.rest.fields import required
from sockcrud.rest.lists import each, list_response
from sockcrud.rest.openapi import Part
from sockcrud.rest.routed import Call, Terms, json_response
from sockcrud.rest.routes import route
from sockcrud.rest.schemas import (
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
from sockcrud.serving import Serving

_FIELDS: Final = ("name", "description", "quantity", "price", "status")


_AS_THEY_ARE: Final = ("name", "description", "quantity")
_PRODUCT: Final = an_object(
    fields_of(Product, "id", *_AS_THEY_ARE, price=MONEY_SHOWN, status=FLAG_SHOWN)
)
_PRODUCT_IN: Final = an_object(
    fields_of(Product, *_AS_THEY_ARE, price=MONEY_TAKEN, status=FLAG_TAKEN)
)
_EXISTS: Final = an_object({"status": FLAG, "product_name": field_of(Product, "name")}, ["status"])


class ProductsResponder(ShopService):
    """The service of the products behind one connection."""

    def __init__(
        self, products: Products, logins: Logins, address: str, terms: Terms | None = None
    ) -> None:
        super().__init__("products", logins, address, terms)
        self._products = products

    @route(
        "POST",
        "/products/create",
        "Create a product",
        {201: CREATED},
        errors=(409,),
        body=_PRODUCT_IN,
        once=True,
        headers=ETAG,
    )
    async def create(self, call: Call) -> Response:
        fields = _product_in(call)
        return await call.once(
            lambda: self._products.create(call.principal, **fields),
            lambda product: one(product.rev, {"msg": "Product created", "id": product.id}, 201),
        )

    @route("GET", "/products/fetch", "List the products", {200: a_list(_PRODUCT)})
    async def fetch_all(self, call: Call) -> Response:
        return await list_response(
            await self._products.list(call.principal), b"[", _render_products, b"]"
        )

    @route(
        "GET",
        "/products/fetch/{id}",
        "Show a product",
        {200: _PRODUCT},
        errors=(404,),
        headers=ETAG,
    )
    async def fetch(self, call: Call) -> Response:
        product = await self._products.get(call.principal, call.id)
        return one(product.rev, _render_product(product))

    @route(
        "PUT",
        "/products/update/{id}",
        "Change a product",
        {200: MESSAGE},
        errors=(404, 409),
        body=_PRODUCT_IN,
        **UPDATES,
    )
    async def update(self, call: Call) -> Response:
        fields = _product_in(call)
        product = await call.if_match(
            lambda rev: self._products.update(call.principal, call.id, **fields, expect=rev)
        )
        return one(product.rev, {"msg": "Product updated"})

    @route(
        "DELETE",
        "/products/delete/{id}",
        "Delete a product and its inventory",
        {200: MESSAGE},
        errors=(404,),
        if_match=True,
    )
    async def delete(self, call: Call) -> Response:
        await call.if_match(lambda rev: self._products.delete(call.principal, call.id, rev))
        return json_response(200, {"msg": "Product deleted"})

    @route(
        "GET",
        "/products/exists/{id}",
        "Return whether there is such a product, and its name",
        {200: _EXISTS},
    )
    async def exists(self, call: Call) -> Response:
        product = await self._products.exists(call.principal, call.id)
        if product is None:
            return json_response(200, {"status": False})
        return json_response(200, {"status": True, "product_name": product.name})

    health = health_at("/products/health")


def _product_in(call: Call) -> dict[str, Any]:
    fields = call.fields()
    return {name: required(fields, name) for name in _FIELDS}


def _render_product(product: Product) -> dict[str, Any]:
    return {
        "id": product.id,
        "name": product.name,
        "description": product.description,
        "quantity": product.quantity,
        "price": f"{product.price:.2f}",
        "status": int(product.status),
    }


_render_products: Final = each(_render_product)


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
        access, store, logins, terms = serving.access, serving.store, serving.logins, serving.terms
        products = Products(access, store)
        super().__init__(
            lambda peer: ProductsResponder(products, logins, peer, terms), *serving.http
        )
