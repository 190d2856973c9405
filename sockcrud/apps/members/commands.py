"""`sockcrud members`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from sockcrud.cli.entering import add_login, add_signup
from sockcrud.cli.options import listing, talks_to
from sockcrud.cli.systems import System
from sockcrud.cli.values import TEXT

if TYPE_CHECKING:
    from sockcrud.client.sync import Members

_MEMBERS: Final[System[Members]] = System("members", "sockcrud.client.sync:Members", login=True)


@click.group()
@talks_to("members")
def members() -> None:
    """The members, by role: an admin sees all of them, others themselves.

    \b
    sockcrud members signup --login ana@example.org
    sockcrud members login --login ana@example.org
    sockcrud members list
    sockcrud members status
    """


add_login(
    members,
    _MEMBERS,
    "Log in, and keep the token for the commands that follow.",
    *("--login ana@example.org", "--login admin --password-file password"),
    option=click.option(
        "--login",
        type=TEXT,
        metavar="EMAIL",
        help="the email, or the login name  [default: asked for]",
    ),
)
add_signup(
    members,
    _MEMBERS,
    "Make a member, with a password that is asked for, and say its id.",
    *("--login ana@example.org", "--login ana@example.org --password-file password"),
    option=click.option(
        "--login",
        type=TEXT,
        metavar="EMAIL",
        help="the email of the new member  [default: asked for]",
    ),
)


@members.command()
@talks_to("members")
def logout() -> None:
    """Forget the token. The wire has no way to end a session: it ends by itself when it is not
    used.

    \b
    sockcrud members logout
    """
    from sockcrud.cli import addresses, asking, logins, showing

    kept = asking.login_for("members", addresses.place_of("members"))
    logins.forget(kept)
    showing.say(
        f"the token of {kept.login} is forgotten",
        dialect="members",
        login=kept.login,
        forgotten=True,
    )


@members.command("list")
@listing
@talks_to("members")
def list_() -> None:
    """List the members: all of them to an admin, and yourself to others.

    \b
    sockcrud members list
    """
    from sockcrud.cli import asking, showing
    from sockcrud.client.errors import Forbidden

    with _MEMBERS.connected() as client:
        try:
            found = client.members()
        except Forbidden:  # what the wire says to a login that is over
            raise asking.log_in_first("members", client.place) from None
        showing.show_all(found, "members")


@members.command()
@talks_to("members")
def status() -> None:
    """Show how the server does. Needs no login.

    \b
    sockcrud members status
    """
    from sockcrud.cli import showing

    with _MEMBERS.connected_as_nobody() as client:
        showing.show(client.state())
