"""Connections by proxies: the client's own address where a proxy that is named says it, and nobody
else's word for it.
"""

from __future__ import annotations

import contextlib
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.peers import read_networks
from sockcrud.protocols.listen import endpoint
from sockcrud.protocols.proxies import HEADER_SECONDS, MOST_WAITING, Proxies
from sockcrud.protocols.proxy_header import LONGEST_2, Header, NoHeader, read_header
from tests.support.certificate_kit import certified
from tests.support.running import Daemon

PROXY = "10.0.0.7"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ANA = IPv4Address("TCP", "192.0.2.44", 5555)
SIX = IPv6Address("TCP", "2001:db8::1", 5555)


def version_2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


TCP4 = bytes([192, 0, 2, 44, 10, 0, 0, 1]) + struct.pack("!HH", 5555, 80)
TCP6 = bytes.fromhex("20010db8000000000000000000000001" * 2) + struct.pack("!HH", 5555, 80)
GOOD = (
    (b"PROXY TCP4 192.0.2.44 10.0.0.1 5555 80\r\n", ANA),
    (b"PROXY TCP6 2001:DB8:0:0::1 ::1 5555 80\r\n", SIX),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    (version_2(0x21, 0x11, TCP4), ANA),
    (version_2(0x21, 0x21, TCP6), SIX),
    (version_2(0x21, 0x11, TCP4 + b"\x03\0\4\1\2\3\4"), ANA),
    (version_2(0x20, 0x00, b""), None),
    (version_2(0x20, 0x11, TCP4), None),
    (version_2(0x21, 0x31, b"\0" * 216), None),
)
BAD = (
    b"GET / HTTP/1.1\r\n",
    b"proxy TCP4 192.0.2.44 10.0.0.1 5555 80\r\n",
    b"PROXY TCP4 192.0.2.44\r\n",
    b"PROXY TCP4 192.0.2.444 10.0.0.1 5555 80\r\n",
    b"PROXY TCP4 2001:db8::1 ::1 5555 80\r\n",
    b"PROXY TCP6 192.0.2.44 10.0.0.1 5555 80\r\n",
    b"PROXY TCP4 192.0.2.44 10.0.0.1 65536 80\r\n",
    b"PROXY TCP4 192.0.2.44 10.0.0.1 -1 80\r\n",
    b"PROXY TCP4 " + b"1" * 200,
    version_2(0x11, 0x11, TCP4),
    version_2(0x21, 0x12, TCP4),
    version_2(0x21, 0x11, TCP4[:-1]),
    SIGNATURE + b"\x21\x11" + struct.pack("!H", LONGEST_2),
)


class HeaderTests(SynchronousTestCase):
    def test_each_says_whose_the_connection_is_however_it_comes(self) -> None:
        for header, client in GOOD:
            self.assertEqual(read_header(header + b"GET /"), Header(client, len(header)))
            for length in range(len(header)):
                self.assertIsNone(read_header(header[:length]), header[:length])

    def test_what_is_none_is_refused(self) -> None:
        for received in BAD:
            self.assertRaises(NoHeader, read_header, received)

    @given(st.binary(max_size=300))
    @settings(max_examples=30)
    def test_no_bytes_are_a_fault(self, received: bytes) -> None:
        for start in (b"", b"PROXY ", SIGNATURE):
            try:
                header = read_header(start + received)
            except NoHeader:
                continue
            self.assertTrue(header is None or header.length <= len(start + received))


class Echo(Protocol):
    """Says who is at the other end, and all that it hears."""

    def connectionMade(self) -> None:
        self.transport.write(str(getattr(self.transport.getPeer(), "host", "")).encode() + b":")  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]


class ProxiesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.proxies = Proxies(("10.0.0.0/24", "unix"), self.clock)
        self.built: list[Any] = []

    def connected(self, address: Any, where: str = "tcp:8080") -> Any:
        """Return the transport of a connection from there to what listens as described."""
        reactor = MemoryReactor()
        factory = Factory.forProtocol(Echo)
        build = factory.buildProtocol
        factory.buildProtocol = lambda addr: self.built.append(addr) or build(addr)  # type: ignore[method-assign, func-returns-value]
        endpoint(where, self.proxies.before(reactor)).listen(factory)
        listening = (reactor.tcpServers or reactor.unixServers)[0][1]
        self.factory = listening
        transport: Any = StringTransport(peerAddress=address)
        transport.protocol = listening.buildProtocol(address)
        transport.protocol.makeConnection(transport)
        return transport

    def says(self, transport: Any, data: bytes) -> bytes:
        for byte in data:
            transport.protocol.dataReceived(bytes([byte]))
        said: bytes = transport.value()
        return said

    def test_a_proxy_says_who_the_client_is(self) -> None:
        for header, client in GOOD:
            transport = self.connected(IPv4Address("TCP", PROXY, 1))
            heard = self.says(transport, header + b"hello")
            host = PROXY if client is None else client.host
            self.assertEqual(heard, f"{host}:hello".encode())
            self.assertEqual(getattr(self.built[-1], "host", None), host)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_does_so_in_one_piece_with_what_the_client_says(self) -> None:
        transport = self.connected(IPv4Address("TCP", PROXY, 1))
        transport.protocol.dataReceived(GOOD[0][0] + b"hello")
        self.assertEqual(transport.value(), b"192.0.2.44:hello")

    def test_an_address_that_maps_the_proxys_to_ipv6_is_the_proxys(self) -> None:
        transport = self.connected(IPv6Address("TCP", f"::ffff:{PROXY}", 1))
        self.assertEqual(self.says(transport, GOOD[0][0]), b"192.0.2.44:")

    def test_nobody_else_is_believed(self) -> None:
        for address in ("10.0.1.7", "127.0.0.1", "192.0.2.44"):
            transport = self.connected(IPv4Address("TCP", address, 1))
            header = GOOD[0][0]
            self.assertEqual(self.says(transport, header), f"{address}:".encode() + header)

    def test_a_unix_socket_is_a_proxys_where_it_is_named(self) -> None:
        transport = self.connected(UNIXAddress(None), "unix:/run/users")
        self.assertEqual(self.says(transport, GOOD[0][0]), b"192.0.2.44:")
        self.proxies = Proxies(("10.0.0.0/24",), self.clock)
        transport = self.connected(UNIXAddress(None), "unix:/run/users")
        self.assertEqual(self.says(transport, b"x"), b":x")

    def test_a_connection_that_does_not_begin_so_is_closed_before_anybody_hears_of_it(self) -> None:
        for received in BAD:
            transport = self.connected(IPv4Address("TCP", PROXY, 1))
            transport.protocol.dataReceived(received)
            self.assertEqual((transport.value(), transport.disconnected), (b"", True))
            transport.protocol.connectionLost()
        self.assertEqual(self.built, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_header_has_its_time(self) -> None:
        transport = self.connected(IPv4Address("TCP", PROXY, 1))
        self.says(transport, b"PROXY TC")
        self.clock.advance(HEADER_SECONDS - 0.1)
        self.assertFalse(transport.disconnected)
        self.clock.advance(0.1)
        self.assertTrue(transport.disconnected)

    def test_so_many_may_wait_and_no_more_and_none_when_it_stops(self) -> None:
        waiting = [self.connected(IPv4Address("TCP", PROXY, 1)) for _ in range(MOST_WAITING + 1)]
        self.assertEqual([each.disconnected for each in waiting], [False] * MOST_WAITING + [True])
        self.factory.doStop()
        self.assertTrue(all(each.disconnected for each in waiting))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_proxies_nothing_stands_in_front(self) -> None:
        reactor = MemoryReactor()
        self.assertIs(Proxies((), self.clock).before(reactor), reactor)

    def test_networks_are_read(self) -> None:
        self.assertEqual(read_networks("10.0.0.0/8 ::1  unix"), ("10.0.0.0/8", "::1", "unix"))
        for text in ("proxy.example.org", "10.0.0.1/8", "10.0.0.0/8,10.1.0.0/16"):
            self.assertRaises(ValueError, read_networks, text)


@pytest.mark.usefixtures("either_reactor")
def test_the_log_has_the_clients_own_address_also_where_there_is_tls(tmp_path: Path) -> None:
    key, certificate = certified(tmp_path, 30)
    secure = f"ssl:0:privateKey={key}:certKey={certificate}"
    with Daemon(tmp_path, "--proxies", "127.0.0.1", "--shop", secure) as daemon:
        with daemon.connect("users") as plain:
            plain.sendall(GOOD[0][0] + b'{"id_operation": "get_user", "payload": {"user_id": 1}}')
            assert b"404" in plain.recv(4096)
        trusting = ssl.create_default_context(cafile=str(certificate))
        with daemon.connect("shop") as raw:
            raw.sendall(version_2(0x21, 0x21, TCP6))
            with trusting.wrap_socket(raw, server_hostname="localhost") as over_tls:
                over_tls.sendall(b"GET /clients/fetch HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert over_tls.recv(4096).startswith(b"HTTP/1.1 401 ")
        with daemon.connect("users") as without:
            without.sendall(b'{"id_operation": "get_users"}')
            with contextlib.suppress(ConnectionResetError):
                assert without.recv(4096) == b""
        assert daemon.stop() == 0
    said = daemon.log.read_text()
    assert "refused: users 192.0.2.44 users.get not_found" in said
    assert "refused: clients 2001:db8::1 GET /clients/fetch not_logged_in" in said
    assert "1 connections of proxies did not begin with a PROXY header" in said
