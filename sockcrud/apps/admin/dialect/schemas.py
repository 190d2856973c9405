"""What the admin's bodies and queries hold, for its table of routes."""

from __future__ import annotations

from typing import Final

from sockcrud.identity.records import Account, Company, Session
from sockcrud.ledger.records import Usage
from sockcrud.rest.routes import Schema
from sockcrud.rest.schemas import (
    FLAG,
    ID,
    KIND,
    LIMIT,
    NEW_PASSWORD,
    SECRET,
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
AFTER: Final[Schema] = {"type": "integer", "minimum": 0, "description": "the number of an entry"}
ANY: Final[Schema] = {"type": "object"}


LOGIN: Final = an_object({"login": TEXT, "password": SECRET})
TOKEN: Final = an_object({"token": {**SECRET, "pattern": "^[0-9A-F]{64}$"}})

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

DAY: Final[Schema] = {"type": "string", "format": "date", "description": "a day (UTC)"}
USAGE: Final = an_object(
    {
        **fields_of(Usage, "id", "dialect", "operation", "who", "software"),
        **fields_of(Usage, "first_seen", "last_seen", "count", "in_brownouts"),
        "days": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "the requests of each day",
        },
    }
)

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

_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_BYTES: Final = an_object(
    {"bytes": {"type": "integer", "minimum": 0}, "cut": FLAG, "text": TEXT},
)
_REFUSAL: Final = an_object({"operation": _OR_NULL, "field": _OR_NULL, "reason": TEXT})
ENTRY: Final = an_object(
    {
        "id": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["request", "open", "close"]},
        "at": {"type": "string", "format": "date-time"},
        "dialect": TEXT,
        "connection": {"type": "integer", "minimum": 1},
        "peer": TEXT,
        "login": _OR_NULL,
        "operation": _OR_NULL,
        "fields": {"description": "what was read, without secrets; null where nothing was"},
        "fault": {
            "type": ["object", "null"],
            "description": "the byte at which the request went wrong, and how",
        },
        "refused": a_list(_REFUSAL),
        "request": _BYTES,
        "answer": _BYTES,
        "seconds": {
            "type": ["number", "null"],
            "description": "null where it was answered at once",
        },
        "reason": {"type": "string", "description": "why the connection was closed"},
    },
    ("id", "kind", "at", "dialect", "connection", "peer"),
)

TRANSLATION: Final = an_object(
    {
        "form": {"enum": ["nc", "curl", "httpie", "sockcrud", "python", "socket"]},
        "dialect": TEXT,
        "text": TEXT,
        "blanks": {**a_list(TEXT), "description": "variables of the environment to be set first"},
    }
)

HEALTH: Final = an_object(
    {
        "status": {"type": "string", "enum": ["good", "bad"]},
        "dialects": {"type": "object", "additionalProperties": an_object({"listening": FLAG})},
        "store": an_object({"reachable": FLAG, "unknown_kinds": a_list(TEXT)}, ("reachable",)),
    }
)

_WHOLES: Final = a_list({"type": "integer", "minimum": 0})
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}

KEY: Final = an_object({"key": TOKEN["properties"]["token"], "account": ACCOUNT})
WHO: Final = an_object({"session_id": ID, "account": ACCOUNT})

OVERVIEW: Final = an_object(
    {
        "version": TEXT,
        "process": {
            "type": "integer",
            "description": "which process of the daemon counts this, where it has several",
        },
        "seconds": {
            "type": "number",
            "description": "of the clock by which requests are counted: who asks twice has a rate",
        },
        "bounds": {
            **a_list({"type": "number"}),
            "description": "seconds up to which each of answered counts; its last is of the rest",
        },
        "dialects": a_list(
            an_object(
                {
                    **dict.fromkeys(("name", "app", "about"), TEXT),
                    **dict.fromkeys(("url", "trial"), _TEXT_OR_NULL),
                    "listening": FLAG,
                    "connections": {"type": "integer", "minimum": 0},
                    "answered": _WHOLES,
                }
            )
        ),
        "store": an_object(
            {
                "where": TEXT,
                "rev": {"type": "integer", "minimum": 0},
                "records": {
                    "type": ["object", "null"],
                    "description": "how many of each kind; null where the store is out of reach",
                    "additionalProperties": {"type": "integer", "minimum": 0},
                },
            }
        ),
        "warnings": a_list(TEXT),
    }
)

RECORD: Final[Schema] = {
    **an_object({"id": ID, "rev": ID}),
    "description": "and its fields, but those that are secret",
}
_NAMES_OR_NULL: Final[Schema] = {"type": ["array", "null"], "items": TEXT}
_FIELD: Final = an_object(
    {
        "name": TEXT,
        "schema": ANY,
        "expects": TEXT,
        "help": TEXT,
        "secret": FLAG,
        "refers_to": _TEXT_OR_NULL,
        "has_default": FLAG,
    }
)
KINDS: Final = an_object(
    {
        "items": a_list(
            an_object(
                {
                    "name": KIND,
                    "path": TEXT,
                    "app": TEXT,
                    "about": TEXT,
                    "count": {"type": "integer", "minimum": 0},
                    "fields": a_list(_FIELD),
                    "filters": {
                        **a_list(TEXT),
                        "description": "the fields by which a list can be asked for, one at a time",
                    },
                    "chooses_id": {**FLAG, "description": "whether who creates may choose the id"},
                    "create": {
                        **_NAMES_OR_NULL,
                        "description": "the fields to create one with; null where nobody can",
                    },
                    "change": {
                        **_NAMES_OR_NULL,
                        "description": "the fields that can be changed; null where none can",
                    },
                    "delete": FLAG,
                }
            )
        )
    }
)
DEPENDENTS: Final = an_object(
    {
        "items": a_list(
            an_object(
                {
                    "kind": KIND,
                    "field": TEXT,
                    "goes": {
                        **FLAG,
                        "description": "whether they go too; else the record cannot go before them",
                    },
                    "count": {"type": "integer", "minimum": 0},
                    "more": {**FLAG, "description": "whether there are more than were counted"},
                }
            )
        )
    }
)

# Secrets, to the journal: there may be some in them, and what arrives is in it anyway.
SENT: Final = an_object({"dialect": TEXT, "text": SECRET})
ANSWER: Final = an_object(
    {
        "text": SECRET,
        "seconds": {"type": "number", "minimum": 0},
        "closed": {**FLAG, "description": "whether the daemon ended the connection"},
        "cut": {**FLAG, "description": "whether more was to come"},
    }
)
