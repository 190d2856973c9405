"""Bytes into JSON objects: one a line, or bare, one after the other.

`ObjectFramer` does no I/O and knows no time. Its work is linear in the bytes, however they are
split, and it comes in steps of less than a millisecond.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from sockcrud.protocols.foreign import LOOKED_AT, begins_foreign, is_foreign, is_http
from sockcrud.protocols.framing import LineReader
from sockcrud.protocols.json.scan import Found, ObjectScan
from sockcrud.protocols.json.text import JSONObject, certainly_flat, decoded
from sockcrud.protocols.pacing import LATER, Later
from sockcrud.protocols.receive_buffer import append_received


class Fault(Enum):
    """Why something received is no request."""

    SYNTAX = "not a JSON object"
    TOO_LONG = "longer than the limit"
    FOREIGN = "another protocol, perhaps of a web page that tries to drive this port"


class Wait(Enum):
    """What has come and is not complete."""

    WORDS = "a line that is no object"
    OBJECT = "an object"
    BEHIND = "the line behind what was taken: what comes next may still belong to it"


BEHIND: Final = (
    Wait.BEHIND
)  # looking a member up in its enumeration is dear where each request does so
_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_BEHIND_OBJECT: Final = re.compile(rb"[}\] \t\r]*")
_BEHIND_BROKEN: Final = re.compile(rb"[^{\n]*")
BRACE: Final = ord("{")
_CLOSING_BRACE: Final = ord("}")
_VALUE_FOLLOWS: Final = b":,["
_MOST_SKIPPED: Final = 64 * 1024
"""Bytes that are dropped in one call: a third of a millisecond."""
_LONG: Final = 4096
"""Bytes of a line from which on it is decoded, in vain, in a call of its own."""


class ObjectFramer(LineReader[JSONObject | Fault]):
    """Bytes in with `feed`, objects out with `next`, one at a time: what is not taken out stays
    bytes.

    LF always ends a request. An object also ends at its closing brace, as if LF stood behind it,
    and closing braces and brackets that follow are dropped. One that turns out not to be JSON takes
    what follows it with it, up to the next LF or `{`, so that a broken line is one fault. Anything
    else, and an object too deep to be one, goes on to the LF.

    What time does, the caller says: `cut` ends what is unfinished where it stands. The line is not
    over with that: it is judged as a whole, and where it was cut with a value to follow, an object
    behind the cut is that value and no request. So the rest of an object that was given up cannot
    pass for a request: an object inside of it follows `:`, `,` or `[`, and one in a text of it has
    its quotes escaped.
    """

    def __init__(self, longest: int, deepest: int) -> None:
        self._longest = longest
        self._deepest = deepest
        self._surely_flat = min(2 * deepest, longest)  # bytes: each level takes two
        self._short = min(_LONG, longest)
        self._data: bytes | bytearray = b""
        self._at = 0  # where the next request begins
        self._line_end = -1  # the next LF, where it is beyond _at
        self._searched = 0  # there is no LF before this, from _at on
        self._several = -1  # the line that ends here is not one object
        self._scan = ObjectScan(deepest)
        self._scan_at = -1  # the object that is being scanned
        self._no_object = False  # what comes next is none, though it may begin like one
        self._skips = _BLANKS  # what is dropped in front of the next request
        self._cut_at = -1  # where what is unfinished ends, where that is beyond _at
        self._head = b""  # how the line began, where it was cut
        self._is_new = True  # nothing was taken yet
        self._is_stranger = True  # no object was taken yet
        self._ended = False
        self._given_up = False
        self.waits: Wait | None = None
        """What is not complete. It is not known, and None, after `feed`, until `next` has given all
        there is.
        """
        self.is_news = False
        """Whether `waits` was found out anew; whoever takes note of it says so here."""
        self.begun = 0
        """How many objects have been begun that did not come with their line."""

    @property
    def pending(self) -> int:
        """How many bytes are held of what was received."""
        return len(self._data) - self._at + len(self._head)

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        if self._given_up:
            return
        self.waits = None
        at = self._at
        if at == len(self._data):  # as it is nearly always: all that came before is taken
            self._data = data
            self._at = self._searched = 0
            self._line_end = self._several = self._scan_at = -1
            return
        self._data = append_received(self._data, at, data)
        self._line_end -= at
        self._several -= at
        self._scan_at -= at
        self._scan.place -= at
        self._cut_at -= at
        self._searched = max(self._searched - at, 0)
        self._at = 0

    def end(self) -> None:
        """Hear that nothing more will be fed."""
        self._ended = True

    @property
    def is_idle(self) -> bool:
        return (
            self._at == len(self._data)
            and self._skips is _BLANKS
            and not (self._head or self._no_object or self._given_up)
        )

    def read_line(self, line: bytes | bytearray) -> JSONObject | None:
        length = len(line)
        if length <= self._surely_flat or (
            length <= self._short and certainly_flat(line, self._deepest)
        ):
            found = decoded(line)
            if self._is_stranger and found is not None:
                self._trust()
            return found
        return None

    def cut(self) -> None:
        """Hear that nothing more has come for so long that what is unfinished ends here."""
        self.waits = None
        if self._at < len(self._data):
            self._cut_at = len(self._data)
        else:
            self._skips = _BLANKS

    def next(self) -> JSONObject | Fault | Later | None:
        """Take out the next object, or what stands in the place of one; None where none is complete
        yet.

        LATER says to call again: there is more to go through than one call should. After TOO_LONG
        and FOREIGN nothing more comes.
        """
        data, at = self._data, self._at
        if at < len(data) and data[at] != BRACE:
            skipped = at + _MOST_SKIPPED
            self._at = at = self._skip(at, skipped)
            if at == skipped < len(data):
                return LATER
            if self._is_new and at < len(data) and begins_foreign(data[at]):
                return self._give_up(Fault.FOREIGN)
        if at == len(data):
            if at > _LONG:
                self._data, self._at = b"", 0  # many would keep their last 256 KiB each
            if self._skips is not _BLANKS:
                self._wait(BEHIND)
            return None
        if self._line_end < at:
            self._line_end = data.find(b"\n", max(at, self._searched))
            self._searched = len(data) if self._line_end < 0 else self._line_end
        line_end = self._line_end
        if line_end < 0 or at < self._cut_at <= line_end:
            return self._unfinished(at)
        if data[at] != BRACE or self._no_object:
            return self._words(at, line_end)
        if self._several != line_end:
            length = line_end - at
            if length <= self._surely_flat or (
                length <= self._longest and certainly_flat(data[at:line_end], self._deepest)
            ):
                found = decoded(data[at:line_end])
                if found is not None:
                    self._at = line_end + 1
                    self._skips = _BLANKS
                    if self._is_stranger:
                        self._trust()
                    return found
            self._several = line_end
            if length > _LONG:
                return LATER
        end = self._object_end(at, line_end)
        if end is None:
            return self._words(at, line_end)
        return LATER if end is LATER else self._object(at, end)

    def _skip(self, at: int, stop: int) -> int:
        """Return the place behind what is to be dropped in front of the next request."""
        data, start = self._data, at
        if self._skips is not _BLANKS:
            at = _end(self._skips, data, at, stop)
            if at < min(stop, len(data)):
                self._skips = _BLANKS
        if self._skips is _BLANKS:
            at = _end(_BLANKS, data, at, stop)
        if self._head or self._no_object:  # the line has been cut
            if data.find(b"\n", start, at) >= 0:
                self._head = b""
                self._no_object = False
            elif start < at and self._head and not self._head.endswith(b" "):
                self._head += b" "
                self._no_object = self._no_object or is_foreign(self._head + b"{")
        return at

    def _unfinished(self, at: int) -> JSONObject | Fault | Later | None:
        """Return the object that ends without an LF, if it does, or what was cut before the LF."""
        data = self._data
        is_cut = self._cut_at > at
        stop = self._cut_at if is_cut else len(data)
        if data[at] == BRACE and not self._no_object:
            if (
                not at
                and stop <= self._surely_flat
                and data[-1] == _CLOSING_BRACE
                and self._scan_at
            ):
                # Nearly always this is one object, whole; if not, it has been decoded in vain once
                # for these bytes.
                found = decoded(data)
                if found is not None:
                    return self._bare(found, stop)
            end = self._object_end(at, stop)
            if end is LATER:
                return LATER
            if end is not None:
                return self._object(at, end)
        if is_cut or self._ended or stop - at + len(self._head) > self._longest:
            return self._words(at, stop, is_cut)
        self._wait(Wait.WORDS if data[at] != BRACE or self._no_object else Wait.OBJECT)
        return None

    def _object(self, at: int, end: int) -> JSONObject | Fault:
        """Take out what lies between a brace and the one that closes it."""
        if end - at > self._longest:
            return self._give_up(Fault.TOO_LONG)
        raw = self._data[at:end]
        if (found := decoded(raw)) is not None:
            return self._bare(found, end)
        if self._is_foreign(bytes(raw)):
            return self._give_up(Fault.FOREIGN)
        self._at = end
        self._skips = _BEHIND_BROKEN
        self._is_new = False
        return Fault.SYNTAX

    def _bare(self, found: JSONObject, end: int) -> JSONObject:
        self._at = end
        self._skips = _BEHIND_OBJECT
        if self._is_stranger:
            self._trust()
        return found

    def _words(self, at: int, end: int, is_cut: bool = False) -> Fault:
        """Take out what is no object: a line of it, or what has come of it."""
        line = self._head + self._data[at:end]
        if len(line) > self._longest:
            return self._give_up(Fault.TOO_LONG)
        if self._is_foreign(line):
            return self._give_up(Fault.FOREIGN)
        self._at = end  # an LF behind it is a blank
        self._cut_at = -1
        self._skips = _BLANKS
        self._head = b""
        self._no_object = is_cut and line.rstrip(b" \t\r")[-1] in _VALUE_FOLLOWS
        self._is_new = False
        if is_cut and self._is_stranger:
            self._head = line[:LOOKED_AT]
            self._no_object = self._no_object or is_foreign(line + b"{")
        self.waits = None
        return Fault.SYNTAX

    def _is_foreign(self, line: bytes) -> bool:
        return is_foreign(line) if self._is_stranger else is_http(line)

    def _trust(self) -> None:
        """Judge the lines that are no object less strictly: the first object was taken."""
        self._is_new = self._is_stranger = False
        self._head = b""

    def _wait(self, unfinished: Wait) -> None:
        if self.waits is None:
            self.waits = unfinished
            self.is_news = True

    def _give_up(self, fault: Fault) -> Fault:
        self._given_up = True
        self._data = self._head = b""
        self._at = 0
        self._skips = _BLANKS
        self.waits = None
        return fault

    def _object_end(self, at: int, stop: int) -> int | Later | None:
        """Return the place behind the object that begins here; None where there is no such place
        before `stop`.
        """
        if self._scan_at != at:
            self._scan_at = at
            self._scan.begin(at)
            self.begun += 1
        found = self._scan.end(self._data, stop)
        if isinstance(found, int):
            return found
        if found is Found.LATER:
            return LATER
        self._no_object = found is Found.NO_OBJECT
        return None


def _end(pattern: re.Pattern[bytes], data: bytes | bytearray, at: int, stop: int) -> int:
    match = pattern.match(data, at, stop)
    return match.end() if match else at
