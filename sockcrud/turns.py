"""The little of a reactor that a store in a file needs, for a command that does one thing and ends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from time import time
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")

_LONGEST_WAIT: Final = 1.0


@implementer(IReactorFromThreads)
class Turns(Clock):
    """Takes turns while there is something to finish, with the system's time. Unlike a reactor it can start again."""

    def __init__(self) -> None:
        super().__init__()
        self.rightNow = time()
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Call it in the next turn, whichever thread asks."""
        self._calls.put(partial(callable, *args, **kwargs))

    def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Take turns until the work is done; give its result, or raise what it raises."""
        outcomes: list[T | Failure] = []
        Deferred.fromCoroutine(work).addBoth(outcomes.append)
        while not outcomes:
            with suppress(Empty):
                self._calls.get(timeout=self._until_the_next())()
            self.advance(max(0.0, time() - self.seconds()))
        outcome = outcomes[0]
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def _until_the_next(self) -> float:
        due = min((call.getTime() for call in self.getDelayedCalls()), default=self.seconds() + _LONGEST_WAIT)
        return min(max(0.0, due - time()), _LONGEST_WAIT)
