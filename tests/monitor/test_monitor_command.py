"""`sockcrud monitor` as a process of its own, against the real daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.proofs.durability.crash import flags
from tests.proofs.durability.kill_points import injected, traced, why_not
from tests.support import forked
from tests.support.certificate_kit import endpoint
from tests.support.running import DIALECTS, Daemon, environment

PATIENCE = 60


def command(daemon: Daemon, *words: str) -> list[str]:
    places = [
        word for name in DIALECTS for word in (f"--{name}", f"127.0.0.1:{daemon.ports[name]}")
    ]
    patient = ("--slow", "40s", "--timeout", "50s")  # a machine that runs tests may be busy
    return ["monitor", *places, *patient, *words]


def as_an_admin(daemon: Daemon) -> list[str]:
    banner = next(line for line in daemon.banner if line.startswith("admin:"))
    return ["--admin-account", "admin", "--admin-password-file", banner.rpartition(" in ")[2]]


def run(daemon: Daemon, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a monitor to its end; its state directory is in `directory`."""
    return forked.run(command(daemon, *words), environment(XDG_STATE_HOME=str(directory)), PATIENCE)


def once(daemon: Daemon, directory: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Run one round, and return the status and what was found."""
    ended = run(daemon, directory, "--once", "--json", *words)
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


@contextmanager
def running(daemon: Daemon, directory: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Have a monitor that runs; killed at the end, unless it has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sockcrud", *command(daemon, *words)],
        env=environment(XDG_STATE_HOME=str(directory)),
        stdout=subprocess.PIPE,
        stderr=(directory / "monitor.log").open("wb"),
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()


def rounds(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    out: IO[str] | None = process.stdout
    assert out is not None
    for line in out:
        yield json.loads(line)


def stopped(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    process.send_signal(number)
    return process.wait(PATIENCE)


def down(round: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        name: (each["step"], each["reason"])
        for name, each in round["dialects"].items()
        if each["state"] == "down"
    }


def left_in(daemon: Daemon) -> tuple[str, str]:
    return daemon.ask("users", '{"id_operation": "get_users"}'), daemon.ask(
        "messages", '{"op": "mostrar"}'
    )


NOTHING = ('{"payload":[],"code":200}\n', '{"status":200,"message":"OK","data":""}\n')


def test_all_is_well_and_nothing_is_left_and_no_secret_is_anywhere(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        report = tmp_path / "monitor.xml"
        for _ in range(2):
            status, found = once(daemon, tmp_path, *as_an_admin(daemon), "--junit", str(report))
            assert (status, down(found)) == (0, {}), found
            assert {
                name: each["state"] for name, each in found["dialects"].items()
            } == dict.fromkeys(DIALECTS, "up")
            assert left_in(daemon) == NOTHING
        state = tmp_path / "sockcrud"
        password = (state / "monitor-password").read_text().strip()
        assert (state / "monitor-password").stat().st_mode & 0o777 == 0o600
        told = json.dumps(found) + report.read_text() + daemon.log.read_text()
        history = b"".join(
            file.read_bytes() for file in state.iterdir() if file.name.startswith("monitor.db")
        )
        assert password not in told
        assert password.encode() not in history
        assert sqlite3.connect(state / "monitor.db").execute(
            "SELECT count(*) FROM results"
        ).fetchone() == (20,)
        assert daemon.stop() == 0
        assert "stopping: 0 connections are open" in daemon.log.read_text()


def test_a_dialect_that_is_off_is_down_with_its_step_and_the_status_says_so(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen
        port = deaf.getsockname()[1]
        status, found = once(daemon, tmp_path, "--messages", f"127.0.0.1:{port}")
        assert status == 2
        ((name, (step, reason)),) = down(found).items()
        assert (name, step) == ("messages", "list")
        assert "refused" in reason
        assert once(daemon, tmp_path, "--messages", "off")[0] == 0


def test_a_changed_password_is_down_at_the_login(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        assert once(daemon, tmp_path)[0] == 0
        wrong = tmp_path / "wrong"
        wrong.write_text("another password")
        status, found = once(daemon, tmp_path, "--password-file", str(wrong))
        assert status == 2
        steps = {name: step for name, (step, _) in down(found).items()}
        assert steps == dict.fromkeys(
            ("clients", "products", "inventory", "auth", "shop", "way", "members"), "log in"
        )


def test_the_death_of_the_daemon_is_reported_and_its_return(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path) as daemon,
        running(daemon, tmp_path, "--json", "--every", "0.5s") as monitor,
    ):
        heard = rounds(monitor)
        assert down(next(heard)) == {}
        daemon.process.kill()
        daemon.process.wait(PATIENCE)
        found = next(round for round in heard if len(down(round)) == len(DIALECTS))
        assert all(
            "refused" in reason or "lost" in reason or "closed" in reason
            for _, reason in down(found).values()
        ), found
        assert all("refused" in reason for _, reason in down(next(heard)).values())
        again = [
            word for name, port in daemon.ports.items() for word in (f"--{name}", f"tcp:{port}")
        ]
        with Daemon(tmp_path, *again):
            assert next(round for round in heard if not down(round))["state"] == "up"
        assert stopped(monitor) == 0
        assert "Traceback" not in (tmp_path / "monitor.log").read_text()


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_a_store_that_stopped_is_down(tmp_path: Path) -> None:
    with Daemon(tmp_path, *flags(tmp_path)) as first:
        assert first.stop() == 0
    with traced(*injected("fdatasync,fsync", "error=EIO", 12)):
        daemon = Daemon(tmp_path, *flags(tmp_path))
    with daemon:
        status, found = once(daemon, tmp_path, "--timeout", "5s")
        assert (status, found["state"]) == (2, "down")
        assert daemon.process.wait(PATIENCE) == 1
        assert down(once(daemon, tmp_path)[1]).keys() == set(DIALECTS)


def test_a_certificate_about_to_expire_is_degraded(tmp_path: Path) -> None:
    with Daemon(tmp_path, "--users", endpoint(tmp_path, 5.5)) as daemon:
        place = f"tls:127.0.0.1:{daemon.ports['users']}"
        words = ("--users", place, "--trust", str(tmp_path / "certificate.pem"))
        status, found = once(daemon, tmp_path, *words)
        assert status == 1
        assert found["dialects"]["users"]["step"] == "certificate"
        assert once(daemon, tmp_path, *words, "--certificate-days", "3")[0] == 0


def test_a_damaged_history_is_the_monitors_own_fault_and_stops_no_check(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"this is no database" * 100)
    with Daemon(tmp_path) as daemon:
        status, found = once(daemon, tmp_path, "--history", str(damaged))
        assert (status, found["state"]) == (3, "up")
        assert "it is damaged" in found["fault"]
        with running(
            daemon, tmp_path, "--json", "--every", "0.3s", "--history", str(damaged)
        ) as monitor:
            heard = rounds(monitor)
            assert [next(heard)["state"] for _ in range(3)] == ["up"] * 3
            assert stopped(monitor, signal.SIGINT) == 0
        assert (tmp_path / "monitor.log").read_text().count("it is damaged") == 1
        assert damaged.read_bytes() == b"this is no database" * 100


def test_hooks_are_called_once_a_change_and_the_status_page_is_served(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    hook = tmp_path / "hook.py"
    hook.write_text(
        f"import os, sys\nopen({str(calls)!r}, 'a').write(os.environ['MONITOR_DIALECT'] + ' ' + "
        f"sys.stdin.read())\n"
    )
    words = ("--json", "--every", "0.4s", "--hook", f"{sys.executable} {hook}", "--status", "tcp:0")
    with Daemon(tmp_path) as daemon, running(daemon, tmp_path, *words) as monitor:
        heard = rounds(monitor)
        up: set[str] = set()
        while len(up) < len(DIALECTS):  # a slow check is passed over in the rounds meanwhile
            up |= {name for name, each in next(heard)["dialects"].items() if each["state"] == "up"}
        url = (
            "http://"
            + (tmp_path / "monitor.log").read_text().partition("status page: ")[2].split()[0]
        )
        assert url.startswith("http://127.0.0.1:")
        page = urllib.request.urlopen(url, timeout=PATIENCE).read().decode()
        assert "All services are up" in page
        daemon.process.kill()
        for _ in range(3):
            assert (
                next(round for round in heard if len(down(round)) == len(DIALECTS))["state"]
                == "down"
            )
        shown = json.load(urllib.request.urlopen(url + "/status.json", timeout=PATIENCE))
        assert (shown["state"], shown["dialects"]["way"]["last"]["step"]) == ("down", "log in")
        assert stopped(monitor) == 0
    told = [json.loads(line[line.index("{") :]) for line in calls.read_text().splitlines()]
    [alert] = told
    assert sorted(alert["dialect"].split(", ")) == sorted(DIALECTS)
    assert {(each["old"], each["new"]) for each in alert["dialects"]} == {("up", "down")}


def test_a_stopped_monitor_leaves_nothing_and_says_nothing(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        for _ in range(2):
            with running(daemon, tmp_path, "--json", "--every", "0.05s") as monitor:
                next(rounds(monitor))
                assert stopped(monitor) == 0
            assert left_in(daemon) == NOTHING
            assert (tmp_path / "monitor.log").read_text() == ""


def test_a_round_that_is_broken_off_says_nothing_of_the_services(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon, socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        words = (
            "--once",
            "--json",
            "--timeout",
            "1h",
            "--users",
            f"127.0.0.1:{silent.getsockname()[1]}",
        )
        with running(daemon, tmp_path, *words) as monitor:
            connection, _ = silent.accept()
            with connection:
                connection.settimeout(PATIENCE)
                assert connection.recv(1)
                assert stopped(monitor) == 3


MISTAKES = [
    (("--no-such-option",), "No such option"),
    (("--every", "soon"), "'soon' is no duration such as 2s"),
    (("--users", "nowhere at all"), "--at users: 'nowhere at all' is no place of a server"),
    (("--once", "--hook", "true"), "--once calls no hooks"),
    (("--webhook", "me:secret@example.org"), "a webhook is a URL"),
    (("--admin-account", "admin"), "belong together"),
    (("--password-file", "/no/such/file"), "/no/such/file: No such file"),
    (("--account", "two words"), "expected 2 to 200 characters"),
    (("--status", "nowhere"), "'nowhere' is no endpoint description"),
    (
        tuple(word for name in DIALECTS for word in (f"--{name}", "off")),
        "there is nothing to check",
    ),
]
ALL_MISTAKES = """
import contextlib, io, json, sys
from sockcrud.cli.main import main
for words in json.load(sys.stdin):
    error = io.StringIO()
    with contextlib.redirect_stderr(error):
        try:
            main(["monitor", *words])
        except SystemExit as ended:
            print(json.dumps([ended.code, error.getvalue()]))
"""


def test_what_cannot_be_meant_is_told_in_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ALL_MISTAKES],
        input=json.dumps([words for words, _ in MISTAKES]),
        env=environment(XDG_STATE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.stderr == ""
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    for (words, told), (code, error) in zip(MISTAKES, said, strict=True):
        assert code == 3, (words, error)
        assert told in error.replace("\n", " "), words
        assert "secret" not in error
        assert "Traceback" not in error


def test_help_needs_no_reactor() -> None:
    head = "import sys; sys.argv = ['sockcrud', '--help']\n"
    code = head + "from sockcrud.cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            code + "print([name for name in sys.modules if 'twisted.internet' in name or name == "
            "'rich'])",
        ],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "monitor" in ended.stdout
    assert ended.stdout.rstrip().endswith("[]"), ended.stdout
