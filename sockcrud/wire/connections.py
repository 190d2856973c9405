"""All open connections of the daemon: how many there may be, and how they end together."""

from __future__ import annotations

from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

SPARE_DESCRIPTORS: Final = 256
"""Left to files, listeners, and the busy answers to those who come too many."""


class Connection(Protocol):
    """What `Connections` needs of one."""

    def finish(self) -> None:
        """Read no more, answer what was received, say farewell, close."""

    def abort(self) -> None:
        """Close at once, whatever is unsaid."""


class Connections:
    """The open connections, at most so many. Those `within` others, as one listener's, count among these too."""

    def __init__(self, most: int, within: Connections | None = None) -> None:
        self.most = most
        self._within = within
        self._open: set[Connection] = set()
        self._empty: Deferred[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Take a new connection in; False where there are too many, or where all are about to end."""
        if len(self._open) >= self.most or self._empty is not None:
            return False
        if self._within is not None and not self._within.admit(connection):
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._open.discard(connection)
        if self._within is not None:
            self._within.leave(connection)
        if self._empty is not None and not self._open and not self._empty.called:
            self._empty.callback(None)

    async def finish(self, clock: IReactorTime, grace: float) -> None:
        """End them all and fire when the last has ended: each in its own time, after `grace` seconds at once."""
        self._empty = Deferred()
        for connection in list(self._open):
            connection.finish()
        if not self._open:
            return
        overtime = clock.callLater(grace, self._abort_all)
        await self._empty
        if overtime.active():
            overtime.cancel()

    def _abort_all(self) -> None:
        for connection in list(self._open):
            connection.abort()


def raise_descriptor_limit() -> int | None:
    """Raise the soft limit on open descriptors to the hard one, and give it; None where there is none to be told."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return None if hard == resource.RLIM_INFINITY else hard
