"""A list as an answer: whole where it is short, made slice by slice as the client reads where it is
long.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

import orjson

from sockcrud.protocols.answers import Answer, Stream
from sockcrud.protocols.http.connection import BodySlices, Response
from sockcrud.records import Record
from sockcrud.storage.contract import RecordStream

R = TypeVar("R", bound=Record)

Encode = Callable[[Sequence[R]], bytes]

LONGEST_WHOLE: Final = 256 * 1024
"""Bytes up to which a body goes out as one, its length said."""


def each(render: Callable[[R], object]) -> Encode[R]:
    """Return what encodes a slice of records, each as it is rendered: an array of JSON without its
    brackets.
    """
    return lambda records: orjson.dumps([render(record) for record in records])[1:-1]


async def list_answer(
    stream: RecordStream[R], head: bytes, encode: Encode[R], tail: bytes
) -> Answer:
    """Return `head`, the encoded slices with a comma between two, and `tail`."""
    made = await _started(stream, head, encode, tail, 0)
    return made if isinstance(made, bytes) else Stream(made, stream.close)


async def list_response(
    stream: RecordStream[R], head: bytes, encode: Encode[R], tail: bytes
) -> Response:
    """Return a 200 whose body is `head`, the encoded slices with a comma between two, and
    `tail`.
    """
    made = await _started(stream, head, encode, tail, LONGEST_WHOLE)
    return Response(200, made if isinstance(made, bytes) else BodySlices(made, stream.close))


async def _started(
    stream: RecordStream[R], head: bytes, encode: Encode[R], tail: bytes, whole: int
) -> bytes | AsyncIterator[bytes]:
    """Return all of it, where that is in one slice or not longer than `whole`, or with its
    slices.
    """
    made, joint = head, b""
    try:
        async for records in stream:
            made += joint + encode(records)
            joint = b","
            if stream.ended:
                break
            if len(made) > whole:
                return _slices(made, stream, encode, tail)
    except BaseException:
        stream.close()
        raise
    return made + tail


async def _slices(
    start: bytes, stream: RecordStream[R], encode: Encode[R], tail: bytes
) -> AsyncIterator[bytes]:
    yield start
    async for records in stream:
        yield b"," + encode(records)
    yield tail
