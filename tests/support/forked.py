"""Daemons and commands that are forked from a process which has imported all that they need: most
of their start is imports.

A process that runs tests has one such process beside it, from its first daemon to its end. Nothing
but what is imported is shared: what is forked has its own arguments, environment, directory and
output, and ends as any other does.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from time import sleep
from typing import IO, Any, Final

from attrs import astuple

from sockcrud import loading
from sockcrud.app import resolve
from sockcrud.identity.passwords import HashCost, Passwords

AVAILABLE: Final = sys.platform == "linux"
_ROOT: Final = Path(__file__).parents[2]
_LOCK: Final = threading.Lock()
_IMPORTED: Final = (
    "rich.table",
    "sockcrud.cli.asking",
    "sockcrud.cli.main",
    "sockcrud.cli.showing",
    "sockcrud.client.sync",
    "sockcrud.monitor.command",
    "sockcrud.monitor.run",
    "sockcrud.storage.postgres.store",
    "sockcrud.storage.sqlite.store",
    "sockcrud.tap",
    "sockcrud.uvloop.reactor",
)
"""Besides the dialects: what is imported only when it is known what is to be done."""
CHEAP: Final = HashCost(1, 8, 1)
"""A password's hash takes 0.1 ms of the processor where it takes 46."""
_PR_SET_PTRACER: Final = 0x59616D61
"""Of Linux's `prctl`."""
_LONGEST_REQUEST: Final = 256 * 1024
SOCKCRUD: Final = "from sockcrud.cli.main import main; main()"


class Forked:
    """A process of `sockcrud` that was forked, with the methods of a `subprocess.Popen`; `stdout`
    is a pipe.

    Commands know no apps but those that are installed: which there are is known to them when they
    are imported.
    """

    def __init__(
        self,
        words: Sequence[str],
        cwd: Path,
        stderr: IO[bytes],
        env: Mapping[str, str],
        cost: HashCost = CHEAP,
        tracer: Sequence[str] = (),
        program: str = SOCKCRUD,
    ) -> None:
        """Start it. `cost` is what a password's hash costs there; `tracer` is a command that traces
        it from its beginning, without its process id, which is the last word; `program` is what it
        runs, as `python -c` would, with the words as its arguments.
        """
        request = {
            "words": list(words),
            "directory": str(cwd),
            "environment": dict(env),
            "cost": astuple(cost),
            "tracer": list(tracer),
            "program": program,
        }
        output, its_output = os.pipe()
        ended, its_end = os.pipe()
        with _LOCK:
            way = _way_to_the_one_that_forks()
            asked = json.dumps(request).encode()
            socket.send_fds(way, [asked], [its_output, stderr.fileno(), its_end])
        os.close(its_output)
        os.close(its_end)
        self.stdout: IO[bytes] = os.fdopen(output, "rb")
        self._ended = os.fdopen(
            ended, "rb", buffering=0
        )  # unbuffered, so that `select` knows of all that can be read
        self.pid = int(self._ended.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        if (status := self._status_within(timeout)) is None:
            raise subprocess.TimeoutExpired("sockcrud", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended just now
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _status_within(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            self.returncode = int(self._ended.readline())
            self._ended.close()
        return self.returncode


def run(
    words: Sequence[str],
    env: Mapping[str, str],
    timeout: float,
    cwd: Path | None = None,
    program: str = SOCKCRUD,
) -> subprocess.CompletedProcess[str]:
    """Run `sockcrud` with these words to its end, as `subprocess.run` would do it, or another
    program of Python.
    """
    if not AVAILABLE:
        command = [sys.executable, "-c", program, *words]
        return subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False
        )
    with TemporaryFile() as errors:
        process = Forked(words, cwd or Path.cwd(), errors, env, program=program)
        ending = threading.Timer(timeout, process.kill)
        ending.start()
        with process.stdout:
            said = process.stdout.read()
        status = process.wait()
        ending.cancel()
        errors.seek(0)
        return subprocess.CompletedProcess(
            ["sockcrud", *words], status, said.decode(), errors.read().decode()
        )


def shell_command() -> tuple[list[str], Sequence[int]]:
    """Return the words with which a shell runs `sockcrud` forked, and the descriptors that it has
    to inherit for it.
    """
    way = _way_to_the_one_that_forks().fileno()
    program = Path(__file__).with_name("forked_command.py")
    return [sys.executable, "-I", "-S", str(program), str(way)], [way]


@cache
def _way_to_the_one_that_forks() -> socket.socket:
    """Start the process that forks, and return the socket on which it is asked to."""
    # Each request is one message: several processes may ask on the same socket.
    ours, its_own = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    number = its_own.fileno()
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(number)], cwd=_ROOT, pass_fds=[number]
    )
    its_own.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _wait_to_be_forked(asked: socket.socket) -> dict[str, Any]:
    """Return once for each request, each time in a process of its own: what it is to be. End with
    whoever asks.
    """
    while True:
        data, descriptors, _, _ = socket.recv_fds(asked, _LONGEST_REQUEST, 4)
        if not data:
            sys.exit()
        if os.fork() == 0:
            asked.close()
            _fork_and_tell(*descriptors)
            return dict(json.loads(data))
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _fork_and_tell(output: int, errors: int, end: int, input: int | None = None) -> None:
    """Return in a child with this input and output. Its parent does nothing but tell its id, and
    the status with which it ended.
    """
    if input is None:
        input = os.open(os.devnull, os.O_RDONLY)
    if pid := os.fork():
        for descriptor in (input, output, errors):
            os.close(descriptor)
        os.write(end, b"%d\n" % pid)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(BrokenPipeError):  # nobody wants to know any more
            os.write(end, b"%d\n" % status)
        os._exit(0)
    os.close(end)
    for number, descriptor in enumerate((input, output, errors)):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _be_traced(command: Sequence[str]) -> None:
    """Return when this process is traced by such a command."""
    anybody = ctypes.c_ulong(-1)  # where only who has started a process may trace it otherwise
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, anybody, 0, 0, 0)
    words = [*command, str(os.getpid())]
    tracer = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text(encoding="utf-8"):
        if tracer.poll() is not None:
            assert tracer.stderr is not None
            raise AssertionError(f"{words} has ended: {tracer.stderr.read().decode()}")
        sleep(0.001)


def main() -> None:
    """Import what a daemon does, and become one of those that are asked for."""
    for name in _IMPORTED:
        import_module(name)
    for dialect in loading.apps().dialects:
        resolve(dialect.factory)
        if dialect.openapi is not None:
            resolve(dialect.openapi)
    loading.installed.cache_clear()  # a daemon looks for them itself
    if "twisted.internet.reactor" in sys.modules:
        raise AssertionError("a reactor is imported that each is to choose for itself")
    gc.collect()
    gc.freeze()
    try:
        request = _wait_to_be_forked(socket.socket(fileno=int(sys.argv[1])))
    except KeyboardInterrupt:  # who stops the tests has said so to all of their processes
        return
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = request["directory"]
    sys.argv = ["sockcrud", *request["words"]]
    Passwords.__init__.__defaults__ = (HashCost(*request.get("cost", astuple(CHEAP))),)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    if request.get("tracer"):
        _be_traced(request["tracer"])
    exec(request.get("program", SOCKCRUD), {"__name__": "__main__"})


if __name__ == "__main__":
    main()
