"""What a connection can say to a request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred


@frozen
class CloseAfter:
    """The last answer of a connection."""

    body: bytes


@frozen
class Stream:
    """An answer that is made while the peer reads it. `close` lets go of what it is made from, read
    to the end or not.

    `last` ends the connection behind it.
    """

    slices: AsyncIterator[bytes]
    close: Callable[[], None]
    last: bool = False

    async def next(self) -> bytes | None:
        """Return the next slice; None behind the last."""
        async for slice in self.slices:
            return slice
        return None


Answer = bytes | CloseAfter | Stream
Work = Coroutine[Any, Any, Answer] | Deferred[Answer]
