"""What comes by line and what comes raw, and the two places that all traffic of a connection
passes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.protocols.basic import LineReceiver

from sockcrud.protocols.connection import Connection
from tests.protocols.test_connection import asked, read
from tests.protocols.test_protocols import Doubler, Echo, Strings
from tests.support.connection_kit import Peer, line
from tests.support.feeding import byte_by_byte
from tests.support.http_kit import connected, request
from tests.support.wire_kit import WireCase


def noted(connection: Connection[Any], name: str) -> list[Any]:
    """Take note of what a method of this connection is called with."""
    calls: list[Any] = []
    call = getattr(connection, name)

    def note(argument: Any) -> Any:
        calls.append(argument)
        return call(argument)

    vars(connection)[name] = note
    return calls


class ModeTests(WireCase):
    def modes(self, peer: Peer, pieces: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return what came by line, and what came raw."""
        self.assertIsInstance(peer.connection, LineReceiver)
        lines, raw = (
            noted(peer.connection, "lineReceived"),
            noted(peer.connection, "rawDataReceived"),
        )
        for piece in pieces:
            peer.send(piece)
        return list(map(bytes, lines)), list(map(bytes, raw))

    def test_whole_lines_of_objects_come_by_line(self) -> None:
        peer = self.connect()
        one, two, three = (asked(number) for number in range(3))
        self.assertEqual(
            self.modes(peer, [one, two + three]), ([one[:-1], two[:-1], three[:-1]], [])
        )
        self.assertEqual(peer.hear(), line(0) + line(1) + line(2))

    def test_a_bare_object_comes_raw_and_after_its_line_end_lines_come_by_line_again(self) -> None:
        peer = self.connect()
        one, two = asked(0), asked(1)
        lines, raw = self.modes(peer, [one + two[:-1], b"\r\n", one])
        self.assertEqual((lines, raw), ([one[:-1], one[:-1]], [two[:-1], b"\r\n"]))
        self.assertEqual(peer.hear(), line(0) + line(1) + line(0))

    def test_what_is_no_object_comes_raw_with_all_behind_it(self) -> None:
        peer = self.connect()
        lines, raw = self.modes(peer, [asked(0) + b"what?\n" + asked(1) + asked(2), asked(3)])
        self.assertEqual(
            (lines[1:], raw), ([b"what?", asked(3)[:-1]], [b"what?\n" + asked(1) + asked(2)])
        )
        self.assertEqual(peer.hear(), line(0) + b"bad\n" + line(1) + line(2) + line(3))

    def test_a_line_in_pieces_comes_raw(self) -> None:
        for dialect, data, answer in (
            (Echo, b"one\n", b"HELLO\r\none\r\n"),
            (Doubler, b'{"a":1}\n', b'{"a":2}\n'),
        ):
            peer = self.peer(dialect)
            self.assertEqual(
                self.modes(peer, [data[:2], data[2:], data]), ([data[:-1]], [data[:2], data[2:]])
            )
            self.assertEqual(
                peer.hear(), answer + data.replace(b"one\n", b"one\r\n").replace(b"1", b"2")
            )

    def test_what_has_a_framer_of_its_own_comes_raw(self) -> None:
        peer = self.peer(Strings)
        self.assertEqual(self.modes(peer, [b"3:a\nb,"]), ([], [b"3:a\nb,"]))
        self.assertEqual(peer.hear(), b"3:b\na,")

    def test_http_comes_raw(self) -> None:
        peer = connected()
        raw = noted(peer.connection, "rawDataReceived")
        peer.connection.dataReceived(request("GET", "/"))
        self.assertEqual(raw, [request("GET", "/")])

    def test_lines_that_may_not_start_yet_wait_in_the_buffer(self) -> None:
        peer = self.connect(in_flight=1)
        waiting = noted(peer.connection, "lineReceived")
        peer.send(read(0) + b"".join(map(asked, range(1, 100))))
        for piece in byte_by_byte(asked(100)):
            peer.send(piece)
        self.assertEqual(len(waiting), 1)
        self.responder.fire(0)
        self.turn(100)
        self.assertEqual(peer.hear(), b"".join(map(line, range(101))))

    def test_a_blank_that_was_followed_by_a_line_end_is_no_unfinished_request(self) -> None:
        peer = self.peer(Echo, idle=1800.0)
        peer.send(b" ")
        peer.send(b"\n")
        self.clock.advance(60)
        peer.send(b"one\n")
        self.assertEqual(peer.hear(), b"HELLO\r\none\r\n")

    def test_of_what_was_answered_nothing_is_kept(self) -> None:
        """Else each of many connections that fall idle would keep what it read last: 256 KiB, which
        nobody counts.
        """
        for peer, data in (
            (self.connect(), asked(0) * 1000),
            (self.connect(), asked(0)[:-1] * 1000),
            (self.peer(Echo), b"one\n" * 10_000),
            (self.peer(Echo), b"one\n" * 10_000 + b"\n"),
        ):
            self.check_that_nothing_is_kept(peer.connection, data, self.turn)
        http = connected()
        self.check_that_nothing_is_kept(
            http.connection, request("GET", "/") * 1000, lambda: http.passes(0)
        )

    def check_that_nothing_is_kept(
        self, connection: Connection[Any], data: bytes, turn: Callable[[], object]
    ) -> None:
        before = sys.getrefcount(data)
        connection.dataReceived(data)
        for _ in range(100):
            turn()
        self.assertEqual((connection.pending, sys.getrefcount(data)), (0, before), data[:40])


class OnePlaceTests(WireCase):
    """All requests pass `_start`, and all that is said passes `_put`."""

    def test_each_request_and_all_that_is_said_of_objects(self) -> None:
        peer = self.connect()
        requests, said = noted(peer.connection, "_start"), noted(peer.connection, "_put")
        peer.send(
            read(0) + read(1, "answer") + asked(2, "slice", reads=True) + b"what?\n" + asked(3)
        )
        self.responder.fire(0)
        self.turn(9)
        self.clock.advance(300)
        self.assertEqual(
            [one["is"] if isinstance(one, dict) else one.name for one in requests],
            [0, 1, 2, "SYNTAX", 3],
        )
        self.assertEqual(b"".join(said), peer.hear())
        self.assertEqual(said[-1], self.responder.farewell)

    def test_each_request_and_all_that_is_said_of_http(self) -> None:
        peer = connected()
        requests, said = noted(peer.connection, "_start"), noted(peer.connection, "_put")
        peer.connection.dataReceived(request("GET", "/") + b"what?\r\n\r\n")
        self.assertEqual(len(requests), 2)
        self.assertEqual(b"".join(said), peer.transport.value())

    def test_the_greeting_the_farewell_and_what_a_connection_too_many_hears(self) -> None:
        dialect: Any = Echo
        for most, heard in ((1, b"HELLO\r\nBYE\r\n"), (0, b"BUSY\r\n")):
            self.connections.most = most
            connection = dialect.factory(self.served()).buildProtocol(None)
            said = noted(connection, "_put")
            peer = Peer(connection)
            self.clock.advance(300)
            self.assertEqual((b"".join(said), peer.hear()), (heard, heard))
            peer.vanish()
