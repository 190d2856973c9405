"""The reactor named `uvloop`: Twisted's asyncio reactor on an event loop of uvloop, with uvloop's
own TCP transports.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from functools import partial
from math import ceil
from time import monotonic, perf_counter
from typing import Any

import uvloop
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor
from twisted.internet.tcp import Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.protocols.scheduler import BUDGET_SECONDS
from sockcrud.uvloop.port import UvloopTCP

log = Logger()


class UvloopReactor(AsyncioSelectorReactor):
    """Does what every reactor does, and has in `plain_tcp` what listens with uvloop's own
    transports.

    Its own `listenTCP` is Twisted's, as are TLS and Unix sockets: they need more of a transport
    than plain TCP.
    """

    # By a clock that nobody sets, as the loop's own timers go.
    seconds = staticmethod(monotonic)

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.loop.set_exception_handler(_log_fault)
        self.plain_tcp = UvloopTCP(self, self.loop)
        self._spent = 0.0  # in this turn, on Twisted's own transports
        super().__init__(self.loop)

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Call it in this reactor's thread, soon, and after what was passed here before."""
        # Twisted's way there is a closure and a delayed call: 7.5 us, where this is 0.7.
        if kwargs:
            callable = partial(callable, **kwargs)
        self.loop.call_soon_threadsafe(callable, *args)

    def _reschedule(self) -> None:
        timeout = self.timeout()
        if timeout is None:
            return
        if self._timerHandle is not None:
            self._timerHandle.cancel()
        self._scheduledAt = self.loop.time() + timeout  # type: ignore[assignment]
        # uvloop rounds to milliseconds: of a time rounded down, the rest would be spent in waking
        # up again and again.
        wait = ceil(timeout * 1000) / 1000
        self._timerHandle = self.loop.call_later(wait, self._onTimer)  # type: ignore[assignment]

    def _readOrWrite(self, selectable: Any, read: bool) -> None:
        # A thousand connections over TLS that end at the same moment take 0.1 s: the others come
        # between. What is left is told of again in the next turn. Listeners and the database bound
        # what they do themselves, and are not to wait for each other.
        if not isinstance(selectable, Connection):
            super()._readOrWrite(selectable, read)  # type: ignore[no-untyped-call]
        elif self._spent <= BUDGET_SECONDS:
            if not self._spent:
                self.loop.call_soon(self._next_turn)
            started = perf_counter()
            super()._readOrWrite(selectable, read)  # type: ignore[no-untyped-call]
            self._spent += perf_counter() - started
        # uvloop watches no longer what has an error pending, once it has told so. Twisted reads
        # what came before the error first, and expects to be told again: TLS and Unix sockets would
        # stay open here after a reset.
        descriptor = selectable.fileno()
        if descriptor >= 0:
            looking = select.poll()
            looking.register(descriptor, 0)
            if any(events & select.POLLERR for _, events in looking.poll(0)):
                self.loop.call_soon(self._watch_again, selectable)

    def _next_turn(self) -> None:
        self._spent = 0.0

    def _watch_again(self, selectable: Any) -> None:
        if selectable in self._readers:
            self.removeReader(selectable)  # type: ignore[no-untyped-call]
            self.addReader(selectable)  # type: ignore[no-untyped-call]
        if selectable in self._writers:
            self.removeWriter(selectable)  # type: ignore[no-untyped-call]
            self.addWriter(selectable)  # type: ignore[no-untyped-call]

    # What is open, as the reactor's users see it: a connection that is not one of Twisted's
    # descriptors is one still.

    def getReaders(self) -> list[Any]:
        """Return all that is read at the moment."""
        readers: list[Any] = super().getReaders()  # type: ignore[no-untyped-call]
        return [
            *readers,
            *(connection for connection in self.plain_tcp.connections if connection.reading()),
        ]

    def removeAll(self) -> list[Any]:
        """Forget all that is open, and return it, so that it can be told."""
        removed: list[Any] = super().removeAll()  # type: ignore[no-untyped-call]
        return [*removed, *self.plain_tcp.connections]


def _log_fault(loop: object, context: dict[str, Any]) -> None:
    """Log what nobody else has caught, as every reactor does."""
    message = context.get("message", "a fault in what the event loop has called")
    error = context.get("exception")
    if error is None:
        log.error("{message}", message=message)
    else:
        log.failure("{message}", Failure(error), message=message)


def install() -> None:
    """Make it the reactor of this process, which must have none yet."""
    installReactor(UvloopReactor())
