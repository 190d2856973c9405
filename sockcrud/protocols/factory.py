"""What makes the connections of one wire format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from sockcrud.protocols.admission import Listening
from sockcrud.protocols.connection import Connection, Limits

Responder = TypeVar("Responder")
Made = TypeVar("Made", bound=Connection[Any])
AnyLimits = TypeVar("AnyLimits", bound=Limits)


class ConnectionFactory(Factory, ABC, Generic[Responder, AnyLimits, Made]):
    """Makes the connections of one dialect. `responder` gets the address of the peer, and stands
    behind one connection.
    """

    noisy = False

    def __init__(
        self,
        responder: Callable[[str], Responder],
        clock: IReactorTime,
        connections: Listening,
        limits: AnyLimits,
    ) -> None:
        self.responder = responder
        self._clock = clock
        self._connections = connections
        self._limits = limits

    def buildProtocol(self, addr: IAddress | None) -> Made:
        peer = getattr(addr, "host", "")
        return self.connect(self.responder(peer), peer)

    @abstractmethod
    def connect(self, responder: Responder, peer: str) -> Made:
        """Return a connection with this behind it."""
