"""Reactors that listen in another way than the one they stand for. An endpoint takes them for a
reactor."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocolFactory


class ListensOtherwise:
    """A reactor that does all as another one does, but listens as its subclass says, with TLS
    above."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    @property
    def plain_tcp(self) -> Any:
        """What listens faster where nothing but TCP is asked for, if the reactor has such."""
        return self._over(getattr(self._reactor, "plain_tcp", self._reactor))

    def _over(self, reactor: Any) -> Any:
        """Return one like this over another reactor."""
        raise NotImplementedError

    def listenTCP(self, port: int, factory: IProtocolFactory, *given: Any, **more: Any) -> Any:
        """Listen on a port."""
        raise NotImplementedError

    def listenSSL(
        self, port: int, factory: IProtocolFactory, contexts: Any, *given: Any, **more: Any
    ) -> Any:
        """Listen on a port, with TLS above what that is."""
        from twisted.protocols.tls import TLSMemoryBIOFactory  # late: only who has TLS needs it

        # As every reactor of Twisted does it, but for the `listenTCP`, which is this one's.
        return self.listenTCP(port, TLSMemoryBIOFactory(contexts, False, factory), *given, **more)
