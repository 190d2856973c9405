"""Whatever is sent, its effect does not depend on how it is split; and where it is taken, h11 takes
it alike.
"""

from __future__ import annotations

import h11
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockcrud.protocols.http.connection import HTTPLimits
from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.loose import LONG_QUIET, QUIET, LooseFramer
from tests.apps.members.members_logins import COUNTS, FOLLOWING, LOGINS, loosely
from tests.protocols.http.http_rfc_table import RFC_CASES
from tests.protocols.http.http_tables import BAD, GOOD
from tests.support.feeding import byte_by_byte, cut
from tests.support.http_kit import Got, connected, framed

REQUESTS = (
    [data for data, _ in GOOD.values()]
    + [data for data, _ in BAD.values()]
    + [data for _, data, _, _ in RFC_CASES]
)
SCRAPS = [
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b"\0",
        b"x",
        b"0",
        b"1",
        b";",
        b'"',
        b"\xff",
        b"\xc3\xa9",
    ),
    *(
        b"HTTP/1.1",
        b"Host: a\r\n",
        b"Content-Length: 4\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"GET / ",
        b"POST /? ",
    ),
    *(
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"user:ab,pw",
        "사용자".encode(),
        b"P",
        b"PUT /? HTTP/1.1\r\n",
    ),
]

requests = st.sampled_from(REQUESTS)
loose_requests = st.builds(
    lambda method, login, count: b"".join(loosely(method, login[0], login[1], count)),
    st.sampled_from(["POST", "PUT"]),
    st.sampled_from(LOGINS),
    st.sampled_from(list(COUNTS)),
) | st.sampled_from(list(FOLLOWING.values()))


@st.composite
def streams(draw: st.DrawFn, kind: st.SearchStrategy[bytes]) -> bytes:
    """Return some requests, with a few bytes of them changed, cut out or put in."""
    data = bytearray(b"".join(draw(st.lists(kind, min_size=1, max_size=3))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.sampled_from([0, 0, 1, 2, 7]))] = draw(st.sampled_from(SCRAPS))
    return bytes(data)


places = st.lists(st.integers(0, 600), max_size=6)
often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def framer(kind: type[RequestFramer] = RequestFramer) -> RequestFramer:
    return kind("192.0.2.7", header_bytes=400, fields=6, target=60)


@often
@given(streams(requests), places)
def test_segments(data: bytes, cuts: list[int]) -> None:
    whole = framed(framer(), [data], end=True)
    assert framed(framer(), cut(data, cuts), end=True) == whole
    assert framed(framer(), byte_by_byte(data), end=True) == whole


@often
@given(streams(loose_requests | requests), places)
def test_segments_of_the_loose(data: bytes, cuts: list[int]) -> None:
    whole = framed(framer(LooseFramer), [data], end=True)
    assert framed(framer(LooseFramer), cut(data, cuts), end=True) == whole
    assert framed(framer(LooseFramer), byte_by_byte(data), end=True) == whole


def effect(
    pieces: list[bytes], pauses: list[float]
) -> tuple[list[tuple[str, bytes]], list[int], bool]:
    """Return what was asked, what was answered, and whether the connection closed."""
    peer = connected(HTTPLimits(header_bytes=400, fields=6, target=60, body=1000), loose=True)
    for piece, pause in zip(pieces, pauses, strict=True):
        peer.says(piece)
        peer.passes(pause)
    for _ in range(8):
        peer.passes(QUIET)
    for _ in range(4):
        peer.passes(LONG_QUIET)
    methods = [request.method for request in peer.dialect.asked]
    statuses = [answer.status for answer in peer.hears_answers(*methods) if answer.status != 100]
    return [(request.method, request.body) for request in peer.dialect.asked], statuses, peer.closed


def means_something(said: bytes) -> bool:
    """Return whether a silence behind these bytes has an effect: then they are complete, in one way
    or another.
    """
    peer = connected(HTTPLimits(header_bytes=400, fields=6, target=60, body=1000), loose=True)
    peer.says(said)
    before = (len(peer.dialect.asked), len(peer.hears()))
    for _ in range(4):
        peer.passes(QUIET)
    return before != (len(peer.dialect.asked), before[1] + len(peer.hears()))


@often
@given(streams(loose_requests), places, st.lists(st.booleans(), min_size=7, max_size=7))
def test_segments_and_time_of_the_loose(data: bytes, cuts: list[int], long: list[bool]) -> None:
    """Pauses below 100 ms may be anywhere, longer ones where nothing is complete."""
    pieces = cut(data, cuts)
    pauses = [QUIET * 0.4] * len(pieces)
    said = b""
    for number, piece in enumerate(pieces[:-1]):
        said += piece
        if long[number] and not means_something(said):
            pauses[number] = QUIET * 3
    assert effect(pieces, pauses) == effect([data], [0.0])


def by_h11(data: bytes) -> list[tuple[str, bytes] | None]:
    """Return the requests that h11 takes, and None where it refuses something or expects no
    more.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    taken: list[tuple[str, bytes] | None] = []
    while True:
        try:
            event = connection.next_event()
            if not isinstance(event, h11.Request):
                return [*taken, None]
            method, body = event.method.decode(), b""
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    return [*taken, None]
                body += event.data
            taken.append((method, body))
            connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            connection.send(h11.EndOfMessage())
            connection.start_next_cycle()
        except (h11.RemoteProtocolError, h11.LocalProtocolError):
            return [*taken, None]


@often
@given(streams(requests.filter(lambda data: not data.startswith(b"\r\n"))))
def test_beside_h11(data: bytes) -> None:
    """What is taken here is taken there, with the same method and body. It may take more: it is
    less strict.
    """
    ours = [got for got in framed(framer(), [data]) if isinstance(got, Got)]
    theirs = by_h11(data)
    for got, other in zip(ours, theirs, strict=False):
        if other is None:
            # It ends each connection with a request of 1.0, and knows no blank line before a
            # request.
            assert b"HTTP/1.0" in data or b"\n\r\n" in data, (data, ours, theirs)
            return
        assert (got.method, got.body) == other, (data, ours, theirs)
