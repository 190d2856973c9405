"""What every test that awaits something must leave behind: nothing."""

from __future__ import annotations

import gc
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support import postgres_kit, running
from tests.support.awaiting import is_awaited, run_reactor_until
from tests.support.examples import take_time
from tests.support.running import SERVE, SERVE_WITH_CHEAP_HASHES, Daemon

take_time()

# A shell that runs the tests in the background has them ignore SIGINT, and so would each command
# that they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The files that take longest are begun first, so that none of them is left alone at the end; the
# names are a hint only.
LONGEST: Final = (
    "test_stranger.py",
    "test_acceptance.py",
    "test_fail_stop.py",
    "test_linearity.py",
    "test_nodes.py",
    "test_monitor_command.py",
    "test_postgres_faults.py",
    "test_daemon.py",
    "test_linearizability.py",
    "test_move_refused.py",
    "test_four_doors.py",
    "test_monitor_checks.py",
    "test_scaling_examples.py",
    "test_postgres_start.py",
    "test_postgres_nodes.py",
    "test_postgres_machine.py",
    "test_access_matrix.py",
    "test_client_broken_servers.py",
    "test_crash.py",
    "test_commands_docs.py",
    "test_store_machine.py",
    "test_secrets.py",
    "test_tls_closing.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of what is searched for garbage: it is done after each that
    awaits, and there are half a million objects which stay to the end.
    """
    gc.collect()
    gc.freeze()


@implementer(ILogObserver)
class Leftovers:
    """What a test has left in the reactor and in the log."""

    def __init__(self) -> None:
        from twisted.internet import reactor

        self._reactor: Any = reactor
        self._failures: list[LogEvent] = []
        run_reactor_until(self._a_few_turns())  # the reactor's own parts are there by then
        self._before = self._held()
        globalLogPublisher.addObserver(self)

    def flush(self, kind: type[BaseException]) -> int:
        """Forget the failures of this kind that were logged, which were meant to be, and tell how
        many they were.
        """
        meant = [event for event in self._failures if isinstance(event["log_failure"].value, kind)]
        self._failures = [event for event in self._failures if event not in meant]
        return len(meant)

    def found(self) -> list[str]:
        """Tell all that is left: failures nobody heard, timers, ports and connections."""
        run_reactor_until(self._a_few_turns())  # what was closed is gone by then
        gc.collect()  # a Deferred logs the failure that nobody heard when it goes
        globalLogPublisher.removeObserver(self)
        failures = [f"logged: {event['log_failure'].getTraceback()}" for event in self._failures]
        return failures + [
            f"left in the reactor: {thing!r}" for thing in self._held() if thing not in self._before
        ]

    def __call__(self, event: LogEvent) -> None:
        if "log_failure" in event and event.get("log_level", LogLevel.critical) >= LogLevel.error:
            self._failures.append(event)

    def _held(self) -> list[object]:
        return [
            *self._reactor.getDelayedCalls(),
            *self._reactor.getReaders(),
            *self._reactor.getWriters(),
        ]

    def _a_few_turns(self) -> Deferred[None]:
        turn: Deferred[None] = deferLater(self._reactor, 0)
        for _ in range(3):
            turn.addCallback(lambda _: deferLater(self._reactor, 0))
        return turn


@pytest.fixture
def leftovers() -> Iterator[Leftovers]:
    """Fail a test that leaves anything. A test that expects a logged failure asks for this, and
    flushes it.
    """
    left = Leftovers()
    yield left
    assert not (found := left.found()), "\n".join(found)


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> None:
    """Have `leftovers` around every test that awaits. (Trial's own test cases look after
    themselves.)
    """
    if is_awaited(getattr(request, "function", None)):
        request.getfixturevalue("leftovers")


@pytest.fixture(autouse=True)
def ends_of_children() -> Iterator[None]:
    """Let the reactor go on hearing of its children: a test with a reactor of its own takes the
    signal away at its end.
    """
    handler, wakeup = signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    yield
    if wakeup != -1:  # else it hears nothing yet, or has begun to in this test
        signal.signal(signal.SIGCHLD, handler)
        signal.set_wakeup_fd(wakeup)


@pytest.fixture(scope="session", autouse=True)
def files_of_trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have the files that trial's test cases ask for made among pytest's own, and not in the
    working directory.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            SynchronousTestCase,
            "mktemp",
            lambda case: str(tmp_path_factory.mktemp("trial") / "temp"),
        )
        yield


@pytest.fixture(scope="session")
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the folder of this worker where its tests, and the processes they start, have their
    temporary files.
    """
    # pytest keeps its own for three runs: elsewhere, so it must have found its place first
    tmp_path_factory.getbasetemp()
    folder = Path(tempfile.mkdtemp(prefix="sockcrud-tests-"))
    folder.chmod(0o711)  # the user that PostgreSQL runs as must get to its directory in there
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder
        postgres_kit.remove_session_directories()
    left = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(folder, ignore_errors=True)
    assert not left, f"left in the temporary folder: {left}"


@pytest.fixture(scope="module", autouse=True)
def no_temporary_files_left(temporary_folder: Path) -> Iterator[None]:
    """Fail a module whose tests leave a temporary file, and remove it, so that the next module is
    not blamed.
    """
    yield
    left = sorted(set(temporary_folder.iterdir()) - postgres_kit.session_directories())
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert not left, f"left in the temporary folder: {[path.name for path in left]}"


@pytest.fixture(scope="module", autouse=True)
def quick_daemons() -> Iterator[None]:
    """Have the daemons of tests forked, with cheap hashes. A module that needs real ones has a
    fixture of this name.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "SERVE", SERVE_WITH_CHEAP_HASHES)
        yield


@pytest.fixture
def real_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the daemons of one test start and hash as they do for people, which takes time and
    memory.
    """
    monkeypatch.setattr(running, "SERVE", SERVE)


@pytest.fixture(scope="module", params=["uvloop", "default"])
def either_reactor(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test's daemons once on uvloop's transports, and once on Twisted's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Daemon, "reactor", request.param)
        yield
