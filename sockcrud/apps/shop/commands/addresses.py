"""`sockcrud addresses`, of the shop's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sockcrud.apps.shop.commands.login import shop_at
from sockcrud.cli.options import talks_to
from sockcrud.cli.outcomes import Failed
from sockcrud.cli.records.verbs import Field, Verbs
from sockcrud.cli.values import ID, TEXT

if TYPE_CHECKING:
    from sockcrud.apps.shop.client import Address
    from sockcrud.client.sync import Shop


@click.group()
@talks_to("clients")
def addresses() -> None:
    """The addresses of the shop's clients. Log in first: sockcrud shop login.

    \b
    sockcrud addresses list --client 1
    sockcrud addresses create --client 1 --state SP --city Santos --street 'Rua A' \\
      --number 7 --cep 11010-000
    """


_FIELDS = (
    Field("state", "two letters"),
    Field("city"),
    Field("street"),
    Field("number", "the number of the house", new="the new number of the house", metavar="N"),
    Field(
        "cep", "01310-100 or eight digits", new="the new postal code", type=TEXT
    ),  # the server adds the hyphen
)


def _known(shop: Shop, id: int, new: dict[str, Any]) -> Address | None:
    """Return the address: one cannot be asked for. None where nothing of it needs to be known."""
    if len(new) == len(_FIELDS):
        return None
    for address in shop.addresses():
        if address.id == id:
            return address
    raise Failed(f"no address {id} (404)")


_verbs = Verbs(
    addresses,
    "address",
    "addresses",
    shop_at("clients"),
    "sockcrud.apps.shop.records:Address",
    _FIELDS,
)
_verbs.list(
    "addresses",
    "List the addresses of a client, or all.",
    *("", "--client 1"),
    filters=[
        click.option(
            "--client", "client_id", type=ID, metavar="ID", help="only those of this client"
        )
    ],
)
_verbs.create(
    "create_address",
    "Create an address of a client, and say its id.",
    "--client 1 --state SP --city Santos --street Rua --number 7 --cep 11010-000",
    also=[
        click.option(
            "--client", "client_id", type=ID, metavar="ID", required=True, help="whose it is"
        )
    ],
)
_verbs.update(
    "update_address",
    "Change what is named of the address with this ID. What is not named stays as it was when "
    "this began.",
    "1 --number 9",
    rev=True,
    known=_known,
)
_verbs.delete("delete_address", rev=True)
