"""The well-behaved client: a process of its own that measures how it is served, from addresses that
no stranger has.

It asks for a user every 5 ms on one connection, comes as a new client every 50 ms (to the users,
and to the administration for its health), and logs in where it is told to. Words on its standard
input begin and end a measurement; the figures are a line of JSON on its standard output. To be used
by `Probe`.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Final

from attrs import Factory, asdict, define

ADDRESS: Final = "127.0.0.2"
NEWCOMER: Final = "127.0.0.3"
LOGIN_ADDRESS: Final = "127.0.0.4"
EVERY: Final = 0.005
NEW_EVERY: Final = 0.05
LOGIN_EVERY: Final = 0.2
PATIENCE: Final = 60.0
"""Seconds after which an answer is taken to be none."""
_GET: Final = b'{"id_operation":"get_user","payload":{"user_id":1}}\n'
_HEALTH: Final = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@define
class Figures:
    """How the well-behaved client was served, in seconds and counts."""

    asked: int = 0
    worst: float = 0.0
    """The longest that it waited for a user because of the daemon."""
    p99: float = 0.0
    stolen: float = 0.0
    """The longest part of a wait in which the machine ran neither the daemon nor this client, and
    which is left out above.
    """
    cut_off: int = 0
    newcomers: int = 0
    newcomer_worst: float = 0.0
    turned_away: int = 0
    healths: int = 0
    health_worst: float = 0.0
    unhealthy: int = 0
    logins: int = 0
    login_worst: float = 0.0
    logins_refused: int = 0
    words: list[str] = Factory(list)
    """What was answered in the place of an answer, at the most a few."""


class _Waiting:
    """How long a thread of the daemon, and this one, were ready to run while the machine ran
    something else.

    A wait for the daemon's own other threads is no such time: that is the daemon's doing.
    """

    def __init__(self, pid: int) -> None:
        self._main = Path(f"/proc/{pid}/schedstat")
        self._tasks = Path(f"/proc/{pid}/task")
        self._pid = pid

    def read(self) -> tuple[int, int, int]:
        """Return nanoseconds: the daemon's reactor waited, its other threads ran, this thread
        waited.
        """
        ran = 0
        with suppress(OSError, ValueError, IndexError):
            for task in self._tasks.iterdir():
                if task.name != str(self._pid):
                    ran += int((task / "schedstat").read_text().split()[0])
            waited = int(self._main.read_text().split()[1])
            mine = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
            return waited, ran, mine
        return 0, 0, 0

    @staticmethod
    def between(before: tuple[int, int, int], after: tuple[int, int, int]) -> float:
        """Return the seconds that the machine took away."""
        daemon = (after[0] - before[0]) - (after[1] - before[1])
        return (max(daemon, 0) + max(after[2] - before[2], 0)) / 1e9


class _Client:
    """Everything that the process does."""

    def __init__(self, ports: dict[str, int], pid: int, login: str, password: str) -> None:
        self._ports = ports
        self._waiting = _Waiting(pid)
        credentials = b64encode(f"{login}:{password}".encode())
        fields = (
            b"Host: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\nAuthorization: Basic "
            + credentials
        )
        self._login = b"POST /user/login HTTP/1.1\r\n" + fields + b"\r\n\r\n"
        self._over = Event()
        self._asked_once = Event()
        self._all_others_over = Event()
        self._figures = Figures()
        self._delays: list[float] = []
        self._threads: list[Thread] = []

    def begin(self, with_logins: bool) -> None:
        """Come back when the connection that asks for the user is made, and was answered."""
        for event in (self._over, self._asked_once, self._all_others_over):
            event.clear()
        self._figures = Figures()
        self._delays = []
        works: list[Callable[[], None]] = [
            self._ask,
            self._come_anew,
            *([self._log_in] if with_logins else []),
        ]
        self._threads = [Thread(target=work, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()
        self._asked_once.wait(PATIENCE)

    def end(self) -> Figures:
        """Wait until who has come anew is served, and ask for the user until then: what the others
        wait for, it may, too.
        """
        self._over.set()
        asking, *others = self._threads
        for thread in others:
            thread.join(PATIENCE + 10)
        self._all_others_over.set()
        asking.join(PATIENCE + 10)
        delays, figures = sorted(_with_missed(self._delays)), self._figures
        if delays:
            figures.worst, figures.p99 = delays[-1], delays[int(len(delays) * 0.99)]
        return figures

    def _ask(self) -> None:
        connection: socket.socket | None = None
        figures = self._figures
        while not self._all_others_over.is_set():
            before, asked = self._waiting.read(), monotonic()
            try:
                connection = connection or self._connect("users", ADDRESS)
                connection.sendall(_GET)
                answer = _line(connection)
            except OSError as error:
                answer = repr(error).encode()
            delay = monotonic() - asked
            stolen = min(self._waiting.between(before, self._waiting.read()), delay)
            figures.asked += 1
            if not answer.startswith(b'{"payload":{"id":1,'):
                figures.cut_off += 1
                self._note(answer)
                if connection is not None:
                    connection.close()
                    connection = None
            if delay - stolen > EVERY:
                figures.stolen = max(figures.stolen, stolen)
            self._delays.append(delay - stolen)
            self._asked_once.set()
            self._all_others_over.wait(max(asked + EVERY - monotonic(), 0))
        if connection is not None:
            connection.close()

    def _come_anew(self) -> None:
        figures = self._figures
        while not self._over.is_set():
            seconds, answer = self._once("users", NEWCOMER, _GET)
            figures.newcomers += 1
            figures.newcomer_worst = max(figures.newcomer_worst, seconds)
            if not answer.startswith(b'{"payload":{"id":1,'):
                figures.turned_away += 1
                self._note(answer)
            seconds, answer = self._once("admin", NEWCOMER, _HEALTH)
            figures.healths += 1
            figures.health_worst = max(figures.health_worst, seconds)
            if not answer.startswith(b"HTTP/1.1 200"):
                figures.unhealthy += 1
                self._note(answer)
            self._over.wait(NEW_EVERY)

    def _log_in(self) -> None:
        figures = self._figures
        while not self._over.is_set():
            seconds, answer = self._once("auth", LOGIN_ADDRESS, self._login)
            figures.logins += 1
            figures.login_worst = max(figures.login_worst, seconds)
            if not answer.startswith(b"HTTP/1.1 200"):
                figures.logins_refused += 1
                self._note(answer)
            self._over.wait(LOGIN_EVERY)

    def _once(self, dialect: str, address: str, request: bytes) -> tuple[float, bytes]:
        """Ask on a connection of its own; give the seconds that the daemon took, and what it
        answered.
        """
        before, asked = self._waiting.read(), monotonic()
        try:
            with self._connect(dialect, address) as connection:
                connection.sendall(request)
                answer = _line(connection)
        except OSError as error:
            answer = repr(error).encode()
        seconds = monotonic() - asked
        return max(seconds - self._waiting.between(before, self._waiting.read()), 0.0), answer

    def _connect(self, dialect: str, address: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._ports[dialect]), PATIENCE, (address, 0))

    def _note(self, answer: bytes) -> None:
        words = answer[:60].decode(errors="replace").partition("\r")[0].strip() or "nothing"
        if words not in self._figures.words and len(self._figures.words) < 2:
            self._figures.words.append(words)


def _line(connection: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            break
        answer += part
    return answer


def _with_missed(delays: list[float]) -> list[float]:
    """Return the delays, and those of the requests that would have been sent while one was waited
    for.
    """
    missed = []
    for delay in delays:
        while (delay := delay - EVERY) > EVERY:
            missed.append(delay)
    return delays + missed


def main() -> None:
    sys.setswitchinterval(0.0005)  # its own threads are not to make each other wait
    given = json.loads(sys.stdin.readline())
    client = _Client(**given)
    for word in sys.stdin:
        if word.strip() == "end":
            print(json.dumps(asdict(client.end())), flush=True)
        else:
            client.begin(word.strip() == "begin with logins")
            print("begun", flush=True)


class Probe:
    """The process, for the one who started it. Used as a context, it is gone after it."""

    def __init__(self, ports: dict[str, int], pid: int, login: str, password: str) -> None:
        command = [sys.executable, "-m", "tests.proofs.strangers.probe"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._tell(json.dumps({"ports": ports, "pid": pid, "login": login, "password": password}))

    def begin(self, with_logins: bool = False) -> None:
        """Begin to measure; come back when it has."""
        self._tell("begin with logins" if with_logins else "begin")
        self._hear()

    def end(self) -> Figures:
        """Stop, and return what was measured since the beginning."""
        self._tell("end")
        answer: dict[str, Any] = json.loads(self._hear())
        return Figures(**answer)

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


if __name__ == "__main__":
    main()
