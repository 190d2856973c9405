"""Server-Sent Events over a blocking socket: one stream at a time, read as it comes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse

from attrs import frozen

from sockcrud.client.places import Place

SILENCE: float = 45.0
"""Seconds without a byte after which a stream is taken for dead: three heartbeats of the daemon."""


@frozen
class Event:
    """An event of a stream; `data` is empty where it was a comment."""

    kind: str
    id: str
    data: str


class EventStream:
    """A stream of events. Raises OSError or `http.client.HTTPException` where it breaks."""

    def __init__(
        self,
        place: Place,
        path: str,
        fields: Mapping[str, str],
        timeout: float,
        trust: str | None,
    ) -> None:
        self._connection = HTTPConnection(place.authority, timeout=timeout)
        self._connection.sock = _connected(place, timeout, trust)
        self._socket = self._connection.sock
        try:
            self._connection.request("GET", path, headers={"Accept": "text/event-stream", **fields})
            self.response: HTTPResponse = self._connection.getresponse()
            self._socket.settimeout(SILENCE)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Event]:
        kind = id = data = ""
        while line := self.response.readline():
            name, _, value = line.decode().rstrip("\r\n").partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                kind = value
            elif name == "id":
                id = value
            elif name == "data":
                data += value
            elif line.strip():
                continue
            elif data:
                yield Event(kind or "message", id, data)
                kind = data = ""

    def end(self) -> None:
        """Have the stream end, from whichever thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._socket.close()


def _connected(place: Place, timeout: float, trust: str | None) -> socket.socket:
    if place.kind == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(timeout)
        made.connect(place.path)
        return made
    made = socket.create_connection((place.host, place.port), timeout)
    if place.kind == "tls":
        return ssl.create_default_context(cafile=trust).wrap_socket(
            made, server_hostname=place.host
        )
    return made
