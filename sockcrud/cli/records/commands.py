"""The commands of a record that nobody wrote any for: all follows from what the record declares."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import click

from sockcrud.app import Lazy
from sockcrud.cli.records import declared
from sockcrud.cli.records.verbs import Field, Verbs, command_group
from sockcrud.cli.systems import System
from sockcrud.cli.values import FieldOf
from sockcrud.records import Record


def record_commands(
    record: type[Record],
    plural: str,
    client: Lazy[Callable[..., Any]],
    *,
    dialect: str,
    login: bool = False,
) -> click.Group:
    """Return a group, named `plural`, with list, show, create, update, delete and, for unique
    fields, find.

    `client` makes a client, as `System` has it, with these calls: `list(after, limit, FIELDS)`,
    which gives a `Page`, `get(id)`, `find(FIELD)`, `create(FIELDS)`, `update(id, rev, FIELDS)`, and
    `delete(id, rev)`. It is asked where the dialect is, with a `login` if it needs one.
    """
    one = record.__name__.lower()
    kind = declared.kind(record)
    examples = {name: _example(record, name) for name in kind.constraints}
    needed = [name for name in kind.constraints if name not in kind.defaults]
    creating = " ".join(examples[name] for name in needed)

    group = command_group(plural, dialect, f"The {plural}.", "list", f"create {creating}")
    options = [Field(name, optional=name not in needed) for name in kind.constraints]
    verbs = Verbs(group, one, plural, System(dialect, client, login), record, options)
    verbs.list(
        "list",
        f"List the {plural}.",
        *_list_examples(record, examples),
        paged=True,
        filters=_filters(record),
    )
    verbs.show("get")
    if unique := list(kind.uniques):
        verbs.find("find", unique, "", examples[unique[0]])
    verbs.create("create", f"Create one of the {plural}, and show it.", creating)
    verbs.update(
        "update",
        f"Change what is named of the {one} with this ID, and show it.",
        *(f"1 {example}" for example in list(examples.values())[:1]),
        rev=True,
    )
    verbs.delete("delete", rev=True)
    return group


def _example(record: type[Record], field: str) -> str:
    value = declared.example(declared.constraint(record, field))
    return f"--{field.replace('_', '-')} {shlex.quote(value)}"


def _filters(record: type[Record]) -> list[Callable[..., Any]]:
    """Return the options of a list: by fields that an index finds."""
    return [
        click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=FieldOf(record, name),
            help="only those with this one",
        )
        for name in declared.kind(record).indexed
    ]


def _list_examples(record: type[Record], examples: dict[str, str]) -> list[str]:
    return [
        "",
        "--limit 10 --after 20",
        *(examples[name] for name in declared.kind(record).indexed[:1]),
    ]
