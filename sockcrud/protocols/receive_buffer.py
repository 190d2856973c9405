"""Bytes that were received and not taken yet."""

from __future__ import annotations


def append_received(data: bytes | bytearray, at: int, more: bytes) -> bytes | bytearray:
    """Return what is left of `data` from `at` on, with `more` behind it. `data` is not to be used
    any more.

    The work is that of `more` alone: a bytearray grows at its end and shrinks at its front without
    copying the rest.
    """
    if at >= len(data):
        return more
    if isinstance(data, bytes):
        data = bytearray(data)
    del data[:at]
    data += more
    return data
