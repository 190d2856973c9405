"""Carries calls over a blocking socket, one at a time. Needs no reactor."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from sockcrud.client.calls import Call, Reader, Wire
from sockcrud.client.delays import Delays
from sockcrud.client.errors import BadAnswer, CannotSend, ServerGone, TimedOut
from sockcrud.client.places import Place

A = TypeVar("A")
T = TypeVar("T")

_PIECE: Final = 64 * 1024


class _Lost(Exception):
    """The connection is of no use any more. Says why."""


class SocketDriver(Generic[A]):
    """A connection, made when it is needed. Not for two threads at once."""

    def __init__(self, wire: Wire[A], place: Place, timeout: float, trust: str | None) -> None:
        self._wire = wire
        self._place = place
        self._timeout = timeout
        self._trust = trust
        self._delays = Delays(timeout)
        self._socket: socket.socket | None = None
        self._reader: Reader[A] = wire.reader()
        self._answered = False
        self._closed = False

    def carry(self, call: Call[A, T]) -> T:
        """Send the call, and give its result; raise a `ClientError` within the timeout."""
        if self._closed:
            raise CannotSend("the client is closed", self._wire.words.cannot_send)
        attempt = _Attempt(self._timeout)
        answer = self._ask(call, attempt)
        is_last = self._reader.is_last or self._reader.has_rest
        try:
            return call.read(answer)
        except (ServerGone, BadAnswer):
            is_last = True
            raise
        finally:
            if is_last:
                self._drop()

    def close(self) -> None:
        """Close the connection, for good. Harmless when repeated."""
        self._closed = True
        self._drop()

    # One call

    def _ask(self, call: Call[A, Any], attempt: _Attempt) -> A:
        while True:
            connection = self._connected(attempt)
            was_used, attempt.sent, attempt.heard = self._answered, 0, False
            try:
                return self._exchanged(connection, call, attempt)
            except BadAnswer:
                self._drop()
                raise
            except TimeoutError:
                self._drop()
                raise TimedOut(self._timeout, attempt.may_have_happened) from None
            except _Lost as lost:
                self._drop()
                again = was_used and not attempt.heard and call.more is None
                if not again or (attempt.sent and not call.repeatable):
                    if attempt.sent == 0:
                        raise CannotSend(str(lost), self._wire.words.cannot_send) from None
                    raise ServerGone(str(lost), self._wire.words.server_gone) from None
                # The server had closed a connection that was idle: nothing has come of this call.
                attempt.repeated = attempt.sent > 0
            except BaseException:
                self._drop()  # interrupted: the answer would be taken for that of the next call
                raise

    def _exchanged(self, connection: socket.socket, call: Call[A, Any], attempt: _Attempt) -> A:
        self._reader.expect(call)
        complaint = self._sent(connection, call, attempt)
        while (answer := self._reader.take()) is None:
            received = self._receive(connection, attempt, complaint)
            if not received:
                ended = self._reader.end()
                if ended is None:
                    raise _Lost(complaint or f"{self._place} closed the connection")
                answer = ended
                break
            attempt.heard = True
            if call.streams:
                attempt.go_on()
            self._reader.feed(received)
        self._answered = True
        return answer

    def _sent(self, connection: socket.socket, call: Call[A, Any], attempt: _Attempt) -> str:
        """Send the call. Give what is wrong where the server would not take all of it: it may have said why."""
        for piece in _pieces(call):
            try:
                self._send(connection, piece, attempt)
            except TimeoutError:
                raise
            except OSError as error:
                return _in_words(error)
            if call.streams:
                attempt.go_on()
        return ""

    def _send(self, connection: socket.socket, data: bytes, attempt: _Attempt) -> None:
        view = memoryview(data)
        while view:
            connection.settimeout(attempt.left())
            count = connection.send(view[:_PIECE])
            attempt.sent += count
            view = view[count:]

    def _receive(self, connection: socket.socket, attempt: _Attempt, complaint: str) -> bytes:
        try:
            connection.settimeout(attempt.left())
            return connection.recv(_PIECE)
        except TimeoutError:
            raise
        except ssl.SSLEOFError:
            return b""
        except OSError as error:
            raise _Lost(complaint or _in_words(error)) from None

    # The connection

    def _connected(self, attempt: _Attempt) -> socket.socket:
        if self._socket is not None and not _is_quiet(self._socket):
            self._drop()  # closed meanwhile, or something was said that nobody asked for
        if self._socket is None:
            if wait := self._delays.left(time.monotonic()):
                time.sleep(wait)
            try:
                self._socket = self._connect(attempt)
            except (OSError, ValueError) as error:
                self._delays.failed(time.monotonic())
                reason = f"{self._place}: {_in_words(error)}"
                if attempt.repeated:
                    raise ServerGone(reason, self._wire.words.server_gone) from None
                raise CannotSend(reason, self._wire.words.cannot_send) from None
            self._delays.succeeded()
            self._reader, self._answered = self._wire.reader(), False
        return self._socket

    def _connect(self, attempt: _Attempt) -> socket.socket:
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


class _Attempt:
    """The time a call has, and how far it got."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._end = time.monotonic() + timeout
        self.sent = 0
        self.heard = False
        self.repeated = False

    @property
    def may_have_happened(self) -> bool:
        return self.sent > 0

    def left(self) -> float:
        """Give the seconds left; raise `TimeoutError` where none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def go_on(self) -> None:
        """Something moves: its time begins anew."""
        self._end = time.monotonic() + self._timeout


def _connected_to(place: Place, attempt: _Attempt) -> socket.socket:
    """Give a socket that is connected to one of the addresses the host has; raise the last one's error."""
    error: OSError | None = None
    for family, _, _, _, address in socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM):
        try:
            return _connected_socket(family, address, attempt)
        except OSError as reason:
            error = reason
    raise error or OSError("the host has no address")


def _connected_socket(family: int, address: Any, attempt: _Attempt) -> socket.socket:
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
