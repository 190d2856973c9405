"""`sockcrud shop`: the login of its services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from sockcrud.cli.entering import add_login, add_logout, add_signup
from sockcrud.cli.options import talks_to
from sockcrud.cli.systems import System

if TYPE_CHECKING:
    from sockcrud.client.sync import Shop


def shop_at(dialect: str) -> System[Shop]:
    """Return one of the shop's services, which the login of the shop opens."""
    return System(dialect, "sockcrud.client.sync:Shop", login=True)


_SHOP: Final = shop_at("shop")


@click.group()
@talks_to("shop")
def shop() -> None:
    """The login of the shop, for clients, addresses, products and inventory.

    It is kept until `sockcrud shop logout`, in a file that only you can read, and the groups of the
    services use it, where the login was. The services may be behind one port, or each behind its
    own, on the host of their logins.

    \b
    sockcrud shop signup --login ana
    sockcrud shop login --login ana
    sockcrud clients list
    sockcrud shop logout
    """


def _is_alone(client: Shop) -> bool:
    """Return whether the services are each behind their own port: that of the login does not know
    the clients.
    """
    from sockcrud.client.errors import NotFound

    try:
        client.health("clients")
    except NotFound:
        return True
    return False


add_login(
    shop,
    _SHOP,
    "Log in, and keep the token for the commands that follow.",
    *("--login ana", "--login ana --password-file password", "--login ana --at 127.0.0.1:5004"),
    alone=_is_alone,
)
add_logout(shop, _SHOP, "End the session, and forget its token.")
add_signup(
    shop,
    _SHOP,
    "Make an account. It works wherever one logs in: it is a user of the default company.",
    *("--login ana", "--login ana --password-file password"),
)
