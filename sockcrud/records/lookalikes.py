"""Texts that people take for the same: the key under which they are one, and what makes others that
only look so.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import name, normalize

INVISIBLE: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls
    # show as nothing, or as a blank
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\u2800"
    # joiners and the like, ends of lines, what turns the direction
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2"  # signs that format what follows them
    "\ufe00-\ufe0f\ufff0-\ufffb"  # variation selectors, annotations
    # formats of rare scripts
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags, more variation selectors
    "]"
)
"""Characters that nobody sees, or that change how others are seen."""

_ALPHABETS: Final = ("LATIN", "CYRILLIC", "GREEK")
"""Those with letters that look the same. How a character's name begins tells its alphabet."""


def caseless(value: str) -> str:
    """Return the key of a unique text whose case does not count, nor how its characters are
    written; the same in every store.

    Full width or not, composed or not: that is NFKC, once more after the case is folded, which
    takes composed letters apart.
    """
    if value.isascii():
        return value.lower()
    return normalize("NFKC", normalize("NFKC", value).casefold())


def mixes_alphabets(text: str) -> bool:
    """Return whether letters of Latin stand beside some of Cyrillic or Greek, or these beside each
    other.
    """
    if text.isascii():
        return False
    return (
        len(
            {
                first
                for letter in text
                if (first := name(letter, "").partition(" ")[0]) in _ALPHABETS
            }
        )
        > 1
    )
