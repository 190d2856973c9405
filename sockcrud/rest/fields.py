"""Reading the fields of a decoded JSON object, with the tolerances all dialects share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sockcrud.errors import Invalid
from sockcrud.records.constraints import INT64

_DIGITS: Final = re.compile(r"[0-9]{1,19}")


def required(fields: Mapping[str, Any], name: str) -> Any:
    """Return the field's value; raise `Invalid` where it is absent. Whether the value is right, the
    operation checks.
    """
    try:
        return fields[name]
    except KeyError:
        raise Invalid(name, "a value, and there is none") from None


@contextmanager
def sent_as(name: str, *fields: str) -> Iterator[None]:
    """Have what is wrong with any of the fields be told of the name that the client knows them
    by.
    """
    try:
        yield
    except Invalid as error:
        if error.field not in fields:
            raise
        raise Invalid(name, error.expected) from None


def an_object(value: Any, name: str) -> dict[str, Any]:
    """Return the value where it is an object; raise `Invalid` elsewhere."""
    if not isinstance(value, dict):
        raise Invalid(name, "an object")
    return value


def whole(value: Any, name: str) -> int:
    """Return a whole number that is given as one, or as a string of digits; raise `Invalid` for
    anything else.
    """
    if type(value) is not int:
        value = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else None
    if value is None or value not in INT64:
        raise Invalid(name, "a whole number of at most 64 bits")
    return value  # type: ignore[no-any-return]
