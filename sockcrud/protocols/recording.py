"""The last requests and answers of all connections, as bytes, for whoever wants to see them later.

A connection pays for this with each request, so nothing is looked into here: an entry is a tuple of
what is there anyway. It is read, and cleared of secrets, when somebody asks for it
(`sockcrud.journal`); nothing else may take bytes out of here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from itertools import count
from typing import Any, Final

from attrs import define, frozen
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

CUT: Final = 4096
"""Bytes that are kept of a request, and as many of its answer."""
_LONGEST_FIELD: Final = 60


class Cut(bytes):
    """The first bytes of so many."""

    size: int


def cut(data: bytes, size: int) -> bytes:
    """Return `data`, or what is kept of it where these are but the first bytes of more."""
    if size <= CUT and len(data) == size:
        return bytes(data)
    short = Cut(data[:CUT])
    short.size = size
    return short


@define(eq=False)
class Origin:
    """A connection, as its entries name it."""

    dialect: str
    number: int
    peer: str


Asked = tuple[Origin, float, "bytes | bytearray", bytes, "float | None", Any]
"""A request: its connection, when it was heard, its bytes, those of its answer, the seconds between
where there was something to wait for, and the principal, None before a login."""
Moment = tuple[Origin, float, str]
"""That a connection was opened, or closed for this reason."""
Entry = Asked | Moment

OPENED: Final = ""
"""The reason of a connection that was not closed."""
_SLACK: Final = 128
"""Entries that are let go of together: each time all others are moved."""


@frozen
class Note:
    """Why a request was refused; its entry has this number, unless that is another connection's."""

    id: int
    dialect: str
    address: str
    operation: str
    reason: str
    field: str


class Recorder:
    """Keeps the last `size` entries, each of at most twice `CUT` bytes.

    Their numbers rise by one. Whoever appends to `kept` sees to it that `trim` is called in time.
    """

    def __init__(
        self, size: int, clock: IReactorTime, time_of_day: IReactorTime | None = None
    ) -> None:
        """Take the clock that the connections go by, and the time of day where that is another."""
        self.kept: list[Entry] = []
        self.first = 1
        """The number of the first that is kept."""
        self.notes: deque[Note] = deque(maxlen=2 * size)
        self.most = size + _SLACK
        self._size = size
        self._clock = clock
        self._time_of_day = time_of_day or clock
        self._connections = count(1)

    def time_of_day(self, at: float) -> float:
        """Return the seconds since 1970 of a moment that an entry has."""
        return self._time_of_day.seconds() - (self._clock.seconds() - at)

    @property
    def next(self) -> int:
        """The number that the next entry will have."""
        return self.first + len(self.kept)

    def trim(self) -> None:
        """Let go of the oldest where there are too many."""
        excess = len(self.kept) - self._size
        if excess > 0:
            del self.kept[:excess]
            self.first += excess
            while self.notes and self.notes[0].id < self.first:
                self.notes.popleft()

    def opened(self, dialect: str, peer: str) -> Origin:
        """Take note of a new connection, and return what names it."""
        origin = Origin(dialect, next(self._connections), peer)
        self._add(origin, OPENED)
        return origin

    def closed(self, origin: Origin, reason: str) -> None:
        """Take note of the end of a connection."""
        self._add(origin, reason)

    def _add(self, origin: Origin, reason: str) -> None:
        self.kept.append((origin, self._clock.seconds(), reason))
        if len(self.kept) > self.most:
            self.trim()

    def refused(
        self, dialect: str, address: str, operation: str, reason: str, field: str = ""
    ) -> None:
        """Take note of why the request that is recorded next was refused."""
        note = Note(self.next, dialect, address, operation, reason, field[:_LONGEST_FIELD])
        self.notes.append(note)


class Intake:
    """What was received, until it is known to which request it belongs; of each the first bytes."""

    __slots__ = ("_at", "_head", "_last", "_size")

    def __init__(self) -> None:
        self._head = b""  # how what came before the last piece began
        self._size = 0  # how long that was
        self._last: bytes | bytearray = b""
        self._at = 0  # where in the last piece begins what was not taken

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        if self._last:  # nearly always all that came before is taken
            room = CUT - len(self._head)
            if room > 0:
                self._head += self._last[self._at : self._at + room]
            self._size += len(self._last) - self._at
            self._at = 0
        self._last = data

    def take(self, pending: int) -> bytes:
        """Return what was received but for the last `pending` bytes, as much of it as is kept."""
        at, last = self._at, self._last
        if not (pending or at or self._size) and len(last) <= CUT:  # as it nearly always is
            self._last = b""
            return bytes(last)
        taken = self._size + len(last) - at - pending
        if taken < self._size:  # the request ended before the last piece came
            taken = max(taken, 0)
            raw = cut(self._head[:taken], taken)
            self._head = self._head[taken:]
            self._size -= taken
            return raw
        end = self._at = len(last) - pending
        head, size = self._head, self._size
        self._head, self._size = b"", 0
        if not pending:
            self._last, self._at = b"", 0
        return cut(
            head + last[at : at + CUT + 1] if end - at > CUT else head + last[at:end],
            size + end - at,
        )


class Recorded(LineReceiver, ABC):
    """A connection whose requests and answers are recorded, where anything records at all."""

    __slots__ = ("_came", "_intake", "_origin", "_raw", "_reason", "_recorder", "_streamed", "_who")

    _intake: Intake
    _origin: Origin
    _active_at: float

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        # All that has come and is not taken, where that is one piece; b"" where the intake has it.
        self._came: bytes | None = None
        self._raw: bytes | bytearray | None = (
            None  # the request that was taken last, to be recorded
        )
        self._who: Any = None  # the principal of the answer made last
        self._streamed: _Streamed | None = None
        self._reason = ""  # why it closes, where that is known here

    def _begin_record(self, recorder: Recorder | None, dialect: str, peer: str) -> None:
        self._recorder = recorder
        if recorder is not None:
            self._intake = Intake()
            self._origin = recorder.opened(dialect, peer)

    def _feed_intake(self, data: bytes) -> None:
        """Take note of what was received, where it may be but a part of what is to be taken."""
        if self._came:
            self._intake.feed(self._came)
        self._came = b""
        self._intake.feed(data)

    def _take_intake(self, pending: int) -> bytes:
        """Return what was received but for so many bytes, as much of it as is kept."""
        came = self._came
        if came and not pending and len(came) <= CUT:  # as it nearly always is
            self._came = None
            return came
        if came:
            self._intake.feed(came)
            self._came = b""
        raw = self._intake.take(pending)
        if not pending:
            self._came = None
        return raw

    def _because(self, reason: str) -> None:
        """Take note of why the connection is closed, unless that is known."""
        self._reason = self._reason or reason

    @abstractmethod
    def _record_unfinished(self) -> None:
        """Record what has come of a request that never came whole."""

    def _end_record(self, reason: Failure) -> None:
        if self._recorder is not None:
            clean = reason.check(ConnectionDone) is not None
            self._because("the peer closed it" if clean else "the connection was lost")
            self._recorder.closed(self._origin, self._reason)

    def _keep(
        self, raw: bytes | bytearray | None, answer: bytes, at: float, seconds: float | None
    ) -> None:
        """Record a request of these bytes, which was heard at a time, and its answer."""
        if self._recorder is not None and raw is not None:
            answer = answer if len(answer) <= CUT else cut(answer, len(answer))
            self._recorder.kept.append((self._origin, at, raw, answer, seconds, self._who))
            if len(self._recorder.kept) > self._recorder.most:
                self._recorder.trim()

    def _begin_stream(self, raw: bytes | bytearray | None, at: float, who: Any) -> None:
        """Record an answer in slices, once it has ended, as what it has become."""
        self._streamed = None if raw is None else _Streamed(raw, at, who)

    def _record_slice(self, slice: bytes) -> None:
        if (streamed := self._streamed) is not None:
            streamed.head += slice[: CUT - len(streamed.head)]
            streamed.size += len(slice)

    def _record_stream(self, now: float) -> None:
        streamed, self._streamed = self._streamed, None
        if streamed is not None:
            self._who = streamed.who
            answer = cut(streamed.head, streamed.size)
            self._keep(streamed.raw, answer, streamed.at, now - streamed.at)


@define
class _Streamed:
    """The beginning of an answer that is made while the peer reads it, and how long it became."""

    raw: bytes | bytearray
    at: float
    who: Any
    head: bytes = b""
    size: int = 0
