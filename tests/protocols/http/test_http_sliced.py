# mypy: allow-untyped-calls
"""HTTP bodies that are made while the peer reads them, and what a lost connection leaves behind."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.protocols.http.http_tables import get, post
from tests.support.http_kit import Dialect, connected


class Stream(SynchronousTestCase):
    """Bodies that are made as the peer reads them."""

    def test_chunked(self) -> None:
        peer = connected()
        peer.dialect.slices = [b"ab", b"", b"c" * 20]
        peer.says(get(b"/slices") + get(b"/next"))
        for _ in range(5):
            peer.passes(0)
        streamed, following = peer.hears_answers()
        self.assertEqual(
            (streamed.body, streamed.fields[b"transfer-encoding"]), (b"ab" + b"c" * 20, b"chunked")
        )
        self.assertNotIn(b"content-length", streamed.fields)
        self.assertEqual(following.body, b"/next")
        self.assertEqual(peer.dialect.closed, 1)

    def test_nothing(self) -> None:
        for version in (b"HTTP/1.0", b"HTTP/1.1"):
            peer = connected()
            peer.says(get(b"/slices", version))
            peer.passes(0)
            self.assertEqual(peer.hears_answers()[0].body, b"")

    def test_ended_by_closing_on_1_0(self) -> None:
        for field in (b"X: y", b"Connection: keep-alive"):
            peer = connected()
            peer.dialect.slices = [b"ab", b"c"]
            peer.says(get(b"/slices", b"HTTP/1.0", field) + get(b"/next"))
            for _ in range(3):
                peer.passes(0)
            (streamed,) = peer.hears_answers()
            self.assertEqual((streamed.body, streamed.fields[b"connection"]), (b"abc", b"close"))
            self.assertNotIn(b"transfer-encoding", streamed.fields)
            self.assertTrue(peer.closed)
            self.assertEqual(len(peer.dialect.asked), 1)

    def test_then_close(self) -> None:
        peer = connected()
        peer.dialect.slices = [b"ab", b"c"]
        peer.says(get(b"/slices", b"HTTP/1.1", b"Connection: close"))
        for _ in range(3):
            peer.passes(0)
        (streamed,) = peer.hears_answers()
        self.assertEqual((streamed.body, streamed.fields[b"connection"]), (b"abc", b"close"))
        self.assertTrue(peer.closed)

    def test_head_of_slices(self) -> None:
        peer = connected()
        peer.dialect.slices = [b"ab"]
        peer.says(get(b"/slices").replace(b"GET", b"HEAD") + get(b"/next"))
        of_head, following = peer.hears_answers("HEAD", "GET")
        self.assertNotIn(b"content-length", of_head.fields)
        self.assertEqual(following.body, b"/next")
        self.assertEqual((peer.dialect.made, peer.dialect.closed), (0, 1))

    def test_a_slow_reader(self) -> None:
        peer = connected()
        peer.dialect.slices = [b"x" * 1000] * 50
        write = peer.transport.write

        def written(data: bytes) -> None:
            write(data)
            peer.stalls()

        self.patch(peer.transport, "write", written)
        peer.says(get(b"/slices"))
        heard = 0
        while heard < 50:
            peer.passes(1)
            self.assertLessEqual(peer.dialect.made, heard + 2)
            peer.goes_on()
            heard += 1
        peer.passes(1)
        self.assertEqual(len(peer.hears_answers()[0].body), 50_000)

    def test_a_slice_that_cannot_be_had(self) -> None:
        peer = connected()
        peer.dialect.slices = [b"ab", b"break"]
        peer.says(get(b"/slices"))
        peer.passes(0)
        self.assertNotIn(b"0\r\n\r\n", peer.hears()[-5:])
        self.assertTrue(peer.closed)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(peer.dialect.closed, 1)

    def test_slices_that_nobody_will_read(self) -> None:
        """Behind a slow answer, when the connection is lost; and behind an answer that ends the
        connection.
        """
        peer = connected()
        peer.says(get(b"/slow") + get(b"/slices"))
        peer.connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(peer.dialect.closed, 1)
        peer = connected()
        peer.says(get(b"/slow/closing") + get(b"/slices"))
        self.patch(peer.dialect, "_SPECIAL", {"slow": Dialect._closing})
        peer.dialect.waiting["/slow/closing"].callback(None)
        self.assertTrue(peer.closed)
        self.assertEqual(peer.dialect.closed, 1)

    def test_lost_while_it_is_read(self) -> None:
        peer = connected()
        peer.dialect.slices = [b"x"] * 10
        peer.says(get(b"/slices"))
        peer.connection.connectionLost(Failure(ConnectionDone()))
        peer.passes(1)
        self.assertEqual(peer.dialect.closed, 1)
        self.assertEqual(peer.clock.getDelayedCalls(), [])


class NoLeftovers(SynchronousTestCase):
    """A connection that is lost leaves nothing behind."""

    def test_timers(self) -> None:
        for said in (b"", b"GET", get(), get(b"/slow"), post(b"Content-Length: 5", body=b"a")):
            for loose in (False, True):
                peer = connected(loose=loose)
                peer.says(said)
                peer.connection.connectionLost(Failure(ConnectionDone()))
                self.assertEqual(peer.clock.getDelayedCalls(), [])
                self.assertEqual(len(peer.connections), 0)

    def test_an_answer_that_comes_too_late(self) -> None:
        peer = connected()
        peer.says(get(b"/slow"))
        peer.connection.connectionLost(Failure(ConnectionDone()))
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual(peer.hears(), b"")
