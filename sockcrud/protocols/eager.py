"""Coroutines without a Deferred where there is nothing to wait for, and with little more where
there is.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

Resume = Callable[[Callable[[Any], None], Any], None]
"""Calls its first argument with the second one, now or later."""


def _now(go_on: Callable[[Any], None], outcome: Any) -> None:
    go_on(outcome)


def run_eagerly(work: Coroutine[Any, Any, T], resume: Resume = _now) -> T | Deferred[T]:
    """Step the coroutine once: give its result where it had nothing to wait for, else the Deferred
    of it. `resume` says when it goes on, once it has waited.

    Most operations have nothing to wait for, and a Deferred costs more than all of their steps.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    rest = _Rest(work, resume)
    awaited.addBoth(rest.ready)
    return rest.result


class _Rest(Generic[T]):
    """A coroutine that waits for a Deferred, and the Deferred of its result.

    `Deferred.fromCoroutine` does the same with a context and a way to cancel it, which no request
    needs, and which costs a create that waits for the disk 6 us of 62.
    """

    __slots__ = ("_resume", "_work", "result")

    def __init__(self, work: Coroutine[Any, Any, T], resume: Resume) -> None:
        self._work = work
        self._resume = resume
        self.result: Deferred[T] = Deferred()

    def ready(self, outcome: object) -> object:
        """Have the coroutine go on: what it waited for has this outcome.

        It takes a result from the Deferred itself, which has to keep it until then. A failure is
        raised in the coroutine, and so is dealt with here.
        """
        self._resume(self._go_on, outcome)
        return None if isinstance(outcome, Failure) else outcome

    def _go_on(self, outcome: object) -> None:
        try:
            if isinstance(outcome, Failure):
                awaited = outcome.throwExceptionIntoGenerator(self._work)
            else:
                awaited = self._work.send(outcome)
        except StopIteration as done:
            self.result.callback(done.value)
        except BaseException:
            self.result.errback(Failure())
        else:
            awaited.addBoth(self.ready)
