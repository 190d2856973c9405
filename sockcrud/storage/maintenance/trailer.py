"""The last line of an export: what came before it, so that a file that was cut off or changed is
found out.

It says how many records there are of each kind, the SHA-256 of the lines before it, whether the
hashes of passwords are in them, and what their store had given out: the latest revision, and the
highest id of each kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import orjson
from attrs import frozen

from sockcrud.errors import DomainError
from sockcrud.records import Record
from sockcrud.records.constraints import INT64, Whole
from sockcrud.storage.contract import Counters

TRAILER: Final = "trailer"
"""The one field of that line. No record has a line without a `kind`, so whoever looks for records
passes it over.
"""

DIGEST: Final = "sha256:"
HIGHEST_REV: Final = INT64.stop // 2
"""It leaves room for as many again."""
_REV: Final = Whole(0, HIGHEST_REV)
_HIGHEST: Final = Whole(0, INT64.stop - 1)


class BadExport(DomainError):
    """An export that is cut off, or was changed, or lacks what it takes to restore a store from it.
    In one line.
    """

    outcome = "bad_export"


class NotFresh(DomainError):
    """A store that has records of its own is not restored. In one line."""

    outcome = "not_empty"


@frozen
class Trailer:
    """What an export says of itself."""

    records: Mapping[str, int]
    highest: Mapping[str, int]
    rev: int
    secrets: bool
    digest: str

    @property
    def line(self) -> bytes:
        fields = {
            name: getattr(self, name) for name in ("records", "highest", "rev", "secrets", "digest")
        }
        return orjson.dumps({TRAILER: fields}, option=orjson.OPT_APPEND_NEWLINE)

    def counters(self, kinds: Sequence[type[Record]]) -> Counters:
        """Return what the store had given out of these kinds."""
        return Counters(self.rev, {kind: self.highest.get(kind.__name__, 0) for kind in kinds})


class Checking:
    """Reads along with the lines of an export, and holds its trailer against them.

    Several exports may come one after the other, and lines without a trailer behind them.
    """

    def __init__(self) -> None:
        self.trailer: Trailer | None = None
        """That of all that was read, where there is one."""
        self._begin()

    def _begin(self) -> None:
        self._counts: Counter[object] = Counter()
        self._hash = sha256()

    def passed(self, line: bytes, kind: object) -> None:
        """Take note of a line that is no trailer, of a record of this kind."""
        self.trailer = None
        self._hash.update(line)
        if isinstance(kind, str):
            self._counts[kind] += 1

    def check(self, number: int, fields: Mapping[str, Any]) -> None:
        """Take the trailer in this line; raise `BadExport` where it does not fit what was read
        since the one before.
        """
        trailer = _read(number, fields)
        counts, digest = dict(self._counts), DIGEST + self._hash.hexdigest()
        self._begin()
        if counts != dict(trailer.records):
            there, said = (_format(each) for each in (counts, trailer.records))
            raise BadExport(
                f"the export lacks records, or has too many: line {number} says {said}, and "
                f"there are {there}"
            )
        if digest != trailer.digest:
            raise BadExport(
                f"the export was changed since it was made: its digest is not what line {number} "
                f"says"
                " (to import what was changed on purpose, take that line away)"
            )
        self.trailer = trailer


def _format(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "none"


def _read(number: int, fields: Mapping[str, Any]) -> Trailer:
    given = fields[TRAILER]
    bad = BadExport(f"line {number} is not the trailer of an export: expected it as it was written")
    if (
        not isinstance(given, dict)
        or given.keys() != {"records", "highest", "rev", "secrets", "digest"}
        or len(fields) != 1
    ):
        raise bad
    counts = [given["records"], given["highest"]]
    if not all(
        isinstance(each, dict) and all(map(_HIGHEST.fits, each.values())) for each in counts
    ):
        raise bad
    if (
        not _REV.fits(given["rev"])
        or type(given["secrets"]) is not bool
        or not isinstance(given["digest"], str)
    ):
        raise bad
    return Trailer(**given)
