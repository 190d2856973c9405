"""One connection: requests in, answers out in their order, within limits. How bytes become requests is the subclass's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from time import perf_counter
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar, cast

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.admission import Listening, Peer, Usage
from sockcrud.protocols.answers import Answer, CloseAfter, Stream, Work
from sockcrud.protocols.backlog import backlog, was_reset
from sockcrud.protocols.eager import run_eagerly
from sockcrud.protocols.pacing import LATER, Later
from sockcrud.protocols.scheduler import BYTES_A_SECOND, TURN_SECONDS

Request = TypeVar("Request")

HANDSHAKE: Final = 10.0
"""Seconds for the handshake of TLS."""
UNREAD: Final = 300.0
"""Seconds in which a peer has to read something of its answers, where more waits for that."""
UNREAD_LIST: Final = 10.0
"""The same in the middle of an answer that is made while it reads: such a one keeps a snapshot of the store."""
LAST_WORDS: Final = 30.0
"""Seconds for what was last said to be sent, to a peer that reads slowly; then the connection is cut off."""
LINGER: Final = 2.0
"""Seconds more in which the peer may close too, once all was sent."""
REFUSAL: Final = 5.0
"""Seconds for a connection too many to be told so."""

PROVEN_TURNS: Final = 1
"""Cheap turns in a row after which a connection goes before those that were expensive, or are not known yet. More would
be harder on who has just come than on a stranger, who can send as many."""
CLOSING_SECONDS: Final = 30e-6
"""What it takes to close a connection: ten thousand that go at the same moment are let go over several turns."""
CHEAP_REQUESTS: Final = 4
CHEAP_BYTES: Final = 16 * 1024
"""Requests, and bytes of answers, of one connection up to which its work is not worth a look at the clock."""


@frozen
class Limits:
    """What one connection may ask for. The bounds that only one framing has are that framing's."""

    in_flight: int = 128
    unsent: int = 256 * 1024
    idle: float = 300.0
    """Seconds without a complete request; `math.inf` for no end."""


class State(IntEnum):
    """What a connection does. It only ever goes on to a later state; the table is in `Connection`."""

    HANDSHAKE = 0
    OPEN = 1
    DRAINING = 2
    STOPPED = 3
    CLOSED = 4
    LOST = 5


# Looking a member up in its enumeration costs as much as ten of the tests below, and every request passes five.
_OPEN: Final = State.OPEN
_DRAINING: Final = State.DRAINING
_STOPPED: Final = State.STOPPED
_CLOSED: Final = State.CLOSED


@define(eq=False)
class _Turn:
    """A request that was started: its answer's place in the order."""

    answer: Answer | None = None


@implementer(IPushProducer)
class _Outflow:
    """What the transport tells of how fast the peer reads."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def pauseProducing(self) -> None:
        self._connection.sending_stalled()

    def resumeProducing(self) -> None:
        self._connection.sending_goes_on()

    def stopProducing(self) -> None:
        """Nothing to do: the transport tells the connection itself that it is lost."""


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class Connection(Protocol, Generic[Request]):
    """Keeps the order, the limits and the end of a connection.

    A request may start while others are under way only where it and they do nothing but read: so requests take effect
    in their order. What cannot start yet stays where it is, and reading pauses.

    | state     | what it does                                             | goes on                                     |
    |-----------|----------------------------------------------------------|---------------------------------------------|
    | HANDSHAKE | waits for TLS                                            | handshake done: OPEN                        |
    | OPEN      | reads, starts requests, answers                          | peer's end of input, `finish`: DRAINING     |
    | DRAINING  | reads no more; starts and answers what was received      | all answered: CLOSED                        |
    | STOPPED   | starts nothing more: the last answer is known            | that is written: CLOSED                     |
    | CLOSED    | says nothing more; waits a little for the peer to close  | the connection is gone: LOST                |
    | LOST      | holds nothing                                            |                                             |

    An answer that is `CloseAfter` leads from OPEN or DRAINING to STOPPED. Every state but LOST has a deadline.
    """

    # Beyond 30 attributes Python keeps them in a way that makes every look at one of them dearer.
    __slots__ = (
        "_active_at",
        "_backlog",
        "_cheap_turns",
        "_clock",
        "_connections",
        "_deadline",
        "_held",
        "_holding",
        "_in_the_end",
        "_last_words",
        "_limits",
        "_only_reading",
        "_out",
        "_peer_ended",
        "_pumping",
        "_reading",
        "_request_at",
        "_scheduler",
        "_served_at",
        "_shared",
        "_stalled",
        "_state",
        "_stream",
        "_turn_seconds",
        "_turns",
        "_unsent",
        "peer",
        "usage",
    )

    farewell = b""
    """What is said last when it is this end that closes."""
    busy = b""
    """What is said to a connection too many."""

    transport: Any  # an ITransport, IConsumer and IPushProducer in one, which Twisted has no name for
    peer: Peer

    log = Logger()

    def __init__(self, clock: IReactorTime, connections: Listening, limits: Limits) -> None:
        self._clock = clock
        self._connections = connections
        self._shared = connections.all
        self._scheduler = connections.all.scheduler
        self._limits = limits
        self.usage = Usage()
        self._state = State.OPEN
        self._turn_seconds = TURN_SECONDS  # how long the turn under way may be
        self._turns: deque[_Turn] = deque()
        self._held: Request | None = None  # taken from the input, and not allowed to start yet
        self._stream: Stream | None = None  # the answer that is being sent in slices; all others wait behind it
        self._out: list[bytes] = []
        self._unsent = 0  # bytes of answers that are ready and not with the transport
        self._backlog = 0  # bytes that the transport held when it was last looked at
        self._cheap_turns = 0  # in a row
        self._stalled = False  # the transport has enough
        self._reading = True
        self._peer_ended = False  # the peer says no more
        self._pumping = False
        self._holding = False  # the framing takes nothing more before it knows what was answered
        self._only_reading = True  # all that is under way
        self._last_words = b""
        self._active_at = 0.0  # the peer was heard
        self._request_at = 0.0  # a complete request was heard
        self._served_at = 0.0  # the peer no longer had to wait for this end
        self._deadline: IDelayedCall | None = None
        self._in_the_end: Callable[[Callable[[], object]], None] | None = None

    # What the subclass knows

    def next_request(self) -> Request | Later | None:
        """Return the next complete request that was received; None where there is none, LATER before it is known."""
        raise RuntimeError("a framing gives its requests")

    def respond(self, request: Request) -> Answer | Work:
        """Begin to answer. The coroutine must not fail."""
        raise RuntimeError("a framing passes its requests on")

    def only_reads(self, request: Request) -> bool:
        """Return whether this request changes nothing."""
        return False

    def crashed(self) -> Answer:
        """Return the answer to a request that failed by a fault of ours."""
        return CloseAfter(b"")

    def too_many(self) -> bytes:
        """Return what is said to a connection too many."""
        return self.busy

    @property
    def pending(self) -> int:
        """Return how many bytes of a request that is not complete are held."""
        return 0

    def due(self) -> float:
        """Return by when the peer must have done something, as it looks now."""
        if self._turns or self._stream is not None:
            return self._clock.seconds() + self._limits.idle
        return max(self._request_at, self._served_at) + self._limits.idle

    def overdue(self) -> None:
        """End a connection on which the peer has not done what was due."""
        self._last_words = self.farewell
        self._close()

    # From the transport

    def connectionMade(self) -> None:
        transport = self.transport
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
        self._in_the_end = getattr(transport, "in_the_end", None)
        self.peer = self._shared.peer(getattr(transport.getPeer(), "host", ""))
        self._active_at = self._request_at = self._clock.seconds()
        transport.registerProducer(_Outflow(self), True)
        if not self._connections.admit(self):
            self._turn_away()
            return
        if ISSLTransport.providedBy(transport):
            self._state = State.HANDSHAKE
        elif self._scheduler.exhausted:
            self._later()
        self.watch()

    def _turn_away(self) -> None:
        """Tell a connection too many why it is closed, unless there are many of its kind."""
        self._state = State.STOPPED
        if self._shared.linger(self):
            self._out.append(self.too_many())
            self._close(REFUSAL)
        else:
            self._state = State.CLOSED
            self.abort()

    def handshakeCompleted(self) -> None:
        """Hear that TLS is ready."""
        if self._state is State.HANDSHAKE:
            self._state = State.OPEN
            self._active_at = self._request_at = self._clock.seconds()
            self.watch()

    def received(self) -> None:
        """Hear from the subclass that bytes came in."""
        self._active_at = self._clock.seconds()
        if self._scheduler.exhausted:
            self._later()
        else:
            self._pump()

    def _later(self) -> None:
        """Go on in a turn of its own; what comes before stays with the system."""
        self._read(False)
        self._scheduler.schedule(self, self._cheap_turns >= PROVEN_TURNS)

    def readConnectionLost(self) -> None:
        """The peer says no more: what it has said is answered, then the connection closes."""
        self._peer_ended = True
        if self._state >= _CLOSED:
            self.transport.loseConnection()
            return
        self._state = max(self._state, State.DRAINING)
        if self._scheduler.exhausted:
            self._scheduler.schedule(self)
        else:
            self._scheduler.charge(CLOSING_SECONDS)
            self._pump()

    def writeConnectionLost(self) -> None:
        """This end has said its last word, and waits a little for the peer to hear it."""
        self._set_deadline(LINGER, self._leave)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._state = State.LOST
        self._connections.leave(self)
        self._cancel_deadline()
        self._drop_turns()
        self._end_stream()
        self._out.clear()
        self._held = None
        self._in_the_end = None  # the transport's

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
        elif self._state < _CLOSED:
            self._go_on()

    # The order

    def _go_on(self) -> None:
        if self._scheduler.exhausted:
            self._scheduler.schedule(self, self._cheap_turns >= PROVEN_TURNS)
        else:
            self._pump()

    @property
    def peer_key(self) -> str:
        """Return what all connections of one peer have in common."""
        return self.peer.key

    def take_turn(self, seconds: float) -> None:
        """Go on with what a turn before had no time for."""
        if self._state < _CLOSED and was_reset(self.transport):
            self.abort()  # ten thousand that ask for much and do not wait for it cost no more than that
        elif self._stream is None:
            self._turn_seconds = seconds
            self._pump()
            self._turn_seconds = TURN_SECONDS
        elif not self._stalled:
            self._send_slice(self._stream)

    def _pump(self) -> None:
        """Start what may be started, say what is ready to be said."""
        if self._pumping or self._state >= _CLOSED:
            return
        self._pumping = True
        try:
            wants_more = self._start_what_may()
        finally:
            self._pumping = False
        if self._unsent > CHEAP_BYTES:
            self._charge(self._unsent / BYTES_A_SECOND)
        if self._out:
            self._write_soon()
        if self._state is _OPEN:
            if wants_more is not self._reading:
                self._read(wants_more)
        elif (self._state is _STOPPED or wants_more) and not self._turns and self._stream is None:
            self._close()

    def _start_what_may(self) -> bool:
        """Start requests in their order; return True where all that was received is started and there is room for more."""
        started = 0
        began, now = 0.0, perf_counter
        unfinished = True  # what was received holds no complete request
        limits = self._limits
        while (self._state is _OPEN or self._state is _DRAINING) and self._stream is None and not self._holding:
            if self._unsent >= limits.unsent:
                self._write()
                if not self._stalled:
                    self._scheduler.schedule(self)
                return False
            if len(self._turns) >= limits.in_flight:
                return False
            request = self._held if self._held is not None else self.next_request()
            if request is None:
                if started > CHEAP_REQUESTS:
                    self._charge(now() - began)
                elif unfinished or self.usage.unfinished:
                    self._account()
                else:
                    self._cheap_turns += 1
                return True
            if started:
                if started == 1:  # a turn that is a single request needs no clock
                    now = self._scheduler.now
                    began = now()
                elif started == limits.in_flight or now() - began > self._turn_seconds:
                    # The other connections' turn. Nobody waits long for a peer that sends much.
                    self._held = None if request is LATER else request
                    self._charge(now() - began)
                    self._scheduler.schedule(self)
                    return False
            started += 1
            if request is LATER:
                unfinished = True
                continue
            if self._turns and not (self._only_reading and self.only_reads(request)):
                self._held = request
                return False
            self._held = None
            unfinished = False
            self._start(request)
        return False

    def _charge(self, seconds: float) -> None:
        """Take note of work that was not cheap."""
        self._cheap_turns = 0
        self._scheduler.charge(seconds)

    def _start(self, request: Request) -> None:
        answer: Answer | Deferred[Answer]
        self._request_at = self._active_at
        try:
            work = self.respond(request)
            answer = run_eagerly(work) if isinstance(work, CoroutineType) else cast(Answer, work)
        except Exception:
            answer = self._fault()
        if isinstance(answer, bytes) and not self._turns:  # as it nearly always is
            self._unsent += len(answer)
            self._out.append(answer)
        elif not isinstance(answer, (bytes, CloseAfter, Stream)):
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
        if self._state >= _CLOSED:
            if isinstance(answer, Stream):
                answer.close()
            return
        self._count_unsent(answer)
        self._say_what_is_ready()
        if self._reading and self._state is _OPEN:
            self._write_soon()  # all that was received has been started
        else:
            self._go_on()

    def _say_what_is_ready(self) -> None:
        while self._turns and self._stream is None and self._state < _STOPPED and (answer := self._turns[0].answer) is not None:
            self._turns.popleft()
            self._say(answer)

    # What is said

    def _count_unsent(self, answer: Answer) -> None:
        if isinstance(answer, bytes):
            self._unsent += len(answer)

    def _account(self) -> None:
        """Tell the daemon what this connection holds because its peer neither reads nor finishes what it began."""
        unsent = self._unsent + self._backlog if self._stalled else 0
        pending = self.pending
        if pending - self.usage.unfinished > CHEAP_BYTES:  # to take them in was work, too
            self._charge((pending - self.usage.unfinished) / BYTES_A_SECOND)
        self._shared.account(self, unsent, pending)

    def _say(self, answer: Answer) -> None:
        if isinstance(answer, bytes):
            self._out.append(answer)
        elif isinstance(answer, CloseAfter):
            self._out.append(answer.body)
            self._unsent += len(answer.body)
            self._state = State.STOPPED
            self._drop_turns()
        elif not self.peer.is_local and self.peer.streams >= self._shared.shares.streams:
            answer.close()
            self._say(CloseAfter(self.too_many()))
        else:
            self._stream = answer
            self.peer.streams += 1
            if self._scheduler.exhausted:
                self._scheduler.schedule(self)
            else:
                self._send_slice(answer)

    def _drop_turns(self) -> None:
        """Nobody will hear the answers that are not said yet."""
        for turn in self._turns:
            if isinstance(turn.answer, Stream):
                turn.answer.close()
        self._turns.clear()

    def _write_soon(self) -> None:
        """Write at the end of the reactor's turn, together with all other connections, where the transport knows of it."""
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
            slice = run_eagerly(_next_slice(stream))
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
            self._out.append(slice)
            self._unsent += len(slice)
            self._charge(len(slice) / BYTES_A_SECOND)
            self._write()
            if not self._stalled:
                self._scheduler.schedule(self)  # else when the peer has read

    def _stream_is_over(self, stream: Stream) -> None:
        self._end_stream()
        self._served_at = self._clock.seconds()
        if stream.last:
            self._state = max(self._state, State.STOPPED)
            self._drop_turns()
        self._say_what_is_ready()
        self._go_on()

    def _end_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self.peer.streams -= 1
            stream.close()

    def _broken_off(self, failure: Failure, stream: Stream) -> None:
        """Half an answer was said, and the rest cannot be had: only closing tells the peer."""
        if stream is self._stream:
            self.log.failure("an answer broke off", failure)
            self._end_stream()
            self.abort()

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
        if self._state is State.HANDSHAKE:
            self.abort()
        elif self._state < _CLOSED:
            self._read(False)
            self._state = max(self._state, State.DRAINING)
            self._last_words = self.farewell
            self._pump()

    def abort(self) -> None:
        """Close at once, whatever is unsaid."""
        self.transport.abortConnection()

    def watch(self) -> None:
        """Look again when something is due, and no later; to be called where `due` may have become earlier."""
        if self._state >= _CLOSED:
            return
        self._account()
        due = self._next_due()
        if self._deadline is not None and self._deadline.active():
            if self._deadline.getTime() <= due:
                return
            self._deadline.cancel()
        if due < float("inf"):
            self._deadline = self._clock.callLater(max(due - self._clock.seconds(), 0), self._look)

    def _next_due(self) -> float:
        if self._state is State.HANDSHAKE:
            return self._active_at + HANDSHAKE
        if self._stalled:
            return self._served_at + (UNREAD if self._stream is None else UNREAD_LIST)
        return self.due()

    def _look(self) -> None:
        if self._stalled and (left := backlog(self.transport)) < self._backlog:
            self._backlog = left  # slow, but it reads
            self._served_at = self._clock.seconds()
            self._account()
        if self._next_due() > self._clock.seconds():
            self.watch()
        elif self._stalled or self._state is State.HANDSHAKE:
            self.abort()
        else:
            self.overdue()

    def _close(self, patience: float = LAST_WORDS) -> None:
        if self._state >= _CLOSED:
            return
        self._state = State.CLOSED
        body = b"".join(self._out) + self._last_words
        self._out.clear()
        self._unsent = 0
        self.transport.unregisterProducer()
        if body:
            self.transport.write(body)
        self._set_deadline(patience, self.abort)
        if ISSLTransport.providedBy(self.transport):
            # TLS has a last word of its own, which goes out behind all that was written. Closing half of the connection
            # below it would cut both off.
            self.transport.loseConnection()
        elif ITCPTransport.providedBy(self.transport) and not self._peer_ended:
            # Closing with input unread makes the kernel reset the connection, and the peer loses the answer: so the
            # last word is sent, and what the peer still says goes unheard until it has closed too.
            self._read(True)
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def _leave(self) -> None:
        """Close, now that the peer has had the time to do so. What the system has still to send it goes on to send."""
        self._set_deadline(LINGER, self.abort)
        self.transport.loseConnection()

    def _set_deadline(self, seconds: float, call: Callable[[], object]) -> None:
        self._cancel_deadline()
        self._deadline = self._clock.callLater(seconds, call)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None


async def _next_slice(stream: Stream) -> bytes | None:
    async for slice in stream.slices:
        return slice
    return None
