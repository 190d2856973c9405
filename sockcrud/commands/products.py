"""`sockcrud products`, of the shop."""

from __future__ import annotations

from decimal import Decimal

import click

from sockcrud.commands.changing import named, rev_option
from sockcrud.commands.options import talks_to
from sockcrud.commands.shop import shop_as
from sockcrud.commands.values import ID, FieldOf

NAME, DESCRIPTION = FieldOf("Product", "name"), FieldOf("Product", "description")
QUANTITY, PRICE = FieldOf("Product", "quantity"), FieldOf("Product", "price")


@click.group()
@talks_to("products")
def products() -> None:
    """The products of the shop. Log in first: sockcrud shop login.

    \b
    sockcrud products list
    sockcrud products create --name lamp --description 'for a desk' --quantity 5 --price 19.90
    """


@products.command("list")
@talks_to("products")
def list_() -> None:
    """List all products.

    \b
    sockcrud products list
    """
    from sockcrud.commands import showing

    with shop_as("products") as shop:
        showing.show_all(shop.products(), "products")


@products.command()
@click.argument("id", type=ID)
@talks_to("products")
def show(id: int) -> None:
    """Show the product with this ID, its revision too.

    \b
    sockcrud products show 1
    """
    from sockcrud.commands import showing

    with shop_as("products") as shop:
        showing.show(shop.product(id))


@products.command()
@click.option("--name", type=NAME, required=True, help="1 to 100 characters, of no other product")
@click.option("--description", type=DESCRIPTION, default="", help="up to 10,000 characters")
@click.option("--quantity", type=QUANTITY, required=True, metavar="N", help="how many there are")
@click.option("--price", type=PRICE, required=True, metavar="AMOUNT", help="such as 19.90")
@click.option("--on-sale/--not-on-sale", "status", default=True, help="its status  [default: on sale]")
@talks_to("products")
def create(name: str, description: str, quantity: int, price: Decimal, status: bool) -> None:
    """Create a product, and say its id.

    \b
    sockcrud products create --name lamp --description 'for a desk' --quantity 5 --price 19.90
    sockcrud products create --name bulb --quantity 0 --price 2 --not-on-sale
    """
    from sockcrud.commands import showing

    with shop_as("products", changes=True) as shop:
        id = shop.create_product(name, description, quantity, price, status)
    showing.tell(f"product {id} is created", id=id, created=True)


@products.command()
@click.argument("id", type=ID)
@click.option("--name", type=NAME, help="the new name")
@click.option("--description", type=DESCRIPTION, help="the new description")
@click.option("--quantity", type=QUANTITY, metavar="N", help="how many there are now")
@click.option("--price", type=PRICE, metavar="AMOUNT", help="the new price")
@click.option("--on-sale/--not-on-sale", "status", default=None, help="the new status")
@rev_option
@talks_to("products")
def update(
    id: int,
    name: str | None,
    description: str | None,
    quantity: int | None,
    price: Decimal | None,
    status: bool | None,
    rev: int | None,
) -> None:
    """Change what is named of the product with this ID.

    What is not named stays as it is: a product that somebody else changes meanwhile is left alone, and you are told.

    \b
    sockcrud products update 1 --price 17.50 --quantity 4
    sockcrud products update 1 --not-on-sale --rev 7
    """
    from sockcrud.commands import showing

    new = named(name=name, description=description, quantity=quantity, price=price, on_sale=status)
    if "on_sale" in new:
        new["status"] = new.pop("on_sale")
    with shop_as("products", changes=True) as shop:
        known = shop.product(id)
        kept = ("name", "description", "quantity", "price", "status")
        values = {**{field: getattr(known, field) for field in kept}, **new}
        shop.update_product(id, **values, rev=known.rev if rev is None else rev)
    showing.tell(f"product {id} is changed", id=id, changed=True)


@products.command()
@click.argument("id", type=ID)
@rev_option
@talks_to("products")
def delete(id: int, rev: int | None) -> None:
    """Delete the product with this ID, and what the inventory has of it.

    \b
    sockcrud products delete 1
    """
    from sockcrud.commands import showing

    with shop_as("products", changes=True) as shop:
        shop.delete_product(id, rev)
    showing.tell(f"product {id} is deleted", id=id, deleted=True)


@products.command()
@click.argument("id", type=ID)
@talks_to("products")
def exists(id: int) -> None:
    """Tell whether there is a product with this ID, and its name.

    \b
    sockcrud products exists 1
    """
    from sockcrud.commands import showing

    with shop_as("products") as shop:
        name = shop.product_exists(id)
    sentence = f"there is no product {id}" if name is None else f"there is a product {id}: {name}"
    showing.tell(sentence, id=id, exists=name is not None, name=name)
