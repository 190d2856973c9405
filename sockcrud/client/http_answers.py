"""HTTP, the client's end: answers out of bytes, without I/O.

The parser is h11. What it lets pass and could be read in two ways is a bad answer here: lines that
end in LF alone, folded fields, control characters, a length beside chunks.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import h11
from attrs import evolve, field, frozen

from sockcrud.client.calls import Call
from sockcrud.client.errors import BadAnswer

LONGEST_HEAD: Final = 64 * 1024
"""Bytes of a status line and its header fields, of the line before a chunk, and of the trailer
behind chunks.
"""
_MOST_INTERIM: Final = 16
"""Answers of 1xx before the one that counts."""

_NO_CALL: Final = Call[Any, Any](b"", lambda answer: answer)
# What h11 is told was sent: no more counts for where an answer ends than whether it is one to HEAD.
_GET: Final = h11.Request(method="GET", target="/", headers=[("Host", "")])
_HEAD: Final = h11.Request(method="HEAD", target="/", headers=[("Host", "")])
_END: Final = h11.EndOfMessage()
_OPENING: Final = b"HTTP/1."
_LOOSE: Final = re.compile(rb"(?<!\r)\n|\n[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@frozen
class Answer:
    """An answer of HTTP. The names of `headers` are in lower case; of one given twice the values
    are joined by commas.
    """

    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)  # there may be a token in them
    body: bytes = field(repr=False)


class HTTPReader:
    """Reads answers out of bytes, the work linear in them however they are split.

    What is received waits here until its header is whole. It is h11's from then on until the answer
    ends; a new parser takes each header, since h11 would allow a request only when the one before
    is answered, and HTTP/1.0 no second one.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._received = bytearray()
        self._searched = 0
        self._expected: deque[Call[Any, Any]] = deque()
        self._parser: h11.Connection | None = None
        self._head: Answer | None = None
        self._body = bytearray()
        self._into: Callable[[bytes], object] | None = None
        self._interim = 0
        self.is_last = False
        self.may_pipeline = False

    def expect(self, call: Call[Any, Any]) -> None:
        self._expected.append(call)

    def feed(self, data: bytes) -> None:
        self._received += data

    def take(self) -> Answer | None:
        while self._received and (self._parser is not None or self._has_header()):
            data = bytes(self._received)
            self._received.clear()
            if (answer := self._parse(data)) is not None:
                return answer
        return None

    def end(self) -> Answer | None:
        # Only a body whose length nothing says ends with the connection.
        if (
            self._head is None
            or {"content-length", "transfer-encoding"} & self._head.headers.keys()
        ):
            return None
        return self._parse(b"")

    @property
    def has_rest(self) -> bool:
        return bool(self._received)

    @property
    def _call(self) -> Call[Any, Any]:
        return self._expected[0] if self._expected else _NO_CALL

    def _has_header(self) -> bool:
        """Return whether there is a whole header; raise `BadAnswer` where there will be none."""
        end = self._received.find(b"\r\n\r\n", self._searched)
        if (len(self._received) if end < 0 else end) > LONGEST_HEAD:
            raise BadAnswer(f"an answer whose header is longer than {LONGEST_HEAD} bytes")
        if self._received[: len(_OPENING)] != _OPENING[: len(self._received)]:
            raise BadAnswer("an answer that is not HTTP/1")
        self._searched = 0 if end >= 0 else max(0, len(self._received) - 3)
        if _LOOSE.search(self._received, 0, max(end, 0)):
            raise BadAnswer("an answer with a header field that is none")
        return end >= 0

    def _parse(self, data: bytes) -> Answer | None:
        """Have the parser take bytes in; give the answer that they complete."""
        parser = self._parser = self._parser or self._made_parser()
        try:
            parser.receive_data(data)
            while (event := parser.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.InformationalResponse):
                    self._pass_over(event.status_code)
                    break
                if isinstance(event, h11.Response):
                    self._begin(event)
                elif isinstance(event, h11.Data):
                    self._keep(bytes(event.data))
                else:
                    return self._finished()
        except h11.RemoteProtocolError as error:
            # Its words would repeat the line, which may hold a token.
            kind = (
                "with a line that is longer than allowed"
                if error.error_status_hint == 431
                else "that is not HTTP/1"
            )
            raise BadAnswer(f"an answer {kind}") from None
        return None

    def _made_parser(self) -> h11.Connection:
        made = h11.Connection(h11.CLIENT, LONGEST_HEAD)
        made.send(_HEAD if self._call.method == "HEAD" else _GET)
        made.send(_END)
        return made

    def _pass_over(self, status: int) -> None:
        self._interim += 1
        if self._interim > _MOST_INTERIM:
            raise BadAnswer(f"an answer that begins with {status} and does not go on")
        self._take_back()

    def _take_back(self) -> None:
        """Take back what the parser has not used: the next header."""
        assert self._parser is not None
        self._received += self._parser.trailing_data[0]
        self._parser = None

    def _begin(self, response: h11.Response) -> None:
        headers: dict[str, str] = {}
        for name, value in (
            (name.decode(), value.decode("latin-1")) for name, value in response.headers
        ):
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        is_chunked, length = "transfer-encoding" in headers, headers.get("content-length")
        if response.http_version not in (b"1.0", b"1.1") or (is_chunked and length is not None):
            raise BadAnswer("an answer that does not say clearly how long it is")
        self._head = Answer(response.status_code, response.reason.decode("latin-1"), headers, b"")
        self._interim = 0
        call = self._call
        self._into = (
            call.into(headers) if call.into is not None and response.status_code < 300 else None
        )
        has_body = response.status_code not in (204, 304) and call.method != "HEAD"
        if has_body and length is not None:
            self._limit(int(length))
        has_end = is_chunked or length is not None or not has_body
        self.is_last = not (has_end and _persists(response.http_version == b"1.1", headers))

    def _keep(self, data: bytes) -> None:
        self._limit(len(data))
        if self._into is None:
            self._body += data
        else:
            self._into(data)

    def _limit(self, more: int) -> None:
        if self._into is None and len(self._body) + more > self._longest:
            raise BadAnswer(f"an answer longer than {self._longest} bytes")

    def _finished(self) -> Answer:
        assert self._head is not None
        answer = evolve(self._head, body=bytes(self._body))
        self._head, self._body = None, bytearray()
        self._take_back()
        self.may_pipeline = not self.is_last
        if self._expected:
            self._expected.popleft()
        return answer


def _persists(newer: bool, headers: Mapping[str, str]) -> bool:
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    return "close" not in options if newer else "keep-alive" in options
