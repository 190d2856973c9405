"""HTTP as a witness from outside: what is sent and what comes back, and a note of each call for the
coverage.
"""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage, parse_headers
from time import monotonic
from typing import IO, Any, Protocol

SECONDS = 15
"""How long an answer may take before the test fails."""


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: HTTPMessage
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        """The body as JSON; fails where it is none, or does not say that it is."""
        kind = self.headers.get("Content-Type", "")
        assert kind.startswith("application/json"), (
            f"expected an answer in JSON, got {kind!r}: {self.text[:200]!r}"
        )
        return json.loads(self.body)

    @property
    def refused(self) -> bool:
        """Whether the server said no, in the status or, as the way does, in the body."""
        return self.status >= 400 or b'"Status":"ERROR"' in self.body


class _Secret(Protocol):
    def reveal(self) -> str: ...


def _revealed(secret: _Secret) -> str:
    """Return what is to be sent for a secret, which JSON does not know."""
    return secret.reveal()


@dataclass(frozen=True)
class Call:
    """A note of one call: at which port, what, and whether it was refused."""

    dialect: str
    method: str
    path: str
    refused: bool


class HttpCalls:
    """Keywords that send HTTP. Ports are known by the name of the dialect that listens there."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def __init__(self, host: str, **ports: int) -> None:
        self._host = host
        self._ports = {name: int(port) for name, port in ports.items()}
        self._calls: list[Call] = []
        self._socket: socket.socket | None = None
        self._answers: IO[bytes] | None = None
        self._dialect = ""

    # One request on a connection of its own

    def call_http(
        self,
        dialect: str,
        method: str,
        path: str,
        body: object = None,
        token: str | None = None,
        basic: str | None = None,
        text: str | bytes | None = None,
        **headers: str,
    ) -> Answer:
        """Send one request and return the answer. `body` goes as JSON, `text` as it stands, `basic`
        is name:password.

        Further header fields are named with underscores: If_Match=...
        """
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        if basic is not None:
            fields["Authorization"] = "Basic " + b64encode(basic.encode()).decode()
        data = text.encode() if isinstance(text, str) else text
        if body is not None:
            data = json.dumps(body, ensure_ascii=False, default=_revealed).encode()
            fields.setdefault("Content-Type", "application/json")
        return self._exchange(dialect, method, path, data, fields)

    def _exchange(
        self, dialect: str, method: str, path: str, data: bytes | None, fields: Mapping[str, str]
    ) -> Answer:
        connection = HTTPConnection(self._host, self._ports[dialect], timeout=SECONDS)
        started = monotonic()
        try:
            connection.request(method, path, data, dict(fields))
            response = connection.getresponse()
            answer = Answer(
                response.status, response.headers, response.read(), monotonic() - started
            )
        except OSError as error:
            raise AssertionError(
                f"{dialect} at {self._host}:{self._ports[dialect]} gave no answer: {error}"
            ) from None
        finally:
            connection.close()
        self._note(dialect, method, path, answer)
        return answer

    def _note(self, dialect: str, method: str, path: str, answer: Answer) -> None:
        self._calls.append(Call(dialect, method, path.partition("?")[0], answer.refused))

    def http_calls_so_far(self) -> list[Call]:
        """Return a note of every call of this run."""
        return self._calls

    # A connection that stays, and bytes as they stand

    def open_http_connection(self, dialect: str) -> None:
        """Connect; what is said and heard from now on is on this connection."""
        self.close_http_connection()
        self._dialect = dialect
        self._socket = socket.create_connection((self._host, self._ports[dialect]), timeout=SECONDS)
        self._answers = self._socket.makefile("rb")

    def say_on_connection(self, text: str) -> None:
        """Send exactly this text, in UTF-8; \\r and \\n are written out in it."""
        assert self._socket is not None, "no connection is open"
        self._socket.sendall(text.encode())

    def hear_answer(self, method: str, path: str = "/") -> Answer:
        """Return the next answer on the connection, which is that to a request of this method."""
        assert self._answers is not None, "no connection is open"
        started = monotonic()
        line = self._answers.readline()
        assert line.startswith(b"HTTP/1."), f"expected a line of status, got {line!r}"
        headers = parse_headers(self._answers)
        status = int(line.split()[1])
        length = 0 if method == "HEAD" or status == 204 else int(headers.get("Content-Length", "0"))
        answer = Answer(status, headers, self._answers.read(length), monotonic() - started)
        self._note(self._dialect, method, path, answer)
        return answer

    def connection_should_be_closed(self) -> None:
        """Fail unless the server closes the connection, and says nothing more on it."""
        assert self._answers is not None, "no connection is open"
        try:
            rest = self._answers.read()
        except ConnectionResetError:
            return
        except TimeoutError:
            raise AssertionError("the server leaves the connection open") from None
        assert not rest, f"the server said more before it closed: {rest!r}"

    def close_http_connection(self) -> None:
        """Close the connection, where there is one."""
        if self._socket is not None and self._answers is not None:
            self._answers.close()
            self._socket.close()
        self._socket = self._answers = None
