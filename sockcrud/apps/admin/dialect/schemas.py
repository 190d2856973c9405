"""What the admin's bodies and queries hold, for its table of routes."""

from __future__ import annotations

from typing import Final

from sockcrud.apps.admin.service import LONGEST_PAGE, PAGE
from sockcrud.identity.records import Account, Company, Session
from sockcrud.rest.routes import Schema
from sockcrud.rest.schemas import FLAG, ID, KIND, PASSWORD, TEXT, a_list, an_object, field_of, fields_of

__all__ = ["ID", "TEXT"]

LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE}
SINCE: Final[Schema] = {"type": "integer", "minimum": 0, "description": "a revision; 0 for all that is known"}
PAGED: Final = {"limit": LIMIT, "after": ID}
ANY: Final[Schema] = {"type": "object"}

_ID_OR_NULL: Final[Schema] = {**ID, "type": ["integer", "null"]}

LOGIN: Final = an_object({"login": TEXT, "password": TEXT})
TOKEN: Final = an_object({"token": {"type": "string", "pattern": "^[0-9A-F]{64}$"}})

_ACCOUNT_FIELDS: Final = {**fields_of(Account, "login", "role", "company_id", "active"), "password": PASSWORD}
ACCOUNT: Final = an_object(fields_of(Account, "id", "rev", "login", "role", "company_id", "active"))
NEW_ACCOUNT: Final = an_object(_ACCOUNT_FIELDS, ["login", "password"])
CHANGED_ACCOUNT: Final[Schema] = {**an_object(_ACCOUNT_FIELDS, []), "minProperties": 1}

_COMPANY_FIELDS: Final = fields_of(Company, "name", "active")
COMPANY: Final = an_object(fields_of(Company, "id", "rev", "name", "active"))
NEW_COMPANY: Final = an_object(_COMPANY_FIELDS, ["name"])
CHANGED_COMPANY: Final[Schema] = {**an_object(_COMPANY_FIELDS, []), "minProperties": 1}

SESSION: Final = an_object(fields_of(Session, "id", "account_id", "dialect", "address", "created_at", "used_at"))
ENDED: Final = an_object({"ended": {"type": "integer", "minimum": 0}})

CHANGE: Final = an_object(
    {
        "rev": field_of(Account, "rev"),
        "kind": KIND,
        "id": ID,
        "record": {"type": ["object", "null"], "description": "what the record became; null where it was deleted"},
    }
)

IMPORTED: Final = an_object(
    {"imported": {"type": "object", "propertyNames": KIND, "additionalProperties": {"type": "integer", "minimum": 1}}}
)

CHECKED: Final = an_object({"sound": FLAG, "faults": a_list(TEXT)})

HEALTH: Final = an_object(
    {
        "status": {"type": "string", "enum": ["good", "bad"]},
        "dialects": {"type": "object", "additionalProperties": an_object({"listening": FLAG})},
        "store": an_object({"reachable": FLAG, "unknown_kinds": a_list(TEXT)}, ("reachable",)),
    }
)


def page(items: Schema) -> Schema:
    """Return the schema of a list, and of what to ask for the rest of it."""
    return an_object({"items": a_list(items), "next": _ID_OR_NULL})
