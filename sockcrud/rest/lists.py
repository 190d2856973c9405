"""A list as an answer: whole where it is short, made slice by slice as the client reads where it is long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

from sockcrud.protocols.connection import Answer, Sliced
from sockcrud.protocols.http.connection import BodySlices, Response
from sockcrud.records import Record
from sockcrud.storage.contract import Listing

R = TypeVar("R", bound=Record)

Encode = Callable[[Sequence[R]], bytes]

LONGEST_WHOLE: Final = 256 * 1024
"""Bytes up to which a body goes out as one, its length said."""


async def list_answer(listing: Listing[R], head: bytes, encode: Encode[R], tail: bytes) -> Answer:
    """Fire with `head`, the encoded slices with a comma between two, and `tail`."""
    made = await _begun(listing, head, encode, tail, 0)
    return made if isinstance(made, bytes) else Sliced(made, listing.close)


async def list_response(listing: Listing[R], head: bytes, encode: Encode[R], tail: bytes) -> Response:
    """Fire with a 200 whose body is `head`, the encoded slices with a comma between two, and `tail`."""
    made = await _begun(listing, head, encode, tail, LONGEST_WHOLE)
    return Response(200, made if isinstance(made, bytes) else BodySlices(made, listing.close))


async def _begun(listing: Listing[R], head: bytes, encode: Encode[R], tail: bytes, whole: int) -> bytes | AsyncIterator[bytes]:
    """Fire with all of it, where that is in one slice or not longer than `whole`, or with its slices."""
    made, joint = head, b""
    try:
        async for records in listing:
            made += joint + encode(records)
            joint = b","
            if listing.ended:
                break
            if len(made) > whole:
                return _slices(made, listing, encode, tail)
    except BaseException:
        listing.close()
        raise
    return made + tail


async def _slices(start: bytes, listing: Listing[R], encode: Encode[R], tail: bytes) -> AsyncIterator[bytes]:
    yield start
    async for records in listing:
        yield b"," + encode(records)
    yield tail
