"""One connection of the asynchronous face: a protocol of Twisted that tells its owner what happens, and decides nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from attrs import define
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, INegotiated, IPullProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.client.calls import MOST_IN_FLIGHT, Call, Reader


@define(eq=False)
class Pending:
    """A call on its way, and the Deferred that waits for it."""

    call: Call[Any, Any]
    result: Deferred[Any]
    timer: IDelayedCall
    repeated: bool = False
    """Whether it was sent before, over a connection that turned out to be closed."""
    given_up: bool = False
    """Whether nobody waits for it any more."""


class Owner(Protocol):
    """Who a link tells."""

    def received(self, link: Link, data: bytes) -> None: ...

    def moved(self, pending: Pending) -> None: ...

    def lost(self, link: Link, reason: Failure) -> None: ...

    def ready_for_more(self, link: Link) -> None: ...


@implementer(IHandshakeListener)
class Link(TwistedProtocol):
    """A connection, and the calls that were sent over it and not answered."""

    transport: Any

    def __init__(self, owner: Owner, reader: Reader[Any]) -> None:
        self._owner = owner
        self.reader: Final = reader
        self.sent: deque[Pending] = deque()
        self.has_answered = False
        """Whether any call was answered over it."""
        self.heard = False
        """Whether anything was heard since calls were under way."""
        self._feed: _Feed | None = None
        self._open: Deferred[Link] | None = None

    # Making it

    def opened(self) -> Deferred[Link]:
        """Fire with it when it may be used, which over TLS is after the handshake. May be cancelled."""
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

    @property
    def is_sending(self) -> bool:
        """Whether there is more to come of a call's request."""
        return self._feed is not None

    def may_send(self) -> bool:
        """Whether one more call may be sent."""
        if self.is_sending or len(self.sent) >= MOST_IN_FLIGHT:
            return False
        return not self.sent or self.reader.may_pipeline

    def send(self, pending: Pending) -> None:
        """Send a call."""
        if not self.sent:
            self.heard = False
        self.sent.append(pending)
        self.reader.expect(pending.call)
        self.transport.write(pending.call.request)
        if pending.call.more is not None:
            self._feed = _Feed(self, pending, iter(pending.call.more), self._fed)
            self.transport.registerProducer(self._feed, False)

    def _fed(self, pending: Pending, ended: bool) -> None:
        self._owner.moved(pending)
        if ended:
            self._feed = None
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

    def __init__(self, link: Link, pending: Pending, pieces: Iterator[bytes], fed: Callable[[Pending, bool], None]) -> None:
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
