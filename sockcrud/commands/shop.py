"""`sockcrud shop`: the login of its services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from sockcrud.commands import passwords
from sockcrud.commands.options import talks_to
from sockcrud.commands.passwords import password_option
from sockcrud.commands.values import TEXT

if TYPE_CHECKING:
    from sockcrud.client.sync import Shop


@contextmanager
def shop_as(dialect: str, changes: bool = False) -> Iterator[Shop]:
    """Give a client of one of the shop's services, with the login that is kept."""
    from sockcrud.client.sync import Shop
    from sockcrud.commands.asking import asked_as

    with asked_as(Shop, dialect, changes) as client:
        yield client


@click.group()
@talks_to("shop")
def shop() -> None:
    """The login of the shop, for clients, addresses, products and inventory.

    It is kept until `sockcrud shop logout`, in a file that only you can read, and the groups of the services use it, where
    the login was. The services may be behind one port, or each behind its own, on the host of their logins.

    \b
    sockcrud shop signup --login ana
    sockcrud shop login --login ana
    sockcrud clients list
    sockcrud shop logout
    """


@shop.command()
@click.option("--login", type=TEXT, metavar="NAME", help="the login name  [default: asked for]")
@password_option("the password")
@talks_to("shop")
def login(login: str | None, password_file: str | None) -> None:
    """Log in, and keep the token for the commands that follow.

    \b
    sockcrud shop login --login ana
    sockcrud shop login --login ana --password-file password
    sockcrud shop login --login ana --at 127.0.0.1:5004
    """
    from sockcrud.client.errors import NotFound
    from sockcrud.client.sync import Shop
    from sockcrud.commands import asking, showing

    def enter(client: Shop, login: str, password: str) -> bool:
        client.log_in(login, password)
        try:
            client.health("clients")
        except NotFound:
            return True
        return False

    made = asking.log_in(Shop, "shop", passwords.read_or_ask_login(login), password_file, enter)
    at = asking.as_written(made.place)
    showing.tell(f"{made.login} is logged in at {at}", dialect="shop", at=at, login=made.login)


@shop.command()
@talks_to("shop")
def logout() -> None:
    """End the session, and forget its token.

    \b
    sockcrud shop logout
    """
    from sockcrud.client.sync import Shop
    from sockcrud.commands import asking, showing

    ended = asking.log_out(Shop, "shop", lambda client: client.log_out())
    showing.tell(f"{ended.login} is logged out", dialect="shop", login=ended.login, logged_out=True)


@shop.command()
@click.option("--login", type=TEXT, metavar="NAME", help="the login name  [default: asked for]")
@password_option("the new password")
@talks_to("shop")
def signup(login: str | None, password_file: str | None) -> None:
    """Make an account. It works wherever one logs in: it is a user of the default company.

    \b
    sockcrud shop signup --login ana
    sockcrud shop signup --login ana --password-file password
    """
    from sockcrud.client.sync import Shop
    from sockcrud.commands import asking, showing

    name = passwords.read_or_ask_login(login)
    password = passwords.read_or_ask(password_file, twice=True, question=f"New password of {name}")
    with asking.asked(Shop, "shop", changes=True) as client:
        client.sign_up(name, password)
    showing.tell(f"{name} has an account", login=name, created=True)
