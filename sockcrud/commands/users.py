"""`sockcrud users`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from sockcrud.commands.changing import named
from sockcrud.commands.options import talks_to
from sockcrud.commands.pages import turned
from sockcrud.commands.values import ID, LIMIT, FieldOf

if TYPE_CHECKING:
    from sockcrud.client.records import User
    from sockcrud.client.sync import Users

NAME, EMAIL, AGE = FieldOf("User", "name"), FieldOf("User", "email"), FieldOf("User", "age")


@contextmanager
def _asked(changes: bool = False) -> Iterator[Users]:
    from sockcrud.client.sync import Users
    from sockcrud.commands.asking import asked

    with asked(Users, "users", changes) as client:
        yield client


@click.group()
@talks_to("users")
def users() -> None:
    """The users, over JSON on TCP. They need no login.

    \b
    sockcrud users create --name Ana --email ana@example.org --age 30
    sockcrud users list
    sockcrud users --at example.org:8080 list --json
    """


@users.command()
@click.option("--name", type=NAME, required=True, help="1 to 200 characters")
@click.option("--email", type=EMAIL, required=True, help="name@example.org; others may have the same")
@click.option("--age", type=AGE, required=True, metavar="YEARS", help="from 0 to 150")
@talks_to("users")
def create(name: str, email: str, age: int) -> None:
    """Create a user, and show it.

    \b
    sockcrud users create --name Ana --email ana@example.org --age 30
    """
    from sockcrud.commands import showing

    with _asked(changes=True) as client:
        showing.show(client.create(name, email, age))


@users.command()
@click.argument("id", type=ID)
@talks_to("users")
def show(id: int) -> None:
    """Show the user with this ID.

    \b
    sockcrud users show 1
    """
    from sockcrud.commands import showing

    with _asked() as client:
        showing.show(client.get(id))


@users.command("list")
@click.option("--limit", type=LIMIT, metavar="N", help="at most so many  [default: all]")
@click.option("--after", type=ID, metavar="ID", help="only those behind this id")
@talks_to("users")
def list_(limit: int | None, after: int | None) -> None:
    """List the users, by their ids.

    They are asked for a page at a time, and as JSON written as they come.

    \b
    sockcrud users list
    sockcrud users list --limit 10 --after 20
    sockcrud users list | grep ana@example.org
    """
    from sockcrud.commands import showing

    with _asked() as client:

        def ask(after: int | None, size: int) -> tuple[list[User], int | None]:
            found = client.list(after, size)
            return found, found[-1].id if len(found) >= size else None

        showing.show_all(turned(ask, after, limit), "users")


@users.command()
@click.argument("id", type=ID)
@click.option("--name", type=NAME, help="the new name")
@click.option("--email", type=EMAIL, help="the new email")
@click.option("--age", type=AGE, metavar="YEARS", help="the new age")
@talks_to("users")
def update(id: int, name: str | None, email: str | None, age: int | None) -> None:
    """Change what is named of the user with this ID, and show it.

    \b
    sockcrud users update 1 --age 31
    sockcrud users update 1 --name 'Ana Maria' --email ana.maria@example.org
    """
    from sockcrud.commands import showing

    new = named(name=name, email=email, age=age)
    with _asked(changes=True) as client:
        showing.show(client.update(id, **new))


@users.command()
@click.argument("id", type=ID)
@talks_to("users")
def delete(id: int) -> None:
    """Delete the user with this ID.

    \b
    sockcrud users delete 1
    """
    from sockcrud.commands import showing

    with _asked(changes=True) as client:
        client.delete(id)
    showing.tell(f"user {id} is deleted", id=id, deleted=True)
