"""Tests that await something, with types: pytest-twisted has none."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred

Test = TypeVar("Test", bound=Callable[..., Coroutine[Any, Any, None]])


def awaits(test: Test) -> Test:
    """Run the test in the reactor. It fails if it leaves anything: see `conftest.py`."""
    return cast(Test, pytest_twisted.ensureDeferred(test))


def is_awaited(test: object) -> bool:
    """Tell whether this test was marked so."""
    return getattr(test, "_pytest_twisted_mark", None) is not None


def run_reactor_until(fired: Deferred[Any]) -> None:
    """Let the reactor go on until then; from outside of it only."""
    pytest_twisted.blockon(fired)
