"""What the daemon tells Prometheus. `Metrics` is a observer of operations; all else is looked up
when somebody asks.

Counting is a few steps on plain numbers, because every request passes it; prometheus_client makes
the figures of them when they are collected. Labels are bounded: what is not known to this program
is counted as "other".
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from attrs import Factory, define
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

import sockcrud
import twisted
from sockcrud.access import Principal
from sockcrud.errors import DomainError, LoginDelayed, LoginFailed, Unavailable
from sockcrud.storage.contract import IStore
from sockcrud.storage.memory.limit import memory_limit

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

OTHER: Final = "other"
MOST_OPERATIONS: Final = 200
"""Operations have their names from this program, which has fewer. More would be names from outside.
"""

SECONDS: Final = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
"""The upper bounds of the histograms."""

_STEPS: Final = frozenset((("sessions.resume", "ok"), ("administration.enter", "ok")))
"""Steps of a request on the way to its operation: where they succeed, they are no requests of their
own.
"""

_LOGIN: Final = "sessions.log_in"
_REFUSED_LOGINS: Final = (LoginFailed.outcome, LoginDelayed.outcome)


def _all_outcomes(error: type[DomainError] = DomainError) -> Iterator[str]:
    yield error.outcome
    for kind in error.__subclasses__():
        yield from _all_outcomes(kind)


@define(eq=False)
class _Durations:
    """A histogram in the making: how many took up to each bound, those above the last included."""

    counts: list[int] = Factory(lambda: [0] * (len(SECONDS) + 1))
    sum: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds

    @property
    def buckets(self) -> list[tuple[str, float]]:
        below, buckets = 0, []
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self.counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        return buckets


class Metrics(Collector):
    """Counts operations. `dialects` are those that exist; `connections` tells how many are open at
    each.
    """

    def __init__(
        self,
        store: IStore,
        dialects: Iterable[str],
        connections: Callable[[], Mapping[str, int]] = dict,
        version: str = sockcrud.__version__,
    ) -> None:
        self._store = store
        self._dialects = frozenset(dialects)
        self._connections = connections
        self._version = version
        self._outcomes = {"ok", *_all_outcomes()}
        self._cells: dict[tuple[str, str, str], _Durations] = {}
        self._operations: set[str] = set()
        self._steps = _Durations()  # counted, and shown nowhere
        self._commits: _Durations | None = None
        self._sizes: dict[str, int] | None = None
        self._readers: list[Deferred[bytes]] | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def __call__(self, operation: str, principal: Principal, seconds: float, outcome: str) -> None:
        """Take note of an operation."""
        cell = self._cells.get((principal.dialect, operation, outcome))
        if cell is None:
            cell = self._cell(principal.dialect, operation, outcome)
        cell.counts[bisect_left(SECONDS, seconds)] += 1
        cell.sum += seconds

    def _cell(self, dialect: str, operation: str, outcome: str) -> _Durations:
        known = dialect in self._dialects and outcome in self._outcomes
        if (operation, outcome) in _STEPS:
            cell = self._steps
        else:
            cell = self._cells.setdefault(
                (
                    dialect if dialect in self._dialects else OTHER,
                    self._known_operation(operation),
                    outcome if outcome in self._outcomes else OTHER,
                ),
                _Durations(),
            )
        if known and self._known_operation(operation) == operation:
            self._cells[dialect, operation, outcome] = cell
        return cell

    def _known_operation(self, operation: str) -> str:
        if operation not in self._operations and len(self._operations) < MOST_OPERATIONS:
            self._operations.add(operation)
        return operation if operation in self._operations else OTHER

    def committed(self, seconds: float) -> None:
        """Take note of a commit to the disk, for stores that have such: until the first, nothing is
        told of commits.
        """
        if self._commits is None:
            self._commits = _Durations()
        self._commits.add(seconds)

    def answered(self) -> dict[str, list[int]]:
        """Return of each dialect how many operations took up to each of `SECONDS`, and longer."""
        found: dict[str, list[int]] = {}
        for (dialect, _, _), cell in self._cells.items():
            if cell is not self._steps:
                sums = found.get(dialect, [0] * len(cell.counts))
                found[dialect] = [one + other for one, other in zip(sums, cell.counts, strict=True)]
        return found

    async def text(self) -> bytes:
        """Return all figures as Prometheus reads them. Where the store cannot be asked, its size is
        not among them.

        Whoever asks while a store far away is asked for its size gets the same text: to make one
        takes milliseconds.
        """
        if self._readers is not None:
            reader: Deferred[bytes] = Deferred()
            self._readers.append(reader)
            return await reader
        readers: list[Deferred[bytes]] = []
        self._readers = readers
        try:
            self._sizes = await self._count()
            text = generate_latest(self._registry)
        except Exception:
            for reader in readers:
                reader.errback(Failure())
            raise
        finally:
            self._readers = None
        for reader in readers:
            reader.callback(text)
        return text

    async def _count(self) -> dict[str, int] | None:
        try:
            return {kind.__name__: await self._store.count(kind) for kind in self._store.schema}
        except Unavailable:
            return None

    def collect(self) -> Iterator[Metric]:
        """Yield all figures but the process's own, for prometheus_client."""
        yield from self._requests()
        yield self._login_failures()
        connections = GaugeMetricFamily(
            "sockcrud_open_connections", "Connections that are open.", labels=["dialect"]
        )
        for dialect, count in sorted(self._connections().items()):
            connections.add_metric([dialect if dialect in self._dialects else OTHER], count)
        yield connections
        yield from self._about_the_store()
        yield GaugeMetricFamily(
            "sockcrud_memory_limit_bytes",
            "The memory that this process may have, 0 where the system does not say.",
            memory_limit(),
        )
        build = GaugeMetricFamily(
            "sockcrud_build_info",
            "What this is, as labels.",
            labels=["version", "python", "twisted"],
        )
        build.add_metric([self._version, platform.python_version(), str(twisted.__version__)], 1)
        yield build

    def _requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "sockcrud_requests",
            "Operations that were asked for.",
            labels=["dialect", "operation", "outcome"],
        )
        durations = HistogramMetricFamily(
            "sockcrud_request_seconds",
            "How long operations took, whatever came of them.",
            labels=["dialect", "operation"],
        )
        sums: dict[tuple[str, str], _Durations] = {}
        for (dialect, operation, outcome), cell in sorted(self._cells.items()):
            if cell is self._steps:
                continue
            requests.add_metric([dialect, operation, outcome], sum(cell.counts))
            total = sums.setdefault((dialect, operation), _Durations())
            total.counts = [
                one + other for one, other in zip(total.counts, cell.counts, strict=True)
            ]
            total.sum += cell.sum
        for labels, total in sums.items():
            durations.add_metric(labels, total.buckets, total.sum)
        yield requests
        yield durations

    def _login_failures(self) -> Metric:
        failures = CounterMetricFamily(
            "sockcrud_login_failures",
            "Logins that were refused, and whether for their delay.",
            labels=["dialect", "reason"],
        )
        for (dialect, operation, outcome), cell in sorted(self._cells.items()):
            if operation == _LOGIN and outcome in _REFUSED_LOGINS:
                failures.add_metric([dialect, outcome], sum(cell.counts))
        return failures

    def _about_the_store(self) -> Iterator[Metric]:
        if self._sizes is not None:
            sizes = GaugeMetricFamily(
                "sockcrud_store_records", "Records that are stored.", labels=["kind"]
            )
            for kind, count in self._sizes.items():
                sizes.add_metric([kind], count)
            yield sizes
        if self._commits is not None:
            commits = HistogramMetricFamily(
                "sockcrud_commit_seconds", "How long commits to the disk took."
            )
            commits.add_metric([], self._commits.buckets, self._commits.sum)
            yield commits
