"""Sessions: a login that goes on. Whoever brings the token is the account, at one dialect, until
the session ends.

The token itself is kept nowhere, only its SHA-256.

What ends with a change to an account is deleted inside that change's transaction, by
`end_sessions`: an account has a bounded number of sessions (`most`), so that is bounded work. A
company may have any number of them, and to delete these would keep everybody waiting. So they are
not: a session is alive only while its revision is above that of its account's company.

- It is when a session starts: the transaction has read the company, and revisions only rise.
- It stays so where the last use is written: that gives the session a new revision, in a transaction
  that has read the company, and writes nothing to a session that is dead. Such a write may be taken
  back by a crash; the revision from before was above the company's too, or the change to the
  company came later, and a crash that takes back the one takes back the other: changes reach the
  disk in their order.
- Any change to the company makes its revision the highest of all, so every session of its accounts
  is dead with the commit of that change, on every node, and nothing can revive one.
- An account's own session that moves it to another company lives on: it gets a new revision in that
  transaction (`keep`).

Whoever asks whether a session is alive asks `may_act` or `acts_in`. A sweep takes the dead ones
away, in slices.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from operator import attrgetter
from typing import Final, cast

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.errors import LoginFailed, NotFound, NotLoggedIn, Outdated
from sockcrud.identity.lockout import is_forgotten
from sockcrud.identity.records import Account, Company, LoginFailures, Session
from sockcrud.records import checked
from sockcrud.storage.contract import IAtHand, IFarAway, IReads, IStore, ITransaction, R, Where

IDLE: Final = timedelta(minutes=30)
AGE: Final = timedelta(hours=12)

USES_PER_IDLE_TIME: Final = 30
"""The last use is known to within this part of the idle time: a session may end that much early,
and never late.
"""

SLICE: Final = 200
"""Records looked at in one turn of a sweep: deleting them all takes some milliseconds."""

REST_AFTER_FAILURE: Final = timedelta(seconds=1)
"""No last use is written for so long after one that failed: a store in trouble is not asked once
for every request.
"""

MOST: Final = 1_000
"""Sessions that an account has at once: to end them all takes some milliseconds."""

_TICK: Final = 0.001
"""Seconds by which a moment may be missed where it is a float: what is so near to one is judged by
`resume`."""

SKEW: Final = timedelta(minutes=5)
"""The clocks of two nodes may differ by this much. A session that began later than that from now is
from before a clock was set back, and would outlive its age: it is over."""

_LONGEST_ADDRESS: Final = 200
_TOKEN: Final = re.compile("[0-9A-F]{64}")

_log = Logger()


@frozen
class Resumed:
    """A session that was resumed, and all that this rested on.

    While these are the records that the store has, another resume finds the same: a record that is
    changed becomes another object. And while the time is between these two, that is no use which is
    to be written, and the session has not ended by itself.
    """

    session: Session
    account: Account
    company: Company
    since: float
    until: float


def account_lock(account_id: int) -> str:
    """Name what a transaction asks for alone to start or end sessions of an account. After that of
    its company.
    """
    return f"account {account_id}"


def company_lock(company_id: int) -> str:
    """Name what a transaction asks for alone to start sessions in a company, or to end them all."""
    return f"company {company_id}"


async def may_act(reads: IReads, account: Account, session: Session | None = None) -> bool:
    """Return whether the account and its company are active, and the session, if any, has not ended
    with the company.
    """
    return acts_in(account, await reads.get(Company, account.company_id), session)


def acts_in(account: Account, company: Company, session: Session | None = None) -> bool:
    """Tell the same, where the company is at hand."""
    return account.active and company.active and (session is None or session.rev > company.rev)


async def end_sessions(
    transaction: ITransaction,
    account_id: int,
    *,
    but: int | None = None,
    dialect: str | None = None,
) -> int:
    """End the account's sessions, all but one, or those at one dialect. Return how many of these
    were alive.
    """
    company = await transaction.get(
        Company, (await transaction.get(Account, account_id)).company_id
    )
    ended, after = 0, None
    while page := await transaction.page(Session, SLICE, after, Where("account_id", account_id)):
        for session in page:
            if session.id != but and dialect in (None, session.dialect):
                ended += await _end(transaction, session.id) and session.rev > company.rev
        after = page[-1].id
    return ended


async def keep(transaction: ITransaction, session_id: int, account_id: int) -> None:
    """Let the session, if it is one of this account, go on in the company that the account has been
    moved to.
    """
    with suppress(NotFound):
        session = await transaction.get(Session, session_id)
        if session.account_id == account_id:
            await transaction.update(Session, session_id, used_at=session.used_at)


async def _end(transaction: ITransaction, session_id: int) -> bool:
    try:
        await transaction.delete(Session, session_id)
    except NotFound:
        return False
    return True


async def alive_in_company(reads: IReads, sessions: Sequence[Session]) -> Sequence[Session]:
    """Return those of the sessions that have not ended with a change to the company of their
    account.
    """
    accounts = await _with_ids(reads, Account, {session.account_id for session in sessions})
    companies = await _with_ids(
        reads, Company, {account.company_id for account in accounts.values()}
    )

    def is_alive(session: Session) -> bool:
        account = accounts.get(session.account_id)
        company = None if account is None else companies.get(account.company_id)
        return company is not None and session.rev > company.rev

    return [session for session in sessions if is_alive(session)]


async def _with_ids(reads: IReads, kind: type[R], ids: Iterable[int]) -> Mapping[int, R]:
    """Return the records that there are. They are asked for together: a store on a network makes
    one question of them.
    """

    async def get(id: int) -> R | None:
        with suppress(NotFound):
            return await reads.get(kind, id)
        return None

    if IFarAway.providedBy(reads):
        found = await gatherResults(
            [Deferred.fromCoroutine(get(id)) for id in ids], consumeErrors=True
        )
    else:
        found = [await get(id) for id in ids]  # a Deferred each would take ten times as long
    return {record.id: record for record in found if record is not None}


class Sessions:
    """All sessions. A session is over when it was idle too long (each dialect may have its own
    limit) or is too old.
    """

    def __init__(
        self,
        store: IStore,
        clock: IReactorTime,
        idle: timedelta = IDLE,
        age: timedelta = AGE,
        idle_at: Mapping[str, timedelta] | None = None,
        most: int = MOST,
    ) -> None:
        self._store = store
        self._far_away = cast(IFarAway, store) if IFarAway.providedBy(store) else None
        self._at_hand = cast(IAtHand, store).at_hand if IAtHand.providedBy(store) else None
        self._clock = clock
        self._idle = idle
        self._age = age
        self._idle_at = dict(idle_at or {})
        self._most = most
        self._being_written: set[int] = set()
        self._rests_until = datetime.min.replace(tzinfo=timezone.utc)

    async def start(
        self, account: Account, dialect: str, address: str, exclusive: bool = False
    ) -> tuple[str, Session]:
        """Return a new token and its session. An exclusive one ends the account's others at this
        dialect.

        Where the account has as many sessions as it may have, the one that was not used for longest
        ends. Raise `LoginFailed` where the account is not as it was when it was authenticated, or
        may no longer log in.
        """
        token = secrets.token_hex(32).upper()
        now = self._now()
        fields = checked(
            Session,
            token_hash=_hash_of(token),
            account_id=account.id,
            dialect=dialect,
            address=address[:_LONGEST_ADDRESS],
            created_at=now,
            used_at=now,
        )

        async def start(transaction: ITransaction) -> Session:
            await transaction.lock(company_lock(account.company_id))
            await transaction.lock(account_lock(account.id))
            current = await transaction.get(Account, account.id)
            if current.rev != account.rev or not await may_act(transaction, current):
                raise LoginFailed
            if exclusive:
                await end_sessions(transaction, account.id, dialect=dialect)
            await self._make_room(transaction, account.id)
            return await transaction.insert(Session, **fields)

        try:
            return token, await self._store.transact(start)
        except NotFound:
            raise LoginFailed from None

    async def _make_room(self, transaction: ITransaction, account_id: int) -> None:
        """End so many sessions that there is room for one more; a slice more at most, where the
        bound was higher once.
        """
        there = await transaction.page(
            Session, self._most + SLICE, where=Where("account_id", account_id)
        )
        for session in sorted(there, key=attrgetter("used_at", "id"))[
            : max(0, len(there) - self._most + 1)
        ]:
            await transaction.delete(Session, session.id)

    async def resume(self, token: str, dialect: str) -> tuple[Session, Account]:
        """Return the session of this token, and whose it is; this counts as a use of it. Raise
        `NotLoggedIn`.
        """
        if _TOKEN.fullmatch(token) is None:
            raise NotLoggedIn
        if self._far_away is not None:
            return await self._resume_from_afar(self._far_away, token, dialect)
        session = await self._store.find(Session, "token_hash", _hash_of(token))
        if session is None or session.dialect != dialect:
            raise NotLoggedIn
        now = self._now()
        account = await self._owner(session, now)
        self._note_use(session, now)
        return session, account

    async def _resume_from_afar(
        self, store: IFarAway, token: str, dialect: str
    ) -> tuple[Session, Account]:
        """Do the same with one question instead of three."""
        found = await store.find_with(
            Session, "token_hash", _hash_of(token), ("account_id", "company_id")
        )
        if not found:
            raise NotLoggedIn
        session, account, company = cast(tuple[Session, Account, Company], found)
        now = self._now()
        if (
            session.dialect != dialect
            or self._is_over(session, now)
            or not acts_in(account, company, session)
        ):
            raise NotLoggedIn
        self._note_use(session, now)
        return session, account

    def resumed(self, session_id: int, account: Account) -> Resumed | None:
        """Return what `still_holds` is asked of a session that was resumed just now; None where it
        is to be resumed each time, as other nodes may end it.
        """
        at_hand = self._at_hand
        session = None if at_hand is None else at_hand(Session, session_id)
        company = None if at_hand is None else at_hand(Company, account.company_id)
        if session is None or company is None or not acts_in(account, company, session):
            return None
        used, unused = session.used_at.timestamp(), self._idle_time(session) / USES_PER_IDLE_TIME
        window = unused.total_seconds() - _TICK
        end = (session.created_at + self._age).timestamp() - _TICK
        begin = (session.created_at - SKEW).timestamp() + _TICK
        since, until = max(used - window, begin), min(used + window, end)
        return Resumed(session, account, company, since, until)

    def still_holds(self, resumed: Resumed) -> bool:
        """Return whether `resume` would find the very same, and have nothing to write."""
        at_hand = self._at_hand
        return (
            resumed.since < self._clock.seconds() < resumed.until
            and at_hand is not None
            and at_hand(Session, resumed.session.id) is resumed.session
            and at_hand(Account, resumed.account.id) is resumed.account
            and at_hand(Company, resumed.company.id) is resumed.company
        )

    async def is_alive(self, session_id: int) -> bool:
        """Return whether the session could be resumed. To ask does not count as a use."""
        try:
            await self._owner(await self._store.get(Session, session_id), self._now())
        except (NotFound, NotLoggedIn):
            return False
        return True

    async def end(self, session_id: int) -> bool:
        """End a session; fire with whether there was such a one."""
        return await self._store.transact(lambda transaction: _end(transaction, session_id))

    async def end_all(self, account_id: int, but: int | None = None) -> int:
        """End the account's sessions, all but one; fire with how many these were."""

        async def end(transaction: ITransaction) -> int:
            await transaction.lock(account_lock(account_id))
            return await end_sessions(transaction, account_id, but=but)

        return await self._store.transact(end)

    async def sweep(self) -> int:
        """Delete the sessions that are over, and the failed logins that no longer count; fire with
        how many these were.

        Works in slices, one in a turn of the reactor, so that nobody waits for it. A `LoopingCall`
        may run it.
        """
        return await self._sweep(Session, self._dead) + await self._sweep(
            LoginFailures, self._forgotten
        )

    async def _sweep(
        self, kind: type[R], dead: Callable[[Sequence[R]], Awaitable[Sequence[R]]]
    ) -> int:
        swept, after = 0, None
        while page := await self._store.page(kind, SLICE, after):
            if over := await dead(page):
                swept += await self._delete(kind, over)
            if len(page) < SLICE:
                break
            after = page[-1].id
            await deferLater(self._clock, 0)
        return swept

    async def _dead(self, sessions: Sequence[Session]) -> Sequence[Session]:
        now = self._now()
        alive = {session.id for session in await alive_in_company(self._store, sessions)}
        return [
            session
            for session in sessions
            if session.id not in alive or self._is_over(session, now)
        ]

    async def _forgotten(self, failures: Sequence[LoginFailures]) -> Sequence[LoginFailures]:
        now = self._now()
        return [each for each in failures if is_forgotten(each, now)]

    async def _delete(self, kind: type[R], records: Sequence[R]) -> int:
        async def delete(transaction: ITransaction) -> int:
            deleted = 0
            for record in records:
                try:
                    await transaction.delete(kind, record.id, expect=record.rev)
                except (NotFound, Outdated):
                    continue  # ended, or used, since it was read
                deleted += 1
            return deleted

        return await self._store.transact(delete)

    async def _owner(self, session: Session, now: datetime) -> Account:
        """Return whose session it is; raise `NotLoggedIn` where it is over or the account may not
        act.
        """
        if self._is_over(session, now):
            raise NotLoggedIn
        try:
            account = await self._store.get(Account, session.account_id)
            allowed = await may_act(self._store, account, session)
        except NotFound:
            raise NotLoggedIn from None
        if not allowed:
            raise NotLoggedIn
        return account

    def _is_over(self, session: Session, now: datetime) -> bool:
        # Either way, as a last use from before the clock was set back is in the future.
        idle, age = abs(now - session.used_at), now - session.created_at
        return idle >= self._idle_time(session) or not -SKEW <= age < self._age

    def _idle_time(self, session: Session) -> timedelta:
        return self._idle_at.get(session.dialect, self._idle)

    def _use_is_due(self, session: Session, now: datetime) -> bool:
        # Either way: a last use in the future, from before the clock went back, would keep the
        # session alive for longer.
        return abs(now - session.used_at) >= self._idle_time(session) / USES_PER_IDLE_TIME

    def _note_use(self, session: Session, now: datetime) -> None:
        if (
            session.id in self._being_written
            or now < self._rests_until
            or not self._use_is_due(session, now)
        ):
            return
        self._being_written.add(session.id)
        Deferred.fromCoroutine(self._write_use(session.id, now)).addBoth(
            self._use_written, session.id
        )

    async def _write_use(self, session_id: int, now: datetime) -> None:
        async def write(transaction: ITransaction) -> None:
            session = await transaction.get(Session, session_id)
            account = await transaction.get(Account, session.account_id)
            await transaction.lock(company_lock(account.company_id))
            # The new revision would revive a session that has ended with a change to the company
            # since it was resumed.
            if self._use_is_due(session, now) and await may_act(transaction, account, session):
                await transaction.update(Session, session_id, used_at=now)

        with suppress(NotFound):  # ended meanwhile
            await self._store.transact(write)

    def _use_written(self, result: Failure | None, session_id: int) -> None:
        self._being_written.discard(session_id)
        if isinstance(result, Failure):
            self._rests_until = self._now() + REST_AFTER_FAILURE
            _log.failure(
                "The last use of session {id} could not be written", failure=result, id=session_id
            )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), timezone.utc)


def _hash_of(token: str) -> str:
    return sha256(token.encode("ascii")).hexdigest()
