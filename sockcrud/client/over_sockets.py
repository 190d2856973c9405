"""Carries calls over a blocking socket, one at a time. Needs no reactor."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from sockcrud.client.calls import Call, Wire
from sockcrud.client.delays import Delays
from sockcrud.client.errors import CannotSend, TimedOut
from sockcrud.client.exchange import Attempt, Exchange, unsent
from sockcrud.client.places import Place

A = TypeVar("A")
T = TypeVar("T")

_PIECE: Final = 64 * 1024


class SocketDriver(Generic[A]):
    """A connection, made when it is needed. Not for two threads at once."""

    def __init__(self, wire: Wire[A], place: Place, timeout: float, trust: str | None) -> None:
        self._wire = wire
        self._place = place
        self._timeout = timeout
        self._trust = trust
        self._delays = Delays(timeout)
        self._socket: socket.socket | None = None
        self._exchange: Exchange[_Timed] = Exchange(wire, str(place))
        self._closed = False

    def carry(self, call: Call[A, T]) -> T:
        """Send the call, and return its result; raise a `ClientError` within the timeout."""
        if self._closed:
            raise CannotSend("the client is closed", self._wire.words.cannot_send)
        attempt = _Timed(call, self._timeout)
        while True:
            outcomes = self._ask(attempt)
            # else it is to be sent once more: nothing has come of it, or it is made only once
            if outcomes:
                break
        _, outcome = outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        result: T = outcome
        return result

    def close(self) -> None:
        """Close the connection, for good. Harmless when repeated."""
        self._closed = True
        self._drop()

    # One call

    def _ask(self, attempt: _Timed) -> list[tuple[_Timed, Any]]:
        """Return the outcome of an attempt; nothing where it is to be made once more."""
        connection = self._connected(attempt)
        attempt.unsent = True
        try:
            outcomes = self._exchanged(connection, attempt)
        except TimeoutError:
            self._drop()
            raise TimedOut(self._timeout, not attempt.unsent) from None
        except BaseException:
            self._drop()  # interrupted: the answer would be taken for that of the next call
            raise
        if self._exchange.over:
            self._drop()
            outcomes += self._exchange.abandon()[0]
        return outcomes

    def _exchanged(self, connection: socket.socket, attempt: _Timed) -> list[tuple[_Timed, Any]]:
        self._exchange.send(attempt)
        self._exchange.is_sending = True
        complaint = self._sent(connection, attempt)
        # Where the server would not take all of it, it may have said why.
        self._exchange.is_sending = bool(complaint)
        while True:
            try:
                received = self._receive(connection, attempt)
            except TimeoutError:
                raise
            except OSError as error:
                return self._exchange.end(complaint or _in_words(error))
            if not received:
                return self._exchange.end(complaint or f"{self._place} closed the connection")
            if attempt.call.streams:
                attempt.go_on()
            if (outcomes := self._exchange.receive(received)) or self._exchange.over:
                return outcomes
            if self._exchange.take_again():
                return []

    def _sent(self, connection: socket.socket, attempt: _Timed) -> str:
        """Send the call. Give what is wrong where the server would not take all of it."""
        for piece in _pieces(attempt.call):
            try:
                self._send(connection, piece, attempt)
            except TimeoutError:
                raise
            except OSError as error:
                return _in_words(error)
            if attempt.call.streams:
                attempt.go_on()
        return ""

    def _send(self, connection: socket.socket, data: bytes, attempt: _Timed) -> None:
        view = memoryview(data)
        while view:
            connection.settimeout(attempt.left())
            count = connection.send(view[:_PIECE])
            attempt.unsent = attempt.unsent and not count
            view = view[count:]

    def _receive(self, connection: socket.socket, attempt: _Timed) -> bytes:
        connection.settimeout(attempt.left())
        try:
            return connection.recv(_PIECE)
        except ssl.SSLEOFError:
            return b""

    # The connection

    def _connected(self, attempt: _Timed) -> socket.socket:
        if self._socket is not None and not _is_quiet(self._socket):
            self._drop()  # closed meanwhile, or something was said that nobody asked for
        if self._socket is None:
            if wait := self._delays.left(time.monotonic()):
                time.sleep(wait)
            try:
                self._socket = self._connect(attempt)
            except (OSError, ValueError) as error:
                self._delays.failed(time.monotonic())
                raise unsent(self._wire, attempt, f"{self._place}: {_in_words(error)}") from None
            self._delays.succeeded()
            self._exchange = Exchange(self._wire, str(self._place))
        return self._socket

    def _connect(self, attempt: _Timed) -> socket.socket:
        place = self._place
        if place.kind == "unix":
            return _connected_socket(socket.AF_UNIX, place.path, attempt)
        made = _connected_to(place, attempt)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if place.kind == "tls":
                made.settimeout(attempt.left())
                context = ssl.create_default_context(cafile=self._trust)
                made = context.wrap_socket(made, server_hostname=place.host)
        except BaseException:
            made.close()
            raise
        return made

    def _drop(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None


class _Timed(Attempt):
    """A call on its way, and the time it has."""

    def __init__(self, call: Call[Any, Any], timeout: float) -> None:
        super().__init__(call)
        self._timeout = timeout
        self._end = time.monotonic() + timeout

    def left(self) -> float:
        """Return the seconds left; raise `TimeoutError` where none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def go_on(self) -> None:
        """Something moves: its time begins anew."""
        self._end = time.monotonic() + self._timeout


def _connected_to(place: Place, attempt: _Timed) -> socket.socket:
    """Return a socket that is connected to one of the addresses the host has; raise the last one's
    error.
    """
    error: OSError | None = None
    for family, _, _, _, address in socket.getaddrinfo(
        place.host, place.port, type=socket.SOCK_STREAM
    ):
        try:
            return _connected_socket(family, address, attempt)
        except OSError as reason:
            error = reason
    raise error or OSError("the host has no address")


def _connected_socket(family: int, address: Any, attempt: _Timed) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(attempt.left())
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def _pieces(call: Call[Any, Any]) -> Iterator[bytes]:
    yield call.request
    more: Iterable[bytes] = () if call.more is None else call.more
    yield from more


def _is_quiet(connection: socket.socket) -> bool:
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return not selector.select(0)


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
