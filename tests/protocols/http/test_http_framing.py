# mypy: allow-untyped-calls
"""Bytes to requests: tables, fed whole, byte by byte, at every split, and with the next request
behind.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.request import Fields, Request
from tests.protocols.http.http_tables import (
    BAD,
    CUT_SHORT,
    GOOD,
    GOT_NEXT,
    NEXT,
    chunked,
    get,
    post,
)
from tests.support.http_kit import Got, framed


def framer(header_bytes: int = 400, fields: int = 6, target: int = 60) -> RequestFramer:
    return RequestFramer("192.0.2.7", header_bytes=header_bytes, fields=fields, target=target)


class Framing(SynchronousTestCase):
    """What comes out does not depend on how it went in."""

    def check(self, data: bytes, expected: list[Got | int], end: bool = False) -> None:
        self.assertEqual(framed(framer(), [data], end), expected, data)
        self.assertEqual(
            framed(framer(), [data[i : i + 1] for i in range(len(data))], end), expected, data
        )
        for split in range(len(data)):
            self.assertEqual(
                framed(framer(), [data[:split], data[split:]], end),
                expected,
                (data[:split], data[split:]),
            )

    def test_good(self) -> None:
        for name, (data, got) in GOOD.items():
            with self.subTest(name):
                self.check(data, [got])
                self.check(data + NEXT, [got, GOT_NEXT] if got.goes_on else [got])

    def test_nothing_is_lost_at_the_end(self) -> None:
        for data, got in GOOD.values():
            self.assertEqual(framed(framer(), [data], end=True), [got])

    def test_bad(self) -> None:
        for name, (data, status) in BAD.items():
            with self.subTest(name):
                self.check(data, [status])
                self.check(data + NEXT, [status])
                self.check(NEXT + data, [GOT_NEXT, status])

    def test_cut_short(self) -> None:
        for data in CUT_SHORT.values():
            self.check(data, [])
            self.check(data, [400], end=True)

    def test_an_end_between_requests_is_no_fault(self) -> None:
        self.check(b"", [], end=True)
        self.check(b"\r\n\r\n", [], end=True)

    def test_a_field_with_an_underscore_is_another(self) -> None:
        self.check(post(b"Content_Length: 3") + NEXT, [Got("POST"), GOT_NEXT])

    def test_mixtures(self) -> None:
        """Whatever is sent, what is made of it does not depend on the splits."""
        chance = random.Random(7)
        parts = [data for data, _ in GOOD.values()] + [data for data, _ in BAD.values()]
        noise = [
            b"\r",
            b"\n",
            b"\r\n",
            b"\r\n\r\n",
            b" ",
            b":",
            b"\0",
            b"x",
            b"HTTP/1.1",
            b"0",
            b"a" * 50,
            b"Host: a\r\n",
            NEXT,
        ]
        for _ in range(1500):
            data = bytearray(b"".join(chance.choices(parts, k=chance.randint(1, 2))))
            for _ in range(chance.randint(0, 3)):
                at = chance.randrange(len(data))
                data[at : at + chance.choice((0, 0, 1, 5))] = chance.choice(noise)
            whole = framed(framer(), [bytes(data)])
            self.assertEqual(
                framed(framer(), [bytes(data[i : i + 1]) for i in range(len(data))]), whole, data
            )
            cuts = sorted(chance.choices(range(len(data) + 1), k=4))
            pieces = [bytes(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
            self.assertEqual(framed(framer(), pieces), whole, data)


class HeaderFields(SynchronousTestCase):
    """Looked up by lower-case name."""

    def test_lookup(self) -> None:
        one = framer(fields=10)
        one.feed(
            get(
                b"/x-a:",
                b"HTTP/1.1",
                b"X-A: 1",
                b"x-b:\t2 ",
                b"X-a:3",
                b"X-AB: 4",
                b"Ref: x-c: 5",
                b"X-A:",
            )
        )
        request = one.next_head()
        assert isinstance(request, Request)
        self.assertEqual(request.header(b"x-a"), b"1, 3, ")
        self.assertEqual(request.header(b"x-b"), b"2")
        self.assertEqual(request.header(b"ref"), b"x-c: 5")
        self.assertIsNone(request.header(b"x-c"))
        self.assertIsNone(request.header(b"b"))
        self.assertEqual(request.peer, "192.0.2.7")

    def test_made_by_hand(self) -> None:
        request = Request("GET", "/", fields=Fields(b"\r\nContent-Type: a/b\r\n"))
        self.assertEqual(request.header(b"content-type"), b"a/b")
        self.assertIsNone(Request("GET", "/").header(b"content-type"))

    def test_has_host(self) -> None:
        for data, has in ((get(), True), (get(b"/", b"HTTP/1.0", host=b""), False)):
            one = framer()
            one.feed(data)
            request = one.next_head()
            assert isinstance(request, Request)
            self.assertEqual(request.has_host, has)


def work(feed: Callable[[], object]) -> float:
    """Measure the processor's time for it."""
    best = 1e9
    for _ in range(2):
        start = time.process_time()
        feed()
        best = min(best, time.process_time() - start)
    return best


class Linear(SynchronousTestCase):
    """Eight times the bytes is about eight times the work; with quadratic work it would be 64
    times.
    """

    FEW = 12_000
    STEPS: int = 1

    def check_growth(self, begin: bytes, drip: bytes, step: int = 1) -> None:
        def fed(count: int) -> None:
            data = begin + drip * (count // len(drip))
            one = framer(1 << 20, 1 << 20, 1 << 20)
            taken = framed(one, (data[i : i + step] for i in range(0, len(data), step)))
            self.assertNotIn(400, taken)

        few = work(lambda: fed(self.FEW))
        many = work(lambda: fed(self.FEW * 8))
        self.assertLess(many, few * 28 + 0.02)

    def test_a_method_byte_by_byte(self) -> None:
        self.check_growth(b"", b"G")

    def test_a_target_byte_by_byte(self) -> None:
        self.check_growth(b"GET /", b"a")

    def test_an_unended_field_byte_by_byte(self) -> None:
        self.check_growth(b"GET / HTTP/1.1\r\nX: ", b"a")

    def test_unended_fields_byte_by_byte(self) -> None:
        self.check_growth(b"GET / HTTP/1.1\r\n", b"a: b\r\n")

    def test_returns_byte_by_byte(self) -> None:
        self.check_growth(b"GET / HTTP/1.1\r\nX: a", b"\r")

    def test_blank_lines_byte_by_byte(self) -> None:
        self.check_growth(b"", b"\r\n")

    def test_chunks_byte_by_byte(self) -> None:
        self.check_growth(post(b"Transfer-Encoding: chunked"), b"1\r\nx\r\n")

    def test_trailers_byte_by_byte(self) -> None:
        self.check_growth(chunked(b"0\r\n"), b"a: b\r\n")

    def test_pipelines_in_one_piece(self) -> None:
        self.check_growth(b"", get(), 1 << 30)

    def test_chunks_in_one_piece(self) -> None:
        self.check_growth(post(b"Transfer-Encoding: chunked"), b"0000001\r\nx\r\n", 1 << 30)
