"""The acceptance suite in spoken language, run by Robot Framework against a real daemon: one test
here for each of its own.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from attrs import frozen
from prometheus_client.parser import text_string_to_metric_families
from robot import api

from sockcrud import apps, identity
from sockcrud.storage import maintenance
from tests.support.running import DIALECTS, Daemon

ACCEPTANCE: Final = Path(__file__).parent / "acceptance"
FEATURES: Final = ACCEPTANCE / "features"
NEED_NO_ADMIN: Final = (
    "01__usuarios",
    "02__mensagens",
    "07__contas_da_loja",
    "12__membros",
    "16__todas_as_portas",
)
SECONDS: Final = 300
SEED: Final = "1500"

NO_DIALECT_HAS_IT: Final = frozenset(("accounts.own", "accounts.authenticate", "accounts.confirm"))
REFUSED_BEFORE: Final = frozenset(
    (
        "addresses.list",
        "clients.exists",
        "clients.list",
        "colleagues.list",
        "description.read",
        "inventory.list",
        "journal.read",
        "journal.watch",
        "ledger.list",
        "members.list",
        "overview.read",
        "products.exists",
        "products.list",
        "records.export",
        "records.kinds",
        "sessions.log_out",
    )
)
"""Who may not is refused at `sessions.resume` or `administration.enter`; there is no other reason
to refuse these.
"""
NEVER_REFUSED: Final = frozenset(("messages.list", "health.read", "figures.read", "places.read"))
"""They take nothing that could be wrong, and ask nobody who they are."""
NEVER_COUNTED_AS_OK: Final = frozenset(("sessions.resume", "administration.enter"))
"""Steps on the way to another operation: where they succeed, they are no requests of their own."""
NEEDS_A_FILE: Final = frozenset(("store.check", "store.copy"))
NEEDS_A_FRESH_STORE: Final = frozenset(("records.restore",))
"""The suite runs against any daemon, whose records are to stay:
tests/storage/maintenance/test_restore.py tries it.
"""


@frozen
class Told:
    """What Robot tells of a run: of each test its status and message; what it said on the console;
    how it ended.
    """

    tests: Mapping[str, tuple[str, str]]
    console: str
    status: int


@frozen
class Accepted:
    """A run of all features, and what the daemon has counted meanwhile, by operation: the
    outcomes.
    """

    told: Told
    outcomes: Mapping[str, set[str]]


def robot(
    directory: Path,
    ports: Mapping[str, int],
    *options: str,
    features: tuple[Path, ...] = (FEATURES,),
) -> Told:
    """Run features against the daemon at these ports; Robot's own files go to the directory."""
    variables = [f"{name.upper()}_PORT:{port}" for name, port in ports.items()]
    command = [sys.executable, "-m", "robot", "--console", "quiet", "--outputdir", str(directory)]
    command += [
        "--log",
        "NONE",
        "--report",
        "NONE",
    ]  # pages for people, whom nobody shows them here
    for variable in (*variables, f"SEED:{SEED}"):
        command += ["--variable", variable]
    # In a directory of its own: the suite has to find its parts by itself.
    run = subprocess.run(
        [*command, *options, *map(str, features)],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    output = directory / "output.xml"
    assert output.exists(), run.stdout + run.stderr
    tests = {
        test.full_name: (test.status, test.message)
        for test in api.ExecutionResult(output).suite.all_tests
    }
    return Told(tests, run.stdout + run.stderr, run.returncode)


def names_of_all_tests() -> list[str]:
    return [test.full_name for test in api.TestSuite.from_file_system(FEATURES).all_tests]


def in_ascii(name: str) -> str:
    """Return a name as pytest shows it as it stands."""
    _, feature, test = name.split(".", 2)
    return unicodedata.normalize("NFKD", f"{feature}: {test}").encode("ascii", "ignore").decode()


def counted(port: int) -> dict[str, set[str]]:
    """Ask the admin port which outcomes each operation has had."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    outcomes: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "sockcrud_requests_total":
                outcomes.setdefault(sample.labels["operation"], set()).add(sample.labels["outcome"])
    return outcomes


def all_operations() -> set[str]:
    """Find the names of all operations that there are."""
    found = set()
    for module in (
        module
        for each in (apps, identity, maintenance)
        for module in pkgutil.walk_packages(each.__path__, f"{each.__name__}.")
    ):
        found |= set(_operations_of(importlib.import_module(module.name)))
    return found


def _operations_of(module: ModuleType) -> Iterator[str]:
    for kind in vars(module).values():
        if inspect.isclass(kind) and kind.__module__ == module.__name__:
            for method in vars(kind).values():
                if inspect.isfunction(method) and hasattr(method, "__wrapped__"):
                    given = inspect.getclosurevars(method).nonlocals
                    if "may" in given:  # it is an operation
                        name: Any = given["name"]
                        yield name


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("daemon")
    password = directory / "admin-password"
    password.write_text("correct horse battery\n")
    with Daemon(
        directory, "--store", "memory:", "--demo", "--admin-password-file", str(password)
    ) as daemon:
        yield daemon
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log.read_text()


@pytest.fixture(scope="module")
def accepted(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Accepted:
    password = daemon.log.parent / "admin-password"
    told = robot(
        tmp_path_factory.mktemp("robot"),
        daemon.ports,
        "--variable",
        f"ADMIN_PASSWORD_FILE:{password}",
    )
    return Accepted(told, counted(daemon.ports["admin"]))


@pytest.mark.parametrize("name", names_of_all_tests(), ids=in_ascii)
def test_feature(accepted: Accepted, name: str) -> None:
    status, message = accepted.told.tests[name]
    if status != "PASS":
        pytest.fail(f"{name}: {status}\n{message}", pytrace=False)


def test_every_operation_of_the_daemon_has_been_asked_for_and_refused(accepted: Accepted) -> None:
    wanted = all_operations() - NO_DIALECT_HAS_IT - NEEDS_A_FRESH_STORE
    outcomes = accepted.outcomes
    assert sorted(outcomes.keys() - wanted) == []
    granted = {name for name in wanted if "ok" in outcomes.get(name, ())}
    refused = {name for name in wanted if outcomes.get(name, set()) - {"ok", "crashed"}}
    assert sorted(wanted - NEVER_COUNTED_AS_OK - NEEDS_A_FILE - granted) == []
    assert sorted(wanted - REFUSED_BEFORE - NEVER_REFUSED - refused) == []
    assert not any("crashed" in found for found in outcomes.values())


def test_without_an_admins_password_what_needs_one_is_skipped_and_the_reason_told(
    accepted: Accepted, daemon: Daemon, tmp_path: Path
) -> None:
    """Also a second run with the same data, at a daemon that has the leftovers of the first."""
    told = robot(
        tmp_path, daemon.ports, features=tuple(FEATURES / f"{name}.robot" for name in NEED_NO_ADMIN)
    )
    assert {status for status, _ in told.tests.values()} == {"PASS", "SKIP"}
    skipped = [message for status, message in told.tests.values() if status == "SKIP"]
    assert all("ADMIN_PASSWORD_FILE" in message for message in skipped)
    assert len(skipped) < len(told.tests) / 4


def test_where_no_daemon_listens_it_says_how_to_start_one(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        told = robot(tmp_path, dict.fromkeys(DIALECTS, deaf.getsockname()[1]))
    assert told.status != 0
    assert {status for status, _ in told.tests.values()} == {"FAIL"}
    assert any("sockcrud serve" in message for _, message in told.tests.values())
