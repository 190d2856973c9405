# mypy: allow-untyped-calls
"""Requests that are framed as clients in the field frame them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.loose import LooseFramer
from tests.protocols.http.http_tables import BAD, GOOD, GOT_NEXT, NEXT, get, post
from tests.support.http_kit import Got, Peer, connected, framed


def framer() -> LooseFramer:
    return LooseFramer("192.0.2.7", header_bytes=400, fields=6, target=60)


LOGIN = b"user:a@b.c,pass"
COUNTED = (
    b"POST /? HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % (len(LOGIN) + 4)
    + LOGIN
)

LOOSE: dict[str, tuple[bytes, Got]] = {
    "unended GET": (b"GET /? HTTP/1.1\r\nAccept: */*", Got()),
    "unended GET of two fields": (b"GET /? HTTP/1.1\r\nA: b\r\nAccept:*/*", Got()),
    "unended GET of no field": (b"GET /? HTTP/1.1", Got()),
    "unended HEAD": (b"HEAD /? HTTP/1.1\r\nAccept: */*", Got("HEAD")),
    "unended GET 1.0": (b"GET /? HTTP/1.0\r\nConnection: keep-alive", Got()),
    "unended GET that counts the blank line": (b"GET /? HTTP/1.1\r\nContent-Length: 4", Got()),
    "GET that counts the blank line": (b"GET /? HTTP/1.1\r\nContent-Length: 4\r\n\r\n", Got()),
    "POST that counts the blank line": (COUNTED, Got("POST", body=LOGIN)),
    "PUT that counts the blank line": (COUNTED.replace(b"POST", b"PUT"), Got("PUT", body=LOGIN)),
    "POST of nothing": (b"POST /? HTTP/1.1\r\nContent-Length: 4\r\n\r\n", Got("POST")),
}

NOT_LOOSE: dict[str, bytes] = {
    "GET with Host": b"GET /? HTTP/1.1\r\nHost: a\r\nAccept: */*",
    "GET with Host last": b"GET /? HTTP/1.1\r\nAccept: */*\r\nhOST:a",
    "GET of another path": b"GET /x HTTP/1.1\r\nAccept: */*",
    "GET without question mark": b"GET / HTTP/1.1\r\nAccept: */*",
    "GET with a query": b"GET /?a HTTP/1.1\r\nAccept: */*",
    "GET whose last field is ended": b"GET /? HTTP/1.1\r\nAccept: */*\r\n",
    "GET whose last field is half ended": b"GET /? HTTP/1.1\r\nAccept: */*\r",
    "GET within a name": b"GET /? HTTP/1.1\r\nAccept: */*\r\nAcc",
    "GET within the version": b"GET /? HTTP/1",
    "GET of another length": b"GET /? HTTP/1.1\r\nContent-Length: 5",
    "POST without end": b"POST /? HTTP/1.1\r\nAccept: */*",
    "POST with Host": COUNTED.replace(b"\r\n", b"\r\nHost: a\r\n", 1),
    "POST of another path": COUNTED.replace(b"/?", b"/x"),
    "POST with three more": COUNTED + b"x",
    "POST with five more": COUNTED[:-1],
    "POST that expects": COUNTED.replace(b"\r\n", b"\r\nExpect: 100-continue\r\n", 1),
    "POST in chunks": b"POST /? HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n",
}


class LooseFraming(SynchronousTestCase):
    """The framer, told when it is quiet."""

    def test_complete_when_it_is_quiet(self) -> None:
        for name, (data, got) in LOOSE.items():
            for split in range(len(data)):
                with self.subTest(name, split=split):
                    peer = connected(loose=True)
                    peer.says(data[:split])
                    peer.says(data[split:])
                    self.assertEqual(peer.dialect.asked, [])
                    peer.passes(0.1)
                    (request,) = peer.dialect.asked
                    self.assertEqual(
                        (request.method, request.path, request.body), (got.method, "/", got.body)
                    )
                    self.assertFalse(request.has_host)

    def test_complete_at_the_end(self) -> None:
        for data, got in LOOSE.values():
            self.assertEqual(framed(framer(), [data], end=True), [got], data)
            self.assertEqual(
                framed(framer(), [data[i : i + 1] for i in range(len(data))], end=True), [got], data
            )
            self.assertEqual(framed(framer(), [NEXT + data], end=True), [GOT_NEXT, got], data)

    def test_not_complete(self) -> None:
        for name, data in NOT_LOOSE.items():
            with self.subTest(name):
                self.assertEqual(framed(framer(), [data], end=True), [400])
                peer = connected(loose=True)
                peer.says(data)
                peer.hears()
                peer.passes(9)
                self.assertEqual(peer.hears(), b"")
                self.assertEqual(peer.dialect.asked, [])

    def test_what_is_framed_well(self) -> None:
        for data, got in GOOD.values():
            self.assertEqual(framed(framer(), [data]), [got])

    def test_what_is_framed_badly(self) -> None:
        for name, (data, status) in BAD.items():
            if name != "no Host":
                self.assertEqual(framed(framer(), [data]), [status], name)

    def test_no_host(self) -> None:
        self.assertEqual(framed(framer(), [get(host=b"") + NEXT]), [Got(), GOT_NEXT])

    def test_strict(self) -> None:
        peer = connected()
        peer.says(LOOSE["unended GET"][0])
        peer.passes(9)
        self.assertEqual(peer.dialect.asked, [])


class LooseConnection(SynchronousTestCase):
    """A connection of such a client."""

    def says_and_is_quiet(self, peer: Peer, data: bytes) -> list[bytes]:
        peer.says(data)
        peer.passes(0.1)
        return [
            answer.body
            for answer in peer.hears_answers(*(["HEAD"] if data.startswith(b"HEAD") else []))
        ]

    def test_one_after_the_other(self) -> None:
        peer = connected(loose=True)
        self.assertEqual(self.says_and_is_quiet(peer, COUNTED), [b"/"])
        self.assertEqual(self.says_and_is_quiet(peer, LOOSE["unended GET"][0]), [b"/"])
        self.assertEqual(self.says_and_is_quiet(peer, LOOSE["unended HEAD"][0]), [b""])
        self.assertEqual(self.says_and_is_quiet(peer, LOOSE["unended GET"][0]), [b"/"])
        self.assertFalse(peer.closed)

    def test_the_quiet_is_counted_from_the_last_byte(self) -> None:
        peer = connected(loose=True)
        data = LOOSE["unended GET"][0]
        peer.says(data[:-3])
        for byte in data[-3:]:
            peer.passes(0.0625)
            peer.says(bytes([byte]))
        peer.passes(0.0625)
        self.assertEqual(peer.dialect.asked, [])
        peer.passes(0.0375)
        self.assertEqual(len(peer.dialect.asked), 1)

    def test_something_else_follows(self) -> None:
        for after in (
            b"\r\nHost: a\r\n\r\n",
            b"xxxx\r\n\r\n",
            b"abcdGET / HTTP/1.1\r\n\r\n",
            b"\r\nX",
        ):
            peer = connected(loose=True)
            self.assertEqual(self.says_and_is_quiet(peer, LOOSE["unended GET"][0]), [b"/"])
            peer.says(after)
            peer.passes(10)
            self.assertTrue(peer.closed, after)
            self.assertEqual(len(peer.dialect.asked), 1)

    def test_no_timer_without_need(self) -> None:
        peer = connected(loose=True)
        peer.says(get())
        self.assertEqual(len(peer.clock.getDelayedCalls()), 1)
        peer.says(b"GET /")
        self.assertEqual(len(peer.clock.getDelayedCalls()), 2)
        peer.passes(0.5)
        self.assertEqual(len(peer.clock.getDelayedCalls()), 1)

    def test_behind_a_slow_one(self) -> None:
        peer = connected(loose=True)
        peer.says(
            post(b"Content-Length: 1", body=b"x").replace(b" / ", b" /slow ")
            + LOOSE["unended GET"][0]
        )
        peer.passes(5)
        self.assertEqual(len(peer.dialect.asked), 1)
        peer.dialect.waiting["/slow"].callback(None)
        peer.passes(0.1)
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/slow", b"/"])

    def test_deadlines_hold(self) -> None:
        peer = connected(loose=True)
        peer.says(b"GET /x HTTP/1.1")
        peer.passes(10)
        self.assertEqual([answer.status for answer in peer.hears_answers()], [408])
