"""The bounds of the model as JSON Schemas, for the tables of routes and the API description that is made from them.

They describe and check nothing: the operations check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import singledispatch
from typing import Any, Final

from sockcrud.dialects.routes import Schema
from sockcrud.model import INT64, Bound, Choice, Instance, Moment, Money, Record, Text, Whole, describe
from sockcrud.passwords import SHORTEST_PASSWORD

ID: Final[Schema] = {"type": "integer", "minimum": INT64.start, "maximum": INT64.stop - 1}
TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
PASSWORD: Final[Schema] = {"type": "string", "minLength": SHORTEST_PASSWORD}
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
CPF_TAKEN: Final[Schema] = {"type": "string", "pattern": r"^([0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{11})$"}
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
def schema_of(bound: Bound) -> Schema:
    """Give the schema of what keeps the bound."""
    raise TypeError(f"no schema for {bound!r}")


@schema_of.register
def _(bound: Text) -> Schema:
    schema: dict[str, Any] = {"type": "string", "minLength": bound.shortest, "maxLength": bound.longest}
    if bound.pattern is not None:
        schema["pattern"] = f"^(?:{bound.pattern.pattern})$"
    return schema


@schema_of.register
def _(bound: Whole) -> Schema:
    return {"type": "integer", "minimum": bound.low, "maximum": bound.high}


@schema_of.register
def _(bound: Money) -> Schema:
    return MONEY_SHOWN


@schema_of.register
def _(bound: Moment) -> Schema:
    return {"type": "string", "format": "date-time"}


@schema_of.register
def _(bound: Instance) -> Schema:
    return {bool: FLAG, date: {"type": "string", "format": "date"}}[bound.type]


@schema_of.register
def _(bound: Choice) -> Schema:
    return {"type": "string", "enum": list(bound.words)}


def field_of(kind: type[Record], name: str) -> Schema:
    """Give the schema of a field of the model; `id` and `rev` are fields too."""
    bound = describe(kind).bounds.get(name)
    return ID if bound is None and name in ("id", "rev") else schema_of(describe(kind).bounds[name])


def fields_of(kind: type[Record], *names: str, **instead: Schema) -> dict[str, Schema]:
    """Give the schemas of these fields of the model, and those given `instead`, in the order they are named."""
    return {name: instead[name] if name in instead else field_of(kind, name) for name in (*names, *instead)}


def an_object(properties: Mapping[str, Schema], required: Iterable[str] | None = None) -> Schema:
    """Give the schema of an object; all of its properties are required where it is not said which."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
    }


def a_list(items: Schema) -> Schema:
    """Give the schema of an array."""
    return {"type": "array", "items": items}
