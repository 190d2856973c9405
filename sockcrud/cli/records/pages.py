"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sockcrud.client.calls import PAGE


def pages_of(
    ask: Callable[..., Any],
    after: int | None,
    limit: int | None,
    *,
    mark: str = "after",
    **given: Any,
) -> Iterator[Any]:
    """Yield what is on the pages one by one, up to a limit; ask for no more than that.

    `ask` is given what a page comes after, by the name of `mark`, and its size as `limit`. It gives
    a page that knows its `next`, or a list, which is the last one where it is not full.
    """
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = ask(**given, **{mark: after}, limit=size)
        if isinstance(page, list):
            items, after = page, page[-1].id if len(page) >= size else None
        else:
            items, after = page.items, page.next
        yield from items
        if after is None:
            return
        left = None if left is None else left - len(items)
