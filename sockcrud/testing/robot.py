"""The library for Robot Framework: `Library    sockcrud.testing.robot`. A suite has one daemon."""

from __future__ import annotations

from typing import Any

from sockcrud.testing.process import MEMORY, DaemonProcess

__all__ = [
    "account_on_daemon",
    "address_of_dialect",
    "admin_password",
    "empty_daemon",
    "log_of_daemon",
    "port_of_dialect",
    "start_daemon",
    "stop_daemon",
    "url_of_dialect",
]

_running: list[DaemonProcess] = []


def start_daemon(*apps: str, store: str = MEMORY, seed: str = "", **settings: str) -> None:
    """Start a daemon, as a Suite Setup does. `apps` are names of apps and files; none: all.

    | Start Daemon | users | seed=demo |
    | Start Daemon | ${CURDIR}/library.py | store=sqlite: |
    """
    stop_daemon()
    _running.append(DaemonProcess(apps, store, seed, settings))


def stop_daemon() -> None:
    """Stop the daemon, as a Suite Teardown does. Harmless where none runs."""
    while _running:
        _running.pop().stop()


def empty_daemon() -> None:
    """Have all of it made anew, as a Test Setup does. Its ports stay."""
    _daemon().reset()


def address_of_dialect(dialect: str) -> str:
    """Return HOST:PORT of a dialect."""
    host, port = _daemon().address(dialect)
    return f"{host}:{port}"


def port_of_dialect(dialect: str) -> int:
    """Return the port of a dialect, on 127.0.0.1."""
    return _daemon().address(dialect)[1]


def url_of_dialect(dialect: str) -> str:
    """Return the URL of a dialect that speaks HTTP, without a slash at its end."""
    return _daemon().url(dialect)


def admin_password() -> str:
    """Return the password of the account `admin`."""
    return _daemon().admin_password


def account_on_daemon(login: str, password: str, role: str = "user") -> int:
    """Make an account, and return its id."""
    made: Any = _daemon().admin.create_account(login, password, role)
    return int(made.id)


def log_of_daemon() -> str:
    """Return what the daemon has logged since it was last empty."""
    return _daemon().log()


def _daemon() -> DaemonProcess:
    if not _running:
        raise AssertionError("no daemon runs: expected Start Daemon before")
    return _running[0]
