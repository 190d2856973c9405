"""All open connections of the daemon: how many there may be, what they may hold, and how they end
together.

What all connections share is shared out by peer. A peer is an address, of IPv6 the /64 network it
is in: whoever has one address of such a network has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from attrs import Factory, define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sockcrud.peers import is_local, peer_of
from sockcrud.protocols.recording import Recorder
from sockcrud.protocols.scheduler import Scheduler

SPARE_DESCRIPTORS: Final = 256
"""Left to files, listeners, and the busy answers to those who come too many."""
RESERVE: Final = 32
"""Connections for the administration when all others are taken."""
MOST_REFUSED: Final = 64
"""Connections too many that may wait to have read their busy answer; others are closed without a
word.
"""
SHED_TO: Final = 0.9
"""The part of a budget down to which connections are ended once it is exceeded."""
CONNECTION_BYTES: Final = 16 * 1024
"""About what a connection takes while it is open, with TLS three times as much."""
MOST_PIPELINED: Final = 1024
"""Operations that may be under way beyond one for each connection. One that waits for the store
takes 4 KB, and the search for garbage looks through it; a store answers no faster for more."""
LOG_SECONDS: Final = 10.0
"""What a stranger can repeat as often as he likes is logged once in so many seconds, as a count."""

_log: Final = Logger()


class Admitted(Protocol):
    """A connection, as far as `Connections` knows it."""

    @property
    def peer(self) -> Peer:
        """Return the account of who is at the other end."""

    @property
    def usage(self) -> Usage:
        """Return what it holds of the daemon's memory."""

    def finish(self) -> None:
        """Read no more, answer what was received, say farewell, close."""

    def abort(self) -> None:
        """Close at once, whatever is unsaid."""


@define(eq=False)
class Peer:
    """What one peer has open, over all its connections."""

    key: str
    is_local: bool
    """Whether it is this machine, where a proxy brings the connections of many."""
    connections: int = 0
    streams: int = 0
    pipelined: int = 0
    """Operations under way that are not the only one of their connection."""


@define(eq=False)
class Usage:
    """Bytes that a connection holds beyond what passes through: answers not sent, requests not
    complete.
    """

    unsent: int = 0
    unfinished: int = 0


@frozen
class Shares:
    """What one peer may have of what all share. (This machine itself may have everything: it may be
    a proxy.)
    """

    connections: float = 0.25
    """The part of all connections."""
    streams: int = 64
    """Long lists that are being sent."""
    pipelined: int = 512
    """Operations under way that are not the only one of their connection."""


@frozen
class Budgets:
    """Bytes that all connections together may hold; beyond that those that hold most are ended."""

    unsent: int = 256 * 1024 * 1024
    unfinished: int = 256 * 1024 * 1024


@define
class Tally:
    """Counts what happens often, and logs it at most once in `LOG_SECONDS`."""

    message: str
    clock: IReactorTime
    _count: int = 0
    _logged_at: float = -LOG_SECONDS

    def count(self, number: int = 1) -> None:
        """Take note of so many more."""
        self._count += number
        if self.clock.seconds() - self._logged_at >= LOG_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Log what was counted and not logged, if anything was."""
        if self._count:
            _log.warn(self.message, count=self._count)
            self._count = 0
            self._logged_at = self.clock.seconds()


class Connections:
    """The open connections of the daemon: at most `most`, and at most a share of them for one peer.

    `reserve` connections more are there for who comes by a `Listening` with `reserved`.
    """

    def __init__(
        self,
        most: int,
        clock: IReactorTime,
        *,
        reserve: int = RESERVE,
        shares: Shares | None = None,
        budgets: Budgets | None = None,
        interfere: Callable[[Any], object] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.most = most
        self.shares = shares or Shares()
        self.budgets = budgets or Budgets()
        self.scheduler = Scheduler(clock)
        self.interfere = interfere
        """Gets each connection before its first request, where testers want faults."""
        self.recorder = recorder
        """What keeps the last requests and answers, if anything does."""
        self.unsent = 0
        """Bytes of answers that all connections hold because their peers do not read."""
        self.unfinished = 0
        """Bytes of requests that are not complete."""
        self.pipelined = 0
        """Operations under way that are not the only one of their connection."""
        self.released = 0
        """About how many bytes connections have held that have let go of them since."""
        self._reserve = reserve
        self._open: set[Admitted] = set()
        self._refused: set[Admitted] = set()
        self._peers: dict[str, Peer] = {}
        self._empty: Deferred[None] | None = None
        self._refusals = Tally("{count} connections too many were refused", clock)
        self._unaccepted = Tally(
            "{count} connections were closed at once because no descriptor was left for them", clock
        )
        self._shedding = Tally(
            "{count} connections were ended because all together held too many bytes", clock
        )

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Admitted]:
        return iter(self._open)

    def peer(self, address: str) -> Peer:
        """Return the account of the peer at this address."""
        key = peer_of(address)
        return self._peers.get(key) or Peer(key, is_local(address))

    def may_pipeline(self, peer: Peer) -> bool:
        """Return whether this peer may have one more operation under way behind others."""
        return self.pipelined < MOST_PIPELINED and peer.pipelined < self.shares.pipelined

    def admit(self, connection: Admitted, reserved: bool = False) -> bool:
        """Take a new connection in; return False where there are too many, or where all are about
        to end.
        """
        if self._empty is not None:
            return False
        most, peer = self.most + self._reserve * reserved, connection.peer
        share = most if peer.is_local else max(1, int(most * self.shares.connections))
        if len(self._open) >= most or peer.connections >= share:
            self._refusals.count()
            return False
        self._open.add(connection)
        peer.connections += 1
        self._peers[peer.key] = peer
        return True

    def linger(self, connection: Admitted) -> bool:
        """Return whether a refused connection may wait until its peer has read why; `leave` ends
        that.
        """
        if len(self._refused) >= MOST_REFUSED:
            return False
        self._refused.add(connection)
        return True

    def leave(self, connection: Admitted) -> None:
        """Forget a connection that has ended."""
        self._refused.discard(connection)
        if connection not in self._open:
            return
        self._open.discard(connection)
        self.account(connection, 0, 0)
        self.released += CONNECTION_BYTES
        peer = connection.peer
        peer.connections -= 1
        if not peer.connections:
            self._peers.pop(peer.key, None)
        if self._empty is not None and not self._open and not self._empty.called:
            self._empty.callback(None)

    # What they hold

    def account(self, connection: Admitted, unsent: int, unfinished: int) -> None:
        """Take note of what a connection holds now. End those that hold most where it is too much
        in all.
        """
        usage = connection.usage
        self.released += max(0, usage.unsent - unsent) + max(0, usage.unfinished - unfinished)
        self.unsent += unsent - usage.unsent
        self.unfinished += unfinished - usage.unfinished
        usage.unsent, usage.unfinished = unsent, unfinished
        if self.unsent > self.budgets.unsent:
            self._shed("unsent", self.budgets.unsent)
        if self.unfinished > self.budgets.unfinished:
            self._shed("unfinished", self.budgets.unfinished)

    def _shed(self, what: str, budget: int) -> None:
        """End connections of the peers that hold most, those that hold most first, until the budget
        is kept again.
        """
        by_peer: dict[str, int] = {}
        for connection in self._open:
            key = connection.peer.key
            by_peer[key] = by_peer.get(key, 0) + getattr(connection.usage, what)
        order = sorted(
            self._open,
            key=lambda each: (by_peer[each.peer.key], getattr(each.usage, what)),
            reverse=True,
        )
        ended = 0
        for connection in order:
            if getattr(self, what) <= budget * SHED_TO:
                break
            if getattr(connection.usage, what):
                self.account(connection, 0, 0)
                connection.abort()
                ended += 1
        self._shedding.count(ended)

    def count_unaccepted(self) -> None:
        """Take note of a connection that the system had no descriptor for."""
        self._unaccepted.count()

    def flush_log(self) -> None:
        """Log what was counted and not logged yet."""
        self._refusals.flush()
        self._unaccepted.flush()
        self._shedding.flush()

    # The end

    @property
    def are_ending(self) -> bool:
        """Whether all are about to end."""
        return self._empty is not None

    async def finish(self, clock: IReactorTime, grace: float) -> None:
        """End them all and return when the last has ended: each in its own time, after `grace`
        seconds at once.
        """
        self._empty = Deferred()
        for connection in list(self._open):
            connection.finish()
        for connection in list(self._refused):
            connection.abort()
        if not self._open:
            return
        overtime = clock.callLater(grace, self._abort_all)
        await self._empty
        if overtime.active():
            overtime.cancel()

    def _abort_all(self) -> None:
        for connection in list(self._open):
            connection.abort()


@define(eq=False)
class Listening:
    """The connections of one listener, counted apart. `reserved` opens the reserve to them."""

    all: Connections
    reserved: bool = False
    dialect: str = ""
    unrecorded: tuple[str, ...] = ()
    """How the paths begin of requests that are not recorded."""
    _open: set[Admitted] = Factory(set)

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Admitted) -> bool:
        """Take a new connection in; return False where there are too many."""
        if not self.all.admit(connection, self.reserved):
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: Admitted) -> None:
        """Forget a connection that has ended."""
        self._open.discard(connection)
        self.all.leave(connection)


def raise_descriptor_limit() -> int | None:
    """Raise the soft limit on open descriptors to the hard one, and return it; None where there is
    none to be told.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return None if hard == resource.RLIM_INFINITY else hard
