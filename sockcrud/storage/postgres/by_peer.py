"""What waits, by peer: the peers one after the other, however much each of them has asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def _anyone(peer: str) -> bool:
    return True


class ByPeer(Generic[T]):
    """A queue for each peer, of which `pop` takes one item in turn."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[T]] = {}  # in the order of their turns; none is empty

    def __bool__(self) -> bool:
        return bool(self._queues)

    def append(self, peer: str, item: T) -> None:
        """Put an item behind those of the same peer."""
        queue = self._queues.get(peer)
        if queue is None:
            queue = self._queues[peer] = deque()
        queue.append(item)

    def pop(self, may: Callable[[str], bool] = _anyone) -> T | None:
        """Take the first item of the peer whose turn it is among those that may; return None where
        there is none.
        """
        peer = next(filter(may, self._queues), None)
        if peer is None:
            return None
        queue = self._queues.pop(peer)
        item = queue.popleft()
        if queue:
            self._queues[peer] = queue  # behind all other peers
        return item
