"""A record's revision as its entity tag, and what If-Match says of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Container
from typing import Final, TypeVar

from sockcrud.errors import Outdated
from sockcrud.model import INT64

T = TypeVar("T")

_TAGS: Final = re.compile(rb'[ \t,]*(?:(?:W/)?"[!#-~\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')
_TAG: Final = re.compile(rb'(W/)?"([!#-~\x80-\xff]*)"')
_REVISION: Final = re.compile(rb"[1-9][0-9]{0,18}")

NO_REVISION: Final = -1
"""What no record is ever at."""


def etag(rev: int) -> tuple[bytes, bytes]:
    """Give the header field that tells a record's revision."""
    return b"ETag", b'"%d"' % rev


def expected_revisions(value: bytes) -> list[int] | None:
    """Give the revisions that an If-Match allows, or None for any.

    A weak tag allows none, nor does one that never was a tag of ours, nor a field that does not keep its grammar.
    """
    if value == b"*":
        return None
    if _TAGS.fullmatch(value) is None:
        return []
    strong = (tag for weak, tag in _TAG.findall(value) if not weak and _REVISION.fullmatch(tag))
    return [rev for rev in map(int, strong) if rev in INT64]


async def with_expected(revisions: list[int] | None, change: Callable[[int | None], Awaitable[T]]) -> T:
    """Fire with what `change` gives for the one of the revisions that the record is at.

    Fail as it does, and so with Outdated where the record is at none of them.
    """
    if revisions is None:
        return await change(None)
    expected = revisions[0] if revisions else NO_REVISION
    left: Container[int] = revisions
    while True:
        try:
            return await change(expected)
        except Outdated as error:
            # Each time it is at a later one, so this ends.
            if error.rev not in left or error.rev == expected:
                raise
            expected = error.rev
