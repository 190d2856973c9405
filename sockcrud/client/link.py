"""One connection of the asynchronous face: a protocol of Twisted that tells its owner what happens,
and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from attrs import define
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, INegotiated, IPullProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.client.exchange import Attempt, Exchange


@define(eq=False, kw_only=True)
class Pending(Attempt):
    """A call on its way, the Deferred that waits for it, and the time it has."""

    result: Deferred[Any]
    timer: IDelayedCall


class Owner(Protocol):
    """Who a link tells."""

    def received(self, link: Link, data: bytes) -> None: ...

    def moved(self, pending: Pending) -> None: ...

    def lost(self, link: Link, reason: Failure) -> None: ...

    def ready_for_more(self, link: Link) -> None: ...


@implementer(IHandshakeListener)
class Link(TwistedProtocol):
    """A connection, and what is exchanged over it."""

    transport: Any

    def __init__(self, owner: Owner, exchange: Exchange[Pending]) -> None:
        self._owner = owner
        self.exchange: Final = exchange
        self._open: Deferred[Link] | None = None

    # Making it

    def opened(self) -> Deferred[Link]:
        """Return it when it may be used, which over TLS is after the handshake. May be
        cancelled.
        """
        if not INegotiated.providedBy(self.transport):
            return succeed(self)
        self._open = Deferred(lambda _: self._forsake())
        return self._open

    def _forsake(self) -> None:
        self._open = None
        self.drop()

    def handshakeCompleted(self) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            opened.callback(self)

    # Using it

    def send(self, pending: Pending) -> None:
        """Send a call."""
        self.exchange.send(pending)
        self.transport.write(pending.call.request)
        if pending.call.more is not None:
            self.exchange.is_sending = True
            self.transport.registerProducer(
                _Feed(self, pending, iter(pending.call.more), self._fed), False
            )

    def _fed(self, pending: Pending, ended: bool) -> None:
        self._owner.moved(pending)
        if ended:
            self.exchange.is_sending = False
            self._owner.ready_for_more(self)

    def drop(self) -> None:
        """Cut the connection."""
        self.transport.abortConnection()

    # Hearing

    def dataReceived(self, data: bytes) -> None:
        self._owner.received(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            opened.errback(reason)
        self._owner.lost(self, reason)


@implementer(IPullProducer)
class _Feed:
    """Sends what follows a request, a piece whenever there is room."""

    def __init__(
        self,
        link: Link,
        pending: Pending,
        pieces: Iterator[bytes],
        fed: Callable[[Pending, bool], None],
    ) -> None:
        self._link = link
        self._pending = pending
        self._pieces = pieces
        self._fed = fed

    def resumeProducing(self) -> None:
        try:
            piece = next(self._pieces, None)
        except Exception:
            self._pending.result.errback(Failure())
            self._link.drop()
            return
        if piece is None:
            self._link.transport.unregisterProducer()
        else:
            self._link.transport.write(piece)
        self._fed(self._pending, piece is None)

    def stopProducing(self) -> None:
        """The connection is lost, which its link hears too."""
