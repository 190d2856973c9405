# mypy: allow-untyped-calls
"""HTTP on a connection: answers, their order, and how it goes on or ends."""

from __future__ import annotations

import random

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.connection import HTTPLimits, Request, Response
from tests.protocols.http.http_tables import get, post
from tests.support.http_kit import DATE, Dialect, connected


class Answers(SynchronousTestCase):
    """One request, one answer."""

    def test_to_the_letter(self) -> None:
        peer = connected()
        peer.says(get(b"/headed"))
        self.assertEqual(
            peer.hears(),
            b"HTTP/1.1 200 OK\r\nDate: "
            + DATE
            + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            b'ETag: "7"\r\nVary: Origin\r\n\r\n{}',
        )
        self.assertFalse(peer.closed)
        self.assertEqual(peer.dialect.asked[0].peer, "")

    def test_the_date_goes_on(self) -> None:
        peer = connected()
        for seconds, date in ((0, DATE), (0.5, DATE), (0.5, DATE.replace(b":37", b":38"))):
            peer.passes(seconds)
            peer.says(get())
            self.assertEqual(peer.hears_answers()[0].fields[b"date"], date)

    def test_byte_by_byte(self) -> None:
        peer = connected()
        for byte in get(b"/a") + post(b"Content-Length: 2", body=b"xy").replace(b" / ", b" /echo "):
            peer.says(bytes([byte]))
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/a", b"xy"])

    def test_one_write(self) -> None:
        peer = connected()
        writes: list[bytes] = []
        self.patch(peer.transport, "write", writes.append)
        peer.says(get(b"/a"))
        peer.says(get(b"/b") * 3)
        self.assertEqual(len(writes), 2)

    def test_head(self) -> None:
        for path, length in ((b"/headed", b"2"), (b"/status/404", b"9"), (b"/fail", b"30")):
            peer = connected()
            peer.says(get(path))
            of_get = peer.hears_answers()[0]
            peer.says(get(path).replace(b"GET", b"HEAD"))
            of_head = peer.hears_answers("HEAD")[0]
            self.assertEqual((of_head.status, of_head.fields), (of_get.status, of_get.fields))
            self.assertEqual(of_head.fields[b"content-length"], length)
            self.assertEqual(of_head.body, b"")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_some_answers_have_no_body(self) -> None:
        for status in (204, 304):
            peer = connected()
            peer.says(get(b"/status/%d" % status) + get(b"/next"))
            answer, following = peer.hears_answers()
            self.assertEqual(answer.status, status)
            self.assertNotIn(b"content-length", answer.fields)
            self.assertNotIn(b"content-type", answer.fields)
            self.assertEqual(following.body, b"/next")

    def test_a_fault_of_ours(self) -> None:
        for path, error in ((b"/fail", RuntimeError), (b"/injecting", ValueError)):
            peer = connected()
            peer.says(get(path) + get(b"/next"))
            answer, following = peer.hears_answers()
            self.assertEqual((answer.status, answer.body), (500, b"refused: Internal server error"))
            self.assertEqual(following.body, b"/next")
            self.assertEqual(len(self.flushLoggedErrors(error)), 1)

    def test_a_fault_that_took_its_time(self) -> None:
        peer = connected()
        peer.says(get(b"/slow") + get(b"/next"))
        peer.dialect.waiting["/slow"].errback(RuntimeError("a fault"))
        self.assertEqual([answer.status for answer in peer.hears_answers()], [500, 200])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_fault_that_cannot_be_told(self) -> None:
        peer = connected()
        self.patch(peer.dialect, "refusal", lambda status, explanation: 1 / 0)
        peer.says(get(b"/fail"))
        self.assertEqual(peer.hears_answers()[0].status, 500)
        self.assertTrue(peer.closed)
        self.assertEqual(len(self.flushLoggedErrors()), 2)

    def test_a_refusal(self) -> None:
        peer = connected()
        peer.says(get(b"/a") + get(host=b"") + get(b"/b"))
        first, refused = peer.hears_answers()
        self.assertEqual(
            (first.status, refused.status, refused.fields[b"connection"]), (200, 400, b"close")
        )
        self.assertIn(b"refused: ", refused.body)
        self.assertTrue(peer.closed)

    def test_fields_that_a_refusal_needs(self) -> None:
        peer = connected()
        peer.says(get(b"a:1").replace(b"GET", b"CONNECT"))
        self.assertEqual(peer.hears_answers()[0].fields[b"allow"], b"")

    def test_a_connection_too_many(self) -> None:
        peer = connected(most=0)
        busy = peer.hears_answers()[0]
        self.assertEqual((busy.status, busy.fields[b"retry-after"]), (503, b"1"))
        self.assertTrue(peer.closed)


class KeepAlive(SynchronousTestCase):
    """Whether the connection goes on."""

    def check(self, data: bytes, goes_on: bool, connection: bytes | None) -> None:
        peer = connected()
        peer.says(data + get(b"/next"))
        heard = peer.hears_answers()
        self.assertEqual(heard[0].fields.get(b"connection"), connection)
        self.assertEqual([answer.body for answer in heard[1:]], [b"/next"] if goes_on else [])
        self.assertEqual(peer.closed, not goes_on)

    def test_who_wants_what(self) -> None:
        self.check(get(), True, None)
        self.check(get(b"/", b"HTTP/1.1", b"Connection: close"), False, b"close")
        self.check(get(b"/", b"HTTP/1.0"), False, b"close")
        self.check(get(b"/", b"HTTP/1.0", b"Connection: keep-alive"), True, b"keep-alive")
        self.check(get(b"/closing"), False, b"close")
        self.check(get(b"/closing", b"HTTP/1.0", b"Connection: keep-alive"), False, b"close")
        self.check(get(b"/status/204", b"HTTP/1.1", b"Connection: close"), False, b"close")

    def test_what_follows_the_last_request_is_not_asked(self) -> None:
        peer = connected()
        peer.says(get(b"/slow") + get(b"/a", b"HTTP/1.1", b"Connection: close") + get(b"/b"))
        peer.says(get(b"/c"))
        self.assertFalse(peer.closed)
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/slow", b"/a"])
        self.assertEqual([request.path for request in peer.dialect.asked], ["/slow", "/a"])
        self.assertTrue(peer.closed)

    def test_half_closed(self) -> None:
        peer = connected()
        peer.says(get(b"/slow") + get(b"/b"))
        peer.connection.readConnectionLost()
        self.assertFalse(peer.closed)
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/slow", b"/b"])
        self.assertTrue(peer.closed)

    def test_half_closed_in_a_request(self) -> None:
        for begun in (b"GET / HT", post(b"Content-Length: 3", body=b"ab")):
            peer = connected()
            peer.says(get(b"/a") + begun)
            peer.connection.readConnectionLost()
            self.assertEqual([answer.status for answer in peer.hears_answers()], [200, 400])
            self.assertTrue(peer.closed)
            self.assertEqual(len(peer.dialect.asked), 1)

    def test_half_closed_between_requests(self) -> None:
        peer = connected()
        peer.says(get())
        peer.hears()
        peer.connection.readConnectionLost()
        self.assertEqual(peer.hears(), b"")
        self.assertTrue(peer.closed)

    def test_the_last_answer_lingers(self) -> None:
        """What is still on its way in must not make the kernel throw away what was said."""
        peer = connected(tcp=True)
        peer.says(get(host=b""))
        self.assertTrue(getattr(peer.transport, "half_closed", False))
        self.assertFalse(peer.closed)
        peer.says(b"x" * 100_000)
        peer.connection.readConnectionLost()
        self.assertTrue(peer.closed)

    def test_the_end_of_the_daemon(self) -> None:
        peer = connected()
        peer.says(get(b"/slow") + get(b"/a") + b"GET / HT")
        ended = Deferred.fromCoroutine(peer.connections.finish(peer.clock, 10))
        self.assertFalse(peer.closed)
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/slow", b"/a"])
        self.assertTrue(peer.closed)
        peer.connection.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(ended)


class Timed(Dialect):
    """Takes as many seconds as the path says, and notes what runs beside what."""

    running: list[str]

    async def answer(self, request: Request) -> Response:
        running = self.__dict__.setdefault("running", [])
        assert not running or {request.method, *running} == {"GET"}, "a change runs alone"
        running.append(request.method)
        _, seconds, number = request.path.split("/")
        if int(seconds):
            await deferLater(self.clock, int(seconds))
        running.remove(request.method)
        return Response(200, number.encode())


class Order(SynchronousTestCase):
    """Answers come in the order of the requests, and requests take effect in it."""

    def test_slow_first(self) -> None:
        peer = connected()
        peer.says(get(b"/slow") + get(b"/a") + get(b"/b"))
        self.assertEqual(peer.hears(), b"")
        self.assertEqual(len(peer.dialect.asked), 3)
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/slow", b"/a", b"/b"])

    def test_a_change_waits_for_what_came_before(self) -> None:
        peer = connected()
        peer.says(get(b"/slow") + post(b"Content-Length: 1", body=b"x") + get(b"/b"))
        self.assertEqual([request.path for request in peer.dialect.asked], ["/slow"])
        self.assertFalse(peer.is_reading())
        peer.dialect.waiting["/slow"].callback(None)
        self.assertEqual([answer.body for answer in peer.hears_answers()], [b"/slow", b"/", b"/b"])
        self.assertTrue(peer.is_reading())

    def test_3_000_random_pipelines(self) -> None:
        chance = random.Random(3)
        for _ in range(3_000):
            peer = connected(dialect=Timed)
            count = chance.randint(2, 8)
            asked = b"".join(self._one_of_many(chance, number) for number in range(count))
            heard = b""
            while asked or not heard.endswith(b"\r\n\r\n%d" % (count - 1)):
                size = chance.randint(1, 600)
                if peer.is_reading() and asked:
                    peer.says(asked[:size])
                    asked = asked[size:]
                else:
                    peer.passes(chance.choice((0, 1, 1, 2)))
                heard += peer.hears()
            peer.transport.write(heard)
            self.assertEqual(
                [int(answer.body) for answer in peer.hears_answers()], list(range(count))
            )

    def _one_of_many(self, chance: random.Random, number: int) -> bytes:
        """Return a request that takes no time or a few seconds, and mostly only reads."""
        path = b"/%d/%d" % (chance.choice((0, 0, 0, 1, 2, 5)), number)
        if chance.random() < 0.8:
            return get(path)
        return post(b"Content-Length: 2", body=b"ab").replace(b" / ", b" " + path + b" ")

    def test_at_most_so_many_in_flight(self) -> None:
        peer = connected()
        paths = [b"/slow/%d" % number for number in range(200)]
        peer.says(b"".join(map(get, paths)))
        self.assertEqual(len(peer.dialect.asked), 128)
        self.assertFalse(peer.is_reading())
        peer.dialect.waiting["/slow/0"].callback(None)
        self.assertEqual(len(peer.dialect.asked), 129)
        while peer.dialect.waiting:
            for path in list(peer.dialect.waiting):
                waiting = peer.dialect.waiting.pop(path)
                if not waiting.called:
                    waiting.callback(None)
        self.assertEqual([answer.body for answer in peer.hears_answers()], paths)
        self.assertTrue(peer.is_reading())

    def test_many_at_once_leave_others_their_turn(self) -> None:
        peer = connected()
        peer.says(get() * 1000)
        self.assertEqual(len(peer.hears_answers()), 128)
        peer.passes(0)
        self.assertEqual(len(peer.hears_answers()), 872)

    def test_a_peer_that_does_not_read(self) -> None:
        peer = connected(HTTPLimits(unsent=10_000))
        one = post(b"Content-Length: 4000", body=b"x" * 4000).replace(b" / ", b" /echo ")
        peer.stalls()
        peer.says(one * 5)
        self.assertEqual(len(peer.dialect.asked), 3)
        self.assertFalse(peer.is_reading())
        self.assertEqual(peer.hears(), b"")
        peer.goes_on()
        self.assertEqual(len(peer.hears_answers()), 5)
        self.assertTrue(peer.is_reading())
