"""Connections that come by proxies: whose they are is known once the proxy has said it.

A proxy is one of the networks of the setting `proxies`. A connection from there must begin with a
PROXY header, and only then the dialect hears of it, with the client's own address: in the log, in
what is counted by address, in delays after failed logins. From anywhere else a header is what it is
to the dialect otherwise, bytes of another protocol, and refused as such.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from attrs import Factory, define, field
from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.peers import UNIX, is_in, networks_of
from sockcrud.protocols.admission import Tally
from sockcrud.protocols.proxy_header import NoHeader, read_header
from sockcrud.protocols.reactors import ListensOtherwise

HEADER_SECONDS: Final = 5.0
"""A proxy sends its header with the first bytes it sends: it has no reason to let anybody wait."""
MOST_WAITING: Final = 200
"""Connections whose header is not there yet. They count nowhere else, and their descriptors are
from the spare ones."""


@define(eq=False)
class Proxies:
    """Who is a proxy, and the connections that wait for their header."""

    networks: tuple[str, ...]
    clock: IReactorTime
    _waiting: set[_Introduction] = Factory(set)
    _refused: Tally = field(init=False)
    _is_proxy: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        message = (
            "{count} connections of proxies did not begin with a PROXY header, and were closed"
        )
        self._refused = Tally(message, self.clock)
        networks = networks_of(self.networks)
        self._is_proxy = lru_cache(1024)(lambda host: is_in(host, networks))

    def before(self, reactor: Any) -> Any:
        """Return a reactor whose listeners have these in front; the same one where there are
        none."""
        return _Reactor(reactor, self) if self.networks else reactor

    def has(self, address: IAddress | None) -> bool:
        """Return whether a connection from there is a proxy's."""
        host = getattr(address, "host", None)
        return UNIX in self.networks if host is None else self._is_proxy(host)

    def admit(self, waiting: _Introduction) -> bool:
        """Take in a connection that waits for its header; return False where there are too many."""
        if len(self._waiting) >= MOST_WAITING:
            self._refused.count()
            return False
        self._waiting.add(waiting)
        return True

    def leave(self, waiting: _Introduction, introduced: bool) -> None:
        """Forget one that waits no longer. Harmless when repeated."""
        if waiting in self._waiting:
            self._waiting.discard(waiting)
            self._refused.count(not introduced)

    def stop(self) -> None:
        """Close all that wait."""
        for waiting in list(self._waiting):
            waiting.give_up()


class _Reactor(ListensOtherwise):
    """A reactor whose listeners read headers first: below TLS, where proxies send them."""

    def __init__(self, reactor: Any, proxies: Proxies) -> None:
        super().__init__(reactor)
        self._proxies = proxies

    def _over(self, reactor: Any) -> _Reactor:
        return _Reactor(reactor, self._proxies)

    def listenTCP(self, port: int, factory: IProtocolFactory, *given: Any, **more: Any) -> Any:
        return self._reactor.listenTCP(port, _Introducing(self._proxies, factory), *given, **more)

    def listenUNIX(self, address: Any, factory: IProtocolFactory, *given: Any, **more: Any) -> Any:
        return self._reactor.listenUNIX(
            address, _Introducing(self._proxies, factory), *given, **more
        )

    def adoptStreamPort(self, descriptor: int, family: Any, factory: IProtocolFactory) -> Any:
        return self._reactor.adoptStreamPort(
            descriptor, family, _Introducing(self._proxies, factory)
        )


@implementer(IProtocolFactory)
class _Introducing:
    """Stands in front of a factory: makes a connection of its own once it is known whose it is."""

    def __init__(self, proxies: Proxies, factory: IProtocolFactory) -> None:
        self._proxies = proxies
        self._factory = factory
        self.doStart = factory.doStart

    def doStop(self) -> None:
        self._proxies.stop()
        self._factory.doStop()

    def buildProtocol(self, addr: IAddress) -> Any:
        if self._proxies.has(addr):
            return _Introduction(self._proxies, self._factory, addr)
        return self._factory.buildProtocol(addr)


class _Introduction(Protocol):
    """Reads the header of a connection, and hands over to the one that the factory makes."""

    transport: Any

    def __init__(self, proxies: Proxies, factory: IProtocolFactory, proxy: IAddress) -> None:
        self._proxies = proxies
        self._factory = factory
        self._proxy = proxy
        self._received = b""

    def connectionMade(self) -> None:
        if not self._proxies.admit(self):
            self.transport.abortConnection()
            return
        self._deadline = self._proxies.clock.callLater(HEADER_SECONDS, self.give_up)

    def dataReceived(self, data: bytes) -> None:
        self._received += data  # no longer than a header may be, and what came with the end of it
        try:
            header = read_header(self._received)
        except NoHeader:
            self.give_up()
            return
        if header is not None:
            self._leave(introduced=True)
            client = header.client or self._proxy
            protocol = self._factory.buildProtocol(client)
            if protocol is None:
                self.transport.abortConnection()
                return
            _hand_over(self.transport, protocol, client)
            if rest := self._received[header.length :]:
                protocol.dataReceived(rest)

    def give_up(self) -> None:
        """Close it: nobody knows whose it is."""
        self._leave(introduced=False)
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._leave(introduced=False)

    def _leave(self, introduced: bool) -> None:
        self._proxies.leave(self, introduced)
        deadline = getattr(self, "_deadline", None)
        if deadline is not None and deadline.active():
            deadline.cancel()


def _hand_over(transport: Any, protocol: Any, client: IAddress) -> None:
    """Give the transport to another protocol, with this client at its other end."""
    if hasattr(transport, "hand_over"):
        transport.hand_over(protocol, client)
        return
    transport.protocol = protocol  # as Twisted's own transports have it
    transport.getPeer = lambda: client
    protocol.makeConnection(transport)
