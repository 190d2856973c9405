"""What a power loss leaves: the file as it could be after each of the daemon's file operations,
with what was not synced lost.

`python -m tests.proofs.durability.power_loss` records the operations of a real daemon with strace,
rebuilds its files for every prefix of them, with writes since the last sync kept, dropped or torn,
and opens each with SQLite: all that was acknowledged before must be in it. Then it does the same
with synchronous=NORMAL, which must lose some: that shows that it can see a loss.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from time import perf_counter, time
from typing import Final
from unittest.mock import patch

from attrs import Factory, define, evolve, frozen

from tests.proofs.durability.crash import STORE, flags
from tests.proofs.durability.crash_book import Broken
from tests.proofs.durability.crash_load import Json
from tests.proofs.durability.kill_points import traced, why_not
from tests.support import running
from tests.support.running import Daemon

SECTOR: Final = 512
"""What a disk writes whole or not at all."""
WAL: Final = f"{STORE}-wal"
CHANGED: Final = """
from sockcrud.cli.main import main
from sockcrud.storage.sqlite import file, thread
real = file.connect
def connect(path):
    connection = real(path)
    connection.execute("PRAGMA synchronous = {synchronous}")
    return connection
file.connect = connect
thread.WRITES_BETWEEN_CHECKPOINTS = 30
main()
"""
"""A daemon whose checkpoints come often enough to be seen in a short recording."""
_CALL: Final = re.compile(
    r'\d+ +([\d.]+) (\w+)\(\d+<([^>]*)>(?:, "([^"]*)")?(?:, (\d+))?(?:, (\d+))?\) += (\d+)'
)

UNFINISHED: Final = " <unfinished ...>"
_RESUMED: Final = re.compile(r"\d+ +[\d.]+ <\.\.\. \w+ resumed>(.*)")


@frozen
class Operation:
    """A system call on one of the files. `data` is None for one that only makes it as long as
    `at`.
    """

    time: float
    call: str
    file: str
    data: bytes | None = None
    at: int = 0


@frozen
class Recording:
    """The operations of a daemon, from a file that was whole, and when each change was
    acknowledged.
    """

    start: bytes
    operations: list[Operation]
    acknowledged: list[tuple[float, str, int]]
    """When, the name of a user, and the age."""


@define
class Disk:
    """One file: what is safe, and what was done to it since the last sync."""

    safe: bytes = b""
    is_named: bool = False
    """Whether its name in the directory is safe, too."""
    pending: list[Operation] = Factory(list)

    def after(self, operations: list[Operation]) -> bytes:
        """Return what is there if these of the pending operations reach the disk."""
        content = bytearray(self.safe)
        for operation in operations:
            if operation.data is None:
                del content[operation.at :]
                content.extend(bytes(operation.at - len(content)))
            else:
                content.extend(bytes(max(0, operation.at - len(content))))
                content[operation.at : operation.at + len(operation.data)] = operation.data
        return bytes(content)

    def sync(self) -> None:
        """Let all that is pending be safe."""
        self.safe, self.pending = self.after(self.pending), []


def record(directory: Path, synchronous: str, changes: int) -> Recording:
    """Run a daemon on a file of its own, change users through it, and stop it."""
    with Daemon(directory, *flags(directory)) as first:
        first.stop()
    start, trace = (directory / STORE).read_bytes(), directory / "trace"
    serve = [sys.executable, "-c", CHANGED.format(synchronous=synchronous), "serve"]
    calls = "trace=pwrite64,write,fsync,fdatasync,ftruncate"
    words = [
        "-ttt",
        "-y",
        "-xx",
        "-s",
        "70000",
        *(word for file in (STORE, WAL, "") for word in ("-P", str(directory / file))),
    ]
    with patch.object(running, "SERVE", serve), traced(calls, output=str(trace), more=words):
        daemon = Daemon(directory, *flags(directory))
    with daemon:
        acknowledged = _change(daemon, changes)
        if daemon.stop() != 0:
            raise Broken("the daemon did not end in order")
    return Recording(start, list(_operations(trace.read_text())), acknowledged)


def _change(daemon: Daemon, changes: int) -> list[tuple[float, str, int]]:
    """Create a user and then give the one before another age, a few changes at once now and
    then.
    """
    port, acknowledged = Json(daemon, "users"), list[tuple[float, str, int]]()
    for number in range(1, changes + 1):
        user = {"name": f"user {number}", "email": "a@b.cd", "age": 1}
        requests = [("create_user", user)]
        expected = [(f"user {number}", 1)]
        if number > 1:
            requests.append(("update_user", {"user_id": number - 1, "data": {"age": 2}}))
            expected.append((f"user {number - 1}", 2))
        port.send(*({"id_operation": name, "payload": payload} for name, payload in requests))
        for name, age in expected:
            if "error" in (answer := port.hear()):
                raise Broken(f"{name}: {answer}")
            acknowledged.append((time(), name, age))
    port.close()
    return acknowledged


def _operations(trace: str) -> Iterator[Operation]:
    for line in _whole(trace):
        if not (call := _CALL.match(line)):
            continue
        moment, name, path, data, first, second, result = call.groups()
        file = Path(_plain(path).decode()).name
        if name == "pwrite64":
            if int(result) != len(written := _plain(data)) or int(first) != len(written):
                raise Broken(f"a write was not recorded whole: {line[:100]}")
            yield Operation(float(moment), name, file, written, int(second))
        elif name == "ftruncate":
            yield Operation(float(moment), name, file, None, int(first))
        elif name == "write":
            raise Broken("SQLite is not known to write without saying where")
        else:
            yield Operation(float(moment), name, file)


def _whole(trace: str) -> Iterator[str]:
    """Yield a line for each call, where it ended: strace tells in two lines of one during which
    something else happened.
    """
    begun = {}
    for line in trace.splitlines():
        thread = line.split()[0]
        if line.endswith(UNFINISHED):
            begun[thread] = line.removesuffix(UNFINISHED)
        elif resumed := _RESUMED.match(line):
            yield begun.pop(thread) + resumed[1]
        else:
            yield line
    if begun:
        raise Broken(f"a call did not end: {begun}")


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def losses(recording: Recording, random: Random, directory: Path) -> tuple[int, int]:
    """Return how many states a loss of power could have left, and in how many of them an
    acknowledged change is missing.

    Raise `Broken` for one that SQLite finds damaged.
    """
    disks = {STORE: Disk(recording.start, is_named=True), WAL: Disk()}
    states = lost = 0
    for operation in [*recording.operations, Operation(time(), "end", "")]:
        promised = {
            name: age for moment, name, age in recording.acknowledged if moment < operation.time
        }
        for files in _left(disks, random):
            states += 1
            there = _users(files, directory)
            lost += any(there.get(name, 0) < age for name, age in promised.items())
        if disk := disks.get(operation.file):
            if "sync" in operation.call:
                disk.sync()
            else:
                disk.pending.append(operation)
        elif "sync" in operation.call:
            disks[WAL].is_named = True
    return states, lost


def _left(disks: dict[str, Disk], random: Random) -> Iterator[dict[str, bytes]]:
    """Yield what can be there after a power loss now."""
    yield {file: disk.safe for file, disk in disks.items() if disk.is_named}
    if not any(disk.pending for disk in disks.values()):
        return
    yield {file: disk.after(disk.pending) for file, disk in disks.items()}
    for _ in range(2):
        yield {
            file: disk.after([one for one in disk.pending if random.random() < 0.5])
            for file, disk in disks.items()
        }
    yield {
        file: disk.after([part for one in disk.pending for part in _torn(one, random)])
        for file, disk in disks.items()
    }


def _torn(operation: Operation, random: Random) -> Iterator[Operation]:
    """Yield those sectors of a write that reach the disk."""
    if operation.data is None:
        yield operation
        return
    at = 0
    while at < len(operation.data):
        size = SECTOR - (operation.at + at) % SECTOR
        if random.random() < 0.7:
            yield evolve(operation, data=operation.data[at : at + size], at=operation.at + at)
        at += size


def _users(files: dict[str, bytes], directory: Path) -> dict[str, int]:
    for name in (STORE, WAL, f"{STORE}-shm"):
        (directory / name).unlink(missing_ok=True)
    for name, content in files.items():
        if content:
            (directory / name).write_bytes(content)
    try:
        with closing(sqlite3.connect(directory / STORE)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            if (told := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
                raise Broken(f"integrity_check: {told}")
            return dict(connection.execute("SELECT name, age FROM users").fetchall())
    except sqlite3.Error as error:
        raise Broken(f"the file cannot be read: {error}") from None


def run(synchronous: str, changes: int, seed: int, directory: Path) -> tuple[Recording, int, int]:
    """Return a recording, the states that a loss of power could have left, and how many of them
    lack something acknowledged.
    """
    recorded, rebuilt = directory / "recorded", directory / "rebuilt"
    recorded.mkdir()
    rebuilt.mkdir()
    recording = record(recorded, synchronous, changes)
    return (recording, *losses(recording, Random(seed), rebuilt))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--changes", type=int, default=100, help="users to create, and to change")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    missing = {}
    for synchronous in ("FULL", "NORMAL"):
        started = perf_counter()
        with tempfile.TemporaryDirectory() as directory:
            try:
                recording, states, missing[synchronous] = run(
                    synchronous, given.changes, given.seed, Path(directory)
                )
            except Broken as broken:
                sys.exit(f"seed {given.seed}, synchronous={synchronous}: {broken}")
        syncs = sum("sync" in operation.call for operation in recording.operations)
        print(
            f"synchronous={synchronous}: {len(recording.acknowledged):,} changes acknowledged, "
            f"{len(recording.operations):,} file operations, {syncs:,} of them syncs; {states:,} "
            f"states rebuilt, "
            f"{missing[synchronous]:,} of them without something acknowledged; "
            f"{perf_counter() - started:.0f} s"
        )
    if missing["FULL"] or not missing["NORMAL"]:
        sys.exit("a loss with FULL, or none seen with NORMAL")


if __name__ == "__main__":
    main()
