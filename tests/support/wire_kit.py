# mypy: allow-untyped-calls
"""What a dialect is served by, without a daemon: and connections to it in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import Factory, define, evolve, frozen
from twisted.internet.task import Clock

from sockcrud.protocols.admission import Listening
from sockcrud.protocols.json.objects import JSONLimits
from tests.support.connection_kit import ConnectionCase, Peer


@frozen
class Named:
    """What stands in for a dialect's declaration."""

    name: str


@define
class Served:
    """What stands in for `sockcrud.serving.Serving`, as far as a dialect of lines asks for it."""

    dialect: Named
    clock: Clock
    connections: Listening
    json_limits: JSONLimits = Factory(JSONLimits)
    access: Any = None
    store: Any = None
    logins: Any = None


class WireCase(ConnectionCase):
    """As many connections as a test wants to a dialect of one's own."""

    def served(self, name: str = "test", **more: Any) -> Served:
        return Served(Named(name), self.clock, Listening(self.connections), **more)

    def peer(
        self, dialect: type[Any], served: Served | None = None, tcp: bool = False, **limits: Any
    ) -> Peer:
        """Return a new connection to the dialect."""
        served = served or self.served()
        served.json_limits = evolve(served.json_limits, **limits)
        factory = dialect.factory(served)
        return Peer(factory.buildProtocol(None), tcp)

    def spoken(self, connect: Callable[[], Peer], pieces: list[bytes], end: bool = False) -> bytes:
        """Return what a new connection answers to these pieces, each of them fed by itself."""
        peer, said = connect(), b""
        for piece in pieces:
            said += peer.ask(piece)
        if end:
            peer.half_close()
        self.turn(3)
        said += peer.hear()
        peer.vanish()
        return said
