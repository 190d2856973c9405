"""Lists of PostgreSQL's records as they were at one moment: slices of one transaction that sees nothing newer.

Lists that are asked for at the same time share the moment, and its connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Generic

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from sockcrud.errors import Unavailable
from sockcrud.storage import weights
from sockcrud.storage.contract import R, Where
from sockcrud.storage.postgres.layout import LAYOUTS
from sockcrud.storage.postgres.link import Ask, Link, Lost, Refused, Statement
from sockcrud.storage.postgres.pool import TOO_MANY, Pool, unavailable

IDLE: Final = 30.0
LONGEST: Final = 600.0
"""Seconds that a moment is held while nobody reads on, and at most. Whoever has not read its list does not get the rest."""

LONGEST_WAIT: Final = 2.0
"""Seconds that lists, and the changes that come after them, wait for a connection."""

SHORT_WAIT: Final = 0.1
"""The same after one has waited in vain: others would only hold up the changes."""

_BEGIN: Final = Statement(b"begin moment", b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_PATIENCE: Final = Statement(b"patience", b"SELECT set_config('idle_in_transaction_session_timeout', $1, true)")
_COMMIT: Final = Statement(b"commit", b"COMMIT")


class PostgresStream(Generic[R]):
    """A stream of one kind."""

    def __init__(self, moment: _Snapshot, kind: type[R], after: int | None, limit: int | None, where: Where | None) -> None:
        self.ended = limit == 0
        self._moment = moment
        self._layout = LAYOUTS[kind]
        self._after = after
        self._left = limit
        self._where = where
        self._at_hand: Deferred[Any] | None = None

    def __aiter__(self) -> PostgresStream[R]:
        return self

    async def __anext__(self) -> Sequence[R]:
        if self.ended:
            raise StopAsyncIteration
        asked, self._at_hand = self._at_hand or self._moment.ask(self), None
        try:
            records = self._take(await asked)
        except BaseException:
            self.close()
            raise
        if not records:
            raise StopAsyncIteration
        return records

    def read_ahead(self) -> None:
        """Ask for the first slice now."""
        if not self.ended:
            self._at_hand = self._moment.ask(self)

    def close(self) -> None:
        self.ended = True
        if self._at_hand is not None:
            self._at_hand.addErrback(lambda failure: None)  # nobody waits for it any more
            self._at_hand = None
        self._moment.leave(self)

    @property
    def page(self) -> Ask:
        """What to ask for the next slice: for one more, which tells whether this is the last."""
        return self._layout.page(self._size + 1, self._after, self._where)

    @property
    def _size(self) -> int:
        return weights.SLICE if self._left is None else min(weights.SLICE, self._left)

    def _take(self, result: Any) -> list[R]:
        if self.ended:
            return []  # closed meanwhile
        size, records = self._size, self._layout.records(result)
        if self._left is not None:
            self._left -= size
        if len(records) <= size or self._left == 0:
            self.close()
        del records[size:]
        if records:
            self._after = records[-1].id
        return records


class _Snapshot:
    """One moment, and the lists that are read of it."""

    def __init__(self, pool: Pool) -> None:
        self.opened: Deferred[None] = Deferred()
        self.is_joinable = True
        self.is_crowded = False
        self._pool = pool
        self._link: Link | None = None
        self._streams: set[PostgresStream[Any]] = set()
        self._asked: list[tuple[PostgresStream[Any], Deferred[Any]]] = []
        self._is_asking = False
        self._error: Unavailable | None = None
        self._deadline: IDelayedCall | None = None
        self._ends_at = 0.0

    @property
    def is_held(self) -> bool:
        """Whether it has a connection."""
        return self._link is not None

    def join(self, stream: PostgresStream[Any]) -> None:
        """Take part. It is too late for that once the moment has come."""
        self._streams.add(stream)
        stream.read_ahead()

    def leave(self, stream: PostgresStream[Any]) -> None:
        """Take part no longer. The last one lets the connection go."""
        self._streams.discard(stream)
        if not self._streams and not self._is_asking:
            self._let_go()

    def ask(self, stream: PostgresStream[Any]) -> Deferred[Any]:
        """Return the stream's next page; raise `Unavailable`."""
        asked: Deferred[Any] = Deferred()
        if self._error is not None:
            asked.errback(self._error)
            return asked
        self._asked.append((stream, asked))
        if self._link is not None and not self._is_asking:
            Deferred.fromCoroutine(self._go_on([]))
        return asked

    async def open(self, seconds: float) -> None:
        """Let the moment come; `opened` fires then, or when it cannot, or not within so many seconds."""
        taking = self._pool.take()
        waiting = self._pool.reactor.callLater(seconds, taking.cancel)
        try:
            self._link = await taking
        except Exception as error:
            self.is_crowded = isinstance(error, CancelledError)
            self._fail(error if isinstance(error, Unavailable) else Unavailable(TOO_MANY))
            return
        finally:
            self.is_joinable = False
            if waiting.active():
                waiting.cancel()
            if self._link is None:
                self.opened.callback(None)
        self._ends_at = self._pool.reactor.seconds() + LONGEST
        await self._go_on([(_BEGIN, []), (_PATIENCE, [b"%d" % (2 * IDLE * 1000)])])

    async def _go_on(self, before: list[Ask]) -> None:
        self._is_asking = True
        self._stop_waiting()
        while self._link is not None and (self._asked or before):
            asked, self._asked = [each for each in self._asked if not each[0].ended], []
            try:
                results = await self._link.ask(
                    [*before, *(stream.page for stream, _ in asked)], self._pool.limits.answer_seconds
                )
            except (Lost, Refused) as error:
                self._asked = asked + self._asked
                self._fail(unavailable(error))
                break
            finally:
                if not self.opened.called:
                    self.opened.callback(None)
            for (_, waiting), result in zip(asked, results[len(before) :], strict=True):
                waiting.callback(result)
            before = []
        self._is_asking = False
        if not self._streams:
            self._let_go()
        elif self._link is not None:
            left = self._ends_at - self._pool.reactor.seconds()
            self._deadline = self._pool.reactor.callLater(max(0.0, min(IDLE, left)), self._too_long)

    def close(self) -> None:
        """End it, whoever reads."""
        self._fail(Unavailable("the store is closed"))

    def _too_long(self) -> None:
        self._fail(Unavailable("the list was read too slowly"))

    def _fail(self, error: Unavailable) -> None:
        self._error = error
        asked, self._asked = self._asked, []
        link, self._link = self._link, None
        self._stop_waiting()
        if link is not None:
            self._pool.drop(link)
        for _, waiting in asked:
            waiting.errback(Failure(error))

    def _stop_waiting(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _let_go(self) -> None:
        link, self._link = self._link, None
        self._stop_waiting()
        if link is not None:
            Deferred.fromCoroutine(self._commit(link))

    async def _commit(self, link: Link) -> None:
        try:
            await link.ask([(_COMMIT, [])], self._pool.limits.answer_seconds)
        except (Lost, Refused):
            self._pool.drop(link)
        else:
            self._pool.give_back(link)


class Snapshots:
    """All lists that are being read."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._next: _Snapshot | None = None
        self._is_crowded = False
        self._held: set[_Snapshot] = set()

    def stream(self, kind: type[R], after: int | None, limit: int | None, where: Where | None) -> PostgresStream[R]:
        """Return a list of the records as they are now: before whatever change is asked for after this."""
        moment = self._next
        if moment is None or not moment.is_joinable:
            moment = self._next = _Snapshot(self._pool)
            self._pool.reactor.callLater(0, self._open, moment)
        stream = PostgresStream(moment, kind, after, limit, where)
        moment.join(stream)
        return stream

    async def opened(self) -> None:
        """Return when the moment has come of every list that was asked for before this."""
        moment = self._next
        if moment is not None and not moment.opened.called:
            opened: Deferred[None] = Deferred()
            moment.opened.addCallback(lambda _: opened.callback(None))
            await opened

    def _open(self, moment: _Snapshot) -> None:
        self._is_crowded = self._is_crowded and not self._pool.is_free
        Deferred.fromCoroutine(moment.open(SHORT_WAIT if self._is_crowded else LONGEST_WAIT))
        moment.opened.addCallback(lambda _: self._note(moment))

    def _note(self, moment: _Snapshot) -> None:
        self._is_crowded = moment.is_crowded
        self._held = {each for each in self._held if each.is_held} | {moment}

    def close(self) -> None:
        """End them all."""
        for moment in self._held:
            moment.close()
