"""Requests as they are translated: a line, or one of HTTP, with blanks for the secrets in it."""

from __future__ import annotations

import json

from attrs import frozen

from sockcrud.journal.masking import MASK
from sockcrud.journal.translating.blanks import blank, with_blanks

_OF_THE_WIRE = (
    "host", "user-agent", "accept", "accept-encoding", "accept-language", "connection",
    "content-length", "transfer-encoding", "expect", "te",
)  # fmt: skip
"""Header fields that each client makes itself."""
BEARER, BASIC = "bearer", "basic"


@frozen
class LineRequest:
    """A line, without its end."""

    text: str


@frozen
class HTTPRequest:
    """A request of HTTP; `login` says which `Authorization` it has: `bearer`, `basic`, or none."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    login: str = ""

    @property
    def type(self) -> str:
        """Return what the body is said to be."""
        for name, value in self.fields:
            if name.lower() == "content-type":
                return value
        return "application/json"

    @property
    def others(self) -> tuple[tuple[str, str], ...]:
        """Return the header fields without the type of the body."""
        return tuple((name, value) for name, value in self.fields if name.lower() != "content-type")


Request = LineRequest | HTTPRequest


def line_request(text: str) -> LineRequest:
    """Return the request of a line as the journal shows it."""
    return LineRequest(_blanked(text.strip("\r\n")))


def http_request(text: str) -> HTTPRequest | None:
    """Return the request of HTTP as the journal shows it; None where it is none."""
    head, _, body = text.partition("\r\n\r\n")
    line, *lines = head.split("\r\n")
    parts = line.split(" ")
    if len(parts) != 3:
        return None
    method, target, _ = parts
    fields, login = [], ""
    for each in lines:
        name, colon, value = each.partition(":")
        value = value.strip()
        if name.lower() == "authorization":
            scheme = value.partition(" ")[0].lower()
            login = scheme if scheme in (BEARER, BASIC) else ""
        elif colon and name != MASK and name.lower() not in _OF_THE_WIRE:
            fields.append((name, value.replace(MASK, blank(name))))
    path, mark, query = target.partition("?")
    target = path.replace(MASK, blank("SESSION")) + mark + query.replace(MASK, blank("SECRET"))
    return HTTPRequest(method, target, tuple(fields), _blanked(body) if body else None, login)


def _blanked(text: str) -> str:
    """Return a text with blanks for what is masked: named after its fields, where it is JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return text.replace(MASK, blank("SECRET"))
    return json.dumps(with_blanks(value), ensure_ascii=False) if MASK in text else text
