"""`sockcrud addresses`, of the shop's clients."""

from __future__ import annotations

import click

from sockcrud.commands.changing import named, rev_option
from sockcrud.commands.options import talks_to
from sockcrud.commands.outcomes import Failed
from sockcrud.commands.shop import shop_as
from sockcrud.commands.values import ID, TEXT, FieldOf

STATE, CITY = FieldOf("Address", "state"), FieldOf("Address", "city")
STREET, NUMBER = FieldOf("Address", "street"), FieldOf("Address", "number")


@click.group()
@talks_to("clients")
def addresses() -> None:
    """The addresses of the shop's clients. Log in first: sockcrud shop login.

    \b
    sockcrud addresses list --client 1
    sockcrud addresses create --client 1 --state SP --city Santos --street 'Rua A' --number 7 --cep 11010-000
    """


@addresses.command("list")
@click.option("--client", type=ID, metavar="ID", help="only those of this client")
@talks_to("clients")
def list_(client: int | None) -> None:
    """List the addresses of a client, or all.

    \b
    sockcrud addresses list
    sockcrud addresses list --client 1
    """
    from sockcrud.commands import showing

    with shop_as("clients") as shop:
        showing.show_all(shop.addresses(client), "addresses")


@addresses.command()
@click.option("--client", type=ID, metavar="ID", required=True, help="whose it is")
@click.option("--state", type=STATE, required=True, help="two letters")
@click.option("--city", type=CITY, required=True, help="1 to 100 characters")
@click.option("--street", type=STREET, required=True, help="1 to 100 characters")
@click.option("--number", type=NUMBER, required=True, metavar="N", help="the number of the house")
@click.option("--cep", type=TEXT, required=True, help="01310-100 or eight digits")
@talks_to("clients")
def create(client: int, state: str, city: str, street: str, number: int, cep: str) -> None:
    """Create an address of a client, and say its id.

    \b
    sockcrud addresses create --client 1 --state SP --city Santos --street 'Rua A' --number 7 --cep 11010-000
    """
    from sockcrud.commands import showing

    with shop_as("clients", changes=True) as shop:
        id = shop.create_address(client, state, city, street, number, cep)
    showing.tell(f"address {id} is created", id=id, created=True)


@addresses.command()
@click.argument("id", type=ID)
@click.option("--state", type=STATE, help="the new state")
@click.option("--city", type=CITY, help="the new city")
@click.option("--street", type=STREET, help="the new street")
@click.option("--number", type=NUMBER, metavar="N", help="the new number of the house")
@click.option("--cep", type=TEXT, help="the new postal code")
@rev_option
@talks_to("clients")
def update(
    id: int,
    state: str | None,
    city: str | None,
    street: str | None,
    number: int | None,
    cep: str | None,
    rev: int | None,
) -> None:
    """Change what is named of the address with this ID. What is not named stays as it was when this began.

    \b
    sockcrud addresses update 1 --number 9
    """
    from sockcrud.commands import showing

    new = named(state=state, city=city, street=street, number=number, cep=cep)
    with shop_as("clients", changes=True) as shop:
        if len(new) < 5:  # one address cannot be asked for
            known = next((address for address in shop.addresses() if address.id == id), None)
            if known is None:
                raise Failed(f"no address {id} (404)")
            new = {**{field: getattr(known, field) for field in ("state", "city", "street", "number", "cep")}, **new}
        shop.update_address(id, **new, rev=rev)
    showing.tell(f"address {id} is changed", id=id, changed=True)


@addresses.command()
@click.argument("id", type=ID)
@rev_option
@talks_to("clients")
def delete(id: int, rev: int | None) -> None:
    """Delete the address with this ID.

    \b
    sockcrud addresses delete 1
    """
    from sockcrud.commands import showing

    with shop_as("clients", changes=True) as shop:
        shop.delete_address(id, rev)
    showing.tell(f"address {id} is deleted", id=id, deleted=True)
