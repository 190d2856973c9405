"""The pytest plugin: the fixture `sockcrud`, a daemon that is empty at the beginning of each test.

pytest imports this module in every project, so it imports nothing but pytest; the rest comes with
the first test that asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sockcrud.testing.process import DaemonProcess

MARKER = (
    "sockcrud(apps=[], store='memory:', seed=(), settings={}, scope='function'): what the daemon "
    "of the fixture serves, where its records are, what it begins with, and for how long they "
    "stay: 'function', 'class', 'module' or 'session'"
)
_SCOPES: dict[str, type[Any]] = {
    "class": pytest.Class,
    "module": pytest.Module,
    "session": pytest.Session,
}
_OPTIONS = ("apps", "store", "seed", "settings", "admin_password", "scope")
_DAEMON = pytest.StashKey["DaemonProcess"]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


class Daemons:
    """The daemons of a run: one for each combination of apps, store and settings that its tests ask
    for. They go on to its end, for a start takes half a second, and a reset milliseconds.
    """

    def __init__(self) -> None:
        self._running: dict[object, tuple[DaemonProcess, object]] = {}

    def get(self, period: object, seed: Any = (), **options: Any) -> DaemonProcess:
        """Return the daemon, made anew unless its last test was of the same period."""
        from sockcrud.testing.process import DEMO, DaemonProcess

        demo = DEMO if seed == DEMO else ()
        key = repr((demo, sorted(options.items())))
        daemon, last = self._running.get(key, (None, None))
        if daemon is None:
            daemon = DaemonProcess(seed=demo, **options)
            self._running[key] = daemon, None  # it is to be stopped, also where the seed is wrong
            if seed != demo:
                daemon.reset(seed)
        elif last != period:
            daemon.reset(seed)
        self._running[key] = daemon, period
        return daemon

    def stop(self) -> None:
        """End all of them."""
        for daemon, _ in self._running.values():
            daemon.stop()


@pytest.fixture(scope="session")
def _sockcrud_daemons() -> Iterator[Daemons]:
    daemons = Daemons()
    yield daemons
    daemons.stop()


@pytest.fixture
def sockcrud(request: pytest.FixtureRequest, _sockcrud_daemons: Daemons) -> DaemonProcess:
    """A daemon of sockcrud on ports of its own, empty: its addresses, logged-in clients, log."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("sockcrud"))):  # the closest one last
        options.update(marker.kwargs)
        if marker.args or (unknown := sorted(set(marker.kwargs) - {*_OPTIONS})):
            wrong = marker.args or unknown
            pytest.fail(f"mark.sockcrud: {wrong[0]!r}: expected {', '.join(_OPTIONS)} by name")
    scope = options.pop("scope", "function")
    if scope not in (*_SCOPES, "function"):
        pytest.fail(f"mark.sockcrud: scope={scope!r}: expected function, {', '.join(_SCOPES)}")
    if "apps" in options:
        options["apps"] = tuple(_found(app, request) for app in options["apps"])
    holder = request.node.getparent(_SCOPES[scope]) if scope in _SCOPES else None
    # A test that is run again, by a plugin, is a period of its own.
    period = object() if holder is None else (holder.nodeid, repr(options.get("seed")))
    daemon = _sockcrud_daemons.get(period, **options)
    request.node.stash[_DAEMON] = daemon
    return daemon


def _found(app: str | Path, request: pytest.FixtureRequest) -> str:
    """Return the file of an app, which is named from where the test is, or from the root."""
    for folder in (request.path.parent, request.config.rootpath):
        if str(app).endswith(".py") and (file := folder / app).is_file():
            return str(file)
    return str(app)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Put what the daemon has logged into the report of a test that failed."""
    made: Any = yield
    daemon = item.stash.get(_DAEMON, None)
    if daemon is not None and (report := made.get_result()).failed:
        report.sections += [(f"sockcrud: {title}", text) for title, text in daemon.report()]
