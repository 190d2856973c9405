"""HTTP/1.1 and 1.0 on a connection: keep-alive, pipelining, bodies, deadlines. What is asked and
answered is the dialect's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocolNegotiationFactory, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.admission import Listening
from sockcrud.protocols.answers import Answer, CloseAfter, Work
from sockcrud.protocols.connection import Connection
from sockcrud.protocols.eager import run_eagerly
from sockcrud.protocols.factory import ConnectionFactory
from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.loose import LooseFramer
from sockcrud.protocols.http.receiving import (
    BodySink,
    Early,
    HTTPLimits,
    Item,
    Phase,
    Receiver,
    Receiving,
    abandon,
)
from sockcrud.protocols.http.request import Refusal, Request
from sockcrud.protocols.http.responses import CONTINUE, LAST_RESORT, BodySlices, Response, Responses

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


class HTTPResponder(Receiver, Protocol):
    """What a dialect puts behind one connection. A failure of any of these is a fault of ours, and
    answered as 500.
    """

    @property
    def always(self) -> tuple[tuple[bytes, bytes], ...]:
        """Header fields of all answers, the errors of the wire too. They are the same for all
        connections of a factory.
        """

    def answer(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request."""

    def refuse_early(self, request: Request) -> Coroutine[Any, Any, Response | None]:
        """Look at a request whose body has not come, or not all of it; or whose body is for a sink.

        Fires with None where the body is wanted, or with the answer, after which the connection
        closes: the body is not read. So nothing is kept for a stranger but what came in one piece
        with the header.
        """

    def only_reads(self, request: Request) -> bool:
        """Return whether the request changes nothing, so that it may overlap with others of its
        kind.
        """

    def refusal(self, status: int, explanation: str) -> Response:
        """Word an error of the wire: 400, 405, 408, 414, 431, 500, 501, 503 or 505."""


_ANYTHING: Final = Phase.ANYTHING
_ADDED: Final = {405: (b"Allow", b""), 503: (b"Retry-After", b"1")}
"""Fields that a refusal needs, where the dialect names none."""


class HTTPConnection(Connection[Item]):
    """A connection that speaks HTTP.

    A body that is too large is not read: its request is answered and the connection closes, which
    tells the peer to stop.
    """

    _framer: Receiving

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
        framer = LooseFramer if loose else RequestFramer
        heads = framer(
            peer, header_bytes=limits.header_bytes, fields=limits.fields, target=limits.target
        )
        super().__init__(clock, connections, limits, Receiving(heads, responder, clock, limits))
        self._responder = responder
        self._bounds = limits
        self._responses = responses
        self._silence: IDelayedCall | None = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if isinstance(self._held, Request):
            abandon(self._held)
        self._record_unfinished()
        self._framer.stop()
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        super().connectionLost(reason)

    # Answers

    def respond(self, request: Item) -> Answer | Work:
        if isinstance(request, Request):
            try:
                response = run_eagerly(self._responder.answer(request), self._resume)
                if isinstance(response, Response):
                    return self._said(response, request)
            except Exception:
                return self._failed(None, request)
            return cast(
                "Deferred[Answer]",
                response.addCallback(self._said, request).addErrback(self._failed, request),
            )
        if isinstance(request, Refusal):
            return self._refuse(request.status, request.explanation)
        return self._look_early(request.request)

    def _take_bytes(self, request: Item) -> None:
        if type(request) is Early:
            self._raw = None  # the request is still to come
            return
        self._raw = self._take_intake(self._framer.behind)
        unrecorded = self._connections.unrecorded
        if unrecorded and type(request) is Request and request.path.startswith(unrecorded):
            self._raw = None

    def only_reads(self, request: Item) -> bool:
        return not isinstance(request, Request) or self._responder.only_reads(request)

    def crashed(self) -> Answer:
        return CloseAfter(LAST_RESORT)

    def too_many(self) -> bytes:
        return self._refuse(503, "Too many connections").body

    def _said(self, response: Response, request: Request) -> Answer:
        self._who = request.principal
        return self._responses.answer(
            response,
            head=request.method == "HEAD",
            http11=request.http11,
            keep_alive=request.keep_alive,
        )

    def _failed(self, failure: Failure | None, request: Request) -> Answer:
        self.log.failure("a request could not be answered", failure)
        return self._said(self._responder.refusal(500, "Internal server error"), request)

    def _refuse(self, status: int, explanation: str) -> CloseAfter:
        self._who = None
        response = self._responder.refusal(status, explanation)
        added = _ADDED.get(status)
        headers = response.headers
        if added is not None and all(name.lower() != added[0].lower() for name, _ in headers):
            headers = (*headers, added)
        body = b"" if isinstance(response.body, BodySlices) else response.body
        response = Response(response.status, body, response.content_type, headers)
        return cast(CloseAfter, self._responses.answer(response, keep_alive=False))

    async def _look_early(self, request: Request) -> Answer:
        """Ask the dialect before the body comes. Nothing more is taken from the input before it has
        answered.
        """
        self._holding = True
        try:
            response = await self._responder.refuse_early(request)
        except Exception:
            self.log.failure("a request could not be looked at")
            response = self._responder.refusal(500, "Internal server error")
        self._holding = False
        if response is None:
            return CONTINUE if self._framer.wants_to_hear else b""
        self._framer.stop()
        request.keep_alive = False
        answer = self._said(response, request)
        self._record_refusal(answer)
        return answer

    def _record_refusal(self, answer: Answer) -> None:
        """Have a refusal recorded of a request that has not come whole."""
        if self._recorder is not None and isinstance(answer, CloseAfter):
            self._keep(self._take_intake(0), answer.body, self._active_at, None)

    # Deadlines

    def due(self) -> float:
        limits, now = self._bounds, self._clock.seconds()
        if self._framer.phase is Phase.HEADER:
            patience, since = limits.header_seconds, self._framer.phase_began
        elif self._framer.phase is Phase.BODY:
            patience, since = limits.body_seconds, self._framer.phase_began
        else:
            patience, since = limits.keep_alive, self._request_at
        if self._turns or self._stream is not None or self.paused:
            # This end is at work, or waits for its answers to be read: no time runs for the peer's
            # next word.
            due = min(super().due(), now + patience)
        else:
            due = max(since, self._served_at) + patience
        # No timer is set later than this: so a connection that falls idle needs none set anew.
        return min(due, now + limits.keep_alive)

    def overdue(self) -> None:
        """Tell a peer that has begun a request that it was too slow; part in silence from one that
        has not.
        """
        if not self._framer.is_unfinished:
            super().overdue()
            return
        self._framer.stop()
        refusal = self._refuse(408, "The request took too long to come")
        self._record_refusal(refusal)
        self._say(refusal)
        self._pump()

    def nothing_complete(self) -> None:
        """See to it that the rest of what has begun comes in time."""
        framer = self._framer
        if framer.phase is _ANYTHING:
            return  # the timer that is set is early enough
        if framer.is_news:
            framer.is_news = False
            self.watch()
        if framer.patience:
            self._await_silence(self._active_at + framer.patience)

    def _await_silence(self, until: float) -> None:
        """Have the framing take what came as complete, if nothing comes until then."""
        if self._silence is not None:
            if self._silence.getTime() <= until:
                return
            self._silence.cancel()
        self._silence = self._clock.callLater(
            max(until - self._clock.seconds(), 0), self._hear_silence
        )

    def _hear_silence(self) -> None:
        self._silence = None
        patience = self._framer.patience
        if self._active_at + patience > self._clock.seconds():
            self._await_silence(self._active_at + patience)
        elif patience:
            self._framer.settle()
            self._pump()


@implementer(IProtocolNegotiationFactory)
class HTTPFactory(ConnectionFactory[HTTPResponder, HTTPLimits, HTTPConnection]):
    """Makes the connections of a dialect of HTTP. `now` tells the time of day.

    `loose` also takes what clients in the field send without `Host` and without a proper end.
    """

    def __init__(
        self,
        responder: Callable[[str], HTTPResponder],
        clock: IReactorTime,
        connections: Listening,
        limits: HTTPLimits,
        loose: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(responder, clock, connections, limits)
        self._loose = loose
        self._now = now
        self._responses: Responses | None = (
            None  # made for the first connection, when there is a responder to ask
        )

    def acceptableProtocols(self) -> list[bytes]:
        """Return what TLS may agree on: without this, Twisted refuses the handshake of every client
        that offers a choice.
        """
        return [b"http/1.1", b"http/1.0"]

    def connect(self, responder: HTTPResponder, peer: str) -> HTTPConnection:
        if self._responses is None:
            self._responses = Responses(self._now, responder.always)
        return HTTPConnection(
            responder,
            self._clock,
            self._connections,
            self._limits,
            self._responses,
            peer,
            loose=self._loose,
        )
