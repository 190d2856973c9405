"""The rows without a peer: what a connection costs, how long a start takes, what others feel of a
long list, what size does.
"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from attrs import evolve, frozen

from bench.asking import log_in
from bench.figures import SingleResult, Target, ratio
from bench.latency import measure_latency
from bench.load import WARM_SECONDS, Shape, finished
from bench.others import look
from bench.processes import HOST, Failed
from bench.rows import fill_users
from bench.shapes import GET_USER, LIST_USERS, USERS, fetch_client
from bench.stage import Missing, Sockcrud, Stage

IDLE: Final = 10_000
LISTED: Final = 100_000
MANY: Final = 1_000_000
STARTS: Final = 10
QUICK: Final = 10
"""How many times smaller a quick run is."""
A_SOURCE: Final = 4_000
"""Connections from one address of the loopback network, so that its ports do not run short."""
SPARE_DESCRIPTORS: Final = 500
BESIDE_A_LIST: Final = 2_000.0


@frozen
class Single:
    """A row of the table without peers."""

    row: str
    title: str
    unit: str
    target: Target
    measure: Callable[[Stage, int, float], tuple[list[float], list[str]]]
    """Takes how many rounds, and of how many seconds; gives the figures, and notes."""

    def run(
        self, stage: Stage, rounds: int, seconds: float, say: Callable[[str], object]
    ) -> SingleResult:
        """Raise `Failed` where any of it does."""
        disturbed = look((stage.cores.server, stage.cores.load))
        values, notes = self.measure(stage, rounds, seconds)
        say(f"{self.row}: {', '.join(f'{value:.3g}' for value in values)} {self.unit}")
        return SingleResult(
            self.row,
            self.title,
            self.unit,
            values,
            self.target,
            [*notes, *disturbed],
            bool(disturbed),
        )


def _size(stage: Stage, size: int) -> int:
    return size // QUICK if stage.quick else size


# Idle connections


def _idle(stage: Stage, rounds: int, seconds: float) -> tuple[list[float], list[str]]:
    count = _size(stage, IDLE)
    allow_descriptors(count + SPARE_DESCRIPTORS)
    daemon = stage.sockcrud()
    fill_users(stage, daemon.users, USERS)
    fetch = fetch_client(log_in(daemon.shop))
    loads = {
        "users": (daemon.users, GET_USER, b"200}\n"),
        "shop": (daemon.shop, evolve(fetch, good="HTTP/1.1 404 "), b'"}'),
    }
    costs = {name: _cost_of_idle(stage, daemon, *load, count) for name, load in loads.items()}
    told = ", ".join(f"{name} {cost:.2f} KiB" for name, cost in costs.items())
    return [max(costs.values())], [
        f"{count:,} connections that have had one answer each: {told}; the dearer counts"
    ]


def allow_descriptors(count: int) -> None:
    """Let this process, and what it starts, open so many files; raise `Missing`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Missing(f"the system allows {hard:,} open files, and this needs {count:,}")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _cost_of_idle(
    stage: Stage, daemon: Sockcrud, port: int, shape: Shape, end: bytes, count: int
) -> float:
    stage.load.run(port, shape, 1.0)  # what the first requests need is no connection's
    request = shape.request.replace(b"{id}", b"1")
    with ExitStack() as stack:
        before = daemon.server.resident_bytes()
        for number in range(count):
            source = f"127.0.0.{2 + number // A_SOURCE}"
            connection = socket.create_connection(
                (HOST, port), timeout=20, source_address=(source, 0)
            )
            stack.enter_context(connection)
            ask_once(connection, request, end)
        return (daemon.server.resident_bytes() - before) / count / 1024


def ask_once(connection: socket.socket, request: bytes, end: bytes) -> None:
    """Send a request, and read to the end of its answer; raise `Failed`."""
    connection.sendall(request)
    answer = b""
    while not answer.endswith(end):
        if not (part := connection.recv(4096)):
            raise Failed(f"a connection was closed in place of an answer, after {answer!r}")
        answer += part


# Start


def _start(stage: Stage, rounds: int, seconds: float) -> tuple[list[float], list[str]]:
    times = []
    for _ in range(_size(stage, STARTS) + 1):
        with ExitStack() as stack:
            daemon = stage.within(stack).sockcrud()
            with socket.create_connection((HOST, daemon.users), timeout=20) as connection:
                ask_once(connection, b'{"id_operation":"none"}\n', b"}\n")
            times.append(time.perf_counter() - daemon.server.started)
    return times[1:], [
        "from the making of the process to its first answer, with all ten dialects; the first "
        "start is left out"
    ]


# A long list


def _beside_a_list(stage: Stage, rounds: int, seconds: float) -> tuple[list[float], list[str]]:
    count = _size(stage, LISTED)
    daemon = stage.sockcrud()
    fill_users(stage, daemon.users, count)
    return beside_a_list(stage, daemon, count, rounds, seconds)


def beside_a_list(
    stage: Stage, daemon: Sockcrud, count: int, rounds: int, seconds: float
) -> tuple[list[float], list[str]]:
    """Return the p99 of each round, in ms, while another client lists so many users; and notes."""
    get_user = evolve(GET_USER, ids=count)
    closed: list[float] = []
    opened: list[float] = []
    lists = 0
    lasts = max(seconds, 2.0)
    for _ in range(rounds):
        for shape, into in ((get_user, closed), (evolve(get_user, rate=BESIDE_A_LIST), opened)):
            with stage.load.going_on(
                daemon.users, LIST_USERS, lasts + WARM_SECONDS, warm=0
            ) as lister:
                into.append(stage.load.run(daemon.users, shape, lasts).p99_us / 1000)
                lists += finished(lister, lasts).answers
    worse = [max(pair) for pair in zip(closed, opened, strict=True)]
    told = (
        f"closed loop {_shown(closed)} ms; open loop of {BESIDE_A_LIST:,.0f}/s "
        f"{_shown(opened)} ms; the worse counts"
    )
    return worse, [f"{lists} lists of {count:,} users meanwhile; 50 connections, {told}"]


def _shown(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


# Many records


def _growth(stage: Stage, rounds: int, seconds: float) -> tuple[list[float], list[str]]:
    count = _size(stage, MANY)
    small, large = stage.sockcrud("sockcrud, few"), stage.sockcrud("sockcrud, many")
    sizes = {small.users: USERS, large.users: count}
    rates: dict[int, list[float]] = {port: [] for port in sizes}
    for port, size in sizes.items():
        fill_users(stage, port, size)
    for round in range(rounds):
        for port in sorted(sizes, reverse=round % 2 == 0):
            rates[port].append(
                stage.load.run(port, evolve(GET_USER, ids=sizes[port]), seconds).rate
            )
    cost = ratio(rates[small.users], rates[large.users])
    note = (
        f"1 / rate at {count:,} users over that at {USERS:,}, ids at random; rounds from "
        f"{cost.least:.2f} to {cost.most:.2f}"
    )
    return [
        one / other for one, other in zip(rates[small.users], rates[large.users], strict=True)
    ], [note]


SINGLES: Final[tuple[Single, ...]] = (
    Single(
        "idle",
        f"{IDLE:,} idle connections, memory each",
        "KiB",
        Target((8.0,), at_most=True),
        _idle,
    ),
    Single("start", "start to listening, memory store", "s", Target((0.6,), at_most=True), _start),
    Single(
        "beside-a-list",
        f"p99 of get_user while another client lists {LISTED:,} users",
        "ms",
        Target((20.0,), at_most=True),
        _beside_a_list,
    ),
    Single(
        "growth",
        f"cost of get_user at {MANY:,} users over {USERS:,}",
        "x",
        Target((1.1,), at_most=True),
        _growth,
    ),
    Single(
        "latency",
        "p50 of get_user, the database 5 ms away",
        "ms",
        Target((7.5,), at_most=True),
        measure_latency,
    ),
)
