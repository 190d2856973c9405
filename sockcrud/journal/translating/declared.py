"""The translator of the apps in use."""

from __future__ import annotations

from collections.abc import Mapping

from sockcrud.app import Apps, resolve
from sockcrud.client.places import Place, parse
from sockcrud.journal.declared import readings
from sockcrud.journal.http import HTTPReading
from sockcrud.journal.translating.translator import Translator


def translator(apps: Apps, at: Mapping[str, str | None]) -> Translator:
    """Return what translates requests of dialects that are at these places, as commands write
    them; what is at none is left out.
    """
    places: dict[str, Place] = {name: parse(where) for name, where in at.items() if where}
    sayings = {
        dialect.name: resolve(dialect.sayings)
        for dialect in apps.dialects
        if dialect.sayings is not None
    }
    return Translator(readings(apps), sayings, places)


def as_sent(apps: Apps, dialect: str, text: str) -> bytes:
    """Return a request that somebody typed as it is to be sent: HTTP ends its lines in CRLF."""
    if isinstance(readings(apps).get(dialect), HTTPReading):
        head, blank, body = text.replace("\r\n", "\n").partition("\n\n")
        return (head.strip("\n").replace("\n", "\r\n") + "\r\n\r\n" + body * bool(blank)).encode()
    return text.strip("\r\n").encode()
