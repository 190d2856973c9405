"""How answers look: a table on a terminal, and one JSON document elsewhere, in ASCII."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import click

from sockcrud.cli import progress
from sockcrud.cli.options import wishes
from sockcrud.cli.outcomes import visible

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]

_RIGHT: Final = (int, Decimal)


def for_people() -> bool:
    """Return whether somebody looks at it."""
    return sys.stdout.isatty() and not wishes().json


def show_all(records: Iterable[object], what: str) -> None:
    """Show a list. As JSON it is written as it comes; a table waits for the last of its rows."""
    if not for_people():
        _write_array(map(_row, records))
        return
    rows = []
    with progress.counted(f"reading {what}") as count:
        for record in records:
            rows.append(_row(record))
            count(len(rows))
    if rows:
        show_rows(rows)
    click.echo(f"{what}: {len(rows):,}" if rows else f"no {what}", err=True)


def show(record: object) -> None:
    """Show one record."""
    row = _row(record)
    if not for_people():
        _write(_document(row))
        return
    show_rows(
        [{"field": _title(name), "value": value} for name, value in row.items()], titles=False
    )


def say(sentence: str, **document: object) -> None:
    """Say what was done: a sentence to people, and to programs what it says."""
    if for_people():
        click.echo(visible(sentence))
    else:
        _write(_document(document))


def _row(record: object) -> Row:
    row = record if isinstance(record, Mapping) else attrs.asdict(cast(Any, record), recurse=False)
    return {name: value for name, value in row.items() if not (name == "rev" and value is None)}


# JSON


def _document(row: Row) -> str:
    return json.dumps(row, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:.2f}" if value == round(value, 2) else f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _write_array(rows: Iterable[Row]) -> None:
    """Write a row a line. Nothing before the first has come: what fails at once leaves no half of a
    document.
    """
    opening = "[\n"
    for row in rows:
        sys.stdout.write(opening + _document(row))
        opening = ",\n"
    _write("[]" if opening == "[\n" else "\n]")


# Tables


def console() -> Console:
    """Return what writes on a terminal, in colors where they are wanted."""
    from rich.console import Console

    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # a terminal that does not know a letter
    return Console(color_system=None if without_colors() else "auto", highlight=False)


def without_colors() -> bool:
    """Return whether colors are not wanted."""
    return wishes().no_color or bool(os.environ.get("NO_COLOR"))


def show_rows(rows: Sequence[Row], titles: bool = True) -> None:
    """Print a table, with a row for each; the first one says which columns there are."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD if titles else box.SIMPLE,
        show_header=titles,
        header_style="bold cyan",
        pad_edge=False,
    )
    for at, name in enumerate(rows[0]):
        right = titles and all(type(row[name]) in _RIGHT for row in rows)
        style = "bold cyan" if not titles and at == 0 else None
        table.add_column(
            Text(visible(_title(name))),
            justify="right" if right else "left",
            overflow="fold",
            style=style,
        )
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name))) for name in rows[0]))
    console().print(table)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, timedelta):
        return str(timedelta(seconds=round(value.total_seconds())))
    if isinstance(value, Mapping):
        return visible(json.dumps(value, default=_plain, ensure_ascii=False))
    return visible(str(_plain(value) if isinstance(value, (Decimal, date)) else value))
