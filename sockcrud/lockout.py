"""Failed logins, and the delays they earn: guessing gets slow, for one login name from one address at a time."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sockcrud.errors import LoginDelayed, NotFound
from sockcrud.model import LoginFailures
from sockcrud.stores.interfaces import IStore, ITransaction

FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""Failed logins count until their delay has been over for this long."""

MOST_WAITING: Final = 64
"""Attempts for one key that may wait for others to be decided."""

_LONGEST_NAME: Final = 1000


def is_forgotten(failures: LoginFailures, now: datetime) -> bool:
    """Tell whether the failures are so old that they no longer count."""
    return failures.delayed_until + FORGOTTEN_AFTER <= now


@frozen
class Delays:
    """So many failures are free; the one that uses them up earns the first delay, and each further one twice the last."""

    free_failures: int = 10
    first: float = 1.0
    longest: float = 900.0

    def after(self, failures: int) -> float:
        """Give the seconds to wait after so many failures in a row."""
        doublings = failures - max(self.free_failures, 1)
        return 0.0 if doublings < 0 else min(self.longest, self.first * 2.0 ** min(doublings, 60))


STANDARD_DELAYS: Final = Delays()


def failures_key(login: str, address: str) -> str:
    """Give the key that failures are counted under. It is short and in order whatever was sent.

    It is hashed also because people type their passwords into the field of the name.
    """
    name = login[:_LONGEST_NAME].casefold()
    return sha256(f"{len(name)} {name} {address}".encode("utf-8", "surrogatepass")).hexdigest()


class _Attempts:
    """The attempts for one key that are under way in this process."""

    __slots__ = ("__weakref__", "decided", "undecided", "waiting")

    def __init__(self) -> None:
        self.undecided = 0
        self.decided = 0
        self.waiting: list[Deferred[None]] = []


class Attempt:
    """One admitted attempt. Whoever got it calls `end`, whatever becomes of it."""

    def __init__(self, key: str, attempts: _Attempts) -> None:
        self.key = key
        self._attempts = attempts
        attempts.undecided += 1

    def end(self) -> None:
        """Make room for the attempts that wait. Failures are counted before this."""
        attempts = self._attempts
        attempts.undecided -= 1
        attempts.decided += 1
        waiting, attempts.waiting = attempts.waiting, []
        for turn in waiting:
            turn.callback(None)


class Lockout:
    """Decides which login attempts are worth a hash."""

    def __init__(self, store: IStore, clock: IReactorTime, delays: Delays = STANDARD_DELAYS) -> None:
        self._store = store
        self._clock = clock
        self._delays = delays
        self._attempts: WeakValueDictionary[str, _Attempts] = WeakValueDictionary()

    async def admit(self, login: str, address: str) -> Attempt:
        """Fire with the attempt when it may be hashed; fail with `LoginDelayed`.

        An attempt under way counts as a failure until it is decided. Where that leaves no free failure, the next waits
        for it: so parallel guesses gain nothing, and parallel logins with the right password lose nothing.
        """
        key = failures_key(login, address)
        attempts = self._attempts.setdefault(key, _Attempts())
        while True:
            decided = attempts.decided
            failures = await self._count(key)
            if decided != attempts.decided:
                continue  # what was read may be older than an attempt that no longer counts as under way
            if attempts.undecided == 0 or failures + attempts.undecided < self._delays.free_failures:
                return Attempt(key, attempts)
            if len(attempts.waiting) >= MOST_WAITING:
                raise LoginDelayed(self._delays.first)
            turn: Deferred[None] = Deferred()
            attempts.waiting.append(turn)
            await turn

    async def _count(self, key: str) -> int:
        """Fire with how many failures count now; fail with `LoginDelayed`."""
        known = await self._store.find(LoginFailures, "key", key)
        now = self._now()
        if known is None or is_forgotten(known, now):
            return 0
        left = (known.delayed_until - now).total_seconds()
        # Longer than any delay: it was written before the clock went back, and would hold people up for no reason.
        if 0 < left <= self._delays.longest:
            raise LoginDelayed(left)
        return known.failures

    async def count_failure(self, attempt: Attempt) -> None:
        """Fire when the failure is counted for good."""

        async def count(transaction: ITransaction) -> None:
            await transaction.alone(f"login failures {attempt.key}")
            now = self._now()
            known = await transaction.find(LoginFailures, "key", attempt.key)
            failures = 1 if known is None or is_forgotten(known, now) else known.failures + 1
            delayed_until = now + timedelta(seconds=self._delays.after(failures))
            if known is not None:
                try:
                    await transaction.update(LoginFailures, known.id, failures=failures, delayed_until=delayed_until)
                    return
                except NotFound:
                    pass  # swept in this moment
            await transaction.insert(LoginFailures, key=attempt.key, failures=failures, delayed_until=delayed_until)

        await self._store.transact(count)

    async def clear(self, attempt: Attempt) -> None:
        """Fire when no failure is counted any more."""
        known = await self._store.find(LoginFailures, "key", attempt.key)
        if known is not None:
            with suppress(NotFound):  # cleared or swept in this moment
                await self._store.delete(LoginFailures, known.id)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), timezone.utc)
