"""Requests without `Host` that are not framed as they should be, as some clients in the field send them.

They frame loosely in two ways: a GET or HEAD that ends behind its last field, without CRLF and blank line; and a
`Content-Length` that counts the four bytes of the blank line too. Both can only be told by the silence that follows.
"""

from __future__ import annotations

import re
from typing import Final

from sockcrud.wire.http_bodies import CountedBody
from sockcrud.wire.http_framing import Refusal, Request, RequestFramer

QUIET: Final = 0.1
"""Seconds after which nothing more is expected of such a client."""

_BLANK_LINE: Final = b"\r\n\r\n"
_UNENDED: Final = re.compile(
    rb"(?:GET|HEAD) /\? HTTP/1\.[01](?:\r\n(?!host:)[!#$%&'*+\-.^_`|~0-9a-z]+:[\t -~\x80-\xff]*)*", re.IGNORECASE
)


class LooseFramer(RequestFramer):
    """Takes requests without `Host`, and with `settle` those that have the shape of the field's clients."""

    needs_host = False

    _of_the_field = False  # the present request may have the shape
    _settling = False

    def settle(self) -> None:
        """Hear that it has been quiet: what has the shape is complete, as if the rest had come."""
        if self.body is not None:
            self._settle_body()
        elif _UNENDED.fullmatch(self._data, self._at):
            self._data = bytes(self._data[self._at :]) + _BLANK_LINE
            self._at = self._searched = 0
            self._line_end = -1
            self._settling = True  # a length that counts the blank line may be among its fields

    def next_head(self) -> Request | Refusal | None:
        head = super().next_head()
        if isinstance(head, Request):
            self._of_the_field = self._of_the_field and not head.has_host and head.header(b"expect") is None
            if self._settling:
                self._settling = False
                self._settle_body()
        return head

    def next_piece(self) -> bytes | Refusal | None:
        if self._ended:
            self._settle_body()
        return super().next_piece()

    def _settle_body(self) -> None:
        body = self.body
        if self._of_the_field and isinstance(body, CountedBody):
            coming = body.left - (len(self._data) - self._at)
            if coming == len(_BLANK_LINE):
                body.left -= coming

    def _incomplete(self, at: int) -> Request | Refusal | None:
        if self._ended:
            self.settle()
            if self._settling:
                return self.next_head()
        return super()._incomplete(at)

    def _request_line(self, line: bytes) -> tuple[str, str, str, bool] | Refusal:
        self._of_the_field = b" /? " in line
        return super()._request_line(line)
