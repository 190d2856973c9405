"""One Twisted daemon that serves CRUD systems in several wire formats at once.

What an app needs is here to be imported, and loaded when it is: `sockcrud --help` needs none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sockcrud.lookalikes import caseless
    from sockcrud.records import Record, choice, day, email, flag, moment, money, reference, text, whole

__version__ = "0.1.0"

__all__ = (
    "Record",
    "caseless",
    "choice",
    "day",
    "email",
    "flag",
    "moment",
    "money",
    "reference",
    "text",
    "whole",
)

_FROM = {name: "sockcrud.lookalikes" if name == "caseless" else "sockcrud.records" for name in __all__}


def __getattr__(name: str) -> Any:
    """Load what an app imports."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FROM[name]), name)
