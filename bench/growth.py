"""`python -m bench.growth`: what more connections, and more records, cost.

Connections: `get_user` over so many at once, each with the next request as soon as it is answered,
and in an open loop of an even rate; and how much the daemon grows for each.

Records: one SQLite file, filled through the daemon, which is started anew at each size: how long
until its first answer, and how much memory it then has for a record. The largest is listed whole,
again and again, while others read.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from attrs import evolve

from bench.load import WARM_SECONDS, Load, Shape
from bench.processes import HOST, Failed, two_cores
from bench.rows import fill_users
from bench.shapes import GET_USER, USERS
from bench.singles import allow_descriptors, ask_once, beside_a_list
from bench.stage import Sockcrud, Stage
from bench.table import aligned

CONNECTIONS: Final = "100,1000,10000"
RECORDS: Final = "1000,10000,100000,1000000"
SECONDS: Final = 3.0
RATE: Final = 2_000.0
"""Requests a second, of the open loop: a load that one core has time for, whatever the number of
connections."""
_ANYTHING: Final = b'{"id_operation":"none"}\n'
Row = tuple[str, ...]


def _sizes(text: str) -> list[int]:
    return sorted(int(size) for size in text.split(","))


@click.command(help=__doc__)
@click.option(
    "--connections",
    default=CONNECTIONS,
    show_default=True,
    callback=lambda *given: _sizes(given[2]),
)
@click.option(
    "--records", default=RECORDS, show_default=True, callback=lambda *given: _sizes(given[2])
)
@click.option("--seconds", type=click.FloatRange(0.5), default=SECONDS, show_default=True)
@click.option("--rate", type=click.FloatRange(1), default=RATE, show_default=True)
@click.option("--directory", type=click.Path(file_okay=False), help="where the store's file is")
def main(
    connections: list[int], records: list[int], seconds: float, rate: float, directory: str | None
) -> None:
    try:
        cores = two_cores()
        with TemporaryDirectory(prefix="sockcrud-bench-", dir=directory) as chosen:
            allow_descriptors(max(connections) + 500)
            os.sched_setaffinity(0, {cores.load})
            load = Load(Path(chosen), cores)
            with ExitStack() as stack:
                stage = Stage(Path(chosen), cores, load, stack)
                _show(_by_connections(stage, connections, seconds, rate))
                _show(_by_records(stage, records, seconds))
    except Failed as failure:
        raise click.ClickException(str(failure)) from None


def _show(table: Sequence[Row]) -> None:
    click.echo("\n".join([*aligned(list(table), 1), ""]))


# Connections


def _by_connections(stage: Stage, counts: Sequence[int], seconds: float, rate: float) -> list[Row]:
    table: list[Row] = [
        ("connections", "requests/s", "p99 ms", f"p99 ms at {rate:,.0f}/s", "KiB each")
    ]
    for count in counts:
        click.echo(f"{count:,} connections", err=True)
        with ExitStack() as stack:
            daemon = stage.within(stack).sockcrud()
            fill_users(stage, daemon.users, USERS)
            stage.load.run(daemon.users, GET_USER, 1.0)  # what the first requests need
            shape = evolve(GET_USER, connections=count)
            rate_and_p99, each = _at_work(stage, daemon, shape, seconds)
            _, even = _measured(stage, daemon, evolve(shape, rate=rate), seconds)
        table.append((f"{count:,}", *rate_and_p99, even, each))
    return table


def _at_work(
    stage: Stage, daemon: Sockcrud, shape: Shape, seconds: float
) -> tuple[tuple[str, str], str]:
    """Return the rate and the p99, and by how much the daemon has grown for each connection."""
    before = daemon.server.resident_bytes()
    with ThreadPoolExecutor(1) as other:
        load = other.submit(_measured, stage, daemon, shape, seconds)
        time.sleep(WARM_SECONDS + seconds / 2)
        grown = daemon.server.resident_bytes() - before
        return load.result(), f"{grown / shape.connections / 1024:.1f}"


def _measured(stage: Stage, daemon: Sockcrud, shape: Shape, seconds: float) -> tuple[str, str]:
    """Return the rate and the p99 in ms; dashes where not all were answered in time, as on a
    machine that has other work.
    """
    try:
        sample = stage.load.run(daemon.users, shape, seconds)
    except Failed as failure:
        click.echo(f"{shape.connections:,} connections: {failure}", err=True)
        return "-", "-"
    return f"{sample.rate:,.0f}", f"{sample.p99_us / 1000:.1f}"


# Records


def _by_records(stage: Stage, counts: Sequence[int], seconds: float) -> list[Row]:
    store = f"sqlite:{stage.new_directory('growth') / 'records.db'}"
    table: list[Row] = [
        ("records", "start s", "resident MiB", "bytes a record", "p99 ms of get_user")
    ]
    empty, filled = 0, 0
    for count in (0, *counts):
        click.echo(f"{count:,} records", err=True)
        with ExitStack() as stack:
            if count:
                with ExitStack() as filling:
                    daemon = stage.within(filling).sockcrud(store=store)
                    fill_users(stage, daemon.users, count - filled)
                filled = count
            daemon = stage.within(stack).sockcrud(store=store)
            started = _first_answer(daemon)
            resident = daemon.server.resident_bytes()
            if not count:
                empty = resident
                continue
            reads = stage.load.run(daemon.users, evolve(GET_USER, ids=count), seconds)
            table.append(
                (
                    f"{count:,}",
                    f"{started:.2f}",
                    f"{resident / 2**20:,.0f}",
                    f"{(resident - empty) / count:,.0f}",
                    f"{reads.p99_us / 1000:.1f}",
                )
            )
            if count == counts[-1]:
                p99s, notes = beside_a_list(stage, daemon, count, 1, seconds)
                click.echo(
                    f"beside a list of all of them: {max(p99s):.1f} ms; {notes[0]}", err=True
                )
    return table


def _first_answer(daemon: Sockcrud) -> float:
    with socket.create_connection((HOST, daemon.users), timeout=20) as connection:
        ask_once(connection, _ANYTHING, b"}\n")
    return time.perf_counter() - daemon.server.started


if __name__ == "__main__":
    main()
