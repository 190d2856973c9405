"""Several real daemons as processes on one PostgreSQL of their own, which may be killed, frozen and
started again.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Final

from tests.proofs.durability.crash import found
from tests.proofs.durability.crash_book import Broken, Found, Name
from tests.proofs.durability.crash_load import PASSWORD, Http
from tests.support.postgres_kit import Server, execute
from tests.support.running import Daemon

ADMIN: Final = "admin"
"""The first admin, who has the password of the load."""

_END_SECONDS: Final = 30.0


class Nodes:
    """So many daemons, started at the same moment on an empty database. Used as a context, they and
    it are gone after it.
    """

    def __init__(self, directory: Path, size: int, *options: str, safe: bool = False) -> None:
        """With `safe` the database's writes are safe from the machine's end, too, and take as long
        as they then do.

        `options` are the database's.
        """
        self.server = Server(*options, safe=safe)
        self.daemons: list[Daemon] = []
        self.numbers = count(1)
        """Those that are in no name and no id yet."""
        self._stack = ExitStack()
        self._stack.callback(self.server.remove)
        password = directory / "password"
        password.write_text(PASSWORD)
        flags = ("--store", self.url, "--admin-password-file", str(password))
        try:
            with ThreadPoolExecutor(size) as together:
                starting = [
                    together.submit(_started, directory / f"node-{number}", flags)
                    for number in range(size)
                ]
            for started in starting:
                self.daemons.append(self._stack.enter_context(started.result()))
        except BaseException:
            self._stack.close()
            raise

    @property
    def url(self) -> str:
        """The database, for this process."""
        return self.server.url("postgres")

    def ask_database(self, *statements: str) -> list[tuple[Any, ...]]:
        """Ask the database itself; give the rows of the last statement."""
        return execute(self.url, *statements)

    def in_database(self) -> dict[Name, Found]:
        """Read what a book tells of, with nothing but SQL."""
        return found(
            self.ask_database("SELECT id, name, age FROM users"),
            self.ask_database("SELECT id, data FROM messages"),
            self.ask_database("SELECT id, cpf, balance FROM clients"),
            self.ask_database("SELECT id, client_id, number FROM addresses"),
        )

    def log_in(self, node: int = 0) -> str:
        """Return a token of the admin's, at the admin port of one of them. It works at that of
        all.
        """
        with closing_port(self.daemons[node], "admin") as port:
            return str(port.do("POST", "/login", {"login": ADMIN, "password": PASSWORD})["token"])

    def new_shopper(self) -> str:
        """Make an account, and return a token of it for the shop."""
        name = f"shopper-{next(self.numbers)}"
        with closing_port(self.daemons[0], "auth") as port:
            port.do("POST", "/user/create", {"username": name, "password": PASSWORD})
            return port.log_in(name)

    def kill_database(self, alone: bool = False) -> None:
        """Kill every process of it at once; or only the first, `alone`, whereupon the others find
        out and end.
        """
        pids = self.server.backends()
        for pid in pids if not alone else [self.server.pid]:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            _await_end(pid)
        self.server.stop()  # it has ended, and is told so

    def start_database(self) -> float:
        """Start it again; give the moment at which it took connections."""
        self.server.start()
        return monotonic()

    @contextmanager
    def frozen_database(self) -> Iterator[None]:
        """No process of it does anything meanwhile, and no connection of it ends."""
        self.server.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.signal(signal.SIGCONT)

    def check_logs(self) -> None:
        """Raise `Broken` where a daemon has logged a fault of its own."""
        for daemon in self.daemons:
            log = daemon.log.read_text(errors="replace")
            for word in ("Traceback", "Unhandled"):
                if (place := log.find(word)) >= 0:
                    raise Broken(
                        f"the log tells of a fault: {log[max(0, place - 500) : place + 3000]}"
                    )

    def stop(self) -> None:
        """Stop all daemons. Raise `Broken` where one does not end in order."""
        for daemon in self.daemons:
            if (status := daemon.stop()) != 0:
                raise Broken(f"a daemon ended with status {status}")

    def __enter__(self) -> Nodes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


@contextmanager
def closing_port(daemon: Daemon, dialect: str, token: str = "") -> Iterator[Http]:
    """A connection to a port that speaks HTTP."""
    port = Http(daemon.ports[dialect], token)
    try:
        yield port
    finally:
        port.close()


def _started(directory: Path, flags: tuple[str, ...]) -> Daemon:
    directory.mkdir()
    return Daemon(directory, *flags)


def _await_end(pid: int) -> None:
    """Come back when there is no such process any more, also one that is not ours to wait for."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        if not poll.poll(_END_SECONDS * 1000):
            raise AssertionError(f"process {pid} of the database does not end")
    finally:
        os.close(watched)
