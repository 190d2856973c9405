"""Several processes of one daemon: `sockcrud serve --workers N`.

The first process makes the listening sockets, forks the others, which serve, and looks after them:
one that ends is started again, all stop together. To a worker it is what systemd is to a service:
there it says that it runs, and that it lives.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any, Final

from attrs import Factory, define
from twisted.logger import Logger

from sockcrud import systemd
from sockcrud.protocols.inherited import Sockets
from sockcrud.workers.worker import Worker

SHORTEST_REST: Final = 1.0
LONGEST_REST: Final = 30.0
"""Seconds before a worker that has ended is started again: the first time, and when it ends again
and again."""
LONG_LIFE: Final = 60.0
"""A worker that has run for so many seconds has ended for a new reason."""
SILENCE: Final = 30.0
"""Seconds without a word after which a worker is taken for dead, where systemd names no others."""
LAST_SECONDS: Final = 30.0
"""More than a worker takes to stop, whatever its peers do: then it is killed."""
_CREDENTIALS: Final = struct.Struct("3i")  # of who has sent a datagram: process, user, group


@define(eq=False)
class _Child:
    number: int
    pid: int = 0
    started: float = 0.0
    heard: float = 0.0
    is_ready: bool = False
    is_proven: bool = False
    """Whether it was ready once, in this life or in one before."""
    rest: float = 0.0
    due: float = 0.0
    """When it is to be started again."""


@define(eq=False)
class Supervisor:
    """The first process: starts the others, and looks after them."""

    count: int
    sockets: Sockets
    log: Logger
    folder: Path
    _children: list[_Child] = Factory(list)
    _signals: list[int] = Factory(list)
    _stopping: float | None = None
    _status: int = 0
    _notified: Any = None
    _lifeline: tuple[int, int] = (-1, -1)
    _alive_at: float = 0.0

    def run(self) -> Worker:
        """Return in each worker, with what it is. In this process never: it ends with a status."""
        silence = systemd.watchdog_seconds() or SILENCE
        self._notified = _datagrams(self.folder / "notify")
        self._lifeline = os.pipe()
        wakeup = _wake_up_on_signals(self._signals)
        self._children = [_Child(number) for number in range(1, self.count + 1)]
        while True:
            now = monotonic()
            for child in self._due(now):
                if (worker := self._start(child, now)) is not None:
                    wakeup[0].close()
                    wakeup[1].close()
                    return worker
            readable, _, _ = select.select([self._notified, wakeup[0]], [], [], self._wait(now))
            if wakeup[0] in readable:
                wakeup[0].recv(4096)
            if self._notified in readable:
                self._listen()
            self._obey()
            self._bury()
            self._look_after(silence)
            if self._stopping is not None and not any(child.pid for child in self._children):
                self._clean_up()
                raise SystemExit(self._status)

    def _clean_up(self) -> None:
        rmtree(self.folder, ignore_errors=True)
        for shared in self.sockets.values():
            if shared is not None and shared.family == socket.AF_UNIX:
                Path(os.fsdecode(shared.getsockname())).unlink(missing_ok=True)

    # The life of a worker

    def _due(self, now: float) -> list[_Child]:
        """Return those that are to be started now: the first alone, until it has filled a new
        store."""
        if self._stopping is not None:
            return []
        possible = self._children if self._children[0].is_proven else self._children[:1]
        return [child for child in possible if not child.pid and child.due <= now]

    def _start(self, child: _Child, now: float) -> Worker | None:
        child.started = child.heard = now
        child.is_ready = False
        sys.stdout.flush()
        sys.stderr.flush()
        child.pid = os.fork()
        if child.pid:
            return None
        self._notified.close()
        os.close(self._lifeline[1])
        _forget_signals()
        os.environ["NOTIFY_SOCKET"] = str(self.folder / "notify")
        os.environ["WATCHDOG_PID"] = str(os.getpid())
        os.environ.setdefault("WATCHDOG_USEC", str(int(SILENCE * 1_000_000)))
        return Worker(child.number, self.count, self.sockets, self.folder, self._lifeline[0])

    def _bury(self) -> None:
        """Hear which have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for child in self._children:
                if child.pid == pid:
                    self._ended(child, os.waitstatus_to_exitcode(status))

    def _ended(self, child: _Child, code: int) -> None:
        now = monotonic()
        child.pid, child.is_ready = 0, False
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        if self._stopping is not None:
            self._status = self._status or (0 if code == -signal.SIGTERM else abs(code))
        elif not child.is_proven:  # what it said on standard error is what a person has to know
            self._status = abs(code) or 1
            self._stop(signal.SIGTERM)
        else:
            lived_long = now - child.started >= LONG_LIFE
            child.rest = (
                SHORTEST_REST
                if lived_long
                else min(LONGEST_REST, max(SHORTEST_REST, 2 * child.rest))
            )
            child.due = now + child.rest
            again = "worker {number} ended {how}: it is started again in {rest:g} s"
            self.log.error(again, number=child.number, how=how, rest=child.rest)

    def _look_after(self, silence: float) -> None:
        """Kill who has been silent for too long, and tell systemd that this process lives."""
        now = monotonic()
        for child in self._children:
            if not child.pid:
                continue
            if self._stopping is not None and now - self._stopping > LAST_SECONDS:
                os.kill(child.pid, signal.SIGKILL)
            elif child.is_ready and now - child.heard > silence:
                self.log.error("worker {number} hangs, and is killed", number=child.number)
                os.kill(child.pid, signal.SIGKILL)
                child.heard = now
        if now - self._alive_at >= silence / 2:
            self._alive_at = now
            systemd.notify(systemd.ALIVE)

    def _wait(self, now: float) -> float:
        due = [child.due - now for child in self._children if not child.pid]
        return max(0.0, min([1.0, *(each for each in due if each > 0)]))

    # What it hears

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            while True:
                said, ancillary, _, _ = self._notified.recvmsg(
                    4096, socket.CMSG_SPACE(_CREDENTIALS.size)
                )
                pid = next((_CREDENTIALS.unpack(data)[0] for _, _, data in ancillary), 0)
                for child in self._children:
                    if child.pid == pid:
                        self._heard(child, said.decode(errors="replace"))

    def _heard(self, child: _Child, said: str) -> None:
        child.heard = monotonic()
        if said == systemd.READY and not child.is_ready:
            child.is_ready = child.is_proven = True
            if all(each.is_ready for each in self._children):
                systemd.notify(systemd.READY)

    def _obey(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop(number)
            elif number == signal.SIGUSR1:
                # One renames the log's file, the others go on in the new one.
                self._tell(signal.SIGUSR1, self._children[:1])
                self._tell(signal.SIGHUP, self._children[1:])
            elif number == signal.SIGHUP:
                self._tell(signal.SIGHUP, self._children)

    def _stop(self, number: int) -> None:
        if self._stopping is None:
            self._stopping = monotonic()
            systemd.notify(systemd.STOPPING)
        self._tell(number, self._children)

    def _tell(self, number: int, children: list[_Child]) -> None:
        for child in children:
            if child.pid:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, number)


def _datagrams(path: Path) -> socket.socket:
    """Return a socket that hears what workers say, and which of them says it."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    made.setblocking(False)
    return made


_OBEYED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


def _wake_up_on_signals(heard: list[int]) -> tuple[socket.socket, socket.socket]:
    """Have signals added to what was heard, and wake up who reads the first of these sockets."""
    reading, writing = socket.socketpair()
    for each in (reading, writing):
        each.setblocking(False)
    signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    for number in _OBEYED:
        signal.signal(number, lambda number, frame: heard.append(number))
    return reading, writing


def _forget_signals() -> None:
    """Let a worker have signals as a process that was just started, which hears of its own."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # until it runs
