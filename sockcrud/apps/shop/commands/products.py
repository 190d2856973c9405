"""`sockcrud products`, of the shop."""

from __future__ import annotations

from sockcrud.apps.shop.commands.login import shop_at
from sockcrud.cli.records.verbs import Field, Verbs, command_group

products = command_group(
    "products",
    "products",
    "The products of the shop. Log in first: sockcrud shop login.",
    "list",
    "create --name lamp --description 'for a desk' --quantity 5 --price 19.90",
)


_FIELDS = (
    Field("name"),
    Field("description", default=""),
    Field("quantity", "how many there are", new="how many there are now", metavar="N"),
    Field("price", metavar="AMOUNT"),
    Field("status", "its status  [default: on sale]", flags="--on-sale/--not-on-sale"),
)


def _say_whether(id: int, name: str | None) -> None:
    from sockcrud.cli import showing

    sentence = f"there is no product {id}" if name is None else f"there is a product {id}: {name}"
    showing.say(sentence, id=id, exists=name is not None, name=name)


def _say_deleted(id: int, result: object) -> None:
    from sockcrud.cli import showing

    showing.say(f"product {id} is deleted, and what the inventory had of it", id=id, deleted=True)


_verbs = Verbs(
    products,
    "product",
    "products",
    shop_at("products"),
    "sockcrud.apps.shop.records:Product",
    _FIELDS,
)
_verbs.list("products", "List all products.")
_verbs.show("product", "Show the product with this ID, its revision too.")
_verbs.create(
    "create_product",
    "Create a product, and say its id.",
    "--name lamp --description 'for a desk' --quantity 5 --price 19.90",
    "--name bulb --quantity 0 --price 2 --not-on-sale",
)
_verbs.update(
    "update_product",
    "Change what is named of the product with this ID.\n\n"
    "What is not named stays as it is: a product that somebody else changes meanwhile is left "
    "alone, and you are told.",
    *("1 --price 17.50 --quantity 4", "1 --not-on-sale --rev 7"),
    rev=True,
    known=lambda shop, id, new: shop.product(id),
)
_verbs.on_one(
    "delete",
    "delete_product",
    "Delete the product with this ID, and what the inventory has of it.",
    rev=True,
    say=_say_deleted,
)
_verbs.on_one(
    "exists",
    "product_exists",
    "Return whether there is a product with this ID, and its name.",
    changes=False,
    say=_say_whether,
)
