"""The real daemon as a process of its own, for tests that need one."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar

from sockcrud import loading
from sockcrud.identity.passwords import HashCost
from tests.support import forked
from tests.support.forked import CHEAP, Forked

DIALECTS = tuple(dialect.name for dialect in loading.apps().dialects)
_LISTENS = re.compile(r"([\w-]+) +listens on (\S+):([0-9]+)")
_TWISTD = [str(Path(sys.executable).parent / "twistd"), "--nodaemon", "--pidfile="]
SERVE = [sys.executable, "-m", "sockcrud", "serve"]
SERVE_WITH_CHEAP_HASHES = [
    sys.executable,
    "-c",
    "import sys; from sockcrud.cli.main import main; from sockcrud.identity.passwords import "
    "HashCost, Passwords;"
    "Passwords.__init__.__defaults__ = (HashCost(1, 8, 1),); sys.argv[0] = 'sockcrud'; main()",
    "serve",
]
"""The same daemon with cheap hashes. Where nothing else is to be run but this, it is forked
instead: see `forked`.
"""


class Daemon:
    """A daemon that listens on ports of its own choice; its log is in `log`. Killed at the end,
    unless it was stopped.
    """

    reactor: ClassVar[str | None] = None
    """The name of the one it is to run in, where it is not to be its own choice."""
    cost: ClassVar[HashCost] = CHEAP
    """What a password's hash costs, where the daemon is forked."""
    tracer: ClassVar[Sequence[str]] = ()
    """What traces it, where the daemon is forked."""

    def __init__(
        self,
        directory: Path,
        *flags: str,
        twistd: bool = False,
        under: Sequence[str] = (),
        passing: Sequence[int] = (),
    ) -> None:
        """Start it. `under` is a command that runs it in its own place, such as one that lowers a
        limit first; `passing` are the descriptors that it inherits.
        """
        self.log = directory / "daemon.log"
        self._output = self.log.open("wb")
        ports = [word for name in DIALECTS for word in (f"--{name}", "tcp:0")]
        reactor = ["--reactor", self.reactor] if self.reactor is not None else []
        # A daemon that is killed leaves the file with its first admin's password: among what goes
        # with the directory.
        settings = environment(TMPDIR=str(directory))
        self.process: subprocess.Popen[bytes] | Forked
        if is_forked() and not twistd and not under:
            words = ["serve", *reactor, *ports, *flags]
            how = (self.cost, self.tracer)
            self.process = Forked(words, directory, self._output, settings, *how)
        else:
            command = [*_TWISTD, *reactor, "sockcrud"] if twistd else [*SERVE, *reactor]
            command = [*under, *command, *ports, *flags]
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                stdout=subprocess.PIPE,
                stderr=self._output,
                env=settings,
                pass_fds=passing,
            )
        assert self.process.stdout is not None
        self.stdout: IO[bytes] = self.process.stdout
        self.banner: list[str] = []
        self.ports: dict[str, int] = {}
        while DIALECTS[-1] not in self.ports:
            self.hear()

    def hear(self) -> None:
        """Take the next line of its banner."""
        line = self.stdout.readline().decode()
        if not line:
            raise AssertionError(f"the daemon did not start: {self.banner} {self.log.read_text()}")
        self.banner.append(line.rstrip("\n"))
        if found := _LISTENS.search(line):
            self.ports[found[1]] = int(found[3])

    def connect(self, dialect: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[dialect]), timeout=20)

    def ask(self, dialect: str, request: str) -> str:
        """Send one request, say no more, and return all that comes back."""
        with self.connect(dialect) as connection:
            connection.sendall(request.encode())
            connection.shutdown(socket.SHUT_WR)
            return received(connection).decode()

    def resident_bytes(self) -> int:
        """Return the memory the process has in use, as Linux counts it."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self._output.close()
        return status

    def __enter__(self) -> Daemon:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.stdout.close()
        self._output.close()


def is_forked() -> bool:
    """Return whether daemons are forked, and not started by a command."""
    return forked.AVAILABLE and SERVE is SERVE_WITH_CHEAP_HASHES


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment, with no settings of sockcrud, and with these variables."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SOCKCRUD_")}
    return {**others, **settings}


def received(connection: socket.socket) -> bytes:
    """Return everything that comes until the other end closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def lines(connection: socket.socket) -> Iterator[str]:
    """Yield the lines that come, one by one."""
    with connection.makefile("r", encoding="utf-8") as file:
        yield from file


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]
