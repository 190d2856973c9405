"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

PAGE: Final = 500

Ask = Callable[[int | None, int], tuple[Sequence[T], int | None]]
"""Is given what a page comes after, and its size; gives what is on it, and what the next one comes after, if there is one."""


def turned(ask: Ask[T], after: int | None, limit: int | None) -> Iterator[T]:
    """Give what is on the pages one by one, up to a limit; ask for no more than that."""
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        items, after = ask(after, size)
        yield from items
        if after is None:
            return
        left = None if left is None else left - len(items)
