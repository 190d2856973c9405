"""`sockcrud ledger`, at the admin port."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import click

from sockcrud.apps.admin.commands.daemon import ADMIN
from sockcrud.cli.options import talks_to
from sockcrud.cli.values import TEXT, Value

if TYPE_CHECKING:
    from sockcrud.apps.admin.client_records import Usage

_COLUMNS: Final = ("dialect", "operation", "who", "software", "first_seen", "last_seen")
_COUNTS: Final = ("count", "in_brownouts")


class Since(Value):
    """A day, or so many days ago."""

    name = "DAY"

    def convert(self, value: Any, param: Any, context: Any) -> date:
        """Return the day; raise WrongUse."""
        if isinstance(value, date):
            return value
        if found := re.fullmatch("([0-9]{1,5})d", value):
            return datetime.now(timezone.utc).date() - timedelta(days=int(found[1]))
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.refuse("days, such as 30d, or a day, such as 2026-12-01", value, param)


@click.command()
@click.option("--dialect", type=TEXT, metavar="NAME", help="who uses this one")
@click.option("--since", type=Since(), help="who has come since: a day, or 30d for 30 days ago")
@click.option("--brownouts", is_flag=True, help="only who came while the dialect was paused")
@click.option("--csv", "as_csv", is_flag=True, help="a table for a spreadsheet")
@talks_to("admin")
def ledger(dialect: str | None, since: date | None, brownouts: bool, as_csv: bool) -> None:
    """List who uses which dialect, by which program, for what, and how often; who came last comes
    first.

    It is known to the minute, for the thousand that come most often; the rest counts as others.
    Log in first: sockcrud admin login.

    \b
    sockcrud ledger
    sockcrud ledger --dialect users --since 30d
    sockcrud ledger --brownouts --csv
    """
    from sockcrud.cli import showing

    with ADMIN.connected() as client:
        rows = sorted(
            client.all_usage(since, dialect), key=lambda usage: usage.last_seen, reverse=True
        )
    if brownouts:
        rows = [usage for usage in rows if usage.in_brownouts]
    if as_csv:
        _write_csv(rows)
    elif showing.for_people():
        showing.show_all([_row(usage) for usage in rows], "clients")
    else:
        showing.show_all(rows, "clients")


def _row(usage: Usage) -> dict[str, object]:
    return {name: getattr(usage, name) for name in (*_COLUMNS, *_COUNTS)}


def _write_csv(rows: Iterable[Usage]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*_COLUMNS, *_COUNTS))
    for usage in rows:
        writer.writerow([_cell(value) for value in _row(usage).values()])


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    # What begins like this a spreadsheet would take for a formula, and strangers choose names.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
