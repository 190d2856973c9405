"""A connection from its first moment to its last: how it is taken in, by when its peer must have
done what, how it ends.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime, ISSLTransport, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.protocols.admission import Listening, Peer, Usage
from sockcrud.protocols.answers import Stream
from sockcrud.protocols.backlog import backlog
from sockcrud.protocols.recording import Recorded
from sockcrud.protocols.scheduler import BYTES_A_SECOND, Scheduler
from sockcrud.protocols.state import CLOSED, DRAINING, HANDSHAKE, LOST, OPEN, STOPPED, State

HANDSHAKE_SECONDS: Final = 10.0
"""For the handshake of TLS."""
UNREAD: Final = 300.0
"""Seconds in which a peer has to read something of its answers, where more waits for that."""
UNREAD_LIST: Final = 10.0
"""The same in the middle of an answer that is made while it reads: such a one keeps a snapshot of
the store.
"""
LAST_WORDS: Final = 30.0
"""Seconds for what was last said to be sent, to a peer that reads slowly; then the connection is
cut off.
"""
LINGER: Final = 2.0
"""Seconds more in which the peer may close too, once all was sent."""
REFUSAL: Final = 5.0
"""Seconds for a connection too many to be told so."""
PROVEN_TURNS: Final = 1
"""Cheap turns in a row after which a connection goes before those that were expensive, or are not
known yet. More would be harder on who has just come than on a stranger, who can send as many."""
CHEAP_BYTES: Final = 16 * 1024
"""Bytes of one connection, come or answered, up to which its work is not worth a look at the clock.
"""
CLOSING_SECONDS: Final = 30e-6
"""What it takes to close a connection: ten thousand that go at the same moment are let go over
several turns.
"""


@frozen
class Limits:
    """What one connection may ask for. The bounds that only one framing has are that framing's."""

    in_flight: int = 128
    unsent: int = 256 * 1024
    idle: float = 300.0
    """Seconds without a complete request; `math.inf` for no end."""


class Deadline:
    """The one timer of a connection."""

    __slots__ = ("_call", "_clock")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None

    def set(self, seconds: float, call: Callable[[], object]) -> None:
        """Call it after so many seconds, instead of what was to be called."""
        self.cancel()
        self._call = self._clock.callLater(seconds, call)

    def set_no_later(self, due: float, call: Callable[[], object]) -> None:
        """Call it at that time, unless the timer ends before anyway; at infinity never."""
        if self._call is not None and self._call.active():
            if self._call.getTime() <= due:
                return
            self._call.cancel()
        if due < float("inf"):
            self._call = self._clock.callLater(max(due - self._clock.seconds(), 0), call)

    def cancel(self) -> None:
        """Call nothing."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()


class Lifetime(Recorded):
    """Takes a connection through its states, with a deadline in each of them; what is asked and
    answered is a subclass's.
    """

    __slots__ = (
        "_active_at",
        "_backlog",
        "_cheap_turns",
        "_clock",
        "_connections",
        "_deadline",
        "_last_words",
        "_limits",
        "_out",
        "_peer_ended",
        "_request_at",
        "_scheduler",
        "_served_at",
        "_shared",
        "_stalled",
        "_state",
        "_stream",
        "_unsent",
        "paused",
        "peer",
        "usage",
    )

    farewell = b""
    """What is said last when it is this end that closes."""
    busy = b""
    """What is said to a connection too many."""

    transport: (
        Any  # an ITransport, IConsumer and IPushProducer in one, which Twisted has no name for
    )
    peer: Peer
    usage: Usage

    log = Logger()

    _state: State
    _scheduler: Scheduler

    def __init__(self, clock: IReactorTime, connections: Listening, limits: Limits) -> None:
        super().__init__()
        self._clock = clock
        self._connections = connections
        self._shared = connections.all
        self._scheduler = connections.all.scheduler
        self._limits = limits
        self.usage = Usage()
        self._state = OPEN
        self._deadline = Deadline(clock)
        self._out: list[bytes] = []  # what is said and not with the transport
        self._unsent = 0  # bytes of answers that are ready and not with the transport
        self._stream: Stream | None = (
            None  # the answer that is being sent in slices; all others wait behind it
        )
        self._backlog = 0  # bytes that the transport held when it was last looked at
        self._stalled = False  # the transport has enough
        self._cheap_turns = 0  # in a row
        self.paused = False  # nothing is read; LineReceiver has the word for it
        self._peer_ended = False  # the peer says no more
        self._last_words = b""
        self._active_at = 0.0  # the peer was heard
        self._request_at = 0.0  # a complete request was heard
        self._served_at = 0.0  # the peer no longer had to wait for this end

    # What the subclass knows

    @property
    def pending(self) -> int:
        """Return how many bytes of a request that is not complete are held."""
        return 0

    @property
    @abstractmethod
    def is_at_work(self) -> bool:
        """Return whether an answer is being made."""

    def too_many(self) -> bytes:
        """Return what is said to a connection too many."""
        return self.busy

    def due(self) -> float:
        """Return by when the peer must have done something, as it looks now."""
        if self.is_at_work:
            return self._clock.seconds() + self._limits.idle
        return max(self._request_at, self._served_at) + self._limits.idle

    def overdue(self) -> None:
        """End a connection on which the peer has not done what was due."""
        self._because("idle for too long")
        self._last_words = self.farewell
        self._close()

    @abstractmethod
    def _pump(self) -> None:
        """Start what may be started, write what is ready; close where that was all."""

    @abstractmethod
    def _put(self, data: bytes) -> None:
        """Have bytes written, behind all that was said before."""

    @abstractmethod
    def _drop(self) -> None:
        """Let go of all requests and answers."""

    # The beginning

    def _begin(self) -> None:
        """Ask for admission; begin to read, or tell a connection too many why it is closed."""
        transport = self.transport
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
        address = getattr(transport.getPeer(), "host", "")
        self.peer = self._shared.peer(address)
        self._begin_record(self._shared.recorder, self._connections.dialect, address)
        self._active_at = self._request_at = self._clock.seconds()
        if not self._connections.admit(self):
            self._turn_away()
            return
        if ISSLTransport.providedBy(transport):
            self._state = HANDSHAKE
        elif self._scheduler.exhausted:
            self._later()
        self.watch()

    def _turn_away(self) -> None:
        """Tell a connection too many why it is closed, unless there are many of its kind."""
        self._state = STOPPED
        self._because("too many connections are open")
        if self._shared.linger(self):
            self._put(self.too_many())
            self._close(REFUSAL)
        else:
            self._state = CLOSED
            self.abort()

    def handshakeCompleted(self) -> None:
        """Hear that TLS is ready."""
        if self._state is HANDSHAKE:
            self._state = OPEN
            self._active_at = self._request_at = self._clock.seconds()
            self.watch()

    # What it takes of what all share

    def _later(self) -> None:
        """Go on in a turn of its own; what comes before stays with the system."""
        self._read(False)
        self._scheduler.schedule(self, self._cheap_turns >= PROVEN_TURNS)

    def _charge(self, seconds: float) -> None:
        """Take note of work that was not cheap."""
        self._cheap_turns = 0
        self._scheduler.charge(seconds)

    def _account(self) -> None:
        """Tell the daemon what this connection holds because its peer neither reads nor finishes
        what it began.
        """
        unsent = self._unsent + self._backlog if self._stalled else 0
        pending = self.pending
        if pending - self.usage.unfinished > CHEAP_BYTES:  # to take them in was work, too
            self._charge((pending - self.usage.unfinished) / BYTES_A_SECOND)
        self._shared.account(self, unsent, pending)

    @property
    def peer_key(self) -> str:
        """Return what all connections of one peer have in common."""
        return self.peer.key

    @abstractmethod
    def take_turn(self, seconds: float) -> None:
        """Go on with what a turn before had no time for."""

    def _read(self, reading: bool) -> None:
        if reading is self.paused:
            self.paused = not reading
            if reading:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # By when the peer must have done what

    def watch(self) -> None:
        """Look again when something is due, and no later; to be called where `due` may have become
        earlier.
        """
        if self._state < CLOSED:
            self._account()
            self._deadline.set_no_later(self._next_due(), self._look)

    def _next_due(self) -> float:
        if self._state is HANDSHAKE:
            return self._active_at + HANDSHAKE_SECONDS
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
        elif self._stalled or self._state is HANDSHAKE:
            self._because("the answers were not read" if self._stalled else "no TLS handshake")
            self.abort()
        else:
            self.overdue()

    # The end

    def readConnectionLost(self) -> None:
        """The peer says no more: what it has said is answered, then the connection closes."""
        self._peer_ended = True
        if self._state >= CLOSED:
            self.transport.loseConnection()
            return
        self._state = max(self._state, DRAINING)
        if self._scheduler.exhausted:
            self._scheduler.schedule(self)
        else:
            self._scheduler.charge(CLOSING_SECONDS)
            self._pump()

    def finish(self) -> None:
        """Read no more, answer what was received, say farewell, close."""
        self._because("the daemon stops")
        if self._state is HANDSHAKE:
            self.abort()
        elif self._state < CLOSED:
            self._read(False)
            self._state = max(self._state, DRAINING)
            self._last_words = self.farewell
            self._pump()

    def abort(self) -> None:
        """Close at once, whatever is unsaid."""
        self.transport.abortConnection()

    def _close(self, patience: float = LAST_WORDS) -> None:
        if self._state >= CLOSED:
            return
        self._state = CLOSED
        if self._last_words:
            self._put(self._last_words)
        body = b"".join(self._out)
        self._out.clear()
        self._unsent = 0
        self.transport.unregisterProducer()
        if body:
            self.transport.write(body)
        self._deadline.set(patience, self.abort)
        if ISSLTransport.providedBy(self.transport):
            # TLS has a last word of its own, which goes out behind all that was written. Closing
            # half of the connection below it would cut both off.
            self.transport.loseConnection()
        elif ITCPTransport.providedBy(self.transport) and not self._peer_ended:
            # Closing with input unread makes the kernel reset the connection, and the peer loses
            # the answer: so the last word is sent, and what the peer still says goes unheard until
            # it has closed too.
            self._read(True)
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """This end has said its last word, and waits a little for the peer to hear it."""
        self._deadline.set(LINGER, self._leave)

    def _leave(self) -> None:
        """Close, now that the peer has had the time to do so. What the system has still to send it
        goes on to send.
        """
        self._deadline.set(LINGER, self.abort)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._state = LOST
        self._record_unfinished()
        self._end_record(reason)
        self._connections.leave(self)
        self._deadline.cancel()
        self._drop()
