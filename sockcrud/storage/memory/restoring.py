"""Tables in memory as an end of a move: new ones, that take the place of those of a store once they
are full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sockcrud.records import Record
from sockcrud.storage.contract import Counters
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.moving import Slices

TOGETHER = 200
"""Records that are read at once: others have their turn in between."""


class TablesEnd:
    """What a move reads and fills."""

    place = "the store"

    def __init__(self, tables: Tables) -> None:
        self.kinds = tables.schema.kinds
        self._tables = tables

    @property
    def counters(self) -> Counters:
        return self._tables.counters

    def size(self, kind: type[Record]) -> int:
        return self._tables.table(kind).size

    def read(self, kind: type[Record]) -> Slices:
        after = None
        while records := self._tables.page(kind, TOGETHER, after, None):
            yield records
            after = records[-1].id

    def clear(self) -> None:
        """New tables have nothing in them."""

    def write(self, kind: type[Record], records: Sequence[Record]) -> None:
        for record in records:
            self._tables.adopt(record)

    def count_on(self, counters: Counters, history: Iterator[bytes]) -> None:
        self._tables.count_on(counters)

    def keep(self) -> None:
        """The store takes them, in the turn in which it looks whether it is still as it was."""
