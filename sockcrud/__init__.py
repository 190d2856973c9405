"""One Twisted daemon that serves CRUD systems in several wire formats at once.

What an app is written with can be imported from here; it is looked up when it is asked for, so that
nobody pays for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sockcrud.app import App, Dialect
    from sockcrud.generic import crud
    from sockcrud.records import (
        Record,
        choice,
        day,
        email,
        flag,
        moment,
        money,
        reference,
        text,
        whole,
    )
    from sockcrud.records.lookalikes import caseless

__all__ = [
    "App",
    "Dialect",
    "Record",
    "caseless",
    "choice",
    "crud",
    "day",
    "email",
    "flag",
    "moment",
    "money",
    "reference",
    "text",
    "whole",
]
__version__ = "0.1.0"

_MODULES: Final = {
    **dict.fromkeys(("App", "Dialect"), "sockcrud.app"),
    "caseless": "sockcrud.records.lookalikes",
    "crud": "sockcrud.generic",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES.get(name, "sockcrud.records")), name)
    return value
