"""Failed logins, and the delays they earn: guessing gets slow.

Two counters run beside each other, both in the store, so for all nodes:

- one for each login name **and peer** (`peer_of` its address), which ten failures use up and the
  right password clears;
- a slow one for each login name alone, for who guesses from many addresses. It neither counts nor
  delays the failures of a peer that has logged in to that account before: others cannot lock its
  owner out. Nothing clears it but time, or whoever guesses would have as many guesses again with
  each login of the owner.

A login name that is nobody's is counted like any other, or the delays would tell which are
somebody's.

What strangers can insert is bounded. The rows of pairs live little more than an hour, and a node
inserts `MOST_ROWS` of them in an hour and no more: where there is none for a pair, it is the slow
counter that counts. Of its rows there are 65,536, by the beginning of the name's hash; names that
meet in one share its count, which makes it no easier to delay one of them than its own name does.
Of the peers that an account knows there are `_PLACES` rows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sockcrud.errors import LoginDelayed, NotFound
from sockcrud.identity.records import LoginFailures
from sockcrud.peers import peer_of
from sockcrud.records.lookalikes import caseless
from sockcrud.storage.contract import IReads, IStore, ITransaction

FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""Failed logins count until their delay has been over for this long."""

KNOWN_FOR: Final = timedelta(days=90)
"""A peer that has logged in to an account is known there for this long, and from then on anew with
each login.
"""

MOST_WAITING: Final = 64
"""Attempts for one key that may wait for others to be decided."""

MOST_ROWS: Final = 50_000
"""Failures of pairs that a node counts within `FORGOTTEN_AFTER`, of peers that the accounts do not
know.

With the rows of the slow counter they take 44 MiB of memory.
"""

SLOWER: Final = 5
"""So many times the free failures of one peer are free for an account: more people than one
mistype, but few at a time.
"""

SLOW_LONGEST: Final = 60.0
"""The longest delay in seconds that strangers earn an account's other strangers: its owner may be
among them.
"""

_LONGEST_NAME: Final = 1000
_PLACES: Final = 16
_FINGERPRINT: Final = 2**63 - 1


def is_forgotten(failures: LoginFailures, now: datetime) -> bool:
    """Return whether the failures are so old that they no longer count."""
    return failures.delayed_until + FORGOTTEN_AFTER <= now


@frozen
class Delays:
    """So many failures are free; the one that uses them up earns the first delay, and each further
    one twice the last.
    """

    free_failures: int = 10
    first: float = 1.0
    longest: float = 900.0

    def after(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        doublings = failures - max(self.free_failures, 1)
        return 0.0 if doublings < 0 else min(self.longest, self.first * 2.0 ** min(doublings, 60))

    @property
    def slow(self) -> Delays:
        """Those of the slow counter beside these."""
        return Delays(
            max(self.free_failures, 1) * SLOWER, self.first, min(self.longest, SLOW_LONGEST)
        )


STANDARD_DELAYS: Final = Delays()


@frozen
class _Keys:
    """What a login name from an address is counted under. They are short and in order whatever was
    sent.

    They are hashed also because people type their passwords into the field of the name.
    """

    pair: str
    account: str
    known: str
    """Where the account's peer may be remembered: others that fall on the same place take it over.
    """
    fingerprint: int
    """What is remembered there."""


def _keys(login: str, address: str) -> _Keys:
    name = caseless(login[:_LONGEST_NAME])
    peer = peer_of(address)
    pair = sha256(f"{len(name)} {name} {peer}".encode("utf-8", "surrogatepass"))
    account = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    fingerprint = int.from_bytes(pair.digest()[:8], "big") % _FINGERPRINT + 1
    known = f"known {account} {fingerprint % _PLACES}"
    return _Keys(pair.hexdigest(), f"account {account[:4]}", known, fingerprint)


class _Attempts:
    """The attempts for one key that are under way in this process."""

    __slots__ = ("__weakref__", "decided", "undecided", "waiting")

    def __init__(self) -> None:
        self.undecided = 0
        self.decided = 0
        self.waiting: list[Deferred[None]] = []

    def begin(self) -> None:
        """Count one more as a failure until it is decided."""
        self.undecided += 1

    def end(self) -> None:
        """Make room for the attempts that wait. Failures are counted before this."""
        self.undecided -= 1
        self.decided += 1
        waiting, self.waiting = self.waiting, []
        for turn in waiting:
            turn.callback(None)


class _Counter:
    """Failures in a row by key, and which attempts they leave to be made."""

    def __init__(self, store: IStore, now: Callable[[], datetime], delays: Delays) -> None:
        self._store = store
        self._now = now
        self._delays = delays
        self._attempts: WeakValueDictionary[str, _Attempts] = WeakValueDictionary()

    async def admit(self, key: str) -> _Attempts:
        """Return when an attempt may be made, which is under way then; raise `LoginDelayed`.

        An attempt under way counts as a failure until it is decided. Where that leaves no free
        failure, the next waits for it: so parallel guesses gain nothing, and parallel logins with
        the right password lose nothing.
        """
        attempts = self._attempts.setdefault(key, _Attempts())
        while True:
            decided = attempts.decided
            failures = await self._count(key)
            if decided != attempts.decided:
                # what was read may be older than an attempt that no longer counts as under way
                continue
            if (
                attempts.undecided == 0
                or failures + attempts.undecided < self._delays.free_failures
            ):
                attempts.begin()
                return attempts
            if len(attempts.waiting) >= MOST_WAITING:
                raise LoginDelayed(self._delays.first)
            turn: Deferred[None] = Deferred()
            attempts.waiting.append(turn)
            await turn

    async def _count(self, key: str) -> int:
        """Return how many failures count now; raise `LoginDelayed`."""
        known = await _current(self._store, key, self._now())
        if known is None:
            return 0
        left = (known.delayed_until - self._now()).total_seconds()
        # Longer than any delay: it was written before the clock went back, and would hold people up
        # for no reason.
        if 0 < left <= self._delays.longest:
            raise LoginDelayed(left)
        return known.failures

    async def count_failure(
        self, transaction: ITransaction, key: str, may_insert: bool = True
    ) -> None:
        """Return when one more failure is counted, if there is a row for it or one may be
        inserted.
        """
        await transaction.lock(f"login failures {key}")
        now = self._now()
        known = await transaction.find(LoginFailures, "key", key)
        failures = 1 if known is None or is_forgotten(known, now) else known.failures + 1
        await _put(
            transaction,
            known,
            key,
            failures,
            now + timedelta(seconds=self._delays.after(failures)),
            may_insert,
        )


async def _current(reads: IReads, key: str, now: datetime) -> LoginFailures | None:
    """Return what is kept under the key, if that still counts."""
    found = await reads.find(LoginFailures, "key", key)
    return None if found is None or is_forgotten(found, now) else found


async def _put(
    transaction: ITransaction,
    known: LoginFailures | None,
    key: str,
    failures: int,
    until: datetime,
    may_insert: bool = True,
) -> None:
    """Keep this under the key, in the place of what is known."""
    if known is not None:
        try:
            await transaction.update(
                LoginFailures, known.id, failures=failures, delayed_until=until
            )
            return
        except NotFound:
            pass  # swept in this moment
    if may_insert:
        await transaction.insert(LoginFailures, key=key, failures=failures, delayed_until=until)


@frozen
class Attempt:
    """One admitted attempt. Whoever got it calls `end`, whatever becomes of it."""

    keys: _Keys
    known: LoginFailures | None
    """What tells that this peer has logged in to the account before."""
    _under_way: list[_Attempts]

    def end(self) -> None:
        """Make room for the attempts that wait. Failures are counted before this."""
        for attempts in self._under_way:
            attempts.end()


class Lockout:
    """Decides which login attempts are worth a hash."""

    def __init__(
        self, store: IStore, clock: IReactorTime, delays: Delays = STANDARD_DELAYS
    ) -> None:
        self._store = store
        self._clock = clock
        self._by_pair = _Counter(store, self._now, delays)
        self._by_account = _Counter(store, self._now, delays.slow)
        self._room = float(MOST_ROWS)
        self._room_at = clock.seconds()

    async def admit(self, login: str, address: str) -> Attempt:
        """Return the attempt when it may be hashed; raise `LoginDelayed`."""
        keys = _keys(login, address)
        under_way = [await self._by_pair.admit(keys.pair)]
        try:
            known = await _current(self._store, keys.known, self._now())
            if known is not None and known.failures != keys.fingerprint:
                known = None
            if known is None:
                under_way.append(await self._by_account.admit(keys.account))
        except BaseException:  # also where the caller gives up
            under_way[0].end()
            raise
        return Attempt(keys, known, under_way)

    async def count_failure(self, attempt: Attempt) -> None:
        """Return when the failure is counted for good."""
        keys, is_known = attempt.keys, attempt.known is not None
        has_room = is_known or self._has_room()

        async def count(transaction: ITransaction) -> None:
            await self._by_pair.count_failure(transaction, keys.pair, has_room)
            if not is_known:
                await self._by_account.count_failure(transaction, keys.account)

        await self._store.transact(count)

    async def succeed(self, attempt: Attempt) -> None:
        """Return when no failure of this peer is counted any more, and the account knows it."""
        keys, known = attempt.keys, attempt.known
        failed = await self._store.find(LoginFailures, "key", keys.pair)
        until = self._now() + KNOWN_FOR - FORGOTTEN_AFTER
        if failed is None and known is not None and until - known.delayed_until < KNOWN_FOR / 2:
            return  # not every login is to be written down

        async def remember(transaction: ITransaction) -> None:
            await transaction.lock(f"login failures {keys.known}")
            known = await transaction.find(LoginFailures, "key", keys.known)
            await _put(transaction, known, keys.known, keys.fingerprint, until)
            if failed is not None:
                with suppress(NotFound):  # cleared or swept in this moment
                    await transaction.delete(LoginFailures, failed.id)

        await self._store.transact(remember)

    def _has_room(self) -> bool:
        """Take the right to insert one more row, if there is one: they come back one by one within
        `FORGOTTEN_AFTER`.
        """
        now = self._clock.seconds()
        back = (now - self._room_at) * MOST_ROWS / FORGOTTEN_AFTER.total_seconds()
        self._room, self._room_at = min(MOST_ROWS, self._room + max(back, 0.0)), now
        if self._room < 1:
            return False
        self._room -= 1
        return True

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), timezone.utc)
