"""A list as an answer: whole where it is short, made slice by slice as the client reads where it is long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from sockcrud.model import Record
from sockcrud.stores.interfaces import Listing
from sockcrud.wire.conversation import Answer, Sliced

R = TypeVar("R", bound=Record)


async def list_answer(listing: Listing[R], head: bytes, encode: Callable[[Sequence[R]], bytes], tail: bytes) -> Answer:
    """Fire with `head`, the encoded slices with a comma between two, and `tail`."""
    first: Sequence[R]
    try:
        first = await anext(listing)  # without a default: CPython's breaks where nothing waits
    except StopAsyncIteration:
        first = ()
    start = head + encode(first)
    if listing.ended:
        return start + tail
    return Sliced(_slices(start, listing, encode, tail), listing.close)


async def _slices(
    start: bytes, listing: Listing[R], encode: Callable[[Sequence[R]], bytes], tail: bytes
) -> AsyncIterator[bytes]:
    yield start
    async for records in listing:
        yield b"," + encode(records)
    yield tail
