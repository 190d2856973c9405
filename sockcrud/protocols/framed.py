"""A connection whose bytes a framer of the wire format takes apart; what time has to do with that
is kept here.
"""

from __future__ import annotations

from math import inf
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from sockcrud.protocols.admission import Listening
from sockcrud.protocols.answers import Answer, CloseAfter, Work
from sockcrud.protocols.connection import Connection
from sockcrud.protocols.factory import ConnectionFactory
from sockcrud.protocols.framing import Framer, Malformed
from sockcrud.protocols.json.objects import JSONLimits
from sockcrud.protocols.pacing import LATER, Later
from sockcrud.protocols.state import OPEN

Request = TypeVar("Request")


class Responder(Protocol[Request]):
    """What a wire format puts behind one connection."""

    @property
    def greeting(self) -> bytes:
        """What is said before the first request."""

    @property
    def farewell(self) -> bytes:
        """What is said last when it is this end that closes."""

    @property
    def busy(self) -> bytes:
        """What is said to a connection too many."""

    def framer(self, limits: JSONLimits) -> Framer[Request]:
        """Return what takes the connection's bytes apart."""

    def answer(self, request: Request) -> Work:
        """Answer a request. A failure is a fault of ours."""

    def only_reads(self, request: Request) -> bool:
        """Return whether the request changes nothing, so that it may overlap with others of its
        kind.
        """

    def malformed(self, expected: str) -> bytes:
        """Return the answer to bytes that are no request."""

    def crashed(self) -> Answer:
        """Return the answer to a request that failed by a fault of ours."""

    def connection_lost(self) -> None:
        """Hear that the connection is gone; it may not have been taken in."""


class FramedConnection(Connection[Request | Malformed], Generic[Request]):
    """A connection whose bytes a framer takes apart.

    A request that has begun has `object_seconds` to be complete; then it is malformed, and the
    connection closes: where it would have ended nobody knows.
    """

    def __init__(
        self,
        responder: Responder[Request],
        clock: IReactorTime,
        connections: Listening,
        limits: JSONLimits,
    ) -> None:
        super().__init__(clock, connections, limits, responder.framer(limits))
        self._responder = responder
        self._patience = limits.object_seconds
        self._begun_at = inf  # when the first bytes came of what is unfinished
        self.farewell = responder.farewell

    # From the transport

    def connectionMade(self) -> None:
        super().connectionMade()
        if self._state <= OPEN and (greeting := self._responder.greeting):
            self._unsent += len(greeting)
            self._put(greeting)
            self._write()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._responder.connection_lost()

    # Requests and answers

    def next_request(self) -> Request | Malformed | Later | None:
        request = super().next_request()
        if request is not None and request is not LATER:
            self._begun_at = inf
        return request

    def nothing_complete(self) -> None:
        super().nothing_complete()
        if not self._framer.pending:
            self._begun_at = inf
        elif self._begun_at == inf:
            self._begun_at = self._clock.seconds()
            self.watch()

    def respond(self, request: Request | Malformed) -> Answer | Work:
        if not isinstance(request, Malformed):
            return self._responder.answer(request)
        answer = self._responder.malformed(request.expected)
        return CloseAfter(answer + self.farewell) if request.last else answer

    def only_reads(self, request: Request | Malformed) -> bool:
        return isinstance(request, Malformed) or self._responder.only_reads(request)

    def crashed(self) -> Answer:
        return self._responder.crashed()

    def too_many(self) -> bytes:
        return self._responder.busy

    # Deadlines

    def due(self) -> float:
        return min(super().due(), self._begun_at + self._patience)

    def overdue(self) -> None:
        if self._begun_at + self._patience <= self._clock.seconds():
            self._begun_at = inf
            self._lines = None
            self._framer = _Given(
                Malformed(f"a request that is complete within {self._patience:g} s", last=True)
            )
            self._go_raw(b"")
            self._pump()
        else:
            super().overdue()


class _Given:
    """The framer of a connection whose bytes nobody looks at any more: it gives what was found
    last.
    """

    pending: ClassVar[int] = 0

    def __init__(self, last: Malformed) -> None:
        self._last: Malformed | None = last

    def feed(self, data: bytes) -> None:
        """Take nothing in."""

    def end(self) -> None:
        """Nothing is unfinished."""

    def next(self) -> Malformed | None:
        last, self._last = self._last, None
        return last


class FramedFactory(ConnectionFactory[Responder[Any], JSONLimits, FramedConnection[Any]]):
    """Makes the connections of a wire format that has a framer."""

    def connect(self, responder: Responder[Any], peer: str) -> FramedConnection[Any]:
        return FramedConnection(responder, self._clock, self._connections, self._limits)
