"""What it costs to read bytes that were made to be costly. `python -m tests.proofs.linearity`
prints the figures.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from time import process_time, thread_time
from typing import Final

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from sockcrud.protocols.admission import Connections, Listening
from sockcrud.protocols.json.framer import ObjectFramer
from sockcrud.protocols.json.objects import JSONConnection, JSONLimits
from tests.support.connection_kit import ScriptedResponder

LIMIT: Final = 2 * 1024 * 1024
SHAPES: Final = {
    "braces in a text": (b'{"a":"', b"}"),
    "opening braces": (b"", b"{"),
    "backslashes in a text": (b'{"a":"', b"\\"),
    "backslashes": (b"", b"\\"),
    "quotes": (b"", b'"'),
    "quotes in an object": (b"{", b'"'),
    "empty objects on one line": (b"", b"{}"),
    "broken objects on one line": (b"", b"{a}"),
    "objects and words on one line": (b"", b'{"a":1}x'),
    "objects nested in one": (b"", b'{"a":'),
    "blanks": (b"", b" "),
    "blanks in an object": (b"{", b" "),
    "blank lines": (b"", b"\r\n"),
    "lines of a word": (b"", b"x\n"),
    "a word": (b"", b"x"),
    "words that look like HTTP": (b"GET ", b"HTTP/1.1 "),
    "words that look like HTTP, behind an object": (b"{}\n", b"GET HTTP/1.1 "),
    "a word in capitals": (b"", b"A"),
    "a word of letters and digits": (b"", b"a1"),
    "numbers behind a word": (b"a", b" 1"),
    "slashes in a text": (b'"', b"/"),
    "objects beside each other in one": (b'{"a":[', b"{},"),
    "brackets in an object": (b'{"a":', b"["),
    "closing brackets in an object": (b"{", b"]"),
    "closing braces behind an object": (b"{}", b"}"),
    "words behind a broken object": (b"{a}", b"x"),
    "escaped quotes in a text": (b'{"a":"', b'\\"'),
    "texts in an object": (b"{", b'"a":"\\"",'),
    "lines of braces": (b"", b"{" * 999 + b"\n"),
    "lines of texts in an object": (b"", b"{" + b'""' * 500 + b"\n"),
    "long lines that are nearly JSON": (b"", b'{"a":[' + b"1," * 2000 + b"]}\n"),
}
MOMENTS: Final = 12
"""At how many a figure is taken, unless one is good before: on a machine that is busy for seconds,
the caches are others' and the clock of the processor is another each time. A cost that grows with
the square is never good."""
LONGEST_CALL: Final = 0.001
"""Seconds of the processor that one call of the framer may take. A busy machine, or a slow one,
takes more.
"""


def made(shape: str, size: int) -> bytes:
    """Return that many bytes of a shape."""
    start, again = SHAPES[shape]
    return start + again * (size // len(again))


def on_a_connection(data: bytes, piece: int) -> float:
    """Return the processor time that a connection takes for `data` in pieces of this size."""
    connection = JSONConnection(
        ScriptedResponder(), Clock(), Listening(Connections(1, Clock())), JSONLimits(request=LIMIT)
    )
    connection.makeConnection(StringTransport())
    started = process_time()
    for at in range(0, len(data), piece):
        connection.dataReceived(data[at : at + piece])
    return process_time() - started


def in_the_framer(data: bytes, piece: int) -> float:
    """Return the processor time that the framing alone takes, the end of the line and of the input
    included.
    """
    framer = ObjectFramer(LIMIT, 64)
    started = process_time()
    for at in range(0, len(data), piece):
        framer.feed(data[at : at + piece])
        while framer.next() is not None:
            pass
    framer.feed(b"\n")
    framer.end()
    while framer.next() is not None:
        pass
    return process_time() - started


def longest_call(shape: str, times: int = MOMENTS, enough: float = 0.0) -> float:
    """Return the processor time of the longest call for 64 KiB on each of two lines, at the
    quietest of several moments.

    One that is no longer than `enough` ends the search: that a call can be as short is all that was
    asked.
    """
    lines = (made(shape, 65_000) + b"\n") * 2
    quietest = math.inf
    for _ in range(times):
        framer = ObjectFramer(64 * 1024, 64)
        framer.feed(lines)
        longest, found = 0.0, object()
        gc.collect()
        while found is not None:
            started = thread_time()
            found = framer.next()
            longest = max(longest, thread_time() - started)
        quietest = min(quietest, longest)
        if quietest <= enough:
            break
    return quietest


def growth(
    cost: Callable[[bytes, int], float],
    shape: str,
    small: int,
    large: int,
    piece: int,
    times: int = MOMENTS,
    enough: float = 0.0,
) -> float:
    """Return how many times the cost of the small amount the large one costs, at the quietest of
    several moments.

    A figure that is no higher than `enough` ends the search, as above.
    """
    gc.collect()
    few, many = made(shape, small), made(shape, large)
    cost_of_few = cost_of_many = math.inf
    for _ in range(times):
        cost_of_few = min(cost_of_few, cost(few, piece))
        cost_of_many = min(cost_of_many, cost(many, piece))
        if cost_of_many <= enough * cost_of_few:
            break
    return cost_of_many / cost_of_few


def main() -> None:
    for shape in SHAPES:
        for piece in (1, 7, LIMIT):
            times = growth(in_the_framer, shape, 200_000, 1_000_000, piece, times=3)
            print(
                f"{shape:<30} in pieces of {piece:>9,}: 1 MB costs {times:.1f} times what 200 kB "
                f"cost"
            )
    for shape in SHAPES:
        print(
            f"{shape:<45} longest call for lines of 65,000 bytes: "
            f"{longest_call(shape, times=5) * 1000:.2f} ms"
        )
    times = growth(on_a_connection, "braces in a text", 200_000, 1_000_000, 1, times=3)
    print(f"{'braces in a text':<30} on a connection, a byte at a time: {times:.1f} times")


if __name__ == "__main__":
    main()
