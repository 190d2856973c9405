"""One connection: requests in, answers out in their order, within limits. How bytes become requests is the subclass's."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar, cast

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.wire.answers import Answer, Last, Sliced, Work
from sockcrud.wire.connections import Connections
from sockcrud.wire.pacing import LATER, Later
from sockcrud.wire.stepping import begun

__all__ = ["Answer", "Conversation", "Last", "Limits", "Sliced", "Work"]

Request = TypeVar("Request")

LAST_WORDS: Final = 30.0
"""Seconds for what was last said to be sent, to a peer that reads slowly; then the connection is cut off."""
LINGER: Final = 2.0
"""Seconds more in which the peer may close too, once all was sent."""


@frozen
class Limits:
    """What one connection may ask for. The bounds that only one framing has are that framing's."""

    in_flight: int = 128
    unsent: int = 256 * 1024
    idle: float = 300.0


@define(eq=False)
class _Turn:
    """A request that was started: its answer's place in the order."""

    answer: Answer | None = None


@implementer(IPushProducer)
class _Outflow:
    """What the transport tells of how fast the peer reads."""

    def __init__(self, conversation: Conversation[Any]) -> None:
        self._conversation = conversation

    def pauseProducing(self) -> None:
        self._conversation.sending_stalled()

    def resumeProducing(self) -> None:
        self._conversation.sending_goes_on()

    def stopProducing(self) -> None:
        """The connection is lost, which the conversation hears by itself."""


@implementer(IHalfCloseableProtocol)
class Conversation(Protocol, Generic[Request]):
    """Keeps the order, the limits and the end of a connection.

    A request may start while others are under way only where it and they do nothing but read: so requests take effect
    in their order. What cannot start yet stays where it is, and reading pauses.
    """

    farewell = b""
    """What is said last when it is this end that closes."""
    busy = b""
    """What is said to a connection too many."""

    transport: Any  # an ITransport, IConsumer and IPushProducer in one, which Twisted has no name for

    log = Logger()

    def __init__(self, clock: IReactorTime, connections: Connections, limits: Limits) -> None:
        self._clock = clock
        self._connections = connections
        self._limits = limits
        self._turns: deque[_Turn] = deque()
        self._held: Request | None = None  # taken from the input, and not allowed to start yet
        self._out: list[bytes] = []
        self._unsent = 0  # bytes of answers that are ready and not with the transport
        self._stalled = False  # the transport has enough
        self._reading = True
        self._input_ended = False  # nothing more will be read; what was read is still answered
        self._peer_ended = False  # because the peer says no more
        self._stopped = False  # nothing more will be started
        self._closed = False  # nothing more will be said
        self._pumping = False
        self._streaming = False
        self._holding = False  # the framing takes nothing more before it knows what was answered
        self._only_reading = True  # all that is under way
        self._farewell_due = False
        self._room: Deferred[None] | None = None
        self._active_at = 0.0  # the peer was heard
        self._served_at = 0.0  # the peer no longer had to wait for this end
        self._deadline: IDelayedCall | None = None
        self._in_the_end: Callable[[Callable[[], object]], None] | None = None

    # What the subclass knows

    def next_request(self) -> Request | Later | None:
        """Give the next complete request that was received, None where there is none, or LATER."""
        raise RuntimeError("a framing gives its requests")

    def respond(self, request: Request) -> Answer | Work:
        """Begin to answer. The coroutine must not fail."""
        raise RuntimeError("a framing passes its requests on")

    def only_reads(self, request: Request) -> bool:
        """Tell whether this request changes nothing."""
        return False

    def crashed(self) -> Answer:
        """Give the answer to a request that failed by a fault of ours."""
        return Last(b"")

    def too_many(self) -> bytes:
        """Give what is said to a connection too many."""
        return self.busy

    def due(self) -> float:
        """Tell by when the peer must have done something, as it looks now."""
        if (self._turns or self._streaming) and not self._stalled:
            return self._clock.seconds() + self._limits.idle
        return max(self._active_at, self._served_at) + self._limits.idle

    def overdue(self) -> None:
        """End a connection on which the peer has not done what was due."""
        if self._stalled:
            self.abort()
        else:
            self._farewell_due = True
            self._close()

    # From the transport

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._in_the_end = getattr(self.transport, "in_the_end", None)
        self.transport.registerProducer(_Outflow(self), True)
        if not self._connections.admit(self):
            self._say(Last(self.too_many()))
            self._close()
            return
        self._active_at = self._clock.seconds()
        self.watch()

    def received(self) -> None:
        """Hear from the subclass that bytes came in."""
        self._active_at = self._clock.seconds()
        self._pump()

    def readConnectionLost(self) -> None:
        """The peer says no more: what it has said is answered, then the connection closes."""
        self._input_ended = self._peer_ended = True
        if self._closed:
            self.transport.loseConnection()
        else:
            self._pump()

    def writeConnectionLost(self) -> None:
        """This end has said its last word, and waits a little for the peer to hear it."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.reset(LINGER)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = self._stopped = True
        self._connections.leave(self)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._drop_turns()
        if self._room is not None:
            room, self._room = self._room, None
            room.errback(reason)

    def sending_stalled(self) -> None:
        """Hear from the transport that the peer reads more slowly than answers are made."""
        self._stalled = True

    def sending_goes_on(self) -> None:
        """Hear from the transport that it takes more."""
        self._stalled = False
        self._served_at = self._clock.seconds()
        self._write()
        if self._room is not None:
            self._clock.callLater(0, self._make_room)
        self._pump()

    # The order

    def _pump(self) -> None:
        """Start what may be started, say what is ready to be said."""
        if self._pumping or self._closed:
            return
        self._pumping = True
        try:
            wants_more = self._start_what_may()
        finally:
            self._pumping = False
        self._write_soon()
        if self._stopped or (self._input_ended and wants_more):
            if not self._turns:
                self._close()
        else:
            self._read(wants_more)

    def _start_what_may(self) -> bool:
        """Start requests in their order; True where all that was received is started and there is room for more."""
        started = 0
        limits = self._limits
        while not (self._stopped or self._streaming or self._holding):
            if self._unsent >= limits.unsent:
                self._write()
                if self._unsent >= limits.unsent:
                    return False
            if len(self._turns) >= limits.in_flight:
                return False
            if started == limits.in_flight:
                # The other connections' turn. Nobody waits long for a peer that sends much.
                self._clock.callLater(0, self._pump)
                return False
            request = self._held if self._held is not None else self.next_request()
            if request is None:
                return True
            if request is LATER:
                self._clock.callLater(0, self._pump)
                return False
            if self._turns and not (self._only_reading and self.only_reads(request)):
                self._held = request
                return False
            self._held = None
            self._start(request)
            started += 1
        return False

    def _start(self, request: Request) -> None:
        answer: Answer | Deferred[Answer]
        try:
            work = self.respond(request)
            answer = begun(work) if isinstance(work, CoroutineType) else cast(Answer, work)
        except Exception:
            answer = self._fault()
        if isinstance(answer, bytes) and not self._turns:  # as it nearly always is
            self._unsent += len(answer)
            self._out.append(answer)
        elif not isinstance(answer, (bytes, Last, Sliced)):
            turn = _Turn()
            self._only_reading = (not self._turns or self._only_reading) and self.only_reads(request)
            self._turns.append(turn)
            answer.addBoth(self._finished, turn)
        elif self._turns:
            self._turns.append(_Turn(answer))
            self._count_unsent(answer)
        else:
            self._say(answer)

    def _fault(self, failure: Failure | None = None) -> Answer:
        self.log.failure("a request could not be answered", failure)
        return self.crashed()

    def _finished(self, outcome: Answer | Failure, turn: _Turn) -> None:
        turn.answer = answer = self._fault(outcome) if isinstance(outcome, Failure) else outcome
        self._served_at = self._clock.seconds()
        if self._closed:
            if isinstance(answer, Sliced):
                answer.close()
            return
        self._count_unsent(answer)
        self._say_what_is_ready()
        if self._reading and not (self._stopped or self._input_ended):
            self._write_soon()  # all that was received has been started
        else:
            self._pump()

    def _say_what_is_ready(self) -> None:
        while self._turns and not self._streaming and not self._stopped and (answer := self._turns[0].answer) is not None:
            self._turns.popleft()
            self._say(answer)

    # What is said

    def _count_unsent(self, answer: Answer) -> None:
        if isinstance(answer, bytes):
            self._unsent += len(answer)

    def _say(self, answer: Answer) -> None:
        if isinstance(answer, bytes):
            self._out.append(answer)
        elif isinstance(answer, Last):
            self._out.append(answer.body)
            self._unsent += len(answer.body)
            self._stopped = True
            self._drop_turns()
        else:
            self._streaming = True
            Deferred.fromCoroutine(self._stream(answer)).addErrback(self._broken_off)

    def _drop_turns(self) -> None:
        """Nobody will hear the answers that are not said yet."""
        for turn in self._turns:
            if isinstance(turn.answer, Sliced):
                turn.answer.close()
        self._turns.clear()

    def _write_soon(self) -> None:
        """Write at the end of the reactor's turn, together with all other connections, where the transport knows of it."""
        if self._out and not self._stalled:
            if self._in_the_end is None:
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

    async def _stream(self, answer: Sliced) -> None:
        try:
            async for slice in answer.slices:
                if self._closed:
                    return
                self._out.append(slice)
                self._unsent += len(slice)
                self._write()
                await self._for_room()
        finally:
            answer.close()
        self._streaming = False
        self._served_at = self._clock.seconds()
        if answer.last:
            self._stopped = True
            self._drop_turns()
        self._say_what_is_ready()
        self._pump()

    def _broken_off(self, failure: Failure) -> None:
        """Half an answer was said, and the rest cannot be had: only closing tells the peer."""
        if not self._closed:
            self.log.failure("an answer broke off", failure)
            self.abort()

    def _for_room(self) -> Deferred[None]:
        """Fire in a later turn of the reactor, and not before the transport takes more; fail when the connection is lost."""
        self._room = Deferred()
        if not self._stalled:
            self._clock.callLater(0, self._make_room)
        return self._room

    def _make_room(self) -> None:
        if self._room is not None and not self._stalled:
            room, self._room = self._room, None
            room.callback(None)

    def _read(self, reading: bool) -> None:
        if reading is not self._reading:
            self._reading = reading
            if reading:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # The end

    def finish(self) -> None:
        """Read no more, answer what was received, say farewell, close."""
        if not self._closed:
            self._read(False)
            self._input_ended = True
            self._farewell_due = True
            self._pump()

    def abort(self) -> None:
        """Close at once, whatever is unsaid."""
        self.transport.abortConnection()

    def watch(self) -> None:
        """Look again when something is due, and no later; to be called where `due` may have become earlier."""
        if self._closed:
            return
        due = self.due()
        if due == math.inf:
            return
        if self._deadline is not None and self._deadline.active():
            if self._deadline.getTime() <= due:
                return
            self._deadline.cancel()
        self._deadline = self._clock.callLater(max(due - self._clock.seconds(), 0), self._look)

    def _look(self) -> None:
        if self.due() > self._clock.seconds():
            self.watch()
        else:
            self.overdue()

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = self._stopped = True
        if self._farewell_due:
            self._out.append(self.farewell)
        body = b"".join(self._out)
        self._out.clear()
        self.transport.unregisterProducer()
        if body:
            self.transport.write(body)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = self._clock.callLater(LAST_WORDS, self.abort)
        if ITCPTransport.providedBy(self.transport) and not self._peer_ended:
            # Closing with input unread makes the kernel reset the connection, and the peer loses the answer: so the
            # last word is sent, and what the peer still says goes unheard until it has closed too.
            self._read(True)
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()
