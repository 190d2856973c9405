"""`sockcrud admin`, `sockcrud status` and `sockcrud changes`, at the admin port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from sockcrud.commands.options import talks_to
from sockcrud.commands.outcomes import Failed
from sockcrud.commands.passwords import password_option
from sockcrud.commands.values import LIMIT, REVISION, TEXT

if TYPE_CHECKING:
    from sockcrud.client.records import Change
    from sockcrud.client.sync import Admin


@contextmanager
def admin_as(changes: bool = False) -> Iterator[Admin]:
    """Give a client of the admin port, with the login that is kept."""
    from sockcrud.client.sync import Admin
    from sockcrud.commands.asking import asked_as

    with asked_as(Admin, "admin", changes) as client:
        yield client


@click.group()
@talks_to("admin")
def admin() -> None:
    """The login of the admin port, for accounts, companies, sessions and changes.

    \b
    sockcrud admin login
    sockcrud accounts list
    sockcrud admin logout
    """


@admin.command()
@click.option("--login", type=TEXT, metavar="NAME", default="admin", show_default=True, help="an admin's login name")
@password_option("the password")
@talks_to("admin")
def login(login: str, password_file: str | None) -> None:
    """Log in, and keep the token for the commands that follow.

    \b
    sockcrud admin login
    sockcrud admin login --login ana --password-file password --at example.org:8000
    """
    from sockcrud.client.sync import Admin
    from sockcrud.commands import asking, showing

    def enter(client: Admin, login: str, password: str) -> bool:
        client.log_in(login, password)
        return False

    made = asking.log_in(Admin, "admin", login, password_file, enter)
    at = asking.as_written(made.place)
    showing.tell(f"{made.login} is logged in at {at}", dialect="admin", at=at, login=made.login)


@admin.command()
@talks_to("admin")
def logout() -> None:
    """End the session, and forget its token.

    \b
    sockcrud admin logout
    """
    from sockcrud.client.sync import Admin
    from sockcrud.commands import asking, showing

    ended = asking.log_out(Admin, "admin", lambda client: client.log_out())
    showing.tell(f"{ended.login} is logged out", dialect="admin", login=ended.login, logged_out=True)


@click.command()
@talks_to("admin")
def status() -> None:
    """Tell which dialects listen, and whether the store can be reached. Needs no login.

    The status is 0 where all is well, 1 where it is not, 3 where nobody answers.

    \b
    sockcrud status
    sockcrud status --at example.org:8000
    """
    from sockcrud.client.sync import Admin
    from sockcrud.commands import asking, showing

    with asking.asked(Admin, "admin") as client:
        health = client.health()
    if showing.for_people():
        rows = [{"part": name, "state": "listens" if up else "does not listen"} for name, up in health.listening.items()]
        store = {"part": "store", "state": "reachable" if health.store_reachable else "not reachable"}
        showing.show_rows([*rows, store])
    else:
        showing.show(health)
    if not health.good:
        raise Failed("the daemon says that not all is well")


@click.command()
@click.option("--since", type=REVISION, metavar="REV", default=0, show_default=True, help="what came after this revision")
@click.option("--limit", type=LIMIT, metavar="N", help="at most so many  [default: all]")
@talks_to("admin")
def changes(since: int, limit: int | None) -> None:
    """List what has changed: each change's revision, and what the record became; nothing, where it was deleted.

    They are known for a bounded stretch: who asks for more is told so. Log in first: sockcrud admin login.

    \b
    sockcrud changes
    sockcrud changes --since 120 --limit 10
    """
    from sockcrud.commands import showing
    from sockcrud.commands.pages import turned

    with admin_as() as client:

        def ask(after: int | None, size: int) -> tuple[list[Change], int | None]:
            page = client.changes(since if after is None else after, size)
            return page.items, page.next

        showing.show_all(turned(ask, None, limit), "changes")
