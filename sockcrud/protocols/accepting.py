"""How many connections a listener accepts before it is the turn of others."""

from __future__ import annotations

import socket
from typing import Any, Final

FEW: Final = 8
FEW_SECURE: Final = 4
"""Connections that a listener accepts in one turn of the reactor: each takes 0.1 to 0.2 ms to set
up, with TLS four times that, and whoever is connected already waits meanwhile. Those that wait to
be accepted wait no longer for it: the turns are as much shorter."""

MOST_PASSED_OVER: Final = 64
"""Connections that are passed over in one turn of the reactor, at most: each takes 0.03 ms."""


def accept_few(port: Any, most: int) -> None:
    """Have the port accept at most so many in one turn of the reactor; by itself it takes a
    hundred, and ever more.
    """
    accept = port.doRead
    port.socket = accepting = Accepting(port.socket)

    def accept_some() -> object:
        port.numberAccepts = min(port.numberAccepts, most)
        accepting.left = MOST_PASSED_OVER
        return accept()

    port.doRead = accept_some


class Accepting:
    """A listening socket that passes over the connections that were reset before they were
    accepted.

    They cost a tenth of one that is served. Else who connects and resets as fast as he can keeps
    those who come after waiting, as all are accepted in the order in which they came.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.left = MOST_PASSED_OVER
        """How many more may be passed over in this turn of the reactor."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listening, name)

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next that is still there, or, after so many that are not, the next in any
        case.
        """
        connection, peer = self._listening.accept()
        while self.left and connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.left -= 1
            connection.close()
            connection, peer = self._listening.accept()
        return connection, peer
