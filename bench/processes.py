"""Processes of the benchmark: each on the core that it belongs to, and gone at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import shuffle
from types import TracebackType
from typing import IO, Final

from attrs import define, field, frozen

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
TRY_SECONDS: Final = 0.001
LOG_TAIL: Final = 2_000
HOST: Final = "127.0.0.1"
FIRST_PORT: Final = 10_000


class Failed(Exception):
    """Why there is no figure, in words for people."""


@frozen
class Cores:
    """The core of the servers with all of their threads, and the core of whoever asks them."""

    server: int
    load: int


def two_cores() -> Cores:
    """Choose them; raise `Failed` where there are not two."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Failed("this needs two cores: one for the server, one for the load")
    return Cores(usable[0], usable[1])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started meanwhile runs on this core, with all that it starts in turn."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, each another.

    They are none that the system gives to outgoing connections: on a machine with other work such a
    connection would take one now and then before its server listens.
    """
    outgoing = range(
        *(int(port) for port in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    )
    candidates = [port for port in range(FIRST_PORT, 65_536) if port not in outgoing]
    shuffle(candidates)
    free = islice((port for port in candidates if _is_free(port)), count)
    return list(free)


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


@define(eq=False)
class Server:
    """A server as a process on one core. What it says is in a file, the end of which is shown where
    it fails.
    """

    name: str
    command: Sequence[str]
    port: int
    directory: Path
    core: int
    environment: Mapping[str, str] = field(factory=dict)
    log: Path = field(init=False)
    started: float = field(init=False)
    """When the process was made, by `time.perf_counter`."""
    process: subprocess.Popen[bytes] = field(init=False)
    _output: IO[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "output.log"
        self._output = self.log.open("wb")
        with on_core(self.core):
            self.started = time.perf_counter()
            try:
                self.process = subprocess.Popen(
                    list(self.command),
                    cwd=self.directory,
                    env=_environment(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                self._output.close()
                raise Failed(f"{self.name} cannot be started: {error}") from None

    def wait(self, *more_ports: int, seconds: float = START_SECONDS) -> None:
        """Wait until it listens on its port, and on these as well; raise `Failed`."""
        for port in (self.port, *more_ports):
            self._wait_for(port, seconds)

    def _wait_for(self, port: int, seconds: float) -> None:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            try:
                socket.create_connection((HOST, port), timeout=5).close()
                return
            except OSError:
                self.check()
                time.sleep(TRY_SECONDS)
        raise Failed(f"{self.name} did not listen within {seconds:g} seconds\n{self._said()}")

    def check(self) -> None:
        """Raise `Failed` where the process has ended."""
        if (status := self.process.poll()) is not None:
            raise Failed(f"{self.name} ended with status {status}\n{self._said()}")

    def _said(self) -> str:
        said = self.log.read_text(encoding="utf-8", errors="replace")
        return f"... {said[-LOG_TAIL:]}" if len(said) > LOG_TAIL else said

    def resident_bytes(self) -> int:
        """Return the memory that the process has in use."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def processor_seconds(self) -> float:
        """Return the processor time that it has used, all threads together."""
        # What clock_getcpuclockid(3) would give, which Python lacks: to the nanosecond, where /proc
        # counts hundredths.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def stop(self) -> None:
        """Ask it to end, and where it does not, end it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._output.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with no settings of sockcrud, and with these."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("SOCKCRUD_")},
        **more,
    }
