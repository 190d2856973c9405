"""The framing of JSON objects: tables of bytes and what they are, however the bytes arrive."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Final

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as some

from sockcrud.protocols.json.framer import Fault, ObjectFramer, Wait
from sockcrud.protocols.json.scan import MOST_BRACKETS
from sockcrud.protocols.pacing import Later
from tests.support.feeding import byte_by_byte, cut, every_way

Found = dict[str, Any] | Fault

BAD: Final = Fault.SYNTAX
LONG: Final = Fault.TOO_LONG
HTTP: Final = Fault.FOREIGN
LIMIT: Final = 64
DEEPEST: Final = 64


@frozen
class Case:
    """Bytes, what they hold, and what the end of the input adds to that."""

    name: str
    data: bytes
    found: list[Found]
    at_end: list[Found] = []  # noqa: RUF008 (never changed)

    @property
    def goes_on(self) -> bool:
        """Whether anything is taken from the connection after these bytes."""
        return LONG not in self.found and HTTP not in self.found


def drained(framer: ObjectFramer) -> list[Found]:
    found: list[Found] = []
    while (one := framer.next()) is not None:
        if not isinstance(one, Later):
            found.append(one)
    return found


def parsed(
    pieces: list[bytes], longest: int = LIMIT, deepest: int = DEEPEST
) -> tuple[list[Found], list[Found]]:
    """Return what is found in the pieces, and what the end of the input adds."""
    framer = ObjectFramer(longest, deepest)
    found: list[Found] = []
    for piece in pieces:
        framer.feed(piece)
        found += drained(framer)
    framer.end()
    return found, drained(framer)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def nested_value(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return dict(value)


def of_length(length: int) -> tuple[bytes, Found]:
    """Return an object that is so long."""
    text = "x" * (length - len('{"a":""}'))
    return b'{"a":"' + text.encode() + b'"}', {"a": text}


ONE: Final[Found] = {"a": 1}

OBJECTS = [
    Case("nothing", b"", []),
    Case("an object and LF", b'{"a":1}\n', [ONE]),
    Case("an object and CRLF", b'{"a":1}\r\n', [ONE]),
    Case("a bare object", b'{"a":1}', [ONE]),
    Case("the empty object", b"{}", [{}]),
    Case("two bare objects", b'{"a":1}{"b":2}', [ONE, {"b": 2}]),
    Case("two objects on one line", b'{"a":1}{"b":2}\n', [ONE, {"b": 2}]),
    Case("two objects on one line, blanks between", b' {"a":1} \t {"b":2} \r\n', [ONE, {"b": 2}]),
    Case("an object a line", b'{"a":1}\n{"b":2}\n{"c":3}\n', [ONE, {"b": 2}, {"c": 3}]),
    Case("blank lines", b'\n\r\n  \t\n{"a":1}\n\n\n{"b":2}', [ONE, {"b": 2}]),
    Case("nothing but blanks", b" \t\r\n \n", []),
    Case("blanks inside", b'{ "a"\t:\r 1 }', [ONE]),
    Case("braces in a text", b'{"a":"}{}}{{"}', [{"a": "}{}}{{"}]),
    Case("escapes in a text", rb'{"a":"\"}\\"}{"b":"\\\\\""}', [{"a": '"}\\'}, {"b": '\\\\"'}]),
    Case("an escaped LF in a text", rb'{"a":"\n"}', [{"a": "\n"}]),
    Case(
        "objects in objects",
        b'{"a":{"b":{}},"c":[{},{"d":{}}]}',
        [{"a": {"b": {}}, "c": [{}, {"d": {}}]}],
    ),
    Case("letters beyond ASCII", '{"ä":"한글 😀"}'.encode(), [{"ä": "한글 😀"}]),
    Case("escaped letters", rb'{"a":"\u00e7\ud83d\ude00"}', [{"a": "ç😀"}]),
    Case("a key given twice", b'{"a":0,"b":2,"a":1}', [{"a": 1, "b": 2}]),
    Case(
        "numbers at the edge of 64 bits",
        b'{"a":[-9223372036854775808,9223372036854775807]}',
        [{"a": [-(2**63), 2**63 - 1]}],
    ),
]
FAULTS = [
    Case("a line of something", b"hello\n", [BAD]),
    Case("a line of something with an object in it", b'hello {"a":1}\n', [BAD]),
    Case("something behind an object", b'{"a":1} hello\n', [ONE, BAD]),
    Case("a closing brace alone", b'}\n{"b":2}\n', [BAD, {"b": 2}]),
    Case("words with a brace", b'mostrar}\n{"b":2}\n', [BAD, {"b": 2}]),
    Case("something behind a brace too many", b'{"a":1}} hello\n{"b":2}\n', [ONE, BAD, {"b": 2}]),
    Case("something between good lines", b'{"a":1}\r\nhello\r\n{"b":2}\r\n', [ONE, BAD, {"b": 2}]),
    Case("a list", b'[{"a":1}]\n', [BAD]),
    Case("a text", b'"a"\n', [BAD]),
    Case("a number", b"1\n", [BAD]),
    Case("null", b"null\n", [BAD]),
    Case("a broken object", b"{'a':1}\n", [BAD]),
    Case("a broken object without LF", b"{'a':1}", [BAD]),
    Case("the rest of a broken line", b"{'a':1} and more }}} \n", [BAD]),
    Case("an object behind a broken one", b"{'a':1}, {\"b\":2}\n", [BAD, {"b": 2}]),
    Case("a broken object behind a good one", b'{"a":1}{b}{"c":3}', [ONE, BAD, {"c": 3}]),
    Case("an object that LF breaks", b'{"a":\n1}\n', [BAD, BAD]),
    Case("a text that LF breaks", b'{"a":"\n"}\n', [BAD, BAD]),
    Case("an escape that LF breaks", b'{"a":"\\\n{"b":2}\n', [BAD, {"b": 2}]),
    Case("an unfinished object and then a good line", b'{"a":1\n{"b":2}\n', [BAD, {"b": 2}]),
    Case("a control character in a text", b'{"a":"\x00"}', [BAD]),
    Case("bytes that are not UTF-8", b'{"a":"\xff"}', [BAD]),
    Case("UTF-8 cut short", b'{"a":"\xe2\x82"}', [BAD]),
    Case("a surrogate in UTF-8", b'{"a":"\xed\xa0\x80"}', [BAD]),
    Case("a lone surrogate escape", rb'{"a":"\ud800"}', [BAD]),
    Case("surrogates the wrong way round", rb'{"a":"\ude00\ud83d"}', [BAD]),
    Case("NaN", b'{"a":NaN}', [BAD]),
    Case("Infinity", b'{"a":Infinity}\n{"a":-Infinity}\n', [BAD, BAD]),
    Case("a number beyond all bounds", b'{"a":1e400}', [BAD]),
    Case("a byte order mark on a later line", b'{"a":1}\n\xef\xbb\xbf{"a":1}\n', [ONE, BAD]),
    Case("letters beyond ASCII behind a broken object", "{b}\né\n".encode(), [BAD, BAD]),
    Case("letters beyond ASCII on a later line", 'hello\né\n{"a":1}\n'.encode(), [BAD, BAD, ONE]),
    Case("a comma too many", b'{"a":1,}', [BAD]),
    Case("a comment", b'{"a":1/*}*/}\n', [BAD]),
    Case("a key without a value", b'{"a"}', [BAD]),
]
FOREIGN = [
    Case("a web page's request", b'POST / HTTP/1.1\r\nHost: x\r\n\r\n{"a":1}', [HTTP]),
    Case("behind blank lines", b'\r\n\r\nGET /?{"a":1} HTTP/1.1\r\n', [HTTP]),
    Case("an early version", b"GET / HTTP/1.0\n", [HTTP]),
    Case("a late version", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [HTTP]),
    Case("blanks behind it", b"GET / HTTP/1.1 \t\r\n", [HTTP]),
    Case("behind an answered object", b'{"a":1}\nGET / HTTP/1.1\r\n{"b":2}\n', [ONE, HTTP]),
    Case("not quite a request", b'GET / HTTP/1.1 please\n{"a":1}\n', [HTTP]),
    Case(
        "not quite a request, behind an object",
        b'{"a":1}\nGET / HTTP/1.1 please\n{"a":1}\n',
        [ONE, BAD, ONE],
    ),
    Case("a word about it", b'HTTP/1.1\n{"a":1}\n', [HTTP]),
    Case("a word about it, behind an object", b'{"a":1}\nHTTP/1.1\n{"a":1}\n', [ONE, BAD, ONE]),
    Case("behind a person's line", b'hello\nGET / HTTP/1.1\r\n{"b":2}\n', [BAD, HTTP]),
    Case("binary", b'\x16\x03\x01\x02\n{"a":1}\n', [HTTP]),
    Case("binary behind blanks", b'\r\n \x00{"a":1}\n', [HTTP]),
    Case("a byte beyond ASCII", b'\xff\xfd\x03{"a":1}\n', [HTTP]),
    Case("UTF-16", '{"a":1}\n'.encode("utf-16"), [HTTP]),
    Case("binary in a word", b'AMQP\x00\n{"a":1}\n', [HTTP]),
    Case("binary in an object", b'{\x00\x00\x00}\n{"a":1}\n', [HTTP]),
    Case("binary on a line behind a word", b'0\n\x02\x01\n{"a":1}\n', [BAD, HTTP]),
    Case("a mail", b'EHLO x\r\nMAIL FROM:<x@x>\r\nDATA\r\n{"a":1}\r\n', [HTTP]),
    Case("cut short by the end", b"GET / HTTP/1.1", [], [HTTP]),
]
BEHIND = [
    Case("a brace too many", b'{"a":1}}\n{"b":2}\n', [ONE, {"b": 2}]),
    Case("braces and brackets too many", b'{"a":1}} ]}\t]\r\n{"b":2}\n', [ONE, {"b": 2}]),
    Case("braces too many in front of the next", b'{"a":1}}}{"b":2}', [ONE, {"b": 2}]),
    Case("a brace too many behind a broken one", b'{b}}\n{"b":2}\n', [BAD, {"b": 2}]),
    Case("a brace too many, and the end", b'{"a":1}}', [ONE]),
    Case("a brace on the next line", b'{"a":1}\n}\n', [ONE, BAD]),
    Case("a comma", b'{"a":1},\n{"b":2}\n', [ONE, BAD, {"b": 2}]),
]
UNFINISHED = [
    Case("an object", b'{"a":1', [], [BAD]),
    Case("a text", b'{"a":"}', [], [BAD]),
    Case("an escape", b'{"a":"\\', [], [BAD]),
    Case("a word", b"hel", [], [BAD]),
    Case("a word and blanks", b" hel  \t", [], [BAD]),
    Case("one behind a good one", b'{"a":1}\n{"b"', [ONE], [BAD]),
    Case("the rest of a broken one", b"{b} hel", [BAD]),
    Case("blanks", b'{"a":1}\n  ', [ONE]),
]
ENDED = OBJECTS + FAULTS + FOREIGN + BEHIND
DEEP = [
    Case("as deep as may be", nested(DEEPEST), [nested_value(DEEPEST)]),
    Case("deeper", nested(DEEPEST + 1) + b"\n", [BAD]),
    Case("deeper, and bare", nested(DEEPEST + 1), [], [BAD]),
    Case("deeper, with an object behind it", nested(DEEPEST + 1) + b'{"a":1}\n', [BAD]),
    Case("much deeper, and never closed", b'{"a":' * 200 + b"\n", [BAD]),
    Case("nothing but braces", b"{" * 1000 + b'\n{"a":1}\n', [BAD, ONE]),
    Case("lists count too", b'{"a":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}\n", [BAD]),
    Case("braces in texts do not", b'{"a":"' + b"{[" * DEEPEST + b'"}', [{"a": "{[" * DEEPEST}]),
    Case(
        "nor do siblings", b'{"a":[' + b",".join([b"[]"] * DEEPEST) + b"]}", [{"a": [[]] * DEEPEST}]
    ),
]


def edge_cases() -> list[Case]:
    fits, value = of_length(LIMIT)
    over, _ = of_length(LIMIT + 1)
    unclosed = fits[:-1]
    return [
        Case("as long as may be, LF", fits + b"\n", [value]),
        Case("as long as may be, CRLF", fits + b"\r\n", [value]),
        Case("as long as may be, bare", fits, [value]),
        Case("as long as may be, blanks around", b" " * 99 + fits + b" " * 99, [value]),
        Case("two of them on a line", fits + fits + b"\n", [value, value]),
        Case("longer, LF", over + b'\n{"a":1}\n', [LONG]),
        Case("longer, CRLF", over + b"\r\n", [LONG]),
        Case("longer, bare", over, [LONG]),
        Case("longer, and broken", b"{" + b"x" * LIMIT + b"}", [LONG]),
        Case("longer, and behind a good one", b'{"a":1}' + over, [ONE, LONG]),
        Case("unclosed within the limit", unclosed, [], [BAD]),
        Case("unclosed at the limit", unclosed + b"x", [], [BAD]),
        Case("unclosed beyond the limit", unclosed + b"xx", [LONG]),
        Case("a line of something at the limit", b"x" * LIMIT + b"\n", [BAD]),
        Case("a line of something beyond it", b"x" * (LIMIT + 1) + b"\n", [LONG]),
        Case("something beyond it without LF", b"x" * (LIMIT + 1), [LONG]),
        Case("the rest of a broken line has no limit", b"{b}" + b"x" * LIMIT * 3 + b"\n", [BAD]),
        Case("blanks have no limit", b"\r\n " * LIMIT + b'{"a":1}', [ONE]),
        Case("HTTP beyond it", b"GET /" + b"x" * LIMIT + b" HTTP/1.1\r\n", [LONG]),
    ]


def named(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=case.name) for case in cases]


@pytest.mark.parametrize("case", named(ENDED + UNFINISHED + edge_cases()))
def test_the_same_is_found_however_the_bytes_arrive(case: Case) -> None:
    for pieces in every_way(case.data):
        assert parsed(pieces) == (case.found, case.at_end), pieces


@pytest.mark.parametrize("case", named(DEEP))
def test_nesting_has_a_limit_at_its_exact_depth(case: Case) -> None:
    for pieces in every_way(case.data):
        assert parsed(pieces, longest=4096) == (case.found, case.at_end)


@pytest.mark.parametrize("case", named([case for case in ENDED + edge_cases() if not case.at_end]))
def test_the_request_behind_is_found_unless_the_connection_ends(case: Case) -> None:
    behind: list[Found] = [{"next": 1}] if case.goes_on else []
    for pieces in every_way(case.data + b'{"next":1}'):
        found, _ = parsed(pieces)
        assert found == case.found + behind, pieces


def of_brackets(count: int) -> bytes:
    return b'{"a":[' + b",".join([b"[]"] * (count // 2 - 2)) + b"]}"


def test_an_object_has_a_limited_number_of_objects_and_arrays() -> None:
    fits, over = of_brackets(MOST_BRACKETS), of_brackets(MOST_BRACKETS + 2)
    for end in (b"", b"\n"):
        assert parsed([fits + end], longest=100_000) == (
            [{"a": [[]] * (MOST_BRACKETS // 2 - 2)}],
            [],
        )
    assert parsed([over + b"\n" + fits + b"\n"], longest=100_000)[0][:1] == [BAD]
    assert parsed([over], longest=100_000) == ([], [BAD])


CUT: Final = b""
"""In the place of a piece: nothing more has come for too long."""

CUTS: Final[dict[str, tuple[Sequence[bytes], Sequence[Found]]]] = {
    "words": ([b"mostrar", CUT, b'{"a":1}'], [BAD, ONE]),
    "words, one after the other": ([b"hello", CUT, b"there", CUT, b"!", CUT], [BAD, BAD, BAD]),
    "words and the rest of their line": ([b"mostrar", CUT, b" 3\n", b'{"a":1}\n'], [BAD, BAD, ONE]),
    "words and their newline": ([b"mostrar", CUT, b"\r\n", b'{"a":1}\n'], [BAD, ONE]),
    "words with an object in them": ([b'hello {"a":1}', CUT, b'{"a":1}'], [BAD, ONE]),
    "a list": ([b"[1]", CUT, b'{"a":1}'], [BAD, ONE]),
    "a text": ([b'"x"', CUT, b'{"a":1}'], [BAD, ONE]),
    "a brace": ([b"}", CUT, b'{"a":1}'], [BAD, ONE]),
    "a brace behind an object, at once": ([b'{"a":1}', b"}", b"}", CUT, b'{"a":1}'], [ONE, ONE]),
    "a brace behind an object, later": ([b'{"a":1}', CUT, b"}", CUT, b'{"a":1}'], [ONE, BAD, ONE]),
    "words behind an object": ([b'{"a":1}', b" x", CUT, b'{"a":1}'], [ONE, BAD, ONE]),
    "words behind a broken object, at once": ([b"{b}", b" x", CUT, b'{"a":1}'], [BAD, ONE]),
    "words behind a broken object, later": ([b"{b}", CUT, b"x", CUT, b'{"a":1}'], [BAD, BAD, ONE]),
    "an object": ([b'{"a": 1', CUT, b'{"a":1}'], [BAD, ONE]),
    "an object, of which more comes": (
        [b'{"a": 1', CUT, b', "b": 2}', CUT, b'{"a":1}'],
        [BAD, BAD, ONE],
    ),
    "an object, of which a line comes": (
        [b'{"a": 1', CUT, b', "b": {"a":1}}\n{"a":1}\n'],
        [BAD, BAD, ONE],
    ),
    "an object, of which a brace comes": ([b'{"a": 1', CUT, b"}\n", b'{"a":1}\n'], [BAD, BAD, ONE]),
    "an object in a text": ([b'{"a": "x', CUT, b'{"a":1}'], [BAD, ONE]),
    "an object, too deep": ([b'{"a":' * 70, CUT, b'{"a":1}', CUT, b'{"a":1}'], [BAD, BAD, ONE]),
    "blanks": ([b"  ", CUT, b'{"a":1}'], [ONE]),
    # What was cut with a value to follow takes the object that would be this value.
    "an object, and then its value": (
        [b'{"a": ', CUT, b'{"a":1}}', CUT, b'{"a":1}'],
        [BAD, BAD, ONE],
    ),
    "an object, and then its value and LF": (
        [b'{"a":', CUT, b' {"a":1}}\n{"a":1}'],
        [BAD, BAD, ONE],
    ),
    "an object, and then a list of values": (
        [b'{"a":[1,', CUT, b'{"a":1},', CUT, b'{"a":1}]}', CUT],
        [BAD, BAD, BAD],
    ),
    "an object, and then half of its value": (
        [b'{"a":[', CUT, b'{"a"', CUT, b":1},", CUT, b'{"a":1}]}', CUT],
        [BAD] * 4,
    ),
    "an object that LF ends, and no value": ([b'{"a":', CUT, b'\n{"a":1}'], [BAD, ONE]),
    "a list, and then its value": ([b"[", CUT, b'{"a":1}]', CUT, b'{"a":1}'], [BAD, BAD, ONE]),
    "a colon, and then an object": ([b"op:\t", CUT, b'{"a":1}', CUT, b'{"a":1}'], [BAD, BAD, ONE]),
    "a text of which escaped objects come": (
        [b'{"a": "x', CUT, b'{\\"a\\":1}"}', CUT, b'\n{"a":1}'],
        [BAD, BAD, ONE],
    ),
    # A line is judged as a whole, wherever time has cut it.
    "HTTP before its blank": ([b"POST", CUT, b" / HTTP/1.1\r\n", b'{"a":1}\n'], [BAD, HTTP]),
    "HTTP in its method": ([b"PO", CUT, b"ST / HTTP/1.1\r\n", b'{"a":1}\n'], [BAD, HTTP]),
    "HTTP in its version": ([b"GET / HT", CUT, b"TP/1.1\r\n", b'{"a":1}\n'], [HTTP]),
    "HTTP in its target": ([b"GET /?x=", CUT, b'{"a":1}'], [HTTP]),
    "HTTP in its own method": (
        [b"mostrar", CUT, b" ", CUT, b'/?{"a":1} HTTP/1.1\r\n', b'{"a":1}\n'],
        [BAD, HTTP],
    ),
    "HTTP in each letter": (
        [piece for byte in b"PUT x /" for piece in (bytes([byte]), CUT)],
        [BAD, BAD, BAD, HTTP],
    ),
    "SMTP in front of its blank": (
        [b"ehlo", CUT, b" ", CUT, b"\t", b"x\r\n", b'{"a":1}\r\n'],
        [BAD, HTTP],
    ),
    "HTTP in a long method": (
        [b"x" * 300, CUT, b"x" * 300, CUT, b" / HTTP/1.1\r\n"],
        [BAD, BAD, HTTP],
    ),
    "a command in front of an object": (
        [b"CONNECT", CUT, b" ", CUT, b'{"a":1}', CUT, b'{"a":1}\n'],
        [BAD, HTTP],
    ),
    "a command and a blank in front of an object": (
        [b"CONNECT ", CUT, b'{"a":1}\n', b'{"a":1}\n'],
        [BAD, HTTP],
    ),
    "a word in capitals, and then an object": ([b"HELP", CUT, b'{"a":1}'], [BAD, ONE]),
    "TLS": ([b"\x16", CUT, b"\x03\x01"], [HTTP]),
    "SMTP": ([b"EH", CUT, b"LO x\r\n", b'{"a":1}\r\n'], [BAD, HTTP]),
    "a length": ([b"70", CUT, b":x\n"], [BAD, HTTP]),
}


@pytest.mark.parametrize(
    ("pieces", "expected"), [pytest.param(*case, id=name) for name, case in CUTS.items()]
)
def test_what_is_unfinished_for_too_long_ends_there(
    pieces: Sequence[bytes], expected: Sequence[Found]
) -> None:
    framer = ObjectFramer(1000, DEEPEST)
    found: list[Found] = []
    for piece in pieces:
        if piece:
            framer.feed(piece)
        elif framer.waits is not None:
            framer.cut()
        found += drained(framer)
    assert found == expected
    assert framer.pending <= 256


@pytest.mark.parametrize(
    ("data", "waits"),
    [
        (b"", None),
        (b'{"a":1}\n', None),
        (b'{"a":1}\r\n \r\n', None),
        (b"x\n", None),
        (b'{"a":1}', Wait.BEHIND),
        (b'{"a":1}} ', Wait.BEHIND),
        (b"{b}", Wait.BEHIND),
        (b"{b} x", Wait.BEHIND),
        (b"{", Wait.OBJECT),
        (b'{"a":1}{"a', Wait.OBJECT),
        (b"x", Wait.WORDS),
        (b'{"a":1}x', Wait.WORDS),
        (b"{" * 100, Wait.WORDS),
        (b"x" * 2000, None),
    ],
)
def test_it_says_what_it_waits_for(data: bytes, waits: Wait | None) -> None:
    for pieces in every_way(data):
        framer = ObjectFramer(1000, DEEPEST)
        for piece in pieces:
            framer.feed(piece)
            drained(framer)
        assert framer.waits is waits


def test_it_says_how_many_bytes_it_holds() -> None:
    framer = ObjectFramer(1000, DEEPEST)
    held = []
    for piece in (b'{"a":1}\n{"b', b'":', b"2}", b" hel", b"lo\n", b"x" * 1001, b'{"a":1}'):
        framer.feed(piece)
        drained(framer)
        held.append(framer.pending)
    assert held == [3, 5, 0, 3, 0, 0, 0]


def test_the_standard_limit_holds_to_the_byte() -> None:
    longest = 64 * 1024
    for end in (b"", b"\n", b"\r\n"):
        data, value = of_length(longest)
        assert parsed([data + end], longest) == ([value], [])
        assert parsed([of_length(longest + 1)[0] + end], longest) == ([LONG], [])


def kept_after(pieces: Iterator[bytes]) -> int:
    """Return how many bytes are still in use when all the pieces were fed and all requests taken
    out.
    """
    framer = ObjectFramer(LIMIT, DEEPEST)
    tracemalloc.start()
    try:
        for piece in pieces:
            framer.feed(piece)
            drained(framer)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("last", [b"x" * (LIMIT + 1), b"GET / HTTP/1.1\n"])
def test_after_the_connection_was_given_up_nothing_comes_and_nothing_is_kept(last: bytes) -> None:
    assert len(parsed([last] + [b'{"a":1}\n'] * 3)[0]) == 1
    assert kept_after(chain([last], repeat(b'{"a":1}\n' * 1000, 100))) < 20_000


@pytest.mark.parametrize("piece", [b'{"a":1}', b'{"a":1}\n{"a', b" \r\n", b"{b} rest", b'"a":1}{'])
def test_bytes_that_were_used_are_let_go(piece: bytes) -> None:
    assert kept_after(repeat(piece * 100, 150)) < 40_000


SCRAPS = some.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b"\n",
        b"\r\n",
        b" ",
        b'{"a":1}',
        b"{b}",
        b"{}",
        b'{"a":"',
        b"x",
        b"GET / HTTP/1.1",
        b"\xff",
    ]
)
ANY_BYTES = some.lists(SCRAPS | some.binary(max_size=6), max_size=40).map(b"".join)
PLACES = some.lists(some.integers(0, 200), max_size=20)


@given(ANY_BYTES, PLACES, some.sampled_from([3, 8, 20, 1000]))
def test_any_bytes_however_split_are_what_they_are_in_one_piece(
    data: bytes, places: list[int], longest: int
) -> None:
    whole = parsed([data], longest, 3)
    assert parsed(cut(data, places), longest, 3) == whole
    assert parsed(byte_by_byte(data), longest, 3) == whole


TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**63 - 1) | TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ENDS = some.sampled_from([b"", b"\n", b"\r\n", b"  ", b"\n\n"])


@given(
    some.lists(
        some.tuples(some.dictionaries(TEXTS, VALUES, max_size=4), ENDS, some.booleans()), max_size=5
    ),
    PLACES,
)
def test_any_objects_are_found_as_they_were_sent(
    sent: list[tuple[dict[str, Any], bytes, bool]], places: list[int]
) -> None:
    data = b"".join(
        json.dumps(value, ensure_ascii=ascii).encode() + end for value, end, ascii in sent
    )
    assert parsed(cut(data, places), longest=100_000) == ([value for value, _, _ in sent], [])
