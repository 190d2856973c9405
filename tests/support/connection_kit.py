# mypy: allow-untyped-calls
"""A connection in memory: a transport that is worked by hand, and a responder that does what the
requests say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from socket import SO_ERROR, SOL_SOCKET
from typing import Any

from attrs import evolve
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides, providedBy

from sockcrud.access import Principal
from sockcrud.protocols.admission import Connections, Listening, Shares
from sockcrud.protocols.answers import Answer, CloseAfter, Stream, Work
from sockcrud.protocols.json.objects import JSONConnection, JSONLimits, JSONObject, Responder


def line(request: object) -> bytes:
    """Return the answer of `ScriptedResponder` to a request of this name."""
    return f"{request}\n".encode()


class Slices:
    """A long answer, in so many slices. With `by_hand` each slice waits for `more`."""

    def __init__(self, name: object, count: int, by_hand: bool = False) -> None:
        self.given = 0
        self.closed = 0
        self.waits: Deferred[None] | None = None
        self.answer = Stream(self._slices(name, count, by_hand), self._close)

    async def _slices(self, name: object, count: int, by_hand: bool) -> AsyncIterator[bytes]:
        for number in range(count):
            if by_hand:
                self.waits = Deferred()
                await self.waits
            self.given += 1
            yield line(f"{name}.{number}")

    def _close(self) -> None:
        self.closed += 1


class ScriptedResponder:
    """Does what a request says: `{"is": its name, "do": what, "reads": whether it changes
    nothing}`.
    """

    internal_error = b"crash\n"
    busy = b"busy\n"
    farewell = b"bye\n"

    def __init__(self) -> None:
        self.principal = Principal("scripted", "192.0.2.7")
        self.started: list[Any] = []
        self.waiting: dict[Any, Deferred[Answer]] = {}
        self.slices: dict[Any, Slices] = {}
        self.calls: dict[str, Callable[[], None]] = {}

    def malformed(self, expected: str) -> bytes:
        return b"bad\n"

    def only_reads(self, request: JSONObject) -> bool:
        return bool(request.get("reads"))

    def answer(self, request: JSONObject) -> Work:
        name, do = request.get("is"), request.get("do", "answer")
        self.started.append(name)
        if do == "raise":
            raise RuntimeError("not in the script")
        if do == "wait":
            self.waiting[name] = Deferred()
            return self.waiting[name]
        return self._answer(name, do, request)

    async def _answer(self, name: Any, do: str, request: JSONObject) -> Answer:
        if do == "fail":
            raise RuntimeError("not in the script")
        if do == "await":
            self.waiting[name] = Deferred()
            return await self.waiting[name]
        if do == "last":
            return CloseAfter(line(name))
        if do == "slice":
            self.slices[name] = Slices(name, request.get("count", 3), request.get("by_hand", False))
            return self.slices[name].answer
        if do == "fill":
            return b"x" * int(request["size"])
        return line(name)

    def fire(self, name: Any, answer: Answer | None = None) -> None:
        """Let the answer that waits be known."""
        self.waiting.pop(name).callback(line(name) if answer is None else answer)


class TurningClock(Clock):
    """A clock that can go round once, as a reactor does: what is called for in a turn comes in a
    later one.
    """

    def turn(self) -> None:
        due = [call for call in self.calls if call.getTime() <= self.seconds()]
        for call in due:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class Wire(StringTransport):
    """A transport that counts its writes, and can be a TCP one: then it can close its half
    alone.
    """

    def __init__(self, tcp: bool = False) -> None:
        super().__init__()
        self.writes = 0
        self.unsent = 0
        self.fault = 0
        self.write_closed = False
        self.no_delay = False
        if tcp:
            directlyProvides(self, ITCPTransport, providedBy(self))

    def write(self, data: bytes) -> None:
        self.writes += 1
        super().write(data)

    def getHandle(self) -> Wire:
        return self

    def getsockopt(self, level: int, option: int) -> int:
        return self.fault if (level, option) == (SOL_SOCKET, SO_ERROR) else 0

    def unsent_bytes(self) -> int:
        return self.unsent

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def loseWriteConnection(self) -> None:
        self.write_closed = True

    @property
    def reads(self) -> bool:
        """Whether the connection wants to hear more."""
        return bool(self.producerState == "producing")

    def stall(self) -> None:
        """Be a peer that reads too slowly."""
        self.producer.pauseProducing()  # type: ignore[union-attr]

    def flow(self) -> None:
        """Be a peer that reads again."""
        self.producer.resumeProducing()  # type: ignore[union-attr]

    def said(self) -> bytes:
        """Return what was written since the last time."""
        said: bytes = self.value()
        self.clear()
        return said


class Peer:
    """One connection, as the one at its other end sees it."""

    def __init__(
        self, connection: JSONConnection, tcp: bool = False, address: str = "192.0.2.1"
    ) -> None:
        self.wire = Wire(tcp)
        self.wire.peerAddr = IPv4Address("TCP", address, 54321)
        self.connection = connection
        connection.makeConnection(self.wire)

    def send(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def hear(self) -> bytes:
        return self.wire.said()

    def ask(self, data: bytes) -> bytes:
        """Send, and return what is said at once."""
        self.send(data)
        return self.hear()

    def half_close(self) -> None:
        self.connection.readConnectionLost()

    def vanish(self) -> None:
        self.connection.connectionLost(Failure(ConnectionLost()))

    @property
    def is_closed(self) -> bool:
        """Whether this end closes, all that was said included."""
        return bool(self.wire.disconnecting and not self.wire.disconnected)

    @property
    def is_aborted(self) -> bool:
        """Whether this end closed at once."""
        return bool(self.wire.disconnected)


class ConnectionCase(SynchronousTestCase):
    """A clock, a responder, and as many connections as a test wants."""

    limits = JSONLimits()

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.clock.advance(1_700_000_000)
        self.connections = Connections(100, self.clock, reserve=0, shares=Shares(1.0))
        self.connections.scheduler.now = (
            self.clock.seconds
        )  # so that work takes no time, unless a test lets it
        self.responder = ScriptedResponder()

    def connect(
        self,
        responder: Responder | None = None,
        tcp: bool = False,
        address: str = "192.0.2.1",
        **limits: Any,
    ) -> Peer:
        """Return a new connection, served by the responder of the test unless another is given."""
        allowed = evolve(self.limits, **limits)
        connection = JSONConnection(
            responder or self.responder, self.clock, Listening(self.connections), allowed
        )
        return Peer(connection, tcp, address)

    def turn(self, turns: int = 1) -> None:
        """Let the reactor go round."""
        for _ in range(turns):
            self.clock.turn()

    def finishing(self, grace: float = 5.0) -> Deferred[None]:
        """Begin the graceful stop."""
        return Deferred.fromCoroutine(self.connections.finish(self.clock, grace))
