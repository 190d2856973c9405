"""Responses, and their bytes."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from attrs import define, frozen

from sockcrud.protocols.answers import Answer, CloseAfter, Stream


@frozen
class BodySlices:
    """A body that is made while the peer reads it. `close` lets go of what it is made from, read to
    the end or not.

    `length` is that of all slices together, where it is known before.
    """

    slices: AsyncIterator[bytes]
    close: Callable[[], None]
    length: int | None = None


@define
class Response:
    """What a dialect answers. The wire adds Date, the length or coding of the body, and what
    becomes of the connection.

    Nobody changes it, and it is not frozen: that would take twice the time to make, once a request.
    """

    status: int
    body: bytes | BodySlices = b""
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False
    always: bool = True
    """Whether the header fields that all answers of the dialect have are for this one too."""


CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_RESORT: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
"""What is said where not even an error could be put into words."""

_LINES: Final = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus
}
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_IN_VALUES: Final = bytes((9, *range(32, 127), *range(128, 256)))
_WITHOUT_BODY: Final = frozenset((100, 101, 102, 103, 204, 304))


class Responses:
    """Turns responses into bytes. `now` tells the seconds since 1970, for the Date; `always` are
    fields of all responses.
    """

    def __init__(
        self, now: Callable[[], float] = time.time, always: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        self._now = now
        self._always = _fields(always)
        self._second = -1
        self._starts: dict[tuple[int, bytes, bool], bytes] = {}  # of this second's responses

    def answer(
        self,
        response: Response,
        *,
        head: bool = False,
        http11: bool = True,
        keep_alive: bool = True,
    ) -> Answer:
        """Return what is to be said: to a HEAD if `head`, to a peer that speaks 1.1 if `http11`,
        and then goes on or not.

        Raises ValueError where a header field of the response is none.
        """
        body = response.body
        if isinstance(body, BodySlices):
            return self._streamed(response, body, head, http11, keep_alive)
        start = self._start(response.status, response.content_type, response.always)
        fields = _fields(response.headers) if response.headers else b""
        last = not keep_alive or response.close
        if last or not http11:
            fields += _connection(last, http11)
        if response.status in _WITHOUT_BODY:
            said = b"%b%b\r\n" % (start, fields)
        else:
            size, body = len(body), b"" if head else body
            said = b"%bContent-Length: %d\r\n%b\r\n%b" % (start, size, fields, body)
        return CloseAfter(said) if last else said

    def _streamed(
        self, response: Response, body: BodySlices, head: bool, http11: bool, keep_alive: bool
    ) -> Answer:
        last = response.close or not keep_alive
        try:
            start = self._start(response.status, response.content_type, response.always)
            said = start + _fields(response.headers)
        except ValueError:
            body.close()
            raise
        if body.length is not None:
            said += b"Content-Length: %d\r\n" % body.length
        if head or response.status in _WITHOUT_BODY:
            body.close()
            said += _connection(last, http11) + b"\r\n"
            return CloseAfter(said) if last else said
        if body.length is not None:
            said += _connection(last, http11) + b"\r\n"
            return Stream(_as_they_are(said, body.slices), body.close, last)
        if http11:
            said += b"Transfer-Encoding: chunked\r\n" + _connection(last, http11) + b"\r\n"
            return Stream(_in_chunks(said, body.slices), body.close, last)
        return Stream(
            _as_they_are(said + b"Connection: close\r\n\r\n", body.slices), body.close, True
        )

    def _start(self, status: int, content_type: bytes, always: bool) -> bytes:
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._starts.clear()
        start = self._starts.get((status, content_type, always))
        if start is None:
            line = _LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
            start = b"%bDate: %b\r\n%b" % (
                line,
                formatdate(second, usegmt=True).encode(),
                self._always if always else b"",
            )
            if status not in _WITHOUT_BODY:
                start += _fields(((b"Content-Type", content_type),))
            self._starts[status, content_type, always] = start
        return start


def _connection(last: bool, http11: bool) -> bytes:
    if last:
        return b"Connection: close\r\n"
    return b"" if http11 else b"Connection: keep-alive\r\n"


def _fields(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    lines = b""
    for name, value in headers:
        if not _is_name(name) or value.translate(None, _IN_VALUES):
            raise ValueError(f"no header field: {name!r}")
        lines += b"%b: %b\r\n" % (name, value)
    return lines


@lru_cache(maxsize=128)
def _is_name(name: bytes) -> bool:
    return _NAME.fullmatch(name) is not None


async def _in_chunks(head: bytes, slices: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for slice in slices:
        if slice:
            yield b"%b%x\r\n%b\r\n" % (head, len(slice), slice)
            head = b""
    yield head + b"0\r\n\r\n"


async def _as_they_are(head: bytes, slices: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for slice in slices:
        yield head + slice
        head = b""
    if head:
        yield head
