"""The face whose methods give Deferreds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
    clientFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import IStreamClientEndpoint

from sockcrud.client.calls import LONGEST_ANSWER, TIMEOUT, Call, Face, Pages
from sockcrud.client.errors import ClientError
from sockcrud.client.over_reactor import ReactorDriver
from sockcrud.client.places import Place, parse

T = TypeVar("T")
Self = TypeVar("Self", bound="AsynchronousFace")


class AsynchronousFace(Face):
    """A client whose methods give Deferreds, which can be awaited.

    It connects at the first call, and again at the next one after the connection was lost. Many
    calls may be under way at once: they go over one connection, in order. A call that was sent and
    not answered is not sent again, unless it is one that only reads, over a connection that turned
    out to have been closed while it was idle, or one that the server carries out once (see
    `HTTPCalls.sends_keys`).
    """

    def __init__(
        self,
        reactor: Any,
        where: str | IStreamClientEndpoint | None = None,
        *,
        timeout: float = TIMEOUT,
        longest_answer: int = LONGEST_ANSWER,
        trust: str | None = None,
    ) -> None:
        """`where` is HOST:PORT, a URL, a description of a client endpoint, or an endpoint; by
        default the dialect's port here.

        `timeout` is what a call has, in seconds, and `longest_answer` what its answer may have, in
        bytes. `trust` is a file of certificates (PEM) that vouch for a server with TLS, in place of
        the system's. `ValueError` tells of what is no place.
        """
        self.place, endpoint = _where(reactor, where, self.default_port, timeout, trust)
        self._driver: ReactorDriver[Any] = ReactorDriver(
            self.wire(longest_answer), str(self.place), endpoint, reactor, timeout
        )

    def close(self) -> Deferred[None]:
        """Close the connection, for good: calls under way fail. Return when it is closed. Harmless
        when repeated.
        """
        return self._driver.close()

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _describe(
        self, describe: Callable[..., Call[Any, T]], *given: Any, **named: Any
    ) -> Deferred[T]:
        try:
            call: Call[Any, T] = describe(self, *given, **named)
        except ClientError as error:
            return fail(error)
        return self._driver.carry(call)

    async def _turn(
        self, pages: Callable[..., Pages[T]], *given: Any, **named: Any
    ) -> AsyncIterator[T]:
        listed: Pages[T] = pages(self, *given, **named)
        after: int | None = None
        while True:
            page = await self._driver.carry(listed.page(after))
            for item in page.items:
                yield item
            if (after := page.next) is None:
                return


def _where(
    reactor: Any,
    where: str | IStreamClientEndpoint | None,
    port: int,
    timeout: float,
    trust: str | None,
) -> tuple[Place, IStreamClientEndpoint]:
    """Return the place, as people are told of it, and what connects to it."""
    if where is None:
        where = f"127.0.0.1:{port}"
    if not isinstance(where, str):
        return Place("tcp", "localhost", port), where
    try:
        place = parse(where, port)
    except ValueError:
        # Twisted knows more of them, and plugins add to these.
        with suppress(Exception):
            if where.partition(":")[2]:
                return Place("tcp", "localhost", port), clientFromString(reactor, where)
        raise
    return place, _endpoint(reactor, place, timeout, trust)


def _endpoint(
    reactor: Any, place: Place, timeout: float, trust: str | None
) -> IStreamClientEndpoint:
    if place.kind == "unix":
        unix: IStreamClientEndpoint = UNIXClientEndpoint(reactor, place.path, timeout)
        return unix
    tcp: IStreamClientEndpoint
    if isIPAddress(place.host):
        tcp = TCP4ClientEndpoint(reactor, place.host, place.port, timeout)
    elif isIPv6Address(place.host):
        tcp = TCP6ClientEndpoint(reactor, place.host, place.port, timeout)
    else:
        tcp = HostnameEndpoint(reactor, place.host, place.port, timeout)
    return tcp if place.kind == "tcp" else _over_tls(tcp, place.host, trust)


def _over_tls(tcp: IStreamClientEndpoint, host: str, trust: str | None) -> IStreamClientEndpoint:
    from twisted.internet import ssl  # as late as this, for those without pyOpenSSL

    root = None
    if trust is not None:
        with open(trust, "rb") as file:
            certificates = file.read().split(b"-----END CERTIFICATE-----")[:-1]
        root = ssl.trustRootFromCertificates(
            [
                ssl.Certificate.loadPEM(each + b"-----END CERTIFICATE-----\n")
                for each in certificates
            ]
        )
    made: IStreamClientEndpoint = wrapClientTLS(ssl.optionsForClientTLS(host, trustRoot=root), tcp)
    return made
