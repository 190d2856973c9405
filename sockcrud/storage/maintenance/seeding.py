"""Records as people write them: JSON lines and CSV without ids and dates, for `import` and
`serve --seed`.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import orjson
from twisted.internet.interfaces import IReactorTime

from sockcrud.errors import Invalid
from sockcrud.identity.first_start import FIRST_START
from sockcrud.records import Record, describe
from sockcrud.records.constraints import Instance, Text, Whole
from sockcrud.records.json_fields import read_text
from sockcrud.records.schema import Schema
from sockcrud.storage.contract import IStore
from sockcrud.storage.maintenance.import_rows import Fault, Given, Unimportable
from sockcrud.storage.maintenance.record_lines import from_lines
from sockcrud.storage.maintenance.transfer import add_records

_FLAGS: Final = {"yes": "true", "1": "true", "no": "false", "0": "false"}
_LONGEST_CELL: Final = 128 * 1024

Report = Callable[[int, int], object]
"""Takes how much is done, and of how much."""


def entries_of(
    file: IO[bytes], name: str, schema: Schema, report: Report = lambda done, of: None
) -> Iterator[Given | Fault]:
    """Yield what each line of a file of this name holds, CSV where it ends so; report how far this
    is.
    """
    size = os.fstat(file.fileno()).st_size
    found = from_csv(file, name, schema) if is_csv(name) else from_lines(file)
    for entry in found:
        yield entry
        report(file.tell(), size)


def is_csv(name: str) -> bool:
    """Return whether a file of this name is CSV."""
    return name.lower().endswith(".csv")


def as_lines(entries: Iterator[Given | Fault], file: IO[bytes]) -> None:
    """Write entries to a file as JSON lines; raise `Unimportable` for a fault among them."""
    for entry in entries:
        if isinstance(entry, Fault):
            raise Unimportable([entry], all=False)
        file.write(orjson.dumps(entry.fields, option=orjson.OPT_APPEND_NEWLINE))


def from_csv(file: IO[bytes], name: str, schema: Schema) -> Iterator[Given | Fault]:
    """Yield what each row of CSV holds. Its first row names the fields; a column `kind` says of
    which kind a record is, else the file's name does, as in users.csv. An empty cell is no field.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    csv.field_size_limit(_LONGEST_CELL)
    try:
        header = text.readline()
        # Where a comma is the decimal mark, spreadsheets write semicolons.
        delimiter = ";" if ";" in header and "," not in header else ","
        titles = [title.strip() for title in next(csv.reader([header], delimiter=delimiter), [])]
        of_the_name = _kind_named(Path(name).stem, schema)
        if "kind" not in titles and of_the_name is None:
            kinds = ", ".join(kind.__name__ for kind in schema.journaled)
            yield Fault(1, "kind", f"a column, or a file named as one of {kinds}, such as user.csv")
            return
        rows = csv.reader(text, delimiter=delimiter)
        for row in rows:
            line = rows.line_num + 1
            if len(row) > len(titles):
                yield Fault(line, None, f"{len(titles)} cells, as the first line has")
            elif row:
                yield _row(line, dict(zip(titles, row, strict=False)), of_the_name, schema)
    except UnicodeDecodeError:
        yield Fault(1, None, "CSV in UTF-8")
    except csv.Error as error:
        yield Fault(1, None, f"CSV ({error})")
    finally:
        text.detach()


def _row(
    line: int, cells: Mapping[str, str], of_the_name: type[Record] | None, schema: Schema
) -> Given | Fault:
    named = _kind_named(cells["kind"], schema) if cells.get("kind") else of_the_name
    if named is None:
        return Fault(line, "kind", " or ".join(kind.__name__ for kind in schema.journaled))
    fields: dict[str, Any] = {"kind": named.__name__}
    for name, cell in cells.items():
        if name != "kind" and (cell or _may_be_empty(named, name)):
            fields[name] = _value(named, name, cell)
    return Given(line, fields)


def _may_be_empty(kind: type[Record], name: str) -> bool:
    constraint = describe(kind).constraints.get(name)
    return isinstance(constraint, Text) and not constraint.shortest


def _value(kind: type[Record], name: str, cell: str) -> Any:
    """Return what JSON has for a cell; the cell itself where it means nothing there, which is then
    found to be wrong.
    """
    if name in ("id", "rev"):
        return int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 20 else cell
    constraint = describe(kind).constraints.get(name)
    if isinstance(constraint, Instance) and constraint.type is bool:
        return {"true": True, "false": False}.get(_FLAGS.get(cell.lower(), cell.lower()), cell)
    if constraint is None or not isinstance(constraint, Whole):
        return cell
    try:
        return read_text(kind, name, cell)
    except Invalid:
        return cell


def _kind_named(name: str, schema: Schema) -> type[Record] | None:
    """Return the kind that is called so, whatever its case, and in the plural too."""
    for kind in schema.journaled:
        if name.lower() in (kind.__name__.lower(), f"{kind.__name__.lower()}s"):
            return kind
    return None


class SeedRefused(Exception):
    """What stands in a seed cannot be taken, in one line."""


async def seed(store: IStore, clock: IReactorTime, path: str, report: Report) -> str:
    """Add the records of a file to a store that has none of their kinds, but those of its first
    start; return a line that says what came of it. Raise `SeedRefused`.
    """
    try:
        with open(path, "rb") as file:
            kinds = _kinds_in(file, path, store.schema)
            for kind in kinds:
                if await store.count(kind) > FIRST_START.get(kind, 0):
                    return f"seed: {path} is left: there are records of {kind.__name__} already"
            file.seek(0)
            counts = await add_records(store, clock, entries_of(file, path, store.schema, report))
    except OSError as error:
        raise SeedRefused(f"seed: {path}: {error.strerror}") from None
    except Unimportable as error:
        first = error.faults[0]
        where = f"line {first.line}, {first.field or 'all of it'}"
        more = f" ({error})" if len(error.faults) > 1 else ""
        raise SeedRefused(f"seed: {path}: {where}: expected {first.expected}{more}") from None
    added = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    return f"seed: {path}: {added or 'nothing in it'}"


def _kinds_in(file: IO[bytes], path: str, schema: Schema) -> set[type[Record]]:
    kinds = set()
    for entry in entries_of(file, path, schema):
        name = entry.fields.get("kind") if isinstance(entry, Given) else None
        if isinstance(name, str) and name in schema.by_name:
            kinds.add(schema.by_name[name])
    return kinds
