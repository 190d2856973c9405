"""JSON on TCP, the client's end: an answer is one line. And the raw way to ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, TypeVar

import orjson

from sockcrud.client.calls import Call, Reader, Wire, call
from sockcrud.client.errors import DEFAULT_WORDS, BadAnswer, CannotSend, Words
from sockcrud.client.fields import Fields

T = TypeVar("T")


class LineReader:
    """Reads lines out of bytes, the work linear in them however they are split."""

    is_last = False
    may_pipeline = True

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._received = bytearray()
        self._searched = 0

    def expect(self, call: Call[Any, Any]) -> None:
        """One line is like another."""

    def feed(self, data: bytes) -> None:
        self._received += data

    def take(self) -> bytes | None:
        end = self._received.find(b"\n", self._searched)
        if (len(self._received) if end < 0 else end) > self._longest:
            raise BadAnswer(f"an answer longer than {self._longest} bytes")
        if end < 0:
            self._searched = len(self._received)
            return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._searched = 0
        return line

    def end(self) -> bytes | None:
        return None

    @property
    def has_rest(self) -> bool:
        return bool(self._received)


class LineCalls:
    """Any server that speaks JSON, a line each."""

    default_port: ClassVar[int] = 0
    words: ClassVar[Words] = DEFAULT_WORDS

    @classmethod
    def wire(cls, longest_answer: int) -> Wire[bytes]:
        """Return the wire, with a limit to its answers."""
        reader: Callable[[], Reader[bytes]] = partial(LineReader, longest_answer)
        return Wire(reader, cls.words)

    @call
    def send(self, line: str | bytes) -> Call[bytes, str]:
        """Send one line as it stands, and return the line that answers it, whatever it says."""
        raw = line.encode(errors="surrogateescape") if isinstance(line, str) else line
        raw = raw.rstrip(b"\r\n")
        if not raw.strip() or b"\n" in raw:
            raise CannotSend("a request is one line, and not a blank one")
        return Call(raw + b"\n", _as_text)


def _as_text(line: bytes) -> str:
    try:
        return line.decode().rstrip("\r")
    except UnicodeDecodeError:
        raise BadAnswer("an answer that is not UTF-8") from None


def line_call(
    request: dict[str, Any], read: Callable[[Fields], T], repeatable: bool = False
) -> Call[bytes, T]:
    """Return the call that sends an object, and reads the object that answers it."""
    return Call(encoded(request) + b"\n", lambda line: read(Fields.decoded(line)), repeatable)


def encoded(value: Any) -> bytes:
    """Return JSON; raise `CannotSend` for what cannot be any, such as a text with half a
    character.
    """
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise CannotSend(f"what is given cannot be sent as JSON ({error})") from None
