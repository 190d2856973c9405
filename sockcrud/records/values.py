"""Values that come from outside in more than one form, and the one form they are kept in.

Where a value has no such form, a helper either raises `Invalid` or returns it for its constraint to
refuse.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

from sockcrud.errors import Invalid
from sockcrud.records.constraints import Money

_AMOUNT: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_CENT: Final = Decimal("0.01")
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]|60)([.,][0-9]+)?)?"
_OFFSET: Final = r"([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"
_DAY: Final = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})([Tt ]{_TIME}{_OFFSET}?)?")


def money(field: str, value: object) -> Decimal:
    """Return an amount exactly, with two decimals; raise `Invalid` for anything but a number or a
    text like "30.25".

    A float is taken as the shortest decimal that stands for it, which is how it was written: 30.1
    is 30.10, and 0.1 + 0.2 has too many decimals.
    """
    if _AMOUNT.fullmatch(written := _written(value)) is None:
        raise Invalid(field, Money().expects)
    return Decimal(written).quantize(_CENT)


def _written(value: object) -> str:
    if type(value) is str:
        return value
    if type(value) is float:
        return repr(value)
    if type(value) is int and 0 <= value < 10**8:  # Python refuses to write out the very long ones
        return str(value)
    return ""


def flag(value: object) -> object:
    """Return 1 and 0 as true and false, and anything else as it is: 1.0 and "1" are no flags."""
    return bool(value) if type(value) is int and value in (0, 1) else value


def day(field: str, value: object) -> date:
    """Return the day of an ISO date or date-time, as it is written, whatever its offset; raise
    `Invalid` for anything else.
    """
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is not None:
            return date.fromisoformat(found[1])
    except ValueError:
        pass  # the 30th of February
    raise Invalid(field, "a day like 2024-11-01, with or without a time")
