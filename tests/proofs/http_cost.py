"""What one call of an HTTP framing may cost at most. `python -m tests.proofs.http_cost` prints the
figures.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from time import process_time
from typing import Final

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from sockcrud.protocols.admission import Connections, Listening
from sockcrud.protocols.http.connection import HTTPConnection, HTTPFactory, HTTPLimits
from tests.support.feeding import byte_by_byte
from tests.support.http_kit import Dialect

SEGMENT: Final = 256 * 1024
"""What a transport gives at once, at most."""


def _head(*fields: bytes, target: bytes = b"/", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: a", *fields, b"", b""])


CHUNKED: Final = _head(b"Transfer-Encoding: chunked", method=b"POST")
LOOSE: Final = b"PUT /? HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
SHAPES: Final[dict[str, bytes]] = {
    "chunks of one byte": CHUNKED + b"1\r\nx\r\n" * 170_000,
    "chunks of five bytes": CHUNKED + b"5\r\nxxxxx\r\n" * 100_000,
    "chunks of much extension": CHUNKED
    + (b"400;" + b"a" * 900 + b"\r\n" + b"x" * 1024 + b"\r\n") * 500,
    "chunk extensions of one letter": CHUNKED
    + (b"400" + b";a" * 500 + b"\r\n" + b"x" * 1024 + b"\r\n") * 500,
    "chunk extensions of blanks": CHUNKED + (b"400" + b" " * 1000 + b"\r\n") * 500,
    "trailers": CHUNKED + b"0\r\n" + b"a:\r\n" * 200,
    "a body in one piece": _head(b"Content-Length: 1048576", method=b"POST") + b"x" * 1_048_576,
    "blank lines": b"\r\n" * 200_000,
    "a hundred large fields": _head(*[b"x%d: " % n + b"y" * 150 for n in range(98)]),
    "fields that nearly match": _head(
        *[b"content-lengt: 1"] * 98, *[b"connection: " + b"clos, " * 800]
    ),
    "a Connection of blanks": _head(b"Connection: " + b", \t" * 4000),
    "a Connection of commas": _head(b"Connection: " + b"," * 15000 + b"clos"),
    "a Transfer-Encoding of commas": _head(b"Transfer-Encoding: " + b"," * 15000, method=b"POST"),
    "a Transfer-Encoding of tabs": _head(
        b"Transfer-Encoding: " + b"\t" * 15000 + b"chunked", method=b"POST"
    ),
    "a Host of a name": _head().replace(b"Host: a", b"Host: " + b"a%41" * 3500),
    "a Host of colons": _head().replace(b"Host: a", b"Host: [" + b"1:" * 7000 + b"]"),
    "a Host of digits": _head().replace(b"Host: a", b"Host: [" + b"1" * 15000 + b"]"),
    "percent-encoding": _head(target=b"/" + b"%41" * 2700),
    "percent-encoding of three bytes": _head(target=b"/" + b"%E2%82%AC" * 900),
    "a bad escape at the end": _head(target=b"/" + b"%41" * 2700 + b"%4"),
    "an absolute target": _head(target=b"http://" + b"a" * 8000 + b"/"),
    "pipelined requests": _head() * 8000,
    "pipelined requests of 1.2": _head().replace(b"1.1", b"1.2") * 8000,
    "a line without end": b"GET /" + b"a" * 8000,
    "loose: a body of characters": LOOSE % 16384 + "é".encode() * 8192,
    "loose: a body in Korean, and a request": LOOSE % 16384
    + "한".encode() * 16380
    + b"GET /? HTTP/1.1",
    "loose: a target without end": LOOSE % 13 + b"user:a,pw" + b"GET /" + b"a" * 8000,
    "loose: an unended GET": b"GET /? HTTP/1.1\r\n" + b"a: b\r\n" * 90 + b"c: " + b"d" * 14000,
    "loose: blank lines behind a body": LOOSE % 13 + b"user:a,pw" + b"\r\n" * 100_000,
}


def _calls(data: list[bytes], clock: Clock, connection: HTTPConnection) -> Iterator[None]:
    for piece in data:
        connection.dataReceived(piece)
        yield
        while (
            clock.getDelayedCalls()
            and min(call.getTime() for call in clock.getDelayedCalls()) <= clock.seconds()
        ):
            clock.advance(0)
            yield
    clock.advance(0.1)
    yield


def costs(shape: str, byte: bool) -> tuple[float, float]:
    """Return the seconds of the dearest call of `next_request`, and of all calls together."""
    data = SHAPES[shape]
    pieces = (
        byte_by_byte(data[:40_000])
        if byte
        else [data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT)]
    )
    clock = Clock()
    factory = HTTPFactory(
        lambda peer: Dialect(clock, peer),
        clock,
        Listening(Connections(1, clock)),
        HTTPLimits(),
        shape.startswith("loose"),
    )
    connection = factory.buildProtocol(None)
    spent: list[float] = []
    vars(connection)["next_request"] = _timed(connection.next_request, spent)
    connection.makeConnection(StringTransport())
    gc.collect()
    gc.disable()
    try:
        for _ in _calls(pieces, clock, connection):
            if connection.transport.disconnecting:
                break
    finally:
        gc.enable()
    return max(spent), sum(spent)


def _timed(call: Callable[[], object], spent: list[float]) -> Callable[[], object]:
    def timed() -> object:
        started = process_time()
        try:
            return call()
        finally:
            spent.append(process_time() - started)

    return timed


def dearest(shape: str, byte: bool, enough: float, times: int = 3) -> float:
    """Return the cost of the dearest call: at the first of so many moments that is quiet enough, or
    else at the quietest.
    """
    least = math.inf
    for _ in range(times):
        if (least := min(least, costs(shape, byte)[0])) < enough:
            break
    return least


def main() -> None:
    for shape in SHAPES:
        for byte in (False, True):
            (most, whole) = min(costs(shape, byte) for _ in range(3))
            size = len(SHAPES[shape])
            how = "by the byte" if byte else "whole"
            print(
                f"{shape:<42} {size:>9,} bytes {how:<12} dearest call {most * 1e3:7.3f} ms, all "
                f"{whole * 1e3:8.1f} ms"
            )


if __name__ == "__main__":
    main()
