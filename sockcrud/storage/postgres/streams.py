"""A list of PostgreSQL's records, slice by slice: what it asks for next, and what it makes of the
answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, Protocol

from attrs import frozen
from psycopg.pq.abc import PGresult
from twisted.internet.defer import Deferred

from sockcrud.storage import weights
from sockcrud.storage.contract import R, Where
from sockcrud.storage.postgres.layout import LAYOUTS
from sockcrud.storage.postgres.link import Ask


@frozen
class Slice(Generic[R]):
    """Some records, and whether they are the last."""

    records: Sequence[R]
    is_last: bool


_NOTHING: Final = Slice[Any]((), True)


class Source(Protocol):
    """Where further slices come from."""

    def ask(self, stream: PostgresStream[Any]) -> None:
        """Have the stream given its next slice, or failed."""

    def leave(self, stream: PostgresStream[Any]) -> None:
        """Give it nothing any more."""


class PostgresStream(Generic[R]):
    """A stream of one kind. Its first slice is asked for by who made it, each of the others when it
    is wanted.

    Only what is longer than one slice has a source.
    """

    def __init__(
        self, kind: type[R], after: int | None, limit: int | None, where: Where | None, peer: str
    ) -> None:
        self.ended = limit == 0
        self.peer = peer
        self.source: Source | None = None
        self._layout = LAYOUTS[kind]
        self._after = after
        self._left = limit
        self._where = where
        self._candidates = weights.SLICE
        self._coming: Deferred[Slice[R]] | None = Deferred()
        self._error: Exception | None = None

    def __aiter__(self) -> PostgresStream[R]:
        return self

    async def __anext__(self) -> Sequence[R]:
        if self.ended:
            raise StopAsyncIteration
        try:
            slice = await self._next()
        except BaseException:
            self.close()
            raise
        if slice.is_last:
            self.close()
        if not slice.records:
            raise StopAsyncIteration
        self._after = slice.records[-1].id
        if self._left is not None:
            self._left -= len(slice.records)
        # To look at 500 for each few long ones would take longer than to read those.
        self._candidates = min(2 * len(slice.records) + 8, weights.SLICE)
        return slice.records

    async def _next(self) -> Slice[R]:
        if self._coming is None:
            self._coming = Deferred()
            assert self.source is not None  # or the slice before was the last
            self.source.ask(self)
        slice = await self._coming
        self._coming = None
        if self._error is not None:
            raise self._error
        return slice

    def close(self) -> None:
        if self.ended:
            return
        self.ended = True
        self.give(_NOTHING)
        if self.source is not None:
            self.source.leave(self)

    # For whoever reads the database

    @property
    def is_waiting(self) -> bool:
        """Whether a slice is wanted and not there yet."""
        return self._coming is not None and not self._coming.called

    @property
    def page(self) -> Ask:
        """What to ask for the next slice."""
        return self._layout.slice(self._size, self._after, self._where)

    def parts(self, result: PGresult, size: int) -> Iterator[list[R]]:
        """Yield the records of an answer, so many at a time."""
        return self._layout.slice_in_parts(result, size)

    def is_last(self, result: PGresult) -> bool:
        """Return whether nothing is behind what this answer holds."""
        return self._layout.is_all(result) or result.ntuples == self._left

    def give(self, slice: Slice[R]) -> None:
        """Let it have its next slice, unless it was closed."""
        if self._coming is not None and not self._coming.called:
            self._coming.callback(slice)

    def fail(self, error: Exception) -> None:
        """Let it fail, now or when it is read on."""
        self._error = error
        if self._coming is None:
            self._coming = Deferred()
        self.give(_NOTHING)

    @property
    def _size(self) -> int:
        return self._candidates if self._left is None else min(self._candidates, self._left)
