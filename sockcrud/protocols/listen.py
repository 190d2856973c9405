"""Where the daemon listens: endpoint descriptions, kept to this machine unless they say otherwise."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, Final, cast

from attrs import define, frozen
from twisted.internet.defer import Deferred, execute, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.tcp import Port
from twisted.logger import ILogObserver, LogEvent, Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_LOOPBACK: Final = {"tcp": "127.0.0.1", "ssl": "127.0.0.1", "tls": "127.0.0.1", "tcp6": r"\:\:1"}

_SOCKETS: Final = (*_LOOPBACK, "unix", "systemd")
_WITH_BACKLOG: Final = ("tcp", "tcp6", "ssl", "unix")
_BACKLOG: Final = 65_535
"""Connections that wait to be accepted: the system takes this for as many as it allows. With Twisted's 50, a quarter of a
thousand clients that connect at once got no answer within 40 s."""

FEW: Final = 32
FEW_SECURE: Final = 4
"""Connections that a listener accepts in one turn of the reactor: each takes 0.1 to 0.2 ms to set up, with TLS four times
that, and whoever is connected already waits meanwhile."""

MOST_PASSED_OVER: Final = 64
"""Connections that are passed over in one turn of the reactor, at most: each takes 0.03 ms."""

_PLAIN_TCP: Final = ("tcp", "tcp6")
_SIMPLE: Final = re.compile(
    r"tcp:(?:port=)?(?P<port>[0-9]{1,5})(?P<more>(?::(?:interface=[0-9A-Za-z.-]+|backlog=[0-9]{1,9}))*)"
)
"""The descriptions that are read here: most of all there are."""


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
            self.reactor.listenTCP, self.port, factory, backlog=self.backlog, interface=self.interface
        )
        return listening


def endpoint(description: str, reactor: Any) -> IStreamServerEndpoint:
    """Make the endpoint of a description; raise `CannotListen` for one that is none.

    Without `interface=` it is on the loopback address: nothing is open to the world by oversight.
    """
    completed = _completed(description)
    if (found := _SIMPLE.fullmatch(completed)) is not None:
        arguments = _socket_of(completed)[1]
        plain = getattr(reactor, "plain_tcp", reactor)
        return PlainTCP(plain, int(found["port"]), arguments["interface"], int(arguments["backlog"]))
    # Late: what these import, TLS above all, takes a tenth of the time that a start takes.
    from twisted.internet.endpoints import serverFromString

    kind = description.partition(":")[0].lower()
    try:
        made: IStreamServerEndpoint = serverFromString(_reactor_for(kind, reactor), completed)
    except Exception as error:
        raise CannotListen(f"{description!r} is no endpoint description such as tcp:8080 ({error})") from None
    return made


def _socket_of(description: str) -> tuple[str | None, dict[str, str]]:
    """Return the kind of socket that a description names, None for another endpoint, and its arguments by their keys.

    A description may wrap another, as `haproxy:tcp:8080` does: what counts is the first part that names a socket.
    """
    parts = re.split(r"(?<!\\):", description)
    kind = next((part.lower() for part in parts if part.lower() in _SOCKETS), None)
    arguments = (part.partition("=") for part in parts if "=" in part)
    return kind, {key: re.sub(r"\\(.)", r"\1", value) for key, _, value in arguments}


def _completed(description: str) -> str:
    """Add what a description leaves open: the loopback address, and as long a queue of connections as the system has."""
    kind, arguments = _socket_of(description)
    if kind in _LOOPBACK and "interface" not in arguments:
        description += f":interface={_LOOPBACK[kind]}"
    if kind in _WITH_BACKLOG and "backlog" not in arguments:
        description += f":backlog={_BACKLOG}"
    return description


def _reactor_for(kind: str, reactor: Any) -> Any:
    """Return what listens: where nothing but TCP is asked for, the faster way that the reactor may have; TLS is made strict."""
    if kind in _PLAIN_TCP:
        return getattr(reactor, "plain_tcp", reactor)
    from sockcrud.protocols.tls import StrictTLS

    return StrictTLS(reactor)


def is_secure(description: str) -> bool:
    """Return whether an endpoint of this description speaks TLS."""
    return _socket_of(description)[0] in ("ssl", "tls")


def is_on_loopback(description: str) -> bool:
    """Return whether an endpoint of this description is on a loopback address, which only this machine reaches.

    A socket handed over by systemd counts as one: where it is, only its unit knows. A Unix socket does not: whoever comes
    there comes by a proxy, or is no browser.
    """
    kind, arguments = _socket_of(description)
    if kind not in _LOOPBACK:
        return kind == "systemd"
    interface = arguments.get("interface", "localhost")
    try:
        return ip_address(interface).is_loopback
    except ValueError:
        return interface == "localhost"


@define
class Listener:
    """A dialect's name, where it shall listen, what makes its connections, and its port once it listens."""

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

    @property
    def reachable_from_outside(self) -> bool:
        """Whether other machines may reach it."""
        try:
            return not ip_address(getattr(self.host, "host", "127.0.0.1")).is_loopback
        except ValueError:
            return True


class Listeners:
    """All listeners, which start and stop together. `unaccepted` counts who came when no descriptor was left."""

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

    def start(self) -> None:
        """Listen everywhere, or, where one cannot, nowhere: raise `CannotListen` then.

        Every server endpoint of Twisted has its port, or its failure, by the time `listen` returns.
        """
        for listener in self._all:
            results: list[Any] = []
            listener.endpoint.listen(listener.factory).addBoth(results.append)
            result = results[0] if results else Failure(CannotListenError(None, None, "it takes its time"))
            if isinstance(result, Failure):
                self.stop().addErrback(lambda _: None)  # the process ends for a better reason
                raise CannotListen(f"{listener.name} cannot listen: {_reason(result.value)}")
            listener.port = result
            if isinstance(result, Port):
                _accept_few(result, FEW_SECURE if listener.secure else FEW)
                result._logger = Logger(namespace=__name__, observer=cast(ILogObserver, self._of_a_port))

    def _of_a_port(self, event: LogEvent) -> None:
        """Hear what a port wanted to log, three lines for each who comes when no descriptor is left: it is counted."""
        if str(event.get("log_format", "")).startswith(("EMFILE recovery", "Could not accept")):
            self._unaccepted()

    def stop(self) -> Deferred[Any]:
        """Return when none listens any more."""
        ports = [listener.port for listener in self._all if listener.port is not None]
        for listener in self._all:
            listener.port = None
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])


def _accept_few(port: Any, most: int) -> None:
    """Have the port accept at most so many in one turn of the reactor; by itself it takes a hundred, and ever more."""
    accept = port.doRead
    port.socket = accepting = _Accepting(port.socket)

    def accept_few() -> object:
        port.numberAccepts = min(port.numberAccepts, most)
        accepting.left = MOST_PASSED_OVER
        return accept()

    port.doRead = accept_few


class _Accepting:
    """A listening socket that passes over the connections that were reset before they were accepted.

    They cost a tenth of one that is served. Else who connects and resets as fast as he can keeps those who come after
    waiting, as all are accepted in the order in which they came.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.left = MOST_PASSED_OVER
        """How many more may be passed over in this turn of the reactor."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listening, name)

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next that is still there, or, after so many that are not, the next in any case."""
        connection, peer = self._listening.accept()
        while self.left and connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.left -= 1
            connection.close()
            connection, peer = self._listening.accept()
        return connection, peer


def _reason(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        cause = getattr(error.socketError, "strerror", None) or error.socketError
        return f"{error.interface}:{error.port}: {cause}" if error.port is not None else str(cause)
    return str(error)


def written(address: Any) -> str:
    """Write a listener's address the way people do."""
    if hasattr(address, "host"):
        return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
    name = getattr(address, "name", b"")
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name or address)
