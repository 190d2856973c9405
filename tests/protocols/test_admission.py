"""What all connections share: that no peer gets more than a share of it, and that nothing is left
of who has gone.
"""

from __future__ import annotations

import gc
from errno import ECONNRESET
from typing import Any
from unittest import mock
from weakref import ref

from twisted.internet.interfaces import ISSLTransport
from zope.interface import directlyProvides, providedBy

from sockcrud.protocols import admission
from sockcrud.protocols.admission import Budgets, Connections, Listening, Shares
from sockcrud.protocols.answers import Answer
from sockcrud.protocols.json.objects import JSONConnection, JSONLimits
from tests.protocols.test_connection import asked, read
from tests.support.connection_kit import ConnectionCase, Peer, ScriptedResponder, Wire, line


class ShareTests(ConnectionCase):
    def setUp(self) -> None:
        super().setUp()
        self.connections = Connections(8, self.clock, reserve=2)

    def test_one_address_has_at_most_a_quarter_of_the_connections(self) -> None:
        mine = [self.connect() for _ in range(3)]
        self.assertEqual([peer.hear() for peer in mine], [b"", b"", b"busy\n"])
        self.assertEqual(self.connect(address="192.0.2.2").ask(asked(1)), line(1))
        mine[0].vanish()
        self.assertEqual(self.connect().ask(asked(1)), line(1))

    def test_this_machine_may_have_all_for_it_may_be_a_proxy(self) -> None:
        peers = [self.connect(address="127.0.0.1") for _ in range(9)]
        self.assertEqual([peer.hear() for peer in peers], [b""] * 8 + [b"busy\n"])

    def test_the_administration_has_connections_of_its_own_when_all_are_taken(self) -> None:
        for _ in range(8):
            self.connect(address="127.0.0.1")
        admin = Listening(self.connections, reserved=True)
        peers = [
            Peer(JSONConnection(self.responder, self.clock, admin, JSONLimits())) for _ in range(3)
        ]
        self.assertEqual([peer.hear() for peer in peers], [b"", b"", b"busy\n"])
        self.assertEqual(len(admin), 2)

    def test_a_thousand_too_many_are_not_told_one_by_one_nor_logged_one_by_one(self) -> None:
        with mock.patch("sockcrud.protocols.admission._log") as log:
            peers = [self.connect() for _ in range(1002)]
            self.connections.flush_log()
        self.assertEqual([call.kwargs["count"] for call in log.warn.call_args_list], [1, 999])
        told = [peer for peer in peers if peer.hear() == b"busy\n"]
        self.assertEqual((len(told), sum(peer.is_aborted for peer in peers)), (64, 1000 - 64))
        told[0].vanish()
        self.assertEqual(self.connect().hear(), b"busy\n")

    def test_who_is_told_and_does_not_close_is_cut_off(self) -> None:
        for _ in range(2):
            self.connect()
        late = self.connect()
        self.clock.advance(5)
        self.assertTrue(late.is_aborted)


class BudgetTests(ConnectionCase):
    def test_who_holds_most_unread_answers_is_ended_when_all_hold_too_much(self) -> None:
        self.connections = Connections(
            100, self.clock, shares=Shares(1.0), budgets=Budgets(unsent=100_000)
        )
        small, other = self.connect(address="192.0.2.2"), self.connect(address="192.0.2.3")
        large = [self.connect() for _ in range(4)]
        for peer, size in ((small, 10_000), (other, 1000), *((peer, 20_000) for peer in large)):
            peer.wire.stall()
            peer.send(asked(0, "fill", size=size))
        self.assertEqual([peer.is_aborted for peer in large], [False] * 4)
        large[0].send(asked(0, "fill", size=30_000))
        self.assertEqual(
            [peer.is_aborted for peer in (small, other, *large)],
            [False, False, True, False, False, False],
        )
        for peer in large:
            peer.vanish()
        self.assertEqual(self.connections.unsent, 11_000)

    def test_what_the_transport_holds_counts(self) -> None:
        self.connections = Connections(100, self.clock, budgets=Budgets(unsent=100_000))
        peer = self.connect()
        peer.wire.unsent = 100_001
        peer.wire.stall()
        self.assertTrue(peer.is_aborted)

    def test_what_is_read_counts_no_more(self) -> None:
        peer = self.connect()
        peer.wire.stall()
        peer.send(asked(0, "fill", size=5000))
        self.assertEqual(self.connections.unsent, 5000)
        peer.wire.flow()
        self.assertEqual(self.connections.unsent, 0)


class FairnessTests(ConnectionCase):
    """Work takes time here: each request a millisecond."""

    def setUp(self) -> None:
        super().setUp()
        self.worked = 0.0
        self.connections.scheduler.now = lambda: self.worked
        answer = self.responder.answer

        def working(request: dict[str, object]) -> object:
            self.worked += 0.001
            return answer(request)

        self.responder.answer = working  # type: ignore[method-assign,assignment]

    def started(self) -> list[object]:
        started, self.responder.started = self.responder.started, []
        return started

    def test_a_turn_ends_after_2_ms_of_work(self) -> None:
        peer = self.connect()
        peer.send(b"".join(map(asked, range(100))))
        self.assertLess(len(self.started()), 6)
        self.assertFalse(peer.wire.reads)
        self.turn()
        self.assertLess(len(self.started()), 6)
        self.turn(50)
        self.assertTrue(peer.wire.reads)
        self.assertEqual(peer.hear(), b"".join(map(line, range(100))))

    def test_one_with_many_connections_has_no_more_turns_than_one_with_one(self) -> None:
        many = [self.connect() for _ in range(50)]
        for peer in many:
            peer.send(b"".join(asked("many") for _ in range(100)))
        one = self.connect(address="192.0.2.2")
        one.send(b"".join(asked("one") for _ in range(12)))
        self.started()
        for _ in range(6):
            self.turn()
            if "one" in self.responder.started:
                break
        self.turn(5)
        self.assertEqual(self.started().count("one") + one.hear().count(b"one") // 1000, 12)

    def test_one_who_asks_for_little_is_served_in_the_next_turn_at_the_latest(self) -> None:
        many = [self.connect() for _ in range(50)]
        for peer in many:
            peer.send(b"".join(asked("many") for _ in range(100)))
        for address in (
            "192.0.2.2",
            "192.0.2.1",
        ):  # also where it shares an address with those who ask for much
            one = self.connect(address=address)
            one.send(asked("one"))
            self.turn()
            self.assertEqual(one.hear(), b"one\n")
        for peer in many:
            peer.vanish()

    def test_nothing_is_done_for_one_who_has_gone_before_its_turn_came(self) -> None:
        self.connections.scheduler.exhausted = True
        gone, there = self.connect(), self.connect()
        gone.send(asked("gone"))
        there.send(asked("there"))
        gone.wire.fault = ECONNRESET  # nothing is read from it, so it is not heard
        self.turn()
        self.assertEqual(
            (self.started(), gone.is_aborted, there.hear()), (["there"], True, b"there\n")
        )

    def test_long_answers_count_by_their_bytes(self) -> None:
        many = [self.connect() for _ in range(50)]
        for peer in many:
            peer.send(asked("many", "fill", size=200_000))
        began = len(self.started())
        self.assertLess(began, 10)
        self.turn(50)
        self.assertEqual(began + len(self.started()), 50)


class WaitingTests(ConnectionCase):
    """Operations wait for a store, which answers many at the same moment."""

    def begun(self, count: int, address: str, name: str) -> Peer:
        """Return a connection that has sent so many requests, each of which waits."""
        peer = self.connect(address=address)
        peer.send(b"".join(read(f"{name} {number}", "await") for number in range(count)))
        return peer

    def fire_all(self) -> None:
        for name in list(self.responder.waiting):
            self.responder.fire(name)

    def test_one_peer_has_only_so_many_under_way_however_many_connections_it_has(self) -> None:
        self.connections = Connections(100, self.clock, shares=Shares(1.0, pipelined=10))
        self.connections.scheduler.now = self.clock.seconds  # however busy the machine is
        many = [self.begun(20, "192.0.2.1", f"{number}") for number in range(5)]
        self.assertEqual(len(self.responder.waiting), 5 + 10)
        other = self.begun(5, "192.0.2.2", "other")
        self.assertEqual(len(self.responder.waiting), 15 + 5)
        while self.responder.waiting:
            self.assertLessEqual(len(self.responder.waiting), 20)
            self.fire_all()
            self.turn()
        for number, peer in enumerate(many):
            self.assertEqual(peer.hear(), b"".join(line(f"{number} {at}") for at in range(20)))
        self.assertEqual(other.hear().count(b"other"), 5)
        self.assertEqual(self.connections.pipelined, 0)

    def test_what_is_under_way_counts_until_it_has_ended_whether_its_peer_is_there_or_not(
        self,
    ) -> None:
        peer = self.begun(20, "192.0.2.1", "gone")
        peer.vanish()
        self.assertEqual(self.connections.pipelined, 19)
        self.fire_all()
        self.turn()
        self.assertEqual((self.connections.pipelined, peer.connection.peer.pipelined), (0, 0))

    def test_all_peers_together_have_only_so_many(self) -> None:
        self.patch(admission, "MOST_PIPELINED", 10)
        for number in range(50):
            self.begun(20, f"192.0.2.{number}", f"{number}")
        self.assertEqual(len(self.responder.waiting), 50 + 10)
        self.fire_all()

    def test_one_who_asks_for_little_does_not_wait_for_all_that_a_store_has_answered(self) -> None:
        worked = 0.0
        answer = self.responder._answer

        async def working(name: Any, do: str, request: dict[str, Any]) -> Answer:
            nonlocal worked
            answered = await answer(name, do, request)
            worked += 0.001
            return answered

        self.responder._answer = working  # type: ignore[method-assign]
        self.connections.scheduler.now = lambda: worked
        for number in range(5):
            self.begun(100, "192.0.2.1", f"{number}")
        one = self.begun(1, "192.0.2.2", "one")
        changing = self.connect(address="192.0.2.1")
        changing.send(b"".join(asked(f"change {number}", "await") for number in range(9)))
        self.fire_all()
        self.assertLess(worked, 0.01)
        self.assertEqual((one.hear(), changing.hear()), (b"", b""))
        self.turn()
        self.assertEqual((one.hear(), changing.hear()), (line("one 0"), line("change 0")))
        self.assertLess(worked, 0.02)
        while len(self.connections.scheduler):
            self.turn()
        self.assertGreater(worked, 0.5)

    def test_what_fails_while_others_go_on_is_answered_as_a_failure(self) -> None:
        peer = self.connect()
        peer.send(read(0, "await"))
        self.connections.scheduler.exhausted = True
        self.responder.waiting.pop(0).errback(RuntimeError("not in the script"))
        self.assertEqual(peer.hear(), b"")
        self.turn()
        self.assertEqual(peer.hear(), b"crash\n")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class StreamTests(ConnectionCase):
    def test_one_peer_reads_at_most_so_many_long_lists_at_a_time(self) -> None:
        self.connections = Connections(100, self.clock, shares=Shares(1.0, streams=2))
        peers = [self.connect() for _ in range(3)]
        for number, peer in enumerate(peers):
            peer.send(asked(number, "slice"))
        self.assertEqual((peers[2].hear(), peers[2].is_closed), (b"busy\n", True))
        self.assertEqual(self.responder.slices[2].closed, 1)
        self.turn(4)
        peers[0].hear()
        self.assertEqual(peers[0].ask(asked(3, "slice")), b"3.0\n")


class NothingIsLeftTests(ConnectionCase):
    """With the garbage collector off: what is only found by it stays for a while, and is as long as
    a stranger likes.
    """

    def setUp(self) -> None:
        super().setUp()
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def test_of_a_connection_that_has_ended(self) -> None:
        for said, stalled in (
            (b"", False),
            (asked(0), False),
            (asked(0, "fill", size=1000), True),
            (asked(0, "slice", count=9), False),
            (asked(0, "slice", count=9), True),
            (read(0) + asked(1, "slice", reads=True), False),
            (asked(0, "last"), False),
            (b"{", False),
            (b"GET / HTTP/1.1\r\n", False),
        ):
            with self.subTest(said=said, stalled=stalled):
                self.responder = ScriptedResponder()
                peer = self.connect()
                if stalled:
                    peer.wire.stall()
                peer.send(said)
                self.turn(2)
                waiting = list(self.responder.waiting)
                peer.vanish()
                peer.wire.producer = None  # as a real transport does
                self.assertEqual(
                    [each.closed for each in self.responder.slices.values()],
                    [1] * len(self.responder.slices),
                )
                gone = ref(peer.connection)
                for name in waiting:
                    self.responder.fire(name)
                self.responder = ScriptedResponder()
                del peer
                self.turn(2)
                self.assertIsNone(gone())


class HandshakeTests(ConnectionCase):
    def shaking(self) -> tuple[JSONConnection, Wire]:
        """Return a new connection with TLS, and its transport."""
        wire = Wire(tcp=True)
        directlyProvides(wire, ISSLTransport, providedBy(wire))
        limits = JSONLimits(idle=1800.0)
        connection = JSONConnection(self.responder, self.clock, Listening(self.connections), limits)
        connection.makeConnection(wire)
        return connection, wire

    def test_one_that_is_not_done_in_10_seconds_is_cut_off(self) -> None:
        _, wire = self.shaking()
        self.clock.advance(9.999)
        self.assertFalse(wire.disconnected)
        self.clock.advance(0.001)
        self.assertTrue(wire.disconnected)

    def test_after_it_a_connection_waits_as_others_do(self) -> None:
        connection, wire = self.shaking()
        connection.handshakeCompleted()
        self.clock.advance(1799)
        self.assertFalse(wire.disconnected or wire.disconnecting)
        self.clock.advance(1)
        self.assertTrue(wire.disconnecting)

    def test_a_last_answer_leaves_its_end_to_tls(self) -> None:
        connection, wire = self.shaking()
        connection.handshakeCompleted()
        connection.dataReceived(asked(0, "last"))
        self.assertEqual(
            (wire.said(), wire.disconnecting, wire.write_closed), (line(0), True, False)
        )
