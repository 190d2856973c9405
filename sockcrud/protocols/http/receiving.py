"""HTTP requests with their bodies, out of bytes: in memory, or into what the dialect has for
them.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sockcrud.protocols.http.bodies import Body
from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.request import Refusal, Request
from sockcrud.protocols.lifetime import Limits
from sockcrud.protocols.pacing import LATER, Later


@frozen
class HTTPLimits(Limits):
    """The bounds of this framing. A header block is counted from its request line to its blank
    line.

    A header's time runs from its first byte, a body's from the end of its header, and `keep_alive`
    from the last complete request or its answer, or else from the connection; infinity means for
    ever. A body for a sink may take as long as it likes, as long as nothing of it takes
    `body_seconds`.
    """

    header_bytes: int = 16 * 1024
    fields: int = 100
    target: int = 8 * 1024
    body: int = 1024 * 1024
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    keep_alive: float = 75.0


class BodySink(Protocol):
    """Takes in a body that is not to be held in memory. It belongs to the dialect from the moment
    its request is answered.
    """

    limit: int
    """The most bytes it takes."""

    def write(self, data: bytes) -> None:
        """Take in what comes next."""

    def done(self) -> None:
        """Hear that the body is complete."""

    def abandon(self) -> None:
        """Hear that nobody will ask for the body. It may have been complete."""


class Receiver(Protocol):
    """What a dialect says of bodies."""

    def body_sink(self, request: Request) -> BodySink | None:
        """Return what takes the body that is about to come, or None: then it is held in memory, up
        to the limit.

        This is asked before `refuse_early`, so a sink takes nothing up before its first `write`.
        """


@frozen
class Early:
    """A header, in the place of its request, that is looked at before the body comes."""

    request: Request


Item = Request | Refusal | Early


class Phase(Enum):
    """What the peer is to send next."""

    HEADER = "the rest of a header"
    BODY = "the rest of a body"
    ANYTHING = "another request, if it likes"


_HEADER: Final = Phase.HEADER
_ANYTHING: Final = Phase.ANYTHING


class Receiving:
    """A framing of whole requests: their headers and the pieces of their bodies are
    `RequestFramer`'s.

    A body that is too large is not read: its request is given without it, and nothing follows.
    """

    log = Logger()

    def __init__(
        self, framer: RequestFramer, dialect: Receiver, clock: IReactorTime, limits: HTTPLimits
    ) -> None:
        self._framer = framer
        self.feed, self.end, self.settle = framer.feed, framer.end, framer.settle
        self._dialect = dialect
        self._clock = clock
        self._limits = limits
        self._receiving: Request | None = None  # its body is on the way
        self._body = bytearray()
        self._looked_at = False  # the dialect was asked whether it wants the body
        self._awaited = False  # and the peer waits to hear so
        self.phase: Phase | None = Phase.ANYTHING
        """What is to come, as of the last time that `next` gave None."""
        self.phase_began = 0.0
        """Since when it is to come."""
        self.is_news = False
        """Whether the phase began anew; whoever takes note of it says so here."""

    @property
    def pending(self) -> int:
        """Return how many bytes are held that make no complete request yet."""
        return self._framer.pending + len(self._body)

    @property
    def behind(self) -> int:
        """Return how many bytes there are behind the request that was given last."""
        framer = self._framer
        return len(framer._data) - framer._at

    @property
    def is_unfinished(self) -> bool:
        """Return whether a request has begun and is not complete."""
        return self._receiving is not None or self._framer.at_hand

    @property
    def patience(self) -> float:
        """Return the seconds of silence after which `settle` may make a difference; 0 where it
        makes none.
        """
        return self._framer.patience

    @property
    def wants_to_hear(self) -> bool:
        """Return whether the peer waits to hear that its body is wanted."""
        return self._awaited and not self._framer.at_hand

    def stop(self) -> None:
        """Take nothing more in and give nothing more out."""
        self._let_go_of_body()
        self._framer.stop()

    def next(self) -> Item | Later | None:
        if self._receiving is not None:
            return self._body_goes_on(self._receiving)
        head = self._framer.next_head()
        if head is None:
            if self._framer.at_hand:
                self._wait(_HEADER)
            else:
                self.phase = _ANYTHING
            return None
        if head is LATER:
            return LATER
        self.phase = None
        body = self._framer.body
        if body is None or isinstance(head, Refusal):
            return head
        return self._body_begins(head, body)

    def _body_begins(self, request: Request, body: Body) -> Item | Later | None:
        try:
            request.sink = self._dialect.body_sink(request)
        except Exception:
            return self._cannot_receive()
        body.limit = self._limits.body if request.sink is None else request.sink.limit
        self._receiving = request
        if body.too_large:
            return self._too_large(request)
        self._looked_at = False
        self._awaited = _expects_continue(request) and not self._framer.at_hand
        return self._body_goes_on(request) if request.sink is None else self._look_first(request)

    def _look_first(self, request: Request) -> Early:
        self._looked_at = True
        return Early(request)

    def _body_goes_on(self, request: Request) -> Item | Later | None:
        """Take in what has come of the body; give the request when it is complete.

        All of it may have come with the header. Where it has not, the dialect is asked before
        anything is waited for.
        """
        while True:
            body = self._framer.body
            piece = self._framer.next_piece()
            if piece is None:
                if not self._looked_at and not self._framer.patience:
                    return self._look_first(request)
                self._wait(Phase.BODY)
                return None
            if isinstance(piece, Refusal):
                self._let_go_of_body()
                return piece
            if body is not None and body.too_large:
                return self._too_large(request)
            complete = self._framer.body is None
            try:
                self._take_in(request, piece, complete)
            except Exception:
                return self._cannot_receive()
            if complete:
                self._receiving = None
                return request
            if self._framer.at_hand:
                return LATER

    def _take_in(self, request: Request, piece: bytes, complete: bool) -> None:
        if request.sink is not None:
            if piece:
                request.sink.write(piece)
                self.phase_began = (
                    self._clock.seconds()
                )  # it may be long, so its time is from one piece to the next
            if complete:
                request.sink.done()
        elif complete and not self._body:
            request.body = piece
        else:
            self._body += piece
            if complete:
                request.body = bytes(self._body)
                self._body.clear()

    def _too_large(self, request: Request) -> Request:
        self.stop()
        request.too_large = True
        request.keep_alive = False
        return request

    def _cannot_receive(self) -> Refusal:
        self.log.failure("a body could not be received")
        self.stop()
        return Refusal(500, "Internal server error")

    def _let_go_of_body(self) -> None:
        request, self._receiving = self._receiving, None
        self._body.clear()
        if request is not None:
            abandon(request)

    def _wait(self, phase: Phase) -> None:
        """Take note of what is to come: nothing that has come is complete."""
        if phase is not self.phase:
            self.phase = phase
            self.phase_began = self._clock.seconds()
            self.is_news = True


def _expects_continue(request: Request) -> bool:
    return request.http11 and (request.header(b"expect") or b"").lower() == b"100-continue"


def abandon(request: Request) -> None:
    """Have the sink of a request, if it has one, hear that nobody will ask for the body."""
    if request.sink is not None:
        request.sink.abandon()
        request.sink = None
