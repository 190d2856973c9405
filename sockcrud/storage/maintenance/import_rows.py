"""What an import is given, and what is wrong with it: each row by itself, and beside the others.

What the store has to say about it is asked by the import itself.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import Factory, define, frozen

from sockcrud.errors import DomainError, Invalid, NotFound, Taken
from sockcrud.identity.passwords import STANDARD_COST
from sockcrud.records import Record, describe
from sockcrud.records.constraints import Constraint
from sockcrud.records.json_fields import reader
from sockcrud.records.schema import Schema

MOST_FAULTS: Final = 100
"""So many faults of an import are told; the first so many are reason enough to look at the file."""

NO_PASSWORD: Final = "!"
"""What an account holds that was imported without a hash: nobody can log in to it before an admin
sets a password.
"""

_NOT_STORED: Final = frozenset(("kind", "id", "rev"))
_NAME_SHOWN: Final = 60
_NO_REVISION: Final = 0

_HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>[0-9]{1,7}),t=(?P<passes>[0-9]{1,3}),p=(?P<lanes>[0-9]{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<hash>[A-Za-z0-9+/]{22,86})"
)


@frozen
class Given:
    """A record as a file has it: where it stands, and its fields, which JSON has no dates and exact
    amounts for.
    """

    line: int
    fields: Mapping[str, Any]


@frozen
class Fault:
    """What is wrong with one line: in which field, where it is about one, and what would be
    right.
    """

    line: int
    field: str | None
    expected: str


class Unimportable(DomainError):
    """An import with faults: the first of them, in the order of the lines. `all` tells whether
    there are no others.
    """

    outcome = "invalid"

    def __init__(self, faults: Sequence[Fault], all: bool) -> None:
        count = (
            f"{len(faults)}{'' if all else ' or more'} "
            f"fault{'' if all and len(faults) == 1 else 's'}"
        )
        super().__init__(f"{count}, and nothing was imported")
        self.faults = tuple(faults)
        self.all = all


@frozen
class Row:
    """A record of an import: its kind, its id and what is right of its other fields."""

    line: int
    kind: type[Record]
    id: int
    rev: Any
    """What is given as its revision, unchecked: an import makes new ones."""
    fields: dict[str, Any]

    @property
    def is_whole(self) -> bool:
        return len(self.fields) == len(describe(self.kind).constraints)

    def record(self, rev: int) -> Record:
        return self.kind(id=self.id, rev=rev, **self.fields)


def read_row(schema: Schema, entry: Given | Fault, faults: list[Fault]) -> Row | None:
    """Return what is right of a line, None where not even its kind and id are, and add what is
    wrong to the faults.
    """
    if isinstance(entry, Fault):
        faults.append(entry)
        return None
    name, id = entry.fields.get("kind"), entry.fields.get("id")
    kind = schema.by_name.get(name) if isinstance(name, str) else None
    if kind is None or not describe(kind).journaled:
        faults.append(
            Fault(entry.line, "kind", " or ".join(known.__name__ for known in schema.journaled))
        )
        return None
    ids = describe(kind).ids
    if not isinstance(id, int) or not ids.fits(id):
        faults.append(Fault(entry.line, "id", ids.expects))
        return None
    return Row(entry.line, kind, id, entry.fields.get("rev"), _read_fields(kind, entry, faults))


def _read_fields(kind: type[Record], entry: Given, faults: list[Fault]) -> dict[str, Any]:
    declared = describe(kind)
    for name in entry.fields:
        if name not in declared.constraints and name not in _NOT_STORED:
            faults.append(
                Fault(entry.line, name[:_NAME_SHOWN], f"nothing: {declared.name} has no such field")
            )
    read: dict[str, Any] = {}
    for name, constraint in declared.constraints.items():
        if (
            name not in entry.fields and name in declared.defaults
        ):  # exported before the field was there
            read[name] = declared.defaults[name]
            continue
        try:
            read[name] = _value(name, constraint, entry.fields)
        except Invalid as error:
            faults.append(Fault(entry.line, error.field, error.expected))
    return read


@define
class Batch:
    """What was given so far, and what is wrong with it.

    Of a line nothing is kept but its record, which is as small as it will be in the store, and its
    number.
    """

    schema: Schema
    records: dict[type[Record], list[Record]] = Factory(
        lambda self: {kind: [] for kind in self.schema.journaled}, takes_self=True
    )
    """Those that are whole; their revisions are none yet."""
    incomplete: list[Row] = Factory(list)
    """Those that lack the fields that were found wrong: what is left of them is looked through for
    more faults.
    """
    lines: dict[type[Record], dict[int, int]] = Factory(
        lambda self: {kind: {} for kind in self.schema.journaled}, takes_self=True
    )
    """By kind, the line of each id."""
    keys: dict[tuple[type[Record], str], dict[Any, int]] = Factory(
        lambda self: {
            (kind, name): {} for kind in self.schema.journaled for name in describe(kind).uniques
        },
        takes_self=True,
    )
    """By kind and unique field, the line of each value, normalized."""
    faults: list[Fault] = Factory(list)

    def add(self, entry: Given | Fault) -> None:
        row = read_row(self.schema, entry, self.faults)
        if row is None:
            return
        kind, id, fields = row.kind, row.id, row.fields
        if (line := self.lines[kind].setdefault(id, row.line)) != row.line:
            self.faults.append(Fault(row.line, "id", f"an id that line {line} has not"))
        for unique, normalize in describe(kind).uniques.items():
            if unique in fields:
                line = self.keys[kind, unique].setdefault(normalize(fields[unique]), row.line)
                if line != row.line:
                    self.faults.append(Fault(row.line, unique, f"a value that line {line} has not"))
        if row.is_whole:
            self.records[kind].append(row.record(_NO_REVISION))
        else:
            self.incomplete.append(row)

    def overtaken(self, kind: type[Record], id: int, error: Taken | NotFound) -> Unimportable:
        """Return what to refuse the import with where a record can no longer be inserted, which was
        in order when compared.
        """
        line = self.lines[kind][id]
        if isinstance(error, Taken):
            return Unimportable([taken(line, error.field)], all=False)
        name = next(
            name for name, to in describe(kind).references.items() if to.kind.__name__ == error.kind
        )
        return Unimportable([absent(line, kind, name)], all=False)

    def unimportable(self) -> Unimportable:
        return unimportable(self.faults)


def unimportable(faults: Iterable[Fault]) -> Unimportable:
    """Return the refusal of an import with these faults: the first of them are told."""
    faults = sorted(faults, key=lambda fault: fault.line)
    return Unimportable(faults[:MOST_FAULTS], len(faults) <= MOST_FAULTS)


def _value(name: str, constraint: Constraint, fields: Mapping[str, Any]) -> Any:
    """Return the value of a field as it is stored; raise Invalid where it does not keep its
    constraint.
    """
    if name == "password_hash":
        return _password_hash(fields.get(name))
    if name not in fields:
        raise Invalid(name, f"{constraint.expects}, and there is nothing")
    value = reader(constraint)(name, fields[name])
    if not constraint.fits(value):
        raise Invalid(name, constraint.expects)
    return value


def _password_hash(value: object) -> str:
    """Return a hash that logins can be checked against at a bearable cost; `NO_PASSWORD` where
    there is none.
    """
    if value is None:
        return NO_PASSWORD
    found = _HASH.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        memory, passes, lanes = (int(found[name]) for name in ("memory", "passes", "lanes"))
        # A hash says itself what checking a password costs, and would be believed at each login:
        # none costs more than ours.
        most = STANDARD_COST
        bearable = (
            8 * lanes <= memory <= most.memory_cost
            and passes <= most.time_cost
            and lanes <= most.parallelism
        )
        if (
            bearable
            and passes
            and lanes
            and _is_base64(found["salt"])
            and _is_base64(found["hash"])
        ):
            return found[0]
    raise Invalid(
        "password_hash",
        "an argon2id hash as an export with secrets has it, or null for no password",
    )


def _is_base64(text: str) -> bool:
    """Return whether argon2 can decode it: what it cannot decode it refuses faster than a password
    that is wrong.
    """
    try:
        return b64encode(b64decode(text + "=" * (-len(text) % 4))).rstrip(b"=") == text.encode()
    except ValueError:
        return False


def taken(line: int, field: str) -> Fault:
    """Return the fault of a unique value that there is already."""
    return Fault(line, field, "a value that no record has yet")


def absent(line: int, kind: type[Record], field: str) -> Fault:
    """Return the fault of a reference to what is neither in the store nor in the file."""
    to = describe(kind).references[field].kind
    return Fault(line, field, f"the id of a {describe(to).name}, here or in the file")
