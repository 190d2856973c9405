"""Where the daemon listens: endpoint descriptions, kept to this machine unless they say
otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, Final, cast

from attrs import define, frozen
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, execute, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.logger import ILogObserver, LogEvent, Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.accepting import FEW, FEW_SECURE, accept_few

_LOOPBACK: Final = {"tcp": "127.0.0.1", "ssl": "127.0.0.1", "tls": "127.0.0.1", "tcp6": r"\:\:1"}

_SOCKETS: Final = (*_LOOPBACK, "unix", "systemd")
_WITH_BACKLOG: Final = ("tcp", "tcp6", "ssl", "unix")
_BACKLOG: Final = 65_535
"""Connections that wait to be accepted: the system takes this for as many as it allows. With
Twisted's 50, a quarter of a thousand clients that connect at once got no answer within 40 s."""

_LAST_PORT: Final = 65_535
_OWNER_ONLY: Final = "600"
"""Who may connect to a Unix socket whose description does not say. Twisted's own default lets
everybody.
"""

_PLAIN_TCP: Final = ("tcp", "tcp6")
_SIMPLE: Final = re.compile(
    r"tcp:(?:port=)?(?P<port>[0-9]{1,5})(?P<more>(?::(?:interface=[0-9A-Za-z.-]+|backlog=[0-9]{1,9}))*)"
)
"""The descriptions that are read here: most of all there are."""


log: Final = Logger()


class CannotListen(Exception):
    """A listener that cannot be had, in one line."""


@implementer(IStreamServerEndpoint)
@frozen
class PlainTCP:
    """Twisted's TCP4ServerEndpoint, without the import of all other endpoints."""

    reactor: Any
    port: int
    interface: str
    backlog: int

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Return the port, or the failure, as Deferreds that have fired."""
        listening: Deferred[IListeningPort] = execute(
            self.reactor.listenTCP,
            self.port,
            factory,
            backlog=self.backlog,
            interface=self.interface,
        )
        return listening


class _Nowhere:
    """A reactor that does not listen: with it, what a description says of TLS is read, and nothing
    else happens.
    """

    def listenSSL(self, *given: Any, **named: Any) -> None:
        """Do nothing."""


@implementer(IStreamServerEndpoint)
class DescribedEndpoint:
    """An endpoint that Twisted makes of a description, whose certificates can be read anew while it
    listens.
    """

    def __init__(self, description: str, reactor: Any) -> None:
        # Late: what these import, TLS above all, takes a tenth of the time that a start takes.
        from twisted.internet.endpoints import serverFromString

        from sockcrud.protocols.tls import StrictTLS

        self._description = description
        self._tls = StrictTLS(reactor)
        self._endpoint: IStreamServerEndpoint = serverFromString(self._tls, description)

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Return the port, or the failure, as Twisted does."""
        return self._endpoint.listen(factory)

    def reload_certificates(self) -> bool:
        """Read key and certificates anew, for new connections; return whether there are any. Raise
        `CannotListen`.

        They are checked first: where they cannot be used, those from before stay.
        """
        if not self._tls.contexts:
            return False
        try:
            again = DescribedEndpoint(self._description, _Nowhere())
            again.listen(Factory()).addErrback(Failure.raiseException)
            for old, new in zip(self._tls.contexts, again._tls.contexts, strict=True):
                old.replace(new.options)
        except Exception as error:
            raise CannotListen(_wrong_with(self._description, error)) from None
        return True


def endpoint(description: str, reactor: Any) -> IStreamServerEndpoint:
    """Make the endpoint of a description; raise `CannotListen` for one that is none.

    Without `interface=` it is on the loopback address, and without `mode=` a Unix socket is its
    owner's alone: nothing is open to others by oversight.
    """
    completed = _completed(description)
    plain = getattr(
        reactor, "plain_tcp", reactor
    )  # the faster way that the reactor may have, where nothing but TCP is asked for
    if (found := _SIMPLE.fullmatch(completed)) is not None:
        if int(found["port"]) > _LAST_PORT:
            raise CannotListen(f"{description!r}: expected a port from 0 to {_LAST_PORT}")
        arguments = _socket_of(completed)[1]
        return PlainTCP(
            plain, int(found["port"]), arguments["interface"], int(arguments["backlog"])
        )
    kind = description.partition(":")[0].lower()
    try:
        return DescribedEndpoint(completed, plain if kind in _PLAIN_TCP else reactor)
    except Exception as error:
        raise CannotListen(_wrong_with(description, error)) from None


def _wrong_with(description: str, error: BaseException) -> str:
    """Say in one line why nothing can listen as described."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{_text_of(error.filename)}: {error.strerror}"
    if is_secure(description) and not isinstance(error, (TypeError, ValueError)):
        # OpenSSL gives triples of where in itself it failed, and PyOpenSSL may give none at all.
        reasons = (
            [reason[-1] for reason in error.args[0]]
            if error.args and isinstance(error.args[0], list)
            else []
        )
        why = f": {reasons[0]}" if reasons and reasons[0] else ""
        return f"key and certificate of {description!r} cannot be used{why}"
    if _socket_of(description)[0] == "systemd" and isinstance(error, LookupError):
        return (
            f"systemd has passed no such socket as {description!r}: those of its unit are "
            f"counted from 0"
        )
    return f"{description!r} is no endpoint description such as tcp:8080 ({error})"


def _socket_of(description: str) -> tuple[str | None, dict[str, str]]:
    """Return the kind of socket that a description names, None for another endpoint, and its
    arguments by their keys.

    A description may wrap another, as `haproxy:tcp:8080` does: what counts is the first part that
    names a socket.
    """
    parts = re.split(r"(?<!\\):", description)
    kind = next((part.lower() for part in parts if part.lower() in _SOCKETS), None)
    arguments = (part.partition("=") for part in parts if "=" in part)
    return kind, {key: re.sub(r"\\(.)", r"\1", value) for key, _, value in arguments}


def _completed(description: str) -> str:
    """Add what a description leaves open: the loopback address, and as long a queue of connections
    as the system has.
    """
    kind, arguments = _socket_of(description)
    if kind in _LOOPBACK and "interface" not in arguments:
        description += f":interface={_LOOPBACK[kind]}"
    if kind in _WITH_BACKLOG and "backlog" not in arguments:
        description += f":backlog={_BACKLOG}"
    if kind == "unix" and "mode" not in arguments:
        description += f":mode={_OWNER_ONLY}"
    return description


def is_secure(description: str) -> bool:
    """Return whether an endpoint of this description speaks TLS."""
    return _socket_of(description)[0] in ("ssl", "tls")


def is_on_loopback(description: str) -> bool:
    """Return whether an endpoint of this description is on a loopback address, which only this
    machine reaches.

    A socket handed over by systemd counts as one: where it is, only its unit knows. A Unix socket
    does not: whoever comes there comes by a proxy, or is no browser.
    """
    kind, arguments = _socket_of(description)
    if kind not in _LOOPBACK:
        return kind == "systemd"
    interface = arguments.get("interface", "localhost")
    try:
        return ip_address(interface).is_loopback
    except ValueError:
        return interface == "localhost"


_ANYWHERE: Final = ("0.0.0.0", "::")


@define
class Listener:
    """A dialect's name, where it shall listen, what makes its connections, and its port once it
    listens.
    """

    name: str
    endpoint: IStreamServerEndpoint
    factory: IProtocolFactory
    secure: bool = False
    """Whether it speaks TLS."""
    port: IListeningPort | None = None

    @property
    def host(self) -> IAddress | None:
        """The address it has, its port number included; None where it does not listen."""
        return None if self.port is None else self.port.getHost()

    def place(self, host: str, is_local: bool) -> str | None:
        """Return where it is, as commands take it, for who has reached this machine as `host`."""
        if isinstance(self.host, UNIXAddress):
            return f"unix:{_text_of(self.host.name)}" if is_local else None
        if self.host is None or not (is_local or self.reachable_from_outside):
            return None
        own = self.host.host  # type: ignore[attr-defined]  # it is TCP's
        name = host.strip("[]") if own in _ANYWHERE else own
        if not name:
            return None
        quoted = f"[{name}]" if ":" in name else name
        return f"{'tls://' if self.secure else ''}{quoted}:{self.host.port}"  # type: ignore[attr-defined]

    @property
    def reachable_from_outside(self) -> bool:
        """Whether other machines may reach it."""
        try:
            return not ip_address(getattr(self.host, "host", "127.0.0.1")).is_loopback
        except ValueError:
            return True


class Listeners:
    """All listeners, which start and stop together. `unaccepted` counts who came when no descriptor
    was left.
    """

    def __init__(self, unaccepted: Callable[[], object] = lambda: None) -> None:
        self._all: list[Listener] = []
        self._unaccepted = unaccepted

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._all)

    def add(self, listener: Listener) -> None:
        """Take in one more, before the start."""
        self._all.append(listener)

    def listening(self) -> dict[str, bool]:
        """Tell of each by its name whether it listens."""
        return {listener.name: listener.port is not None for listener in self._all}

    def urls(self) -> dict[str, str]:
        """Return the URL of each that listens on a port."""
        return {
            listener.name: f"{'https' if listener.secure else 'http'}://{written(listener.host)}"
            for listener in self._all
            if hasattr(listener.host, "port")
        }

    def places(self, host: str, is_local: bool) -> dict[str, str | None]:
        """Return where each is for who has reached this daemon by that name or address: None where
        it is on this machine only, and who asks is not.
        """
        return {listener.name: listener.place(host, is_local) for listener in self._all}

    def start(self) -> None:
        """Listen everywhere, or, where one cannot, nowhere: raise `CannotListen` then.

        Every server endpoint of Twisted has its port, or its failure, by the time `listen` returns.
        """
        for listener in self._all:
            results: list[Any] = []
            listener.endpoint.listen(listener.factory).addBoth(results.append)
            result = (
                results[0]
                if results
                else Failure(CannotListenError(None, None, "it takes its time"))
            )
            if isinstance(result, Failure):
                self.stop().addErrback(lambda _: None)  # the process ends for a better reason
                raise CannotListen(f"{listener.name} cannot listen: {reason_of(result.value)}")
            listener.port = result
            if isinstance(result, Port):
                accept_few(result, FEW_SECURE if listener.secure else FEW)
                result._logger = Logger(
                    namespace=__name__, observer=cast(ILogObserver, self._of_a_port)
                )

    def _of_a_port(self, event: LogEvent) -> None:
        """Hear what a port wanted to log, three lines for each who comes when no descriptor is
        left: it is counted.
        """
        if str(event.get("log_format", "")).startswith(("EMFILE recovery", "Could not accept")):
            self._unaccepted()

    def reload_certificates(self) -> list[str]:
        """Read all keys and certificates anew; return a line for each listener that has any, and
        what came of it.
        """
        lines = []
        for listener in self._all:
            try:
                if (
                    isinstance(listener.endpoint, DescribedEndpoint)
                    and listener.endpoint.reload_certificates()
                ):
                    lines.append(
                        f"{listener.name}: new connections have the certificate that is in its "
                        f"file now"
                    )
            except CannotListen as error:
                lines.append(f"{listener.name} keeps the certificate that it has: {error}")
        return lines

    def stop(self) -> Deferred[Any]:
        """Return when none listens any more."""
        ports = [listener.port for listener in self._all if listener.port is not None]
        for listener in self._all:
            listener.port = None
        return gatherResults(
            [maybeDeferred(port.stopListening).addErrback(_not_closed, port) for port in ports]
        )


def _not_closed(failure: Failure, port: IListeningPort) -> None:
    """Log why a port could not be closed, such as a Unix socket whose path somebody has removed:
    the stop goes on, for the store is to be closed in any case.
    """
    log.warn("{port} could not be closed: {error}", port=port.getHost(), error=failure.value)


def reason_of(error: BaseException | None) -> str:
    if (
        isinstance(error, OSError) and error.filename2 is not None
    ):  # the lock that Twisted makes beside a Unix socket
        return f"{_text_of(error.filename2).removesuffix('.lock')}: {error.strerror}"
    if isinstance(error, CannotListenError):
        cause = getattr(error.socketError, "strerror", None) or error.socketError
        if error.port is None:
            return str(cause)
        return (
            f"{_text_of(error.port)}: {cause}"
            if error.interface is None
            else f"{error.interface}:{error.port}: {cause}"
        )
    return str(error)


def _text_of(name: Any) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else str(name)


def written(address: Any) -> str:
    """Write a listener's address the way people do."""
    if hasattr(address, "host"):
        return (
            f"[{address.host}]:{address.port}"
            if ":" in address.host
            else f"{address.host}:{address.port}"
        )
    name = getattr(address, "name", b"")
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name or address)
