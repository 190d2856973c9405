"""How much a transport holds that its socket has not taken."""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.protocols.tls import TLSMemoryBIOProtocol


def backlog(transport: Any) -> int:
    """Return the bytes that were written to this transport and not sent, 0 where it cannot be told.

    Twisted tells producers whether it is much, and nobody how much: so this looks where it keeps them.
    """
    if isinstance(transport, TLSMemoryBIOProtocol):
        return sum(map(len, transport._appSendBuffer)) + backlog(transport.transport)
    if isinstance(transport, FileDescriptor):
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    unsent = getattr(transport, "unsent_bytes", None)
    return 0 if unsent is None else int(unsent())
