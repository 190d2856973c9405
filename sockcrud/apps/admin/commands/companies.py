"""`sockcrud companies`, at the admin port."""

from __future__ import annotations

import click

from sockcrud.apps.admin.commands.daemon import ADMIN
from sockcrud.cli.options import talks_to
from sockcrud.cli.records.verbs import Field, Verbs
from sockcrud.cli.values import FieldOf


@click.group()
@talks_to("admin")
def companies() -> None:
    """The companies, whose accounts see each other. Log in first: sockcrud admin login.

    \b
    sockcrud companies list
    sockcrud companies add 'Casa da Ana'
    """


@companies.command()
@click.argument("name", type=FieldOf("sockcrud.identity.records:Company", "name"))
@click.option("--inactive", is_flag=True, help="whose accounts may not log in yet")
@talks_to("admin")
def add(name: str, inactive: bool) -> None:
    """Make a company with this NAME, and show it.

    \b
    sockcrud companies add 'Casa da Ana'
    """
    from sockcrud.cli import showing

    with ADMIN.connected(changes=True) as client:
        showing.show(client.create_company(name, False if inactive else None))


_FIELDS = (
    Field("name"),
    Field("active", new="whether its accounts may log in", flags="--active/--inactive"),
)

_verbs = Verbs(
    companies, "company", "companies", ADMIN, "sockcrud.identity.records:Company", _FIELDS
)
_verbs.list("companies", "List the companies.", paged=True)
_verbs.show("company")
_verbs.update(
    "change_company",
    "Change what is named of the company with this ID, end its accounts' sessions, and show it.",
    *("2 --name 'Casa da Bia'", "2 --active"),
    verb="change",
    rev=True,
)
_verbs.on_one(
    "deactivate",
    "deactivate_company",
    "Make the company with this ID inactive, end its accounts' sessions, and show it.",
    "2",
    rev=True,
)
