"""Where the daemon listens: on this machine alone unless asked, and with room for many who come at
once.
"""

from __future__ import annotations

import selectors
import signal
import socket
import struct
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.accepting import MOST_PASSED_OVER, Accepting
from sockcrud.protocols.listen import CannotListen, Listener, endpoint
from tests.support.running import Daemon

AT_ONCE = 300


class DescriptionTests(SynchronousTestCase):
    def listening(self, description: str) -> tuple[object, ...]:
        """Return the address and the backlog that the reactor is asked for."""
        reactor = MemoryReactor()
        endpoint(description, reactor).listen(Factory())
        for servers, at in ((reactor.tcpServers, 3), (reactor.unixServers, 0)):
            for server in servers:
                return (server[at], server[2])
        raise AssertionError("nothing listens")

    def test_it_is_on_this_machine_alone_unless_it_says_otherwise(self) -> None:
        for description, address in (
            ("tcp:8080", "127.0.0.1"),
            ("tcp6:8080", "::1"),
            ("tcp:8080:interface=0.0.0.0", "0.0.0.0"),
            ("tcp6:8080:interface=2001\\:db8\\:\\:1", "2001:db8::1"),
            ("haproxy:tcp:8080", "127.0.0.1"),
            ("haproxy:tcp6:8080", "::1"),
            ("haproxy:tcp:8080:interface=0.0.0.0", "0.0.0.0"),
            ("unix:/run/tcp:mode=600", "/run/tcp"),
            ("haproxy:unix:/run/a", "/run/a"),
        ):
            self.assertEqual(self.listening(description)[0], address, description)

    def test_its_queue_is_as_long_as_the_system_allows_unless_it_says_otherwise(self) -> None:
        for description in (
            "tcp:8080",
            "tcp6:8080",
            "haproxy:tcp:8080",
            "unix:/run/a",
            "tcp:8080:interface=0.0.0.0",
        ):
            self.assertEqual(self.listening(description)[1], 65_535, description)
        self.assertEqual(self.listening("tcp:8080:backlog=7")[1], 7)

    def test_what_is_none_is_told(self) -> None:
        for description in (
            "",
            "tcp",
            "tcp:http",
            "tcp:65536",
            "carrier-pigeon:1",
            "haproxy:",
            "ssl:443",
            ":::",
        ):
            with self.assertRaises(CannotListen):
                endpoint(description, MemoryReactor())


class PlaceTests(SynchronousTestCase):
    def test_it_is_told_as_who_asks_can_use_it(self) -> None:
        four, six = partial(IPv4Address, "TCP"), partial(IPv6Address, "TCP")
        for host, secure, asked, is_local, place in (
            (four("0.0.0.0", 80), False, "shop.example.org", False, "shop.example.org:80"),
            (six("::", 80), False, "[2001:db8::1]", False, "[2001:db8::1]:80"),
            (four("0.0.0.0", 80), True, "127.0.0.1", True, "tls://127.0.0.1:80"),
            (four("0.0.0.0", 80), False, "", True, None),
            (four("127.0.0.1", 80), False, "shop.example.org", False, None),
            (four("127.0.0.1", 80), False, "localhost", True, "127.0.0.1:80"),
            (six("::1", 80), False, "localhost", True, "[::1]:80"),
            (four("10.0.0.7", 80), False, "shop.example.org", False, "10.0.0.7:80"),
            (UNIXAddress("/run/users"), False, "localhost", True, "unix:/run/users"),
            (UNIXAddress("/run/users"), False, "shop.example.org", False, None),
        ):
            port = Mock(getHost=lambda host=host: host)
            listener = Listener("users", Mock(), Mock(), secure, port)
            self.assertEqual(listener.place(asked, is_local), place, host)


@pytest.mark.usefixtures("either_reactor")
def test_many_who_come_at_once_while_it_is_busy_are_all_answered(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon, selectors.DefaultSelector() as selector:
        daemon.process.send_signal(signal.SIGSTOP)
        for _ in range(AT_ONCE):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", daemon.ports["messages"]))
            selector.register(connection, selectors.EVENT_WRITE)
        connected = 0
        while connected < AT_ONCE and (ready := selector.select(timeout=5)):
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.sendall(b'{"op": "deletar", "id": 1}')
                selector.modify(key.fileobj, selectors.EVENT_READ)
                connected += 1
            if connected == AT_ONCE:
                break
        assert connected == AT_ONCE
        daemon.process.send_signal(signal.SIGCONT)
        answered = 0
        while answered < AT_ONCE and (ready := selector.select(timeout=10)):
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                assert b"402" in key.fileobj.recv(4096)
                selector.unregister(key.fileobj)
                key.fileobj.close()
                answered += 1
        assert answered == AT_ONCE


class AcceptingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.addCleanup(self.listening.close)
        self.accepting = Accepting(self.listening)

    def connected(self, reset: bool = False) -> socket.socket:
        connection = socket.create_connection(self.listening.getsockname())
        self.addCleanup(connection.close)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        return connection

    def accepted(self) -> tuple[str, int]:
        connection, peer = self.accepting.accept()
        self.addCleanup(connection.close)
        address: tuple[str, int] = peer
        return address

    def test_connections_that_were_reset_are_passed_over(self) -> None:
        for _ in range(MOST_PASSED_OVER):
            self.connected(reset=True)
        there = self.connected()
        self.assertEqual(self.accepted(), there.getsockname())

    def test_one_call_passes_over_so_many_and_no_more(self) -> None:
        for _ in range(MOST_PASSED_OVER + 1):
            self.connected(reset=True)
        there = self.connected()
        self.assertNotEqual(self.accepted(), there.getsockname())
        self.assertEqual(self.accepted(), there.getsockname())
