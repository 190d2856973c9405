"""What the shop takes in more than one form: documents and postal codes, with and without their
punctuation.
"""

from __future__ import annotations

import re
from typing import Final

_ELEVEN_DIGITS: Final = re.compile("([0-9]{3})([0-9]{3})([0-9]{3})([0-9]{2})")
_EIGHT_DIGITS: Final = re.compile("([0-9]{5})([0-9]{3})")


def cpf(value: object) -> object:
    """Return eleven digits with the punctuation of a cpf, and anything else as it is."""
    return _punctuated(_ELEVEN_DIGITS, r"\1.\2.\3-\4", value)


def cep(value: object) -> object:
    """Return eight digits with the hyphen of a postal code, and anything else as it is."""
    return _punctuated(_EIGHT_DIGITS, r"\1-\2", value)


def _punctuated(digits: re.Pattern[str], form: str, value: object) -> object:
    found = digits.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else found.expand(form)
