"""HTTP, the client's end: answers out of bytes, without I/O.

Lengths, chunks, answers that closing ends, HEAD, and 1xx before the answer itself. Strict: what could be read in two ways is
a bad answer.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import field, frozen

from sockcrud.client.calls import Call
from sockcrud.client.errors import BadAnswer

LONGEST_HEAD: Final = 64 * 1024
"""Bytes of a status line and its header fields, and of the trailer behind chunks."""
_LONGEST_SIZE_LINE: Final = 4096
_MOST_INTERIM: Final = 16
"""Answers of 1xx before the one that counts."""

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t -~\x80-\xff]*))?")
_FIELD: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*)")
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t -~\x80-\xff]*)?")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


@frozen
class Answer:
    """An answer of HTTP. The names of `headers` are in lower case; of one given twice the values are joined by commas."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)  # there may be a token in them
    body: bytes = field(repr=False)


class HTTPReader:
    """Reads answers out of bytes, the work linear in them however they are split."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._received = bytearray()
        self._searched = 0
        self._expected: deque[Call[Any, Any]] = deque()
        self._interim = 0
        self._step: Callable[[], bool] = self._read_head
        self._left = 0
        self._body = bytearray()
        self._took = 0
        self._head: tuple[int, str, dict[str, str]] | None = None
        self._into: Callable[[bytes], object] | None = None
        self._done: Answer | None = None
        self.is_last = False
        self.may_pipeline = False

    def expect(self, call: Call[Any, Any]) -> None:
        self._expected.append(call)

    def feed(self, data: bytes) -> None:
        self._received += data

    def take(self) -> Answer | None:
        while self._done is None:
            if not self._step():
                return None
        taken, self._done = self._done, None
        return taken

    def end(self) -> Answer | None:
        if self._step != self._read_to_the_end:
            return None
        self._finish()
        return self.take()

    @property
    def has_rest(self) -> bool:
        return bool(self._received)

    # The steps; each tells whether it got to its end

    def _read_head(self) -> bool:
        if not self._received:
            return False
        end = self._received.find(b"\r\n\r\n", self._searched)
        if (len(self._received) if end < 0 else end) > LONGEST_HEAD:
            raise BadAnswer(f"an answer whose header is longer than {LONGEST_HEAD} bytes")
        if end < 0:
            if self._received[:7] != b"HTTP/1."[: len(self._received)]:
                raise BadAnswer("an answer that is not HTTP")
            self._searched = max(0, len(self._received) - 3)
            return False
        first, *lines = bytes(self._received[:end]).split(b"\r\n")
        self._consume(end + 4)
        line = _STATUS_LINE.fullmatch(first)
        if line is None:
            raise BadAnswer("an answer that is not HTTP/1")
        status, headers = int(line[2]), _headers(lines)
        if status < 200:
            self._interim += 1
            if status == 101 or self._interim > _MOST_INTERIM:
                raise BadAnswer(f"an answer that begins with {status} and does not go on")
            return True
        self._interim = 0
        self._head = status, (line[3] or b"").decode("latin-1"), headers
        self._expect_body(status, headers, persistent=_persists(line[1] == b"1", headers))
        return True

    def _expect_body(self, status: int, headers: dict[str, str], persistent: bool) -> None:
        self._body, self._took = bytearray(), 0
        self._into = None
        if self._expected and status < 300 and (into := self._expected[0].into) is not None:
            self._into = into(headers)
        self.is_last = not persistent
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and (coding.lower() != "chunked" or length is not None):
            raise BadAnswer("an answer that does not say clearly how long it is")
        if (self._expected and self._expected[0].method == "HEAD") or status in (204, 304):
            self._finish()
        elif coding is not None:
            self._step = self._read_size
        elif length is not None:
            self._left = _length(length)
            self._limit(self._left)
            self._step = self._read_counted
        else:
            self.is_last = True
            self._step = self._read_to_the_end

    def _read_counted(self) -> bool:
        if not self._read_some():
            return False
        self._finish()
        return True

    def _read_size(self) -> bool:
        line = self._line(_LONGEST_SIZE_LINE)
        if line is None:
            return False
        size = _SIZE.fullmatch(line)
        if size is None:
            raise BadAnswer("an answer in chunks one of which has no size")
        self._left = int(size[1], 16)
        self._limit(self._left)
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        if not self._read_some() or len(self._received) < 2:
            return False
        if self._received[:2] != b"\r\n":
            raise BadAnswer("an answer in chunks one of which is longer than its size")
        self._consume(2)
        self._step = self._read_size
        return True

    def _read_trailer(self) -> bool:
        line = self._line(LONGEST_HEAD - self._took)
        if line is None:
            return False
        self._took += len(line) + 2
        if not line:
            self._finish()
        return True

    def _read_to_the_end(self) -> bool:
        self._limit(len(self._received))
        self._keep(len(self._received))
        return False

    # Their parts

    def _read_some(self) -> bool:
        """Take what there is of what is left; tell whether that was all of it."""
        some = min(self._left, len(self._received))
        self._keep(some)
        self._left -= some
        return self._left == 0

    def _keep(self, size: int) -> None:
        if not size:
            return
        if self._into is None:
            self._body += self._received[:size]
        else:
            self._into(bytes(self._received[:size]))
        self._consume(size)

    def _limit(self, more: int) -> None:
        if self._into is None and len(self._body) + more > self._longest:
            raise BadAnswer(f"an answer longer than {self._longest} bytes")

    def _line(self, longest: int) -> bytes | None:
        end = self._received.find(b"\r\n", self._searched)
        if (len(self._received) if end < 0 else end) > longest:
            raise BadAnswer("an answer in chunks that does not keep to its form")
        if end < 0:
            self._searched = max(0, len(self._received) - 1)
            return None
        line = bytes(self._received[:end])
        self._consume(end + 2)
        return line

    def _consume(self, size: int) -> None:
        del self._received[:size]
        self._searched = 0

    def _finish(self) -> None:
        assert self._head is not None
        status, reason, headers = self._head
        self._done = Answer(status, reason, headers, bytes(self._body))
        self._head, self._body, self._step = None, bytearray(), self._read_head
        self.may_pipeline = not self.is_last
        if self._expected:
            self._expected.popleft()


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise BadAnswer("an answer with a header field that is none")
        name, value = field[1].decode().lower(), field[2].rstrip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _length(value: str) -> int:
    values = {part.strip() for part in value.split(",")}
    if len(values) != 1 or _LENGTH.fullmatch(found := values.pop()) is None:
        raise BadAnswer("an answer that does not say clearly how long it is")
    return int(found)


def _persists(newer: bool, headers: dict[str, str]) -> bool:
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    return "close" not in options if newer else "keep-alive" in options
