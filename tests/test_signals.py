"""What signals do to the real daemon, under both commands: reload, rotate, stop, stop at once."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import pytest

from tests.support import running
from tests.support.certificate_kit import certified
from tests.support.running import DIALECTS, Daemon, environment, lines

CREATE: Final = (
    b'{"id_operation": "create_user", "payload": {"name": "Ana", "email": '
    b'"ana@example.org", "age": 30}}'
)
GET: Final = b'{"id_operation":"get_user","payload":{"user_id":1}}\n'
LONGEST: Final = 20.0


def awaited(condition: Callable[[], object], what: str) -> None:
    """Return when the condition holds, which depends on another process."""
    end = monotonic() + LONGEST
    while not condition():
        assert monotonic() < end, what
        sleep(0.01)


class Logging:
    """A daemon that serves users, and logs to `daemon.log` of its directory."""

    def __init__(self, directory: Path, twistd: bool, *flags: str, users: str = "tcp:0") -> None:
        self.log = directory / "daemon.log"
        self.pid_file = directory / "twistd.pid"
        off = [word for name in DIALECTS if name != "users" for word in (f"--{name}", "off")]
        program = str(Path(sys.executable).parent / "twistd")
        command = [program, "--nodaemon", "sockcrud"] if twistd else running.SERVE
        self.process = subprocess.Popen(
            [*command, *off, "--users", users, "--log-file", str(self.log), *flags],
            cwd=directory,
            stdout=(directory / "stdout").open("wb"),
            stderr=(directory / "stderr").open("wb"),
            env=environment(TMPDIR=str(directory)),
        )
        banner = self.log if twistd else directory / "stdout"
        awaited(lambda: self.process.poll() is not None or self._said(banner), "it starts")
        found = re.search(r"users listens on \S+:([0-9]+)", self._said(banner))
        assert found is not None, (directory / "stderr").read_text() + self._said(banner)
        self.port = int(found[1])

    @staticmethod
    def _said(file: Path) -> str:
        text = file.read_text() if file.exists() else ""
        return text if "users listens on" in text else ""

    def send(self, number: int, answer: str) -> None:
        """Send a signal, and return when the log has the answer to it."""
        before = self.logged().count(answer)
        self.process.send_signal(number)
        awaited(lambda: self.logged().count(answer) > before, answer)

    def logged(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST)


@pytest.fixture(params=[False, True], ids=["sockcrud serve", "twistd sockcrud"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Logging]]:
    """Give what starts daemons, under either command; kill them at the end."""
    started: list[Logging] = []

    def one(*flags: str, users: str = "tcp:0") -> Logging:
        started.append(Logging(tmp_path, request.param, *flags, users=users))
        return started[-1]

    yield one
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.process.wait()


Start = Callable[..., Logging]


def test_sighup_reopens_the_log_reads_the_settings_and_ends_nothing(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "tap.cfg").write_text("[sockcrud]\nmax_connections = 100\n")
    daemon = start()
    with daemon.connect() as connection:
        answers = lines(connection)
        connection.sendall(CREATE)
        assert json.loads(next(answers))["payload"]["id"] == 1

        daemon.log.rename(tmp_path / "moved.log")
        (tmp_path / "tap.cfg").write_text("[sockcrud]\nmax_connections = 1\nmax_depth = 9\n")
        daemon.send(signal.SIGHUP, "settings that change at the next start only: max_depth\n")
        assert "settings changed: max_connections\n" in daemon.logged()
        assert f"the log is reopened: {daemon.log}\n" in daemon.logged()

        connection.sendall(GET)
        assert json.loads(next(answers))["payload"]["name"] == "Ana"
        with daemon.connect() as refused:
            assert next(lines(refused)).startswith('{"error":500')

        (tmp_path / "tap.cfg").write_text("[sockcrud]\nmax_connections = none\n")
        daemon.send(signal.SIGHUP, "the settings stay as they are: ")
        assert "max_connections = 'none': expected a whole number from 1" in daemon.logged()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(LONGEST) == 0
    assert not daemon.pid_file.exists()


def test_sighup_stays_with_a_log_that_cannot_be_opened_anew(start: Start, tmp_path: Path) -> None:
    daemon = start()
    moved = tmp_path / "moved.log"
    daemon.log.rename(moved)
    daemon.log.mkdir()
    daemon.process.send_signal(signal.SIGHUP)
    awaited(lambda: "the log goes on where it was: " in moved.read_text(), "the log goes on")
    assert f"{daemon.log} cannot be opened: Is a directory\n" in moved.read_text()


def test_sigusr1_rotates_the_log(start: Start, tmp_path: Path) -> None:
    daemon = start()
    for number in (1, 2):
        daemon.process.send_signal(signal.SIGUSR1)
        awaited((tmp_path / f"daemon.log.{number}").exists, "it is rotated")
        awaited(lambda: f"the log is rotated: {daemon.log}\n" in daemon.logged(), "it goes on")
    assert (tmp_path / "daemon.log.1").read_text().count("rotated") == 1


def _served(daemon: Logging, certificate: Path) -> ssl.SSLSocket:
    return ssl.create_default_context(cafile=str(certificate)).wrap_socket(
        daemon.connect(), server_hostname="127.0.0.1"
    )


def test_sighup_gives_new_connections_the_new_certificate_and_lets_old_ones_live(
    start: Start, tmp_path: Path
) -> None:
    key, certificate = certified(tmp_path, 30)
    old = tmp_path / "old.pem"
    shutil.copy(certificate, old)
    daemon = start(users=f"ssl:0:privateKey={key}:certKey={certificate}")
    with _served(daemon, old) as connection:
        certified(tmp_path, 60)
        daemon.send(
            signal.SIGHUP, "users: new connections have the certificate that is in its file now\n"
        )
        with pytest.raises(ssl.SSLCertVerificationError):
            _served(daemon, old)
        with _served(daemon, certificate) as another:
            for each in (connection, another):
                each.sendall(CREATE)
                assert json.loads(next(lines(each)))["code"] == 201

        new = tmp_path / "new.pem"
        certificate.rename(new)
        shutil.copy(old, certificate)  # which the key is not of
        daemon.send(
            signal.SIGHUP, "users keeps the certificate that it has: key and certificate of "
        )
        certificate.unlink()
        daemon.send(
            signal.SIGHUP,
            f"users keeps the certificate that it has: {certificate}: No such file or directory\n",
        )
        _served(daemon, new).close()


def test_a_second_signal_to_stop_ends_it_at_once(start: Start, tmp_path: Path) -> None:
    daemon = start("--stop-grace", "60")
    with daemon.connect() as deaf:
        deaf.sendall(CREATE)
        next(lines(deaf))
        deaf.settimeout(0.3)
        try:
            while True:
                deaf.sendall(
                    GET * 1000
                )  # until it has so many answers unread that no more is taken
        except TimeoutError:
            pass
        daemon.send(signal.SIGINT, "stopping: 1 connections are open\n")
        sleep(0.3)  # what comes sooner may be the same press of Ctrl-C
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(5) == 128 + signal.SIGTERM
    assert "a second signal: ended at once, 1 connections are cut off\n" in daemon.logged()
    assert not daemon.pid_file.exists()
    assert not list(tmp_path.glob("sockcrud-admin-password-*"))


def test_one_press_of_ctrl_c_that_comes_twice_stops_it_in_order(start: Start) -> None:
    daemon = start()
    for _ in range(2):
        daemon.process.send_signal(signal.SIGINT)
    assert daemon.process.wait(LONGEST) == 0
    assert "stopped\n" in daemon.logged()


def test_a_terminal_that_is_closed_stops_what_was_started_there(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        off = [word for name in DIALECTS for word in (f"--{name}", "off")]
        process = subprocess.Popen(
            [*running.SERVE, *off, "--log-file", "daemon.log"],
            cwd=tmp_path,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
            env=environment(TMPDIR=str(tmp_path)),
        )
        os.close(theirs)
        said = b""
        while b"admin: " not in said:
            said += os.read(ours, 1000)
    finally:
        os.close(ours)
    assert process.wait(LONGEST) == 0
    assert "stopped\n" in (tmp_path / "daemon.log").read_text()


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_without_a_log_file_the_signals_end_nothing_either(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        daemon.process.send_signal(signal.SIGHUP)
        daemon.process.send_signal(signal.SIGUSR1)
        awaited(
            lambda: "the log is in no file that could be rotated" in daemon.log.read_text(),
            "it answers",
        )
        assert daemon.ask("messages", '{"op":"mostrar"}').startswith('{"status":200')
        assert daemon.stop() == 0
