"""What a million records cost in the memory store: bytes each, and whether an operation takes
longer among many.

    python -m bench.records

Bytes: how much the process grows (its resident set) while the users are inserted, less what
`sys.getsizeof` gives for their own names and emails. Each user has its own strings and its own two
moments, as in reality; what is left over is the records, their places in the table, and the changes
that are kept for `changes(since)`.

Times: the same operations on a small and on a large store by turns, the median of the rounds. Each
runs on ids chosen at random, which at a million are seldom in the processor's caches, and again and
again on the same few ids, which are, after a run off the clock: the first ratio is what a user
sees, the second what the algorithm adds. What is to be inserted is deleted beforehand, and what was
inserted afterwards, both off the clock, so that the sizes stay. The garbage collector is off
meanwhile; what it costs is told apart, from the filling, where it is on.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, Final

from attrs import Factory, define, frozen

from sockcrud.apps.shop.records import Client
from sockcrud.apps.users.records import User
from sockcrud.records import Record
from sockcrud.storage.memory.store import MemoryStore
from tests.support.model import STANDARD

SMALL: Final = 1_000
BATCH: Final = 200
"""Operations between two looks at the clock: few enough that the small store stays small."""

FEW: Final = 50
"""The same few ids."""

TARGET_BYTES: Final = 700

_START: Final = datetime(2024, 1, 1, tzinfo=timezone.utc)


def run(work: Any) -> Any:
    """Step through what waits for nothing, as an operation that awaits it does."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the memory store never waits")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def a_user(number: int) -> dict[str, Any]:
    created, updated = (_START + timedelta(microseconds=number + later) for later in (0, 1))
    email = f"user{number}@example.org"
    return {
        "name": f"User {number}",
        "email": email,
        "age": number % 100,
        "created_at": created,
        "updated_at": updated,
    }


def a_client(number: int) -> dict[str, Any]:
    digits = f"{number:011}"
    cpf = f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"
    return {
        "name": f"Client {number}",
        "email": f"Client{number}@example.org",
        "cpf": cpf,
        "balance": Decimal("10.00"),
    }


FIELDS: Final[dict[type[Record], Callable[[int], dict[str, Any]]]] = {
    User: a_user,
    Client: a_client,
}


@define
class Collections:
    """What the garbage collector did, in seconds."""

    total: float = 0.0
    longest: float = 0.0
    _started: float = 0.0

    def hear(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._started = time.perf_counter()
        else:
            took = time.perf_counter() - self._started
            self.total += took
            self.longest = max(self.longest, took)


@contextmanager
def collections_heard() -> Iterator[Collections]:
    """Listen to the garbage collector."""
    heard = Collections()
    gc.callbacks.append(heard.hear)
    try:
        yield heard
    finally:
        gc.callbacks.remove(heard.hear)


def resident() -> int:
    """Return the bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def fill(store: MemoryStore, kind: type[Record], count: int) -> int:
    """Insert `count` records with the ids from 1 on; give the bytes of their strings."""
    bytes = 0
    for number in range(1, count + 1):
        fields = FIELDS[kind](number)
        bytes += sum(sys.getsizeof(value) for value in fields.values() if type(value) is str)
        run(store.insert(kind, **fields))
        if number % 250_000 == 0:
            say(f"  {number:>9,} {kind.__name__} records")
    return bytes


@frozen
class Memory:
    """What the users of a store take."""

    bytes_each: float
    string_bytes_each: float
    insert_microseconds: float
    collections: Collections


def measure_memory(store: MemoryStore, count: int) -> Memory:
    """Fill a store with users."""
    gc.collect()
    before, started = resident(), time.perf_counter()
    with collections_heard() as heard:
        strings = fill(store, User, count)
    took = time.perf_counter() - started
    gc.collect()
    beyond = resident() - before - strings
    return Memory(beyond / count, strings / count, took / count * 1e6, heard)


Measurement = Callable[[MemoryStore, list[int]], float]
"""Seconds for an operation on each of these ids."""


def get(store: MemoryStore, ids: list[int]) -> float:
    started = time.perf_counter()
    for id in ids:
        run(store.get(User, id))
    return time.perf_counter() - started


def find(store: MemoryStore, ids: list[int]) -> float:
    emails = [f"client{id}@EXAMPLE.org" for id in ids]
    started = time.perf_counter()
    for email in emails:
        run(store.find(Client, "email", email))
    return time.perf_counter() - started


def _inserting(kind: type[Record]) -> Measurement:
    def insert(store: MemoryStore, ids: list[int]) -> float:
        return sum(
            _inserted_anew(store, kind, sorted(set(ids[at : at + FEW])))
            for at in range(0, len(ids), FEW)
        )

    return insert


def _inserted_anew(store: MemoryStore, kind: type[Record], ids: list[int]) -> float:
    random.shuffle(ids)
    fields = [FIELDS[kind](id) for id in ids]
    for id in ids:
        run(store.delete(kind, id))
    started = time.perf_counter()
    for id, values in zip(ids, fields, strict=True):
        run(store.insert(kind, id, **values))
    return time.perf_counter() - started


def _appending(kind: type[Record]) -> Measurement:
    def append(store: MemoryStore, ids: list[int]) -> float:
        fields = [FIELDS[kind](10**9 + id) for id in range(len(ids))]
        started = time.perf_counter()
        records = [run(store.insert(kind, **values)) for values in fields]
        took = time.perf_counter() - started
        for record in records:
            run(store.delete(kind, record.id))
        return took

    return append


MEASUREMENTS: Final[dict[str, Measurement]] = {
    "get a user": get,
    "find a client by email": find,
    "insert a user, id given": _inserting(User),
    "insert a client, id given": _inserting(Client),
    "insert a user, next id": _appending(User),
    "insert a client, next id": _appending(Client),
}


def random_ids(count: int) -> list[int]:
    return random.sample(range(1, count + 1), BATCH)


def same_ids(count: int) -> list[int]:
    return [1 + count * place // FEW for place in range(FEW)] * (BATCH // FEW)


WARM: Final = "the same few"
CHOICES: Final = {"at random": random_ids, WARM: same_ids}


@define
class Row:
    """The times of one operation on one choice of ids, in both stores."""

    small: list[float] = Factory(list)
    large: list[float] = Factory(list)


def measure_times(
    stores: tuple[MemoryStore, MemoryStore], count: int, rounds: int
) -> dict[tuple[str, str], Row]:
    """Run every operation by turns on the small and the large store."""
    rows = {
        (what, how): Row()
        for what in MEASUREMENTS
        for how in CHOICES
        if not (what.endswith("next id") and how != "at random")
    }
    gc.collect()
    gc.disable()
    for number in range(1, rounds + 1):
        for (what, how), row in rows.items():
            turns = [(stores[0], SMALL, row.small), (stores[1], count, row.large)]
            random.shuffle(turns)
            for store, size, times in turns:
                ids = CHOICES[how](size)
                if how == WARM:
                    MEASUREMENTS[what](store, ids)
                times.append(MEASUREMENTS[what](store, ids) / len(ids) * 1e6)
        if number % 20 == 0:
            say(f"  {number} of {rounds} rounds")
    gc.enable()
    return rows


def report(memory: Memory, rows: dict[tuple[str, str], Row], count: int) -> None:
    """Print the tables."""
    print(
        f"{count:,} users: {memory.bytes_each:.0f} bytes each beyond their strings (target: at "
        f"most {TARGET_BYTES})"
    )
    print(
        f"    and {memory.string_bytes_each:.0f} bytes of strings each; the changes that are "
        f"kept are counted in"
    )
    collector = (
        f"{memory.collections.total:.2f} s in the collector, at most "
        f"{memory.collections.longest * 1e3:.0f} ms at once"
    )
    print(
        f"    filled with {memory.insert_microseconds:.1f} us each, the making of the fields "
        f"included; {collector}\n"
    )
    print(
        f"{'microseconds, median':<28}{'ids':<14}{f'{SMALL:,}':>10}{f'{count:,}':>12}{'ratio':>8}"
    )
    for (what, how), row in rows.items():
        small, large = median(row.small), median(row.large)
        ids = "" if what.endswith("next id") else how
        print(f"{what:<28}{ids:<14}{small:>10.2f}{large:>12.2f}{large / small:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure what many records cost in the memory store."
    )
    parser.add_argument("--records", type=int, default=1_000_000, help="records of the large store")
    parser.add_argument("--rounds", type=int, default=100, help="rounds of time measurements")
    options = parser.parse_args()
    small, large = MemoryStore(STANDARD), MemoryStore(STANDARD)
    say("filling the large store")
    memory = measure_memory(large, options.records)
    fill(large, Client, options.records)
    for kind in FIELDS:
        fill(small, kind, SMALL)
    say("taking times")
    rows = measure_times((small, large), options.records, options.rounds)
    report(memory, rows, options.records)


if __name__ == "__main__":
    main()
