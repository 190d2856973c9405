"""Runs the load: what it sends, how, and what came of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from bench.building import built
from bench.processes import Cores, Failed, on_core

CONNECTIONS: Final = 50
FIRST_COUNT: Final = 100_000_000
"""Nine digits, so that a request with a `{count}` has the same length each time."""
MOST_A_SECOND: Final = 250_000
"""Counts that are set aside for a second of load."""
WARM_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 60.0


@frozen
class Shape:
    """A load: what is sent how, and what every answer begins with."""

    request: bytes
    """With `{count}`: nine digits that never come twice; `{id}`: at random from 1 to `ids`;
    `{key}`: likewise, in seven.
    """
    good: str
    framing: str = "lines"
    depth: int = 1
    ids: int = 1
    connections: int = CONNECTIONS
    rate: float | None = None
    """Requests a second, of an open loop; None where each connection sends the next as soon as it
    is answered.
    """
    requests: int | None = None
    """So many in all, however long it takes."""


@frozen
class Sample:
    """What came of a load."""

    rate: float
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    answers: int
    load_busy: float
    """How much of its core the load used: at 1 it is the load that was measured."""


@define(eq=False)
class Load:
    """The generator, on its core."""

    directory: Path
    cores: Cores
    _program: Path = field(init=False)
    _next_count: int = field(init=False, default=FIRST_COUNT)
    _files: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._program = built("load")

    def run(self, port: int, shape: Shape, seconds: float) -> Sample:
        """Load the port; raise `Failed` where an answer was wrong or missing."""
        with self.going_on(port, shape, seconds) as process:
            return _sample(process, seconds + PATIENCE_SECONDS if shape.requests is None else 600)

    @contextmanager
    def going_on(
        self, port: int, shape: Shape, seconds: float, warm: float = WARM_SECONDS
    ) -> Iterator[subprocess.Popen[str]]:
        """A load that goes on meanwhile. It ends by itself, or here."""
        command = [
            str(self._program),
            "--port",
            str(port),
            "--request",
            str(self._written(shape.request)),
        ]
        command += [
            "--good",
            shape.good,
            "--framing",
            shape.framing,
            "--depth",
            str(shape.depth),
            "--ids",
            str(shape.ids),
        ]
        command += [
            "--connections",
            str(shape.connections),
            "--seconds",
            str(seconds),
            "--warm",
            str(warm),
        ]
        command += ["--first", str(self._next_count)]
        self._next_count += shape.requests or int(MOST_A_SECOND * (seconds + warm))
        command += [] if shape.rate is None else ["--rate", str(shape.rate)]
        command += [] if shape.requests is None else ["--requests", str(shape.requests)]
        with on_core(self.cores.load):
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def _written(self, request: bytes) -> Path:
        self._files += 1
        file = self.directory / f"request-{self._files}"
        file.write_bytes(request)
        return file


def finished(process: subprocess.Popen[str], seconds: float) -> Sample:
    """Wait for a load that goes on, and return what came of it; raise `Failed`."""
    return _sample(process, seconds + PATIENCE_SECONDS)


def _sample(process: subprocess.Popen[str], seconds: float) -> Sample:
    try:
        said, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"the load did not end within {seconds:g} seconds") from None
    if not said:
        raise Failed(f"the load failed: {complaint.strip()}")
    figures: dict[str, Any] = json.loads(said)
    if figures["errors"] or figures["lost"]:
        raise Failed(
            f"of {figures['answers']:,} answers {figures['errors']:,} were errors, and "
            f"{figures['lost']:,} "
            f"requests were never answered\n{complaint.strip()}"
        )
    names = ("rate", "p50_us", "p99_us", "p999_us", "max_us", "answers", "busy")
    return Sample(*(figures[name] for name in names))
