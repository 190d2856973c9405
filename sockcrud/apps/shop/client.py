"""The operations of the shop: they work at its one port, and each at its service's own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal, TypeVar

import orjson
from attrs import frozen

from sockcrud.client.calls import Call, call
from sockcrud.client.errors import CannotSend, LoginFailed
from sockcrud.client.fields import Fields
from sockcrud.client.http_answers import Answer
from sockcrud.client.http_calls import (
    REFUSALS,
    HTTPCalls,
    each,
    good,
    http_call,
    nothing,
    revision,
    whole,
)


@frozen
class Client:
    """A client of the shop. `rev` is its revision, where the answer told it: that about one client
    does.
    """

    id: int
    name: str
    email: str
    cpf: str
    balance: Decimal
    rev: int | None = None


@frozen
class Address:
    """Where a client of the shop lives."""

    id: int
    client_id: int
    state: str
    city: str
    street: str
    number: int
    cep: str


@frozen
class Product:
    """A product of the shop. `status` tells whether it is sold; `rev` is as in `Client`."""

    id: int
    name: str
    description: str
    quantity: int
    price: Decimal
    status: bool
    rev: int | None = None


@frozen
class Item:
    """So many of a product that a client of the shop bought on a day."""

    id: int
    product_id: int
    product_name: str
    number_of_items: int
    purchase_date: date


T = TypeVar("T")

Amount = Decimal | int | float | str
"""Money. A `Decimal` is sent as the exact number it is."""
Service = Literal["clients", "address", "products", "inventory", "user"]

_LOGIN_REFUSALS: Final = {**REFUSALS, 401: LoginFailed}


class ShopCalls(HTTPCalls):
    """The shop: clients, their addresses, products, and what the clients bought."""

    default_port: ClassVar[int] = 5080
    message_field: ClassVar[str] = "msg"

    # Accounts

    @call
    def sign_up(self, username: str, password: str) -> Call[Answer, None]:
        """Make an account, one that may use the shop; `AlreadyExists`."""
        return http_call(
            self, "POST", "/user/create", nothing, {"username": username, "password": password}
        )

    @call
    def log_in(self, username: str, password: str) -> Call[Answer, None]:
        """Log in, and have the calls that follow bring the token; `LoginFailed`,
        `TooManyAttempts`.
        """

        def keep(answer: Answer) -> None:
            self.token = Fields.decoded(answer.body).text("token")

        made = http_call(
            self,
            "POST",
            "/user/login",
            keep,
            good=lambda answer: good(answer, "msg", _LOGIN_REFUSALS),
        )
        return with_basic(made, username, password)

    @call
    def log_out(self) -> Call[Answer, None]:
        """End the session: its token is dead from then on."""

        def forget(answer: Answer) -> None:
            self.token = None

        return http_call(self, "POST", "/user/logout", forget)

    # Clients

    @call
    def create_client(self, name: str, email: str, cpf: str, balance: Amount) -> Call[Answer, int]:
        """Create a client, and return its id; `AlreadyExists` for its email or its cpf."""
        return http_call(
            self, "POST", "/clients/create", _id, _client(name, email, cpf, balance), once=True
        )

    @call
    def clients(self) -> Call[Answer, list[Client]]:
        """Return all clients."""
        return http_call(self, "GET", "/clients/fetch", each(_read_client))

    @call
    def client(self, id: int) -> Call[Answer, Client]:
        """Return the client with this id, its revision too; `NotFound`."""
        return http_call(self, "GET", f"/clients/fetch/{id:d}", _one(_read_client))

    @call
    def update_client(
        self, id: int, name: str, email: str, cpf: str, balance: Amount, rev: int | None = None
    ) -> Call[Answer, None]:
        """Change a client, which must be at that revision, if one is given; `NotFound`,
        `AlreadyExists`, `Outdated`.
        """
        return http_call(
            self,
            "PUT",
            f"/clients/update/{id:d}",
            nothing,
            _client(name, email, cpf, balance),
            rev=rev,
        )

    @call
    def delete_client(self, id: int, rev: int | None = None) -> Call[Answer, None]:
        """Delete a client, its addresses and its inventory; `NotFound`, `Outdated`."""
        return http_call(self, "DELETE", f"/clients/delete/{id:d}", nothing, rev=rev)

    @call
    def client_exists(self, id: int) -> Call[Answer, bool]:
        """Return whether there is such a client."""
        return http_call(
            self, "GET", f"/clients/exists/{id:d}", whole(lambda fields: fields.flag("status"))
        )

    # Addresses

    @call
    def create_address(
        self, client_id: int, state: str, city: str, street: str, number: int, cep: str
    ) -> Call[Answer, int]:
        """Create an address of a client, and return its id; `NotFound`."""
        body = {"client_id": client_id, **_address(state, city, street, number, cep)}
        return http_call(self, "POST", "/address/create", _id, body, once=True)

    @call
    def addresses(self, client_id: int | None = None) -> Call[Answer, list[Address]]:
        """Return the addresses of a client, or all."""
        return http_call(
            self,
            "GET",
            "/address/fetch" if client_id is None else f"/address/fetch/{client_id:d}",
            each(lambda fields: fields.record(Address)),
        )

    @call
    def update_address(
        self,
        id: int,
        state: str,
        city: str,
        street: str,
        number: int,
        cep: str,
        rev: int | None = None,
    ) -> Call[Answer, None]:
        """Change an address; `NotFound`, `Outdated`."""
        return http_call(
            self,
            "PUT",
            f"/address/update/{id:d}",
            nothing,
            _address(state, city, street, number, cep),
            rev=rev,
        )

    @call
    def delete_address(self, id: int, rev: int | None = None) -> Call[Answer, None]:
        """Delete an address; `NotFound`, `Outdated`."""
        return http_call(self, "DELETE", f"/address/delete/{id:d}", nothing, rev=rev)

    # Products

    @call
    def create_product(
        self, name: str, description: str, quantity: int, price: Amount, status: bool = True
    ) -> Call[Answer, int]:
        """Create a product, and return its id; `AlreadyExists` for its name."""
        return http_call(
            self,
            "POST",
            "/products/create",
            _id,
            _product(name, description, quantity, price, status),
            once=True,
        )

    @call
    def products(self) -> Call[Answer, list[Product]]:
        """Return all products."""
        return http_call(self, "GET", "/products/fetch", each(_read_product))

    @call
    def product(self, id: int) -> Call[Answer, Product]:
        """Return the product with this id, its revision too; `NotFound`."""
        return http_call(self, "GET", f"/products/fetch/{id:d}", _one(_read_product))

    @call
    def update_product(
        self,
        id: int,
        name: str,
        description: str,
        quantity: int,
        price: Amount,
        status: bool = True,
        rev: int | None = None,
    ) -> Call[Answer, None]:
        """Change a product; `NotFound`, `AlreadyExists`, `Outdated`."""
        body = _product(name, description, quantity, price, status)
        return http_call(self, "PUT", f"/products/update/{id:d}", nothing, body, rev=rev)

    @call
    def delete_product(self, id: int, rev: int | None = None) -> Call[Answer, None]:
        """Delete a product and its inventory; `NotFound`, `Outdated`."""
        return http_call(self, "DELETE", f"/products/delete/{id:d}", nothing, rev=rev)

    @call
    def product_exists(self, id: int) -> Call[Answer, str | None]:
        """Return the name of the product, None where there is no such product."""
        return http_call(
            self,
            "GET",
            f"/products/exists/{id:d}",
            whole(lambda fields: fields.text("product_name") if fields.flag("status") else None),
        )

    # Inventory

    @call
    def add_item(
        self, client_id: int, product_id: int, number_of_items: int, purchase_date: date | str
    ) -> Call[Answer, int]:
        """Note that a client bought so many of a product on a day, and return the id of that;
        `NotFound`.
        """
        day = purchase_date if isinstance(purchase_date, str) else purchase_date.isoformat()
        body = {
            "client_id": client_id,
            "product_id": product_id,
            "number_of_items": number_of_items,
            "purchase_date": day,
        }
        return http_call(self, "POST", "/inventory/add_product", _id, body, once=True)

    @call
    def items(self, client_id: int) -> Call[Answer, list[Item]]:
        """Return what a client bought."""
        return http_call(
            self, "GET", f"/inventory/list_products_id/{client_id:d}", each(_read_item)
        )

    @call
    def remove_item(self, id: int, rev: int | None = None) -> Call[Answer, None]:
        """Remove one item; `NotFound`, `Outdated`."""
        return http_call(self, "DELETE", f"/inventory/remove_product/{id:d}", nothing, rev=rev)

    @call
    def remove_items(
        self, owner: int, type: Literal["client", "product"] = "client"
    ) -> Call[Answer, None]:
        """Remove all items of the client with that id, or of the product."""
        return http_call(
            self,
            "DELETE",
            "/inventory/remove_products",
            nothing,
            {"remotion_id": owner, "type": type},
        )

    # The services

    @call
    def health(self, service: Service = "clients") -> Call[Answer, str]:
        """Return what a service says of itself. Needs no login."""
        return http_call(
            self, "GET", f"/{service}/health", whole(lambda fields: fields.text("msg"))
        )


def with_basic(call: Call[Answer, T], username: str, password: str) -> Call[Answer, T]:
    """Return the call with a name and a password in place of a token."""
    try:
        credentials = b64encode(f"{username}:{password}".encode())
    except UnicodeEncodeError:
        raise CannotSend("the username or the password is no text that can be sent") from None
    line, _, rest = call.request.partition(b"\r\n")
    kept = [
        field for field in rest.split(b"\r\n") if not field.lower().startswith(b"authorization:")
    ]
    return Call(
        line + b"\r\nAuthorization: Basic " + credentials + b"\r\n" + b"\r\n".join(kept),
        call.read,
        method=call.method,
    )


def amount(value: Amount) -> Any:
    """Return money as JSON has it: exact, and not by way of a binary fraction."""
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}") if value.is_finite() else str(value)
    return value


def _client(name: str, email: str, cpf: str, balance: Amount) -> dict[str, Any]:
    return {"name": name, "email": email, "cpf": cpf, "balance": amount(balance)}


def _address(state: str, city: str, street: str, number: int, cep: str) -> dict[str, Any]:
    return {"state": state, "city": city, "street": street, "number": number, "CEP": cep}


def _product(
    name: str, description: str, quantity: int, price: Amount, status: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "quantity": quantity,
        "price": amount(price),
        "status": status,
    }


# Answers


_id: Final = whole(lambda fields: fields.whole("id"))


def _one(read: Callable[[Fields, int | None], T]) -> Callable[[Answer], T]:
    return lambda answer: read(Fields.decoded(answer.body), revision(answer))


def _read_client(fields: Fields, rev: int | None = None) -> Client:
    return fields.record(Client, rev=rev)


def _read_product(fields: Fields, rev: int | None = None) -> Product:
    return fields.record(Product, status=bool(fields.whole("status")), rev=rev)


def _read_item(fields: Fields) -> Item:
    return fields.record(Item, purchase_date=fields.http_day("purchase_date"))
