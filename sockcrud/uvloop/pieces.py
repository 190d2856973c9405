"""Reading in pieces: what thousands send at once is read over several turns of the event loop."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Any, Final, Protocol

FULL_READ: Final = 64 * 1024
"""Bytes that came at once from a peer that sends faster than they are read. (uvloop reads up to
256,000.)"""
PIECE: Final = 4 * 1024
"""Bytes that are read at once in a turn in which many send much. With 64 KB, for which new memory
alone takes 50 us, five hundred peers at the same moment kept all others waiting for 60 to 90 ms."""
PIECES_A_TURN: Final = 1024 * 1024
"""Bytes of one turn from which on there are many."""


class Pieces:
    """Where all connections that are read in pieces are read to, one after the other."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._large = memoryview(bytearray(FULL_READ))
        self._small = self._large[:PIECE]
        self.room = self._large
        """The memory that the next is read to."""
        self._read = 0  # bytes, in this turn

    def take(self, length: int) -> tuple[bytes, bool]:
        """Return what was read to `room`, and whether there may be more of it."""
        data, is_full = bytes(self.room[:length]), length == len(self.room)
        if not self._read:
            self._loop.call_soon(self._next_turn)
        self._read += length
        if self._read > PIECES_A_TURN:
            self.room = self._small
        return data, is_full

    def _next_turn(self) -> None:
        self._read = 0
        self.room = self._large


class Hearing(Protocol):
    """A transport that is read in pieces."""

    def piece_received(self, data: bytes, is_full: bool, for_good: bool) -> None:
        """Take what the peer has said; where the piece is full, there may be more."""


class InPieces:
    """An asyncio BufferedProtocol, and in all but reading the transport itself.

    uvloop asks it before each read where to read to. That makes each read dearer, so that a peer
    which began with little is read from without; one that has sent much once, `for_good` with it.
    """

    __slots__ = ("_for_good", "_pieces", "_transport")

    def __init__(self, transport: Hearing, pieces: Pieces, for_good: bool = False) -> None:
        self._transport = transport
        self._pieces = pieces
        self._for_good = for_good

    def get_buffer(self, hint: int) -> memoryview:
        """Return the memory to read to."""
        return self._pieces.room

    def buffer_updated(self, length: int) -> None:
        """So many bytes were read to it."""
        data, is_full = self._pieces.take(length)
        self._transport.piece_received(data, is_full, self._for_good)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
