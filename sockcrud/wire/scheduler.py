"""Whose turn it is: work that one connection cannot finish in its turn waits here, and is shared out by peer.

A connection whose bytes are cheap to serve never comes here: it is served when they arrive. One whose turn is used up
(`TURN_SECONDS` of work, or an answer's worth of bytes) is queued, and so is every connection that has something to do
after `BUDGET_SECONDS` of expensive work in one turn of the reactor. In the next turn the queue gets as much again, the
peers one after the other, however many connections each of them has: so what a stranger sends keeps others waiting
for some milliseconds, whatever it is and however often he connects.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

TURN_SECONDS: Final = 0.002
"""Work of one connection, after which it is the others' turn."""
BUDGET_SECONDS: Final = 0.005
"""Expensive work in one turn of the reactor, after which what else there is waits for the next."""
BYTES_A_SECOND: Final = 128 * 1024 * 1024
"""About so much is encoded: the work that an answer was is told from its length, which costs less than a look at the clock."""

_log: Final = Logger()


class Worker(Protocol):
    """What can be scheduled: a connection."""

    @property
    def peer_key(self) -> Hashable:
        """Return what all connections of one peer have in common."""

    def take_turn(self) -> None:
        """Work on, for about `TURN_SECONDS`; schedule again where more is left."""


class _Pause:
    """Work that is not a connection's own, and waits for a turn like one."""

    def __init__(self, peer_key: Hashable) -> None:
        self.peer_key = peer_key
        self.over: Deferred[None] = Deferred()

    def take_turn(self) -> None:
        self.over.callback(None)


class _Queue:
    """The connections of one peer that wait: those that only came at a bad moment before those that used up a turn."""

    __slots__ = ("heavy", "light")

    def __init__(self) -> None:
        self.light: deque[Worker] = deque()
        self.heavy: deque[Worker] = deque()

    def next(self) -> Worker:
        return self.light.popleft() if self.light else self.heavy.popleft()

    def __bool__(self) -> bool:
        return bool(self.light or self.heavy)


class Scheduler:
    """Shares the reactor's thread out among connections that have more to do than one turn allows."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float] = perf_counter) -> None:
        self.now = now
        """Return the time that work is measured by."""
        self._clock = clock
        self._queues: OrderedDict[Hashable, _Queue] = OrderedDict()
        self._queued: set[Worker] = set()
        self._is_due = False
        self._spent = 0.0
        self.exhausted = False
        """Whether this turn of the reactor has had its share of expensive work: schedule what comes now as `light`."""

    def __len__(self) -> int:
        """Return how many connections wait."""
        return len(self._queued)

    def charge(self, seconds: float) -> None:
        """Take note of expensive work that was done at once."""
        self._spent += seconds
        if self._spent > BUDGET_SECONDS:
            self.exhausted = True
            self._run_later()

    def schedule(self, worker: Worker, light: bool = False) -> None:
        """Give the connection its turn in a later turn of the reactor. One that waits already goes on waiting."""
        if worker in self._queued:
            return
        self._queued.add(worker)
        queue = self._queues.get(worker.peer_key)
        if queue is None:
            queue = self._queues[worker.peer_key] = _Queue()
        (queue.light if light else queue.heavy).append(worker)
        self._run_later()

    def pause(self, peer_key: Hashable) -> Deferred[None]:
        """Return what fires when it is the turn again of work for this peer that has used up one."""
        pause = _Pause(peer_key)
        self.schedule(pause)
        return pause.over

    def _run_later(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._clock.callLater(0, self._run)

    def _run(self) -> None:
        self._is_due = False
        self.exhausted = False
        self._spent = 0.0
        started = self.now()
        for _ in range(len(self._queued)):  # what is queued again meanwhile is for a later turn
            peer, queue = self._queues.popitem(last=False)
            worker = queue.next()
            if queue:
                self._queues[peer] = queue  # behind all other peers
            self._queued.discard(worker)
            try:
                worker.take_turn()
            except Exception:
                _log.failure("a connection could not take its turn")
            if self.now() - started > BUDGET_SECONDS:
                break
        self._spent = 0.0
        self.exhausted = False
        if self._queued:
            self._run_later()
