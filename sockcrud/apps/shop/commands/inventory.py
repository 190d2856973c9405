"""`sockcrud inventory`, of the shop."""

from __future__ import annotations

from datetime import date

import click

from sockcrud.apps.shop.commands.login import shop_at
from sockcrud.cli.options import talks_to
from sockcrud.cli.outcomes import WrongUse
from sockcrud.cli.records.changing import rev_option
from sockcrud.cli.values import ID, Day, FieldOf

_INVENTORY = shop_at("inventory")


@click.group()
@talks_to("inventory")
def inventory() -> None:
    """What the shop's clients bought. Log in first: sockcrud shop login.

    \b
    sockcrud inventory add --client 1 --product 2 --count 3
    sockcrud inventory list 1
    """


@inventory.command()
@click.option("--client", type=ID, metavar="ID", required=True, help="who bought it")
@click.option("--product", type=ID, metavar="ID", required=True, help="what it is")
@click.option(
    "--count",
    type=FieldOf("sockcrud.apps.shop.records:InventoryItem", "number_of_items"),
    metavar="N",
    required=True,
    help="how many",
)
@click.option("--date", "day", type=Day(), metavar="YYYY-MM-DD", help="when  [default: today]")
@talks_to("inventory")
def add(client: int, product: int, count: int, day: date | None) -> None:
    """Note that a client bought so many of a product on a day, and say the id of that.

    \b
    sockcrud inventory add --client 1 --product 2 --count 3
    sockcrud inventory add --client 1 --product 2 --count 3 --date 2024-11-01
    """
    from sockcrud.cli import showing

    with _INVENTORY.connected(changes=True) as shop:
        id = shop.add_item(client, product, count, day or date.today())
    showing.say(f"item {id} is added", id=id, added=True)


@inventory.command("list")
@click.argument("client", type=ID)
@talks_to("inventory")
def list_(client: int) -> None:
    """List what the CLIENT with this id bought.

    \b
    sockcrud inventory list 1
    """
    from sockcrud.cli import showing

    with _INVENTORY.connected() as shop:
        showing.show_all(shop.items(client), "items")


@inventory.command()
@click.argument("id", type=ID, required=False)
@click.option("--client", type=ID, metavar="ID", help="all items of this client, instead of one")
@click.option("--product", type=ID, metavar="ID", help="all items of this product, instead of one")
@rev_option
@talks_to("inventory")
def remove(id: int | None, client: int | None, product: int | None, rev: int | None) -> None:
    """Remove the item with this ID, or all of a client or a product.

    \b
    sockcrud inventory remove 5
    sockcrud inventory remove --client 1
    sockcrud inventory remove --product 2
    """
    from sockcrud.cli import showing

    if sum(meant is not None for meant in (id, client, product)) != 1:
        raise WrongUse("what is to be removed: name one of ID, --client and --product")
    if id is None and rev is not None:
        raise WrongUse("--rev belongs to ID: many items have no revision")
    with _INVENTORY.connected(changes=True) as shop:
        if id is not None:
            shop.remove_item(id, rev)
            showing.say(f"item {id} is removed", id=id, removed=True)
        elif client is not None:
            shop.remove_items(client, "client")
            showing.say(f"all items of client {client} are removed", client_id=client, removed=True)
        elif product is not None:
            shop.remove_items(product, "product")
            showing.say(
                f"all items of product {product} are removed", product_id=product, removed=True
            )
