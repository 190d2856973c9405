"""Histories of what people were told of a few records by three real daemons on one PostgreSQL, and
whether that can be.

`python -m tests.proofs.nodes.linearizability --histories 200 --seed 7` makes so many of some
hundred operations: reads, lists, writes, writes and deletions that are conditional, creations and
deletions, of clients of the shop, users and messages. In every fifth the database is killed and
started again.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from time import monotonic, perf_counter, sleep
from typing import Final

from attrs import Factory, define, field

from tests.proofs.durability.crash_book import Broken
from tests.proofs.durability.crash_load import REST, Unavailable
from tests.proofs.nodes.database_crash import RECOVERY
from tests.proofs.nodes.linearizable import Kind, NotLinearizable, Outcome, Step, Value, check
from tests.proofs.nodes.linearizable_doors import Door, Message, Ports, ShopClient, Told, User
from tests.proofs.nodes.outage_watch import Watch
from tests.support.nodes import Nodes

NODES: Final = 3
PEOPLE: Final = 6
"""By turns at each of the nodes."""

OPERATIONS: Final = 50
"""Of each of the people in a history."""

LISTED: Final = 0.15
"""The part of the reads that are of a list."""

RESTART_EVERY: Final = 5
"""One history in so many has a restart of the database."""

PATIENCE: Final = 60.0


@define
class Figures:
    """What was checked."""

    histories: int = 0
    restarts: int = 0
    outcomes: Counter[Outcome] = field(factory=Counter)
    longest_answer: float = 0.0
    slowest_recovery: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        told = ", ".join(
            f"{number:,} {outcome.value}" for outcome, number in self.outcomes.most_common()
        )
        return (
            f"{self.histories:,} histories, {self.restarts:,} of them with a restart of the "
            f"database, in {self.seconds:.0f} s: "
            f"{sum(self.outcomes.values()):,} operations ({told}), all as of one record each; "
            f"the slowest answer took {self.longest_answer:.2f} s; all served again within "
            f"{self.slowest_recovery:.2f} s"
        )


@define(eq=False)
class Record:
    """One record, and all that was told of it."""

    name: str
    door: Door
    initial: Value
    steps: list[Step] = Factory(list)
    _tags: dict[str, Value] = Factory(dict)
    _lock: Lock = Factory(Lock)

    def tell(self, step: Step, tag: str | None) -> None:
        """Note a step, and the revision that came with its value. Raise `Broken` where that was
        another value's.
        """
        with self._lock:
            self.steps.append(step)
            if tag is not None and self._tags.setdefault(tag, step.value) != step.value:
                raise Broken(
                    f"{self.name} is {self._tags[tag]} and {step.value} at the revision {tag}"
                )

    def check(self) -> None:
        """Raise `Broken` where it can have been no single record that was told of."""
        try:
            check(self.steps, self.initial)
        except NotLinearizable as error:
            raise Broken(f"{self.name}, which was {self.initial} at first: {error}") from None


@define(eq=False)
class Person:
    """Somebody at one of the nodes, who does one thing after the other."""

    name: str
    ports: Ports
    random: Random
    values: count[int]
    """Those that nobody has written yet."""
    served: Event
    """Set while there is a database."""
    midway: Event
    """Set once somebody has done a third of what there is to do."""
    slowest_recovery: float = 0.0
    _seen: dict[str, tuple[Value, str]] = Factory(dict)

    def work(self, records: Sequence[Record], operations: int) -> None:
        """Do so many operations."""
        for number in range(operations):
            if number == operations // 3:
                self.midway.set()
            record = self.random.choice(records)
            kind = self.random.choices(*zip(*record.door.kinds.items(), strict=True))[0]
            if kind is Kind.READ and self.random.random() < LISTED:
                self.ask_for_all(record, records)
                continue
            seen = self._seen.get(record.name)
            is_conditional = (
                record.door.has_tags and kind is not Kind.READ and self.random.random() < 0.7
            )
            if not self.ask(record, kind, seen if is_conditional else None):
                self.look(record)

    def look(self, record: Record) -> None:
        """Read it, as soon as that can be. Raise `Broken` where that is too late for a node whose
        database is there.
        """
        self.served.wait(PATIENCE)
        started = monotonic()
        while not self.ask(record, Kind.READ):
            sleep(REST)
        self.slowest_recovery = max(self.slowest_recovery, monotonic() - started)
        if self.slowest_recovery > RECOVERY:
            raise Broken(
                f"{self.name} was not served until {self.slowest_recovery:.2f} s after the "
                f"database took connections"
            )

    def ask(self, record: Record, kind: Kind, seen: tuple[Value, str] | None = None) -> bool:
        """Ask once, if the record is as it was seen, and note what came of it. Return whether there
        was an answer.
        """
        expected, tag = seen or (None, None)
        value: Value = None if kind is Kind.DELETE else next(self.values)
        asked = monotonic()
        try:
            told = self.tell(record, kind, value, tag)
        except TimeoutError:
            raise Broken(
                f"{self.name} got neither an answer nor an end of the connection"
            ) from None
        except (OSError, http.client.HTTPException, Unavailable):
            if kind is not Kind.READ:
                record.tell(
                    Step(
                        kind, Outcome.UNKNOWN, asked, value=value, expected=expected, who=self.name
                    ),
                    None,
                )
            self.ports.close()
            return False
        if kind is Kind.READ:
            value = told.value
        record.tell(
            Step(kind, told.outcome, asked, monotonic(), value, expected, self.name), told.tag
        )
        if told.tag is not None:
            self._seen[record.name] = (value, told.tag)
        return True

    def ask_for_all(self, record: Record, records: Sequence[Record]) -> None:
        """Read the list that the record is in, which tells of others, too."""
        asked = monotonic()
        try:
            values = record.door.read_all(self.ports)
        except TimeoutError:
            raise Broken(f"{self.name} got neither a list nor an end of the connection") from None
        except (OSError, http.client.HTTPException, Unavailable):
            self.ports.close()
            self.look(record)
            return
        answered = monotonic()
        for each in records:
            if type(each.door) is type(record.door):
                value = values.get(each.door.id)
                outcome = Outcome.MISSING if value is None else Outcome.DONE
                each.tell(
                    Step(Kind.READ, outcome, asked, answered, value, who=f"{self.name}, in a list"),
                    None,
                )

    def tell(self, record: Record, kind: Kind, value: Value, tag: str | None) -> Told:
        """Return what the node says."""
        return record.door.ask(self.ports, kind, value, tag)


class Histories:
    """Histories on the same daemons, each of records of its own."""

    def __init__(self, nodes: Nodes, seed: int, make: Callable[..., Person] = Person) -> None:
        self._nodes = nodes
        self._random = Random(seed)
        self._watch = Watch()
        self._served = Event()
        self._served.set()
        self._midway = Event()
        self._values = count(1)
        self.figures = Figures()
        token = nodes.new_shopper()
        self._people = [
            make(
                f"person {number} at node {number % len(nodes.daemons)}",
                Ports(nodes.daemons[number % len(nodes.daemons)], token, self._watch),
                Random(self._random.random()),
                self._values,
                self._served,
                self._midway,
            )
            for number in range(PEOPLE)
        ]

    def __enter__(self) -> Histories:
        return self

    def __exit__(self, *error: object) -> None:
        for person in self._people:
            person.ports.close()

    def run(self, operations: int, restart: bool = False) -> list[Record]:
        """Let all of them do so many operations, and check what they were told. Raise `Broken`."""
        records = self._new_records()
        self._midway.clear()
        failures: list[Exception] = []

        def work(person: Person) -> None:
            try:
                person.work(records, operations)
            except Exception as error:
                failures.append(error)

        threads = [Thread(target=work, args=(person,)) for person in self._people]
        for thread in threads:
            thread.start()
        if restart:
            self._restart()
        for thread in threads:
            thread.join(PATIENCE)
            if thread.is_alive():
                raise Broken("somebody does not come to an end")
        if failures:
            raise failures[0]
        for person in self._people:
            for record in records:
                person.look(record)
        self._check(records)
        self.figures.restarts += restart
        return records

    def _restart(self) -> None:
        """Kill the database in the middle of it, and start it again."""
        self._midway.wait(PATIENCE)
        self._served.clear()
        self._nodes.kill_database(alone=self._random.random() < 0.5)
        self._nodes.start_database()
        self._served.set()

    def _new_records(self) -> list[Record]:
        """Have records that nobody has seen: two clients, a user, and two messages that nobody has
        created.
        """
        ports, records = self._people[0].ports, []
        for _ in range(2):
            number, value = next(self._nodes.numbers), next(self._values)
            cpf = f"{number // 10**8:03}.{number // 10**5 % 1000:03}.{number // 100 % 1000:03}-{number % 100:02}"  # noqa: E501
            id = ports.http("shop").do(
                "POST", "/clients/create", ShopClient.fields(ShopClient(0, cpf), value)
            )["id"]
            records.append(Record(f"client {id}", ShopClient(id, cpf), value))
        value = next(self._values)
        user = {"name": str(value), "email": "user@example.org", "age": 1}
        port = ports.json("users")
        port.send({"id_operation": "create_user", "payload": user})
        id = port.hear()["payload"]["id"]
        records.append(Record(f"user {id}", User(id), value))
        for _ in range(2):
            id = next(self._nodes.numbers)
            records.append(Record(f"message {id}", Message(id), None))
        return records

    def _check(self, records: Sequence[Record]) -> None:
        for record in records:
            record.check()
            self.figures.outcomes.update(step.outcome for step in record.steps)
        self.figures.histories += 1
        self.figures.longest_answer = self._watch.longest
        self.figures.slowest_recovery = max(person.slowest_recovery for person in self._people)


def run(
    histories: int, seed: int, directory: Path, operations: int = OPERATIONS, safe: bool = True
) -> Figures:
    """Make so many histories and check them. Raise `Broken`."""
    started = perf_counter()
    with Nodes(directory, NODES, safe=safe) as nodes, Histories(nodes, seed) as making:
        for number in range(1, histories + 1):
            making.run(operations, restart=number % RESTART_EVERY == 0)
        nodes.stop()
        nodes.check_logs()
    making.figures.seconds = perf_counter() - started
    return making.figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        try:
            figures = run(given.histories, given.seed, Path(directory))
        except Broken as broken:
            sys.exit(f"seed {given.seed}: {broken}")
    print(figures)


if __name__ == "__main__":
    main()
