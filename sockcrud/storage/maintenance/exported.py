"""An export as a source of records, with the ids and revisions that they have: of what is moved,
and of what is restored.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import IO, Final

from attrs import define, field

from sockcrud.records import Record, describe
from sockcrud.records.constraints import Whole
from sockcrud.records.schema import Schema
from sockcrud.storage.contract import Counters
from sockcrud.storage.maintenance.import_rows import (
    MOST_FAULTS,
    Fault,
    Given,
    Row,
    absent,
    read_row,
    unimportable,
)
from sockcrud.storage.maintenance.record_lines import from_lines
from sockcrud.storage.maintenance.trailer import HIGHEST_REV, BadExport, Checking, Trailer
from sockcrud.storage.moving import TOGETHER, Slices

_REV: Final = Whole(1, HIGHEST_REV)
_IN_ORDER: Final = (
    "the records of a kind one after the other, in the order of their ids, as an export has them"
)


@define
class _Block:
    """Where the lines of a kind are in the file, and the ids in there, 8 bytes each."""

    start: int
    lines_before: int
    ids: array[int] = field(factory=lambda: array("q"))

    def has(self, id: int) -> bool:
        place = bisect_left(self.ids, id)
        return place < len(self.ids) and self.ids[place] == id


class Exported:
    """A `Source` that reads the file as often as it is asked, a slice at a time. Use `check` first,
    to its end.
    """

    unknown_kinds: tuple[str, ...] = ()

    def __init__(
        self, file: IO[bytes], schema: Schema, place: str, together: int = TOGETHER
    ) -> None:
        self.place = place
        self.kinds = schema.journaled
        self.counters = Counters(0, {})
        self.trailer: Trailer | None = None
        self._file = file
        self._together = together
        self._schema = schema
        self._blocks: dict[type[Record], _Block] = {}

    def check(self, whole: bool = False) -> Iterator[int]:
        """Yield how many bytes were read, line by line, until all of it was found in order.

        Raise `Unimportable` where a record is not, and `BadExport` where the trailer does not fit,
        or where the export is to be `whole`, and there is no trailer, or one that says that there
        are no hashes of passwords.
        """
        checking, faults, rev, start = Checking(), list[Fault](), 0, 0
        self._blocks.clear()
        self._file.seek(0)
        for entry in from_lines(self._file, checking):
            if row := self._read(entry, faults):
                self._note(row, start, faults)
                rev = max(rev, row.rev)
            if len(faults) > MOST_FAULTS:
                break
            yield (start := self._file.tell())
        else:
            self.trailer = checking.trailer
            if whole:
                self._require_whole()
        if faults:
            raise unimportable(faults)
        given = Counters(0, {}) if self.trailer is None else self.trailer.counters(self.kinds)
        last = {
            kind: self._blocks[kind].ids[-1] if kind in self._blocks else 0 for kind in self.kinds
        }
        highest = {kind: max(id, given.highest.get(kind, 0), 0) for kind, id in last.items()}
        self.counters = Counters(max(rev, given.rev), highest)

    def _require_whole(self) -> None:
        if self.trailer is None:
            raise BadExport(
                "the export is cut off, or from before there was a trailer: its last line is none"
            )
        if not self.trailer.secrets:
            raise BadExport(
                "the export has no hashes of passwords, so that nobody could log in: make one "
                "with --secrets"
            )
        if dict(self.trailer.records) != {
            kind.__name__: len(block.ids) for kind, block in self._blocks.items()
        }:
            raise BadExport("there are several exports in there: restore one")

    def _read(self, entry: Given | Fault, faults: list[Fault]) -> Row | None:
        """Return the row of a line that is in order."""
        before = len(faults)
        row = read_row(self._schema, entry, faults)
        if row is None or isinstance(entry, Fault):
            return None
        if not _REV.fits(row.rev):
            faults.append(Fault(row.line, "rev", f"{_REV.expects}, as an export has it"))
        declared = describe(row.kind)
        for name in declared.secrets - entry.fields.keys() - declared.defaults.keys():
            faults.append(Fault(row.line, name, "what an export with --secrets has"))
        return row if len(faults) == before else None

    def _note(self, row: Row, start: int, faults: list[Fault]) -> None:
        block = self._blocks.get(row.kind)
        if block is None:
            block = self._blocks[row.kind] = _Block(start, row.line - 1)
        elif row.kind is not next(reversed(self._blocks)) or row.id <= block.ids[-1]:
            faults.append(Fault(row.line, "id", _IN_ORDER))
            return
        block.ids.append(row.id)

    def size(self, kind: type[Record]) -> int:
        return len(self._blocks[kind].ids) if kind in self._blocks else 0

    def read(self, kind: type[Record]) -> Slices:
        if (block := self._blocks.get(kind)) is None:
            return
        self._file.seek(block.start)
        entries = islice(from_lines(self._file, number=block.lines_before), len(block.ids))
        while some := list(islice(entries, self._together)):
            faults = list[Fault]()
            rows = [row for entry in some if (row := self._read(entry, faults))]
            faults += [fault for row in rows for fault in self._leads_nowhere(row)]
            if faults:
                raise unimportable(faults)
            yield [row.record(row.rev) for row in rows]

    def _leads_nowhere(self, row: Row) -> Iterator[Fault]:
        for name, reference in describe(row.kind).references.items():
            block = self._blocks.get(reference.kind)
            if block is None or not block.has(row.fields[name]):
                yield absent(row.line, row.kind, name)

    def history(self) -> Iterator[bytes]:
        return iter(())
