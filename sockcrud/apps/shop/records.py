"""The records of the shop."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sockcrud.records import Record, day, email, flag, money, reference, text, whole
from sockcrud.records.constraints import INT64
from sockcrud.records.lookalikes import caseless


class Client(Record):
    """A client of the shop."""

    name: str = text(1, 100)
    email: str = email(unique=caseless)
    cpf: str = text(14, 14, r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "454.090.000-00", unique=True)
    balance: Decimal = money()


class Address(Record):
    """Where a client lives."""

    client_id: int = reference(Client, cascade=True)
    state: str = text(2, 2, r"[A-Za-z]{2}", "SP")
    city: str = text(1, 100)
    street: str = text(1, 100)
    number: int = whole(1, INT64.stop - 1)
    cep: str = text(9, 9, r"[0-9]{5}-[0-9]{3}", "01310-100")


class Product(Record):
    """A product of the shop."""

    name: str = text(1, 100, names=True, unique=True)
    description: str = text(0, 10_000)
    quantity: int = whole(0, INT64.stop - 1)
    price: Decimal = money()
    status: bool = flag()


class InventoryItem(Record):
    """So many of a product, bought by a client on a day."""

    client_id: int = reference(Client, cascade=True)
    product_id: int = reference(Product, cascade=True)
    number_of_items: int = whole(0, INT64.stop - 1)
    purchase_date: date = day()
