# as Twisted has it
# mypy: disable-error-code="misc,no-untyped-def,assignment"
"""Twisted's own cases for stream transports, for connections that a listener of the uvloop reactor
accepted.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import ServerFactory
from twisted.internet.test import connectionmixins, test_tcp
from twisted.internet.test.reactormixins import ReactorBuilder

from tests.uvloop.uvloop_kit import UVLOOP


class _Swapping(connectionmixins.EndpointCreator):
    """Gives what a case takes for its client the accepted end of the connection, as that is the end
    to be tested.
    """

    of_server: Any
    accepting: Any

    def server(self, reactor: Any) -> Any:
        return _Listens(self, reactor)

    def client(self, reactor: Any, serverAddress: Any) -> Any:
        return _Connects(self, reactor, serverAddress.port)


class _Listens:
    def __init__(self, swapping: _Swapping, reactor: Any) -> None:
        self._swapping = swapping
        self._reactor = reactor

    def listen(self, factory: Any) -> Any:
        self._swapping.of_server = factory
        self._swapping.accepting = ServerFactory()
        return TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1").listen(
            self._swapping.accepting
        )


class _Connects:
    def __init__(self, swapping: _Swapping, reactor: Any, port: int) -> None:
        self._swapping = swapping
        self._endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)

    def connect(self, factory: Any) -> Any:
        made: Deferred[Any] = Deferred()

        def build(address: object) -> Any:
            protocol = factory.buildProtocol(address)
            connect = protocol.makeConnection

            def connected(transport: object) -> None:
                del protocol.makeConnection
                connect(transport)
                made.callback(protocol)

            protocol.makeConnection = connected
            return protocol

        self._swapping.accepting.buildProtocol = build
        return self._endpoint.connect(self._swapping.of_server).addCallback(lambda _: made)


class Ports(
    test_tcp.ListenTCPMixin,
    test_tcp.TCPPortTestsMixin,
    test_tcp.StreamTransportTestsMixin,
    ReactorBuilder,
):
    """Listening, its addresses and log messages, and what happens where there are no descriptors
    left.
    """

    _reactors = [UVLOOP]  # noqa: RUF012
    timeout = 20


class Transports(test_tcp.TCPTransportTestsBuilder):
    """Writing in sequences."""

    # These look at the number that Twisted's transports have among those of their port, which no
    # interface names.
    test_serverAddressTCP4 = test_serverAddressTCP6 = None

    _reactors = [UVLOOP]  # noqa: RUF012
    timeout = 20


class Connections(test_tcp.TCPConnectionTestsBuilder):
    """Pausing, resuming, half-closing."""

    _reactors = [UVLOOP]  # noqa: RUF012
    timeout = 20


class Aborting(test_tcp.AbortConnectionTests):
    """Aborting at all times."""

    _reactors = [UVLOOP]  # noqa: RUF012
    timeout = 20
    endpoints = _Swapping()


class Losing(connectionmixins.ConnectionTestsMixin, ReactorBuilder):
    """What is left of a connection that is lost."""

    # no log context is set up for every piece of data: uvloop calls the protocol, and nothing else
    test_logPrefix = None

    _reactors = [UVLOOP]  # noqa: RUF012
    timeout = 20
    endpoints = _Swapping()
    requiredInterfaces = (IReactorTCP,)


for builder in (Ports, Transports, Connections, Aborting, Losing):
    globals().update(builder.makeTestCaseClasses())
