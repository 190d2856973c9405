"""The examples in the real daemon, over real sockets: `sockcrud serve --app FILE`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Final
from urllib.request import Request, urlopen

import pytest

from tests import ROOT
from tests.support.postgres_kit import drop_database, new_database
from tests.support.running import DIALECTS, Daemon, environment

EXAMPLES: Final = ROOT / "examples"
OWN: Final = ("resp", "backoffice", "library-lines", "library-rest")
REDIS_CLI: Final = which("redis-cli")
BOOK: Final = {"title": "토지 📕", "isbn": "9788960532816", "year": 1969}


SQLITE: Final = "sqlite:examples.db"


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield where records last: a file, and a database."""
    if request.param == "sqlite":
        yield SQLITE
        return
    url = new_database()
    yield url
    drop_database(url)


def served(directory: Path, store: str = SQLITE) -> Daemon:
    """Return a daemon with all three examples beside its own systems."""
    apps = [
        word
        for name in ("resp", "legacy_csv", "library")
        for word in ("--app", str(EXAMPLES / f"{name}.py"))
    ]
    ports = [word for name in OWN for word in (f"--{name}", "tcp:0")]
    daemon = Daemon(directory, *apps, *ports, "--store", store)
    while OWN[-1] not in daemon.ports:
        daemon.hear()
    return daemon


def test_each_is_served_to_its_clients_and_is_there_after_a_restart(
    tmp_path: Path, store: str
) -> None:
    with served(tmp_path, store) as daemon:
        call = {"jsonrpc": "2.0", "id": 1, "method": "books.create", "params": BOOK}
        made = json.loads(daemon.ask("library-lines", json.dumps(call) + "\n"))["result"]
        assert made == {"id": 1, "rev": made["rev"], **BOOK}
        url = f"http://127.0.0.1:{daemon.ports['library-rest']}/books"
        with urlopen(f"{url}?isbn={BOOK['isbn']}") as answer:
            assert json.load(answer) == {"items": [made], "next": None}
        change = Request(
            f"{url}/1", b'{"year":1970}', {"Content-Type": "application/json"}, method="PATCH"
        )
        with urlopen(change) as answer:
            assert json.load(answer)["year"] == 1970
        said = daemon.ask("backoffice", "NEW;Ann;ann@example.org;37\r\nGET;1\r\nBYE\r\n")
        assert said == "000;READY\r\n000;1\r\n000;1;Ann;ann@example.org;37\r\n000;BYE\r\n"
        assert '"name":"Ann"' in daemon.ask("users", '{"id_operation":"get_users"}')
        assert daemon.ask("resp", "*3\r\n$3\r\nSET\r\n$1\r\n7\r\n$2\r\nhi\r\n") == "+OK\r\n"
        assert daemon.stop() == 0
    with served(tmp_path, store) as daemon:
        with urlopen(f"http://127.0.0.1:{daemon.ports['library-rest']}/books/1") as answer:
            assert json.load(answer)["year"] == 1970
        assert daemon.ask("resp", "*2\r\n$3\r\nGET\r\n$1\r\n7\r\n") == "$2\r\nhi\r\n"
        assert daemon.stop() == 0


def sockcrud(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the library at a daemon."""
    places = {
        f"SOCKCRUD_{name.upper().replace('-', '_')}_AT": f"127.0.0.1:{port}"
        for name, port in daemon.ports.items()
    }
    command = [sys.executable, "-m", "sockcrud", "--app", str(EXAMPLES / "library.py"), *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment(**places)
    )


def test_the_library_has_commands_that_nobody_wrote(tmp_path: Path) -> None:
    with served(tmp_path) as daemon:
        fields = [word for name, value in BOOK.items() for word in (f"--{name}", str(value))]
        made = json.loads(sockcrud(daemon, "books", "create", *fields).stdout)
        assert made == {"id": 1, "rev": made["rev"], **BOOK}
        assert json.loads(sockcrud(daemon, "books", "list").stdout) == [made]
        assert (
            json.loads(sockcrud(daemon, "books", "find", "--isbn", str(BOOK["isbn"])).stdout)
            == made
        )
        taken = sockcrud(daemon, "books", "create", *fields)
        assert (taken.returncode, taken.stderr) == (1, "Error: another Book has this isbn (409)\n")
        assert (
            json.loads(sockcrud(daemon, "books", "update", "1", "--year", "1970").stdout)["year"]
            == 1970
        )
        assert sockcrud(daemon, "books", "delete", "1").returncode == 0
        assert json.loads(sockcrud(daemon, "books", "list").stdout) == []
        help = sockcrud(daemon, "--help").stdout
        assert "books" in help
        assert "The books of library." in help


def test_the_monitor_checks_the_library_on_both_wires_and_leaves_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as daemon:
        off = [word for name in DIALECTS if name not in OWN for word in (f"--{name}", "off")]
        own = [
            word for name in OWN[2:] for word in (f"--{name}", f"127.0.0.1:{daemon.ports[name]}")
        ]
        told = sockcrud(
            daemon,
            "monitor",
            "--once",
            "--history",
            "off",
            "--json",
            "--slow",
            "60s",
            "--timeout",
            "90s",
            *off,
            *own,
        )
        found = json.loads(told.stdout)["dialects"]
        assert {name: result["state"] for name, result in found.items()} == dict.fromkeys(
            OWN[2:], "up"
        ), told
        assert json.loads(sockcrud(daemon, "books", "list").stdout) == []


@pytest.mark.skipif(REDIS_CLI is None, reason="redis-cli is not installed")
def test_redis_cli_talks_to_the_messages(tmp_path: Path) -> None:
    assert REDIS_CLI is not None
    with served(tmp_path) as daemon:
        asked = "PING\nSET 1 olá\nGET 1\nEXISTS 1 2\nDEL 1\nGET 1\nFLUSHALL\n"
        command = [REDIS_CLI, "--raw", "-p", str(daemon.ports["resp"])]
        found = subprocess.run(
            command, input=asked, capture_output=True, text=True, check=True, timeout=60
        )
        assert found.stdout.splitlines()[:6] == ["PONG", "OK", "olá", "1", "1", ""]
        assert "ERR unknown command" in found.stdout


def test_records_of_an_app_that_is_not_in_use_are_named(tmp_path: Path, store: str) -> None:
    with served(tmp_path, store) as daemon:
        assert (
            sockcrud(
                daemon, "books", "create", *[f"--{name}={value}" for name, value in BOOK.items()]
            ).returncode
            == 0
        )
        assert json.loads(sockcrud(daemon, "status").stdout)["unknown_kinds"] == []
        assert daemon.stop() == 0
    with Daemon(tmp_path, "--store", store) as daemon:
        assert "records of no app in use: Book (they stay as they are)" in daemon.banner
        assert json.loads(sockcrud(daemon, "status").stdout)["unknown_kinds"] == ["Book"]
        assert daemon.stop() == 0
