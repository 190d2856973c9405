"""`sockcrud sessions`, at the admin port."""

from __future__ import annotations

import click

from sockcrud.apps.admin.commands.daemon import ADMIN
from sockcrud.cli.options import talks_to
from sockcrud.cli.outcomes import WrongUse
from sockcrud.cli.records.verbs import Verbs
from sockcrud.cli.values import ID


@click.group()
@talks_to("admin")
def sessions() -> None:
    """The logins that live, at whichever dialect. Log in first: sockcrud admin login.

    \b
    sockcrud sessions list
    sockcrud sessions end --account 2
    """


Verbs(sessions, "session", "sessions", ADMIN).list(
    "sessions",
    "List the sessions: whose they are, at which dialect, from where, since when, and when they "
    "were used last.",
    *("", "--account 2"),
    paged=True,
    filters=[
        click.option(
            "--account", "account_id", type=ID, metavar="ID", help="only those of this account"
        )
    ],
)


@sessions.command()
@click.argument("id", type=ID, required=False)
@click.option(
    "--account", type=ID, metavar="ID", help="all sessions of this account, instead of one"
)
@talks_to("admin")
def end(id: int | None, account: int | None) -> None:
    """End the session with this ID, or all of an account.

    \b
    sockcrud sessions end 5
    sockcrud sessions end --account 2
    """
    from sockcrud.cli import showing

    if (id is None) == (account is None):
        raise WrongUse("what is to be ended: name one of ID and --account")
    with ADMIN.connected(changes=True) as client:
        if id is not None:
            client.end_session(id)
            showing.say(f"session {id} is ended", id=id, ended=1)
        elif account is not None:
            count = client.end_sessions(account)
            showing.say(
                f"sessions of account {account} that are ended: {count:,}",
                account_id=account,
                ended=count,
            )
