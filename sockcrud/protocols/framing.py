"""Bytes into requests, without I/O and without time: what a framer is, and the framers of lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final, Generic, Protocol, TypeVar

import orjson
from attrs import frozen

from sockcrud.protocols.foreign import begins_foreign, is_foreign, is_http
from sockcrud.protocols.json.text import MALFORMED, decoded_value
from sockcrud.protocols.pacing import LATER, Later
from sockcrud.protocols.receive_buffer import append_received

Request = TypeVar("Request")
Request_co = TypeVar("Request_co", covariant=True)
Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)

_BLANK_LINES: Final = 500
"""Blank lines dropped in one call of `next`: about a tenth of a millisecond."""


@frozen
class Malformed:
    """What stands in the place of a request: bytes that are none. `expected` says to people what
    would have been one.

    After the `last` the bytes cannot be told apart into requests any more: it is answered, and the
    connection closes.
    """

    expected: str
    last: bool = False


class Framing(Protocol[Item_co]):
    """Takes bytes apart into requests. Its work is linear in the bytes, however they are split."""

    @property
    def pending(self) -> int:
        """Return how many bytes are held of what was received. Once `next` has given None, they are
        an unfinished request.
        """

    def feed(self, data: bytes) -> None:
        """Take in what was received."""

    def end(self) -> None:
        """Hear that nothing more will be fed."""

    def next(self) -> Item_co | Later | None:
        """Take out the next request, or what stands in the place of one; None where there is no
        complete one.

        LATER says to call again: there is more to go through than one call should.
        """


class Framer(Framing[Request_co | Malformed], Protocol[Request_co]):
    """A framing of which bytes that are no request are `Malformed`. After a last one `next` is not
    called.
    """


class LineReader(ABC, Generic[Item]):
    """A framing that can be given a whole line, too.

    Nearly all lines come whole. Given so, a request of JSON takes a fifth less of the processor's
    time, its answer included, than where the framing looks for its end in a buffer of its own.
    """

    @property
    @abstractmethod
    def is_idle(self) -> bool:
        """Return whether nothing that was fed has a bearing on what comes next."""

    @abstractmethod
    def read_line(self, line: bytes | bytearray) -> Item | None:
        """Return what a line says, which is given without its LF; None where it is to be fed, with
        its LF and what follows.

        To be called only where the framing is idle.
        """


class LineFramer(LineReader[Request | Malformed], Generic[Request]):
    """Lines that end in LF or CRLF, at most `longest` bytes each; blank ones are nothing.

    What was begun and has no end when the input ends is no request: the rest may have been lost on
    its way, and half a number is a number too.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._data: bytes | bytearray = b""
        self._at = 0  # where the next line begins
        self._searched = 0  # there is no LF before this, from _at on
        self._ended = False

    @property
    def pending(self) -> int:
        return len(self._data) - self._at

    def feed(self, data: bytes) -> None:
        self._searched = max(self._searched - self._at, 0)
        self._data = append_received(self._data, self._at, data)
        self._at = 0

    def end(self) -> None:
        self._ended = True

    @property
    def is_idle(self) -> bool:
        return self._at == len(self._data)

    def read_line(self, line: bytes | bytearray) -> Request | Malformed | None:
        if len(line) > self._longest or not line or line.isspace():
            return None
        return self.read(bytes(line).removesuffix(b"\r"))

    def next(self) -> Request | Malformed | Later | None:
        for _ in range(_BLANK_LINES):
            data, at = self._data, self._at
            end = data.find(b"\n", max(at, self._searched))
            if end < 0:
                self._searched = len(data)
                return self._unfinished()
            if end - at > self._longest + (data[end - 1] == _CR):
                return self._too_long()
            line = bytes(data[at:end]).removesuffix(b"\r")
            self._at = self._searched = end + 1
            if line and not line.isspace():
                return self.read(line)
        return LATER

    @abstractmethod
    def read(self, line: bytes) -> Request | Malformed:
        """Return what a line says, which is given without its end."""

    def read_unended(self, line: bytes) -> Request | Malformed:
        """Return what a line says behind which the input has ended."""
        return Malformed("a line that ends in LF", last=True)

    def _unfinished(self) -> Request | Malformed | None:
        rest = self.pending
        if not rest:
            self._data, self._at, self._searched = b"", 0, 0
            return None
        if rest > self._longest + 1:
            return self._too_long()
        if not self._ended:
            return None
        line = bytes(self._data[self._at :])
        self._at = len(self._data)
        return None if line.isspace() else self.read_unended(line)

    def _too_long(self) -> Malformed:
        self._data, self._at = b"", 0
        return Malformed(f"a line of at most {self._longest} bytes", last=True)


_CR: Final = ord("\r")


class TextLines(LineFramer[str]):
    """Lines of text. A first line of HTTP is the last: no web page is to drive this port by what it
    hides in later lines.
    """

    def __init__(self, longest: int, encoding: str = "utf-8") -> None:
        super().__init__(longest)
        self._encoding = encoding
        self._is_first = True

    def read(self, line: bytes) -> str | Malformed:
        if self._is_first and is_http(line):
            return Malformed("a request of this port's own, not HTTP", last=True)
        self._is_first = False
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            return Malformed(f"a text in {self._encoding.upper()}")


class JSONLines(LineFramer[Any]):
    """Lines of JSON, of any type but nested at most `deepest` deep.

    In front of the first JSON, a line of another protocol is the last. A JSON text says itself
    where it ends, so the last one may come without LF: `printf` and other small clients send it so.
    """

    def __init__(self, longest: int, deepest: int) -> None:
        super().__init__(longest)
        self._deepest = deepest
        self._is_stranger = True

    def read(self, line: bytes) -> Any | Malformed:
        value = decoded_value(line, self._deepest)
        if value is MALFORMED:
            return Malformed("JSON in UTF-8, on one line", self._is_foreign(line.lstrip(b" \t\r")))
        self._is_stranger = False
        return (
            "null" if value is None else value
        )  # None would say that nothing has come; no wire takes either

    def read_unended(self, line: bytes) -> Any | Malformed:
        return self.read(line)

    def _is_foreign(self, line: bytes) -> bool:
        return begins_foreign(line[0]) or is_foreign(line) if self._is_stranger else is_http(line)


def as_line(value: object) -> bytes:
    """Return a value as JSON on a line of its own."""
    # Not by OPT_APPEND_NEWLINE: what orjson returns keeps the 4 KiB that it was written in, however
    # short it is, and 1,500 answers that a peer does not read took 6 MB. This is a copy, as long as
    # it says.
    return orjson.dumps(value) + b"\n"
