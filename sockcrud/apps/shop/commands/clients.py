"""`sockcrud clients`, of the shop."""

from __future__ import annotations

from typing import Any

import click

from sockcrud.apps.shop.commands.login import shop_at
from sockcrud.cli.options import talks_to
from sockcrud.cli.records.verbs import Field, Verbs
from sockcrud.cli.values import FieldOf

_CLIENT = "sockcrud.apps.shop.records:Client"


class _Cpf(FieldOf):
    """A cpf, with its punctuation or without: the same is wrong here as at the shop, and has the
    status of wrong use.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from sockcrud.apps.shop.values import cpf

        return super().convert(cpf(value), param, ctx)


@click.group()
@talks_to("clients")
def clients() -> None:
    """The clients of the shop. Log in first: sockcrud shop login.

    \b
    sockcrud clients list
    sockcrud clients create --name Rita --email rita@example.org --cpf 123.456.789-01 \\
      --balance 30.25
    sockcrud clients show 1 --json
    """


_FIELDS = (
    Field("name"),
    Field("email"),
    Field("cpf", "123.456.789-01 or eleven digits, of no other client", type=_Cpf(_CLIENT, "cpf")),
    Field("balance", "such as 30.25", metavar="AMOUNT"),
)


def _say_whether(id: int, there: bool) -> None:
    from sockcrud.cli import showing

    showing.say(f"there is {'a' if there else 'no'} client {id}", id=id, exists=there)


_verbs = Verbs(clients, "client", "clients", shop_at("clients"), _CLIENT, _FIELDS)
_verbs.list("clients", "List all clients.")
_verbs.show("client", "Show the client with this ID, its revision too.")
_verbs.create(
    "create_client",
    "Create a client, and say its id.",
    "--name Rita --email rita@example.org --cpf 123.456.789-01 --balance 30.25",
)
_verbs.update(
    "update_client",
    "Change what is named of the client with this ID.\n\n"
    "What is not named stays as it is: a client that somebody else changes meanwhile is left "
    "alone, and you are told.",
    *("1 --balance 12.50", "1 --balance 12.50 --rev 7"),
    rev=True,
    known=lambda shop, id, new: shop.client(id),
)
_verbs.delete(
    "delete_client", "Delete the client with this ID, its addresses and its inventory.", rev=True
)
_verbs.on_one(
    "exists",
    "client_exists",
    "Return whether there is a client with this ID.",
    changes=False,
    say=_say_whether,
)
