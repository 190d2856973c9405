# mypy: allow-untyped-calls
"""How long an HTTP peer may take, each time at its edge."""

from __future__ import annotations

import math

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.connection import HTTPLimits
from tests.protocols.http.http_tables import get, post
from tests.support.http_kit import Peer, connected

BEFORE = 0.125


class Deadlines(SynchronousTestCase):
    """Whoever has begun a request hears 408; whoever has not, nothing."""

    def ends_after(self, peer: Peer, seconds: float, status: int | None) -> None:
        peer.hears()
        peer.passes(seconds - BEFORE)
        self.assertFalse(peer.closed)
        self.assertEqual(peer.hears(), b"")
        peer.passes(BEFORE)
        self.assertTrue(peer.closed)
        heard = peer.hears_answers()
        self.assertEqual([answer.status for answer in heard], [status] if status else [])
        if heard:
            self.assertEqual(heard[0].fields[b"connection"], b"close")

    def test_nothing_is_ever_said(self) -> None:
        self.ends_after(connected(), 75, None)

    def test_the_first_header_has_its_time_from_its_first_byte(self) -> None:
        peer = connected()
        peer.passes(70)
        peer.says(b"GET / HT")
        self.ends_after(peer, 10, 408)

    def test_a_later_header(self) -> None:
        peer = connected()
        peer.says(get())
        peer.passes(70)
        peer.says(b"GET")
        self.ends_after(peer, 10, 408)

    def test_a_header_that_drips(self) -> None:
        peer = connected()
        peer.says(get())
        for byte in b"GET / HT":
            peer.says(bytes([byte]))
            peer.passes(1)
        self.ends_after(peer, 2, 408)

    def test_every_header_has_its_own_time(self) -> None:
        """A peer whose reads always end within a header is not slow."""
        peer = connected()
        data = get()
        for _ in range(30):
            peer.says(data[-3:] + data[:-3] if _ else data + data[:-3])
            peer.passes(1)
        self.assertFalse(peer.closed)
        self.assertEqual(len(peer.dialect.asked), 30)
        self.ends_after(peer, 9, 408)

    def test_a_body(self) -> None:
        for coding in (b"Content-Length: 9", b"Transfer-Encoding: chunked"):
            peer = connected()
            peer.passes(5)
            peer.says(post(coding))
            self.ends_after(peer, 30, 408)

    def test_a_body_that_drips(self) -> None:
        peer = connected()
        peer.says(post(b"Content-Length: 99"))
        for _ in range(29):
            peer.passes(1)
            peer.says(b"x")
        self.ends_after(peer, 1, 408)

    def test_a_body_after_a_slow_header(self) -> None:
        peer = connected()
        data = post(b"Content-Length: 99")
        peer.says(data[:-1])
        peer.passes(9)
        peer.says(data[-1:])
        self.ends_after(peer, 30, 408)

    def test_a_sink_is_let_go(self) -> None:
        peer = connected()
        peer.says(post(b"Content-Length: 99").replace(b" / ", b" /sink "))
        self.ends_after(peer, 30, 408)
        self.assertTrue(peer.dialect.sinks[0].abandoned)

    def test_idle(self) -> None:
        peer = connected()
        for _ in range(3):
            peer.says(get())
            peer.passes(74)
        peer.says(get())
        self.ends_after(peer, 75, None)

    def test_idle_after_a_body(self) -> None:
        peer = connected()
        peer.says(post(b"Content-Length: 2"))
        peer.passes(20)
        peer.says(b"ab")
        self.ends_after(peer, 75, None)

    def test_idle_after_an_answer_that_took_its_time(self) -> None:
        peer = connected()
        peer.says(get(b"/slow"))
        peer.passes(1000)
        self.assertFalse(peer.closed)
        peer.dialect.waiting["/slow"].callback(None)
        self.ends_after(peer, 75, None)

    def test_while_this_end_is_at_work_no_time_runs(self) -> None:
        peer = connected()
        peer.says(get(b"/slow") + b"GET")
        peer.passes(1000)
        peer.dialect.waiting["/slow"].callback(None)
        self.ends_after(peer, 10, 408)

    def test_the_body_is_due_when_it_was_asked_for(self) -> None:
        peer = connected()
        peer.says(post(b"Content-Length: 9", b"Expect: 100-continue").replace(b" / ", b" /early "))
        peer.passes(1000)
        peer.dialect.waiting["early"].callback(None)
        self.ends_after(peer, 30, 408)

    def test_blank_lines_are_no_request(self) -> None:
        for begin in (b"", get()):
            peer = connected()
            peer.says(begin)
            peer.says(b"\r\n")
            for _ in range(36):
                peer.passes(2)
                peer.says(b"\r")
                peer.says(b"\n")
            self.ends_after(peer, 3, None)

    def test_half_a_blank_line_is_the_beginning_of_a_request(self) -> None:
        peer = connected()
        peer.says(b"\r")
        self.ends_after(peer, 10, 408)

    def test_for_ever(self) -> None:
        """Nothing ends a peer that has said all, nor is there a timer for it. What is begun has its
        time as ever.
        """
        limits = HTTPLimits(idle=math.inf, keep_alive=math.inf)
        peer = connected(limits)
        self.assertEqual(peer.clock.getDelayedCalls(), [])
        peer.passes(10**6)
        peer.says(get())
        peer.passes(10**6)
        peer.says(get(b"/slow"))
        peer.passes(10**6)
        peer.dialect.waiting["/slow"].callback(None)
        peer.passes(10**6)
        self.assertEqual(len(peer.hears_answers()), 2)
        self.assertEqual(peer.clock.getDelayedCalls(), [])
        peer.says(post(b"Content-Length: 9"))
        peer.passes(1)
        peer.says(b"123456789")
        peer.passes(10**6)
        peer.says(b"GET")
        peer.hears()
        self.ends_after(peer, 10, 408)

    def test_a_peer_that_does_not_read(self) -> None:
        peer = connected()
        peer.stalls()
        peer.says(get())
        peer.passes(299)
        self.assertFalse(peer.closed)
        peer.passes(1)
        self.assertTrue(peer.transport.disconnected)

    def test_a_peer_that_reads_again(self) -> None:
        peer = connected()
        peer.stalls()
        peer.says(get() + b"GET")
        peer.passes(200)
        peer.goes_on()
        self.ends_after(peer, 10, 408)

    def test_other_figures(self) -> None:
        limits = HTTPLimits(header_seconds=100, body_seconds=200, keep_alive=20)
        self.ends_after(connected(limits), 20, None)
        peer = connected(limits)
        peer.says(b"GET")
        self.ends_after(peer, 100, 408)
        peer = connected(limits)
        peer.says(post(b"Content-Length: 9"))
        self.ends_after(peer, 200, 408)
        peer = connected(limits)
        peer.says(get())
        self.ends_after(peer, 20, None)
        peer = connected(limits)
        peer.says(post(b"Content-Length: 1"))
        peer.passes(1)
        peer.says(b"a")
        self.ends_after(peer, 20, None)

    def test_what_was_said_last_has_its_time_to_arrive(self) -> None:
        peer = connected(tcp=True)
        peer.says(b"GET")
        peer.passes(10)
        self.assertEqual([answer.status for answer in peer.hears_answers()], [408])
        peer.passes(29)
        self.assertFalse(peer.closed)
        peer.passes(1)
        self.assertTrue(peer.transport.disconnected)
