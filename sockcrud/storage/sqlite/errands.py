"""What is done beside everything else, in threads of its own."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from sockcrud.storage.contract import T


class Errands:
    """Work in a thread each, and the end of all that is under way."""

    def __init__(self, reactor: IReactorFromThreads, require_open: Callable[[], object]) -> None:
        self._reactor = reactor
        self._require_open = require_open
        self._under_way: list[Deferred[None]] = []

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Do something in a thread of its own, while everything else goes on, and fire with what it
        returns.
        """
        self._require_open()
        result, over = Deferred[Any](), Deferred[None]()

        def end(outcome: T | Failure) -> None:
            self._under_way.remove(over)
            result.callback(outcome)
            over.callback(None)

        def errand() -> None:
            try:
                outcome: T | Failure = work()
            except BaseException:
                outcome = Failure()
            self._reactor.callFromThread(end, outcome)

        Thread(target=errand, name="store errand", daemon=True).start()
        self._under_way.append(over)
        return result

    async def all_done(self) -> None:
        """Return when nothing is under way any more."""
        for errand in list(self._under_way):
            await errand
