"""Where a JSON object ends, found in steps as its bytes come, without taking it for JSON yet."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

MOST_BRACKETS: Final = 2048
"""Braces and brackets that one object may have outside of its texts: 1,024 objects and arrays.

Each costs the decoder, and the collector of garbage behind it, far more than a byte: 64 KiB of
`[],` took 7 ms.
"""

_STEP: Final = re.compile(rb'[^"{}\[\]]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"{}\[\]]*)*', re.DOTALL)
"""All up to the next brace or bracket outside of a text, or up to a text that is not complete."""
_TEXT: Final = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
"""The rest of a text, without the quote that ends it."""
_WINDOW: Final = 1024
"""Bytes that one step goes through at most: of quotes, which cost most, this many take less than
0.1 ms.
"""
_STEPS: Final = 300
"""Steps of one call, where 16 bytes more count as one: less than half a millisecond, whatever the
bytes.
"""
_QUOTE, _BRACE, _CLOSING_BRACE, _BRACKET = b'"{}['


class Found(Enum):
    """How far a scan has come, where it has not come to the end of the object."""

    NO_END = "the object goes on behind these bytes"
    NO_OBJECT = "too deep, or too many braces and brackets: whatever follows, it is no request"
    LATER = "there are bytes left to scan, in another call"


class ObjectScan:
    """The scan of one object at a time; `place` is how far it has come."""

    __slots__ = ("_braces", "_brackets", "_deepest", "_in_text", "_seen", "place")

    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self.begin(0)

    def begin(self, at: int) -> None:
        """Begin anew, with an object that begins here."""
        self.place = at
        self._braces = self._brackets = self._seen = 0
        self._in_text = False

    def end(self, data: bytes | bytearray, stop: int) -> int | Found:
        """Return the place behind the brace that closes the object, or how far a scan up to `stop`
        has come.
        """
        steps = _STEPS
        place = self.place
        while place < stop:
            if steps <= 0:
                self.place = place
                return Found.LATER
            before = place
            window = min(place + _WINDOW, stop)
            if self._in_text:
                place = _end(_TEXT, data, place, window)
                if place < window and data[place] == _QUOTE:
                    self._in_text = False
                    place += 1
                elif place < window == stop:
                    break  # a backslash, and what it escapes has not come yet
            else:
                place = _end(_STEP, data, place, window)
                if place < window:
                    byte = data[place]
                    place += 1
                    if byte == _QUOTE:
                        self._in_text = True
                    elif self._closes(byte):
                        return place
                    elif (
                        self._seen > MOST_BRACKETS or self._braces + self._brackets > self._deepest
                    ):
                        return Found.NO_OBJECT
            steps -= 1 + (place - before) // 16
        self.place = place
        return Found.NO_END

    def _closes(self, byte: int) -> bool:
        """Count a brace or bracket; tell whether it closes the object."""
        self._seen += 1
        if byte == _BRACE:
            self._braces += 1
        elif byte == _BRACKET:
            self._brackets += 1
        elif byte == _CLOSING_BRACE:
            self._braces -= 1
            return not self._braces
        else:
            self._brackets -= 1
        return False


def _end(pattern: re.Pattern[bytes], data: bytes | bytearray, at: int, stop: int) -> int:
    match = pattern.match(data, at, stop)
    return match.end() if match else at
