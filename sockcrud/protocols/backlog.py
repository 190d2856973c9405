"""What Twisted's transports do not tell: how much they hold that was not sent, and whether the peer
has gone meanwhile.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.protocols.tls import TLSMemoryBIOProtocol


def backlog(transport: Any) -> int:
    """Return the bytes that were written to this transport and not sent, 0 where it cannot be told.

    Twisted tells producers whether it is much, and nobody how much: so this looks where it keeps
    them.
    """
    if isinstance(transport, TLSMemoryBIOProtocol):
        return sum(map(len, transport._appSendBuffer)) + backlog(transport.transport)
    if isinstance(transport, FileDescriptor):
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    unsent = getattr(transport, "unsent_bytes", None)
    return 0 if unsent is None else int(unsent())


def was_reset(transport: Any) -> bool:
    """Return whether the peer has reset the connection, which nobody hears of while nothing is read
    from it.
    """
    if isinstance(transport, TLSMemoryBIOProtocol):
        return was_reset(transport.transport)
    handle = getattr(transport, "getHandle", None)
    try:
        return handle is not None and handle().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
    except (OSError, AttributeError):
        return False
