"""Keys of unique fields that lie in a store: made anew where the model makes others of the same
values than it once did.
"""

from __future__ import annotations

from collections.abc import Iterable

from sockcrud.records.lookalikes import caseless


class SameKey(Exception):
    """Two records of a store that could be told apart once and no longer can, in one line that
    names both.
    """


def renewed(kind: str, field: str, rows: Iterable[tuple[int, str, str]]) -> list[tuple[int, str]]:
    """Return the (id, key) of those rows of (id, value, key) that are to have another key; raise
    `SameKey`.
    """
    owners: dict[str, tuple[int, str]] = {}
    changed = []
    for id, value, key in rows:
        new = caseless(value)
        other, its_value = owners.setdefault(new, (id, value))
        if other != id:
            raise SameKey(
                f"{kind} {other} and {id} have the same {field} now, {its_value!a} and {value!a}:"
                f" change one of them with the sockcrud that made the store, then start this one"
            )
        if new != key:
            changed.append((id, new))
    return changed
