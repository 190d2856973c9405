"""What systemd is told, as it hears it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from sockcrud import systemd
from tests.support.running import Daemon


def test_the_daemon_tells_that_it_runs_lives_reloads_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        with Daemon(tmp_path) as daemon:
            assert {heard.recv(100) for _ in range(4)} == {b"READY=1", b"WATCHDOG=1"}
            daemon.process.send_signal(signal.SIGHUP)
            told = [heard.recv(100)]
            while told[-1] != b"READY=1":
                told.append(heard.recv(100))
            assert any(word.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for word in told)
            daemon.process.send_signal(signal.SIGTERM)
            while heard.recv(100) != b"STOPPING=1":
                pass
            assert daemon.stop() == 0


def test_nobody_is_told_where_nobody_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.notify(systemd.READY)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nowhere"))
    systemd.notify(systemd.READY)


def test_a_socket_without_a_file_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0sockcrud-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@sockcrud-test-{os.getpid()}")
        systemd.notify(systemd.READY)
        heard.settimeout(5)
        assert heard.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("30000000", None, 30.0),
        ("30000000", "ours", 30.0),
        ("30000000", "1", None),
        ("", None, None),
        ("0", None, None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "ours" else pid)
    assert systemd.watchdog_seconds() == seconds
