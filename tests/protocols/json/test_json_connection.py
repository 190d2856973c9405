"""What time does to JSON on a connection: what is typed without a newline, and what is begun and
not finished.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as some
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from sockcrud.protocols.json.objects import QUIET
from sockcrud.protocols.pacing import LATER
from tests.support.connection_kit import ConnectionCase, Peer, line
from tests.support.feeding import byte_by_byte, cut, every_way

MUTE: Final = (
    b"mostrar",
    b"[1]",
    b'"x"',
    b"}",
    b"]",
    b"}}",
    b"mostrar 3",
    b"1",
    b"null",
    b"?",
    b" x ",
    b'x{"is":1}',
)
BAD: Final = b"bad\n"
ONE: Final = b'{"is":1}'


class CountingClock(Clock):
    """A clock that counts how often a timer was set."""

    def __init__(self) -> None:
        super().__init__()
        self.set = 0

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        self.set += 1
        return super().callLater(delay, callable, *args, **kw)


class WordsTests(ConnectionCase):
    def test_what_is_no_object_is_answered_when_it_has_been_quiet_and_what_follows_is_served(
        self,
    ) -> None:
        for typed in MUTE:
            peer = self.connect()
            self.assertEqual(peer.ask(typed), b"")
            self.clock.advance(QUIET - 0.001)
            self.assertEqual(peer.hear(), b"", typed)
            self.clock.advance(0.001)
            self.assertEqual(peer.hear(), BAD, typed)
            self.clock.advance(100)
            self.assertEqual(peer.ask(ONE), line(1), typed)

    def test_quiet_runs_from_the_last_byte(self) -> None:
        peer = self.connect()
        for byte in byte_by_byte(b"mostrar"):
            self.assertEqual(peer.ask(byte), b"")
            self.clock.advance(QUIET - 0.01)
        self.assertEqual(peer.ask(b"\n"), BAD)
        self.clock.advance(1)
        self.assertEqual(peer.hear(), b"")

    def test_words_behind_an_object_are_answered_too(self) -> None:
        for typed in MUTE:
            peer = self.connect()
            self.assertEqual(peer.ask(ONE), line(1))
            self.clock.advance(1)
            peer.ask(typed)
            self.clock.advance(QUIET)
            self.assertEqual(peer.hear(), BAD, typed)
            self.assertEqual(peer.ask(ONE), line(1))

    def test_words_behind_an_object_that_waits_are_answered_behind_it(self) -> None:
        peer = self.connect()
        peer.send(b'{"is":1,"do":"wait"}hello')
        self.clock.advance(5)
        self.assertEqual(peer.hear(), b"")
        self.responder.fire(1)
        self.clock.advance(QUIET)
        self.assertEqual(peer.hear(), line(1) + BAD)

    def test_words_that_are_too_many_end_the_connection(self) -> None:
        peer = self.connect(request=100)
        for _ in range(2):
            peer.send(b"x" * 60)
        self.assertEqual((peer.hear(), peer.is_closed), (b"bad\nbye\n", True))

    def test_a_peer_that_does_not_read_is_not_cut_off_for_its_words(self) -> None:
        peer = self.connect()
        peer.wire.stall()
        peer.send(b"hello")
        self.clock.advance(QUIET)
        self.assertFalse(peer.is_aborted)
        peer.wire.flow()
        self.turn()
        self.assertEqual(peer.hear(), BAD)


class OneAnswerTests(ConnectionCase):
    def test_one_typed_line_gets_one_answer(self) -> None:
        for behind in (b"}", b"}}}", b"]", b" } ", b"}\r\n", b"}]}\n", b"\n", b"\r\n"):
            for pieces in every_way(ONE + behind):
                peer = self.connect()
                for piece in pieces:
                    peer.send(piece)
                    self.clock.advance(QUIET - 0.05)
                self.clock.advance(1)
                self.assertEqual(peer.hear(), line(1), pieces)
                self.assertEqual(peer.ask(ONE), line(1))

    def test_a_broken_line_gets_one_answer(self) -> None:
        for broken in (b"{'is':1}", b"{'is':1}}", b"{is} and more", b"{b}\r\n"):
            for pieces in every_way(broken):
                peer = self.connect()
                for piece in pieces:
                    peer.send(piece)
                    self.clock.advance(QUIET - 0.05)
                self.clock.advance(1)
                self.assertEqual(peer.hear(), BAD, pieces)
                peer.send(b"x")
                self.clock.advance(1)
                self.assertEqual(peer.hear(), BAD, pieces)


class UnfinishedTests(ConnectionCase):
    def test_an_object_has_10_seconds_from_its_first_byte(self) -> None:
        for begun in (
            b'{"op": "mostrar"',
            b"{",
            b'{"a":"',
            b'{"a":"\\',
            b'{"a":{"b":[1,2]',
            ONE + b'{"a',
        ):
            peer = self.connect()
            self.clock.advance(100)
            peer.send(begun)
            peer.hear()
            self.clock.advance(9.999)
            self.assertEqual(peer.hear(), b"", begun)
            self.clock.advance(0.001)
            self.assertEqual(peer.hear(), BAD, begun)
            self.assertEqual(peer.ask(ONE), line(1), begun)
            self.clock.advance(299.999)
            self.assertFalse(peer.is_closed)

    def test_a_byte_now_and_then_does_not_make_it_longer(self) -> None:
        peer = self.connect()
        for byte in byte_by_byte(b'{"is":1, "x'):
            self.assertEqual(peer.ask(byte), b"")
            self.clock.advance(0.9)
        self.clock.advance(0.1)
        self.assertEqual(peer.hear(), BAD)

    def test_many_segments_within_the_time_are_one_object(self) -> None:
        peer = self.connect()
        for byte in byte_by_byte(ONE):
            self.assertEqual(peer.hear(), b"")
            self.clock.advance(1)
            peer.send(byte)
        self.assertEqual(peer.hear(), line(1))

    def test_each_object_has_a_time_of_its_own(self) -> None:
        peer = self.connect()
        peer.send(b'{"is"')
        for _ in range(10):
            self.clock.advance(6)
            self.assertEqual(peer.ask(b':1}{"is"'), line(1))
        self.clock.advance(9.999)
        self.assertEqual(peer.hear(), b"")
        self.clock.advance(0.001)
        self.assertEqual(peer.hear(), BAD)

    def test_the_rest_of_an_object_that_was_given_up_runs_nothing(self) -> None:
        for begun, rest in (
            (b'{"data":"', b'{\\"is\\":1}"}'),
            (b'{"data":"x', b'"}'),
            (b'{"data":', b'{"is":1}}'),
            (b'{"data":', b' {"is":1}}\n'),
            (b'{"data":[', b'{"is":1},{"is":2}]}'),
            (b'{"data":[{"is":1},', b'{"is":2}]}\n'),
            (b'{"data":{"a"', b':{"is":2}}}'),
        ):
            for pieces in every_way(rest):
                peer = self.connect()
                peer.send(begun)
                self.clock.advance(10)
                for piece in pieces:
                    peer.send(piece)
                    self.clock.advance(1)
                self.clock.advance(10)
                self.assertEqual(self.responder.started, [], (begun, pieces))
                self.assertEqual(set(peer.hear().split(b"\n")), {b"bad", b""})
                peer.send(b"\n" + ONE)
                self.assertEqual(peer.hear(), line(1), (begun, pieces))
                self.responder.started.clear()

    def test_before_an_idle_close_its_answer_comes(self) -> None:
        for idle in (0.1, 5.0):
            for begun in (b'{"is":1', b"mostrar"):
                peer = self.connect(idle=idle)
                peer.send(begun)
                self.clock.advance(idle)
                self.clock.advance(idle)
                self.assertEqual(
                    (peer.hear(), peer.is_closed), (b"bad\nbye\n", True), (idle, begun)
                )

    def test_the_end_of_input_ends_what_is_unfinished(self) -> None:
        for begun in (b'{"is":1', b"mostrar"):
            peer = self.connect()
            peer.send(ONE + begun)
            peer.half_close()
            self.assertEqual((peer.hear(), peer.is_closed), (line(1) + BAD, True))

    def test_its_time_can_be_set(self) -> None:
        peer = self.connect(object_seconds=3.0)
        peer.send(b"{")
        self.clock.advance(3)
        self.assertEqual(peer.hear(), BAD)


class TimerTests(ConnectionCase):
    def setUp(self) -> None:
        super().setUp()
        self.counting = self.clock = CountingClock()  # type: ignore[assignment]

    def test_whole_requests_set_no_timer(self) -> None:
        peer = self.connect()
        before = self.counting.set
        for _ in range(1000):
            peer.ask(ONE + b"\n")
            peer.ask(ONE)
            peer.ask(b"hello\n")
        self.assertEqual(self.counting.set, before)

    def test_unfinished_ones_set_a_timer_now_and_then(self) -> None:
        peer = self.connect()
        before = self.counting.set
        for _ in range(1000):
            peer.send(b'{"is":')
            peer.send(b"1}")
            peer.send(b"hel")
            peer.send(b"lo\n")
        self.assertLess(self.counting.set - before, 5)

    def test_a_connection_that_ends_leaves_no_timer(self) -> None:
        for begun in (b"", b"hello", b"{", b'{"is":1}', b'{"is":1}}', b"{b} x"):
            peer = self.connect()
            peer.send(begun)
            peer.vanish()
            self.assertEqual(self.clock.getDelayedCalls(), [], begun)

    def test_an_unfinished_object_holds_one_timer(self) -> None:
        peer = self.connect()
        for byte in byte_by_byte(b'{"is":1'):
            peer.send(byte)
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)


class LaterTests(ConnectionCase):
    def test_bytes_that_are_costly_to_scan_let_others_have_their_turn(self) -> None:
        costly = b'{"is":2,' + b",".join(b'"%d":""' % number for number in range(6000)) + b"}"
        peer, other = self.connect(), self.connect()
        self.connections.scheduler.now = count(
            step=0.001
        ).__next__  # as if each look at it took a millisecond
        peer.send(costly)
        self.assertEqual(peer.hear(), b"")
        self.assertIs(peer.connection.next_request(), LATER)
        self.assertEqual(other.ask(ONE), line(1))
        self.turn(20)
        self.assertEqual(peer.hear(), line(2))
        self.assertEqual(self.responder.started, [1, 2])


PIECES: Final = some.sampled_from(
    [
        ONE,
        b'{"is":2}\n',
        b"}",
        b"]",
        b" ",
        b"\n",
        b"{b}",
        b"hello",
        b"[1]",
        b'"x"',
        b"{",
        b'{"is"',
        b":",
        b",",
        b"3",
        b"\\",
        b"\x00",
    ]
)
SPLITS: Final = some.lists(
    some.tuples(some.integers(0, 80), some.floats(0, QUIET - 0.01)), max_size=12
)


class SplitTests(ConnectionCase):
    def heard(self, pieces: list[bytes], pauses: list[float]) -> tuple[bytes, list[Any], bool]:
        """Return what is answered and done, when the pieces come with these pauses, and then
        nothing comes for long.
        """
        self.setUp()
        peer: Peer = self.connect()
        for piece, pause in zip(pieces, pauses + [0.0] * len(pieces), strict=False):
            peer.send(piece)
            self.clock.advance(pause)
        for _ in range(3):
            self.clock.advance(10)
        return peer.hear(), self.responder.started, peer.is_closed

    @given(some.lists(PIECES, min_size=1, max_size=10).map(b"".join), SPLITS)
    def test_however_they_are_split_the_same_bytes_do_the_same(
        self, data: bytes, splits: list[tuple[int, float]]
    ) -> None:
        whole = self.heard([data], [])
        pieces = cut(data, [place for place, _ in splits])
        self.assertEqual(self.heard(pieces, [pause for _, pause in splits]), whole)
        self.assertEqual(self.heard(byte_by_byte(data), [0.0] * len(data)), whole)
        pause = min(QUIET - 0.01, 9 / len(data))  # an object has 10 seconds
        self.assertEqual(self.heard(byte_by_byte(data), [pause] * len(data)), whole)
