"""What the admin's bodies and queries hold, for its table of routes."""

from __future__ import annotations

from typing import Final

from sockcrud.identity.records import Account, Company, Session
from sockcrud.rest.routes import Schema
from sockcrud.rest.schemas import (
    FLAG,
    ID,
    KIND,
    LIMIT,
    NEW_PASSWORD,
    TEXT,
    a_list,
    an_object,
    field_of,
    fields_of,
)

SINCE: Final[Schema] = {
    "type": "integer",
    "minimum": 0,
    "description": "a revision; 0 for all that is known",
}
PAGED: Final = {"limit": LIMIT, "after": ID}
ANY: Final[Schema] = {"type": "object"}


LOGIN: Final = an_object({"login": TEXT, "password": TEXT})
TOKEN: Final = an_object({"token": {"type": "string", "pattern": "^[0-9A-F]{64}$"}})

_ACCOUNT_FIELDS: Final = {
    **fields_of(Account, "login", "role", "company_id", "active"),
    "password": NEW_PASSWORD,
}
ACCOUNT: Final = an_object(fields_of(Account, "id", "rev", "login", "role", "company_id", "active"))
NEW_ACCOUNT: Final = an_object(_ACCOUNT_FIELDS, ["login", "password"])
CHANGED_ACCOUNT: Final[Schema] = {**an_object(_ACCOUNT_FIELDS, []), "minProperties": 1}

_COMPANY_FIELDS: Final = fields_of(Company, "name", "active")
COMPANY: Final = an_object(fields_of(Company, "id", "rev", "name", "active"))
NEW_COMPANY: Final = an_object(_COMPANY_FIELDS, ["name"])
CHANGED_COMPANY: Final[Schema] = {**an_object(_COMPANY_FIELDS, []), "minProperties": 1}

SESSION: Final = an_object(
    fields_of(Session, "id", "account_id", "dialect", "address", "created_at", "used_at")
)
ENDED: Final = an_object({"ended": {"type": "integer", "minimum": 0}})

PLACE: Final = an_object({"name": TEXT, "at": {"type": ["string", "null"]}})

CHANGE: Final = an_object(
    {
        "rev": field_of(Account, "rev"),
        "kind": KIND,
        "id": ID,
        "record": {
            "type": ["object", "null"],
            "description": "what the record became; null where it was deleted",
        },
    }
)

IMPORTED: Final = an_object(
    {
        "imported": {
            "type": "object",
            "propertyNames": KIND,
            "additionalProperties": {"type": "integer", "minimum": 1},
        }
    }
)

CHECKED: Final = an_object({"sound": FLAG, "faults": a_list(TEXT)})

HEALTH: Final = an_object(
    {
        "status": {"type": "string", "enum": ["good", "bad"]},
        "dialects": {"type": "object", "additionalProperties": an_object({"listening": FLAG})},
        "store": an_object({"reachable": FLAG, "unknown_kinds": a_list(TEXT)}, ("reachable",)),
    }
)
