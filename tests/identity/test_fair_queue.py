# mypy: allow-untyped-calls
"""Whose turn it is when many wait: a flood of one peer keeps no other waiting, and is refused
itself.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.errors import Busy
from sockcrud.identity.fair_queue import FairQueue
from sockcrud.peers import peer_of


class FairQueueTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.queue = FairQueue(6)
        self.served: list[str] = []

    def wait(self, name: str, times: int = 1) -> list[Deferred[None]]:
        """Let `name`, whose first letter is its peer, wait."""
        waiting = [Deferred.fromCoroutine(self.queue.wait(name[0])) for _ in range(times)]
        for each in waiting:
            each.addCallback(lambda _: self.served.append(name))
        return waiting

    def serve_all(self) -> str:
        while self.queue.call_next():
            pass
        return " ".join(self.served)

    def test_peers_have_their_turns_one_after_the_other(self) -> None:
        self.wait("a", 3)
        self.wait("b")
        self.wait("c", 2)
        self.assertEqual(self.serve_all(), "a b c a c a")

    def test_of_one_peer_who_came_first_is_first(self) -> None:
        for name in ("a1", "a2", "a3"):
            self.wait(name)
        self.assertEqual(self.serve_all(), "a1 a2 a3")

    def test_a_flood_is_refused_and_not_whoever_comes_after_it(self) -> None:
        flood = [self.wait(f"a{number}")[0] for number in range(6)]
        more = self.wait("a6")
        self.failureResultOf(more[0], Busy)
        self.wait("b")
        self.failureResultOf(flood[5], Busy)  # the latest, which has waited least
        self.wait("c")
        self.failureResultOf(flood[4], Busy)
        self.assertEqual(self.serve_all(), "a0 b c a1 a2 a3")

    def test_peers_of_equal_rights_do_not_chase_each_other_out(self) -> None:
        first = self.wait("a", 3)
        self.wait("b", 3)
        for late in ("a", "b"):
            self.failureResultOf(self.wait(late)[0], Busy)
        self.wait("c")
        self.failureResultOf(first[2], Busy)
        self.assertEqual(self.serve_all(), "a b c a b b")

    def test_as_many_peers_as_there_is_room_for_leave_no_room(self) -> None:
        for name in "abcdef":
            self.wait(name)
        self.failureResultOf(self.wait("g")[0], Busy)

    def test_who_no_longer_waits_leaves_the_room_to_others(self) -> None:
        waiting = self.wait("a", 6)
        waiting[2].cancel()
        self.failureResultOf(waiting[2], CancelledError)
        self.wait("a7")
        self.assertEqual(self.serve_all(), "a a a a a a7")

    def test_without_room_everybody_is_refused(self) -> None:
        self.queue = FairQueue(0)
        self.failureResultOf(self.wait("a")[0], Busy)
        self.assertFalse(self.queue.call_next())


class PeerTests(SynchronousTestCase):
    def test_an_address_is_a_peer_and_of_ipv6_a_64(self) -> None:
        for address, peer in (
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
            ("2001:0DB8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::/64"),
            ("::1", "::/64"),
            ("", ""),
            ("no address", "no address"),
        ):
            self.assertEqual(peer_of(address), peer)
