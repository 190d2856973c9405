"""How all is: what listens where, how much is asked of it, what is stored, what is dangerous."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from attrs import frozen

import sockcrud
from sockcrud.access import Access, Principal, admins, operation
from sockcrud.app import Dialect
from sockcrud.errors import Unavailable
from sockcrud.metrics import SECONDS
from sockcrud.serving import About
from sockcrud.storage.contract import IStore


@frozen
class Port:
    """A dialect. `answered` counts its operations by how long they took: see `Overview.bounds`."""

    app: str
    dialect: Dialect
    url: str | None
    listening: bool
    trial: str | None
    """A command that shows that it is there."""
    connections: int
    answered: Sequence[int]


@frozen
class Overview:
    """The daemon as it is now. Figures rise from its start: who asks twice has the difference."""

    version: str
    process: int
    """Which of several processes this is: each counts what it is asked itself."""
    seconds: float
    """Of the clock that `Port.answered` is counted by."""
    bounds: Sequence[float]
    """Seconds up to which operations are counted; behind them one count of all that were longer."""
    ports: Sequence[Port]
    store: str
    rev: int
    counts: Mapping[str, int] | None
    """How many records of each kind there are, None where the store cannot be reached."""
    warnings: Sequence[str]


@frozen
class Overviews:
    """The operation that gives them."""

    access: Access
    store: IStore
    about: About

    @operation("overview.read", admins)
    async def overview(self, principal: Principal) -> Overview:
        """Return how all is now."""
        about = self.about
        listening, urls, trials = about.listening(), about.urls(), about.trials()
        connections, answered = about.connections(), about.answered()
        ports = [
            Port(
                app.name,
                dialect,
                urls.get(dialect.name),
                listening.get(dialect.name, False),
                trials.get(dialect.name),
                connections.get(dialect.name, 0),
                answered.get(dialect.name, [0] * (len(SECONDS) + 1)),
            )
            for app in about.apps
            for dialect in app.dialects
        ]
        counts = await self._counts()
        return Overview(
            sockcrud.__version__,
            os.getpid(),
            self.access.clock.seconds(),
            SECONDS,
            ports,
            about.store,
            self.store.rev,
            counts,
            about.warnings(),
        )

    async def _counts(self) -> Mapping[str, int] | None:
        try:
            return {kind.__name__: await self.store.count(kind) for kind in self.store.schema}
        except Unavailable:
            return None
