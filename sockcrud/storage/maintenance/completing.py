"""What a record lacks that somebody has written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final

from sockcrud.records import Record, describe
from sockcrud.records.constraints import Moment
from sockcrud.records.schema import Schema
from sockcrud.storage.maintenance.import_rows import Fault, Given

STAMPS: Final = ("created_at", "updated_at")
"""When a record was made and changed last, which who writes one by hand does not say."""


class Completing:
    """Gives ids and moments to what lacks them: ids above all that were ever given out."""

    def __init__(
        self, schema: Schema, highest: Mapping[type[Record], int], now: datetime | None = None
    ) -> None:
        self._schema = schema
        self._highest = dict(highest)
        self._now = (now or datetime.now(timezone.utc)).isoformat()

    def complete(self, entry: Given | Fault) -> Given | Fault:
        """Return the entry with what it lacked."""
        if isinstance(entry, Fault):
            return entry
        name = entry.fields.get("kind")
        kind = self._schema.by_name.get(name) if isinstance(name, str) else None
        if kind is None:
            return entry
        highest, given = self._highest.get(kind, 0), entry.fields.get("id", None)
        more: dict[str, object] = {}
        if "id" not in entry.fields:
            more["id"] = given = highest + 1
        if type(given) is int and given > highest:
            self._highest[kind] = given
        declared = describe(kind).constraints
        for stamp in STAMPS:
            if stamp not in entry.fields and isinstance(declared.get(stamp), Moment):
                more[stamp] = self._now
        return Given(entry.line, {**entry.fields, **more}) if more else entry
