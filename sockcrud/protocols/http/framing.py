"""HTTP/1.1 and 1.0: bytes in, requests out, without any I/O.

A header block is looked for, measured and counted here, and goes to llhttp (httptools) whole: so
that parser never sees more than the limit, nor two requests at once. It judges the grammar; sizes,
versions, `Host`, the target and bodies are ours.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen
from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from sockcrud.protocols.http.bodies import Body, ChunkedBody, CountedBody
from sockcrud.protocols.http.request import Fields, Refusal, Request
from sockcrud.protocols.http.targets import decoded_path, is_host, other_form
from sockcrud.protocols.pacing import LATER, Later
from sockcrud.protocols.receive_buffer import append_received

_END: Final = b"\r\n\r\n"
_LINE_EXTRA: Final = 64
"""What a request line may be long besides its target."""
_BLANK_LINES: Final = re.compile(rb"(?:\r\n){0,4096}")
"""As many as are skipped at once."""
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION: Final = re.compile(rb"HTTP/[0-9]\.[0-9]\r")
_LATER_MINOR: Final = re.compile(rb"HTTP/1\.[2-9]\r")
_VISIBLE: Final = bytes(set(range(ord("!"), ord("~") + 1)) - {ord("#")})
_CLOSES: Final = re.compile(rb"(?:.*,)?[ \t]*close[ \t]*(?:,.*)?", re.IGNORECASE)
_ONE: Final = ord("1")
_MOST_CODINGS: Final = 8
_LONGEST_KEPT: Final = 4096
"""Bytes of header lines that are kept between two requests: clients send a few hundred."""
_SLASH: Final = ord("/")
_MOST_DIGITS: Final = 18
"""Of a Content-Length: what is longer is no length in earnest."""

_METHODS: Final = {
    name.encode(): name for name in ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
}

_NO_LINE: Final = Refusal(400, "The request line is malformed")
_NO_TARGET: Final = Refusal(400, "The request target is malformed")
_LONG_TARGET: Final = Refusal(414, "The request target is too long")
_OTHER_VERSION: Final = Refusal(505, "HTTP/1.1 and HTTP/1.0 are spoken here")
_BARE: Final = Refusal(400, "A line ends without CRLF")
_LARGE_HEADER: Final = Refusal(431, "The header is too large")
_MANY_FIELDS: Final = Refusal(431, "There are too many header fields")
_NO_HEADER: Final = Refusal(400, "The header is malformed")
_NO_HOST: Final = Refusal(400, "Exactly one well-formed Host is needed")
_NO_CODING: Final = Refusal(400, "Transfer-Encoding does not end in one chunked")
_OTHER_CODING: Final = Refusal(501, "No transfer coding but chunked is known")
_NO_LENGTH: Final = Refusal(400, "The length of the body is not clear")
CUT_SHORT: Final = Refusal(400, "The request is incomplete")


@frozen
class _Judged:
    """A header in which nothing was wrong, and what was found of it.

    While the next header has the same lines, byte for byte, llhttp would find the same: what it
    judges in a request line is judged by `_request_line` too, of targets in origin form, and where
    the body ends is not a matter of the target.
    """

    fields: Fields
    method: str
    http11: bool
    has_host: bool
    keep_alive: bool
    whole: bool
    """It has no body."""


_NOTHING_JUDGED: Final = _Judged(Fields(), "", True, False, True, True)


class RequestFramer:
    """Bytes in with `feed`; out comes a header with `next_head`, and then, where `body` is set, the
    body with `next_piece`.

    What is not taken out stays bytes. After a Refusal, and after the last request of a connection,
    nothing more comes. The work is linear in the bytes, however they are split.
    """

    needs_host = True

    def __init__(self, peer: str, *, header_bytes: int, fields: int, target: int) -> None:
        self._peer = peer
        self._header_bytes = header_bytes
        self._fields = fields
        self._target = target
        self._line = min(target + _LINE_EXTRA, header_bytes)
        self.body: Body | None = None
        """The body that follows, while it is not all taken out."""
        self._data: bytes | bytearray = b""
        self._at = 0  # where what was not taken out begins
        self._searched = 0  # up to here the header at _at has no end
        self._line_end = -1  # the LF of its request line, once that is checked
        self._last = False  # no request follows the present one
        self._over = False
        self._ended = False
        self._parser: HttpRequestParser | None = None
        self._judged = _NOTHING_JUDGED  # the header before, where it may come again
        self._whole = False  # llhttp saw the end of the request
        self._is_settled = False  # it has said all that there is to say of the header
        self._keep_alive = True

    @property
    def at_hand(self) -> bool:
        """Return whether there are bytes that belong to no complete part of a request."""
        return self._at < len(self._data)

    @property
    def pending(self) -> int:
        """Return how many bytes there are that were not taken out."""
        return len(self._data) - self._at

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        if self._over:
            return
        at = self._at
        if at == len(self._data):  # as it is nearly always: all that came before is taken out
            self._data = data
            self._at = self._searched = 0
            self._line_end = -1
            return
        self._data = append_received(self._data, at, data)
        self._searched = max(self._searched - at, 0)
        self._line_end -= at if self._line_end >= 0 else 0
        self._at = 0

    @property
    def patience(self) -> float:
        """Return the seconds of silence after which `settle` may make a difference; 0 where it
        makes none.
        """
        return 0.0

    def end(self) -> None:
        """Hear that nothing more will be fed."""
        self._ended = True

    def settle(self) -> None:
        """Hear that the peer has been quiet for a while. It means nothing here."""

    def stop(self) -> None:
        """Take nothing more in and give nothing more out."""
        self._over = True
        self._data = b""
        self._at = 0
        self.body = None
        self._parser = None

    def next_head(self) -> Request | Refusal | Later | None:
        """Take out the next header; None where none is complete yet. Not to be called while a body
        is due.
        """
        data, at = self._data, self._at
        if at == len(data):
            if at > self._header_bytes:
                self._data, self._at = b"", 0  # many would keep their last 256 KiB each
            return None
        if data[at] == 13:
            at = self._at = _BLANK_LINES.match(data, at).end()  # type: ignore[union-attr]
            if at == len(data):
                return None
            if data.startswith(b"\r\n", at):
                return LATER
        end = data.find(_END, max(at, self._searched)) + len(_END)
        if end < len(_END) or end - at > self._header_bytes:
            return self._incomplete(at)
        head = self._head(bytes(data[at:end]))
        if isinstance(head, Refusal):
            return self._refused(head)
        self._at = self._searched = end
        self._line_end = -1
        if self.body is None and not head.keep_alive:
            self.stop()
        self._last = not head.keep_alive
        return head

    def next_piece(self) -> bytes | Refusal | None:
        """Take out what has come of the body; None where nothing has. With the last piece, `body`
        is None.

        A piece may be empty, and there may be more at hand: one call does a bounded amount of work.
        Where `body.too_large` is set afterwards, what follows cannot be read.
        """
        body = self.body
        if body is None:
            return None
        before = self._at
        piece, self._at = body.read(self._data, before)
        if body.fault:
            return self._refused(Refusal(*body.fault))
        self._searched = self._at
        if body.done:
            self.body = None
            if self._last:
                self.stop()
        elif self._at == before:
            return self._refused(CUT_SHORT) if self._ended else None
        return piece

    # A header

    def _refused(self, refusal: Refusal) -> Refusal:
        self.stop()
        return refusal

    def _incomplete(self, at: int) -> Request | Refusal | Later | None:
        """The header at `at` has not ended within its limit: refuse what can already be told from
        it.

        Whatever is refused here would be refused for the same reason if all of it had come at once.
        """
        data = self._data
        stop = min(len(data), at + self._header_bytes)
        if self._line_end < 0:
            line_end = data.find(b"\n", max(at, self._searched), min(at + self._line + 1, stop))
            if line_end >= 0:
                line = self._request_line(bytes(data[at:line_end]))
                if isinstance(line, Refusal):
                    return self._refused(line)
                self._line_end = line_end
            elif len(data) - at > self._line:
                return self._refused(_of_a_long_line(data[at : at + self._line]))
            elif not _TOKEN.match(data, at, at + 1) and data[at:] != b"\r":
                return self._refused(_NO_LINE)
        if self._line_end >= 0 and _BARE_LF.search(data, max(self._line_end, self._searched), stop):
            return self._refused(_BARE)
        if len(data) - at > self._header_bytes:
            return self._refused(_LARGE_HEADER)
        if self._ended:
            return self._refused(CUT_SHORT)
        self._searched = max(at, len(data) - len(_END) + 1)
        return None

    def _head(self, block: bytes) -> Request | Refusal:
        """Judge a header block, and return the request it begins."""
        line_end = block.index(b"\n")
        line = self._request_line(block[:line_end])
        if isinstance(line, Refusal):
            return line
        method, path, query, http11 = line
        lines = block[line_end - 1 :]
        judged = self._judged
        if (
            lines == judged.fields.lines  # as it is nearly always
            and method == judged.method
            and http11 is judged.http11
            and block[len(method) + 1] == _SLASH
        ):
            request = Request(
                method,
                path,
                query,
                judged.fields,
                http11,
                self._peer,
                judged.has_host,
                judged.keep_alive,
            )
            return request if judged.whole else self._with_body(request)
        count = lines.count(b"\r\n")
        if lines.count(b"\n") != count:
            return _BARE
        if count - 2 > self._fields:
            return _MANY_FIELDS
        request = Request(method, path, query, Fields(lines), http11, self._peer)
        if block[line_end - 2] > _ONE:
            # A later minor version is served as 1.1, which llhttp leaves to others.
            block = block[: line_end - 2] + b"1" + block[line_end - 1 :]
        refusal = self._grammar(request, block) or self._host(request)
        if refusal is not None:
            return refusal
        request.keep_alive = self._keep_alive
        self._judged = _NOTHING_JUDGED
        if self._is_settled and len(lines) <= _LONGEST_KEPT:
            self._judged = _Judged(
                request.fields,
                method,
                http11,
                request.has_host,
                request.keep_alive,
                self._whole,
            )
        if self._whole:
            return request
        self._parser = None  # it would wait for the body, which it is not given
        return self._with_body(request)

    def _request_line(self, line: bytes) -> tuple[str, str, str, bool] | Refusal:
        """Take a request line (up to its LF) apart: method, path, query, and whether it is
        HTTP/1.1.
        """
        if len(line) > self._line:
            return _of_a_long_line(line[: self._line])
        try:
            method, target, version = line.split(b" ")
        except ValueError:
            return _NO_LINE
        if not (known := _METHODS.get(method)) and not _TOKEN.fullmatch(method):
            return _NO_LINE
        if len(target) > self._target:
            return _LONG_TARGET
        http11 = version == b"HTTP/1.1\r"
        if not http11 and version != b"HTTP/1.0\r":
            http11 = _LATER_MINOR.fullmatch(version) is not None
            if not http11:
                return _OTHER_VERSION if _VERSION.fullmatch(version) else _NO_LINE
        if method == b"CONNECT":
            return Refusal(405, "This is no proxy")
        if not target or target.translate(None, _VISIBLE):
            return _NO_TARGET
        if target[0] != _SLASH:
            other = other_form(method, target)
            if other is None:
                return _NO_TARGET
            target = other
        path, _, query = target.decode().partition("?")
        if "%" in path:
            decoded = decoded_path(path)
            if decoded is None:
                return _NO_TARGET
            path = decoded
        return known or method.decode("ascii"), path, query, http11

    def _grammar(self, request: Request, block: bytes) -> Refusal | None:
        """Have llhttp judge the header; learn whether the request ends with it, and whether it ends
        the connection.
        """
        parser = self._parser
        if parser is None:
            parser = self._parser = HttpRequestParser(self)
        self._whole = self._is_settled = False
        try:
            parser.feed_data(block)
        except HttpParserUpgrade:
            # It takes what follows for another protocol. Here the field is ignored, so a body may
            # follow.
            self._whole = False
            return None
        except HttpParserInvalidMethodError:
            return Refusal(501, "The method is not known")
        except HttpParserError:
            coding = request.header(b"transfer-encoding")
            if (
                coding is None
                or not request.http11
                or request.header(b"content-length") is not None
            ):
                return _NO_HEADER
            refusal = _of_coding(coding)
            if refusal is None and b"\t" in block:
                # llhttp knows no tab behind a coding. To everything else in a header a tab is what
                # a blank is.
                self._parser = None
                return self._grammar(request, block.replace(b"\t", b" "))
            return refusal or _NO_HEADER
        self._is_settled = True
        if not self._whole:
            self._keep_alive = parser.should_keep_alive()
        if (
            self._keep_alive
            and not request.http11
            and _CLOSES.fullmatch(request.header(b"connection") or b"")
        ):
            self._keep_alive = False
        return None

    def on_message_complete(self) -> None:
        """Hear from llhttp that the request has ended."""
        self._whole = True
        self._keep_alive = self._parser is not None and self._parser.should_keep_alive()

    def _host(self, request: Request) -> Refusal | None:
        host = request.fields.get(b"host")
        if host is None:
            request.has_host = False
            return _NO_HOST if request.http11 and self.needs_host else None
        return None if is_host(host) else _NO_HOST

    def _with_body(self, request: Request) -> Request | Refusal:
        """A body follows, or llhttp could not say: see how long it is."""
        coding, length = request.header(b"transfer-encoding"), request.header(b"content-length")
        if coding is not None:
            if length is not None or not request.http11:
                return _NO_LENGTH
            refusal = _of_coding(coding)
            if refusal is not None:
                return refusal
            self.body = ChunkedBody(self._header_bytes, self._fields)
        elif length is not None:
            if not length.isdigit() or len(length) > _MOST_DIGITS:
                return _NO_LENGTH
            if int(length):
                self.body = CountedBody(int(length))
        return request


def _of_a_long_line(start: bytes | bytearray) -> Refusal:
    """What to say to a request line that is too long, from its start."""
    method = _TOKEN.match(start)
    return _LONG_TARGET if method and start[method.end() : method.end() + 1] == b" " else _NO_LINE


def _of_coding(coding: bytes) -> Refusal | None:
    """Refuse what is not just `chunked`: where that is not last, nobody can tell where the body
    ends.
    """
    *others, last = [name.strip(b" \t") for name in coding.lower().split(b",", _MOST_CODINGS)]
    if last != b"chunked" or last in others or b"" in others:
        return _NO_CODING
    return _OTHER_CODING if others else None
