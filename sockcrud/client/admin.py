"""A client of the admin port, for commands: it blocks, and holds no more in memory than a piece of what it carries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import IO, Any, Final
from urllib.parse import urlsplit

PIECE: Final = 64 * 1024
SECONDS: Final = 300.0
"""How long the port may be silent: a large import is checked whole before it is answered."""

_LONGEST_ERROR: Final = 1024 * 1024


Told = Callable[[int, int], object]
"""Is told how much is done, and of how much."""


class Unreachable(Exception):
    """No answer, or not all of it, in one line."""


class Refusal(Exception):
    """The port's answer is no, in one line. `faults` tells what is wrong with an import, a line each."""

    def __init__(self, line: str, faults: list[str]) -> None:
        super().__init__(line)
        self.faults = faults


class AdminPort:
    """A connection to the admin port. It is logged in from `log_in` to `log_out`."""

    def __init__(self, url: str) -> None:
        """Raise `ValueError` where it is no URL such as http://127.0.0.1:8000."""
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username is not None
            or parts.path not in ("", "/")
        ):
            raise ValueError("expected a URL such as http://127.0.0.1:8000")
        make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection: HTTPConnection = make(parts.hostname, parts.port, timeout=SECONDS)
        self._where = f"{parts.hostname}:{self._connection.port}"
        self._headers: dict[str, str] = {}

    def log_in(self, login: str, password: str) -> None:
        """Raise `Refusal` or `Unreachable`, as all that follows does."""
        body = json.dumps({"login": login, "password": password})
        with self._answer("POST", "/login", body, {"Content-Type": "application/json"}) as answer:
            self._headers["Authorization"] = f"Bearer {_object(answer)['token']}"

    def log_out(self) -> None:
        """End the session, if there is one and the port can still be reached, and close the connection."""
        with suppress(Refusal, Unreachable):
            if self._headers:
                with self._answer("POST", "/logout") as answer:
                    answer.read()
        self._connection.close()

    def export(self, secrets: bool, told: Told) -> Iterator[bytes]:
        """Give the lines of an export, in pieces that end anywhere; tell how many lines there were."""
        with self._answer("GET", "/export?secrets=yes" if secrets else "/export") as answer:
            lines, total = 0, int(answer.headers.get("X-Total-Count", 0))
            for piece in self._whole(answer):
                yield piece
                lines += piece.count(b"\n")
                told(lines, max(lines, total))

    def check(self) -> list[str]:
        """Give what is wrong with the file of the store, a line each."""
        with self._answer("POST", "/check") as answer:
            faults: list[str] = _object(answer)["faults"]
            return faults

    def backup(self, told: Told) -> Iterator[bytes]:
        """Give the bytes of a copy of the store's file; tell how many there were."""
        with self._answer("GET", "/backup") as answer:
            done, total = 0, answer.length or 0
            for piece in self._whole(answer):
                yield piece
                done += len(piece)
                told(done, max(done, total))

    def _whole(self, answer: HTTPResponse) -> Iterator[bytes]:
        """Give a body in pieces; raise `Unreachable` where there should be more of it."""
        while piece := answer.read(PIECE):
            yield piece
        if answer.length:
            raise Unreachable(f"{self._where} closed before all was said")

    def import_(self, file: IO[bytes], size: int, told: Told) -> dict[str, int]:
        """Send the lines of a file, and give how many records of each kind were added."""
        headers = {"Content-Type": "application/x-ndjson", "Content-Length": str(size)}
        with self._answer("POST", "/import", _pieces(file, size, told), headers) as answer:
            imported: dict[str, int] = _object(answer)["imported"]
            return imported

    @contextmanager
    def _answer(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Iterator[HTTPResponse]:
        try:
            try:
                self._connection.request(method, path, body, {**self._headers, **(headers or {})})
            except (BrokenPipeError, ConnectionResetError):
                if body is None or self._connection.sock is None:
                    raise
                # It would not take all of the body, and may have said why.
            answer = self._connection.getresponse()
            if answer.status >= 300:
                raise _refusal(answer)
            yield answer
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"{self._where}: {str(error) or type(error).__name__}") from None
        except (ValueError, KeyError, TypeError):
            raise Unreachable(f"{self._where} does not answer as the admin port of sockcrud does") from None


def _pieces(file: IO[bytes], size: int, told: Told) -> Iterator[bytes]:
    sent = 0
    while piece := file.read(min(PIECE, size - sent)):
        yield piece
        sent += len(piece)
        told(sent, size)


def _object(answer: HTTPResponse) -> dict[str, Any]:
    found = json.loads(answer.read())
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _refusal(answer: HTTPResponse) -> Refusal:
    body = answer.read(_LONGEST_ERROR)
    try:
        error = json.loads(body)["error"]
        faults = [
            f"line {fault['line']}, {fault['field'] or 'all of it'}: {fault['message']}" for fault in error.get("faults", ())
        ]
        return Refusal(" ".join(str(error["message"]).split()), faults)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Refusal(f"the port answered {answer.status} {answer.reason}", [])
