"""Where the daemon listens: endpoint descriptions, kept to this machine unless they say otherwise."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any, Final

from attrs import define, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

_LOOPBACK: Final = {"tcp": "127.0.0.1", "ssl": "127.0.0.1", "tls": "127.0.0.1", "tcp6": r"\:\:1"}


class CannotListen(Exception):
    """A listener that cannot be had, in one line."""


def endpoint(description: str, reactor: Any) -> IStreamServerEndpoint:
    """Make the endpoint of a description; raise `CannotListen` for one that is none.

    Without `interface=` it is on the loopback address: nothing is open to the world by oversight.
    """
    kind = description.partition(":")[0].lower()
    if kind in _LOOPBACK and not re.search(r"(?<!\\):interface=", description):
        description += f":interface={_LOOPBACK[kind]}"
    try:
        made: IStreamServerEndpoint = serverFromString(reactor, description)
    except Exception as error:
        raise CannotListen(f"{description!r} is no endpoint description such as tcp:8080 ({error})") from None
    return made


@frozen
class Listener:
    """A dialect's name, where it shall listen, and what makes its connections."""

    name: str
    endpoint: IStreamServerEndpoint
    factory: IProtocolFactory


@define
class OpenListener:
    """A listener that listens."""

    name: str
    port: IListeningPort

    @property
    def host(self) -> IAddress:
        """The address it has, its port number included."""
        address: IAddress = self.port.getHost()
        return address

    @property
    def reachable_from_outside(self) -> bool:
        """Whether other machines may reach it."""
        try:
            return not ip_address(getattr(self.host, "host", "127.0.0.1")).is_loopback
        except ValueError:
            return True


def listen(listeners: list[Listener]) -> list[OpenListener]:
    """Listen everywhere, or, where one cannot, nowhere: raise `CannotListen` then.

    Every server endpoint of Twisted has its port, or its failure, by the time `listen` returns.
    """
    opened: list[OpenListener] = []
    for listener in listeners:
        results: list[Any] = []
        listener.endpoint.listen(listener.factory).addBoth(results.append)
        result = results[0] if results else Failure(CannotListenError(None, None, "it takes its time"))
        if isinstance(result, Failure):
            for open in opened:
                open.port.stopListening()
            raise CannotListen(f"{listener.name} cannot listen: {_reason(result.value)}")
        opened.append(OpenListener(listener.name, result))
    return opened


def stop_listening(opened: list[OpenListener]) -> Deferred[Any]:
    """Fire when none of them listens any more."""
    return gatherResults([Deferred.fromCoroutine(_stopped(open.port)) for open in opened])


async def _stopped(port: IListeningPort) -> None:
    stopping = port.stopListening()
    if stopping is not None:
        await stopping


def _reason(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        cause = getattr(error.socketError, "strerror", None) or error.socketError
        return f"{error.interface}:{error.port}: {cause}" if error.port is not None else str(cause)
    return str(error)
