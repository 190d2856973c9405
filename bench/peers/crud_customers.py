"""The clients of the shop once more, of which nothing is written by hand: for sockcrud, by
`--app`.
"""

from decimal import Decimal

from sockcrud import App, Record, crud, text
from sockcrud.records import email, money
from sockcrud.records.lookalikes import caseless


class Customer(Record):
    """What a client of the shop is."""

    name: str = text(1, 100)
    email: str = email(unique=caseless)
    cpf: str = text(14, 14, r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "454.090.000-00", unique=True)
    balance: Decimal = money()


app = App("customers", crud(Customer, rest="tcp:7001", read="logged in", write="logged in"))
