"""Where the body of an HTTP request ends: counted, or in chunks. (llhttp does not tell where in the
bytes a request ended.)
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, Protocol

Fault = tuple[int, str]
"""A status, and an explanation."""

LONGEST_SIZE_LINE: Final = 1024
WORK_AT_ONCE: Final = 64
"""What one `read` does: some tenths of a millisecond. A line of the chunks' framing is one, and one
more for every 16 bytes.
"""

_NAME: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_EXTENSION: Final = rb"[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?" % (_NAME, _NAME, _QUOTED)
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:%b)*\r" % _EXTENSION)
_TRAILER: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r")
_BAD_CHUNK: Final = (400, "The body is not framed as chunks")
_MOSTLY_FRAMING: Final = (400, "The chunks are too small for so many of them")
_LARGE_TRAILER: Final = (431, "The trailer is too large")


class Body(Protocol):
    """A body that is being received. The one who takes it sets `limit` before the first `read`."""

    limit: int

    @property
    def too_large(self) -> bool:
        """Return whether it is longer than the limit, as announced or as received; then there is
        nothing more to read.
        """

    @property
    def done(self) -> bool:
        """Return whether it has ended."""

    @property
    def fault(self) -> Fault | None:
        """Return what is wrong with it, if anything is; then there is nothing more to read."""

    def read(self, data: bytes | bytearray, at: int) -> tuple[bytes, int]:
        """Return what of the body is in `data` from `at` on, and the place behind what was used.

        It may stop before the end of `data`, so that one call never takes long; the next goes on
        from there.
        """


class CountedBody:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self.left = self._length = length
        self.limit = length
        self.fault: Fault | None = None

    @property
    def length(self) -> int:
        """Return how long it is, all in all."""
        return self._length

    @length.setter
    def length(self, length: int) -> None:
        """Correct what was announced. Nothing may have been read."""
        self.left = self._length = length

    @property
    def too_large(self) -> bool:
        return self._length > self.limit

    @property
    def done(self) -> bool:
        return not self.left

    def read(self, data: bytes | bytearray, at: int) -> tuple[bytes, int]:
        end = min(len(data), at + self.left)
        self.left -= end - at
        return bytes(data[at:end]), end


class _Next(Enum):
    SIZE = 1
    DATA = 2
    END_OF_DATA = 3
    TRAILER = 4


class ChunkedBody:
    """A body in chunks. Extensions and trailers are read over, within bounds.

    What frames the chunks (sizes, extensions, line ends) may be as long as the data, and
    `extra_bytes` longer. That is enough for chunks of any size in a small body and of five bytes in
    a large one; a megabyte in chunks of one byte, which would cost seconds, is refused after its
    first few thousand.
    """

    def __init__(self, extra_bytes: int, trailers: int) -> None:
        self.limit = 0
        self.too_large = False
        self.done = False
        self.fault: Fault | None = None
        self._next = _Next.SIZE
        self._size = 0  # of all that was read
        self._left = 0  # of this chunk
        self._searched = 0  # bytes of the present line that hold no LF
        self._framing = self._trailer = (
            extra_bytes  # bytes that are left for them; data adds to the former
        )
        self._trailers = trailers

    def read(self, data: bytes | bytearray, at: int) -> tuple[bytes, int]:
        body = bytearray()
        work = 0
        while work < WORK_AT_ONCE and not (self.done or self.too_large or self.fault):
            if self._next is _Next.DATA:
                end = min(len(data), at + self._left)
                body += data[at:end]
                self._size += end - at
                self._framing += end - at
                self._left -= end - at
                at = end
                self.too_large = self._size > self.limit
                if self._left:
                    break
                self._next = _Next.END_OF_DATA
            elif (line_end := self._line_end(data, at)) >= 0:
                self._take(bytes(data[at:line_end]))
                work += 1 + (line_end - at) // 16
                at = line_end + 1
            else:
                break
        return bytes(body), at

    def _line_end(self, data: bytes | bytearray, at: int) -> int:
        """Find the LF of the line at `at`, as far as the line may reach; -1 where it has not
        come.
        """
        if self._next is _Next.SIZE:
            most = LONGEST_SIZE_LINE
        elif self._next is _Next.TRAILER:
            most = self._trailer + 1
        else:
            most = 1
        end = data.find(b"\n", at + self._searched, at + most + 1)
        if end >= 0:
            self._searched = 0
            return end
        if len(data) - at > most:
            self.fault = _LARGE_TRAILER if self._next is _Next.TRAILER else _BAD_CHUNK
        self._searched = len(data) - at
        return -1

    def _take(self, line: bytes) -> None:
        if self._next is _Next.SIZE:
            self._begin_chunk(line)
        elif self._next is _Next.END_OF_DATA:
            self._framing -= len(b"\r\n")
            if line != b"\r":
                self.fault = _BAD_CHUNK
            self._next = _Next.SIZE
        elif line == b"\r":
            self.done = True
        elif not _TRAILER.fullmatch(line):
            self.fault = (400, "The trailer is malformed")
        else:
            self._trailer -= len(line) + 1
            self._trailers -= 1
            if self._trailer < 0 or self._trailers < 0:
                self.fault = _LARGE_TRAILER

    def _begin_chunk(self, line: bytes) -> None:
        size_line = _SIZE_LINE.fullmatch(line)
        if size_line is None:
            self.fault = _BAD_CHUNK
            return
        self._framing -= len(line) + 1
        if self._framing < 0:
            self.fault = _MOSTLY_FRAMING
            return
        self._left = int(size_line[1], 16)
        self._next = _Next.DATA if self._left else _Next.TRAILER
