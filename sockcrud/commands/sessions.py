"""`sockcrud sessions`, at the admin port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sockcrud.commands.admin import admin_as
from sockcrud.commands.options import talks_to
from sockcrud.commands.outcomes import WrongUse
from sockcrud.commands.values import ID, LIMIT

if TYPE_CHECKING:
    from sockcrud.client.records import Session


@click.group()
@talks_to("admin")
def sessions() -> None:
    """The logins that live, at whichever dialect. Log in first: sockcrud admin login.

    \b
    sockcrud sessions list
    sockcrud sessions end --account 2
    """


@sessions.command("list")
@click.option("--account", type=ID, metavar="ID", help="only those of this account")
@click.option("--limit", type=LIMIT, metavar="N", help="at most so many  [default: all]")
@click.option("--after", type=ID, metavar="ID", help="only those behind this id")
@talks_to("admin")
def list_(account: int | None, limit: int | None, after: int | None) -> None:
    """List the sessions: whose they are, at which dialect, from where, since when, and when they were used last.

    \b
    sockcrud sessions list
    sockcrud sessions list --account 2
    """
    from sockcrud.commands import showing
    from sockcrud.commands.pages import turned

    with admin_as() as client:

        def ask(after: int | None, size: int) -> tuple[list[Session], int | None]:
            page = client.sessions(account, after, size)
            return page.items, page.next

        showing.show_all(turned(ask, after, limit), "sessions")


@sessions.command()
@click.argument("id", type=ID, required=False)
@click.option("--account", type=ID, metavar="ID", help="all sessions of this account, instead of one")
@talks_to("admin")
def end(id: int | None, account: int | None) -> None:
    """End the session with this ID, or all of an account.

    \b
    sockcrud sessions end 5
    sockcrud sessions end --account 2
    """
    from sockcrud.commands import showing

    if (id is None) == (account is None):
        raise WrongUse("what is to be ended: name one of ID and --account")
    with admin_as(changes=True) as client:
        if id is not None:
            client.end_session(id)
            showing.tell(f"session {id} is ended", id=id, ended=1)
        elif account is not None:
            count = client.end_sessions(account)
            showing.tell(f"sessions of account {account} that are ended: {count:,}", account_id=account, ended=count)
