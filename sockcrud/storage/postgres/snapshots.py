"""Lists of PostgreSQL's records as they were at one moment.

A snapshot is a transaction that sees nothing newer, on a connection of its own. Lists that are
asked for in the same turn share one; it asks for the first slice of each at once, and lets the
connection go: nearly all lists are no longer than that. A longer one keeps the snapshot until it
was read. So that whoever does not read hold up nobody:

- One connection is never kept. Lists in one slice need no other.
- One peer keeps no more than some lists, and leaves a connection to the others. Lists that would be
  more than that wait, by turns between the peers, and are of the moment at which their turn comes;
  those that wait begin together.
- A list that is not read on ends; while others wait, so does the oldest, in the end, however it is
  read.
- Answers are fetched and taken apart in small parts, with a turn of the reactor between two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from time import perf_counter
from typing import Any, Final

from attrs import define, field
from psycopg.pq.abc import PGresult
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from sockcrud.errors import Unavailable
from sockcrud.peers import peer_of
from sockcrud.records import Record
from sockcrud.storage.contract import R, Where
from sockcrud.storage.postgres.by_peer import ByPeer
from sockcrud.storage.postgres.link import Ask, Link, Lost, Refused, Statement
from sockcrud.storage.postgres.pool import TOO_MANY, Pool, unavailable
from sockcrud.storage.postgres.streams import PostgresStream, Slice

IDLE: Final = 10.0
"""Seconds that a list is kept while nobody reads on."""

LONGEST: Final = 600.0
"""Seconds that a snapshot is kept, whoever reads: as long as it is, the database cannot clear away
what has changed since.
"""

LONGEST_OF_MANY: Final = 60.0
"""The same once somebody has waited in vain."""

LONGEST_WAIT: Final = 2 * IDLE
"""Seconds that a list waits for a connection."""

A_PEER: Final = 8
"""Long lists that one peer keeps; more of its lists wait."""

TOGETHER: Final = 16
"""Lists that one snapshot begins with."""

SLICES_A_TRIP: Final = 4
"""Slices that are asked for at once: some 100 KB each."""

PART: Final = 50
"""Records that are taken apart without a look at the clock: about 0.2 ms."""

TURN_SECONDS: Final = 0.001
"""Work after which it is the others' turn, with the encoding of what it was for half of what a
connection may take.
"""

TOO_SLOW: Final = "the list was read too slowly"

_BEGIN: Final = Statement(b"begin moment", b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_PATIENCE: Final = Statement(
    b"patience", b"SELECT set_config('idle_in_transaction_session_timeout', $1, true)"
)
_COMMIT: Final = Statement(b"commit", b"COMMIT")

_log = Logger()


class _Snapshot:
    """One moment, and the lists that are read of it."""

    def __init__(self, lists: Snapshots, streams: list[PostgresStream[Any]]) -> None:
        self.opened: Deferred[None] = Deferred()
        self.began = 0.0
        self.kept: dict[PostgresStream[Any], float] = {}
        """The lists that have more than one slice, and since when each waits to be read on."""
        self._lists = lists
        self._pool = lists.pool
        self._reactor = lists.pool.reactor
        self._link: Link | None = None
        self._asked = deque(streams)
        self._wanting: list[PostgresStream[Any]] = []
        self._is_asking = False
        self._turn_began = 0.0
        self._watching: IDelayedCall | None = None

    def count(self, peer: str) -> int:
        """Return how many lists it keeps for a peer."""
        return sum(stream.peer == peer for stream in self.kept)

    # What its lists ask for

    def ask(self, stream: PostgresStream[Any]) -> None:
        self._asked.append(stream)
        if not self._is_asking:
            Deferred.fromCoroutine(self._go_on([])).addErrback(self._crashed)

    def leave(self, stream: PostgresStream[Any]) -> None:
        self.kept.pop(stream, None)
        if not self._is_asking:
            self._rest()

    # What the database is asked for

    def begin(self) -> None:
        """Let the moment come; `opened` fires then, or when it cannot."""
        Deferred.fromCoroutine(self._begin()).addErrback(self._crashed)

    async def _begin(self) -> None:
        self._is_asking = True
        self.began = self._reactor.seconds()
        try:
            self._link = await self._pool.take()
        except Unavailable as error:
            self.end(str(error))
            return
        await self._go_on([(_BEGIN, []), (_PATIENCE, [b"%d" % (2 * IDLE * 1000)])])

    async def _go_on(self, before: list[Ask]) -> None:
        """Give each list that wants one its next slice."""
        self._is_asking = True
        while self._link is not None and (self._asked or before):
            some = [self._asked.popleft() for _ in range(min(SLICES_A_TRIP, len(self._asked)))]
            self._wanting = [stream for stream in some if stream.is_waiting]
            try:
                asks = [*before, *(stream.page for stream in self._wanting)]
                results = await self._link.ask(asks, self._pool.limits.answer_seconds)
            except (Lost, Refused) as error:
                self.end(str(unavailable(error)))
                return
            self._open()
            self._turn_began = perf_counter()
            for stream, result in zip(self._wanting, results[len(before) :], strict=True):
                await self._answer(stream, result)
            before = []
        self._is_asking = False
        self._rest()

    async def _answer(self, stream: PostgresStream[Any], result: PGresult) -> None:
        records: list[Record] = []
        is_last = stream.is_last(result)
        try:
            for part in stream.parts(result, PART):
                records += part
                await self._pause()
        except Exception as error:  # something else has written what no record can be
            self.kept.pop(stream, None)
            stream.fail(error)
            return
        if not stream.is_waiting:
            return  # it was closed meanwhile, or the snapshot has ended
        if is_last:
            self.kept.pop(stream, None)
        elif self._lists.may_keep(self, stream):
            stream.source = self
            self.kept[stream] = self._reactor.seconds()
        else:
            self._lists.wait([stream])
            return
        stream.give(Slice(records, is_last))

    async def _pause(self) -> None:
        """Let others have their turn where this one was long enough."""
        if perf_counter() - self._turn_began > TURN_SECONDS:
            turn: Deferred[None] = Deferred()
            self._reactor.callLater(0, turn.callback, None)
            await turn
            self._turn_began = perf_counter()

    def _open(self) -> None:
        if not self.opened.called:
            self.opened.callback(None)

    # Its end

    def _rest(self) -> None:
        """Let the connection go where no list needs it; else see to it that they read on."""
        if self._link is None:
            return
        if not self.kept:
            self._stop_watching()
            link, self._link = self._link, None
            Deferred.fromCoroutine(self._commit(link)).addErrback(self._crashed)
        elif self._watching is None or not self._watching.active():
            due = min(min(self.kept.values()) + IDLE, self.began + LONGEST)
            self._watching = self._reactor.callLater(
                max(0.0, due - self._reactor.seconds()), self._look
            )

    def _look(self) -> None:
        """End those that nobody has read on."""
        now = self._reactor.seconds()
        if now >= self.began + LONGEST:
            self.end(TOO_SLOW)
            return
        for stream, since in list(self.kept.items()):
            if stream.is_waiting:
                self.kept[stream] = now  # for this end
            elif now >= since + IDLE:
                del self.kept[stream]
                stream.fail(Unavailable(TOO_SLOW))
        if not self._is_asking:
            self._rest()

    async def _commit(self, link: Link) -> None:
        try:
            await link.ask([(_COMMIT, [])], self._pool.limits.answer_seconds)
        except (Lost, Refused):
            self._pool.drop(link)
        else:
            self._pool.give_back(link)
        self._lists.is_over(self)

    def end(self, why: str) -> None:
        """End it, whoever reads."""
        self._stop_watching()
        link, self._link = self._link, None
        if link is not None:
            self._pool.drop(link)
        streams = dict.fromkeys([*self.kept, *self._wanting, *self._asked])
        self.kept, self._wanting = {}, []
        self._asked.clear()
        for stream in streams:
            stream.fail(Unavailable(why))
        self._open()
        self._lists.is_over(self)

    def _stop_watching(self) -> None:
        if self._watching is not None and self._watching.active():
            self._watching.cancel()

    def _crashed(self, failure: Any) -> None:
        _log.failure("lists could not be read", failure=failure)
        self.end("the list cannot be read")


@define(eq=False)
class _Waiting:
    """Lists that are to be of the same moment, and wait until they can have it."""

    streams: list[PostgresStream[Any]]
    deadline: IDelayedCall | None = None
    is_over: bool = False

    def stop(self) -> None:
        self.is_over = True
        if self.deadline is not None and self.deadline.active():
            self.deadline.cancel()


@define(eq=False)
class Snapshots:
    """All lists that are being read, or wait for it."""

    pool: Pool
    _arriving: list[PostgresStream[Any]] = field(factory=list)
    _is_due: bool = False
    _new: ByPeer[_Waiting] = field(factory=ByPeer)
    _long: ByPeer[_Waiting] = field(factory=ByPeer)
    _snapshots: set[_Snapshot] = field(factory=set)
    _is_closed: bool = False

    def stream(
        self, kind: type[R], after: int | None, limit: int | None, where: Where | None, peer: str
    ) -> PostgresStream[R]:
        """Return a list of the records as they are now: before whatever change is asked for after
        this.

        Where it has to wait for its turn it is of a later moment, but of one before its first
        slice.
        """
        stream = PostgresStream(kind, after, limit, where, peer and peer_of(peer))
        if self._is_closed:
            stream.fail(Unavailable("the store is closed"))
        elif not stream.ended:
            self._arriving.append(stream)
            if not self._is_due:
                self._is_due = True
                self.pool.reactor.callLater(0, self._arrive)
        return stream

    async def opened(self) -> None:
        """Return when the moment has come of every list that was asked for before this, and does
        not have to wait.
        """
        self._arrive()
        for snapshot in list(self._snapshots):
            if not snapshot.opened.called:
                opened: Deferred[None] = Deferred()
                snapshot.opened.chainDeferred(opened)
                await opened

    def close(self) -> None:
        """End them all."""
        self._is_closed = True
        self._arrive()
        for snapshot in list(self._snapshots):
            snapshot.end("the store is closed")
        for queue in (self._new, self._long):
            while waiting := queue.pop():
                waiting.stop()
                self._refuse(waiting.streams, "the store is closed")

    # What its snapshots ask

    @property
    def _most_kept(self) -> int:
        """How many snapshots may be kept, so that a connection is left to lists that are short."""
        return max(1, self.pool.size - 1)

    def may_keep(self, snapshot: _Snapshot, stream: PostgresStream[Any]) -> bool:
        """Return whether a list may have more than one slice of a snapshot."""
        if stream in snapshot.kept:
            return True
        return (bool(snapshot.kept) or self._kept < self._most_kept) and self._may_have_more(
            stream.peer, snapshot
        )

    @property
    def _kept(self) -> int:
        return sum(bool(snapshot.kept) for snapshot in self._snapshots)

    def _may_have_more(self, peer: str, snapshot: _Snapshot | None = None, more: int = 0) -> bool:
        """Return whether a peer may have one list more than so many more kept: on this snapshot, or
        on a new one.
        """
        if not peer:
            return True  # the house itself
        counts = {each: count for each in self._snapshots if (count := each.count(peer))}
        elsewhere = len(counts.keys() - {snapshot})
        return sum(counts.values()) + more < A_PEER and elsewhere < max(1, self._most_kept - 1)

    def wait(self, streams: list[PostgresStream[Any]]) -> None:
        """Have these lists begin, again, when a snapshot can be kept for them."""
        self._wait(self._long, streams)

    def is_over(self, snapshot: _Snapshot) -> None:
        """Take note that a snapshot needs its connection no longer."""
        self._snapshots.discard(snapshot)
        self._begin()

    # Who begins when

    def _arrive(self) -> None:
        self._is_due = False
        arriving, self._arriving = self._arriving, []
        ours = [stream for stream in arriving if not stream.peer]
        if len(ours) > 1:  # of one moment, however long some of them are
            self.wait(ours)
        elif ours:
            self._wait(self._new, ours)
        for stream in arriving:
            if stream.peer:
                self._wait(self._new, [stream])
        self._begin()

    def _wait(self, queue: ByPeer[_Waiting], streams: list[PostgresStream[Any]]) -> None:
        waiting = _Waiting(streams)
        waiting.deadline = self.pool.reactor.callLater(LONGEST_WAIT, self._overdue, waiting)
        queue.append(streams[0].peer, waiting)

    def _begin(self) -> None:
        """Begin with as many of those that wait as there are connections for."""
        while not self._is_closed and len(self._snapshots) < self.pool.size:
            long = self._take(self._long, True) if self._kept < self._most_kept else []
            streams = long or self._take(self._new, False)
            if not streams:
                return
            snapshot = _Snapshot(self, streams)
            self._snapshots.add(snapshot)
            for stream in long:
                stream.source = snapshot
                snapshot.kept[stream] = self.pool.reactor.seconds()
            snapshot.begin()

    def _take(self, queue: ByPeer[_Waiting], to_keep: bool) -> list[PostgresStream[Any]]:
        """Return some lists that have waited, of each peer no more than it may have."""
        taken: list[PostgresStream[Any]] = []

        def may(peer: str) -> bool:
            return not to_keep or self._may_have_more(
                peer, more=sum(stream.peer == peer for stream in taken)
            )

        while len(taken) < TOGETHER and (waiting := queue.pop(may)):
            waiting.stop()
            taken += (stream for stream in waiting.streams if stream.is_waiting)
        return taken

    def _overdue(self, waiting: _Waiting) -> None:
        """Let lists that have waited for too long wait in vain, unless the oldest that is kept has
        had its time.
        """
        kept = [snapshot for snapshot in self._snapshots if snapshot.kept]
        oldest = min(kept, key=lambda snapshot: snapshot.began, default=None)
        if oldest is not None and self.pool.reactor.seconds() >= oldest.began + LONGEST_OF_MANY:
            oldest.end(TOO_SLOW)
        if not waiting.is_over:
            self._refuse(waiting.streams, TOO_MANY)

    def _refuse(self, streams: Iterable[PostgresStream[Any]], why: str) -> None:
        for stream in streams:
            stream.fail(Unavailable(why))
