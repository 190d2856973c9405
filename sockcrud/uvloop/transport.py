"""One accepted connection: uvloop's transport on one side, what a Twisted protocol expects of its
transport on the other.

Twisted's own TCP transport is the specification: see `doWrite` and `connectionLost` in
`twisted.internet.abstract`.
"""

from __future__ import annotations

import socket
import struct
from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import Any, Final, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
    ISystemHandle,
    ITCPTransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.uvloop.pieces import FULL_READ, InPieces, Pieces

ENOUGH: Final = 0
"""Bytes that wait to be sent when a producer has to pause. (Twisted has 2**16: here the system has
that much already, and what a peer does not read is to be held, and counted, in one place.)"""
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)

Address = IPv4Address | IPv6Address

log = Logger()


class Home(Protocol):
    """Where a transport lives."""

    connections: set[UvloopTransport]
    loop: AbstractEventLoop
    pieces: Pieces

    late: list[Callable[[], object]]

    def in_the_end(self, call: Callable[[], object]) -> None:
        """Call it when all that has come in this turn was read."""

    def hurry(self) -> None:
        """Do what waits for the end of a turn where it has become a long one."""

    def tell_of_end(self, transport: UvloopTransport) -> None:
        """Have its `input_over` called in a later turn, with not too many others."""


@implementer(ITCPTransport, IConsumer, IPushProducer, ISystemHandle)
class UvloopTransport:
    """An asyncio protocol to uvloop, an ITCPTransport to the protocol.

    `write` is that of uvloop's transport as long as nothing waits to be sent, and nobody waits for
    the end of it.
    """

    __slots__ = (
        "__weakref__",
        "_aborting",
        "_asyncio",
        "_half_closed",
        "_half_closing",
        "_home",
        "_input_ended",
        "_look_due",
        "_paused",
        "_peer",
        "_producer",
        "_producer_paused",
        "_reason",
        "_socket",
        "_streaming",
        "_unsent",
        "connected",
        "disconnected",
        "disconnecting",
        "in_the_end",
        "protocol",
        "write",
    )

    def __init__(
        self, accepted: socket.socket, protocol: IProtocol, peer: Address, home: Home
    ) -> None:
        self.protocol: Any = protocol
        self.connected = False
        self.disconnected = False
        self.disconnecting = False
        self.write: Callable[[bytes], None] = _to_nobody
        self._socket = accepted
        self._peer = peer
        self._home = home
        self.in_the_end = home.in_the_end
        self._asyncio: Any = None  # uvloop's transport
        self._producer: Any = None
        self._streaming = False
        self._producer_paused = False
        self._unsent = False  # uvloop holds what the socket has not taken
        self._look_due = False
        self._paused = False  # by the protocol
        self._half_closing = False
        self._half_closed = False
        self._input_ended = False
        self._aborting = False
        self._reason: Failure | None = None

    def begin(self) -> None:
        """Have uvloop take the connection over; the protocol gets it in the next turn."""
        if self._home.late:
            self._home.hurry()
        loop = self._home.loop
        taking_over: Any = loop.connect_accepted_socket(
            lambda: InPieces(self, self._home.pieces), self._socket
        )
        # Stepped by hand, this coroutine needs no task, and the protocol hears of its connection in
        # the very turn in which uvloop begins to read: there is no moment in which it could miss,
        # or not pause, what comes.
        taking_over.send(None)
        loop.call_soon(self._introduce, taking_over)

    def _introduce(self, taken_over: Generator[Any, None, tuple[Transport, Any]]) -> None:
        try:
            taken_over.send(None)
        except StopIteration as done:
            self._asyncio, _ = done.value
        self._asyncio.set_write_buffer_limits(
            high=0
        )  # so that uvloop tells of the last byte that was sent
        self._choose_write()
        self.connected = True
        self._home.connections.add(self)
        try:
            self.protocol.makeConnection(self)
        except Exception:
            self._fault()

    def hand_over(self, protocol: IProtocol, peer: Address) -> None:
        """Be the transport of another protocol from now on, with this peer at the other end."""
        self.protocol = protocol
        self._peer = peer
        protocol.makeConnection(self)

    # What uvloop calls

    def connection_made(self, transport: Transport) -> None:
        """uvloop has it; `_introduce` follows in the same turn."""

    def data_received(self, data: bytes) -> None:
        """The peer has said something."""
        self.protocol.dataReceived(data)
        if self._home.late:
            self._home.hurry()
        if len(data) >= FULL_READ and not self.disconnected:
            self._asyncio.set_protocol(InPieces(self, self._home.pieces, for_good=True))
            self._rest_from_reading()

    def piece_received(self, data: bytes, is_full: bool, for_good: bool) -> None:
        """The peer has said something; where the piece is full, there may be more."""
        if not is_full and not for_good:
            self._asyncio.set_protocol(self)  # as it is with nearly all, after their first read
        self.protocol.dataReceived(data)
        if self._home.late:
            self._home.hurry()
        if is_full and not self.disconnected:
            self._rest_from_reading()

    def _rest_from_reading(self) -> None:
        """Read on in the next turn: libuv would read up to 32 times before it looks at others."""
        if not self._paused:
            self._asyncio.pause_reading()
            self._home.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if not self._paused:
            self.resumeProducing()

    def eof_received(self) -> bool:
        """The peer says no more."""
        self._input_ended = True
        self._home.tell_of_end(self)
        return True  # it is not for uvloop to close

    def input_over(self) -> None:
        """Have the protocol hear that the peer says no more."""
        if self.disconnected:
            return
        half_closeable = IHalfCloseableProtocol(self.protocol, None)
        if half_closeable is None:
            self._end(Failure(ConnectionDone()))
        else:
            try:
                half_closeable.readConnectionLost()
            except Exception:
                self._fault()

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._unsent = True
        self._choose_write()
        self._pause_producer()

    def resume_writing(self) -> None:
        """The socket has taken everything."""
        self._unsent = False
        self._choose_write()
        self._look()

    def connection_lost(self, error: BaseException | None) -> None:
        """The connection is over."""
        if not self.disconnected:
            self.connectionLost(self._reason or _reason(error))
        if self._home.late:
            self._home.hurry()

    # The end

    def connectionLost(self, reason: Failure) -> None:
        """End at once, and tell the protocol why; called by the reactor, where it stops with
        connections open.
        """
        self.connected = False
        self.disconnected = True
        self._home.connections.discard(self)
        self._asyncio.abort()
        self._choose_write()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        protocol, self.protocol = self.protocol, None
        protocol.connectionLost(reason)

    def loseConnection(self) -> None:
        """Close when all is sent, and when the producer that is still to send has done so."""
        if not self.connected or self.disconnecting:
            return
        self.disconnecting = True
        self._asyncio.pause_reading()
        if self._half_closed:
            self._asyncio.close()
        else:
            self._look_later()

    def abortConnection(self) -> None:
        """Close at once, with a reset, whatever is unsent."""
        if not self.connected or self._aborting:
            return
        self._aborting = True
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self._end(Failure(ConnectionAborted()))

    def loseWriteConnection(self) -> None:
        """Say no more, when all is sent; the peer still may."""
        self._half_closing = True
        self._look_later()

    def _end(self, reason: Failure) -> None:
        if self._reason is None:
            self._reason = reason
        self._asyncio.abort()

    def _fault(self) -> None:
        """End a connection whose protocol has failed, for which it is told so."""
        failure = Failure()
        log.failure("a protocol has failed", failure)
        self._end(failure)

    # What is sent

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Write several at once."""
        try:
            joined = b"".join(data)
        except TypeError:
            raise TypeError("Data must be bytes") from None
        self.write(joined)

    def _choose_write(self) -> None:
        if self.disconnected or self._half_closed:
            self.write = _to_nobody
        elif self._unsent or (self._producer is not None and not self._streaming):
            self.write = self._watched_write
        else:
            self.write = self._asyncio.write

    def _watched_write(self, data: bytes) -> None:
        self._asyncio.write(data)
        if self._producer is not None:
            if self._streaming:
                self._pause_producer()
            else:
                self._look_later()

    def _pause_producer(self) -> None:
        if (
            self._producer is not None
            and self._streaming
            and self._asyncio.get_write_buffer_size() > ENOUGH
        ):
            self._producer_paused = True
            self._producer.pauseProducing()

    def _look_later(self) -> None:
        """Look in the next turn what may happen now, or, where something is unsent, when it is
        sent.
        """
        if not self._look_due and not self._unsent:
            self._look_due = True
            self._home.loop.call_soon(self._look)

    def _look(self) -> None:
        """Nothing is unsent: do what waits for that."""
        self._look_due = False
        if self._unsent or self.disconnected:
            return
        if self._producer is not None and (self._producer_paused or not self._streaming):
            self._producer_paused = False
            try:
                self._producer.resumeProducing()
            except Exception:
                self._fault()
        elif self.disconnecting:
            self._asyncio.close()
        elif self._half_closing and not self._half_closed:
            self._half_close()

    def _half_close(self) -> None:
        self._half_closed = True
        self._choose_write()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        half_closeable = IHalfCloseableProtocol(self.protocol, None)
        if half_closeable is not None:
            try:
                half_closeable.writeConnectionLost()
            except Exception:
                self._fault()

    def unsent_bytes(self) -> int:
        """Return how many bytes were written and not sent."""
        return 0 if self._asyncio is None else int(self._asyncio.get_write_buffer_size())

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take what is to be sent from it, at the speed of the peer."""
        if self._producer is not None:
            raise RuntimeError(
                f"Cannot register producer {producer}, because producer {self._producer} was "
                f"never unregistered."
            )
        if self.disconnected:
            producer.stopProducing()
            return
        self._producer = producer
        self._streaming = streaming
        self._producer_paused = False
        if not streaming:
            self._choose_write()
            producer.resumeProducing()
            self._look_later()  # what was written before has to be followed by a call, too

    def unregisterProducer(self) -> None:
        """Take no more from it."""
        self._producer = None
        if self.connected:
            self._choose_write()
            if self.disconnecting:
                self._look_later()

    def stopConsuming(self) -> None:
        """The producer has nothing more, ever."""
        self.unregisterProducer()
        self.loseConnection()

    # What is read

    def reading(self) -> bool:
        """Return whether what comes is read."""
        return bool(self._asyncio.is_reading())

    def pauseProducing(self) -> None:
        """Read no more for now."""
        self._paused = True
        if self.connected:
            self._asyncio.pause_reading()

    def resumeProducing(self) -> None:
        """Read again."""
        self._paused = False
        if self.connected and not self.disconnecting and not self._input_ended:
            self._asyncio.resume_reading()

    def stopProducing(self) -> None:
        """Read no more, ever."""
        self.loseConnection()

    # What it is

    def getPeer(self) -> Address:
        """Return the address of the other end."""
        return self._peer

    def getHost(self) -> Address:
        """Return the address of this end."""
        name = self._socket.getsockname()
        if self._socket.family != socket.AF_INET6:
            return IPv4Address("TCP", *name)
        with_scope, _ = socket.getnameinfo(name, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        return IPv6Address("TCP", with_scope, *name[1:])

    def getHandle(self) -> socket.socket:
        """Return the socket, for its options only."""
        return self._socket

    def getTcpNoDelay(self) -> bool:
        """Return whether small writes are sent at once. (uvloop begins with this on.)"""
        return bool(self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Have small writes sent at once, or not."""
        with suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        """Return whether the system asks a silent peer whether it is there."""
        return bool(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Have the system ask a silent peer whether it is there, or not."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    def logPrefix(self) -> str:
        """Name it in the log."""
        return f"{type(self.protocol).__name__},{getattr(self._peer, 'host', '')}"


def _to_nobody(data: bytes) -> None:
    """Take what nobody will get any more."""


def _reason(error: BaseException | None) -> Failure:
    """Tell in Twisted's words why uvloop has closed."""
    if error is None:
        return Failure(ConnectionDone())
    if not isinstance(error, OSError):
        return Failure(error)  # the protocol's; uvloop has it logged
    if error.__traceback__ is None:
        return Failure(ConnectionLost())
    # One that was raised is not the socket's, though uvloop takes it for that.
    failure = Failure(error)
    log.failure("a protocol has failed", failure)
    return failure
