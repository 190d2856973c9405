"""Coroutines without a Deferred where there is nothing to wait for."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def begun(work: Coroutine[Any, Any, T]) -> T | Deferred[T]:
    """Step the coroutine once: give its result where it had nothing to wait for, else the Deferred of it.

    Most operations have nothing to wait for, and a Deferred costs more than all of their steps.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    return Deferred.fromCoroutine(_the_rest(work, awaited))


def _the_rest(work: Coroutine[Any, Any, T], awaited: Deferred[Any]) -> Generator[Deferred[Any], Any, T]:
    try:
        while True:
            try:
                result = yield awaited
            except Exception as failed:
                awaited = work.throw(failed)
            else:
                awaited = work.send(result)
    except StopIteration as done:
        value: T = done.value
        return value
