"""How a connection ends: by the peer, by idleness, by a stop; and answers that are made while the
peer reads them.
"""

from __future__ import annotations

from math import inf

from twisted.internet.defer import Deferred

from sockcrud.protocols.lifetime import LAST_WORDS
from tests.protocols.test_connection import asked, names, read
from tests.support.connection_kit import ConnectionCase, Peer, Slices, line


def streamed(name: object, first: int, last: int) -> bytes:
    return b"".join(line(f"{name}.{number}") for number in range(first, last))


class HalfCloseTests(ConnectionCase):
    def test_what_was_received_is_answered_and_then_the_connection_closes(self) -> None:
        peer = self.connect()
        peer.send(asked(0) + asked(1, "wait") + asked(2))
        peer.half_close()
        self.assertEqual((peer.hear(), peer.is_closed), (line(0), False))
        self.responder.fire(1)
        self.assertEqual((peer.hear(), peer.is_closed), (names(1, 3), True))

    def test_more_than_one_turn_of_it_too(self) -> None:
        peer = self.connect()
        peer.send(b"".join(map(asked, range(300))))
        peer.half_close()
        self.turn(3)
        self.assertEqual((peer.hear(), peer.is_closed), (names(0, 300), True))

    def test_a_peer_that_said_nothing_hears_nothing(self) -> None:
        peer = self.connect()
        peer.half_close()
        self.assertEqual((peer.hear(), peer.is_closed), (b"", True))

    def test_an_object_that_the_end_cuts_short_is_a_bad_request(self) -> None:
        peer = self.connect()
        peer.send(asked(0) + b'{"is": 1')
        peer.half_close()
        self.assertEqual((peer.hear(), peer.is_closed), (b"0\nbad\n", True))

    def test_it_is_a_bad_request_in_its_place_behind_what_still_works(self) -> None:
        peer = self.connect()
        peer.send(asked(0, "wait") + b'{"is": 1')
        peer.half_close()
        self.responder.fire(0)
        self.assertEqual((peer.hear(), peer.is_closed), (b"0\nbad\n", True))

    def test_a_long_answer_is_finished_first(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice"))
        peer.half_close()
        self.assertFalse(peer.is_closed)
        self.turn(3)
        self.assertEqual((peer.hear(), peer.is_closed), (streamed("a", 0, 3), True))

    def test_answers_that_come_when_the_peer_is_gone_are_dropped(self) -> None:
        peer = self.connect()
        peer.send(read(0) + read(1))
        peer.vanish()
        self.responder.fire(0)
        self.responder.waiting.pop(1).errback(RuntimeError("not in the script"))
        self.assertEqual(peer.hear(), b"")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class StreamTests(ConnectionCase):
    def test_its_slices_come_in_order_and_the_next_answer_behind_them(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice") + asked("b") + asked("c", "slice") + asked("d"))
        self.turn(8)
        self.assertEqual(peer.hear(), streamed("a", 0, 3) + b"b\n" + streamed("c", 0, 3) + b"d\n")

    def test_others_have_their_turn_between_two_slices(self) -> None:
        peer, other = self.connect(), self.connect()
        peer.send(asked("a", "slice"))
        for number in range(3):
            self.assertEqual(peer.hear(), streamed("a", number, number + 1))
            self.assertEqual(other.ask(asked("other")), b"other\n")
            self.turn()

    def test_no_slice_is_made_while_the_peer_does_not_read(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice", count=9) + asked("b"))
        peer.wire.stall()
        self.turn(9)
        self.assertEqual((peer.hear(), self.responder.slices["a"].given), (streamed("a", 0, 1), 1))
        self.assertFalse(peer.wire.reads)
        peer.wire.flow()
        self.turn(9)
        self.assertEqual(peer.hear(), streamed("a", 1, 9) + b"b\n")
        self.assertTrue(peer.wire.reads)

    def test_it_waits_for_the_answers_before_it(self) -> None:
        peer = self.connect()
        peer.send(read(0) + asked("a", "slice", reads=True) + read(1, "answer"))
        self.turn(3)
        self.assertEqual((peer.hear(), self.responder.slices["a"].given), (b"", 0))
        self.responder.fire(0)
        self.turn(3)
        self.assertEqual(peer.hear(), line(0) + streamed("a", 0, 3) + line(1))

    def test_what_it_is_made_from_is_let_go_at_its_end(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice"))
        self.assertEqual(self.responder.slices["a"].closed, 0)
        self.turn(3)
        self.assertEqual(self.responder.slices["a"].closed, 1)
        peer.vanish()

    def test_one_without_slices_is_an_answer_too(self) -> None:
        self.assertEqual(self.connect().ask(asked("a", "slice", count=0) + asked(1)), line(1))
        self.assertEqual(self.responder.slices["a"].closed, 1)


class LostWhileStreamTests(ConnectionCase):
    def lost(self, peer: Peer, name: object = "a") -> Slices:
        """Let the peer vanish, and check that its answer is let go and not made to its end."""
        slices = self.responder.slices[name]
        given = slices.given
        peer.vanish()
        self.turn(9)
        self.assertEqual(slices.given, given)
        self.assertGreaterEqual(slices.closed, 1)
        return slices

    def test_before_its_turn_has_come(self) -> None:
        peer = self.connect()
        peer.send(read(0) + asked("a", "slice", reads=True))
        self.lost(peer)

    def test_before_it_is_ready(self) -> None:
        peer = self.connect()
        peer.send(read(0))
        peer.vanish()
        slices = Slices("a", 3)
        self.responder.fire(0, slices.answer)
        self.assertEqual((slices.given, slices.closed), (0, 1))

    def test_between_two_slices(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice", count=9))
        self.turn(2)
        self.lost(peer)

    def test_while_the_peer_does_not_read(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice", count=9))
        peer.wire.stall()
        self.turn(2)
        self.lost(peer)

    def test_while_a_slice_waits_for_the_store(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice", by_hand=True))
        slices = self.responder.slices["a"]
        peer.vanish()
        assert slices.waits is not None
        slices.waits.callback(None)
        self.turn(9)
        self.assertEqual((slices.given, slices.closed, peer.hear()), (1, 1, b""))

    def test_behind_the_last_answer_it_is_let_go_too(self) -> None:
        peer = self.connect()
        peer.send(read(0) + asked(1, "last", reads=True) + asked("a", "slice", reads=True))
        self.responder.fire(0)
        self.assertEqual((peer.hear(), peer.is_closed), (names(0, 2), True))
        self.assertEqual(self.responder.slices["a"].closed, 1)

    def test_an_answer_that_breaks_off_is_logged_once_and_the_connection_cut(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice", by_hand=True) + asked("b"))
        slices = self.responder.slices["a"]
        assert slices.waits is not None
        slices.waits.errback(RuntimeError("not in the script"))
        self.assertEqual((peer.is_aborted, peer.hear(), slices.closed), (True, b"", 1))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class IdleTests(ConnectionCase):
    def test_a_peer_that_says_nothing_for_300_seconds_hears_the_farewell(self) -> None:
        peer = self.connect()
        self.clock.advance(299.999)
        self.assertEqual((peer.hear(), peer.is_closed), (b"", False))
        self.clock.advance(0.001)
        self.assertEqual((peer.hear(), peer.is_closed), (b"bye\n", True))

    def test_every_request_starts_the_time_anew_also_a_bad_one(self) -> None:
        for said in (asked(0), b"hello\n"):
            peer = self.connect()
            self.clock.advance(200)
            peer.ask(said)
            self.clock.advance(299.999)
            self.assertFalse(peer.is_closed)
            self.clock.advance(0.001)
            self.assertEqual((peer.hear(), peer.is_closed), (b"bye\n", True))

    def test_nothing_less_does(self) -> None:
        peer = self.connect()
        for _ in range(149):
            peer.ask(b"\n")
            self.clock.advance(2)
        self.assertFalse(peer.is_closed)
        self.clock.advance(2)
        self.assertEqual((peer.hear(), peer.is_closed), (b"bye\n", True))

    def test_without_a_limit_it_may_stay_for_ever(self) -> None:
        peer = self.connect(idle=inf)
        self.clock.advance(10**8)
        self.assertEqual(peer.ask(asked(0)), line(0))
        peer.vanish()
        self.assertFalse([call for call in self.clock.getDelayedCalls() if call.active()])

    def test_a_peer_that_waits_for_an_answer_is_not_idle(self) -> None:
        peer = self.connect()
        peer.send(asked(0, "wait"))
        self.clock.pump([10.0] * 305)
        self.responder.fire(0)
        self.clock.advance(299.999)
        self.assertEqual((peer.hear(), peer.is_closed), (line(0), False))
        self.clock.advance(0.001)
        self.assertEqual((peer.hear(), peer.is_closed), (b"bye\n", True))

    def test_a_peer_that_reads_nothing_for_300_seconds_is_cut_off(self) -> None:
        peer = self.connect()
        peer.wire.stall()
        peer.send(asked(0))
        self.clock.advance(299.999)
        self.assertFalse(peer.is_aborted)
        self.clock.advance(0.001)
        self.assertEqual((peer.hear(), peer.is_aborted), (b"", True))

    def test_so_is_one_after_10_seconds_that_stops_in_the_middle_of_a_long_answer(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice", count=9))
        peer.wire.stall()
        self.clock.advance(7)
        peer.wire.flow()
        self.turn()
        peer.wire.stall()
        self.clock.advance(9.999)
        self.assertFalse(peer.is_aborted)
        self.clock.advance(0.001)
        self.assertTrue(peer.is_aborted)
        peer.vanish()
        self.assertEqual(self.responder.slices["a"].closed, 1)

    def test_one_that_reads_slowly_is_not(self) -> None:
        peer = self.connect()
        peer.send(asked("a", "slice", count=9))
        peer.wire.unsent = 1000
        peer.wire.stall()
        for unsent in (900, 899, 10):
            self.clock.advance(9)
            peer.wire.unsent = unsent
            self.clock.advance(1)
            self.assertFalse(peer.is_aborted)
        self.clock.advance(10)
        self.assertTrue(peer.is_aborted)

    def test_nothing_is_left_to_be_called_when_the_peer_is_gone(self) -> None:
        for end in (Peer.vanish, Peer.half_close):
            peer = self.connect()
            peer.ask(asked(0))
            end(peer)
            peer.vanish()
            self.assertEqual(self.clock.getDelayedCalls(), [])


class StopTests(ConnectionCase):
    def stopped(self, stopping: Deferred[None], *peers: Peer) -> None:
        """Check that the stop ends when the last of the connections has."""
        self.assertNoResult(stopping)
        for peer in peers:
            peer.vanish()
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_connections_it_ends_at_once(self) -> None:
        self.successResultOf(self.finishing())

    def test_what_was_received_is_answered_the_farewell_said_and_all_closed(self) -> None:
        busy, idle = self.connect(), self.connect()
        busy.send(asked(0, "wait") + asked(1) + b'{"is": 2')
        stopping = self.finishing()
        self.assertEqual((idle.hear(), idle.is_closed), (b"bye\n", True))
        self.assertEqual((busy.hear(), busy.is_closed), (b"", False))
        self.responder.fire(0)
        self.assertEqual((busy.hear(), busy.is_closed), (b"0\n1\nbye\n", True))
        self.stopped(stopping, busy, idle)

    def test_a_burst_and_a_long_answer_are_finished(self) -> None:
        peer = self.connect()
        peer.send(b"".join(map(asked, range(200))) + asked("a", "slice"))
        stopping = self.finishing()
        self.turn(6)
        self.assertEqual(
            (peer.hear(), peer.is_closed), (names(0, 200) + streamed("a", 0, 3) + b"bye\n", True)
        )
        self.stopped(stopping, peer)

    def test_over_tcp_only_this_half_closes_so_that_what_is_unread_does_not_reset_it(self) -> None:
        peer = self.connect(tcp=True)
        peer.send(asked(0, "wait"))
        stopping = self.finishing()
        self.responder.fire(0)
        self.assertEqual(peer.hear(), b"0\nbye\n")
        self.assertEqual(
            (peer.wire.write_closed, peer.is_closed, peer.wire.reads), (True, False, True)
        )
        self.assertEqual(peer.ask(asked(1)), b"")
        peer.half_close()
        self.assertTrue(peer.is_closed)
        self.stopped(stopping, peer)

    def test_what_takes_longer_than_5_seconds_is_cut_off(self) -> None:
        peer = self.connect()
        peer.send(asked(0, "wait"))
        stopping = self.finishing()
        self.clock.advance(4.999)
        self.assertFalse(peer.is_aborted)
        self.clock.advance(0.001)
        self.assertTrue(peer.is_aborted)
        self.stopped(stopping, peer)

    def test_a_peer_that_does_not_take_its_farewell_is_cut_off_after_30_seconds(self) -> None:
        peer = self.connect()
        self.finishing()
        self.clock.advance(LAST_WORDS)
        self.assertTrue(peer.is_aborted)
        peer.vanish()

    def test_who_comes_while_it_stops_is_told_that_it_is_busy(self) -> None:
        peer = self.connect()
        stopping = self.finishing()
        late = self.connect()
        self.assertEqual((late.hear(), late.is_closed), (b"busy\n", True))
        late.vanish()
        self.stopped(stopping, peer)


class TooManyTests(ConnectionCase):
    def setUp(self) -> None:
        super().setUp()
        self.connections.most = 2

    def test_one_too_many_is_told_and_closed_and_the_others_notice_nothing(self) -> None:
        first, second, third = (self.connect() for _ in range(3))
        self.assertEqual((third.hear(), third.is_closed), (b"busy\n", True))
        third.send(asked("third"))
        self.assertEqual((third.hear(), self.responder.started), (b"", []))
        self.assertEqual((first.ask(asked(1)), second.ask(asked(2))), (line(1), line(2)))

    def test_after_one_has_left_another_is_served(self) -> None:
        first, _ = self.connect(), self.connect()
        self.connect().vanish()
        self.assertEqual(self.connect().hear(), b"busy\n")
        first.vanish()
        self.assertEqual(self.connect().ask(asked(1)), line(1))
