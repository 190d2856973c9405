"""A record's revision as its entity tag, and what If-Match and If-None-Match say of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from attrs import frozen

from sockcrud.errors import Outdated
from sockcrud.protocols.http.connection import Request
from sockcrud.records.constraints import INT64

T = TypeVar("T")

_TAGS: Final = re.compile(rb'[ \t,]*(?:(?:W/)?"[!#-~\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')
_TAG: Final = re.compile(rb'(W/)?"([!#-~\x80-\xff]*)"')
_REVISION: Final = re.compile(rb"[1-9][0-9]{0,18}")

NO_REVISION: Final = -1
"""What no record is ever at, and what is without a revision is said to be at."""


def etag(rev: int) -> tuple[bytes, bytes]:
    """Return the header field that tells a record's revision."""
    return b"ETag", b'"%d"' % rev


@frozen
class Conditions:
    """Where a record has to be for a request to be served: at one of some revisions, and at none of
    others.

    None stands for all revisions there are: `If-Match: *` and `If-None-Match: *`.
    """

    matched: Sequence[int] | None = None
    excluded: Sequence[int] | None = ()

    def allow(self, rev: int) -> bool:
        """Return whether a request is served that is about a record at this revision."""
        if self.excluded is None or rev in self.excluded:
            return False
        return self.matched is None or rev in self.matched

    async def apply(self, change: Callable[[int | None], Awaitable[T]]) -> T:
        """Return what `change` gives for the revision that the record is at; raise Outdated where
        that is not allowed.

        Where no revision is named, one is tried that no record is at: so the record tells its own,
        and anything else that is wrong with the request is told first, as RFC 9110 has it. Where it
        has moved on in between, it is tried again; each time it is at a later one, so this ends.
        """
        if self.matched is None and self.excluded == ():
            return await change(None)
        expected = next(filter(self.allow, self.matched or ()), NO_REVISION)
        while True:
            try:
                return await change(expected)
            except Outdated as error:
                if not self.allow(error.rev) or error.rev == expected != NO_REVISION:
                    raise
                if error.rev == NO_REVISION:  # it has none, and so no tag that could be excluded
                    return await change(None)
                expected = error.rev


def conditions(request: Request) -> Conditions:
    """Return what If-Match and If-None-Match of a request say."""
    if_match, if_none_match = request.header(b"if-match"), request.header(b"if-none-match")
    return Conditions(
        None if if_match is None else _revisions(if_match, weak=False),
        () if if_none_match is None else _revisions(if_none_match, weak=True),
    )


def _revisions(value: bytes, weak: bool) -> tuple[int, ...] | None:
    """Return the revisions that a list of tags names, None for all. Weak tags name theirs only
    where they may.

    A tag that never was one of ours names none, nor does a field that does not keep its grammar.
    """
    if value == b"*":
        return None
    if _TAGS.fullmatch(value) is None:
        return ()
    tags = [
        tag
        for is_weak, tag in _TAG.findall(value)
        if (weak or not is_weak) and _REVISION.fullmatch(tag)
    ]
    return tuple(rev for rev in map(int, tags) if rev in INT64)
