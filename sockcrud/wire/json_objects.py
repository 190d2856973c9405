"""JSON objects on a TCP connection: one a line, or bare, one after the other.

`ObjectFramer` turns bytes into objects without any I/O, in time linear in the bytes however they are split.
`JSONConversation` puts it on a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from sockcrud.wire.connections import Listening
from sockcrud.wire.conversation import Answer, Conversation, Last, Limits, State, Work
from sockcrud.wire.json_text import DEEPEST, JSONObject, decoded_object
from sockcrud.wire.unread import followed

__all__ = ["Fault", "JSONConversation", "JSONFactory", "JSONLimits", "JSONObject", "ObjectFramer", "Responder"]


class Fault(Enum):
    """Why something received is no request."""

    SYNTAX = "not a JSON object"
    TOO_LONG = "longer than the limit"
    FOREIGN = "HTTP, perhaps from a web page that tries to drive this port"


_STOPPED: Final = State.STOPPED
_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_REST_OF_BAD: Final = re.compile(rb"[^{\n]*")
_OUTSIDE_TEXT: Final = re.compile(rb'[{}"]')
_INSIDE_TEXT: Final = re.compile(rb'["\\]')
_HTTP: Final = re.compile(rb"[!-~]+ .*HTTP/[0-9](?:\.[0-9])?[ \t\r]*", re.DOTALL)
_BRACE: Final = ord("{")


class ObjectFramer:
    """Bytes in with `feed`, objects out with `next_object`, one at a time: what is not taken out stays bytes.

    LF always ends a request. An object also ends at its closing brace, as if LF stood behind it; one that turns out
    not to be JSON takes what follows it with it, up to the next LF or `{`, so that a broken line is one fault.
    """

    def __init__(self, longest: int, deepest: int) -> None:
        self._longest = longest
        self._deepest = deepest
        self._data: bytes | bytearray = b""
        self._at = 0  # where the next request begins
        self._line_end = -1  # the next LF, where it is beyond _at
        self._searched = 0  # there is no LF before this, from _at on
        self._several = -1  # the line that ends here holds more than one object, or a broken one
        self._scanned = 0  # how far the object at _at is scanned
        self._depth = 0
        self._in_text = False
        self._after_bad = False
        self._ended = False
        self._given_up = False

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        if self._given_up:
            return
        at = self._at
        if at == len(self._data):  # as it is nearly always: all that came before is taken
            self._data = data
            self._at = self._searched = self._scanned = 0
            self._line_end = self._several = -1
            return
        self._data = followed(self._data, at, data)
        self._line_end -= at
        self._several -= at
        self._searched = max(self._searched - at, 0)
        self._scanned = max(self._scanned - at, 0)
        self._at = 0

    def end(self) -> None:
        """Hear that nothing more will be fed."""
        self._ended = True

    def next_object(self) -> JSONObject | Fault | None:
        """Take out the next object, or what stands in the place of one; None where none is complete yet.

        After TOO_LONG and FOREIGN nothing more comes.
        """
        if self._given_up:
            return None
        data, at = self._data, self._at
        if at < len(data) and data[at] != _BRACE:
            if self._after_bad:
                at = _end(_REST_OF_BAD, data, at)
                self._after_bad = at == len(data)
            self._at = at = _end(_BLANKS, data, at)
        if at == len(data):
            return None
        self._after_bad = False
        if self._line_end < at:
            self._line_end = data.find(b"\n", max(at, self._searched))
            self._searched = len(data) if self._line_end < 0 else self._line_end
        line_end = self._line_end
        if line_end < 0:
            return self._unfinished(at)
        if data[at] != _BRACE:
            return self._garbage(data[at:line_end], line_end + 1)
        if self._several != line_end:
            if line_end - at <= self._longest and (found := decoded_object(data[at:line_end], self._deepest)) is not None:
                self._take(line_end + 1)
                return found
            self._several = line_end
        end = self._object_end(at, line_end)
        return self._object(at, end) if end >= 0 else self._garbage(data[at:line_end], line_end + 1)

    def _unfinished(self, at: int) -> JSONObject | Fault | None:
        """No LF has come yet: give the object that ends without one, if it does."""
        data = self._data
        if data[at] == _BRACE:
            end = self._object_end(at, len(data))
            if end >= 0:
                return self._object(at, end)
        if len(data) - at > self._longest or self._ended:
            return self._garbage(data[at:], len(data))
        return None

    def _object(self, at: int, end: int) -> JSONObject | Fault:
        if end - at > self._longest:
            return self._give_up(Fault.TOO_LONG)
        found = decoded_object(self._data[at:end], self._deepest)
        self._take(end)
        if found is None:
            self._after_bad = True
            return Fault.SYNTAX
        return found

    def _garbage(self, line: bytes | bytearray, end: int) -> Fault:
        if len(line) > self._longest:
            return self._give_up(Fault.TOO_LONG)
        if _HTTP.fullmatch(line):
            return self._give_up(Fault.FOREIGN)
        self._take(end)
        return Fault.SYNTAX

    def _give_up(self, fault: Fault) -> Fault:
        self._given_up = True
        self._data = b""
        return fault

    def _take(self, end: int) -> None:
        self._at = end
        self._scanned = 0
        self._depth = 0
        self._in_text = False

    def _object_end(self, at: int, stop: int) -> int:
        """Scan on, up to `stop`, for the brace that closes the object at `at`; give the place behind it, or -1."""
        data = self._data
        place = max(at, self._scanned)
        while place < stop:
            mark = (_INSIDE_TEXT if self._in_text else _OUTSIDE_TEXT).search(data, place, stop)
            if mark is None:
                place = stop
                break
            place = mark.end()
            byte = mark[0]
            if byte == b'"':
                self._in_text = not self._in_text
            elif byte == b"\\":
                place += 1  # whatever it is, also where it has not come yet
            elif byte == b"{":
                self._depth += 1
            else:
                self._depth -= 1
                if not self._depth:
                    return place
        self._scanned = place
        return -1


def _end(pattern: re.Pattern[bytes], data: bytes | bytearray, at: int) -> int:
    match = pattern.match(data, at)
    return match.end() if match else at


class Responder(Protocol):
    """What a dialect puts behind one connection."""

    bad_request: bytes
    internal_error: bytes
    busy: bytes
    farewell: bytes

    def answer(self, request: JSONObject) -> Work:
        """Answer one request. Fires with the answer; a failure is a fault of ours."""

    def only_reads(self, request: JSONObject) -> bool:
        """Tell whether the request changes nothing."""


@frozen
class JSONLimits(Limits):
    """The bounds of this framing."""

    request: int = 64 * 1024
    depth: int = DEEPEST


class JSONConversation(Conversation[JSONObject | Fault]):
    """A connection that speaks JSON objects."""

    def __init__(self, responder: Responder, clock: IReactorTime, connections: Listening, limits: JSONLimits) -> None:
        super().__init__(clock, connections, limits)
        self._responder = responder
        self._framer = ObjectFramer(limits.request, limits.depth)
        self.farewell = responder.farewell
        self.busy = responder.busy

    def dataReceived(self, data: bytes) -> None:
        if self._state < _STOPPED:
            self._framer.feed(data)
            self.received()

    def readConnectionLost(self) -> None:
        self._framer.end()
        super().readConnectionLost()

    def next_request(self) -> JSONObject | Fault | None:
        return self._framer.next_object()

    def respond(self, request: JSONObject | Fault) -> Answer | Work:
        if isinstance(request, dict):
            return self._responder.answer(request)
        if request is Fault.SYNTAX:
            return self._responder.bad_request
        return Last(self._responder.bad_request + self._responder.farewell)

    def only_reads(self, request: JSONObject | Fault) -> bool:
        return isinstance(request, Fault) or self._responder.only_reads(request)

    def crashed(self) -> Answer:
        return self._responder.internal_error


class JSONFactory(Factory):
    """Makes the connections of one dialect. `responder` gets the address of the peer."""

    noisy = False

    def __init__(
        self, responder: Callable[[str], Responder], clock: IReactorTime, connections: Listening, limits: JSONLimits
    ) -> None:
        self._responder = responder
        self._clock = clock
        self._connections = connections
        self._limits = limits

    def buildProtocol(self, addr: IAddress | None) -> JSONConversation:
        return JSONConversation(self._responder(getattr(addr, "host", "")), self._clock, self._connections, self._limits)
