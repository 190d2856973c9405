"""HTTP/1.1 and 1.0 on a connection: keep-alive, pipelining, bodies, deadlines. What is asked and answered is the dialect's."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from enum import Enum
from functools import partial
from typing import Any, Final, Protocol, cast

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocolNegotiationFactory, IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.admission import Listening
from sockcrud.protocols.answers import Answer, CloseAfter, Work
from sockcrud.protocols.connection import Connection, Limits, State
from sockcrud.protocols.eager import run_eagerly
from sockcrud.protocols.http.bodies import Body
from sockcrud.protocols.http.framing import Refusal, Request, RequestFramer
from sockcrud.protocols.http.loose import LooseFramer
from sockcrud.protocols.http.responses import CONTINUE, LAST_RESORT, BodySlices, Response, Responses
from sockcrud.protocols.pacing import LATER, Later

__all__ = [
    "BodySink",
    "BodySlices",
    "HTTPConnection",
    "HTTPFactory",
    "HTTPLimits",
    "HTTPResponder",
    "Refusal",
    "Request",
    "Response",
]


@frozen
class HTTPLimits(Limits):
    """The bounds of this framing. A header block is counted from its request line to its blank line.

    A header's time runs from its first byte, a body's from the end of its header, and `keep_alive` from the last complete
    request or its answer, or else from the connection; infinity means for ever. A body for a sink may take as long as it
    likes, as long as nothing of it takes `body_seconds`.
    """

    header_bytes: int = 16 * 1024
    fields: int = 100
    target: int = 8 * 1024
    body: int = 1024 * 1024
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    keep_alive: float = 75.0


class BodySink(Protocol):
    """Takes in a body that is not to be held in memory. It belongs to the dialect from the moment its request is answered."""

    limit: int
    """The most bytes it takes."""

    def write(self, data: bytes) -> None:
        """Take in what comes next."""

    def done(self) -> None:
        """Hear that the body is complete."""

    def abandon(self) -> None:
        """Hear that nobody will ask for the body. It may have been complete."""


class HTTPResponder(Protocol):
    """What a dialect puts behind one connection. A failure of any of these is a fault of ours, and answered as 500."""

    @property
    def always(self) -> tuple[tuple[bytes, bytes], ...]:
        """Header fields of all answers, the errors of the wire too. They are the same for all connections of a factory."""

    def answer(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request."""

    def refuse_early(self, request: Request) -> Coroutine[Any, Any, Response | None]:
        """Look at a request whose body has not come, or not all of it; or whose body is for a sink.

        Fires with None where the body is wanted, or with the answer, after which the connection closes: the body is not
        read. So nothing is kept for a stranger but what came in one piece with the header.
        """

    def only_reads(self, request: Request) -> bool:
        """Return whether the request changes nothing, so that it may overlap with others of its kind."""

    def refusal(self, status: int, explanation: str) -> Response:
        """Word an error of the wire: 400, 405, 408, 414, 431, 500, 501, 503 or 505."""

    def body_sink(self, request: Request) -> BodySink | None:
        """Return what takes the body that is about to come, or None: then it is held in memory, up to the limit.

        This is asked before `refuse_early`, so a sink takes nothing up before its first `write`.
        """


class _Early:
    """A header, in the place of its request, that is looked at before the body comes."""

    def __init__(self, request: Request) -> None:
        self.request = request


Item = Request | Refusal | _Early


class _Phase(Enum):
    """What the peer is to send next."""

    HEADER = "the rest of a header"
    BODY = "the rest of a body"
    ANYTHING = "another request, if it likes"


_STOPPED: Final = State.STOPPED

_ADDED: Final = {405: (b"Allow", b""), 503: (b"Retry-After", b"1")}
"""Fields that a refusal needs, where the dialect names none."""


class HTTPConnection(Connection[Item]):
    """A connection that speaks HTTP.

    A body that is too large is not read: its request is answered and the connection closes, which tells the peer to stop.
    """

    def __init__(
        self,
        responder: HTTPResponder,
        clock: IReactorTime,
        connections: Listening,
        limits: HTTPLimits,
        responses: Responses,
        peer: str,
        loose: bool = False,
    ) -> None:
        super().__init__(clock, connections, limits)
        self._responder = responder
        self._bounds = limits
        self._responses = responses
        framer = LooseFramer if loose else RequestFramer
        self._framer = framer(peer, header_bytes=limits.header_bytes, fields=limits.fields, target=limits.target)
        self._receiving: Request | None = None  # its body is on the way
        self._body = bytearray()
        self._looked_at = False  # the dialect was asked whether it wants the body
        self._awaited = False  # and the peer waits to hear so
        self._phase: _Phase | None = _Phase.ANYTHING
        self._phase_began = 0.0
        self._silence: IDelayedCall | None = None

    # From the transport

    def dataReceived(self, data: bytes) -> None:
        if self._state < _STOPPED:
            self._framer.feed(data)
            self.received()

    def readConnectionLost(self) -> None:
        self._framer.end()
        super().readConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._let_go_of_body()
        if isinstance(self._held, Request):
            _abandon(self._held)
        self._framer.stop()
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        super().connectionLost(reason)

    # Requests

    @property
    def pending(self) -> int:
        """Return how many bytes are held that make no complete request yet."""
        return self._framer.pending + len(self._body)

    def next_request(self) -> Item | Later | None:
        if self._receiving is not None:
            return self._body_goes_on(self._receiving)
        head = self._framer.next_head()
        if head is None:
            self._wait(_Phase.HEADER if self._framer.at_hand else _Phase.ANYTHING)
            return None
        if head is LATER:
            return LATER
        self._phase = None
        body = self._framer.body
        if body is None or isinstance(head, Refusal):
            return head
        return self._body_begins(head, body)

    def _body_begins(self, request: Request, body: Body) -> Item | Later | None:
        try:
            request.sink = self._responder.body_sink(request)
        except Exception:
            return self._cannot_receive()
        body.limit = self._bounds.body if request.sink is None else request.sink.limit
        self._receiving = request
        if body.too_large:
            return self._too_large(request)
        self._looked_at = False
        self._awaited = _expects_continue(request) and not self._framer.at_hand
        return self._body_goes_on(request) if request.sink is None else self._look_first(request)

    def _look_first(self, request: Request) -> _Early:
        self._looked_at = True
        return _Early(request)

    def _body_goes_on(self, request: Request) -> Item | Later | None:
        """Take in what has come of the body; give the request when it is complete.

        All of it may have come with the header. Where it has not, the dialect is asked before anything is waited for.
        """
        while True:
            body = self._framer.body
            piece = self._framer.next_piece()
            if piece is None:
                if not self._looked_at and not self._framer.patience:
                    return self._look_first(request)
                self._wait(_Phase.BODY)
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
                self._phase_began = self._clock.seconds()  # it may be long, so its time is from one piece to the next
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
        self._let_go_of_body()
        self._framer.stop()
        request.too_large = True
        request.keep_alive = False
        return request

    def _cannot_receive(self) -> Refusal:
        self.log.failure("a body could not be received")
        self._let_go_of_body()
        self._framer.stop()
        return Refusal(500, "Internal server error")

    def _let_go_of_body(self) -> None:
        request, self._receiving = self._receiving, None
        self._body.clear()
        if request is not None:
            _abandon(request)

    # Answers

    def respond(self, request: Item) -> Answer | Work:
        if isinstance(request, Request):
            try:
                response = run_eagerly(self._responder.answer(request))
                if isinstance(response, Response):
                    return self._said(response, request)
            except Exception:
                return self._failed(None, request)
            return cast("Deferred[Answer]", response.addCallback(self._said, request).addErrback(self._failed, request))
        if isinstance(request, Refusal):
            return self._refuse(request.status, request.explanation)
        return self._look_early(request.request)

    def only_reads(self, request: Item) -> bool:
        return not isinstance(request, Request) or self._responder.only_reads(request)

    def crashed(self) -> Answer:
        return CloseAfter(LAST_RESORT)

    def too_many(self) -> bytes:
        return self._refuse(503, "Too many connections").body

    def _said(self, response: Response, request: Request) -> Answer:
        return self._responses.answer(
            response, head=request.method == "HEAD", http11=request.http11, keep_alive=request.keep_alive
        )

    def _failed(self, failure: Failure | None, request: Request) -> Answer:
        self.log.failure("a request could not be answered", failure)
        return self._said(self._responder.refusal(500, "Internal server error"), request)

    def _refuse(self, status: int, explanation: str) -> CloseAfter:
        response = self._responder.refusal(status, explanation)
        added = _ADDED.get(status)
        headers = response.headers
        if added is not None and all(name.lower() != added[0].lower() for name, _ in headers):
            headers = (*headers, added)
        body = b"" if isinstance(response.body, BodySlices) else response.body
        response = Response(response.status, body, response.content_type, headers)
        return cast(CloseAfter, self._responses.answer(response, keep_alive=False))

    async def _look_early(self, request: Request) -> Answer:
        """Ask the dialect before the body comes. Nothing more is taken from the input before it has answered."""
        self._holding = True
        try:
            response = await self._responder.refuse_early(request)
        except Exception:
            self.log.failure("a request could not be looked at")
            response = self._responder.refusal(500, "Internal server error")
        self._holding = False
        if response is None:
            return CONTINUE if self._awaited and not self._framer.at_hand else b""
        self._let_go_of_body()
        self._framer.stop()
        request.keep_alive = False
        return self._said(response, request)

    # Deadlines

    def due(self) -> float:
        limits, now = self._bounds, self._clock.seconds()
        if self._phase is _Phase.HEADER:
            patience, since = limits.header_seconds, self._phase_began
        elif self._phase is _Phase.BODY:
            patience, since = limits.body_seconds, self._phase_began
        else:
            patience, since = limits.keep_alive, self._request_at
        if self._turns or self._stream is not None or not self._reading:
            # This end is at work, or waits for its answers to be read: no time runs for the peer's next word.
            due = min(super().due(), now + patience)
        else:
            due = max(since, self._served_at) + patience
        # No timer is set later than this: so a connection that falls idle needs none set anew.
        return min(due, now + limits.keep_alive)

    def overdue(self) -> None:
        """Tell a peer that has begun a request that it was too slow; part in silence from one that has not."""
        if self._receiving is None and not self._framer.at_hand:
            super().overdue()
            return
        self._let_go_of_body()
        self._framer.stop()
        self._say(self._refuse(408, "The request took too long to come"))
        self._pump()

    def _wait(self, phase: _Phase) -> None:
        """Nothing complete is at hand: see to it that the rest comes in time."""
        if phase is _Phase.ANYTHING:
            self._phase = phase  # the timer that is set is early enough
            return
        if phase is not self._phase:
            self._phase = phase
            self._phase_began = self._clock.seconds()
            self.watch()
        if self._framer.patience:
            self._await_silence(self._active_at + self._framer.patience)

    def _await_silence(self, until: float) -> None:
        """Have the framing take what came as complete, if nothing comes until then."""
        if self._silence is not None:
            if self._silence.getTime() <= until:
                return
            self._silence.cancel()
        self._silence = self._clock.callLater(max(until - self._clock.seconds(), 0), self._hear_silence)

    def _hear_silence(self) -> None:
        self._silence = None
        patience = self._framer.patience
        if self._active_at + patience > self._clock.seconds():
            self._await_silence(self._active_at + patience)
        elif patience:
            self._framer.settle()
            self._pump()


def _expects_continue(request: Request) -> bool:
    return request.http11 and (request.header(b"expect") or b"").lower() == b"100-continue"


def _abandon(request: Request) -> None:
    if request.sink is not None:
        request.sink.abandon()
        request.sink = None


@implementer(IProtocolNegotiationFactory)
class HTTPFactory(Factory):
    """Makes the connections of one dialect. `responder` gets the address of the peer, `now` tells the time of day.

    `loose` also takes what clients in the field send without `Host` and without a proper end.
    """

    noisy = False

    def __init__(
        self,
        responder: Callable[[str], HTTPResponder],
        clock: IReactorTime,
        connections: Listening,
        limits: HTTPLimits,
        loose: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.responder = responder
        self._now = now
        self._responses: Responses | None = None  # made for the first connection, when there is a responder to ask
        self._make = partial(HTTPConnection, clock=clock, connections=connections, limits=limits, loose=loose)

    def acceptableProtocols(self) -> list[bytes]:
        """Return what TLS may agree on: without this, Twisted refuses the handshake of every client that offers a choice."""
        return [b"http/1.1", b"http/1.0"]

    def buildProtocol(self, addr: IAddress | None) -> HTTPConnection:
        peer = getattr(addr, "host", "")
        responder = self.responder(peer)
        if self._responses is None:
            self._responses = Responses(self._now, responder.always)
        return self._make(responder, responses=self._responses, peer=peer)
