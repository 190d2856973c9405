"""Listening sockets that several processes share: made once, and handed to each."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.python.failure import Failure

from sockcrud.protocols.listen import CannotListen, endpoint, reason_of
from sockcrud.protocols.reactors import ListensOtherwise

Sockets = Mapping[str, "socket.socket | None"]
"""By the dialect; None where each process has its own way to it, as with a socket of systemd."""


def bound(where: str) -> socket.socket | None:
    """Return a socket that listens as described; raise `CannotListen`."""
    binding = _Binding()
    results: list[Any] = []
    endpoint(where, binding).listen(Factory()).addBoth(results.append)
    if results and isinstance(results[0], Failure):
        raise CannotListen(reason_of(results[0].value))
    return binding.made


class _Binding:
    """A reactor that makes the socket, and nothing of it."""

    made: socket.socket | None = None

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> None:
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        made = socket.socket(family)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((interface, port))
        except OSError as error:
            made.close()
            raise CannotListenError(interface, port, error) from None
        self._listen(made, backlog)

    def listenSSL(self, port: int, factory: object, contexts: Any, **more: Any) -> None:
        self.listenTCP(port, factory, **more)

    def listenUNIX(
        self, address: Any, factory: object, backlog: int = 50, mode: int = 0o600, wantPID: int = 0
    ) -> None:
        path = os.fsdecode(address)
        made = socket.socket(socket.AF_UNIX)
        try:
            if _is_left_over(path):
                os.unlink(path)
            made.bind(path)
            os.chmod(path, mode)
        except OSError as error:
            made.close()
            raise CannotListenError(None, path, error) from None
        self._listen(made, backlog)

    def adoptStreamPort(self, *given: Any) -> None:
        """Do nothing: every process has that one."""

    def _listen(self, made: socket.socket, backlog: int) -> None:
        made.listen(backlog)
        made.setblocking(False)
        self.made = made


def _is_left_over(path: str) -> bool:
    """Return whether nobody listens any more on the Unix socket of this path."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            return True
    return False


class Inherited(ListensOtherwise):
    """A reactor that listens on a socket that there is already."""

    def __init__(self, reactor: Any, listening: socket.socket) -> None:
        super().__init__(reactor)
        self._socket = listening

    def _over(self, reactor: Any) -> Inherited:
        return Inherited(reactor, self._socket)

    def listenTCP(self, port: int, factory: IProtocolFactory, *given: Any, **more: Any) -> Any:
        return self._adopt(factory)

    def listenUNIX(self, address: Any, factory: IProtocolFactory, *given: Any, **more: Any) -> Any:
        return self._adopt(factory)

    def _adopt(self, factory: IProtocolFactory) -> Any:
        family = self._socket.family
        port = self._reactor.adoptStreamPort(self._socket.fileno(), family, factory)
        if family == socket.AF_UNIX:
            # Twisted's own would remove the path, which is there for the others still.
            port.connectionLost = partial(Port.connectionLost, port)
        return port
