"""What a store says of a schema that is not the one it was made with: what it takes in, and what it
refuses.

A new kind is taken in, and a new field that has a default; constraints, uniqueness and indexes may
change where the records that are there keep to them. All else is refused, in one line: kind and
field, what is there, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from sockcrud.records import Declaration
from sockcrud.records.constraints import Text
from sockcrud.storage.common import StoreError


class SchemaError(StoreError):
    """Why a store does not take a schema in. Where the store is has still to be said."""


OLD_KINDS: Final = (
    ("User", "users", "name email age created_at updated_at"),
    ("Message", "messages", "data"),
    ("Client", "clients", "name email cpf balance"),
    ("Address", "addresses", "client_id state city street number cep"),
    ("Product", "products", "name description quantity price status"),
    ("InventoryItem", "inventory_items", "client_id product_id number_of_items purchase_date"),
    ("Company", "companies", "name active"),
    ("Account", "accounts", "login password_hash role company_id active"),
    ("Session", "sessions", "token_hash account_id dialect address created_at used_at"),
    ("LoginFailures", "login_failures", "key failures delayed_until"),
)
"""What there was in stores that did not write down which kinds they have: names, tables and fields.
"""

OLD_KEYS: Final = (
    ("Client", "clients", "email"),
    ("Company", "companies", "name"),
    ("Account", "accounts", "login"),
)
"""Where the keys were whose case was folded, but that were not normalized."""

_SHOWN: Final = 60
_AGAIN: Final = "or run what wrote it, and change it there"


def fingerprint(kind: Declaration) -> str:
    """Return what a kind holds its fields to, as text: a store that has the same has checked its
    records already.
    """
    said = {}
    for name, constraint in kind.constraints.items():
        pattern = (
            f", as {constraint.pattern.pattern}"
            if isinstance(constraint, Text) and constraint.pattern
            else ""
        )
        unique = f", unique {kind.uniques[name].__name__}" if name in kind.uniques else ""
        indexed = ", indexed" if name in kind.indexed else ""
        said[name] = f"{constraint.expects}{pattern}{unique}{indexed}"
    return orjson.dumps(said).decode()


def require_fields(kind: Declaration, there: Iterable[str], records: int) -> Mapping[str, Any]:
    """Return the values of the fields that are new; raise `SchemaError` where one is gone, or has
    no default and is needed.
    """
    name = kind.name
    for field in there:
        if field not in kind.constraints:
            raise SchemaError(
                f"{name}.{field} is gone from the record, and the store has it: declare it "
                f"again, or export, take it out of"
                " the lines, and import them into a new store"
            )
    new = [field for field in kind.constraints if field not in {*there}]
    for field in new:
        if records and field not in kind.defaults:
            raise SchemaError(
                f"{name}.{field} is new, and the store has {records:,} {kind.table} without it: "
                f"give it a default"
            )
    return {field: kind.defaults[field] for field in new if field in kind.defaults}


def unfit(kind: Declaration, field: str, id: int, value: object) -> SchemaError:
    """Return why a record that is there cannot stay: a value that the field does not hold any
    more.
    """
    shown = "something else" if field in kind.secrets else f"{value!a:.{_SHOWN}}"
    return SchemaError(
        f"{kind.name}.{field} is to be {kind.constraints[field].expects}, and {kind.name} {id} "
        f"has {shown}:"
        f" let the field hold it, {_AGAIN}"
    )


def of_another_type(kind: Declaration, field: str, there: str) -> SchemaError:
    """Return why a field cannot be what it is to be."""
    return SchemaError(
        f"{kind.name}.{field} is to be {kind.constraints[field].expects}, and the store has it "
        f"as {there}:"
        " declare it as it was, or give the new field another name"
    )


def shared(kind: Declaration, field: str, id: int, other: int) -> SchemaError:
    """Return why a field cannot be unique."""
    return SchemaError(
        f"{kind.name}.{field} is to be unique, and {kind.name} {id} and {other} have the same: "
        f"let it be as it was, {_AGAIN}"
    )


def leads_nowhere(kind: Declaration, field: str, id: int, to: int) -> SchemaError:
    """Return why a field cannot be a reference."""
    referred = kind.references[field].kind.__name__
    return SchemaError(
        f"{kind.name}.{field} is to refer to {referred}, and {kind.name} {id} has {to}, which is "
        f"none: let it be as it"
        f" was, {_AGAIN}"
    )


def table_taken(kind: Declaration, by: str | None) -> SchemaError:
    """Return why a new kind cannot have its table."""
    whose = (
        "which is not sockcrud's: use a store of its own"
        if by is None
        else f"of the kind {by}: rename the record"
    )
    return SchemaError(
        f"{kind.name} is new, and the store has a table {kind.table} already, {whose}"
    )


def looks_different(kind: Declaration) -> SchemaError:
    """Return why the table of a kind cannot be used."""
    table = kind.table
    return SchemaError(
        f"{kind.name} has a table {table} in the store that is not of a record: something else "
        f"has changed it; go back to"
        " a backup"
    )
