"""Whose turn it is: work that one connection cannot finish in its turn waits here, and is shared
out by peer.

A connection whose bytes are cheap to serve never comes here: it is served when they arrive. One
whose turn is used up (`TURN_SECONDS` of work, or an answer's worth of bytes) is queued, and so is
every connection that has something to do after `BUDGET_SECONDS` of expensive work in one turn of
the reactor, and so is an operation that has waited for the store and goes on then. In the next turn
the queues get as much again, the peers one after the other, however many connections each of them
has. Those that have been cheap so far (`light`) come before all others: else one who asks for a
user would wait for three hundred strangers who each ask for everything. The others get the rest of
the time, and one turn at least. So what a stranger sends keeps others waiting for some
milliseconds, whatever it is and however often he connects.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

TURN_SECONDS: Final = 0.002
"""Work of one connection, after which it is the others' turn."""
LIGHT_TURN_SECONDS: Final = 0.0002
"""The same of one that goes before the others because it has been cheap: it shows that it still is.
"""
BUDGET_SECONDS: Final = 0.004
"""Expensive work in one turn of the reactor, after which what else there is waits for the next."""
WORTH_A_CALL: Final = 0.001
"""Of these, what is to be forgotten when the turn is over; less adds up over several turns."""
LIGHT_SECONDS: Final = 0.003
"""Of these, for those that have been cheap so far; where there are others, they get the rest."""
BYTES_A_SECOND: Final = 128 * 1024 * 1024
"""About so much is encoded: the work that an answer was is told from its length, which costs less
than a look at the clock.
"""

_log: Final = Logger()


class Worker(Protocol):
    """What can be scheduled: a connection."""

    @property
    def peer_key(self) -> Hashable:
        """Return what all connections of one peer have in common."""

    def take_turn(self, seconds: float) -> None:
        """Work on, for about so long; schedule again where more is left."""


class _Pause:
    """Work that is not a connection's own, and waits for a turn like one."""

    def __init__(self, peer_key: Hashable) -> None:
        self.peer_key = peer_key
        self.over: Deferred[None] = Deferred()

    def take_turn(self, seconds: float) -> None:
        self.over.callback(None)


class _Resumption:
    """What has waited for an outcome, and goes on with it when its turn comes."""

    def __init__(self, peer_key: Hashable, go_on: Callable[[Any], None], outcome: Any) -> None:
        self.peer_key = peer_key
        self._go_on = go_on
        self._outcome = outcome

    def take_turn(self, seconds: float) -> None:
        self._go_on(self._outcome)


class _Queue:
    """The connections that wait, by peer: the peers one after the other."""

    __slots__ = ("_peers",)

    def __init__(self) -> None:
        self._peers: OrderedDict[Hashable, deque[Worker]] = OrderedDict()

    def append(self, worker: Worker) -> None:
        peer = worker.peer_key
        waiting = self._peers.get(peer)
        if waiting is None:
            waiting = self._peers[peer] = deque()
        waiting.append(worker)

    def next(self) -> Worker:
        peer, waiting = self._peers.popitem(last=False)
        worker = waiting.popleft()
        if waiting:
            self._peers[peer] = waiting  # behind all other peers
        return worker

    def __bool__(self) -> bool:
        return bool(self._peers)


class Scheduler:
    """Shares the reactor's thread out among connections that have more to do than one turn
    allows.
    """

    def __init__(self, clock: IReactorTime, now: Callable[[], float] = perf_counter) -> None:
        self.now = now
        """Return the time that work is measured by."""
        self._clock = clock
        self._light, self._heavy = _Queue(), _Queue()
        self._queued: set[Worker] = set()
        self._is_due = False
        self._spent = 0.0
        self.exhausted = False
        """Whether this turn of the reactor has had its share of expensive work: schedule what comes
        now.
        """

    def __len__(self) -> int:
        """Return how many connections wait."""
        return len(self._queued)

    def charge(self, seconds: float) -> None:
        """Take note of expensive work that was done at once."""
        self._spent += seconds
        if self._spent > BUDGET_SECONDS:
            self.exhausted = True
        if self._spent > WORTH_A_CALL:
            self._run_later()  # the next turn of the reactor has a budget of its own

    def schedule(self, worker: Worker, light: bool = False) -> None:
        """Return the connection its turn in a later turn of the reactor. One that waits already
        goes on waiting.
        """
        if worker in self._queued:
            return
        self._queued.add(worker)
        (self._light if light else self._heavy).append(worker)
        self._run_later()

    def pause(self, peer_key: Hashable) -> Deferred[None]:
        """Return what fires when it is the turn again of work for this peer that has used up
        one.
        """
        pause = _Pause(peer_key)
        self.schedule(pause)
        return pause.over

    def resume(
        self, peer_key: Hashable, light: bool, go_on: Callable[[Any], None], outcome: Any
    ) -> None:
        """Have an operation go on that has waited: at once, or, where others wait for a turn, or
        this turn of the reactor has had its share of work, in a later one. A store may have the
        answers for a thousand at the same moment: they go on by peer, and who asks little does not
        wait for who asks much.
        """
        if self._queued or self.exhausted:
            self.schedule(_Resumption(peer_key, go_on, outcome), light)
        else:
            began = self.now()
            go_on(outcome)
            self.charge(self.now() - began)

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
            if not self._light and not self._heavy:
                break
            is_late = self.now() - started > LIGHT_SECONDS
            is_heavy = bool(self._heavy) and (is_late or not self._light)
            worker = (self._heavy if is_heavy else self._light).next()
            self._queued.discard(worker)
            try:
                worker.take_turn(TURN_SECONDS if is_heavy else LIGHT_TURN_SECONDS)
            except Exception:
                _log.failure("a connection could not take its turn")
            if self.now() - started > BUDGET_SECONDS:
                break
        self._spent = 0.0
        self.exhausted = False
        if self._queued:
            self._run_later()
