# mypy: allow-untyped-calls
"""A few promises that only a real socket can break: resets, half-closes, a peer that does not
read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.protocol import connectionDone as done
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.admission import Connections, Listening
from sockcrud.protocols.json.objects import JSONFactory, JSONLimits
from tests.protocols.test_connection import asked, names
from tests.support.awaiting import awaits
from tests.support.connection_kit import ScriptedResponder

LOCAL = "127.0.0.1"
PATIENCE = 20
"""Seconds after which a test is over that waits for what does not come."""


@implementer(IHalfCloseableProtocol)
class Client(Protocol):
    """A client that hears until the other end says no more, and then hangs up."""

    transport: Any

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.heard = bytearray()
        self._end: Deferred[str] = Deferred()
        self._size = 0
        self._enough: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if len(self.heard) >= self._size and not self._enough.called:
            self._enough.callback(None)

    async def hears(self, size: int) -> None:
        """Return when so many bytes were heard."""
        self._size, self._enough = size, Deferred()
        self.dataReceived(b"")
        await self._enough.addTimeout(PATIENCE, self._reactor)

    async def ends(self) -> bytes:
        """Return all that was heard when the connection is over; a reset is a failure."""
        ended = await self._end.addTimeout(PATIENCE, self._reactor)
        assert ended == "in order", (ended, self.heard[-100:])
        return bytes(self.heard)

    def readConnectionLost(self) -> None:
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Said all, and still listening."""

    def connectionLost(self, reason: Failure = done) -> None:
        self._end.callback("in order" if reason.check(ConnectionDone) else repr(reason.value))


class Server:
    """A listener on a port of its own, and clients for it."""

    def __init__(self, **limits: Any) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.connections = Connections(100, self.reactor)
        self.responder = ScriptedResponder()
        factory: Any = JSONFactory(
            lambda peer: self.responder,
            self.reactor,
            Listening(self.connections),
            JSONLimits(**limits),
        )
        self.port: Any = self.reactor.listenTCP(0, factory, interface=LOCAL)

    async def connect(self) -> Client:
        endpoint = TCP4ClientEndpoint(self.reactor, LOCAL, self.port.getHost().port)
        return cast(
            Client, await endpoint.connect(Factory.forProtocol(partial(Client, self.reactor)))
        )

    async def reached(self, state: Callable[[], bool]) -> None:
        """Return when it is so."""
        end = self.reactor.seconds() + PATIENCE
        while not state():
            assert self.reactor.seconds() < end
            await deferLater(self.reactor, 0)

    async def started(self, name: object) -> None:
        """Return when this request has begun."""
        await self.reached(lambda: name in self.responder.started)

    async def finish(self) -> None:
        await self.connections.finish(self.reactor, 5)


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[Server]:
    """A server, and nothing left of it behind."""
    server = Server(**limits)
    try:
        yield server
    finally:
        await server.port.stopListening()
        await server.finish()


@awaits
async def test_the_answer_to_an_over_long_request_arrives_although_the_client_still_sends() -> None:
    async with serving() as server:
        client = await server.connect()
        client.transport.write(b'{"a":"' + b"x" * 5_000_000)
        assert await client.ends() == b"bad\nbye\n"


@awaits
async def test_the_last_answer_arrives_although_the_client_still_sends() -> None:
    async with serving() as server:
        client = await server.connect()
        client.transport.write(asked(0, "last") + asked(1) * 100_000)
        assert await client.ends() == names(0, 1)


@awaits
async def test_the_answers_and_the_farewell_of_a_stop_arrive_although_the_client_still_sends() -> (
    None
):
    async with serving() as server:
        client = await server.connect()
        client.transport.write(asked(0, "wait") + asked(1, "last") + b"\n" * 5_000_000)
        await server.started(0)
        stopping = Deferred.fromCoroutine(server.finish())
        server.responder.fire(0)
        assert await client.ends() == b"0\n1\nbye\n"
        await stopping


@awaits
async def test_a_client_that_closes_its_half_hears_all_its_answers() -> None:
    async with serving() as server:
        client = await server.connect()
        client.transport.write(
            b"".join(asked(name, "fill", size=1000) for name in range(2000)) + asked(7)[:-1]
        )
        client.transport.loseWriteConnection()
        assert await client.ends() == b"x" * 2_000_000 + b"7\n"


@awaits
async def test_a_client_that_closes_its_half_in_the_middle_of_an_object_hears_bad_request() -> None:
    async with serving() as server:
        client = await server.connect()
        client.transport.write(b'{"is":')
        client.transport.loseWriteConnection()
        assert await client.ends() == b"bad\n"


@awaits
async def test_a_client_that_reads_late_hears_everything_in_order_and_keeps_nobody_waiting() -> (
    None
):
    async with serving() as server:
        slow, other = await server.connect(), await server.connect()
        slow.transport.pauseProducing()
        slow.transport.write(
            b"".join(
                asked(name, "slice", count=5) + asked(name, "fill", size=5000)
                for name in range(1500)
            )
        )
        await server.started(5)
        for size in (2, 4, 6):
            other.transport.write(asked(0))
            await other.hears(size)
        assert server.responder.started[-1] != 1499
        slow.transport.resumeProducing()
        slow.transport.loseWriteConnection()
        slices = [
            b"".join(f"{name}.{number}\n".encode() for number in range(5)) for name in range(1500)
        ]
        assert await slow.ends() == b"".join(part + b"x" * 5000 for part in slices)
        other.transport.loseConnection()


@awaits
async def test_one_too_many_hears_the_busy_answer_although_it_sends_at_once() -> None:
    async with serving() as server:
        server.connections.most = 1
        first, second = await server.connect(), await server.connect()
        first.transport.write(asked(0))
        await first.hears(2)
        second.transport.write(asked(1) * 1000)
        assert await second.ends() == b"busy\n"
        first.transport.loseConnection()
        await first.ends()


@awaits
async def test_a_client_that_vanishes_leaves_nothing_behind() -> None:
    async with serving() as server:
        client = await server.connect()
        client.transport.write(asked(0, "wait"))
        await server.started(0)
        client.transport.abortConnection()
        await server.reached(lambda: not len(server.connections))
        server.responder.fire(0)
        assert server.responder.started == [0]
