# mypy: allow-untyped-calls
"""Bodies of HTTP requests: in memory, in sinks, too large, asked for first."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.connection import HTTPLimits
from tests.protocols.http.http_tables import get, post
from tests.support.http_kit import Peer, connected

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def to(path: bytes, *fields: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return post(*fields, body=body, version=version).replace(b" / ", b" " + path + b" ", 1)


class TooLarge(SynchronousTestCase):
    """A body beyond the limit is not read; the dialect answers, and the connection closes."""

    def check(self, data: bytes, too_large: bool, body: bytes = b"") -> None:
        peer = connected(HTTPLimits(body=10))
        peer.says(data)
        (answer,) = peer.hears_answers()
        self.assertEqual(answer.status, 413 if too_large else 200)
        self.assertEqual(answer.fields.get(b"connection"), b"close" if too_large else None)
        (request,) = peer.dialect.asked
        self.assertEqual((request.too_large, request.body), (too_large, body))
        self.assertEqual(peer.closed, too_large)

    def test_counted(self) -> None:
        self.check(to(b"/echo", b"Content-Length: 10", body=b"0123456789"), False, b"0123456789")
        self.check(to(b"/echo", b"Content-Length: 11"), True)
        self.check(to(b"/echo", b"Content-Length: 999999999999999999"), True)
        self.check(to(b"/echo", b"Content-Length: 11", body=b"0123456789a" + get()), True)
        self.check(to(b"/echo", b"Content-Length: 11", b"Expect: 100-continue"), True)

    def test_chunked(self) -> None:
        self.check(
            to(
                b"/echo",
                b"Transfer-Encoding: chunked",
                body=b"9\r\n012345678\r\n1\r\n9\r\n0\r\n\r\n",
            ),
            False,
            b"0123456789",
        )
        self.check(
            to(b"/echo", b"Transfer-Encoding: chunked", body=b"9\r\n012345678\r\n2\r\n9a"), True
        )
        self.check(to(b"/echo", b"Transfer-Encoding: chunked", body=b"ffff\r\n0123456789a"), True)

    def test_the_limits_are_those_of_the_page(self) -> None:
        limits = HTTPLimits()
        self.assertEqual(
            (limits.header_bytes, limits.fields, limits.target, limits.body),
            (16384, 100, 8192, 1048576),
        )
        self.assertEqual(
            (limits.header_seconds, limits.body_seconds, limits.keep_alive), (10, 30, 75)
        )

    def test_the_edges_of_the_page(self) -> None:
        pad = 16 * 1024 - len(get()) - len(b"a:\r\n")
        for data, status in (
            (get(b"/" + b"a" * 8191), 200),
            (get(b"/" + b"a" * 8192), 414),
            (get(b"/", b"HTTP/1.1", *[b"a:"] * 99), 200),
            (get(b"/", b"HTTP/1.1", *[b"a:"] * 100), 431),
            (get(b"/", b"HTTP/1.1", b"a:" + b"b" * pad), 200),
            (get(b"/", b"HTTP/1.1", b"a:" + b"b" * (pad + 1)), 431),
            (to(b"/echo", b"Content-Length: 1048576", body=b"x" * 1048576), 200),
            (to(b"/echo", b"Content-Length: 1048577", body=b"x" * 1048577), 413),
        ):
            for size in (len(data), 1000):
                peer = connected()
                for at in range(0, len(data), size):
                    peer.says(data[at : at + size])
                self.assertEqual(peer.hears_answers()[0].status, status, data[:100])

    def test_behind_another(self) -> None:
        peer = connected(HTTPLimits(body=10))
        peer.says(get(b"/slow") + to(b"/echo", b"Content-Length: 11") + get(b"/b"))
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual([answer.status for answer in peer.hears_answers()], [200, 413])
        self.assertTrue(peer.closed)


class Expecting(SynchronousTestCase):
    """A peer that asks before it sends the body."""

    def expecting(self, path: bytes, peer: Peer | None = None, *fields: bytes) -> Peer:
        peer = peer or connected()
        peer.says(to(path, b"Content-Length: 2", b"Expect: 100-Continue", *fields))
        return peer

    def test_wanted(self) -> None:
        peer = self.expecting(b"/echo")
        self.assertEqual(peer.hears(), CONTINUE)
        self.assertEqual(peer.dialect.asked, [])
        peer.says(b"a")
        self.assertEqual(peer.hears(), b"")
        peer.says(b"b" + get(b"/next"))
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"ab", b"/next"])

    def test_refused(self) -> None:
        peer = self.expecting(b"/refused")
        (answer,) = peer.hears_answers()
        self.assertEqual((answer.status, answer.fields[b"connection"]), (401, b"close"))
        self.assertTrue(peer.closed)
        peer.says(b"ab" + get(b"/next"))
        self.assertEqual(peer.hears(), b"")
        self.assertEqual(peer.dialect.asked, [])

    def test_the_body_has_come_already(self) -> None:
        peer = connected()
        peer.says(to(b"/echo", b"Content-Length: 2", b"Expect: 100-continue", body=b"a"))
        self.assertEqual(peer.hears(), b"")
        peer.says(b"b")
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"ab"])

    def test_not_in_1_0(self) -> None:
        peer = connected()
        peer.says(to(b"/echo", b"Content-Length: 2", b"Expect: 100-continue", version=b"HTTP/1.0"))
        self.assertEqual(peer.hears(), b"")
        peer.says(b"ab")
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"ab"])

    def test_not_without_a_body(self) -> None:
        peer = connected()
        peer.says(get(b"/a", b"HTTP/1.1", b"Expect: 100-continue"))
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/a"])

    def test_in_order(self) -> None:
        peer = connected()
        peer.says(get(b"/slow"))
        self.expecting(b"/echo", peer)
        self.assertEqual(peer.hears(), b"")
        peer.dialect.waiting["/slow"].callback(None)
        said = peer.hears()
        self.assertTrue(said.endswith(b"/slow" + CONTINUE), said)
        peer.says(b"ab")
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"ab"])

    def test_refused_in_order(self) -> None:
        peer = connected()
        peer.says(get(b"/slow"))
        self.expecting(b"/refused", peer)
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual([answer.status for answer in peer.hears_answers()], [200, 401])
        self.assertTrue(peer.closed)

    def test_while_it_is_looked_at_nothing_is_taken(self) -> None:
        peer = self.expecting(b"/early/echo")
        self.assertFalse(peer.is_reading())
        peer.says(b"ab" + get(b"/next"))
        self.assertEqual(peer.dialect.asked, [])
        peer.dialect.waiting["early"].callback(None)
        self.assertEqual(
            [answer.body for answer in peer.hears_answers()], [b"/early/echo", b"/next"]
        )
        self.assertTrue(peer.is_reading())

    def test_refused_after_a_while(self) -> None:
        peer = self.expecting(b"/early/refused")
        peer.says(b"ab" + get(b"/next"))
        peer.dialect.waiting["early"].callback(None)
        self.assertEqual([answer.status for answer in peer.hears_answers()], [401])
        self.assertEqual(peer.dialect.asked, [])

    def test_a_fault(self) -> None:
        peer = self.expecting(b"/broken-early")
        self.assertEqual([answer.status for answer in peer.hears_answers()], [500])
        self.assertTrue(peer.closed)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_lost_while_it_is_looked_at(self) -> None:
        peer = self.expecting(b"/early")
        peer.connection.connectionLost(Failure(ConnectionDone()))
        peer.dialect.waiting["early"].callback(None)
        self.assertEqual(peer.hears(), b"")

    def test_the_chunked_kind(self) -> None:
        peer = connected()
        peer.says(to(b"/echo", b"Transfer-Encoding: chunked", b"Expect: 100-continue"))
        self.assertEqual(peer.hears(), CONTINUE)
        peer.says(b"2\r\nab\r\n0\r\n\r\n")
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"ab"])


class LookedAtFirst(SynchronousTestCase):
    """The dialect sees a request before its body is waited for."""

    def test_a_body_that_came_with_its_header_is_looked_at_once(self) -> None:
        for fields, body in (
            (b"Content-Length: 3", b"abc"),
            (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"),
            (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n" * 200 + b"0\r\n\r\n"),
        ):
            peer = connected()
            peer.says(to(b"/refused", fields, body=body))
            peer.passes(0)
            self.assertEqual((len(peer.dialect.looked_at), len(peer.dialect.asked)), (0, 1))
            self.assertFalse(peer.closed)

    def test_refused_before_the_rest_comes(self) -> None:
        for fields, body in (
            (b"Content-Length: 1048576", b""),
            (b"Content-Length: 1048576", b"abc"),
            (b"Transfer-Encoding: chunked", b""),
            (b"Transfer-Encoding: chunked", b"3\r\nab"),
            (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n" * 500),
        ):
            peer = connected()
            peer.says(to(b"/refused", fields, body=body))
            peer.passes(0)
            (answer,) = peer.hears_answers()
            self.assertEqual((answer.status, answer.fields[b"connection"]), (401, b"close"))
            self.assertTrue(peer.closed)
            self.assertEqual((peer.dialect.asked, peer.connection.pending), ([], 0))

    def test_wanted(self) -> None:
        peer = connected()
        peer.says(to(b"/echo", b"Content-Length: 4", body=b"ab"))
        self.assertEqual(peer.hears(), b"")
        peer.says(b"c")
        peer.says(b"d" + get(b"/next"))
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"abcd", b"/next"])
        self.assertEqual(len(peer.dialect.looked_at), 1)

    def test_behind_a_change_that_takes_its_time(self) -> None:
        """It is looked at when its turn has come, as what was before it may have logged somebody
        in, or out.
        """
        peer = connected()
        peer.says(
            to(b"/slow", b"Content-Length: 0") + to(b"/echo", b"Content-Length: 2", body=b"a")
        )
        self.assertEqual(peer.dialect.looked_at, [])
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual(len(peer.dialect.looked_at), 1)
        peer.says(b"b")
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/slow", b"ab"])

    def test_too_large_is_not_looked_at_twice(self) -> None:
        peer = connected(HTTPLimits(body=10))
        peer.says(to(b"/refused", b"Content-Length: 11", b"Expect: 100-continue"))
        self.assertEqual([answer.status for answer in peer.hears_answers()], [413])
        self.assertEqual(peer.dialect.looked_at, [])


class Pending(SynchronousTestCase):
    """What a connection holds of a request that is not complete."""

    def test_it_is_counted(self) -> None:
        peer = connected()
        self.assertEqual(peer.connection.pending, 0)
        head = to(b"/echo", b"Content-Length: 9")
        peer.says(head[:-1])
        self.assertEqual(peer.connection.pending, len(head) - 1)
        peer.says(head[-1:] + b"abc")
        self.assertEqual(peer.connection.pending, 3)
        peer.says(b"defghi")
        self.assertEqual(peer.connection.pending, 0)

    def test_chunks_count_by_what_they_hold(self) -> None:
        peer = connected()
        peer.says(to(b"/echo", b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n2\r"))
        peer.passes(0)
        self.assertEqual(peer.connection.pending, len(b"abc" + b"2\r"))

    def test_what_is_in_a_sink_is_not_held(self) -> None:
        peer = connected()
        peer.says(to(b"/sink", b"Content-Length: 9", body=b"abc"))
        self.assertEqual(peer.connection.pending, 0)


class Sinks(SynchronousTestCase):
    """Bodies that are not held in memory."""

    def test_written(self) -> None:
        peer = connected()
        for piece in (to(b"/sink", b"Content-Length: 4", body=b"a"), b"bc", b"d" + get(b"/next")):
            peer.says(piece)
        (sink,) = peer.dialect.sinks
        self.assertEqual((sink.data, sink.is_done, sink.abandoned), (b"abcd", True, False))
        request = peer.dialect.asked[0]
        self.assertIs(request.sink, sink)
        self.assertEqual(request.body, b"")
        self.assertEqual(len(peer.hears_answers()), 2)

    def test_as_slowly_as_it_likes_while_it_comes(self) -> None:
        peer = connected()
        peer.says(to(b"/sink", b"Content-Length: 9"))
        for _ in range(8):
            peer.passes(29)
            peer.says(b"x")
        self.assertEqual(peer.hears(), b"")
        peer.passes(30)
        self.assertEqual([answer.status for answer in peer.hears_answers()], [408])
        self.assertTrue(peer.dialect.sinks[0].abandoned)

    def test_none_without_a_body(self) -> None:
        peer = connected()
        peer.says(to(b"/sink", b"Content-Length: 0"))
        self.assertEqual(peer.dialect.sinks, [])
        self.assertIsNone(peer.dialect.asked[0].sink)

    def test_its_own_limit(self) -> None:
        for fields, body, fits in (
            (b"Content-Length: 100", b"x" * 100, True),
            (b"Content-Length: 101", b"x", False),
            (b"Transfer-Encoding: chunked", b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n", True),
            (b"Transfer-Encoding: chunked", b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n", False),
        ):
            peer = connected(HTTPLimits(body=5))
            peer.says(to(b"/sink", fields, body=body))
            (sink,) = peer.dialect.sinks
            (request,) = peer.dialect.asked
            self.assertEqual((sink.is_done, sink.abandoned), (fits, not fits))
            self.assertEqual((request.sink, request.too_large), (sink if fits else None, not fits))

    def test_refused_before_anything_is_written(self) -> None:
        """What takes much is asked for first, also where the peer does not wait."""
        peer = connected()
        peer.says(to(b"/sink/refused", b"Content-Length: 4", body=b"abcd"))
        self.assertEqual([answer.status for answer in peer.hears_answers()], [401])
        (sink,) = peer.dialect.sinks
        self.assertEqual((sink.data, sink.abandoned), (b"", True))
        self.assertTrue(peer.closed)

    def test_abandoned(self) -> None:
        for said in (b"ab", b"2\r\nabc"):
            peer = connected()
            coding = b"Transfer-Encoding: chunked" if said[:1] == b"2" else b"Content-Length: 4"
            peer.says(to(b"/sink", coding, body=said))
            if not peer.closed:
                peer.connection.connectionLost(Failure(ConnectionDone()))
            (sink,) = peer.dialect.sinks
            self.assertEqual((sink.is_done, sink.abandoned), (False, True))

    def test_complete_and_never_answered(self) -> None:
        peer = connected()
        peer.says(get(b"/slow"))
        peer.says(to(b"/sink", b"Content-Length: 2", body=b"ab"))
        (sink,) = peer.dialect.sinks
        self.assertEqual((sink.is_done, sink.abandoned), (True, False))
        peer.connection.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(sink.abandoned)

    def test_a_sink_that_fails(self) -> None:
        for data in (
            to(b"/no-sink", b"Content-Length: 2"),
            to(b"/sink", b"Content-Length: 9", body=b"disk full"),
        ):
            peer = connected()
            peer.says(data)
            self.assertEqual([answer.status for answer in peer.hears_answers()], [500])
            self.assertTrue(peer.closed)
            self.assertTrue(all(sink.abandoned for sink in peer.dialect.sinks))
            self.assertEqual(len(self.flushLoggedErrors()), 1)
