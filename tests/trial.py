"""The part of the tests that trial alone can run, without pytest: `python -m twisted.trial
tests.trial`.

These are the modules of trial's synchronous test cases, but those that take longer than a few
seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from twisted.trial.runner import TestLoader, TestSuite

from tests import ROOT
from tests.support.examples import take_time

LONG: Final = (
    "test_access_matrix",
    "test_cascade",
    "test_*_machine",
    "test_http_connection",
    "test_http_framing",
    "test_http_rfc",
    "test_http_loose_bodies",
    "test_http_properties",
    "test_lookalikes",
    "test_monitor_*",
    "test_openapi",
    "test_own_*",
    "test_postgres_*",
    "test_sqlite_*",
    "test_staging",
    "test_taking_in",
    "test_uvloop_*",
)
"""What takes longest: PostgreSQL, files that are synced, daemons, every permission, as many bytes
as there may be.
"""


def modules() -> Iterator[str]:
    """Yield the names of the modules; raise AssertionError where a name above is that of none."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    for name in LONG:
        assert any(path.match(f"{name}.py") for path in paths), f"{name} names no module of tests"
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if (
            "import pytest" not in text
            and "Case" in text
            and not any(path.match(f"{name}.py") for name in LONG)
        ):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def testSuite() -> TestSuite:
    """Return the tests, under the name at which trial looks for them."""
    take_time()
    loader = TestLoader()
    return TestSuite([loader.loadByName(name) for name in modules()])
