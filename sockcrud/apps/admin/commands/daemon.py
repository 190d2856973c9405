"""`sockcrud admin`, `sockcrud status` and `sockcrud changes`, at the admin port."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from sockcrud.cli.entering import add_login, add_logout
from sockcrud.cli.options import listing, talks_to
from sockcrud.cli.outcomes import Failed
from sockcrud.cli.systems import System
from sockcrud.cli.values import LIMIT, REVISION, TEXT

if TYPE_CHECKING:
    from sockcrud.client.sync import Admin


MIB: Final = 2**20
ADMIN: Final[System[Admin]] = System("admin", "sockcrud.client.sync:Admin", login=True)


@click.group()
@talks_to("admin")
def admin() -> None:
    """The login of the admin port, for accounts, companies, sessions and changes.

    \b
    sockcrud admin login
    sockcrud accounts list
    sockcrud admin logout
    """


add_login(
    admin,
    ADMIN,
    "Log in, and keep the token for the commands that follow.",
    *("", "--login ana --password-file password --at example.org:8000"),
    option=click.option(
        "--login",
        type=TEXT,
        metavar="NAME",
        default="admin",
        show_default=True,
        help="an admin's login name",
    ),
)
add_logout(admin, ADMIN, "End the session, and forget its token.")


@click.command()
@talks_to("admin")
def status() -> None:
    """Tell which dialects listen, whether the store can be reached, and what it takes. Needs no
    login.

    The status is 0 where all is well, 1 where it is not, 3 where nobody answers.

    \b
    sockcrud status
    sockcrud status --at example.org:8000
    """
    from sockcrud.cli import showing

    with ADMIN.connected_as_nobody() as client:
        health = client.health()
        figures = client.metrics() if health.good and showing.for_people() else ""
    if showing.for_people():
        rows = [
            {"part": name, "state": "listens" if up else "does not listen"}
            for name, up in health.listening.items()
        ]
        store = {
            "part": "store",
            "state": "reachable" if health.store_reachable else "not reachable",
        }
        unknown = [
            {"part": kind, "state": "in the store, and of no app in use"}
            for kind in health.unknown_kinds
        ]
        sizes = [{"part": part, "state": state} for part, state in _sizes(figures)]
        showing.show_rows([*rows, store, *unknown, *sizes])
    else:
        showing.show(health)
    if not health.good:
        raise Failed("the daemon says that not all is well")


def _sizes(figures: str) -> Iterator[tuple[str, str]]:
    """Yield how many records there are, and how much memory is in use of how much there is."""

    def values(name: str) -> list[float]:
        return [float(each) for each in re.findall(rf"(?m)^{name}(?:{{.*}})? (\S+)$", figures)]

    if records := values("sockcrud_store_records"):
        yield "records", f"{sum(records):,.0f}"
    used, limit = values("process_resident_memory_bytes"), values("sockcrud_memory_limit_bytes")
    if used:
        there = f" of {max(limit) / MIB:,.0f} MiB" if any(limit) else ""
        yield "memory", f"{sum(used) / MIB:,.0f} MiB{there}"


@click.command()
@click.option(
    "--since",
    type=REVISION,
    metavar="REV",
    default=0,
    show_default=True,
    help="what came after this revision",
)
@click.option("--limit", type=LIMIT, metavar="N", help="at most so many  [default: all]")
@listing
@talks_to("admin")
def changes(since: int, limit: int | None) -> None:
    """List what has changed: each change's revision, and what the record became; nothing, where it
    was deleted.

    They are known for a bounded stretch: who asks for more is told so. Log in first: sockcrud admin
    login.

    \b
    sockcrud changes
    sockcrud changes --since 120 --limit 10
    """
    from sockcrud.cli import showing
    from sockcrud.cli.records.pages import pages_of

    with ADMIN.connected() as client:
        showing.show_all(pages_of(client.changes, since, limit, mark="since"), "changes", limit)
