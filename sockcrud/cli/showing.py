"""How answers look: a table on a terminal, and one JSON document elsewhere, in ASCII."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Final, cast

import attrs
import click

from sockcrud.cli import progress
from sockcrud.cli.options import wishes
from sockcrud.cli.outcomes import WrongUse, visible
from sockcrud.cli.tables import TOGETHER, Table

Row = Mapping[str, Any]

_RIGHT: Final = (int, Decimal)


def for_people() -> bool:
    """Return whether somebody looks at it."""
    return sys.stdout.isatty() and not wishes().json


SHOWN: Final = 1000
"""Rows of a list that people are shown, unless they ask for more."""


def show_all(records: Iterable[object], what: str, limit: int | None = None) -> None:
    """Show a list, as it comes. People are shown its first rows, where no `limit` was named, and
    told so.
    """
    rows = _sorted(map(_row, records), what)
    if wishes().csv:
        _write_csv(map(_chosen, rows))
        return
    if not for_people():
        _write_array(map(_chosen, rows))
        return
    most = None if limit is not None or wishes().all else SHOWN
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows if most is None else islice(rows, most):
            count += 1
            yield _chosen(row)

    shown = counted()
    if (first := next(shown, None)) is not None:
        _page(_lines_of(chain([first], shown)))
    is_cut = most is not None and count == most and next(rows, None) is not None
    more = ": the first are shown; --all shows all, --limit N so many" if is_cut else ""
    click.echo(f"{what}: {count:,}{more}" if count else f"no {what}", err=True)


def show(record: object) -> None:
    """Show one record."""
    row = _row(record)
    if not for_people():
        _write(_document(row))
        return
    table = _table(list(row), ())
    for line in table.record([_cell(value) for value in row.values()]):
        click.echo(line, color=_is_colored())


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


def _write_csv(rows: Iterable[Row]) -> None:
    """Write a row a line, behind the names of its columns."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    for number, row in enumerate(rows):
        if number == 0:
            out.writerow(row)
        out.writerow(_plain_cell(value) for value in row.values())
    sys.stdout.flush()


def _plain_cell(value: object) -> object:
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, default=_plain)
    return _plain(value) if isinstance(value, (Decimal, date, timedelta)) else value


# Which rows, and which of their columns


def _sorted(rows: Iterator[Row], what: str) -> Iterator[Row]:
    """Return the rows in the order that was asked for: for that, all have to be read."""
    name = wishes().sort
    if name is None:
        return rows
    column = name.removeprefix("-").replace("-", "_")
    with progress.counted(f"reading {what}") as count:
        read = []
        for row in rows:
            read.append(row)
            count(len(read))
    _check_columns("--sort", [column], read[:1])
    # What is not there comes last, whatever the order.
    there = [row for row in read if row[column] is not None]
    there.sort(key=lambda row: row[column], reverse=name.startswith("-"))
    return chain(there, [row for row in read if row[column] is None])


def _chosen(row: Row) -> Row:
    names = [name.strip().replace("-", "_") for name in (wishes().columns or "").split(",")]
    if names == [""]:
        return row
    _check_columns("--columns", names, [row])
    return {name: row[name] for name in names}


def _check_columns(option: str, names: Sequence[str], rows: Sequence[Row]) -> None:
    for row in rows:
        for name in names:
            if name not in row:
                raise WrongUse(f"{option}: expected some of {', '.join(row)}, got {name!r}")


# Tables


def without_colors() -> bool:
    """Return whether colors are not wanted."""
    return wishes().no_color or bool(os.environ.get("NO_COLOR"))


def _is_colored() -> bool:
    return not without_colors()


def show_rows(rows: Sequence[Row]) -> None:
    """Print a table, with a row for each; the first one says which columns there are."""
    for line in _lines_of(rows):
        click.echo(line, color=_is_colored())


def _lines_of(rows: Iterable[Row]) -> Iterator[str]:
    coming = iter(rows)
    first = list(islice(coming, TOGETHER))
    names = list(first[0])
    right = [all(type(row.get(name)) in _RIGHT for row in first) for name in names]
    cells = ([_cell(row.get(name)) for name in names] for row in chain(first, coming))
    return _table(names, right).lines(cells)


def _table(names: Sequence[str], right: Sequence[bool]) -> Table:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # a terminal that does not know a letter
    width = shutil.get_terminal_size().columns
    return Table([visible(_title(name)) for name in names], width, _is_colored(), right)


def _page(lines: Iterator[str]) -> None:
    """Show lines; by a pager what is longer than the terminal."""
    screen = list(islice(lines, max(1, shutil.get_terminal_size().lines - 2)))
    following = next(lines, None)
    if following is None or not sys.stdin.isatty():
        for line in chain(screen, [] if following is None else [following], lines):
            click.echo(line, color=_is_colored())
        return
    os.environ.setdefault("LESS", "FRX")  # as git has it: colors, and the text stays on the screen
    whole = chain(screen, [following], lines)
    click.echo_via_pager((f"{line}\n" for line in whole), color=_is_colored())


def _title(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M")
    if isinstance(value, timedelta):
        return str(timedelta(seconds=round(value.total_seconds())))
    if isinstance(value, Mapping):
        return visible(json.dumps(value, default=_plain, ensure_ascii=False))
    return visible(str(_plain(value) if isinstance(value, (Decimal, date)) else value))
