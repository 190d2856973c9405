"""The process of a daemon, as tests have it: where it listens, its clients, its log."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from attrs import fields

from sockcrud import loading
from sockcrud.app import Apps
from sockcrud.client.blocking import BlockingFace
from sockcrud.client.calls import Face
from sockcrud.client.errors import AlreadyExists, ClientError, InvalidRequest
from sockcrud.settings import OFF, Settings

STOP_SECONDS: Final = 10.0
"""What the process has to end in order; then it is killed."""
_JOURNALED: Final = 1000
"""As many requests as a daemon keeps by default."""
_MOST_SHOWN: Final = 50
MEMORY: Final = "memory:"
DEMO: Final = "demo"

_OF_TESTS: Final = {
    "allow_faults": "yes",
    "log_operations": "yes",
    "stop_grace": "0.1",  # nobody waits for what a test has left under way
}

Seed = str | Path | Sequence[Mapping[str, Any]]
"""What a daemon begins with: "demo" for the example records, a file that `sockcrud export` has
written, or records as its lines have them, `{"kind": "User", "name": "Ana", …}`; those without an
id are counted from 1."""


class DaemonFailed(Exception):
    """The daemon does not serve; its log says why."""


class DaemonProcess:
    """A daemon in a process of its own, on ports that the system chose, with one admin.

    It is for one thread. A process that ends without `stop` takes it along.
    """

    def __init__(
        self,
        apps: Sequence[str | Path] = (),
        store: str = MEMORY,
        seed: Seed = (),
        settings: Mapping[str, str] | None = None,
        admin_password: str | None = None,
    ) -> None:
        """Start it; raise `DaemonFailed`.

        `apps` are names of installed apps and files of one's own; without a name, all that are
        installed are served. `store` is `memory:`, `sqlite:` for a file that goes at the end, or a
        URL of PostgreSQL, where a schema is made that goes at the end. `settings` are as in
        tap.cfg, by name. The admin's password is a random one unless it is given.
        """
        self._clients = ExitStack()
        self._folder = tempfile.TemporaryDirectory(prefix="sockcrud-testing-")
        folder = Path(self._folder.name)
        self.seed = seed
        default: Any = fields(Settings).admin_login.default
        self.admin_login = (settings or {}).get("admin_login", default)
        self.admin_password = admin_password or secrets.token_urlsafe(12)
        self.admin_password_file = password_file = folder / "admin-password"
        password_file.write_text(self.admin_password)
        password_file.chmod(0o600)
        self._apps, ports = _served(apps)
        given = {
            **_OF_TESTS,
            **ports,
            "store": store,
            "app": shlex.join(str(Path(app).absolute()) for app in apps if _is_file(app)),
            "admin_password_file": str(password_file),
            "demo": "yes" if seed == DEMO else "no",
            **(settings or {}),
        }
        self._log, self._log_begins = folder / "daemon.log", 0
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sockcrud.testing.child", json.dumps(given)],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(folder),
                start_new_session=True,  # Ctrl-C is for the tests, which stop it themselves
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout
        try:
            self.reset()
        except BaseException:
            self.stop()
            raise

    def reset(self, seed: Seed | None = None) -> None:
        """Have all of it made anew: records, accounts, sessions, faults, figures. The ports stay.

        Clients that were made before are closed; each test makes its own.
        """
        self.close_clients()
        try:
            self._orders.write(b"reset\n")
            self._orders.flush()
            answer = json.loads(self._answers.readline() or b"{}")
        except OSError:
            answer = {}
        if "ports" not in answer:
            raise DaemonFailed(answer.get("error") or f"the daemon ended: {self.log()}")
        self.ports: dict[str, int] = answer["ports"]
        self._log_begins = self._log.stat().st_size
        self._plant(self.seed if seed is None else seed)

    def _plant(self, seed: Seed) -> None:
        if not seed or seed == DEMO:
            return
        if isinstance(seed, (str, Path)):
            lines = Path(seed).read_bytes()
        else:
            counts = Counter[Any]()
            lines = b""
            for record in seed:
                counts[record.get("kind")] += 1  # the ids that the records get by themselves
                numbered = {"id": counts[record.get("kind")], **record}
                lines += json.dumps(numbered).encode() + b"\n"
        try:
            self.admin.import_lines([lines], len(lines))
        except InvalidRequest as error:
            fault = error.faults[0]
            wrong = f"line {fault.line}, {fault.field}: {fault.message}"
            raise ValueError(f"the seed cannot be imported: {wrong}") from None

    # Where it is

    def address(self, dialect: str) -> tuple[str, int]:
        """Return host and port of a dialect."""
        if dialect not in self.ports:
            raise KeyError(f"{dialect!r} is none of {', '.join(self.ports)}")
        return "127.0.0.1", self.ports[dialect]

    def url(self, dialect: str) -> str:
        """Return the URL of a dialect that speaks HTTP, without a slash at its end."""
        host, port = self.address(dialect)
        return f"http://{host}:{port}"

    # Its clients

    @property
    def admin(self) -> Any:
        """The client of the admin port, logged in."""
        return self.client(next(each.name for each in self._apps.dialects if each.privileged))

    def client(self, dialect: str, login: str | None = None, password: str | None = None) -> Any:
        """Return a client of a dialect, closed at the next reset; each method waits for its result.

        Where the dialect wants a login it is logged in: as the first admin, or with this login,
        which gets an account first where it has none.
        """
        host, port = self.address(dialect)
        declared = self._apps.dialect(dialect)
        made = _blocking(self._apps.client_of(dialect), declared.json_lines)
        client = self._clients.enter_context(made(f"{host}:{port}"))
        if declared.login is None:
            return client
        name, secret = self._account(login, password)
        if declared.login == dialect:
            client.log_in(name, secret)
        else:
            door = self.client(declared.login, login, password)
            client.token = door.token
        return client

    def _account(self, login: str | None, password: str | None) -> tuple[str, str]:
        if login is None:
            return self.admin_login, self.admin_password
        secret = password or f"the password of {login}"
        if login not in self._logins:
            self._logins.add(login)
            with suppress(AlreadyExists):
                self.admin.create_account(login, secret)
        return login, secret

    def close_clients(self) -> None:
        """Close the clients that were made."""
        self._clients.close()
        self._logins: set[str] = set()

    # Its log, and its end

    def log(self) -> str:
        """Return what was logged since it was last reset."""
        with self._log.open("rb") as file:
            file.seek(self._log_begins)
            return file.read().decode(errors="replace")

    def report(self) -> list[tuple[str, str]]:
        """Return what there is to know of the test that has failed, each part with its title."""
        log = self.log()  # before the journal is read, which is logged too
        parts = [("journal", self._journal()), ("log", log)]
        return [(title, text) for title, text in parts if text]

    def _journal(self) -> str:
        """Return the last of what passed, but at the admin port; "" where it cannot be had."""
        from sockcrud.journal.lines import lines

        entries: list[Any] = []
        with suppress(ClientError, ValueError):  # of one that has crashed there is a log still
            admin = self.admin
            bearing = {"Authorization": f"Bearer {admin.token}"}
            answer = admin.fetch("GET", f"/journal?limit={_JOURNALED}", bearing)
            entries = json.loads(answer.body).get("items", [])
        ours = {each.name for each in self._apps.dialects if each.privileged}
        shown = [entry for entry in entries if entry["dialect"] not in ours][-_MOST_SHOWN:]
        return "\n".join(line for entry in shown for line in lines(entry, colored=False))

    def stop(self) -> None:
        """End the process, and remove all that it has written. Harmless when repeated."""
        self.close_clients()
        self._orders.close()  # which is what ends it
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        self._folder.cleanup()

    def __enter__(self) -> DaemonProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


@contextmanager
def running(
    *apps: str | Path,
    store: str = MEMORY,
    seed: Seed = (),
    settings: Mapping[str, str] | None = None,
    admin_password: str | None = None,
) -> Iterator[DaemonProcess]:
    """Have a daemon; see `DaemonProcess`."""
    with DaemonProcess(apps, store, seed, settings, admin_password) as daemon:
        yield daemon


def _is_file(app: str | Path) -> bool:
    return isinstance(app, Path) or app.endswith(".py") or os.sep in app


def _served(apps: Sequence[str | Path]) -> tuple[Apps, dict[str, str]]:
    """Return all apps there are, and where each dialect listens: those of what is asked for, where
    their logins are, and the admin port.
    """
    there = loading.apps([str(Path(app).absolute()) for app in apps if _is_file(app)])
    names = {str(app) for app in apps if not _is_file(app)}
    if unknown := names - {app.name for app in there}:
        known = ", ".join(app.name for app in there)
        raise ValueError(f"there is no app {min(unknown)!r}: expected {known}, or a file")
    of_installed = {dialect.name for app in loading.installed() for dialect in app.dialects}
    wanted = {
        dialect.name
        for app in there
        for dialect in app.dialects
        if not names or app.name in names or dialect.privileged or dialect.name not in of_installed
    }
    wanted |= {there.dialect(name).login or name for name in wanted}
    ports = {
        dialect.setting: "tcp:0" if dialect.name in wanted else OFF for dialect in there.dialects
    }
    return there, ports


def _blocking(client: Any, is_json_lines: bool) -> Any:
    """Return the client whose methods wait, of one that is declared for either face."""
    from sockcrud.client.record_calls import RecordCalls, record_client

    if issubclass(client, RecordCalls):
        return record_client(
            BlockingFace, client.record, client.plural, "lines" if is_json_lines else "rest", 0
        )
    calls = [base for base in client.__bases__ if not issubclass(base, Face)]
    return type(client.__name__, (*calls, BlockingFace), {})


def _environment(folder: Path) -> dict[str, str]:
    """Return this process's environment without settings of sockcrud; modules are found as here."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SOCKCRUD_")}
    path = os.pathsep.join(each or os.getcwd() for each in sys.path)
    return {**others, "PYTHONPATH": path, "TMPDIR": str(folder)}
