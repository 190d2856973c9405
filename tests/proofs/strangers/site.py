"""A real daemon under attack: on its own core, with the well-behaved client beside it, and its
figures.
"""

from __future__ import annotations

import json
import os
import re
import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final

from sockcrud import config, loading
from tests.proofs.strangers.probe import Probe
from tests.support.certificate_kit import certified
from tests.support.postgres_kit import drop_database, new_database
from tests.support.running import Daemon

STORES: Final = ("memory", "sqlite", "postgres")
LOGIN: Final = "wellbehaved"
PASSWORD: Final = "a password of the well-behaved"
_FAULT: Final = re.compile(r"Traceback|CRITICAL|Unhandled|#error|\[-#critical\]", re.IGNORECASE)
_PATIENCE: Final = 20.0


class Site:
    """The daemon and the probe. Used as a context, both are gone after it."""

    def __init__(
        self,
        directory: Path,
        store: str = "memory",
        flags: Sequence[str] = (),
        reactor: str | None = None,
        descriptors: int = 0,
        tls: bool = False,
    ) -> None:
        self._stack = ExitStack()
        core = self._stack.enter_context(_core_of_its_own())
        self.directory = directory
        password = directory / "admin-password"
        password.write_text(PASSWORD)
        given = ["--admin-password-file", str(password), *_known(flags), *self._store(store)]
        if tls:
            key, certificate = certified(directory, 30)
            where = f"ssl:0:privateKey={key}:certKey={certificate}:interface=127.0.0.1"
            given += [
                word
                for dialect in ("messages", "shop", "members", "way")
                for word in (f"--{dialect}", where)
            ]
        under = ("sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh") if descriptors else ()
        try:
            with _reactor(reactor):
                self.daemon = self._stack.enter_context(Daemon(directory, *given, under=under))
            self.pid = self.daemon.process.pid
            if core is not None:
                for task in os.listdir(f"/proc/{self.pid}/task"):
                    os.sched_setaffinity(int(task), {core})
            self.token = self._prepare()
            self.probe = self._stack.enter_context(
                Probe(self.daemon.ports, self.pid, LOGIN, PASSWORD)
            )
        except BaseException:
            self._stack.close()
            raise

    def _store(self, store: str) -> list[str]:
        if store == "sqlite":
            return ["--store", f"sqlite:{self.directory / 'store.db'}"]
        if store == "postgres":
            url = new_database()
            self._stack.callback(drop_database, url)
            return ["--store", url]
        return []

    def _prepare(self) -> str:
        """Make the user and the account that the probe asks for; give a token of another
        account.
        """
        user = {
            "id_operation": "create_user",
            "payload": {"name": "Ana", "email": "ana@example.org", "age": 30},
        }
        made = self.daemon.ask("users", json.dumps(user))
        assert '"id":1,' in made, made
        for name in (LOGIN, "stranger"):
            body = json.dumps({"username": name, "password": PASSWORD})
            made = self.ask_http("auth", "POST", "/user/create", body)
            assert made.startswith("HTTP/1.1 201"), made
        token = re.search(
            r"[0-9A-F]{64}", self.ask_http("auth", "POST", "/user/login", login="stranger")
        )
        assert token is not None
        return token[0]

    def ask_http(
        self, dialect: str, method: str, path: str, body: str = "", login: str = "", token: str = ""
    ) -> str:
        """Ask on a connection of its own, and return the whole answer."""
        fields = [
            "Host: 127.0.0.1",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if login:
            fields.append(
                "Authorization: Basic " + b64encode(f"{login}:{PASSWORD}".encode()).decode()
            )
        if token:
            fields.append(f"Authorization: Bearer {token}")
        with socket.create_connection(
            ("127.0.0.1", self.daemon.ports[dialect]), _PATIENCE
        ) as connection:
            connection.sendall(
                "\r\n".join([f"{method} {path} HTTP/1.1", *fields, "", body]).encode()
            )
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def is_served(self, tls: bool) -> str:
        """Ask at several ports as a client who has just come; give what was wrong, or nothing."""
        asked = monotonic()
        try:
            heard = {
                "users": self.daemon.ask(
                    "users", '{"id_operation": "get_user", "payload": {"user_id": 1}}'
                )
            }
            right = {"users": '{"payload":{"id":1,'}
            for dialect, path in {
                "clients": "/clients/health",
                "auth": "/user/health",
                "admin": "/health",
            }.items():
                heard[dialect], right[dialect] = self.ask_http(dialect, "GET", path), "HTTP/1.1 200"
            if not tls:
                heard["messages"] = self.daemon.ask(
                    "messages", '{"op": "mostrar", "id": 999999999}'
                )
                right["messages"] = '{"status":402'
                heard["members"], right["members"] = (
                    self.ask_http("members", "HEAD", "/"),
                    "HTTP/1.1 200",
                )
        except OSError as error:
            return f"the next client is not served: {error!r} after {monotonic() - asked:.1f} s"
        wrong = [
            f"{name}: {answer[:80]!r}"
            for name, answer in heard.items()
            if not answer.startswith(right[name])
        ]
        return f"the next client is not served: {', '.join(wrong)}" if wrong else ""

    # What can be seen of it

    @property
    def is_running(self) -> bool:
        return self.daemon.process.poll() is None

    def resident(self) -> int:
        return self.daemon.resident_bytes()

    def forget_peak(self) -> None:
        """Have the system begin anew with the most memory that the daemon had."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Return the most memory that the daemon has had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stored(self) -> int:
        """Return the bytes on disk, where the store is a file."""
        return sum(path.stat().st_size for path in self.directory.glob("store.db*"))

    def logged(self) -> int:
        """Return how long its log is."""
        return self.daemon.log.stat().st_size

    def log_since(self, place: int) -> tuple[list[str], list[str]]:
        """Return the lines that were logged from this place on, and those of them that tell of a
        fault.
        """
        with self.daemon.log.open("rb") as log:
            log.seek(place)
            lines = log.read().decode(errors="replace").splitlines()
        return lines, [line for line in lines if _FAULT.search(line)]

    def __enter__(self) -> Site:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


def _known(flags: Sequence[str]) -> list[str]:
    """Return those of the flags (name, value, name, value, ...) that this daemon has."""
    names = {setting.name for setting in config.declared(loading.apps())}
    pairs = zip(flags[::2], flags[1::2], strict=True)
    return [
        word
        for name, value in pairs
        if name.lstrip("-").replace("-", "_") in names
        for word in (name, value)
    ]


@contextmanager
def _reactor(name: str | None) -> Iterator[None]:
    before = Daemon.reactor
    Daemon.reactor = name or before
    try:
        yield
    finally:
        Daemon.reactor = before


@contextmanager
def _core_of_its_own() -> Iterator[int | None]:
    """Yield a core for the daemon, and keep this process, with all that it starts from here on, on
    the others.

    So neither the attack nor the measurement takes the daemon's time. None where there is but one.
    """
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        yield None
        return
    core = min(mine)
    os.sched_setaffinity(0, mine - {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, mine)
