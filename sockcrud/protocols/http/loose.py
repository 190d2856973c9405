"""Requests without `Host` that are not framed as they should be, as some clients in the field send
them.

They frame loosely in two ways. A GET or HEAD ends behind its last field, without CRLF and blank
line: that can only be told by the silence that follows. And the `Content-Length` of a POST or PUT
is four more than the body has characters: they count the blank line too, and characters where HTTP
counts bytes.

Where such a body ends
======================

With a `Content-Length` of n, a body may end in three places. As the field's clients count, behind n
- 4 characters. As one does who counts the blank line but bytes, behind n - 4 bytes. And as HTTP has
it, behind n bytes. With x bytes more than characters the first place is x bytes behind the second:
before, at (x = 4) or behind the third. Wherever a wrong one is believed, a wrong password is
stored: too short, or with the next request's first bytes at its end. So none is believed as long as
another is possible (`end_of_body`). An end is impossible

- where something other than a request of HTTP's usual methods, or the start of one, stands behind
  it,
- where such a request's whole line, or the blank lines before it, would be part of the body, or
- where its n - 4 characters are no UTF-8.

As soon as one end alone is possible it is taken. That depends on the bytes alone, never on how they
were split: each byte may rule an end out and none brings one back. Where none is possible, the
request is refused.

While several are possible, silence has to tell. After `QUIET` seconds the end is where the bytes
end, if that is one of the three and none before it is possible. Where one before it is, what stands
between might be the start of the next request, on its way as slowly as can be: that is given
`LONG_QUIET` to go on. If it has not, it was the end of a password after all, provided the field's
own count says so and it is not even a whole method; everything else stays unclear, and is refused.
Nothing is ever stored of what is refused.

What a stranger, or chance, can do with this:

- Send the next request directly behind: its line rules the ends out that do not fit, at once and
  without a timer.
- Split it anywhere: an end that is possible keeps all others waiting.
- Pause for longer than `QUIET` exactly where one of the other counts ends. For bytes that were
  counted well that is the end, by the rule that both counts are complete. What speaks against it is
  looked at, though: an end within a character is none, nor is one before the comma of
  `user:EMAIL,PASSWORD` or directly behind it. As a name is where most letters beyond ASCII are,
  little is left, and such clients send all at once.
- Hide a request in a password, exactly where another count ends: that is unclear, and refused.
- Send an unended GET and the next request directly behind: the request line in its last field gives
  that away.
- Announce much: beyond `LONGEST` a length is taken at its word, so that no byte costs more than a
  look at 16 KiB.

With a `Host`, with `Expect`, in chunks, or to another target than `/?`, a request is HTTP and
nothing else.
"""

from __future__ import annotations

import re
from codecs import utf_8_decode
from enum import Enum, IntEnum
from itertools import combinations
from math import inf
from typing import Final

from sockcrud.protocols.http.bodies import CountedBody
from sockcrud.protocols.http.framing import CUT_SHORT, RequestFramer
from sockcrud.protocols.http.request import Refusal, Request
from sockcrud.protocols.pacing import Later

QUIET: Final = 0.1
"""Seconds after which nothing more is expected of such a client."""
LONG_QUIET: Final = 2.0
"""Seconds after which the start of a request that does not go on was none."""
LONGEST: Final = 4096
"""The greatest length that may be meant loosely: an email and a password are far shorter."""

_BLANK_LINE: Final = b"\r\n\r\n"
_UNENDED: Final = re.compile(
    rb"(?:GET|HEAD) /\? HTTP/1\.[01](?:\r\n(?!host:)[!#$%&'*+\-.^_`|~0-9a-z]+:[\t -~\x80-\xff]*)*",
    re.IGNORECASE,
)
_SWALLOWED: Final = re.compile(rb"[A-Z] /\? HTTP/1\.[01]\r\n")
"""The request line of the next request, behind the last field of one that was not ended."""

_METHODS: Final = (
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"PATCH ",
    b"OPTIONS ",
    b"TRACE ",
    b"CONNECT ",
)
_BLANK_LINES: Final = re.compile(rb"(?:\r\n){0,8}")
_LINE: Final = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS|TRACE|CONNECT) "
    rb"(?:[!-~]+(?: (?:H(?:T(?:T(?:P(?:/(?:1(?:\.([0-9](?:\r\n?)?)?)?)?)?)?)?)?)?)?)?"
)
"""As much of a request line as there is; the group matches where its version is complete."""
_WHOLE: Final = re.compile(rb"user:[^,]{2,},[^,]{2,}.*|\{.*\}\s*|(?!user:|\{).*", re.DOTALL)
"""A body from which nothing is seen to be missing: the text of the field's clients, an object, or
anything else.
"""
_UNCLEAR: Final = Refusal(400, "Where the request ends is not clear")


class Silence(IntEnum):
    """For how long nothing has come."""

    NONE = 0
    QUIET = 1
    LONG = 2
    """For `LONG_QUIET`, or for good: the input has ended."""


class Open(Enum):
    """Why a body has no end yet."""

    WAITING = "more must come, or a silence"
    UNCLEAR = "only a long silence can tell"
    REFUSED = "no end is possible, or none is more likely than the others"


def end_of_body(data: bytes, announced: int, silence: Silence) -> int | Open:
    """Return where the body ends that begins with `data` and was announced to be so long, or why
    that cannot be told.
    """
    least = announced - len(_BLANK_LINE)
    if len(data) < least:
        return Open.WAITING
    as_characters, broken = _end_of_characters(data, least)
    ends = sorted({least, announced} | ({as_characters} if as_characters is not None else set()))
    ruled_out = _ruled_out(data, ends)
    if as_characters is None:
        ruled_out[None] = min(broken, *(_end_of_line(data, end) for end in ends))
    for end in ends:
        others = max((ruled_out[other] for other in ruled_out if other != end), default=0.0)
        if max(end, others) < ruled_out[end] and max(end, others) <= len(data):
            return end
    if all(size <= len(data) for size in ruled_out.values()):
        return Open.REFUSED
    possible = [end for end in ends if ruled_out[end] > len(data)]
    return _end_by_silence(data, possible, as_characters, silence) if silence else Open.WAITING


def _ruled_out(data: bytes, ends: list[int]) -> dict[int | None, float]:
    """Return how many bytes it takes to rule each end out; infinity where they do not."""
    ruled_out: dict[int | None, float] = {end: _no_request_from(data, end) for end in ends}
    for earlier, later in combinations(ends, 2):
        # The next request's line is no part of a body, nor are blank lines before it.
        line = _end_of_line(data, earlier)
        if line <= later:
            ruled_out[later] = min(ruled_out[later], line)
        elif later <= len(data) and _BLANK_LINES.fullmatch(data, earlier, later):
            ruled_out[later] = min(ruled_out[later], later)
    return ruled_out


def _end_by_silence(
    data: bytes, possible: list[int], as_characters: int | None, silence: Silence
) -> int | Open:
    end, before = len(data), [end for end in possible if end < len(data)]
    if end not in possible or (as_characters is None and not _seems_whole(data)):
        # Behind an end there may be all that a client sends who ends neither a field nor a header.
        line = _line(data, before[0]) if len(before) == 1 else None
        return before[0] if line is not None and line[1] is not None else Open.WAITING
    if not before:
        return end
    if silence < Silence.LONG:
        return Open.UNCLEAR
    if end == as_characters and not any(_line(data, other) for other in before):
        return end
    return Open.REFUSED


def _end_of_characters(data: bytes, count: int) -> tuple[int | None, float]:
    """Return where so many characters end, None where they have not all come; and from where on
    they are no UTF-8.
    """
    try:
        text, _ = utf_8_decode(data, "strict", False)
        broken = inf
    except UnicodeDecodeError as error:
        text = data[: error.start].decode()
        broken = error.end + 1
    if len(text) < count:
        return None, broken
    return len(text[:count].encode()), inf


def _seems_whole(data: bytes) -> bool:
    """Return whether these bytes may be all of a body, although fewer characters have come than
    were announced.
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if error.end == len(data) and error.reason == "unexpected end of data":
            return False
    return _WHOLE.fullmatch(data) is not None


def _no_request_from(data: bytes, end: int) -> float:
    """Return how many bytes it takes to see that no request begins at `end`; infinity where they do
    not show it.
    """
    if end >= len(data):
        return inf
    line = _line(data, end)
    if line is None:
        start = _after_blank_lines(data, end)
        rest = data[start : start + len(b"OPTIONS ")]
        like = start + max(_common(rest, method) for method in (*_METHODS, b"\r\n"))
    elif _end_of_line(data, end) < inf:
        return inf
    else:
        like = line.end()
    return inf if like == len(data) else like + 1


def _after_blank_lines(data: bytes, at: int) -> int:
    return _BLANK_LINES.match(data, at).end()  # type: ignore[union-attr]


def _line(data: bytes, at: int) -> re.Match[bytes] | None:
    """Match the request line behind `at`, from its method on and as far as it goes."""
    return _LINE.match(data, _after_blank_lines(data, at))


def _end_of_line(data: bytes, at: int) -> float:
    """Return where the request line behind `at` ends, its CRLF included; infinity where there is
    none, or not all of it.
    """
    line = _line(data, at)
    return (
        line.end() if line is not None and line[1] is not None and line[1].endswith(b"\n") else inf
    )


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two strings have in common at their starts."""
    length = min(len(one), len(other))
    while one[:length] != other[:length]:
        length -= 1
    return length


class LooseFramer(RequestFramer):
    """Takes requests without `Host`, and such as have the shape of the field's clients."""

    needs_host = False

    _of_the_field = False  # the present request may have the shape
    _undecided = False  # and so may its body, whose end is not known yet
    _silence = Silence.NONE
    _patience = 0.0

    @property
    def patience(self) -> float:
        return self._patience if self._undecided or self.body is None else 0.0

    def feed(self, data: bytes) -> None:
        super().feed(data)
        self._silence, self._patience = Silence.NONE, QUIET

    def settle(self) -> None:
        self._silence = Silence.LONG if self._silence else Silence.QUIET
        self._patience = 0.0
        if self.body is None and _UNENDED.fullmatch(self._data, self._at):
            self._data = bytes(self._data[self._at :]) + _BLANK_LINE
            self._at = self._searched = 0
            self._line_end = -1

    def next_head(self) -> Request | Refusal | Later | None:
        head = super().next_head()
        if not isinstance(head, Request) or not self._of_the_field or head.has_host:
            return head
        if _SWALLOWED.search(head.fields.lines):
            return self._refused(_UNCLEAR)
        body = self.body
        self._undecided = (
            isinstance(body, CountedBody)
            and len(_BLANK_LINE) <= body.length <= LONGEST
            and head.header(b"expect") is None
        )
        return head

    def next_piece(self) -> bytes | Refusal | None:
        if self._undecided and isinstance(self.body, CountedBody):
            silence = Silence.LONG if self._ended else self._silence
            end = end_of_body(bytes(self._data[self._at :]), self.body.length, silence)
            if end is Open.REFUSED:
                return self._refused(_UNCLEAR)
            if isinstance(end, Open):
                if end is Open.UNCLEAR:
                    self._patience = LONG_QUIET
                return self._refused(CUT_SHORT) if self._ended else None
            self.body.length = end
            self._undecided = False
            self._patience = QUIET  # what follows may be unended, and quiet, too
        return super().next_piece()

    def _incomplete(self, at: int) -> Request | Refusal | Later | None:
        if self._ended and self.body is None and _UNENDED.fullmatch(self._data, at):
            self.settle()
            return self.next_head()
        return super()._incomplete(at)

    def _request_line(self, line: bytes) -> tuple[str, str, str, bool] | Refusal:
        self._of_the_field = b" /? " in line
        self._undecided = False
        return super()._request_line(line)
