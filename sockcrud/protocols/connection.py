"""One connection: requests in, answers out in their order, within limits. How bytes become requests
is a framer's.

Every request passes `_start`, and every byte that is said passes `_put`, both in the order in which
the peer sees them: whoever wants to watch the traffic of a connection needs these two places and no
other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar, cast

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.admission import Listening
from sockcrud.protocols.answers import Answer, CloseAfter, Stream, Work
from sockcrud.protocols.backlog import was_reset
from sockcrud.protocols.eager import run_eagerly
from sockcrud.protocols.framing import Framing, LineReader
from sockcrud.protocols.lifetime import CHEAP_BYTES, PROVEN_TURNS, Limits
from sockcrud.protocols.pacing import LATER, Later
from sockcrud.protocols.receive_buffer import append_received
from sockcrud.protocols.recording import CUT, cut
from sockcrud.protocols.scheduler import BYTES_A_SECOND, TURN_SECONDS
from sockcrud.protocols.sending import Sending
from sockcrud.protocols.state import CLOSED, DRAINING, OPEN, STOPPED, State

__all__ = ["Connection", "Limits", "State"]

Request = TypeVar("Request")

CHEAP_REQUESTS: Final = 4
"""Requests of one connection up to which its work is not worth a look at the clock."""


@define(eq=False)
class _Turn:
    """A request that was started: its answer's place in the order, and what is recorded of it."""

    answer: Answer | None = None
    raw: bytes | bytearray | None = None
    at: float = 0.0
    who: Any = None


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class Connection(Sending, Generic[Request]):
    """Keeps the order and the limits of a connection; how it writes is `Sending`'s, how it lives
    and ends `Lifetime`'s.

    A request may start while others are under way only where it and they do nothing but read: so
    requests take effect in their order. What cannot start yet stays where it is, and reading
    pauses.

    It is Twisted's LineReceiver. A line that has come whole comes by `lineReceived`; whatever is no
    line, or not yet, by `rawDataReceived`, which feeds the framer. Where that one is a
    `LineReader`, line mode is back as soon as it holds nothing; any other framer gets everything
    raw. LineReceiver's own `dataReceived` is overridden, for two reasons: a line is to wait in the
    buffer until its request may start, and the work is to be linear in the bytes, where
    LineReceiver copies all that waits with each line, and with each piece that comes.
    """

    # Beyond 30 attributes Python keeps them in a way that makes every look at one of them dearer.
    __slots__ = (
        "_at",
        "_buffer",
        "_framer",
        "_held",
        "_holding",
        "_lines",
        "_only_reading",
        "_pumping",
        "_received",
        "_turn_seconds",
        "_turns",
        "_waiting",
        "line_mode",
    )

    delimiter = b"\n"

    _framer: Framing[Request]

    def __init__(
        self, clock: IReactorTime, connections: Listening, limits: Limits, framer: Framing[Request]
    ) -> None:
        super().__init__(clock, connections, limits)
        self._framer = framer
        self._lines: Any = framer if isinstance(framer, LineReader) else None
        self.line_mode = self._lines is not None
        self._buffer: bytes | bytearray = b""  # type: ignore[assignment]  # what has come in line mode
        self._at = 0  # where the next line in it begins
        self._received: Request | None = None  # the request that the last line is
        self._held: Request | None = None  # taken from the input, and not allowed to start yet
        self._turns: deque[_Turn] = deque()
        self._waiting = 0  # of these, those whose answers are not known yet
        self._turn_seconds = TURN_SECONDS  # how long the turn under way may be
        self._pumping = False
        self._holding = False  # the framing takes nothing more before it knows what was answered
        self._only_reading = True  # all that is under way
        if connections.all.interfere is not None and not connections.reserved:
            connections.all.interfere(self)

    @property
    def dialect(self) -> str:
        """The name of the dialect that it speaks."""
        return self._connections.dialect

    # What the subclass knows

    def nothing_complete(self) -> None:
        """Hear that all is taken from what was received but, perhaps, the beginning of a
        request.
        """
        if self._lines is not None and self._lines.is_idle:
            self.line_mode = True

    def respond(self, request: Request) -> Answer | Work:
        """Begin to answer. The coroutine must not fail."""
        raise RuntimeError("a framing passes its requests on")

    def only_reads(self, request: Request) -> bool:
        """Return whether this request changes nothing."""
        return False

    def crashed(self) -> Answer:
        """Return the answer to a request that failed by a fault of ours."""
        return CloseAfter(b"")

    # What comes in

    def dataReceived(self, data: bytes) -> None:
        """Take in what was received, and go on with it."""
        if self._state >= STOPPED:
            return
        if (
            self.line_mode
            and self._at == len(self._buffer)
            and data.find(b"\n") == len(data) - 1
            and self._state is OPEN
            and not (self._turns or self.paused or self._pumping or self._scheduler.exhausted)
        ):
            self._active_at = self._clock.seconds()
            line = data[:-1]
            self.lineReceived(line)
            request, self._received = self._received, None
            if request is None:
                self._pump()
            else:
                if self._recorder is not None:
                    self._raw = line
                self._start_alone(request)
            return
        if not self.line_mode:
            if self._recorder is not None:
                if self._came is None:
                    self._came = data
                else:
                    self._feed_intake(data)
            self.rawDataReceived(data)
        elif self._at == len(
            self._buffer
        ):  # as it is nearly always: all lines that came before are taken
            self._buffer = data
            self._at = 0
        else:
            self._buffer = append_received(self._buffer, self._at, data)
            self._at = 0
        self._active_at = self._clock.seconds()
        if self._scheduler.exhausted:
            self._later()
        else:
            self._pump()

    def lineReceived(self, line: bytes | bytearray) -> None:
        """Take in a line, which comes without its LF. What only the framer can take apart, it gets,
        with all behind it.
        """
        self._received = request = self._lines.read_line(line)
        if request is None:
            self._go_raw(bytes(line) + b"\n" + self.clearLineBuffer())

    def rawDataReceived(self, data: bytes) -> None:
        """Take in bytes that are no line, or not yet."""
        self._framer.feed(data)

    def _go_raw(self, data: bytes) -> None:
        self.setRawMode()  # type: ignore[no-untyped-call]
        if self._recorder is not None:
            self._feed_intake(data)
        self.rawDataReceived(data)

    def clearLineBuffer(self) -> bytes:
        """Return what of the lines is not taken, and keep nothing of it."""
        rest = bytes(self._buffer[self._at :])
        self._buffer, self._at = b"", 0
        return rest

    def next_request(self) -> Request | Later | None:
        """Return the next complete request that was received; None where there is none, LATER
        before it is known.
        """
        if self.line_mode:
            buffer, at = self._buffer, self._at
            if at == len(buffer):
                self._buffer, self._at = b"", 0  # many would keep their last 256 KiB each
                return None
            end = buffer.find(b"\n", at)
            if end >= 0:
                self._at = end + 1
                line = buffer[at:end]
                self.lineReceived(line)
                if self._received is not None:
                    if self._recorder is not None:
                        self._raw = line
                    request, self._received = self._received, None
                    return request
            else:
                self._go_raw(self.clearLineBuffer())
        found = self._framer.next()
        if found is None:
            self.nothing_complete()
        elif self._recorder is not None and found is not LATER:
            self._take_bytes(found)
        return found

    def _take_bytes(self, request: Request) -> None:
        """Have the request recorded that was just taken, as what it was read from."""
        self._raw = self._take_intake(self._framer.pending)

    @property
    def pending(self) -> int:
        return len(self._buffer) - self._at + self._framer.pending

    def readConnectionLost(self) -> None:
        self._framer.end()
        super().readConnectionLost()

    # The order

    def _go_on(self) -> None:
        if self._scheduler.exhausted:
            self._scheduler.schedule(self, self._cheap_turns >= PROVEN_TURNS)
        else:
            self._pump()

    def take_turn(self, seconds: float) -> None:
        """Go on with what a turn before had no time for."""
        if self._state < CLOSED and was_reset(self.transport):
            # ten thousand that ask for much and do not wait for it cost no more than that
            self._because("the peer reset it")
            self.abort()
        elif self._stream is None:
            self._turn_seconds = seconds
            self._pump()
            self._turn_seconds = TURN_SECONDS
        elif not self._stalled:
            self._send_slice(self._stream)

    def _pump(self) -> None:
        """Start what may be started, say what is ready to be said."""
        if self._pumping or self._state >= CLOSED:
            return
        self._pumping = True
        try:
            wants_more = self._start_what_may()
        finally:
            self._pumping = False
        if self._unsent > CHEAP_BYTES:
            self._charge(self._unsent / BYTES_A_SECOND)
        recorder = self._recorder
        if recorder is not None and len(recorder.kept) > recorder.most:
            recorder.trim()
        if self._out:
            self._write_soon()
        if self._state is OPEN:
            if wants_more is self.paused:
                self._read(wants_more)
        elif (self._state is STOPPED or wants_more) and not self._turns and self._stream is None:
            self._close()

    def _start_alone(self, request: Request) -> None:
        """Start the one request that has come, on a connection that is not at work.

        This is what `_pump` comes to, with nothing to look for: most clients send a line, and the
        next one when it is answered.
        """
        self._pumping = True
        try:
            self._start(request)
        finally:
            self._pumping = False
        if self._state is not OPEN or self._unsent > CHEAP_BYTES or self._stream is not None:
            self._pump()
            return
        recorder = self._recorder
        if recorder is not None and len(recorder.kept) > recorder.most:
            recorder.trim()
        if self.usage.unfinished:
            self._account()
        else:
            self._cheap_turns += 1
        recorder = self._recorder
        if recorder is not None and len(recorder.kept) > recorder.most:
            recorder.trim()
        if self._out:
            self._write_soon()

    def _start_what_may(self) -> bool:
        """Start requests in their order; return True where all that was received is started and
        there is room for more.
        """
        started = 0
        began, now = 0.0, perf_counter
        unfinished = True  # what was received holds no complete request
        limits = self._limits
        while (
            (self._state is OPEN or self._state is DRAINING)
            and self._stream is None
            and not self._holding
        ):
            if self._unsent >= limits.unsent:
                self._write()
                if not self._stalled:
                    self._scheduler.schedule(self)
                return False
            if self._waiting and (
                len(self._turns) >= limits.in_flight or not self._shared.may_pipeline(self.peer)
            ):
                return False  # until one of its own has ended
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

    def _start(self, request: Request) -> None:
        """Have a request answered. All requests pass here, in their order, once they may start."""
        answer: Answer | Deferred[Answer]
        self._request_at = self._active_at
        try:
            work = self.respond(request)
            if isinstance(work, CoroutineType):
                answer = run_eagerly(work, self._resume)
            else:
                answer = cast(Answer, work)
        except Exception:
            answer = self._fault()
        if isinstance(answer, bytes) and not self._turns:  # as it nearly always is
            size = len(answer)
            self._unsent += size
            self._put(answer)
            if (raw := self._raw) is not None:  # as `_keep` does it, whose call would cost as much
                kept = answer if size <= CUT else cut(answer, size)
                entry = (self._origin, self._active_at, raw, kept, None, self._who)
                self._recorder.kept.append(entry)  # type: ignore[union-attr]
        elif not isinstance(answer, (bytes, CloseAfter, Stream)):
            turn = _Turn(raw=self._raw, at=self._active_at)
            self._only_reading = (not self._turns or self._only_reading) and self.only_reads(
                request
            )
            self._turns.append(turn)
            if self._waiting:
                self._shared.pipelined += 1
                self.peer.pipelined += 1
            self._waiting += 1
            answer.addBoth(self._finished, turn)
        elif self._turns:
            turn = _Turn(answer, self._raw, self._active_at)
            self._turns.append(turn)
            self._count_unsent(answer)
            self._record_answer(turn, None)
        else:
            turn = _Turn(answer, self._raw, self._active_at)
            self._record_answer(turn, None)
            self._say(answer, turn)

    def _resume(self, go_on: Callable[[Any], None], outcome: Any) -> None:
        """Have an operation go on that has waited."""
        # Changes that were sent together are made one after the other: each of them is cheap.
        light = self._waiting == 1 or self._cheap_turns >= PROVEN_TURNS
        self._scheduler.resume(self.peer.key, light, go_on, outcome)

    def _fault(self, failure: Failure | None = None) -> Answer:
        self.log.failure("a request could not be answered", failure)
        return self.crashed()

    def _finished(self, outcome: Answer | Failure, turn: _Turn) -> None:
        turn.answer = answer = self._fault(outcome) if isinstance(outcome, Failure) else outcome
        self._served_at = self._clock.seconds()
        self._record_answer(turn, self._served_at - turn.at)
        self._waiting -= 1
        if self._waiting:
            self._shared.pipelined -= 1
            self.peer.pipelined -= 1
        if self._state >= CLOSED:
            if isinstance(answer, Stream):
                answer.close()
            return
        self._count_unsent(answer)
        self._say_what_is_ready()
        if not self.paused and self._state is OPEN:
            self._write_soon()  # all that was received has been started
        else:
            self._go_on()

    def _say_what_is_ready(self) -> None:
        while (
            self._turns
            and self._stream is None
            and self._state < STOPPED
            and (answer := self._turns[0].answer) is not None
        ):
            self._say(answer, self._turns.popleft())

    # What is said

    def _count_unsent(self, answer: Answer) -> None:
        if isinstance(answer, bytes):
            self._unsent += len(answer)

    def _put(self, data: bytes) -> None:
        """Have bytes written, behind all that was said before. All that is said passes here, in its
        order.
        """
        self._out.append(data)

    def _record_unfinished(self) -> None:
        if self._recorder is not None and not self.line_mode and self.pending:
            self._who = None
            self._keep(self._take_intake(0), b"", self._active_at, None)

    def _record_answer(self, turn: _Turn, seconds: float | None) -> None:
        """Have an answer recorded; one in slices is when all of it was said."""
        if turn.raw is not None and turn.answer is not None:
            turn.who = self._who
            if not isinstance(turn.answer, Stream):
                answer = turn.answer.body if isinstance(turn.answer, CloseAfter) else turn.answer
                self._keep(turn.raw, answer, turn.at, seconds)

    def _say(self, answer: Answer, turn: _Turn | None = None) -> None:
        if isinstance(answer, bytes):
            self._put(answer)
        elif isinstance(answer, CloseAfter):
            self._put(answer.body)
            self._unsent += len(answer.body)
            self._state = STOPPED
            self._because("closed behind an answer")
            self._drop_turns()
        elif not self.peer.is_local and self.peer.streams >= self._shared.shares.streams:
            answer.close()
            self._say(CloseAfter(self.too_many()))
        else:
            self._stream = answer
            self.peer.streams += 1
            if turn is not None:
                self._begin_stream(turn.raw, turn.at, turn.who)
            if self._scheduler.exhausted:
                self._scheduler.schedule(self)
            else:
                self._send_slice(answer)

    @property
    def is_at_work(self) -> bool:
        return bool(self._turns) or self._stream is not None

    def _drop(self) -> None:
        self._drop_turns()
        self._end_stream()
        self._out.clear()
        self._held = None
        self._in_the_end = None  # the transport's

    def _drop_turns(self) -> None:
        """Nobody will hear the answers that are not said yet."""
        for turn in self._turns:
            if isinstance(turn.answer, Stream):
                turn.answer.close()
        self._turns.clear()
