"""Listening on TCP with uvloop's own transports."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from twisted.internet.interfaces import IListeningPort, IProtocol, IProtocolFactory
from twisted.internet.tcp import Port
from zope.interface import implementer

from sockcrud.uvloop.pieces import Pieces
from sockcrud.uvloop.transport import Address, UvloopTransport, log

LONG_TURN: Final = 0.002
"""Seconds after which answers wait no longer for the end of a turn: libuv reads from up to 49,152
sockets in one.
"""


class UvloopTCP:
    """Listens on a uvloop reactor as its `listenTCP` does, but for the transports. An endpoint
    takes it for a reactor.
    """

    def __init__(self, reactor: Any, loop: AbstractEventLoop) -> None:
        self.connections: set[UvloopTransport] = set()
        """All that are open."""
        self.loop = loop
        self.late: list[Callable[[], object]] = []
        self._since = 0.0
        self._ended: deque[UvloopTransport] = deque()
        self._reactor = reactor
        self.pieces = Pieces(loop)

    def listenTCP(
        self, port: Any, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Listen at once, or raise `CannotListenError`."""
        listening = UvloopPort(port, factory, backlog, interface, self._reactor)
        listening.startListening()
        return listening

    def adoptStreamPort(
        self, descriptor: int, family: Any, factory: IProtocolFactory
    ) -> IListeningPort:
        """Listen at once on a socket that listens already."""
        if family == socket.AF_UNIX:
            adopted: IListeningPort = self._reactor.adoptStreamPort(descriptor, family, factory)
            return adopted
        make: Any = UvloopPort._fromListeningDescriptor
        listening: UvloopPort = make(self._reactor, descriptor, family, factory)
        listening.startListening()
        return listening

    def in_the_end(self, call: Callable[[], object]) -> None:
        """Call it when all that has come in this turn was read.

        What is said then is said back to back, and whoever waits for it is woken once and not for
        each word: of requests over HTTP, from 50 connections, one core answers 31,900 a second so,
        and 17,900 where each answer is written at once.
        """
        if not self.late:
            self._since = perf_counter()
            self.loop.call_soon(self._end_turn)
        self.late.append(call)

    def hurry(self) -> None:
        """Do what waits for the end of a turn that has become long."""
        if perf_counter() - self._since > LONG_TURN:
            self._end_turn()

    def tell_of_end(self, transport: UvloopTransport) -> None:
        """Have its `input_over` called in a later turn, with not too many others.

        Ten thousand peers may leave at the same moment. To hear of one takes uvloop 4 us, to close
        its connection 16 more: so others are served between some and the next.
        """
        if not self._ended:
            self.loop.call_soon(self._end_some)
        self._ended.append(transport)

    def _end_some(self) -> None:
        since = perf_counter()
        try:
            while self._ended and perf_counter() - since <= LONG_TURN:
                self._ended[0].input_over()
                self._ended.popleft()  # only now: as long as one is there, this is due
        except Exception:
            self._ended.popleft()
            log.failure("a connection could not hear that its peer has ended")
        if self._ended:
            self.loop.call_soon(self._end_some)

    def _end_turn(self) -> None:
        late, self.late = self.late, []
        for call in late:
            try:
                call()
            except Exception:
                log.failure("what was to be done at the end of a turn failed")


class UvloopPort(Port):
    """Twisted's own port, so that it binds and accepts as Twisted does, also where there are no
    descriptors left.

    uvloop's own server stops listening for good when accepting has failed once.
    """

    def startListening(self) -> None:
        """Listen at once, or raise `CannotListenError`."""
        super().startListening()
        self.factory: Any = _Introducing(self.factory)

    @staticmethod
    def transport(  # type: ignore[override]  # Twisted calls it, and passes on what it gives
        accepted: socket.socket,
        protocol: _Introduction,
        client: object,
        port: object,
        number: int,
        reactor: Any,
    ) -> UvloopTransport:
        """Make the transport of a connection that was accepted."""
        return UvloopTransport(accepted, protocol.of, protocol.peer, reactor.plain_tcp)


@implementer(IProtocolFactory)
class _Introducing:
    """Makes a factory's protocols wait for their transports, which uvloop needs a turn for."""

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self.doStart = factory.doStart
        self.doStop = factory.doStop

    def buildProtocol(self, addr: Any) -> Any:
        protocol = self._factory.buildProtocol(addr)
        return None if protocol is None else _Introduction(protocol, addr)


class _Introduction:
    """Stands for a protocol before it has its transport."""

    def __init__(self, protocol: IProtocol, peer: Address) -> None:
        self.of = protocol
        self.peer = peer

    def makeConnection(self, transport: UvloopTransport) -> None:
        transport.begin()
