"""Answers of HTTP out of bytes: whole, a byte at a time, at every split, and with the next one
behind.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sockcrud.client.calls import Call
from sockcrud.client.errors import BadAnswer
from sockcrud.client.http_answers import Answer, HTTPReader

NEXT = b"HTTP/1.1 204 No Content\r\n\r\n"

GOOD: dict[str, tuple[bytes, str, int, bytes]] = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "GET", 200, b"abc"),
    "empty": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "GET", 200, b""),
    "the same length twice": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "GET",
        200,
        b"a",
    ),
    "no reason": (b"HTTP/1.1 404\r\nContent-Length: 1\r\n\r\na", "GET", 404, b"a"),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        b"Chunked\r\n\r\n3;x\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n",
        "GET",
        200,
        b"abc0123456789",
    ),
    "trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        "GET",
        200,
        b"a",
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "DELETE", 204, b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", 304, b""),
    "head": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD", 200, b""),
    "head of chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD", 200, b""),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\nA: b\r\n\r\nHTTP/1.1 201 "
        b"C\r\nContent-Length: 1\r\n\r\na",
        "PUT",
        201,
        b"a",
    ),
    "kept alive of old": (
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na",
        "GET",
        200,
        b"a",
    ),
}


def reader(*methods: str, longest: int = 1000) -> HTTPReader:
    made = HTTPReader(longest)
    for method in methods:
        made.expect(Call(b"", lambda answer: answer, method=method))
    return made


def taken(from_: HTTPReader, pieces: Iterable[bytes]) -> list[Answer]:
    """Feed the pieces, and take what there is after each."""
    found = []
    for piece in pieces:
        from_.feed(piece)
        while (answer := from_.take()) is not None:
            found.append(answer)
    return found


@pytest.mark.parametrize("name", GOOD)
def test_an_answer_is_the_same_however_its_bytes_are_split(name: str) -> None:
    raw, method, status, body = GOOD[name]
    whole = raw + NEXT
    splits = [
        [whole],
        [bytes([byte]) for byte in whole],
        *([whole[:at], whole[at:]] for at in range(1, len(whole))),
    ]
    for pieces in splits:
        reading = reader(method, "GET")
        first, second = taken(reading, pieces)
        assert (first.status, first.body, second.status) == (status, body, 204), pieces
        assert (reading.is_last, reading.may_pipeline, reading.has_rest, reading.end()) == (
            False,
            True,
            False,
            None,
        )


def test_the_end_of_the_connection_ends_an_answer_that_does_not_say_how_long_it_is() -> None:
    for pieces in ([b"HTTP/1.1 200 OK\r\n\r\nabc"], [b"HTTP/1.1 200 OK\r\n\r\n", b"a", b"bc"]):
        reading = reader("GET")
        assert taken(reading, pieces) == []
        ended = reading.end()
        assert ended is not None
        assert (ended.body, reading.is_last) == (b"abc", True)


@pytest.mark.parametrize("name", ["length", "chunks", "trailer", "interim"])
def test_the_end_of_the_connection_completes_no_answer_that_says_how_long_it_is(name: str) -> None:
    raw, method, _, _ = GOOD[name]
    for length in range(len(raw)):
        reading = reader(method)
        assert taken(reading, [raw[:length]]) == []
        assert reading.end() is None


@pytest.mark.parametrize(
    ("head", "is_last"),
    [
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: foo, close\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", False),
    ],
)
def test_whether_the_connection_goes_on(head: bytes, is_last: bool) -> None:
    reading = reader("GET")
    taken(reading, [head + b"Content-Length: 0\r\n\r\n"])
    assert (reading.is_last, reading.may_pipeline) == (is_last, not is_last)


def test_header_fields_are_found_whatever_their_case_and_joined_where_there_are_several() -> None:
    (answer,) = taken(
        reader("GET"), [b'HTTP/1.1 204 N\r\nETag:\t"7" \r\nVARY: a\r\nVary: b\r\nEmpty:\r\n\r\n']
    )
    assert answer.headers == {"etag": '"7"', "vary": "a, b", "empty": ""}


BAD = {
    "not http": b"garbage",
    "the version of another": b"HTTP/3.0 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a folded field": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "a blank before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
    "a bare newline": b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: "
    b"chunked\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    "a chunk beyond its size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    "a size without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 70_000,
    "a trailer without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    + b"A: b\r\n" * 20_000,
    "a header without end": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000,
    "interim without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
    "another protocol from here on": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "too long": b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
    "too long in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1\r\na\r\n" * 1001,
    "too long until the end": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_answer_is_a_bad_one_however_its_bytes_are_split(name: str) -> None:
    for pieces in ([BAD[name]], [BAD[name][at : at + 1] for at in range(len(BAD[name]))]):
        with pytest.raises(BadAnswer):
            taken(reader("GET"), pieces)


def test_a_body_that_something_takes_is_not_held_and_has_no_limit() -> None:
    pieces: list[bytes] = []
    told: list[str] = []

    def begun(headers: object) -> object:
        told.append("begun")
        return pieces.append

    reading = HTTPReader(10)
    reading.expect(Call(b"", lambda answer: answer, into=begun))  # type: ignore[arg-type]
    (answer,) = taken(
        reading, [b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"a" * 2500, b"a" * 2500]
    )
    assert (answer.body, b"".join(pieces), told) == (b"", b"a" * 5000, ["begun"])


def test_the_body_of_an_error_is_held_also_where_something_would_take_a_good_one() -> None:
    reading = HTTPReader(10)
    reading.expect(Call(b"", lambda answer: answer, into=lambda headers: lambda piece: None))
    (answer,) = taken(reading, [b"HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nabc"])
    assert answer.body == b"abc"


def test_a_bad_answer_is_told_without_the_line_that_is_bad() -> None:
    for field in (b"Set-Cookie: token=SECRET\x01", b"SECRET", b"Transfer-Encoding: SECRET"):
        with pytest.raises(BadAnswer) as bad:
            taken(reader("GET"), [b"HTTP/1.1 200 OK\r\n" + field + b"\r\n\r\n"])
        assert "SECRET" not in str(bad.value)


def test_an_answer_in_a_hundred_thousand_chunks_is_read() -> None:
    reading = reader("GET", longest=10**6)
    pieces = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *([b"1\r\na\r\n" * 1000] * 100),
        b"0\r\n\r\n",
    ]
    (answer,) = taken(reading, pieces)
    assert answer.body == b"a" * 100_000
