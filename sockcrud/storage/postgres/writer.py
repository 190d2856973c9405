"""Changes in PostgreSQL: whatever has come while a transaction is under way is the next one.

A transaction first locks the one row of `state`, which holds the counters. So the changes of all
nodes come one transaction after the other, revisions are committed in their order, and none of the
rules can be broken between a check and its change. What many have asked for shares the lock, the
round trips and the commit; one that fails does so alone, in memory, before anything is written.

The other way is revisions from a sequence, commits at the same time, and a reader that stops before
the oldest open transaction. Measured with one row a change on two cores: with 1, 2 and 4 nodes it
made 1,400, 2,100 and 3,700 changes a second one a commit, this one 1,150 in all; with ten a commit
18,000, 28,000 and 33,000, this one 14,000 to 17,000; with fifty 70,000 to 115,000, this one 55,000
to 70,000. But a sequence leaves gaps where something fails, ids would too, and each rule over
several records would need a lock of its own: this way the answers are those of the other stores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from time import perf_counter
from typing import Any, Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.errors import DomainError, InDoubt, Taken, Unavailable
from sockcrud.records import describe
from sockcrud.records.schema import Schema
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.history import CHANGE_BYTES
from sockcrud.storage.memory.steps import Batch, Step
from sockcrud.storage.postgres.counters import Counters
from sockcrud.storage.postgres.layout import LAYOUTS, array, in_parts
from sockcrud.storage.postgres.link import Ask, Link, Lost, Refused, Statement
from sockcrud.storage.postgres.pool import TOO_MANY, Pool, unavailable
from sockcrud.storage.postgres.staged import Need, StagedTables, StagedTransaction, asks_for

MOST_TOGETHER: Final = 1_000
"""Transactions that share one commit."""

MOST_ROUND_TRIPS: Final = 50
"""So many of these, at most, say not beforehand what they need: each holds the lock for as long as
it takes to ask for it.
"""

ATTEMPTS: Final = 5
"""So often a transaction is tried that the database takes back for the sake of another."""

MANY: Final = 5_000
"""Changes that one statement writes. A transaction of more may take long."""

LONG_SECONDS: Final = 120.0
"""What each statement of such a transaction may take, and the commit."""

_RETRIED: Final = ("40001", "40P01")
_BROKEN_RULE: Final = "23"
"""Codes that start like this: a constraint. Only somebody who does not keep to the lock can bring
that about.
"""

_LOCKED: Final = "55P03"
"""Somebody else has what a change needs, without the lock: an import."""

_SHORTEST_REST: Final = 0.25
"""Seconds until a change that was in the way of one is tried again; then as long as it has waited
already.
"""

Body = Callable[[StagedTransaction], Awaitable[Any]]

_BEGIN: Final = Statement(b"begin", b"BEGIN")
_COMMIT: Final = Statement(b"commit", b"COMMIT")
_ROLLBACK: Final = Statement(b"rollback", b"ROLLBACK")
_LET_IT_TAKE_LONG: Final = Statement(
    b"let it take long",
    b"SELECT set_config('statement_timeout', $1, true), "
    b"set_config('idle_in_transaction_session_timeout', $1, true)",
)
"""To write so many records down takes long here, too, while the transaction is idle there."""
NOTE: Final = Statement(
    b"note",
    b"INSERT INTO changes (number, bytes_before, rev, kind, id, record)"
    b" SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], "
    b"$6::text[])",
)

_log = Logger()


@frozen(eq=False)
class Work:
    """What somebody has asked for: what it does, what it needs (None where that is not known
    beforehand), and who waits.
    """

    body: Body
    needs: Sequence[Need] | None
    since: float
    done: Deferred[Any] = field(factory=Deferred)


@define(eq=False)
class _Attempt:
    """One transaction of the database, for several works."""

    link: Link
    seconds: float
    counters: Counters
    capacity: Capacity
    staged: StagedTables = field(init=False)
    steps: list[Step] = field(factory=list)

    async def begin(self, works: Iterable[Work]) -> None:
        """Return when the lock is held, and known what the works are known to need."""
        needs = [need for work in works for need in work.needs or ()]
        asks, groups = asks_for(needs)
        results = await self.link.ask([(_BEGIN, []), (self.counters.lock, []), *asks], self.seconds)
        state = self.counters.locked(results[1])
        self.staged = StagedTables(self.counters.schema, state, self.capacity)
        self.staged.learn(groups, results[2:])

    async def run(self, body: Body) -> Any:
        """Return the result of one of them, or fail as it does, with nothing of it left."""
        tables = self.staged.tables
        tables.begin()
        try:
            result = await body(StagedTransaction(self.staged, self._load))
        except BaseException:
            tables.rollback()
            raise
        self.steps += tables.commit()
        return result

    async def _load(self, needs: Sequence[Need]) -> None:
        asks, groups = asks_for(needs)
        try:
            self.staged.learn(groups, await self.link.ask(asks, self.seconds))
        except (Lost, Refused) as error:
            raise _Over(error) from None

    async def end(self) -> None:
        """Return when all is committed."""
        if not self.steps:
            await self.link.ask([(_ROLLBACK, [])], self.seconds)
            return
        asks: list[Ask] = []
        seconds = self.seconds
        if len(self.steps) > MANY:
            seconds = LONG_SECONDS
            await self.link.ask(
                [(_LET_IT_TAKE_LONG, [b"%d" % (LONG_SECONDS * 1000)])], self.seconds
            )
            for ask in (
                self._writes()
            ):  # one at a time, so that each has as long, and takes the memory of no other
                await self.link.ask([ask], seconds)
        else:
            asks += self._writes()
        try:
            results = await self.link.ask([*asks, (_COMMIT, [])], seconds)
        except Lost:
            raise InDoubt from None
        except Refused as refused:
            if refused.is_the_end:  # it ends a commit that waits for a standby with a word, too
                raise InDoubt from None
            raise
        if results[-1].command_status != b"COMMIT":
            raise Lost("the transaction was not committed")

    def _writes(self) -> Iterator[Ask]:
        batch, staged = Batch(), self.staged
        for step in self.steps:
            batch.take(step)
        for kind in self.counters.schema:
            if finals := batch.finals.get(kind):
                yield from LAYOUTS[kind].writes(
                    ((before, after) for before, after, _ in finals.values()), MANY
                )
        noted = [step for step in self.steps if describe(step.kind).journaled]
        for those in in_parts(noted, MANY):
            yield NOTE, note(staged, those)
        tables = [staged.tables.table(kind) for kind in self.counters.schema]
        counters = (
            *(staged.tables.rev, staged.journaled, staged.journaled_bytes, staged.tables.stored),
            *(table.highest for table in tables),
            *(len(table.records) + table.elsewhere for table in tables),
        )
        yield self.counters.count, [b"%d" % counter for counter in counters]


def note(staged: StagedTables, steps: Sequence[Step]) -> list[bytes]:
    """Return the columns of these changes, and count on."""
    written = [
        None if step.after is None else LAYOUTS[step.kind].to_json(step.after) for step in steps
    ]
    bytes = (CHANGE_BYTES + (0 if record is None else len(record.encode())) for record in written)
    *bytes_before, staged.journaled_bytes = accumulate(bytes, initial=staged.journaled_bytes)
    first = staged.journaled + 1
    staged.journaled += len(steps)
    return [
        array(range(first, first + len(steps))),
        array(bytes_before),
        array(step.rev for step in steps),
        array((describe(step.kind).name for step in steps), None),
        array(step.id for step in steps),
        array(written, None),
    ]


class _Over(BaseException):
    """The transaction of the database is over before its time. No body catches this."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Writer:
    """Makes the changes of this node, one transaction of the database at a time."""

    def __init__(
        self,
        pool: Pool,
        ready: Callable[[], Awaitable[None]],
        changed: Callable[[int, int, int], object],
        schema: Schema,
        capacity: Capacity,
    ) -> None:
        """`ready` is awaited before each transaction; `changed` is told its last revision, and how
        many changes have been kept for `changes` so far, and how many bytes of them."""
        self.committed: Callable[[float], object] = lambda seconds: None
        self._pool = pool
        self._ready = ready
        self._changed = changed
        self._counters = Counters(schema)
        self._capacity = capacity
        self._works: deque[Work] = deque()
        self._resting: dict[Work, IDelayedCall] = {}
        """Those that wait for what somebody else has without the lock."""
        self._is_finishing = False
        self._running = False
        self._ends: list[Deferred[None]] = []
        self._due: IDelayedCall | None = None
        self._overdue: IDelayedCall | None = None

    def do(self, body: Body, needs: Iterable[Need] | None = None) -> Deferred[Any]:
        """Return what the body gives, once its changes are committed."""
        work = Work(body, None if needs is None else list(needs), self._pool.reactor.seconds())
        self._works.append(work)
        if not self._running:
            self._start_soon()
        elif self._overdue is None:
            self._watch_the_time(self._pool.limits.answer_seconds)
        return work.done

    async def finish(self) -> None:
        """Return when all that was asked for is done, but what waits for somebody else."""
        self._is_finishing = True
        while self._resting:
            work, due = self._resting.popitem()
            due.cancel()
            work.done.errback(Unavailable(TOO_MANY))
        while self._works or self._running:
            if not self._running:
                self._start_soon()
            over: Deferred[None] = Deferred()
            self._ends.append(over)
            await over

    def _start_soon(self) -> None:
        """Start with the next turn: what else comes in this one goes together with it.

        To wait for longer, until most of those have come again who were just answered, made half as
        many commits, and fewer changes a second: while one half waits for the disk, the other is
        being worked on.
        """
        if self._due is None:
            self._due = self._pool.reactor.callLater(0, self._start)

    def _start(self) -> None:
        self._due = None
        if not self._running and self._works:
            self._running = True
            Deferred.fromCoroutine(self._run()).addErrback(self._crashed)

    async def _run(self) -> None:
        works = self._next()
        try:
            if works:
                await self._ready()
                await self._together(works)
        except Exception:
            for work in works:
                if not work.done.called:
                    work.done.errback(Failure())
        finally:
            self._running = False
            if self._works:
                self._start_soon()
            ends, self._ends = self._ends, []
            for end in ends:
                end.callback(None)

    def _next(self) -> list[Work]:
        """Return those that go together."""
        works: list[Work] = []
        unknown = 0
        while self._works and len(works) < MOST_TOGETHER and unknown < MOST_ROUND_TRIPS:
            works.append(work := self._works.popleft())
            unknown += work.needs is None
        if self._overdue is not None and not self._works:
            self._overdue.cancel()
            self._overdue = None
        elif self._overdue is None and self._works:
            self._watch_the_time(self._pool.limits.answer_seconds)
        return works

    def _watch_the_time(self, seconds: float) -> None:
        self._overdue = self._pool.reactor.callLater(seconds, self._refuse_overdue)

    def _refuse_overdue(self) -> None:
        """Tell those who have waited for too long, while another transaction was under way, that
        they wait in vain.
        """
        self._overdue = None
        now, patience = self._pool.reactor.seconds(), self._pool.limits.answer_seconds
        overdue: list[Work] = []
        while self._works and self._works[0].since + patience <= now:
            overdue.append(self._works.popleft())
        if self._works:
            self._watch_the_time(self._works[0].since + patience - now)
        for work in overdue:
            work.done.errback(Unavailable(TOO_MANY))

    def _crashed(self, failure: Failure) -> None:
        _log.failure("the changes of this node could not be made", failure=failure)

    async def _together(self, works: Sequence[Work]) -> None:
        """Do the works in one transaction, and tell whoever waits. Fail where none of it can be
        done, or may be done.
        """
        for attempt in range(ATTEMPTS):
            try:
                outcomes = await self._attempt(works)
            except Refused as refused:
                if refused.code in _RETRIED and attempt + 1 < ATTEMPTS:
                    continue
                if not refused.code.startswith(_BROKEN_RULE) and refused.code != _LOCKED:
                    raise unavailable(refused) from None
                if len(works) == 1 and refused.code == _LOCKED and self._try_later(works[0]):
                    return
                if len(works) == 1:
                    raise self._broken_rule(refused) from None
                for work in works:
                    await self._alone(work)
                return
            except Lost as lost:
                raise unavailable(lost) from None
            break
        for work, outcome in zip(works, outcomes, strict=True):
            work.done.callback(outcome)

    def _try_later(self, work: Work) -> bool:
        """Let one wait for what somebody else has without the lock, without the lock itself; return
        whether it still may.
        """
        waited = self._pool.reactor.seconds() - work.since
        if self._is_finishing or waited >= self._pool.limits.answer_seconds:
            return False
        rest = min(max(_SHORTEST_REST, waited), self._pool.limits.answer_seconds - waited)
        self._resting[work] = self._pool.reactor.callLater(rest, self._again, work)
        return True

    def _again(self, work: Work) -> None:
        del self._resting[work]
        self._works.append(work)
        if not self._running:
            self._start_soon()

    async def _alone(self, work: Work) -> None:
        try:
            await self._together([work])
        except Exception:
            work.done.errback(Failure())

    async def _attempt(self, works: Sequence[Work]) -> list[Any]:
        link = await self._pool.take()
        attempt = _Attempt(link, self._pool.limits.answer_seconds, self._counters, self._capacity)
        try:
            await attempt.begin(works)
            outcomes = [await self._outcome(attempt, work) for work in works]
            started = perf_counter()
            await attempt.end()
        except _Over as over:
            await self._undo(link)
            raise over.error from None
        except BaseException:
            await self._undo(link)
            raise
        self._pool.give_back(link)
        if attempt.steps:
            self.committed(perf_counter() - started)
        staged = attempt.staged
        self._changed(staged.tables.rev, staged.journaled, staged.journaled_bytes)
        return outcomes

    async def _outcome(self, attempt: _Attempt, work: Work) -> Any:
        try:
            return await attempt.run(work.body)
        except Exception:
            return Failure()

    async def _undo(self, link: Link) -> None:
        try:
            await link.ask([(_ROLLBACK, [])], self._pool.limits.answer_seconds)
        except (Lost, Refused):
            self._pool.drop(link)
        else:
            self._pool.give_back(link)

    def _broken_rule(self, refused: Refused) -> DomainError:
        """Word what a constraint has refused, which here had looked possible: something else writes
        to these tables.
        """
        if refused.code == _LOCKED:
            return Unavailable(
                "an import is under way that has the same id, or unique value, or refers to what "
                "is changed"
            )
        _log.error("a change breaks a constraint of the database: {refused}", refused=refused)
        if refused.constraint in self._counters.uniques:
            kind, name = self._counters.uniques[refused.constraint]
            return Taken(kind.__name__, name)
        return Unavailable("the database refuses the change")
