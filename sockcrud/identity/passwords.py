"""Passwords: what is kept of them, and the threads that work it out.

A password travels in here as its *digest*, its SHA-256 as 64 upper-case hex digits: some clients
never send more. What is kept is the argon2id hash of that.
"""

from __future__ import annotations

import os
import re
import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, Protocol, TypeVar

from argon2 import DEFAULT_HASH_LENGTH, DEFAULT_RANDOM_SALT_LENGTH, PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from sockcrud.errors import Busy, Invalid
from sockcrud.identity.fair_queue import FairQueue

T = TypeVar("T")

SHORTEST_PASSWORD: Final = 2
"""Of dialects whose documents, and whose clients in the field, take such passwords."""
LEAST_CHARACTERS: Final = 8
"""Of all others, unless it is set otherwise."""
MOST_WAITING: Final = 64
OURSELVES: Final = ""
"""The peer where nobody else asks for a hash."""

_DIGEST: Final = re.compile("[0-9A-Fa-f]{64}")


def digest_of(password: str) -> str:
    """Return the digest of a password, as the clients that hash it themselves would send it."""
    return sha256(password.encode("utf-8", "surrogatepass")).hexdigest().upper()


def checked_digest(digest: str) -> str:
    """Return a digest that came from outside in upper case; raise `Invalid` for anything but 64 hex
    digits.
    """
    if _DIGEST.fullmatch(digest) is None:
        raise Invalid("password", "the SHA-256 of the password as 64 hex digits")
    return digest.upper()


def check_password(password: str, least: int = SHORTEST_PASSWORD) -> None:
    """Raise `Invalid` for a password too short to be given to an account. A digest cannot tell, so
    ask before.
    """
    if len(password) < least:
        raise Invalid("password", f"{least} characters or more")


@frozen
class HashCost:
    """What one argon2id hash costs: passes, memory in KiB, lanes."""

    time_cost: int = 2
    memory_cost: int = 19_456
    parallelism: int = 1


STANDARD_COST: Final = HashCost()


def made_up_hash(cost: HashCost) -> str:
    """Return a hash that no password has: to compare with it costs as much as with any, and to make
    it costs nothing.
    """
    lengths = (DEFAULT_RANDOM_SALT_LENGTH, DEFAULT_HASH_LENGTH)
    salt, drawn = (
        b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in lengths
    )
    parameters = f"m={cost.memory_cost},t={cost.time_cost},p={cost.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${parameters}${salt}${drawn}"


class Pool(Protocol):
    """Where hashes are worked out."""

    def run(self, work: Callable[[], T], peer: str = OURSELVES) -> Awaitable[T]:
        """Return what `work()` gives, raise what it raises; raise `Busy` where too much waits
        already.

        `peer` is for whom: see `peer_of`.
        """


class InThisThread:
    """A pool without threads, for tests and for tools that have no reactor: it works at once, and
    blocks meanwhile.
    """

    async def run(self, work: Callable[[], T], peer: str = OURSELVES) -> T:
        return work()


class HashingThreads:
    """A pool of threads of its own, so that long hashes never keep the reactor or the store's reads
    waiting.

    The threads are shared out fairly among peers, as `FairQueue` does it: a flood of one address is
    refused as `Busy`, and a login of another waits for no more than a hash for each address that
    wants one. Work that is cancelled before it has begun is not done.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        threads: int | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._reactor = reactor
        self._threads = threads or max(1, _usable_cores() - 1)
        self._waiting = FairQueue(most_waiting)
        self._pool: ThreadPool | None = None
        self._working = 0
        self._idle: Deferred[None] | None = None

    def start(self) -> None:
        """Start the threads. Before this, and after `stop`, all work is refused as `Busy`."""
        self._pool = ThreadPool(self._threads, self._threads, name="sockcrud-hashing")
        self._pool.start()

    async def stop(self) -> None:
        """Refuse new work, fire when all that was taken has ended and its results are delivered.
        Harmless when repeated.
        """
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._working:
            self._idle = Deferred()
            await self._idle
        pool.stop()

    async def run(self, work: Callable[[], T], peer: str = OURSELVES) -> T:
        pool = self._pool
        if pool is None:
            raise Busy
        if self._working < self._threads:
            self._working += 1
        else:
            await self._waiting.wait(
                peer
            )  # whoever ends leaves the place to the next, and still counts
        # The caller gets a Deferred of its own: when it is cancelled the thread works on all the
        # same, and still counts.
        result: Deferred[T] = Deferred()
        working = deferToThreadPool(self._reactor, pool, work)
        working.addBoth(self._finished)
        working.chainDeferred(result)
        return await result

    def _finished(self, result: T | Failure) -> T | Failure:
        if not self._waiting.call_next():
            self._working -= 1
            if self._working == 0 and self._idle is not None:
                idle, self._idle = self._idle, None
                idle.callback(None)
        return result


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


class Passwords:
    """Hashes digests, and compares them with hashes, in a pool."""

    def __init__(self, pool: Pool, cost: HashCost = STANDARD_COST) -> None:
        self._pool = pool
        self._hasher = PasswordHasher(
            cost.time_cost, cost.memory_cost, cost.parallelism, type=Type.ID
        )
        self._nobodys_hash = made_up_hash(cost)

    async def hash(self, digest: str, peer: str = OURSELVES) -> str:
        """Return a new hash of the digest; raise `Busy`."""
        return await self._pool.run(lambda: self._hasher.hash(digest), peer)

    async def verify(self, digest: str, password_hash: str | None, peer: str = OURSELVES) -> bool:
        """Return whether the hash is one of this digest; raise `Busy`. With None, False at the same
        cost.
        """
        return await self._pool.run(lambda: self._fits(digest, password_hash), peer)

    def outdated(self, password_hash: str) -> bool:
        """Return whether a hash was made at another cost than is asked for now."""
        return self._hasher.check_needs_rehash(password_hash)

    def _fits(self, digest: str, password_hash: str | None) -> bool:
        if password_hash is not None:
            try:
                return self._hasher.verify(password_hash, digest)
            except InvalidHashError:
                # No hash at all, say from an import: refusing it faster would tell that there is
                # such an account.
                pass
            except VerificationError:
                return False
        self._fits(digest, self._nobodys_hash)
        return False
