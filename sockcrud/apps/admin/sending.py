"""Sending a request to one of the daemon's own ports, as a client would."""

from __future__ import annotations

from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.errors import Busy, Invalid
from sockcrud.serving import About

QUIET_SECONDS: Final = 0.5
"""After so long without a byte, the answer is taken as complete."""
LONGEST_SECONDS: Final = 5.0
"""Within which there must be an answer; what has come by then is given."""
LONGEST_ANSWER: Final = 256 * 1024
MOST: Final = 4
"""Requests that are under way at a time: each takes a connection of its own."""

_NEAR: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@frozen
class Answer:
    """What came back. `closed`: the daemon ended the connection, `cut`: more was to come."""

    data: bytes
    seconds: float
    closed: bool
    cut: bool


class Connects(Protocol):
    """Makes an endpoint of a URL."""

    def __call__(self, reactor: Any, url: str) -> IStreamClientEndpoint: ...


def endpoint_of(reactor: Any, url: str) -> IStreamClientEndpoint:
    """Return what connects to one of the daemon's own ports. Its certificate is its own, too."""
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or 0
    near = _NEAR.get(host, host)
    kind = TCP6ClientEndpoint if ":" in near else TCP4ClientEndpoint
    made: IStreamClientEndpoint = kind(reactor, near, port, timeout=LONGEST_SECONDS)
    return wrapClientTLS(CertificateOptions(), made) if place.scheme == "https" else made


class Sender:
    """The operation that sends."""

    def __init__(
        self, access: Access, about: About, clock: Any, connects: Connects = endpoint_of
    ) -> None:
        self.access = access
        self._about = about
        self._clock = clock
        self._connects = connects
        self._under_way = 0

    @operation("requests.send", admins)
    async def send(self, principal: Principal, dialect: str, data: bytes) -> Answer:
        """Return what a dialect answers to these bytes; raise Invalid where there is none such, or
        Busy.
        """
        url = self._about.urls().get(dialect)
        if url is None:
            raise Invalid("dialect", "the name of a dialect that listens on a port")
        if self._under_way >= MOST:
            raise Busy
        self._under_way += 1
        try:
            return await self._exchange(url, data)
        finally:
            self._under_way -= 1

    async def _exchange(self, url: str, data: bytes) -> Answer:
        connecting = self._connects(self._clock, url).connect(
            Factory.forProtocol(lambda: Exchange(self._clock, data))
        )
        try:
            exchange = await connecting
        except Exception as error:
            raise Invalid("dialect", f"one that can be connected to ({error})") from None
        return await cast(Exchange, exchange).answered


class Exchange(TwistedProtocol):
    """Says what is to be said, and takes what comes until it is quiet."""

    def __init__(self, clock: Any, data: bytes) -> None:
        self.answered: Deferred[Answer] = Deferred()
        self._clock = clock
        self._data = data
        self._heard = bytearray()

    def connectionMade(self) -> None:
        self._began = self._clock.seconds()
        self._last = self._began
        self._end = self._clock.callLater(LONGEST_SECONDS, self._done)
        assert self.transport is not None
        self.transport.write(self._data)

    def dataReceived(self, data: bytes) -> None:
        self._heard += data
        self._last = self._clock.seconds()
        if len(self._heard) >= LONGEST_ANSWER:
            self._done(cut=True)
        elif self._end.active():
            left = self._began + LONGEST_SECONDS - self._clock.seconds()
            self._end.reset(max(0.0, min(QUIET_SECONDS, left)))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._done(closed=True)

    def _done(self, closed: bool = False, cut: bool = False) -> None:
        if self.answered.called:
            return
        if self._end.active():
            self._end.cancel()
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]
        seconds = self._last - self._began
        self.answered.callback(Answer(bytes(self._heard[:LONGEST_ANSWER]), seconds, closed, cut))
