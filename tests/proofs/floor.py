"""What the machine itself makes everybody wait: the longest that a bare sync of a file takes, and
the longest delay of a sleep.

`Floor` is a process of its own, so that what it measures is neither the daemon's doing nor the
client's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from types import TracebackType
from typing import Final

from attrs import frozen

EVERY: Final = 0.003
"""Seconds between two syncs, and the length of a sleep."""

_BLOCK: Final = bytes(4096)
_BLOCKS: Final = 256


@frozen
class Worst:
    """The longest of a stretch of time, in seconds."""

    sync: float
    late: float


class Floor:
    """Measures from its beginning to its end."""

    def __init__(self, directory: Path) -> None:
        self._command = [sys.executable, "-m", "tests.proofs.floor", str(directory / "floor")]

    def __enter__(self) -> Floor:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._ask()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()  # it ends with its input

    def worst(self) -> Worst:
        """Return the longest since the last time."""
        return self._ask()

    def _ask(self) -> Worst:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Worst(*map(float, self._process.stdout.readline().split()))


class _Longest:
    """What two threads have seen since they were asked last."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.sync = self.late = 0.0

    def keep_syncing(self) -> None:
        place = 0
        while True:
            started = perf_counter()
            os.pwrite(self._file, _BLOCK, place * len(_BLOCK))
            os.fdatasync(self._file)
            self.sync = max(self.sync, perf_counter() - started)
            place = (place + 1) % _BLOCKS
            sleep(EVERY)

    def keep_sleeping(self) -> None:
        while True:
            started = perf_counter()
            sleep(EVERY)
            self.late = max(self.late, perf_counter() - started - EVERY)


def main() -> None:
    sys.setswitchinterval(0.0005)  # its threads are not to make each other wait
    longest = _Longest(sys.argv[1])
    for work in (longest.keep_syncing, longest.keep_sleeping):
        Thread(target=work, daemon=True).start()
    for _ in sys.stdin:
        print(longest.sync, longest.late, flush=True)
        longest.sync = longest.late = 0.0


if __name__ == "__main__":
    main()
