"""The constraints of records as JSON Schemas, for the tables of routes and the API description that
is made from them.

They describe and check nothing: the operations check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import singledispatch
from typing import Any, Final

from sockcrud.identity.passwords import SHORTEST_PASSWORD
from sockcrud.paging import LONGEST_PAGE, PAGE
from sockcrud.records import Record, describe
from sockcrud.records.constraints import (
    INT64,
    Choice,
    Constraint,
    Instance,
    Moment,
    Money,
    Text,
    Whole,
)
from sockcrud.rest.routes import Schema

ID: Final[Schema] = {"type": "integer", "minimum": INT64.start, "maximum": INT64.stop - 1}
TEXT: Final[Schema] = {"type": "string"}
LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE}
FLAG: Final[Schema] = {"type": "boolean"}
KIND: Final[Schema] = {"$ref": "#/components/schemas/kind"}
"""The name of a kind of record: which there are, the description says in one place, for it depends
on the apps in use.
"""
SECRET: Final[Schema] = {"type": "string", "format": "password"}
"""A password, a digest of one, a token: by its format it is known as what nobody is to see."""
NEW_PASSWORD: Final[Schema] = {"$ref": "#/components/schemas/new_password"}
"""A password that dialects of ours take, as long as it is set to be."""
PASSWORD: Final[Schema] = {**SECRET, "minLength": SHORTEST_PASSWORD}
"""One that is chosen. Of one that is only tried nothing is asked: a wrong one is a wrong login."""

MONEY_TAKEN: Final[Schema] = {
    "oneOf": [
        {"type": "number", "minimum": 0, "exclusiveMaximum": 10**8, "multipleOf": 0.01},
        {"type": "string", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,2})?$"},
    ],
    "description": "at most two decimals",
}
MONEY_SHOWN: Final[Schema] = {"type": "string", "pattern": r"^[0-9]{1,8}\.[0-9]{2}$"}
FLAG_TAKEN: Final[Schema] = {"enum": [True, False, 1, 0]}
FLAG_SHOWN: Final[Schema] = {"enum": [1, 0]}
CPF_TAKEN: Final[Schema] = {
    "type": "string",
    "pattern": r"^([0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{11})$",
}
CEP_TAKEN: Final[Schema] = {"type": "string", "pattern": "^([0-9]{5}-[0-9]{3}|[0-9]{8})$"}
DAY_TAKEN: Final[Schema] = {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$",
    "description": "an ISO date or date-time, of which the day is kept",
}
HTTP_DATE: Final[Schema] = {
    "type": "string",
    "pattern": "^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$",
}


@singledispatch
def schema_of(constraint: Constraint) -> Schema:
    """Return the schema of what keeps the constraint."""
    raise TypeError(f"no schema for {constraint!r}")


@schema_of.register
def _(constraint: Text) -> Schema:
    schema: dict[str, Any] = {
        "type": "string",
        "minLength": constraint.shortest,
        "maxLength": constraint.longest,
    }
    if constraint.pattern is not None:
        schema["pattern"] = f"^(?:{constraint.pattern.pattern})$"
    return schema


@schema_of.register
def _(constraint: Whole) -> Schema:
    return {"type": "integer", "minimum": constraint.low, "maximum": constraint.high}


@schema_of.register
def _(constraint: Money) -> Schema:
    return MONEY_SHOWN


@schema_of.register
def _(constraint: Moment) -> Schema:
    return {"type": "string", "format": "date-time"}


@schema_of.register
def _(constraint: Instance) -> Schema:
    return {bool: FLAG, date: {"type": "string", "format": "date"}}[constraint.type]


@schema_of.register
def _(constraint: Choice) -> Schema:
    return {"type": "string", "enum": list(constraint.words)}


def field_of(kind: type[Record], name: str) -> Schema:
    """Return the schema of a field of a kind; `id` and `rev` are fields too."""
    constraint = describe(kind).constraints.get(name)
    return (
        ID
        if constraint is None and name in ("id", "rev")
        else schema_of(describe(kind).constraints[name])
    )


def fields_of(kind: type[Record], *names: str, **instead: Schema) -> dict[str, Schema]:
    """Return the schemas of these fields of a kind, and those given `instead`, in the order they
    are named.
    """
    return {
        name: instead[name] if name in instead else field_of(kind, name)
        for name in (*names, *instead)
    }


def an_object(properties: Mapping[str, Schema], required: Iterable[str] | None = None) -> Schema:
    """Return the schema of an object; all of its properties are required where it is not said
    which.
    """
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
    }


def exactly(**properties: Schema) -> Schema:
    """Return the schema of an object with all of these properties, and no others."""
    return closed(an_object(properties))


def closed(schema: Schema) -> Schema:
    """Return the schema of an object that has no other properties."""
    return {**schema, "additionalProperties": False}


def a_list(items: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


def a_page(items: Schema) -> Schema:
    """Return the schema of a page of a list, and of what to ask for the rest of it."""
    return an_object({"items": a_list(items), "next": {**ID, "type": ["integer", "null"]}})
