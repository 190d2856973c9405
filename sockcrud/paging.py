"""Long lists, a page at a time: what a page is, and how long it may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from attrs import frozen

from sockcrud.errors import Invalid

T = TypeVar("T")

PAGE: Final = 100
"""How many there are on a page where nobody says how many."""
LONGEST_PAGE: Final = 1000


@frozen
class Page(Generic[T]):
    """Some of many. `next` is what to ask for the rest `after`, or None where there is no rest."""

    items: Sequence[T]
    next: int | None


def checked_limit(limit: int) -> int:
    """Return how many are wanted on a page; raise Invalid for what cannot be."""
    if type(limit) is not int or not 1 <= limit <= LONGEST_PAGE:
        raise Invalid("limit", f"a whole number from 1 to {LONGEST_PAGE}")
    return limit
