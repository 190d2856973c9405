"""JSON on TCP as a witness from outside, and a note of each request for the coverage."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import IO, Any

SECONDS = 15
"""How long an answer may take before the test fails."""


@dataclass(frozen=True)
class LineCall:
    """A note of one request: at which port, what, and whether it was refused."""

    dialect: str
    operation: str
    refused: bool


class LineCalls:
    """Keywords that send JSON on TCP. A connection per dialect is opened when it is needed."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def __init__(self, host: str, **ports: int) -> None:
        self._host = host
        self._ports = {name: int(port) for name, port in ports.items()}
        self._open: dict[str, tuple[socket.socket, IO[bytes]]] = {}
        self._calls: list[LineCall] = []

    def call_line(self, dialect: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send an object and a newline, and return the answer."""
        self.say_to(dialect, json.dumps(request) + "\n")
        operation = request.get("id_operation", request.get("op"))
        return self.hear_from(dialect, operation if isinstance(operation, str) else "")

    def say_to(self, dialect: str, text: str | bytes) -> None:
        """Send exactly this."""
        self._connection(dialect)[0].sendall(text.encode() if isinstance(text, str) else text)

    def say_no_more_to(self, dialect: str) -> None:
        """End what this end sends; answers may still come."""
        self._connection(dialect)[0].shutdown(socket.SHUT_WR)

    def hear_from(self, dialect: str, operation: str = "") -> dict[str, Any]:
        """Return the next answer, which is that to this operation."""
        try:
            line = self._connection(dialect)[1].readline()
        except TimeoutError:
            raise AssertionError(f"{dialect} gave no answer within {SECONDS} s") from None
        assert line.endswith(b"\n"), f"expected a line of answer from {dialect}, got {line!r}"
        answer: dict[str, Any] = json.loads(line)
        refused = "error" in answer or answer.get("status", 0) >= 400
        self._calls.append(LineCall(dialect, operation, refused))
        return answer

    def connection_should_be_closed_by(self, dialect: str) -> None:
        """Fail unless the server closes the connection, and says nothing more on it."""
        try:
            rest = self._connection(dialect)[1].read()
        except ConnectionResetError:
            rest = b""
        except TimeoutError:
            raise AssertionError(f"{dialect} leaves the connection open") from None
        assert not rest, f"{dialect} said more before it closed: {rest!r}"
        self.close_line_connections()

    def close_line_connections(self) -> None:
        """Close all connections."""
        for connection, answers in self._open.values():
            answers.close()
            connection.close()
        self._open.clear()

    def line_calls_so_far(self) -> list[LineCall]:
        """Return a note of every request of this run."""
        return self._calls

    def _connection(self, dialect: str) -> tuple[socket.socket, IO[bytes]]:
        if dialect not in self._open:
            try:
                connection = socket.create_connection(
                    (self._host, self._ports[dialect]), timeout=SECONDS
                )
            except OSError as error:
                raise AssertionError(
                    f"{dialect} at {self._host}:{self._ports[dialect]} cannot be reached: {error}"
                ) from None
            self._open[dialect] = connection, connection.makefile("rb")
        return self._open[dialect]
