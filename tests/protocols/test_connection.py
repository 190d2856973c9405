"""A connection's order and its limits: what starts when, what is said when, when reading pauses."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from sockcrud.protocols.answers import CloseAfter
from tests.support.connection_kit import ConnectionCase, Peer, line


def asked(name: Any, do: str = "answer", **more: Any) -> bytes:
    return json.dumps({"is": name, "do": do, **more}).encode() + b"\n"


def read(name: Any, do: str = "wait") -> bytes:
    return asked(name, do, reads=True)


def names(start: int, stop: int) -> bytes:
    return b"".join(map(line, range(start, stop)))


class OrderTests(ConnectionCase):
    def test_each_request_is_answered_at_once(self) -> None:
        peer = self.connect()
        for name in range(3):
            self.assertEqual(peer.ask(asked(name)), line(name))

    def test_answers_of_100_pipelined_reads_of_which_some_wait_come_in_their_order(self) -> None:
        peer = self.connect()
        peer.send(b"".join(read(name, "answer" if name % 3 else "wait") for name in range(100)))
        self.assertEqual(self.responder.started, list(range(100)))
        waiting = list(self.responder.waiting)
        Random(7).shuffle(waiting)
        said = b""
        for name in waiting:
            self.responder.fire(name)
            said += peer.hear()
            self.assertEqual(said, names(0, said.count(b"\n")))
        self.assertEqual(said, names(0, 100))

    def test_100_pipelined_changes_take_effect_one_after_the_other(self) -> None:
        peer = self.connect()
        peer.send(b"".join(asked(name, "await" if name % 3 else "answer") for name in range(100)))
        said = peer.hear()
        while self.responder.waiting:
            (name,) = self.responder.waiting
            self.assertEqual(self.responder.started, list(range(name + 1)))
            self.responder.fire(name)
            said += peer.hear()
        self.assertEqual(said, names(0, 100))

    def test_a_change_waits_for_the_reads_before_it(self) -> None:
        peer = self.connect()
        peer.send(read(0) + read(1) + asked(2) + read(3))
        self.responder.fire(1)
        self.assertEqual((self.responder.started, peer.hear()), ([0, 1], b""))
        self.responder.fire(0)
        self.assertEqual((self.responder.started, peer.hear()), ([0, 1, 2, 3], names(0, 3)))

    def test_a_read_waits_for_the_change_before_it(self) -> None:
        peer = self.connect()
        peer.send(read(0) + asked(1, "wait") + read(2) + read(3))
        self.responder.fire(0)
        self.assertEqual(self.responder.started, [0, 1])
        self.responder.fire(1)
        self.assertEqual((self.responder.started, peer.hear()), ([0, 1, 2, 3], names(0, 2)))

    def test_connections_do_not_wait_for_each_other(self) -> None:
        one, other = self.connect(), self.connect()
        one.send(asked("slow", "wait") + asked("behind"))
        self.assertEqual(other.ask(asked("quick")), b"quick\n")
        self.responder.fire("slow")
        self.assertEqual(one.hear(), b"slow\nbehind\n")

    def test_what_is_no_request_is_answered_in_its_place(self) -> None:
        peer = self.connect()
        peer.send(read(0) + b"hello\n" + read(2, "answer"))
        self.assertEqual(peer.hear(), b"")
        self.responder.fire(0)
        self.assertEqual(peer.hear(), b"0\nbad\n2\n")

    def test_a_burst_is_answered_in_one_write(self) -> None:
        peer = self.connect()
        peer.send(b"".join(map(asked, range(100))))
        self.assertEqual((peer.hear(), peer.wire.writes), (names(0, 100), 1))

    def test_answers_that_waited_for_one_go_out_with_it_in_one_write(self) -> None:
        peer = self.connect()
        peer.send(read(0) + b"".join(read(name, "answer") for name in range(1, 100)))
        self.responder.fire(0)
        self.assertEqual((peer.hear(), peer.wire.writes), (names(0, 100), 1))


class FaultTests(ConnectionCase):
    def test_a_responder_that_raises_is_answered_with_its_internal_error_and_logged_once(
        self,
    ) -> None:
        for do in ("raise", "fail"):
            peer = self.connect()
            self.assertEqual(peer.ask(asked(0, do) + asked(1)), b"crash\n1\n")
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_so_is_one_whose_deferred_fails_later(self) -> None:
        for do in ("wait", "await"):
            peer = self.connect()
            peer.send(asked(0, do) + asked(1))
            self.responder.waiting.pop(0).errback(RuntimeError("not in the script"))
            self.assertEqual(peer.hear(), b"crash\n1\n")
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_bad_input_is_not_logged(self) -> None:
        self.assertEqual(self.connect().ask(b"hello\n{]}\n\xff\n"), b"bad\nbad\nbad\n")

    def test_a_request_beyond_the_limit_is_a_bad_request_and_the_last_thing_heard(self) -> None:
        peer = self.connect(request=100)
        self.assertEqual(peer.ask(asked(0) + b"x" * 101 + b"\n" + asked(1)), b"0\nbad\nbye\n")
        self.assertTrue(peer.is_closed)
        self.assertEqual(self.responder.started, [0])

    def test_a_request_at_the_limit_is_served(self) -> None:
        request = asked(0)
        self.assertEqual(self.connect(request=len(request) - 1).ask(request), line(0))

    def test_a_web_page_gets_bad_request_and_drives_nothing(self) -> None:
        peer = self.connect()
        post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n"
        self.assertEqual(peer.ask(post + asked(0)), b"bad\nbye\n")
        self.assertTrue(peer.is_closed)
        self.assertEqual(self.responder.started, [])


class LimitTests(ConnectionCase):
    def test_reading_pauses_with_128_operations_in_flight_and_goes_on_with_127(self) -> None:
        peer = self.connect()
        peer.send(b"".join(map(read, range(127))))
        self.assertTrue(peer.wire.reads)
        peer.send(read(127) + read(128))
        self.assertEqual((peer.wire.reads, len(self.responder.started)), (False, 128))
        self.responder.fire(0)
        self.assertEqual((peer.wire.reads, len(self.responder.started)), (False, 129))
        self.responder.fire(1)
        self.assertTrue(peer.wire.reads)

    def test_an_answer_that_waits_for_its_turn_still_counts_as_in_flight(self) -> None:
        peer = self.connect()
        peer.send(b"".join(map(read, range(128))))
        self.responder.fire(127)
        self.assertFalse(peer.wire.reads)

    def test_reading_pauses_while_a_change_waits_for_its_turn(self) -> None:
        peer = self.connect()
        peer.send(read(0) + asked(1))
        self.assertFalse(peer.wire.reads)
        self.responder.fire(0)
        self.assertTrue(peer.wire.reads)

    def test_a_burst_lets_others_have_their_turn_after_128_requests(self) -> None:
        greedy, modest = self.connect(), self.connect()
        greedy.send(b"".join(map(asked, range(1000))))
        self.assertEqual((greedy.hear(), greedy.wire.reads), (names(0, 128), False))
        self.assertEqual(modest.ask(asked("modest")), b"modest\n")
        self.turn()
        self.assertEqual(greedy.hear(), names(128, 256))
        self.turn(6)
        self.assertEqual((greedy.hear(), greedy.wire.reads), (names(256, 1000), True))

    def filled(self, size: int) -> Peer:
        """Return a connection whose peer has left so many bytes of answers unread."""
        peer = self.connect()
        peer.wire.stall()
        peer.send(asked(0, "fill", size=1000) + asked(1, "fill", size=size - 1000))
        self.assertEqual(peer.hear(), b"")
        return peer

    def test_reading_pauses_at_256_kib_of_unread_answers(self) -> None:
        self.assertTrue(self.filled(256 * 1024 - 1).wire.reads)
        self.assertFalse(self.filled(256 * 1024).wire.reads)

    def test_nothing_starts_beyond_256_kib_of_unread_answers_until_the_peer_reads(self) -> None:
        peer = self.filled(256 * 1024 - 1)
        peer.send(asked(2) + asked(3))
        self.assertEqual((self.responder.started, peer.wire.reads), ([0, 1, 2], False))
        peer.wire.flow()
        self.assertEqual(peer.hear()[256 * 1024 - 1 :], names(2, 4))
        self.assertTrue(peer.wire.reads)

    def test_answers_that_wait_for_an_earlier_one_count_as_unread(self) -> None:
        peer = self.connect()
        peer.send(read("first") + asked(1, "fill", size=256 * 1024, reads=True) + read(2))
        self.assertEqual((self.responder.started, peer.wire.reads), (["first", 1], False))
        self.responder.fire("first")
        self.turn()
        self.assertEqual((self.responder.started, peer.wire.reads), (["first", 1, 2], True))

    def test_a_peer_that_reads_keeps_no_more_than_the_limit_unread_in_one_turn(self) -> None:
        peer = self.connect()
        peer.send(b"".join(asked(name, "fill", size=100_000) for name in range(10)))
        self.assertEqual(len(peer.hear()), 300_000)
        self.turn(4)
        self.assertEqual(len(peer.hear()), 700_000)
        self.assertGreater(peer.wire.writes, 2)

    def test_a_million_requests_of_a_peer_that_reads_nothing_wait_outside(self) -> None:
        peer = self.connect()
        peer.wire.stall()
        sent = 0
        while peer.wire.reads and sent < 1_000_000:
            peer.send(asked("x" * 100) * 100)
            self.turn()
            sent += 100
        self.assertLess(sent, 3000)


class LastTests(ConnectionCase):
    def test_nothing_starts_after_the_last_answer(self) -> None:
        peer = self.connect()
        self.assertEqual(peer.ask(asked(0) + asked(1, "last") + asked(2)), names(0, 2))
        self.assertTrue(peer.is_closed)
        peer.send(asked(3))
        self.assertEqual((self.responder.started, peer.hear()), ([0, 1], b""))

    def test_it_waits_for_the_answers_before_it_and_drops_those_behind_it(self) -> None:
        peer = self.connect()
        peer.send(read(0) + read(1) + read(2))
        self.responder.fire(2)
        self.responder.fire(1, CloseAfter(b"the end\n"))
        self.assertEqual((peer.hear(), peer.is_closed), (b"", False))
        self.responder.fire(0)
        self.assertEqual((peer.hear(), peer.is_closed), (b"0\nthe end\n", True))

    def test_answers_that_come_after_it_are_dropped(self) -> None:
        peer = self.connect()
        peer.send(read(0) + read(1))
        self.responder.fire(0, CloseAfter(b"the end\n"))
        self.responder.fire(1)
        self.assertEqual(peer.hear(), b"the end\n")

    def test_it_goes_out_also_to_a_peer_that_reads_slowly(self) -> None:
        peer = self.connect()
        peer.wire.stall()
        peer.send(asked(0) + asked(1, "last"))
        self.assertEqual((peer.hear(), peer.is_closed), (names(0, 2), True))

    def test_over_tcp_only_this_half_closes_so_that_what_is_unread_does_not_reset_it(self) -> None:
        peer = self.connect(tcp=True)
        self.assertEqual(peer.ask(asked(0, "last")), line(0))
        self.assertEqual(
            (peer.wire.write_closed, peer.is_closed, peer.wire.reads), (True, False, True)
        )
        peer.send(asked(1) * 1000)
        self.assertEqual(peer.hear(), b"")
        peer.half_close()
        self.assertTrue(peer.is_closed)

    def test_a_peer_that_does_not_close_its_half_within_2_seconds_is_cut_off(self) -> None:
        peer = self.connect(tcp=True)
        peer.send(asked(0, "last"))
        self.clock.advance(10)
        peer.connection.writeConnectionLost()  # as the transport says once all was sent
        self.clock.advance(1.999)
        self.assertFalse(peer.is_closed)
        self.clock.advance(0.001)
        self.assertEqual(
            (peer.is_closed, peer.is_aborted), (True, False)
        )  # what the system still holds is sent
        self.clock.advance(2)
        self.assertTrue(peer.is_aborted)

    def test_a_peer_that_does_not_take_what_was_said_last_within_30_seconds_is_cut_off(
        self,
    ) -> None:
        peer = self.connect(tcp=True)
        peer.send(asked(0, "last"))
        self.clock.advance(29.999)
        self.assertFalse(peer.is_aborted)
        self.clock.advance(0.001)
        self.assertTrue(peer.is_aborted)
