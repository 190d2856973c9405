"""What an author writes a wire format on: a class that turns a request into a call of an operation,
and its result into bytes.

    class Phone(LineDialect):
        words = {NotFound: "NO SUCH USER", Invalid: "WRONG {field}", DomainError: "SORRY"}

        async def lineReceived(self, line: str) -> str:
            user = await self.users.get(self.principal, int(line))
            return user.name

One instance stands behind each connection. Order, back-pressure, limits, deadlines and the end are
the connection's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from sockcrud.access import Principal
from sockcrud.errors import Busy, Crashed, DomainError, Invalid
from sockcrud.protocols.answers import Answer, CloseAfter, Stream
from sockcrud.protocols.framed import FramedFactory
from sockcrud.protocols.framing import Framer, JSONLines, TextLines, as_line
from sockcrud.protocols.json.objects import JSONLimits
from sockcrud.refusals import NO_OPERATION, refusals

if TYPE_CHECKING:
    from sockcrud.serving import Serving

Request = TypeVar("Request")
Words = TypeVar("Words")


class _Told(dict[str, Any]):
    """What an error tells. What it does not tell is left out: words for many errors need not fit
    each of them.
    """

    def __missing__(self, name: str) -> str:
        return ""


class ByteDialect(ABC, Generic[Request, Words]):
    """A wire format of bytes, which a framer of its own takes apart, behind one connection.

    A subclass has `framer` and `reply`, and its `words` for errors: those for `DomainError` are for
    all errors that have none of their own, and where there are none at all, the connection closes.
    It may have `render`, `only_reads`, and what is said to greet and to part.
    """

    words: ClassVar[Mapping[type[DomainError], Any]] = {}
    encoding: ClassVar[str] = "utf-8"
    delimiter: ClassVar[str] = "\r\n"
    """What is added to each answer that is a text."""
    greeting: ClassVar[bytes] = b""
    farewell: ClassVar[bytes] = b""

    def __init__(self, serving: Serving, address: str) -> None:
        self.serving = serving
        self.principal = Principal(serving.dialect.name, address)

    @classmethod
    def factory(cls, serving: Serving) -> FramedFactory:
        """Return what makes the connections of this wire format."""
        named = type(f"{cls.__name__}Factory", (FramedFactory,), {})  # the log names it
        factory: FramedFactory = named(
            lambda address: cls(serving, address),
            serving.clock,
            serving.connections,
            serving.json_limits,
        )
        return factory

    # What a subclass says

    @abstractmethod
    def framer(self, limits: JSONLimits) -> Framer[Request]:
        """Return what takes the connection's bytes apart."""

    @abstractmethod
    async def reply(self, request: Request) -> Words | Answer | None:
        """Return the answer to a request, None for no answer; raise a `DomainError`, for which
        there are `words`.
        """

    def render(self, words: Words) -> bytes:
        """Return an answer as bytes: a text with the delimiter behind it, unless a subclass has
        another way.
        """
        return f"{words}{self.delimiter}".encode(self.encoding, "replace")

    def failed(self, error: DomainError) -> Words | Answer:
        """Return the answer to a request that cannot be had: the words for it, which may name what
        the error tells: {field}.
        """
        for kind in type(error).__mro__:
            if kind in self.words:
                words: Words = self.words[kind]
                return words.format_map(_Told(vars(error))) if isinstance(words, str) else words  # type: ignore[return-value]
        return CloseAfter(self.farewell)

    def only_reads(self, request: Request) -> bool:
        """Return whether the request changes nothing, so that it may overlap with others of its
        kind.
        """
        return False

    def connection_lost(self) -> None:
        """Hear that the connection is gone."""

    # What the connection asks for

    @property
    def busy(self) -> bytes:
        """What is said to a connection too many."""
        return self._plain(self.failed(Busy()))

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request."""
        try:
            reply = await self.reply(request)
        except DomainError as error:
            refusals.note_error(self.principal.dialect, self.principal.address, NO_OPERATION, error)
            reply = self.failed(error)
        return self._rendered(reply)

    def malformed(self, expected: str) -> bytes:
        """Return the answer to bytes that are no request."""
        refusals.note(
            self.principal.dialect,
            self.principal.address,
            NO_OPERATION,
            f"expected {expected}",
            "request",
        )
        return self._plain(self.failed(Invalid("request", expected)))

    def crashed(self) -> Answer:
        """Return the answer to a request that failed by a fault of ours."""
        return self._rendered(self.failed(Crashed()))

    def _rendered(self, reply: Words | Answer | None) -> Answer:
        if reply is None:
            return b""
        return reply if isinstance(reply, (bytes, CloseAfter, Stream)) else self.render(reply)

    def _plain(self, reply: Words | Answer) -> bytes:
        answer = self._rendered(reply)
        return answer if isinstance(answer, bytes) else getattr(answer, "body", b"")


class LineDialect(ByteDialect[str, str]):
    """A wire format of lines of text."""

    def framer(self, limits: JSONLimits) -> TextLines:
        return TextLines(limits.request, self.encoding)

    @abstractmethod
    async def lineReceived(self, line: str) -> str | Answer | None:
        """Return the answer to a line, which comes without its end; None for no answer. Raise a
        `DomainError`.
        """

    async def reply(self, request: str) -> str | Answer | None:
        return await self.lineReceived(request)


class JSONValueDialect(ByteDialect[Any, Any]):
    """A wire format of JSON, one value a line."""

    def framer(self, limits: JSONLimits) -> JSONLines:
        return JSONLines(limits.request, limits.depth)

    def render(self, words: Any) -> bytes:
        return as_line(words)


class JSONLineDialect(JSONValueDialect):
    """A wire format of JSON objects, one a line."""

    @abstractmethod
    async def objectReceived(self, object: dict[str, Any]) -> Any:
        """Return the answer to an object: what can be written as JSON, None for no answer. Raise a
        `DomainError`.
        """

    async def reply(self, request: Any) -> Any:
        if not isinstance(request, dict):
            raise Invalid("request", "a JSON object")
        return await self.objectReceived(request)
