"""Tests that await something, with types: pytest-twisted has none."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

Test = TypeVar("Test", bound=Callable[..., Coroutine[Any, Any, None]])


def awaits(test: Test) -> Test:
    """Run the test in the reactor. It fails if it leaves anything: see `conftest.py`."""
    return cast(Test, pytest_twisted.ensureDeferred(test))


def is_awaited(test: object) -> bool:
    """Return whether this test was marked so."""
    return getattr(test, "_pytest_twisted_mark", None) is not None


def run_reactor_until(fired: Deferred[Any]) -> None:
    """Let the reactor go on until then; from outside of it only. Raise what the Deferred fails
    with.
    """
    if pytest_twisted._instances.gr_twisted is not None:
        pytest_twisted.blockon(fired)
    else:
        _spin_until(fired)


def _spin_until(fired: Deferred[Any]) -> None:
    """Do the same under trial, where nobody runs the reactor: run it, as trial's own `TestCase`
    does.
    """
    from twisted.internet import reactor

    spun: Any = reactor
    results: list[Any] = []
    # What is crashed, unlike what is stopped, can be run again. It must not be crashed before it
    # runs.
    fired.addBoth(results.append).addBoth(lambda _: spun.callLater(0, spun.crash))
    spun.run(installSignalHandlers=False)
    if isinstance(results[0], Failure):
        results[0].raiseException()
