"""The ways in which the same bytes can arrive."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise


def byte_by_byte(data: bytes) -> list[bytes]:
    """Return the bytes of `data` one at a time."""
    return [data[at : at + 1] for at in range(len(data))]


def every_way(data: bytes) -> Iterator[list[bytes]]:
    """Yield `data` whole, byte by byte, and in two pieces at every place where it can be split."""
    yield [data]
    yield byte_by_byte(data)
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return `data` in pieces, cut at these places as far as they lie within."""
    edges = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]
