"""A real daemon on an SQLite file, killed by strace just when it syncs: at the first sync, at the
second, and so on.

`python -m tests.proofs.durability.kill_points --points 40` does so at each of them three times:
with what a clean stop has left, with what the death before has left, and with no file at all. What
is left is held against all that was acknowledged. It needs strace.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from signal import SIGKILL
from time import perf_counter
from typing import Final
from unittest.mock import patch

from attrs import define

from tests.proofs.durability.crash import Figures, Rounds, check_restarted, flags, on_disk
from tests.proofs.durability.crash_book import Book, Broken
from tests.proofs.durability.crash_load import Load
from tests.support import running
from tests.support.running import Daemon

SYNCS: Final = "fdatasync,fsync"
_STRACE: Final = ["strace", "-D", "-f"]
"""With -D the daemon stays the child of whoever starts it, so that its status is its own."""
_STOPS_AT_THESE_CALLS_ONLY: Final = "--seccomp-bpf"
"""Faster, for the others go on untraced; but under it no signal that is injected arrives but the
first.
"""
PATIENCE: Final = 30
"""Seconds within which a daemon under load comes to its point and ends."""


def why_not() -> str:
    """Return why nothing can be traced here; empty where it can."""
    if shutil.which("strace") is None:
        return "there is no strace here (Debian: apt install strace)"
    tried = subprocess.run(
        ["strace", *_STRACE[2:], "-o", os.devnull, "-e", "trace=fsync", "true"], capture_output=True
    )
    return (
        f"strace may trace nothing here: {tried.stderr.decode().strip()}"
        if tried.returncode
        else ""
    )


@contextmanager
def traced(*expressions: str, output: str = os.devnull, more: Sequence[str] = ()) -> Iterator[None]:
    """Let every daemon that is started meanwhile run under strace with these expressions (-e). It
    counts calls by thread.
    """
    wanted = [*more, "-o", output, *(word for each in expressions for word in ("-e", each))]
    sends_signals = any("signal=" in expression for expression in expressions)
    faster = [] if sends_signals else [_STOPS_AT_THESE_CALLS_ONLY]
    command = [*_STRACE, *faster, *wanted]
    # What is forked has imported all it needs before it is traced: untraced, that takes no time.
    serve = running.SERVE if running.is_forked() else [*command, *running.SERVE]
    with (
        patch.object(Daemon, "tracer", ["strace", "-f", *wanted, "-p"]),
        patch.object(running, "SERVE", serve),
        patch.object(running, "_TWISTD", [*command, *running._TWISTD]),
    ):
        yield


def injected(calls: str, what: str, when: int) -> tuple[str, str]:
    """Return the expressions that do this to the call of that number in each thread."""
    return f"trace={calls}", f"inject={calls}:{what}:when={when}"


@define(eq=False)
class Points:
    """All points, on one file but for those at which there is none yet."""

    directory: Path
    book: Book
    rounds: Rounds
    kills: int = 0
    at_start: int = 0

    def run(self, points: int) -> None:
        """Raise `Broken` for an acknowledged change that is lost."""
        with self.rounds.restarted() as daemon:
            self.rounds.log_in(daemon)
        for number in range(1, points + 1):
            with self.rounds.restarted() as daemon:
                daemon.stop()
            self._kill(number, 2 * number)
            self._kill(number, 2 * number + 1)
        with self.rounds.restarted():
            pass
        for number in range(1, points + 1):
            if not self._kill_first_start(number):
                break

    def _kill(self, number: int, round: int) -> None:
        self.kills += 1
        with traced(*injected(SYNCS, "signal=SIGKILL", number)):
            try:
                daemon = Daemon(self.directory, *flags(self.directory))
            except AssertionError:
                self.at_start += 1
                self.book.settle(on_disk(self.directory))
                return
        with daemon:
            check_restarted(daemon, self.directory, self.book, self.rounds.token)
            rounds = self.rounds
            load = Load(
                daemon,
                self.book,
                rounds.random,
                round,
                rounds.token,
                admin_token=rounds.admin_token,
            )
            load.start()
            try:
                status = daemon.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                raise Broken(f"sync {number} was never reached: {load.refusals}") from None
            finally:
                load.end()
            if status != -SIGKILL or load.refusals:
                raise Broken(f"at sync {number} the daemon ended with {status}: {load.refusals}")
        self.book.settle(on_disk(self.directory))

    def _kill_first_start(self, number: int) -> bool:
        """Kill a daemon that makes its file, and tell whether it was before it listened. The next
        one must start as a first.
        """
        directory = self.directory / f"new-{number}"
        directory.mkdir()
        with traced(*injected(SYNCS, "signal=SIGKILL", number)):
            try:
                with Daemon(directory, *flags(directory)):
                    return False
            except AssertionError:
                self.kills += 1
                self.at_start += 1
        with Daemon(directory, *flags(directory)) as daemon:
            if daemon.stop() != 0:
                raise Broken(
                    f"after sync {number} of a first start the next daemon did not end in order"
                )
        if on_disk(directory):
            raise Broken(f"after sync {number} of a first start there is something in the file")
        return True


def run(points: int, seed: int, directory: Path) -> tuple[Book, Points]:
    """Kill a daemon at so many points, and hold what is left against what it had told."""
    book = Book()
    all_points = Points(directory, book, Rounds(directory, Random(seed), book, Figures()))
    all_points.run(points)
    return book, all_points


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    started = perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        try:
            book, points = run(given.points, given.seed, Path(directory))
        except Broken as broken:
            sys.exit(f"seed {given.seed}: {broken}")
    print(
        f"{points.kills:,} kills at a sync, {points.at_start:,} of them at the start, in "
        f"{perf_counter() - started:.0f} s: "
        f"{book.acknowledged:,} changes acknowledged, {book.in_doubt:,} in doubt, {book.shown:,} "
        f"records shown; nothing lost"
    )


if __name__ == "__main__":
    main()
