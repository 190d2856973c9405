# mypy: allow-untyped-calls
"""What thousands of connections may do in one turn of the loop: others come between."""

from __future__ import annotations

from collections.abc import Callable
from socket import socketpair
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection, Port
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.uvloop import port, reactor
from sockcrud.uvloop.pieces import FULL_READ, PIECE, PIECES_A_TURN, InPieces
from sockcrud.uvloop.transport import UvloopTransport


class Loop:
    """An event loop of which a test takes the turns."""

    def __init__(self) -> None:
        self.soon: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def call_soon(self, call: Callable[..., object], *args: object) -> None:
        self.soon.append((call, args))

    def turn(self) -> None:
        soon, self.soon = self.soon, []
        for call, args in soon:
            call(*args)


class Leaver:
    """A connection whose end takes a millisecond to hear of."""

    def __init__(self, case: TurnCase) -> None:
        self.case = case
        self.heard = False

    def input_over(self) -> None:
        self.heard = True
        self.case.time += 0.001


class Reading:
    """uvloop's transport, as far as it is read from."""

    def __init__(self) -> None:
        self.reads = True
        self.protocol: Any = None

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class TurnCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.time = 1000.0
        self.patch(port, "perf_counter", lambda: self.time)
        self.loop = Loop()
        loop: Any = self.loop
        self.home = port.UvloopTCP(None, loop)


class EndTests(TurnCase):
    def test_a_thousand_who_leave_at_once_are_let_go_in_many_turns_and_all_of_them(self) -> None:
        leavers: Any = [Leaver(self) for _ in range(1000)]
        for leaver in leavers:
            self.home.tell_of_end(leaver)
        turns = 0
        while self.loop.soon:
            before = self.time
            self.loop.turn()
            self.assertLess(self.time - before, port.LONG_TURN + 0.002)
            turns += 1
        self.assertGreater(turns, 300)
        self.assertTrue(all(leaver.heard for leaver in leavers))

    def test_one_that_ends_meanwhile_comes_behind_them(self) -> None:
        first, second, late = leavers = [Leaver(self) for _ in range(3)]
        ended: Any = leavers
        self.home.tell_of_end(ended[0])
        self.home.tell_of_end(ended[1])
        self.loop.turn()
        self.home.tell_of_end(ended[2])
        self.assertEqual([first.heard, second.heard, late.heard], [True, True, False])
        self.loop.turn()
        self.assertTrue(late.heard)


class AnswerTests(TurnCase):
    """Answers are written at the end of a turn, together, unless it is a long one."""

    def setUp(self) -> None:
        super().setUp()
        self.written: list[int] = []
        self.home.in_the_end(lambda: self.written.append(1))

    def test_they_wait_for_the_end_of_a_short_turn(self) -> None:
        self.time += port.LONG_TURN / 2
        self.home.hurry()
        self.assertEqual(self.written, [])
        self.loop.turn()
        self.assertEqual(self.written, [1])

    def test_they_do_not_wait_while_ten_thousand_others_are_read_from(self) -> None:
        self.time += port.LONG_TURN * 2
        self.home.hurry()
        self.assertEqual(self.written, [1])
        self.home.in_the_end(lambda: self.written.append(2))
        self.home.hurry()
        self.assertEqual(self.written, [1])
        self.loop.turn()
        self.assertEqual(self.written, [1, 2])


class TwistedsTests(TurnCase):
    """What Twisted reads and writes itself: connections over TLS, listeners, the database."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(reactor, "perf_counter", lambda: self.time)
        self.patch(AsyncioSelectorReactor, "_readOrWrite", self.read)
        self.was_read: list[object] = []
        self.reactor: Any = object.__new__(reactor.UvloopReactor)
        vars(self.reactor)["loop"] = self.loop
        self.reactor._spent = 0.0

    def read(self, selectable: object, read: bool) -> None:
        self.was_read.append(selectable)
        self.time += 0.001

    def test_connections_that_have_much_to_do_wait_for_the_next_turn_and_others_do_not(
        self,
    ) -> None:
        many = [_closed(Connection) for _ in range(20)]
        for selectable in (*many, listening := _closed(Port)):
            self.reactor._readOrWrite(selectable, True)
        self.assertIn(listening, self.was_read)
        self.assertLess(len(self.was_read), 10)
        self.loop.turn()
        self.reactor._readOrWrite(many[-1], True)
        self.assertIs(self.was_read[-1], many[-1])


def _closed(kind: type[Any]) -> Any:
    """Return something of this kind that is not open."""
    made = object.__new__(kind)
    made.fileno = lambda: -1
    return made


class Hearing(Protocol):
    """Counts the bytes that it hears, and how they come."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def dataReceived(self, data: bytes) -> None:
        self.lengths.append(len(data))


class ReadTests(TurnCase):
    """Who sends faster than is read is read from once a turn, and in pieces."""

    def setUp(self) -> None:
        super().setUp()
        self.protocol = Hearing()
        self.transport, self.reading = self.connected(self.protocol)

    def connected(self, protocol: Protocol) -> tuple[UvloopTransport, Reading]:
        ours, peers = socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(peers.close)
        address = IPv4Address("TCP", "127.0.0.1", 1)
        transport = UvloopTransport(ours, protocol, address, self.home)
        reading = transport._asyncio = Reading()
        reading.protocol = InPieces(transport, self.home.pieces)  # as at the beginning
        transport.connected = True
        return transport, reading

    def comes(self, reading: Reading, length: int) -> int:
        """Let so many bytes come; return how many of them were read."""
        taken = min(length, len(reading.protocol.get_buffer(65536)))
        reading.protocol.buffer_updated(taken)
        return taken

    def test_one_who_says_little_is_read_from_at_once_from_then_on(self) -> None:
        self.comes(self.reading, 100)
        self.assertIs(self.reading.protocol, self.transport)
        self.assertTrue(self.reading.reads)
        self.assertEqual(self.protocol.lengths, [100])

    def test_one_who_has_sent_much_is_read_from_in_pieces_whatever_comes_later(self) -> None:
        self.transport.data_received(bytes(FULL_READ))
        for length in (100, FULL_READ, 100):
            self.loop.turn()
            self.assertTrue(self.reading.reads)
            self.assertEqual(self.comes(self.reading, length), length)
        self.assertEqual(self.protocol.lengths, [FULL_READ, 100, FULL_READ, 100])
        self.assertIsNot(self.reading.protocol, self.transport)

    def test_of_a_thousand_who_send_much_at_once_little_is_read_in_one_turn(self) -> None:
        many = [self.connected(Hearing())[1] for _ in range(1000)]
        read = sum(self.comes(reading, FULL_READ) for reading in many)
        self.assertLess(read, PIECES_A_TURN + FULL_READ + 1000 * PIECE)
        self.assertFalse(any(reading.reads for reading in many))
        self.loop.turn()
        self.assertTrue(all(reading.reads for reading in many))
        self.assertEqual(self.comes(many[-1], FULL_READ), FULL_READ)

    def test_a_full_read_is_followed_by_a_rest_until_the_next_turn(self) -> None:
        self.transport.data_received(bytes(FULL_READ))
        self.assertFalse(self.reading.reads)
        self.loop.turn()
        self.assertTrue(self.reading.reads)

    def test_others_are_read_from_as_ever(self) -> None:
        self.transport.data_received(b"x" * (FULL_READ - 1))
        self.assertTrue(self.reading.reads)

    def test_a_protocol_that_wants_no_more_gets_no_more(self) -> None:
        self.transport.data_received(bytes(FULL_READ))
        self.transport.pauseProducing()
        self.loop.turn()
        self.assertFalse(self.reading.reads)
        self.transport.resumeProducing()
        self.assertTrue(self.reading.reads)
