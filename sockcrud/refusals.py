"""The log of what is refused: for whom, where, and why, and never a value that was sent.

A stranger can be refused as often as he likes, so each peer has so many lines a second, and all
together some more; what is beyond that is counted, and the counts are logged.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from twisted.logger import Logger

from sockcrud.errors import DomainError, Invalid
from sockcrud.peers import peer_of

LINES: Final = 5
"""Lines a second for a peer."""
LINES_OF_ALL: Final = 100
"""Lines a second for all peers together: each takes some 50 us."""
PEERS: Final = 10_000
"""Peers that are counted apart within a second; further ones are counted as one."""
NAMED: Final = 10
"""Peers that are named with their counts, those refused most; the others are added up."""

NO_OPERATION: Final = "-"
"""Where a request is refused before it is known what it asks for."""
_OTHERS: Final = "others"
_LONGEST_FIELD: Final = 60

_log: Final = Logger()


class Refusals:
    """Takes note of refusals. `lines` a second are logged of each peer, none at all where it is
    0.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.lines = LINES
        self.observer: Callable[[str, str, str, str, str], None] | None = None
        """Hears of each refusal: dialect, address, operation, reason, field."""
        self._now = now
        self._second = 0
        self._logged = 0
        self._counts: dict[str, int] = {}
        self._unlogged: dict[str, int] = {}

    def note(
        self, dialect: str, address: str, operation: str, reason: str, field: str = ""
    ) -> None:
        """Log a refusal, or count it. Neither reason nor field may hold what was sent, but for the
        name of a field.
        """
        if self.observer is not None:
            self.observer(dialect, address, operation, reason, field)
        if not self.lines:
            return
        second = int(self._now())
        if second != self._second:
            self.flush()
            self._second = second
        peer = peer_of(address)
        if peer not in self._counts and len(self._counts) >= PEERS:
            peer = _OTHERS
        count = self._counts.get(peer, 0) + 1
        self._counts[peer] = count
        if count > self.lines or self._logged >= LINES_OF_ALL:
            self._unlogged[peer] = self._unlogged.get(peer, 0) + 1
            return
        self._logged += 1
        _log.info(
            "refused: {dialect} {peer} {operation}{at} {reason}",
            dialect=dialect,
            peer=address or "a Unix socket",
            operation=operation,
            at=f" {field[:_LONGEST_FIELD]!r}:" if field else "",
            field=field[:_LONGEST_FIELD] or None,
            reason=reason,
        )

    def note_error(self, dialect: str, address: str, operation: str, error: DomainError) -> None:
        """Log an error that a request ends with, or count it; once, wherever on its way it is
        caught.
        """
        if not error.noted:
            error.noted = True
            if isinstance(error, Invalid):
                self.note(dialect, address, operation, f"expected {error.expected}", error.field)
            else:
                self.note(dialect, address, operation, error.outcome)

    def flush(self) -> None:
        """Log the counts of what was not logged in the second that is over."""
        unlogged, self._unlogged = self._unlogged, {}
        self._counts.clear()
        self._logged = 0
        most = sorted(unlogged, key=unlogged.__getitem__, reverse=True)
        for peer in most[:NAMED]:
            _log.info(
                "refused: {peer} {count} requests more",
                peer=peer or "a Unix socket",
                count=unlogged[peer],
            )
        if others := sum(unlogged[peer] for peer in most[NAMED:]):
            _log.info("refused: {peer} {count} requests more", peer=_OTHERS, count=others)


refusals: Final = Refusals()
"""Those of this process, as its log is."""
