"""`sockcrud companies`, at the admin port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sockcrud.commands.admin import admin_as
from sockcrud.commands.changing import named, rev_option
from sockcrud.commands.options import talks_to
from sockcrud.commands.values import ID, LIMIT, FieldOf

if TYPE_CHECKING:
    from sockcrud.client.records import Company

NAME = FieldOf("Company", "name")


@click.group()
@talks_to("admin")
def companies() -> None:
    """The companies, whose accounts see each other. Log in first: sockcrud admin login.

    \b
    sockcrud companies list
    sockcrud companies add 'Casa da Ana'
    """


@companies.command()
@click.argument("name", type=NAME)
@click.option("--inactive", is_flag=True, help="whose accounts may not log in yet")
@talks_to("admin")
def add(name: str, inactive: bool) -> None:
    """Make a company with this NAME, and show it.

    \b
    sockcrud companies add 'Casa da Ana'
    """
    from sockcrud.commands import showing

    with admin_as(changes=True) as client:
        showing.show(client.create_company(name, False if inactive else None))


@companies.command("list")
@click.option("--limit", type=LIMIT, metavar="N", help="at most so many  [default: all]")
@click.option("--after", type=ID, metavar="ID", help="only those behind this id")
@talks_to("admin")
def list_(limit: int | None, after: int | None) -> None:
    """List the companies.

    \b
    sockcrud companies list
    """
    from sockcrud.commands import showing
    from sockcrud.commands.pages import turned

    with admin_as() as client:

        def ask(after: int | None, size: int) -> tuple[list[Company], int | None]:
            page = client.companies(after, size)
            return page.items, page.next

        showing.show_all(turned(ask, after, limit), "companies")


@companies.command()
@click.argument("id", type=ID)
@talks_to("admin")
def show(id: int) -> None:
    """Show the company with this ID.

    \b
    sockcrud companies show 1
    """
    from sockcrud.commands import showing

    with admin_as() as client:
        showing.show(client.company(id))


@companies.command()
@click.argument("id", type=ID)
@click.option("--name", type=NAME, help="the new name")
@click.option("--active/--inactive", default=None, help="whether its accounts may log in")
@rev_option
@talks_to("admin")
def change(id: int, name: str | None, active: bool | None, rev: int | None) -> None:
    """Change what is named of the company with this ID, end its accounts' sessions, and show it.

    \b
    sockcrud companies change 2 --name 'Casa da Bia'
    sockcrud companies change 2 --active
    """
    from sockcrud.commands import showing

    named(name=name, active=active)
    with admin_as(changes=True) as client:
        showing.show(client.change_company(id, name=name, active=active, rev=rev))


@companies.command()
@click.argument("id", type=ID)
@rev_option
@talks_to("admin")
def deactivate(id: int, rev: int | None) -> None:
    """Make the company with this ID inactive, end its accounts' sessions, and show it.

    \b
    sockcrud companies deactivate 2
    """
    from sockcrud.commands import showing

    with admin_as(changes=True) as client:
        showing.show(client.deactivate_company(id, rev))
