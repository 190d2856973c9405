"""Drive a real daemon at random through all of its wires, and compare it with a plain model.

`python -m tests.proofs.contract --examples 200 --seed 7` does so on each store in turn: accounts at
auth, way, members and admin, and a record on its JSON lines and its REST. It prints how many steps
were taken; a step after which daemon and model differ ends it, with the shortest way there.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from attrs import define
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from sockcrud.testing import DaemonProcess, running
from tests.proofs.contract.people import ROOT_PASSWORD, PeopleMachine, World
from tests.proofs.contract.records import Library, RecordsMachine
from tests.support import postgres_kit
from tests.support.doors_kit import next_answer
from tests.support.http_kit import Answered, answers, request
from tests.support.running import received

LIBRARY: Final = Path(__file__).parents[3] / "examples" / "library.py"
STORES: Final = ("memory:", "sqlite:", "postgresql:")
STEPS: Final = 50
"""Of one example."""


@define
class RealDoors:
    """The doors of a daemon that is emptied between the examples."""

    daemon: DaemonProcess

    def asks(
        self,
        dialect: str,
        method: str,
        target: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Ask over a connection of its own."""
        closing = {"Connection": "close", **(headers or {})}
        with socket.create_connection(self.daemon.address(dialect), timeout=20) as connection:
            connection.sendall(request(method, target, body, token=token, headers=closing))
            (answered,) = answers(received(connection), (method,))
        return answered

    def close(self) -> None:
        """Leave it to the next example."""


class RealLibrary:
    """Both wires of the library, each on one connection."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self._connections = {
            wire: socket.create_connection(daemon.address(f"library-{wire}"), timeout=20)
            for wire in ("lines", "rest")
        }
        self._lines = self._connections["lines"].makefile("rb")

    def talk(self, wire: str, data: bytes) -> bytes:
        """Send, and return one answer."""
        connection = self._connections[wire]
        connection.sendall(data)
        if wire == "lines":
            return self._lines.readline()
        return _as_bytes(next_answer(connection))

    def close(self) -> None:
        """Close both."""
        self._lines.close()
        for connection in self._connections.values():
            connection.close()


def _as_bytes(answered: Answered) -> bytes:
    fields = b"".join(b"%b: %b\r\n" % field for field in answered.fields.items())
    return b"HTTP/1.1 %d OK\r\n%b\r\n%b" % (answered.status, fields, answered.body)


def machines(daemon: DaemonProcess, count: list[int]) -> Iterator[type[RuleBasedStateMachine]]:
    """Yield both machines, driving this daemon."""

    class Counted(RuleBasedStateMachine):
        def check_invariants(self, *given: Any, **named: Any) -> None:
            count[0] += 1  # which is done behind each step
            super().check_invariants(*given, **named)

    class People(PeopleMachine, Counted):
        def make_world(self) -> World:
            daemon.reset()
            return RealDoors(daemon)

    class Records(RecordsMachine, Counted):
        def make_library(self) -> Library:
            daemon.reset()
            return RealLibrary(daemon)

    yield People
    yield Records


@contextmanager
def daemon_on(store: str) -> Iterator[DaemonProcess]:
    """Have a daemon with this kind of store, whose first admin is the model's."""
    url = postgres_kit.new_database() if store == "postgresql:" else store
    given = {"admin_login": "root", "log_operations": "no"}
    with running(LIBRARY, store=url, settings=given, admin_password=ROOT_PASSWORD) as daemon:
        yield daemon


def main() -> None:
    """Read the options, and drive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=STORES, action="append", help="default: each of them")
    parser.add_argument("--examples", type=int, default=100, help="of each machine and store")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    wanted = settings(
        max_examples=options.examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    for store in options.store or STORES:
        with daemon_on(store) as daemon:
            count = [0]
            for machine in machines(daemon, count):
                began, count[0] = perf_counter(), 0
                run_state_machine_as_test(seed(options.seed)(machine), settings=wanted)
                print(
                    f"{store:<12} {machine.__name__:<8} {options.examples} examples, "
                    f"{count[0]:,} steps, {perf_counter() - began:.0f} s: no difference",
                    flush=True,
                )


if __name__ == "__main__":
    main()
