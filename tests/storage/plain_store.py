"""The store as plain dictionaries, written to be obviously right: what the real ones are compared
with.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import attrs
from attrs import frozen

from sockcrud.errors import DomainError, HistoryGone, NotFound, Outdated, StillReferred, Taken
from sockcrud.records import Record, evolve
from sockcrud.records.constraints import INT64
from sockcrud.storage.contract import Change, IChanges, Where
from tests.support.model import KINDS, describe


@frozen
class Insert:
    """A record to insert."""

    kind: type[Record]
    id: int | None
    fields: dict[str, Any]

    async def apply(self, to: IChanges) -> Record | None:
        return await to.insert(self.kind, self.id, **self.fields)


@frozen
class Update:
    """Fields to change."""

    kind: type[Record]
    id: int
    expect: int | None
    fields: dict[str, Any]

    async def apply(self, to: IChanges) -> Record | None:
        return await to.update(self.kind, self.id, self.expect, **self.fields)


@frozen
class Delete:
    """A record to delete."""

    kind: type[Record]
    id: int
    expect: int | None

    async def apply(self, to: IChanges) -> Record | None:
        await to.delete(self.kind, self.id, self.expect)
        return None


Step = Insert | Update | Delete


RIGHT = -1
"""As the revision to expect: whichever the record has."""


class PlainStore:
    """Every record by kind and id, and every change there ever was."""

    def __init__(self, history: int) -> None:
        self.rev = 0
        self._bound = history
        self._records: dict[type[Record], dict[int, Record]] = {kind: {} for kind in KINDS}
        self._highest = dict.fromkeys(KINDS, 0)
        self._changes: list[Change] = []

    def copy(self) -> PlainStore:
        """Return a store that goes its own way from here."""
        other = copy(self)
        other._records = {kind: dict(records) for kind, records in self._records.items()}
        other._highest, other._changes = dict(self._highest), list(self._changes)
        return other

    def all(self, kind: type[Record]) -> dict[int, Record]:
        """Return the records of a kind in the order of their ids."""
        return dict(sorted(self._records[kind].items()))

    def page(
        self, kind: type[Record], limit: int | None, after: int | None, where: Where | None
    ) -> list[Record]:
        return [
            record
            for id, record in self.all(kind).items()
            if (after is None or id > after)
            and (where is None or getattr(record, where.field) == where.value)
        ][:limit]

    def find(self, kind: type[Record], field: str, value: Any) -> Record | None:
        normalize = describe(kind).uniques[field]
        owners = [
            record
            for record in self._records[kind].values()
            if normalize(getattr(record, field)) == normalize(value)
        ]
        assert len(owners) <= 1
        return owners[0] if owners else None

    def changes(self, since: int, limit: int) -> list[Change] | HistoryGone:
        """Return the changes, or the reason to refuse them."""
        forgotten = self._changes[: max(0, len(self._changes) - self._bound)]
        oldest = forgotten[-1].rev if forgotten else 0
        if not oldest <= since <= self.rev:
            return HistoryGone(since, oldest, self.rev)
        return [change for change in self._changes if change.rev > since][:limit]

    def resolved(self, step: Step) -> Step:
        """Return the step with the revision in place of RIGHT."""
        if isinstance(step, Insert) or step.expect != RIGHT:
            return step
        record = self._records[step.kind].get(step.id)
        return attrs.evolve(step, expect=None if record is None else record.rev)

    def refusals(self, step: Step) -> list[DomainError]:
        """Return every reason to refuse a step: a store may name any of them."""
        if isinstance(step, Insert):
            id_taken = (
                [Taken(step.kind.__name__, "id")] if step.id in self._records[step.kind] else []
            )
            return [*id_taken, *self._broken_rules(step)]
        record = self._records[step.kind].get(step.id)
        if record is None:
            return [NotFound(step.kind.__name__, step.id)]
        outdated = (
            [Outdated(step.expect, record.rev)] if step.expect not in (None, record.rev) else []
        )
        return [
            *outdated,
            *(self._broken_rules(step) if isinstance(step, Update) else self._holders(step)),
        ]

    def _broken_rules(self, step: Insert | Update) -> Iterator[DomainError]:
        kind = describe(step.kind)
        for name in kind.uniques.keys() & step.fields.keys():
            owner = self.find(step.kind, name, step.fields[name])
            if owner is not None and (isinstance(step, Insert) or owner.id != step.id):
                yield Taken(kind.name, name)
        for name in kind.references.keys() & step.fields.keys():
            if step.fields[name] not in self._records[kind.references[name].kind]:
                yield NotFound(kind.references[name].kind.__name__, step.fields[name])

    def _holders(self, step: Delete) -> Iterator[DomainError]:
        for other, name, cascade in describe(step.kind).referred_by:
            if not cascade and self.page(other, None, None, Where(name, step.id)):
                yield StillReferred(step.kind.__name__, step.id, other.__name__)

    def apply(self, step: Step) -> Record | None:
        """Take a step that nothing refuses, and return the new record."""
        if isinstance(step, Delete):
            self._delete(step.kind, step.id)
            return None
        if isinstance(step, Insert):
            id = self._free_id(step.kind) if step.id is None else step.id
            self._highest[step.kind] = max(self._highest[step.kind], id)
            record = step.kind(id=id, rev=self.rev + 1, **step.fields)
        else:
            record = evolve(self._records[step.kind][step.id], rev=self.rev + 1, **step.fields)
        self._records[step.kind][record.id] = record
        self._note(step.kind, record.id, record)
        return record

    def _delete(self, kind: type[Record], id: int) -> None:
        for other, name, _ in describe(kind).referred_by:
            for record in self.page(other, None, None, Where(name, id)):
                self._delete(other, record.id)
        del self._records[kind][id]
        self._note(kind, id, None)

    def _free_id(self, kind: type[Record]) -> int:
        id = self._highest[kind] + 1
        if id not in INT64:
            id = next(id for id in range(1, INT64.stop) if id not in self._records[kind])
        return id

    def _note(self, kind: type[Record], id: int, record: Record | None) -> None:
        self.rev += 1
        if describe(kind).journaled:
            self._changes.append(Change(self.rev, kind, id, record))
