"""The JSON Schemas of what REST takes and gives of a record."""

from __future__ import annotations

from typing import Any, Final

from sockcrud.records import Record, describe
from sockcrud.records.constraints import Money
from sockcrud.rest.routes import Schema
from sockcrud.rest.schemas import (
    ID,
    LIMIT,
    MONEY_TAKEN,
    SECRET,
    TEXT,
    a_page,
    an_object,
    closed,
    field_of,
)

PROBLEM: Final[Schema] = closed(
    an_object(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "name": {**TEXT, "description": "the short name of the error"},
            "field": {**TEXT, "description": "the field that it is about"},
            "expected": {**TEXT, "description": "what would have been right there"},
            "rev": {**ID, "description": "the revision that the record is at"},
        },
        ["type", "title", "status", "detail"],
    )
)


class Shapes:
    """The shapes of one kind: a record, a page of them, and what is sent to make or change one."""

    def __init__(self, kind: type[Record]) -> None:
        declared = describe(kind)
        shown = {
            name: field_of(kind, name)
            for name in declared.constraints
            if name not in declared.secrets
        }
        taken = {name: _as_sent(kind, name) for name in declared.constraints}
        self.record = an_object({"id": ID, "rev": ID, **shown})
        self.page = a_page(self.record)
        self.whole = closed(
            an_object(taken, [name for name in taken if name not in declared.defaults])
        )
        self.patch = closed(an_object({"id": ID, "rev": ID, **taken}, []))
        filters = dict.fromkeys((*declared.uniques, *declared.indexed))
        self.query: dict[str, Schema] = {
            "limit": LIMIT,
            "after": ID,
            **{name: _as_sent(kind, name) for name in filters},
        }


def _as_sent(kind: type[Record], name: str) -> Schema:
    """Return the schema of a field where it is sent, with what it means and what it is where it is
    not sent.
    """
    declared = describe(kind)
    schema: dict[str, Any] = dict(
        MONEY_TAKEN if isinstance(declared.constraints[name], Money) else field_of(kind, name)
    )
    if name in declared.help:
        schema["description"] = declared.help[name]
    if name in declared.secrets:
        schema["format"] = SECRET["format"]
    return schema
