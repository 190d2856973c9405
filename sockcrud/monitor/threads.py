"""A thread for what blocks: files and terminals. What it is given is done in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


class OneThread:
    """A thread. It starts with the first work, and is to be stopped."""

    def __init__(self, reactor: Any, name: str) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(1, 1, name=name)

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Return what `work()` gives, or raise what it raises."""
        if not self._pool.started:
            self._pool.start()
        result: Deferred[T] = deferToThreadPool(self._reactor, self._pool, work)
        return result

    def stop(self) -> None:
        """Wait for what is under way, and end."""
        if self._pool.started:
            self._pool.stop()
