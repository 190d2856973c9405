"""`sockcrud accounts`: who may log in. At the admin port, but for `passwd`, which works on the
store's file.
"""

from __future__ import annotations

import click

from sockcrud.apps.admin.commands.daemon import ADMIN
from sockcrud.cli import passwords
from sockcrud.cli.lazy import Later, LazyGroup
from sockcrud.cli.options import talks_to
from sockcrud.cli.passwords import password_option
from sockcrud.cli.records.changing import named, rev_option
from sockcrud.cli.records.verbs import Verbs
from sockcrud.cli.values import ID, TEXT

ROLE = click.Choice(["admin", "user"])
PASSWD = {
    "Commands": {
        "passwd": Later(
            "sockcrud.storage.maintenance.commands:passwd",
            "Give an account a new password, in the store's file.",
        )
    }
}


@click.group(cls=LazyGroup, later=PASSWD)
@talks_to("admin")
def accounts() -> None:
    """Who may log in. Log in first: sockcrud admin login.

    All but passwd ask the admin port of a running daemon; passwd is for who has lost the admin's
    password, and works on the file of a store that no daemon has open.

    \b
    sockcrud accounts list
    sockcrud accounts add ana --role user
    sockcrud accounts deactivate 2
    sockcrud accounts passwd admin --store sqlite:shop.db
    """


@accounts.command()
@click.argument("login", type=TEXT)
@click.option("--role", type=ROLE, help="what they may do  [default: user]")
@click.option(
    "--company", type=ID, metavar="ID", help="their company  [default: that of the daemon]"
)
@click.option("--inactive", is_flag=True, help="who may not log in yet")
@password_option("the new password")
@talks_to("admin")
def add(
    login: str, role: str | None, company: int | None, inactive: bool, password_file: str | None
) -> None:
    """Make an account with this LOGIN name and a password that is asked for, and show it.

    \b
    sockcrud accounts add ana
    sockcrud accounts add ana --role admin --company 2 --password-file password
    """
    from sockcrud.cli import showing

    with ADMIN.connected(changes=True) as client:
        password = passwords.read_or_ask(
            password_file, twice=True, question=f"New password of {login}"
        )
        showing.show(
            client.create_account(login, password, role, company, False if inactive else None)
        )


_verbs = Verbs(accounts, "account", "accounts", ADMIN)
_verbs.list(
    "accounts", "List the accounts of all companies.", *("", "--limit 10 --after 20"), paged=True
)
_verbs.show("account")
_verbs.on_one(
    "deactivate",
    "deactivate_account",
    "Make the account with this ID inactive, end its sessions, and show it.",
    "2",
    rev=True,
)


@accounts.command()
@click.argument("id", type=ID)
@click.option("--login", type=TEXT, metavar="NAME", help="the new login name")
@click.option("--password", is_flag=True, default=None, help="a new password, which is asked for")
@click.option("--role", type=ROLE, help="the new role")
@click.option("--company", type=ID, metavar="ID", help="the new company")
@click.option("--active/--inactive", default=None, help="whether they may log in")
@password_option("the new password")
@rev_option
@talks_to("admin")
def change(
    id: int,
    login: str | None,
    password: bool | None,
    role: str | None,
    company: int | None,
    active: bool | None,
    password_file: str | None,
    rev: int | None,
) -> None:
    """Change what is named of the account with this ID, end its sessions, and show it.

    \b
    sockcrud accounts change 2 --role admin
    sockcrud accounts change 2 --password
    sockcrud accounts change 2 --password-file password --active
    """
    from sockcrud.cli import showing

    named(
        login=login, password=password or password_file, role=role, company=company, active=active
    )
    with ADMIN.connected(changes=True) as client:
        new = None
        if password or password_file is not None:
            new = passwords.read_or_ask(
                password_file, twice=True, question=f"New password of account {id}"
            )
        changed = client.change_account(
            id, login=login, password=new, role=role, company_id=company, active=active, rev=rev
        )
        showing.show(changed)
