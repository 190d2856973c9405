"""The row with the database far away: what a read and a create cost where each question takes a
round trip, on one node and on two.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Final

from attrs import evolve, frozen

from bench.asking import check_users
from bench.load import WARM_SECONDS, Load, Sample, Shape, finished
from bench.processes import Server, free_ports
from bench.rows import fill_users
from bench.shapes import CREATE_USER, GET_USER, USERS
from bench.stage import PEERS, Database, Missing, Stage, need, postgresql_is_understood

MILLISECONDS: Final = (0.0, 5.0, 10.0)
"""How far the database is away: a round trip."""
JUDGED: Final = 5.0
CONNECTIONS: Final = 10


@frozen
class Far:
    """What was measured of one load, at one distance and with so many nodes."""

    milliseconds: float
    nodes: int
    what: str
    rates: list[float]
    p50s: list[float]

    def __str__(self) -> str:
        rate, p50 = _median(self.rates), _median(self.p50s)
        return f"{self.milliseconds:g} ms, {self.nodes}: {self.what} {rate:,.0f}/s, {p50:.1f} ms"


def measure_latency(stage: Stage, rounds: int, seconds: float) -> tuple[list[float], list[str]]:
    """Return the p50 of reads at one node, 5 ms away, and notes with all that was measured."""
    if not postgresql_is_understood():
        raise Missing("this sockcrud has no store for PostgreSQL")
    need("psycopg")
    database = stage.postgresql()
    measured: list[Far] = []
    for milliseconds in MILLISECONDS:
        with ExitStack() as stack:
            within = stage.within(stack)
            far = _far_away(within, database, milliseconds)
            place = f"postgresql://postgres@127.0.0.1:{far.port}/"
            name = f"at_{milliseconds:g}_ms"
            database.made(name)
            ports = [within.sockcrud(f"node {n}", place + name).users for n in (1, 2)]
            fill_users(stage, ports[0], USERS)
            check_users(ports[0])
            measured += _loaded(stage.load, ports, milliseconds, rounds, seconds)
    judged = next(each for each in measured if each.milliseconds == JUDGED)
    notes = [", ".join(map(str, measured[at : at + 2])) for at in range(0, len(measured), 2)]
    return judged.p50s, [f"{CONNECTIONS} connections a node; round trip, nodes: rate, p50", *notes]


def _loaded(
    load: Load, ports: list[int], milliseconds: float, rounds: int, seconds: float
) -> list[Far]:
    loads = (("get_user", GET_USER), ("create_user", CREATE_USER))
    measured = [Far(milliseconds, nodes, what, [], []) for nodes in (1, 2) for what, _ in loads]
    shapes = {what: evolve(shape, connections=CONNECTIONS) for what, shape in loads}
    for _ in range(rounds):
        for each in measured:
            samples = _at_once(load, ports[: each.nodes], shapes[each.what], seconds)
            each.rates.append(sum(sample.rate for sample in samples))
            each.p50s.append(max(sample.p50_us for sample in samples) / 1000)
    return measured


def _at_once(load: Load, ports: list[int], shape: Shape, seconds: float) -> list[Sample]:
    with ExitStack() as stack:
        running = [stack.enter_context(load.going_on(port, shape, seconds)) for port in ports]
        return [finished(process, seconds + WARM_SECONDS) for process in running]


def _far_away(stage: Stage, database: Database, milliseconds: float) -> Server:
    """Start what is before the database, on its core."""
    (port,), directory = free_ports(1), stage.new_directory("far away")
    program = [sys.executable, str(PEERS / "far_away.py"), str(port), database.socket]
    command = [*program, f"{milliseconds:g}"]
    server = Server("the way to the database", command, port, directory, stage.cores.load)
    stage.stack.enter_context(server)
    server.wait()
    return server


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
