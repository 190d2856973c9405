"""`sockcrud way`: the accounts of a company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from sockcrud.cli import passwords
from sockcrud.cli.entering import add_login, add_logout
from sockcrud.cli.options import talks_to
from sockcrud.cli.outcomes import Failed
from sockcrud.cli.passwords import password_option
from sockcrud.cli.records.changing import named
from sockcrud.cli.records.verbs import Verbs
from sockcrud.cli.systems import System
from sockcrud.cli.values import ID, TEXT

if TYPE_CHECKING:
    from sockcrud.apps.way.client import Colleague
    from sockcrud.client.sync import Way


_WAY: Final[System[Way]] = System("way", "sockcrud.client.sync:Way", login=True)


@click.group()
@talks_to("way")
def way() -> None:
    """The accounts of your company, over way.

    An admin changes them; a user sees them, and changes only their own password. Nothing is ever
    deleted.

    \b
    sockcrud way login --login admin
    sockcrud way list
    sockcrud way create --name ana
    sockcrud way logout
    """


add_login(
    way,
    _WAY,
    "Log in, and keep the session for the commands that follow. It ends your session before.",
    *("--login admin", "--login admin --password-file password --at example.org:50000"),
)
add_logout(way, _WAY, "End the session, and forget it.")

_verbs = Verbs(way, "account", "accounts", _WAY)
_verbs.list("users", "List the accounts of your company.")
_verbs.show("user")


@way.command()
@click.option("--name", type=TEXT, required=True, help="the login name of the new account")
@click.option("--inactive", is_flag=True, help="who may not log in yet")
@password_option("the new password")
@talks_to("way")
def create(name: str, inactive: bool, password_file: str | None) -> None:
    """Make an account of your company, with a password that is asked for.

    \b
    sockcrud way create --name ana
    sockcrud way create --name ana --inactive --password-file password
    """
    from sockcrud.cli import showing

    with _WAY.connected(changes=True) as client:
        password = passwords.read_or_ask(
            password_file, twice=True, question=f"New password of {name}"
        )
        client.create_user(name, password, not inactive)
    showing.say(f"{name} has an account", login=name, created=True)


@way.command()
@click.argument("id", type=ID)
@click.option("--name", type=TEXT, help="the new login name")
@click.option("--active/--inactive", default=None, help="whether they may log in")
@talks_to("way")
def update(id: int, name: str | None, active: bool | None) -> None:
    """Change what is named of the account with this ID. It stays active, or not, unless that is
    named.

    \b
    sockcrud way update 2 --name 'ana.maria'
    sockcrud way update 2 --active
    """
    from sockcrud.cli import showing

    named(name=name, active=active)
    with _WAY.connected(changes=True) as client:
        is_active = (
            client.user(id).active if active is None else active
        )  # the wire takes silence for no
        client.update_user(id, active=is_active, user_name=name)
    showing.say(f"account {id} is changed", id=id, changed=True)


@way.command()
@click.argument("id", type=ID, required=False)
@password_option("the new password")
@talks_to("way")
def password(id: int | None, password_file: str | None) -> None:
    """Give the account with this ID a new password; without an ID, yourself. It ends the account's
    other sessions.

    \b
    sockcrud way password
    sockcrud way password 2 --password-file password
    """
    from sockcrud.cli import showing

    with _WAY.connected(changes=True) as client:
        account = _own(client) if id is None else client.user(id)
        new = passwords.read_or_ask(
            password_file, twice=True, question=f"New password of {account.user_name}"
        )
        client.update_user(account.id, active=account.active, password=new)
    showing.say(f"{account.user_name} has a new password", id=account.id, changed=True)


def _own(client: Way) -> Colleague:
    from sockcrud.cli.addresses import place_of
    from sockcrud.cli.asking import login_for

    name = login_for("way", place_of("way")).login
    for account in client.users():
        if account.user_name.casefold() == name.casefold():
            return account
    raise Failed(f"no account of the company is called {name}: name its ID")


def _say_that_it_is_inactive(id: int, result: object) -> None:
    from sockcrud.cli import showing

    showing.say(f"account {id} is inactive", id=id, active=False)


_verbs.on_one(
    "deactivate",
    "deactivate_user",
    "Make the account with this ID inactive, and end its sessions.",
    "2",
    say=_say_that_it_is_inactive,
)
