"""How much a store takes and keeps, so that nobody fills the memory, or the disk, that all
share.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from sockcrud.records import Record

MIB: Final = 2**20
_ACCOUNT: Final = "Account"


@frozen
class Capacity:
    """The quotas of a store, and what it may keep beside its records."""

    records: int = 5_000_000
    """Records of a kind: so many users take some 3 GB."""

    accounts: int = 100_000
    """Accounts, which anybody may make while sign-up is open."""

    record_bytes: int = 4096 * MIB
    """About the bytes that all records take together in memory, or would take there. With more no
    record is taken, and none that grows, but for sessions: an admin can always log in and delete
    something."""

    history_bytes: int = 64 * MIB
    """Bytes of the changes that are kept for `changes(since)`. Each keeps what its record was then:
    little where that still stands, and as much as the records are long where they are changed or
    deleted again and again."""

    list_bytes: int = 64 * MIB
    """Bytes of older records that the lists being read may keep alive in memory, all together. (A
    database keeps its own.)
    """

    def most(self, kind: type[Record]) -> int:
        """Return how many records of a kind there may be."""
        return self.accounts if kind.__name__ == _ACCOUNT else self.records


STANDARD: Final = Capacity()
UNLIMITED: Final = Capacity(*[2**63] * 5)
