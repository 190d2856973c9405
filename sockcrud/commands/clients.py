"""`sockcrud clients`, of the shop."""

from __future__ import annotations

from decimal import Decimal

import click

from sockcrud.commands.changing import named, rev_option
from sockcrud.commands.options import talks_to
from sockcrud.commands.shop import shop_as
from sockcrud.commands.values import ID, TEXT, FieldOf

NAME, EMAIL, BALANCE = FieldOf("Client", "name"), FieldOf("Client", "email"), FieldOf("Client", "balance")


@click.group()
@talks_to("clients")
def clients() -> None:
    """The clients of the shop. Log in first: sockcrud shop login.

    \b
    sockcrud clients list
    sockcrud clients create --name Rita --email rita@example.org --cpf 123.456.789-01 --balance 30.25
    sockcrud clients show 1 --json
    """


@clients.command("list")
@talks_to("clients")
def list_() -> None:
    """List all clients.

    \b
    sockcrud clients list
    """
    from sockcrud.commands import showing

    with shop_as("clients") as shop:
        showing.show_all(shop.clients(), "clients")


@clients.command()
@click.argument("id", type=ID)
@talks_to("clients")
def show(id: int) -> None:
    """Show the client with this ID, its revision too.

    \b
    sockcrud clients show 1
    """
    from sockcrud.commands import showing

    with shop_as("clients") as shop:
        showing.show(shop.client(id))


@clients.command()
@click.option("--name", type=NAME, required=True, help="1 to 100 characters")
@click.option("--email", type=EMAIL, required=True, help="name@example.org, of no other client")
@click.option("--cpf", type=TEXT, required=True, help="123.456.789-01 or eleven digits, of no other client")
@click.option("--balance", type=BALANCE, required=True, metavar="AMOUNT", help="such as 30.25")
@talks_to("clients")
def create(name: str, email: str, cpf: str, balance: Decimal) -> None:
    """Create a client, and say its id.

    \b
    sockcrud clients create --name Rita --email rita@example.org --cpf 123.456.789-01 --balance 30.25
    """
    from sockcrud.commands import showing

    with shop_as("clients", changes=True) as shop:
        id = shop.create_client(name, email, cpf, balance)
    showing.tell(f"client {id} is created", id=id, created=True)


@clients.command()
@click.argument("id", type=ID)
@click.option("--name", type=NAME, help="the new name")
@click.option("--email", type=EMAIL, help="the new email")
@click.option("--cpf", type=TEXT, help="the new cpf")
@click.option("--balance", type=BALANCE, metavar="AMOUNT", help="the new balance")
@rev_option
@talks_to("clients")
def update(id: int, name: str | None, email: str | None, cpf: str | None, balance: Decimal | None, rev: int | None) -> None:
    """Change what is named of the client with this ID.

    What is not named stays as it is: a client that somebody else changes meanwhile is left alone, and you are told.

    \b
    sockcrud clients update 1 --balance 12.50
    sockcrud clients update 1 --balance 12.50 --rev 7
    """
    from sockcrud.commands import showing

    new = named(name=name, email=email, cpf=cpf, balance=balance)
    with shop_as("clients", changes=True) as shop:
        known = shop.client(id)
        values = {"name": known.name, "email": known.email, "cpf": known.cpf, "balance": known.balance, **new}
        shop.update_client(id, **values, rev=known.rev if rev is None else rev)
    showing.tell(f"client {id} is changed", id=id, changed=True)


@clients.command()
@click.argument("id", type=ID)
@rev_option
@talks_to("clients")
def delete(id: int, rev: int | None) -> None:
    """Delete the client with this ID, its addresses and its inventory.

    \b
    sockcrud clients delete 1
    """
    from sockcrud.commands import showing

    with shop_as("clients", changes=True) as shop:
        shop.delete_client(id, rev)
    showing.tell(f"client {id} is deleted", id=id, deleted=True)


@clients.command()
@click.argument("id", type=ID)
@talks_to("clients")
def exists(id: int) -> None:
    """Tell whether there is a client with this ID.

    \b
    sockcrud clients exists 1
    """
    from sockcrud.commands import showing

    with shop_as("clients") as shop:
        there = shop.client_exists(id)
    showing.tell(f"there is {'a' if there else 'no'} client {id}", id=id, exists=there)
