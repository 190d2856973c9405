"""Whether something could listen as described, here and now."""

from __future__ import annotations

import os
import socket
from errno import EACCES, ENOENT
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from sockcrud.protocols.listen import CannotListen, endpoint, reason_of


def try_listening(description: str) -> None:
    """Raise `CannotListen` where nothing could listen as described now. A port is bound for that,
    and let go of.
    """
    results: list[Any] = []
    endpoint(description, Trial()).listen(Factory()).addBoth(results.append)
    if results and isinstance(results[0], Failure):
        raise CannotListen(reason_of(results[0].value))


class Trial:
    """A reactor that listens nowhere, and says whether it could."""

    def listenTCP(self, port: int, factory: object, backlog: int = 0, interface: str = "") -> None:
        """Raise `CannotListenError` where the port cannot be had."""
        try:
            with socket.socket(socket.AF_INET6 if ":" in interface else socket.AF_INET) as trial:
                if (
                    os.name == "posix"
                ):  # as the listener itself: ports of connections that have ended may be had
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind((interface, port))
        except OSError as error:
            raise CannotListenError(interface, port, error) from None

    def listenSSL(self, port: int, factory: object, contextFactory: object, **more: Any) -> None:
        """Raise `CannotListenError` where the port cannot be had."""
        self.listenTCP(port, factory, **more)

    def adoptStreamPort(self, *given: Any) -> None:
        """Do nothing: that one listens already."""

    def listenUNIX(self, address: Any, factory: object, **more: Any) -> None:
        """Raise OSError where no socket can be made there."""
        folder = os.path.dirname(os.path.abspath(os.fsdecode(address)))
        if not os.path.isdir(folder):
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), address, None, address)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, os.strerror(EACCES), address, None, address)
