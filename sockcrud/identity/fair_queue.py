"""A queue that is fair to peers: each has a queue of its own in it, and these have their turns one
after the other.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from twisted.internet.defer import Deferred

from sockcrud.errors import Busy

Turn = Deferred[None]

_NOBODY: Final[deque[Turn]] = deque()


class FairQueue:
    """Those who wait for their turn, at most so many in all.

    Where there is no room, the longest queue gives its latest turn up for a peer whose queue is
    shorter. So who asks much is refused much, and who asks little waits for one turn of each other
    peer.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._queues: dict[str, deque[Turn]] = {}  # in the order of their turns; none is empty

    async def wait(self, peer: str) -> None:
        """Return when it is this peer's turn; raise `Busy`. Who is cancelled waits no longer."""
        if self._size >= self._most:
            self._make_room(peer)
        turn: Turn = Deferred(lambda cancelled: self._remove(peer, cancelled))
        self._queues.setdefault(peer, deque()).append(turn)
        self._size += 1
        await turn

    def call_next(self) -> bool:
        """Let whoever is next have their turn. Return whether there was anybody."""
        if not self._queues:
            return False
        peer, queue = next(iter(self._queues.items()))
        turn = queue[0]
        self._remove(peer, turn)
        if queue:
            self._queues[peer] = self._queues.pop(peer)  # behind the others
        turn.callback(None)
        return True

    def _make_room(self, peer: str) -> None:
        longest = max(self._queues, key=lambda peer: len(self._queues[peer]), default=peer)
        # Where both would be as long as each other afterwards, who came first stays: or they would
        # chase each other out.
        if len(self._queues.get(longest, _NOBODY)) <= len(self._queues.get(peer, _NOBODY)) + 1:
            raise Busy
        latest = self._queues[longest][-1]
        self._remove(longest, latest)
        latest.errback(Busy())

    def _remove(self, peer: str, turn: Turn) -> None:
        queue = self._queues[peer]
        queue.remove(turn)
        self._size -= 1
        if not queue:
            del self._queues[peer]
