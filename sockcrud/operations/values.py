"""What comes from outside in more than one form, and the one form it is kept in.

Where a value has no such form, a helper either raises `Invalid` or gives it back for its bound in the model to refuse.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

import attrs
from attrs import frozen

from sockcrud.errors import Invalid
from sockcrud.model import Money, Text
from sockcrud.passwords import check_password, checked_digest, digest_of

HIDDEN: Final = ""
"""What stands for a password hash where it is not to be seen."""

_AMOUNT: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
_CENT: Final = Decimal("0.01")
_ELEVEN_DIGITS: Final = re.compile("([0-9]{3})([0-9]{3})([0-9]{3})([0-9]{2})")
_EIGHT_DIGITS: Final = re.compile("([0-9]{5})([0-9]{3})")
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]|60)([.,][0-9]+)?)?"
_OFFSET: Final = r"([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"
_DAY: Final = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})([Tt ]{_TIME}{_OFFSET}?)?")
_PASSWORD: Final = Text(0, 2**20)


def money(field: str, value: object) -> Decimal:
    """Give an amount exactly, with two decimals; raise `Invalid` for anything but a number or a text like "30.25".

    A float is taken as the shortest decimal that stands for it, which is how it was written: 30.1 is 30.10, and
    0.1 + 0.2 has too many decimals.
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


def cpf(value: object) -> object:
    """Give eleven digits the punctuation of a cpf, and anything else back as it is."""
    return _punctuated(_ELEVEN_DIGITS, r"\1.\2.\3-\4", value)


def cep(value: object) -> object:
    """Give eight digits the hyphen of a postal code, and anything else back as it is."""
    return _punctuated(_EIGHT_DIGITS, r"\1-\2", value)


def _punctuated(digits: re.Pattern[str], form: str, value: object) -> object:
    found = digits.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else found.expand(form)


def flag(value: object) -> object:
    """Give 1 and 0 as true and false, and anything else back as it is: 1.0 and "1" are no flags."""
    return bool(value) if type(value) is int and value in (0, 1) else value


def day(field: str, value: object) -> date:
    """Give the day of an ISO date or date-time, as it is written, whatever its offset; raise `Invalid` for anything else."""
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is not None:
            return date.fromisoformat(found[1])
    except ValueError:
        pass  # the 30th of February
    raise Invalid(field, "a day like 2024-11-01, with or without a time")


class Secret(Protocol):
    """What proves who somebody is, as the password itself or as its digest: some clients never send more."""

    def to_compare(self) -> str:
        """Give the digest to log in with; raise `Invalid` where it cannot be one."""

    def to_keep(self) -> str:
        """Give the digest for an account to have from now on; raise `Invalid` where it may not be that."""


@frozen
class Password:
    """A password as its owner typed it."""

    text: object = attrs.field(repr=False)

    def to_compare(self) -> str:
        return digest_of(self._typed())

    def to_keep(self) -> str:
        password = self._typed()
        check_password(password)
        return digest_of(password)

    def _typed(self) -> str:
        if not isinstance(self.text, str) or not _PASSWORD.fits(self.text):
            raise Invalid("password", "a text")
        return self.text


@frozen
class Digest:
    """The SHA-256 of a password, as 64 hex digits of either case."""

    text: object = attrs.field(repr=False)

    def to_compare(self) -> str:
        return checked_digest(self.text if isinstance(self.text, str) else "")

    def to_keep(self) -> str:
        return self.to_compare()
