"""JSON objects on a TCP connection: what `ObjectFramer` finds, and what time has to do with it."""

from __future__ import annotations

from math import inf
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from sockcrud.access import Principal
from sockcrud.protocols.admission import Listening
from sockcrud.protocols.answers import Answer, CloseAfter, Work
from sockcrud.protocols.connection import Connection, Limits
from sockcrud.protocols.factory import ConnectionFactory
from sockcrud.protocols.json.framer import BEHIND, BRACE, Fault, ObjectFramer, Wait
from sockcrud.protocols.json.text import DEEPEST, JSONObject

__all__ = [
    "Fault",
    "JSONConnection",
    "JSONFactory",
    "JSONLimits",
    "JSONObject",
    "ObjectFramer",
    "Responder",
]

QUIET: Final = 0.25
"""Seconds without a byte after which a line that is no object is complete: people type into clients
that send no newline.
"""

LINES: Final = "JSON, a line each"
OBJECTS: Final = "JSON without a newline"
"""What a client is known by that does not say what it is: how it framed its first request."""


class Responder(Protocol):
    """What a dialect puts behind one connection."""

    principal: Principal
    """Who asks."""
    internal_error: bytes
    busy: bytes
    farewell: bytes

    def answer(self, request: JSONObject) -> Work:
        """Answer one request. Fires with the answer; a failure is a fault of ours."""

    def only_reads(self, request: JSONObject) -> bool:
        """Return whether the request changes nothing."""

    def malformed(self, expected: str) -> bytes:
        """Return the answer to bytes that are no request."""


@frozen
class JSONLimits(Limits):
    """The bounds of this framing. An object's time runs from its first byte."""

    request: int = 64 * 1024
    depth: int = DEEPEST
    object_seconds: float = 10.0


class JSONConnection(Connection[JSONObject | Fault]):
    """A connection that speaks JSON objects.

    Its one timer (see `Connection.watch`) is set earlier while something unfinished has come: so a
    connection that sends what it has to say in whole objects sets none.
    """

    _framer: ObjectFramer

    def __init__(
        self, responder: Responder, clock: IReactorTime, connections: Listening, limits: JSONLimits
    ) -> None:
        super().__init__(clock, connections, limits, ObjectFramer(limits.request, limits.depth))
        self._responder = responder
        self._is_known = False
        self._object_seconds = limits.object_seconds
        self._begun = 0  # the number of the object that is unfinished
        self._begun_at = 0.0
        self._heard_at = 0.0  # when the last byte of what is unfinished came
        self.farewell = responder.farewell
        self.busy = responder.busy

    # From the transport

    def rawDataReceived(self, data: bytes) -> None:
        framer = self._framer
        if (
            framer.waits is BEHIND
            and data
            and data[0] != BRACE
            and self._clock.seconds() - self._heard_at >= QUIET
        ):
            framer.cut()
        framer.feed(data)

    # Requests and answers

    def nothing_complete(self) -> None:
        framer = self._framer
        waits = framer.waits
        if waits is None:
            super().nothing_complete()
        elif framer.is_news:
            framer.is_news = False
            self._heard_at = self._clock.seconds()
            if waits is not BEHIND:
                self._see_to(waits)

    def respond(self, request: JSONObject | Fault) -> Answer | Work:
        if isinstance(request, dict):
            if not self._is_known:
                self._is_known = True
                software = self._responder.principal.software
                software.is_called(LINES if self.line_mode else OBJECTS)
            return self._responder.answer(request)
        answer = self._responder.malformed(f"a JSON object, and this is {request.value}")
        return answer if request is Fault.SYNTAX else CloseAfter(answer + self._responder.farewell)

    def only_reads(self, request: JSONObject | Fault) -> bool:
        return isinstance(request, Fault) or self._responder.only_reads(request)

    def crashed(self) -> Answer:
        return self._responder.internal_error

    # Deadlines

    def due(self) -> float:
        return min(super().due(), self._unfinished_due())

    def overdue(self) -> None:
        """Take what is unfinished for what it is; end the connection only where it has been idle,
        and answer that first.
        """
        if self._unfinished_due() <= self._clock.seconds():
            self._framer.cut()
            self._pump()
            self.watch()
        else:
            self._framer.end()
            self._pump()
            super().overdue()

    def _unfinished_due(self) -> float:
        if self._framer.waits is Wait.WORDS:
            return self._heard_at + QUIET
        if self._framer.waits is Wait.OBJECT:
            return self._begun_at + self._object_seconds
        return inf

    def _see_to(self, unfinished: Wait) -> None:
        """See to it that what has just come, and is not complete, does not stay so."""
        if unfinished is Wait.OBJECT and self._framer.begun != self._begun:
            self._begun = self._framer.begun
            self._begun_at = self._heard_at
        self.watch()


class JSONFactory(ConnectionFactory[Responder, JSONLimits, JSONConnection]):
    """Makes the connections of a dialect of JSON objects."""

    def connect(self, responder: Responder, peer: str) -> JSONConnection:
        return JSONConnection(responder, self._clock, self._connections, self._limits)
