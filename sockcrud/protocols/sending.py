"""How what is said reaches the peer: at the end of a turn, at the peer's pace, and long answers in
slices.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.admission import Listening
from sockcrud.protocols.answers import Stream
from sockcrud.protocols.backlog import backlog
from sockcrud.protocols.eager import run_eagerly
from sockcrud.protocols.lifetime import Lifetime, Limits
from sockcrud.protocols.scheduler import BYTES_A_SECOND
from sockcrud.protocols.state import CLOSED, STOPPED


@implementer(IPushProducer)
class _Outflow:
    """What the transport tells of how fast the peer reads."""

    def __init__(self, connection: Sending) -> None:
        self._connection = connection

    def pauseProducing(self) -> None:
        self._connection.sending_stalled()

    def resumeProducing(self) -> None:
        self._connection.sending_goes_on()

    def stopProducing(self) -> None:
        """Nothing to do: the transport tells the connection itself that it is lost."""


class Sending(Lifetime):
    """Writes what is said. How long a stalled connection may stay so is `Lifetime`'s; what is said
    when, a subclass's.
    """

    __slots__ = ("_in_the_end",)

    def __init__(self, clock: IReactorTime, connections: Listening, limits: Limits) -> None:
        super().__init__(clock, connections, limits)
        self._in_the_end: Callable[[Callable[[], object]], None] | None = None

    # What the subclass knows

    @abstractmethod
    def _go_on(self) -> None:
        """Start and say what had to wait."""

    @abstractmethod
    def _say_what_is_ready(self) -> None:
        """Say the answers that may be said, now that nothing is before them."""

    @abstractmethod
    def _drop_turns(self) -> None:
        """Let go of the answers that nobody will hear."""

    # From the transport

    def connectionMade(self) -> None:
        self._in_the_end = getattr(self.transport, "in_the_end", None)
        self.transport.registerProducer(_Outflow(self), True)
        self._begin()

    def sending_stalled(self) -> None:
        """Hear from the transport that the peer reads more slowly than answers are made."""
        self._stalled = True
        self._served_at = self._clock.seconds()
        self._backlog = backlog(self.transport)
        self.watch()

    def sending_goes_on(self) -> None:
        """Hear from the transport that it takes more."""
        self._stalled = False
        self._backlog = 0
        self._served_at = self._clock.seconds()
        self._write()
        self.watch()
        if self._stream is not None:
            self._scheduler.schedule(self)
        elif self._state < CLOSED:
            self._go_on()

    # Writing

    def _write_soon(self) -> None:
        """Write at the end of the reactor's turn, together with all other connections, where the
        transport knows of it.
        """
        if self._out:
            if self._stalled:
                self._account()
            elif self._in_the_end is None:
                self._write()
            else:
                self._in_the_end(self._write)

    def _write(self) -> None:
        out = self._out
        if out and not self._stalled:
            body = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self._unsent -= len(body)
            if body:
                self.transport.write(body)

    # An answer in slices

    def _send_slice(self, stream: Stream) -> None:
        """Have the next slice made, and sent when it is there."""
        try:
            slice = run_eagerly(stream.next())
        except Exception:
            self._broken_off(Failure(), stream)
            return
        if isinstance(slice, Deferred):
            slice.addCallback(self._slice_is_there, stream).addErrback(self._broken_off, stream)
        else:
            self._slice_is_there(slice, stream)

    def _slice_is_there(self, slice: bytes | None, stream: Stream) -> None:
        if stream is not self._stream:
            return  # the connection ended meanwhile
        if slice is None:
            self._stream_is_over(stream)
        else:
            self._put(slice)
            self._record_slice(slice)
            self._unsent += len(slice)
            self._charge(len(slice) / BYTES_A_SECOND)
            self._write()
            if not self._stalled:
                self._scheduler.schedule(self)  # else when the peer has read

    def _stream_is_over(self, stream: Stream) -> None:
        self._end_stream()
        self._served_at = self._clock.seconds()
        if stream.last:
            self._state = max(self._state, STOPPED)
            self._drop_turns()
        self._say_what_is_ready()
        self._go_on()

    def _end_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self.peer.streams -= 1
            self._record_stream(self._clock.seconds())
            stream.close()

    def _broken_off(self, failure: Failure, stream: Stream) -> None:
        """Half an answer was said, and the rest cannot be had: only closing tells the peer."""
        if stream is self._stream:
            self.log.failure("an answer broke off", failure)
            self._end_stream()
            self.abort()
