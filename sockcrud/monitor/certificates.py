"""The certificate of a TLS port: whether it has expired, or will soon. Nothing else of it is looked
at here.

A client that verifies refuses an expired certificate with words of OpenSSL's; this step comes
before, and says the day.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timezone
from typing import Any, Final

from attrs import define
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.client.places import Place
from sockcrud.monitor.checks.steps import Check, Step, Warned, Wrong

NAME: Final = "certificate"
_DAY: Final = 24 * 3600.0

Fetch = Callable[[Place], Awaitable[datetime]]
"""Fires with the end of the validity of the certificate there; fails as a step does."""


@define(eq=False)
class CertificateSeen:
    """What the latest look at a certificate showed."""

    days_left: float | None = None


class WithCertificate:
    """A check whose first step looks at the certificate: fails where it has expired, warns with
    fewer than `days` left.
    """

    def __init__(
        self, check: Check, place: Place, fetch: Fetch, now: Callable[[], float], days: float
    ) -> None:
        self.name = check.name
        self.seen = CertificateSeen()
        self._check = check
        self._place = place
        self._fetch = fetch
        self._now = now
        self._days = days

    def steps(self) -> Sequence[Step]:
        return (Step(NAME, self._look), *self._check.steps())

    async def clean_up(self) -> str:
        return await self._check.clean_up()

    async def _look(self) -> None:
        end = await self._fetch(self._place)
        self.seen.days_left = left = (end.timestamp() - self._now()) / _DAY
        day = end.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        if left <= 0:
            raise Wrong(f"the certificate of {self._place} has expired: it was valid until {day}")
        if left < self._days:
            raise Warned(
                f"the certificate of {self._place} is valid until {day}: {left:.1f} days, fewer "
                f"than {self._days:g}"
            )


def fetcher(reactor: Any) -> Fetch:
    """Return what looks at the certificate of a place, over a connection of its own."""

    async def fetch(place: Place) -> datetime:
        endpoint = HostnameEndpoint(reactor, place.host, place.port)
        protocol: Any = await wrapClientTLS(_Unverified(place.host), endpoint).connect(
            Factory.forProtocol(_Look)
        )
        try:
            end: datetime = await protocol.end
            return end
        finally:
            protocol.transport.abortConnection()
            await protocol.lost

    return fetch


@implementer(IHandshakeListener)
class _Look(Protocol):
    """Shakes hands, and says no more."""

    def __init__(self) -> None:
        self.end: Deferred[datetime] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def handshakeCompleted(self) -> None:
        certificate = self.transport.getPeerCertificate()  # type: ignore[union-attr]
        self.end.callback(certificate.to_cryptography().not_valid_after_utc)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.end.called:
            words = re.sub(r"[\[\]()']", "", str(reason.value)) or type(reason.value).__name__
            self.end.errback(Wrong(f"no TLS connection: {words}"))
        self.lost.callback(None)


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """Takes any certificate: it is only looked at."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._context = CertificateOptions(verify=False).getContext()

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        if not re.fullmatch(r"[0-9.]+|.*:.*", self._host):
            connection.set_tlsext_host_name(self._host.encode("idna"))
        return connection
