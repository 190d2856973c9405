"""Bytes into lines: whole, byte by byte, at every split, and with the next line behind."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from time import process_time
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.framing import JSONLines, LineFramer, Malformed, TextLines
from sockcrud.protocols.pacing import LATER
from tests.protocols.json.json_tables import DEEPEST, JSON_CASES
from tests.support.feeding import byte_by_byte, every_way

LONGEST: Final = 40
TOO_LONG: Final = Malformed("a line of at most 40 bytes", last=True)
NOT_TEXT: Final = Malformed("a text in UTF-8")
NOT_JSON: Final = Malformed("JSON in UTF-8, on one line")
HTTP: Final = Malformed("a request of this port's own, not HTTP", last=True)
UNENDED: Final = Malformed("a line that ends in LF", last=True)

TEXTS: Final[list[tuple[bytes, list[str | Malformed]]]] = [
    (b"one\n", ["one"]),
    (b"one\r\n", ["one"]),
    (b"one\ntwo\r\nthree\n", ["one", "two", "three"]),
    (b"\n\r\n  \n\t\r\none\n\n", ["one"]),
    (b" one \n", [" one "]),
    (b"a\rb\n", ["a\rb"]),
    (b"one\r\r\n", ["one\r"]),
    ("책;김철수\n😀\n".encode(), ["책;김철수", "😀"]),
    (b"x" * 40 + b"\n", ["x" * 40]),
    (b"x" * 40 + b"\r\n", ["x" * 40]),
    (b"x" * 41 + b"\n", [TOO_LONG]),
    (b"x" * 41 + b"\r\n", [TOO_LONG]),
    (b"one\n" + b"x" * 50, ["one", TOO_LONG]),
    (b"\xff\none\n", [NOT_TEXT, "one"]),
    (b"\xed\xa0\xbd\n\xe9\n", [NOT_TEXT, NOT_TEXT]),
    (b"\xff\nGET / HTTP/1.1\n", [NOT_TEXT, "GET / HTTP/1.1"]),
    (b"POST /x HTTP/1.1\r\n", [HTTP]),
    (b"one\nPOST /x HTTP/1.1\r\n", ["one", "POST /x HTTP/1.1"]),
    (b"", []),
    (b"unfinished", []),
]

JSONS: Final[list[tuple[bytes, list[Any]]]] = [
    (b'{"a":1}\n', [{"a": 1}]),
    (b'[{"a":1},2]\r\nnull\n1\n"x"\n', [[{"a": 1}, 2], "null", 1, "x"]),
    ('{"제목":"책 😀"}\n'.encode(), [{"제목": "책 😀"}]),
    (b'{"a":\n1}\n', [NOT_JSON, NOT_JSON]),
    (b"nonsense\n{}\n", [NOT_JSON, {}]),
    (b'{"a":NaN}\n', [NOT_JSON]),
    (b'{"a":"\\ud800"}\n', [NOT_JSON]),
    (b'{"a":"\xff"}\n', [NOT_JSON]),
    (b'\xef\xbb\xbf{"a":1}\n', [Malformed(NOT_JSON.expected, last=True)]),
    (b"POST / HTTP/1.1\r\n", [Malformed(NOT_JSON.expected, last=True)]),
    (b"EHLO mail.example\r\n", [Malformed(NOT_JSON.expected, last=True)]),
    (b"{}\nEHLO mail.example\n", [{}, NOT_JSON]),
    (b"{}\nGET / HTTP/1.1\n", [{}, Malformed(NOT_JSON.expected, last=True)]),
]


def taken(framer: LineFramer[Any], pieces: list[bytes], end: bool = False) -> list[Any]:
    """Feed the pieces, and take out what comes after each."""
    found: list[Any] = []
    for piece in (*pieces, None):
        if piece is not None:
            framer.feed(piece)
        elif end:
            framer.end()
        while (request := framer.next()) is not None:
            if request is not LATER:
                found.append(request)
            if isinstance(request, Malformed) and request.last:
                return found
    return found


class TableTests(SynchronousTestCase):
    def check(
        self, make: Callable[[], LineFramer[Any]], table: Any, behind: bytes, next: Any
    ) -> None:
        for data, expected in table:
            for pieces in every_way(data):
                self.assertEqual(taken(make(), pieces), expected, pieces)
            if data.endswith(b"\n") and not getattr(expected[-1], "last", False):
                self.assertEqual(taken(make(), [data + behind]), [*expected, next], data)

    def test_lines_of_text(self) -> None:
        self.check(lambda: TextLines(LONGEST), TEXTS, b"behind\n", "behind")

    def test_lines_of_json(self) -> None:
        self.check(lambda: JSONLines(200, DEEPEST), JSONS, b"[]\n", [])

    def test_another_encoding(self) -> None:
        self.assertEqual(
            taken(TextLines(LONGEST, "cp949"), ["김철수\n".encode("cp949")]), ["김철수"]
        )

    def test_what_is_json_is_taken_and_what_is_none_is_not(self) -> None:
        for name, data, is_json in JSON_CASES:
            line = data.replace(b"\n", b" ")
            if not line.isspace() and line.startswith(b"{"):
                (found,) = taken(JSONLines(1_000_000, DEEPEST), [b"[]\n" + line + b"\n"])[1:]
                if b"\n" not in data.strip():
                    self.assertEqual(isinstance(found, dict), is_json, name)

    def test_depth_is_counted_in_arrays_too(self) -> None:
        for depth in (1, 8, 9):
            nested = b"[" * depth + b"]" * depth + b"\n"
            wide = b"[" + b",".join([b"{}"] * 20) + b"," + nested[:-1] + b"]\n"
            found = taken(JSONLines(1000, 9), [b"[]\n", nested, wide])[1:]
            self.assertEqual([isinstance(each, list) for each in found], [True, depth < 9], depth)

    def test_many_braces_are_no_json_however_flat(self) -> None:
        found = taken(JSONLines(64 * 1024, DEEPEST), [b"[" + b",".join([b"[]"] * 20_000) + b"]\n"])
        self.assertEqual(found, [NOT_JSON])


class EndTests(SynchronousTestCase):
    def test_a_line_without_its_end_is_none(self) -> None:
        self.assertEqual(taken(TextLines(LONGEST), [b"DEL;1\nDEL;1"], end=True), ["DEL;1", UNENDED])

    def test_json_without_its_line_end_is_whole(self) -> None:
        self.assertEqual(
            taken(JSONLines(LONGEST, DEEPEST), [b'{"a":1}\n{"a":2}'], end=True),
            [{"a": 1}, {"a": 2}],
        )
        self.assertEqual(
            taken(JSONLines(LONGEST, DEEPEST), [b'{"a":1}\n{"a":'], end=True), [{"a": 1}, NOT_JSON]
        )

    def test_blanks_are_nothing(self) -> None:
        for framer in (TextLines(LONGEST), JSONLines(LONGEST, DEEPEST)):
            self.assertEqual(taken(framer, [b"\n  \r\n  "], end=True), [])


class WorkTests(SynchronousTestCase):
    def seconds(self, pieces: list[bytes]) -> float:
        framer = TextLines(10_000_000)
        began = process_time()
        for piece in pieces:
            framer.feed(piece)
            while framer.next() is not None:
                pass
        return process_time() - began

    def test_a_line_byte_by_byte_is_linear(self) -> None:
        short, long = (
            min(self.seconds(byte_by_byte(b"x" * size)) for _ in range(3))
            for size in (20_000, 200_000)
        )
        self.assertLess(long, 40 * short)  # quadratic work would take a hundred times as long

    def test_blank_lines_come_in_steps(self) -> None:
        framer = TextLines(LONGEST)
        framer.feed(b"\n" * 2000 + b"x\n")
        self.assertEqual([framer.next() is LATER for _ in range(4)], [True] * 4)
        self.assertEqual(framer.next(), "x")

    def test_nothing_is_kept_of_what_was_taken(self) -> None:
        framer, data = TextLines(LONGEST), b"one\n" * 1000
        before = getrefcount(data)
        self.assertEqual(len(taken(framer, [data])), 1000)
        self.assertEqual(getrefcount(data), before)
