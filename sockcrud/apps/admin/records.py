"""The records of all apps, as admins look at them, and change them by the apps' own operations.

Accounts, companies and sessions are not among them: these have operations of their own, which keep
what must hold of them. Nor are the secrets of a record, which nobody is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.app import Apps, Editing, resolve
from sockcrud.errors import DomainError, Forbidden, Invalid, NotFound, Outdated
from sockcrud.records import Record
from sockcrud.records.json_fields import json_value, whole
from sockcrud.records.schema import Kind
from sockcrud.storage.contract import IStore, Where

if TYPE_CHECKING:
    from sockcrud.generic.operations import Operations

MOST_DEPENDENTS: Final = 200
"""Records that are looked at to tell what goes with one: with more, it is said that there are."""


class ReadOnly(Forbidden):
    """The app has no operation for that."""


@frozen
class Shelf:
    """The records of one kind: whose they are, how they are listed, how they are changed."""

    app: str
    kind: type[Record]
    declared: Kind
    reading: Operations
    editing: Editing


@frozen
class Counted:
    """A shelf, and how many records are on it."""

    shelf: Shelf
    count: int


@frozen
class Dependents:
    """Records of a kind that refer to one that is to be deleted, itself or by others of these.

    They go with it, or, where they do not, it cannot go. `more`: they were not all counted.
    """

    kind: str
    field: str
    goes: bool
    count: int
    more: bool


class StoredRecords:
    """The operations on records of whatever kind; a kind goes by the name that it has in paths."""

    def __init__(self, access: Access, store: IStore, apps: Apps) -> None:
        self.access = access
        self._store = store
        self._apps = apps

    @cached_property
    def _shelves(self) -> Mapping[str, Shelf]:
        return dict(_shelves(self.access, self._store, self._apps))

    @operation("records.kinds", admins)
    async def kinds(self, principal: Principal) -> Sequence[Counted]:
        """Return the kinds there are, each with the number of its records."""
        shelves = self._shelves.values()
        return [Counted(shelf, await self._store.count(shelf.kind)) for shelf in shelves]

    def shelf(self, name: str) -> Shelf:
        """Return what is known of a kind; raise NotFound where there is none of this name."""
        try:
            return self._shelves[name]
        except KeyError:
            raise NotFound("kind of record", None) from None

    async def create(self, principal: Principal, name: str, given: Mapping[str, Any]) -> Record:
        """Return a new record with these fields, as JSON has them; raise as the operation does."""
        shelf = self.shelf(name)
        create, declared = shelf.editing.create, shelf.declared
        if create is None:
            raise ReadOnly
        values: dict[str, Any] = {}
        for field in shelf.editing.created:
            if field not in given and field not in declared.defaults:
                expects = declared.constraints[field].expects
                raise Invalid(field, f"{expects}, and there is nothing")
            values[field] = given[field] if field in given else _written(declared.defaults[field])
        if shelf.declared.ids.low < 1:  # the ids are the clients' choice
            values["id"] = None if given.get("id") is None else whole("id", given["id"])
        try:
            return await create(principal, **values)
        except NotFound as error:
            raise _about_field(error, declared, values) from None

    async def change(
        self, principal: Principal, name: str, id: int, given: Mapping[str, Any], expect: int | None
    ) -> Record:
        """Return the record with these fields changed; raise as the app's operation does."""
        shelf = self.shelf(name)
        change, fields = shelf.editing.change, shelf.editing.changed
        if change is None:
            raise ReadOnly
        while True:
            record = await shelf.reading.get(principal, id)
            if expect not in (None, record.rev):
                raise Outdated(expect, record.rev)
            now = {field: _written(getattr(record, field)) for field in fields}
            then = {field: given.get(field, now[field]) for field in fields}
            try:
                # The operations take all fields: so what is not named must be what it is now.
                return await change(principal, id, expect=record.rev, **then)
            except Outdated:
                if expect is not None:
                    raise
            except NotFound as error:
                raise _about_field(error, shelf.declared, then) from None

    async def delete(self, principal: Principal, name: str, id: int, expect: int | None) -> None:
        """Return when the record is gone; raise as the app's operation does."""
        delete = self.shelf(name).editing.delete
        if delete is None:
            raise ReadOnly
        await delete(principal, id, expect=expect)

    @operation("records.dependents", admins)
    async def dependents(self, principal: Principal, name: str, id: int) -> Sequence[Dependents]:
        """Return what refers to a record, and what refers to that; raise NotFound.

        At most `MOST_DEPENDENTS` are counted of each reference.
        """
        kind = self.shelf(name).kind
        await self._store.get(kind, id)
        found: dict[tuple[str, str], Dependents] = {}
        left = [(kind, id)]
        looked = 0
        while left and looked < MOST_DEPENDENTS:
            parent, parent_id = left.pop(0)
            looked += 1
            for child, field, goes in self._store.schema.describe(parent).referred_by:
                ids, more = await self._referring(child, field, parent_id)
                key = (child.__name__, field)
                known = found.get(key, Dependents(*key, goes, 0, False))
                found[key] = evolve(known, count=known.count + len(ids), more=known.more or more)
                if goes:
                    left += [(child, each) for each in ids]
        if left:  # what refers to these was not looked at
            found = {key: evolve(each, more=True) for key, each in found.items()}
        return [each for each in found.values() if each.count]

    async def _referring(self, kind: type[Record], field: str, id: int) -> tuple[list[int], bool]:
        page = await self._store.page(kind, MOST_DEPENDENTS + 1, where=Where(field, id))
        return [record.id for record in page[:MOST_DEPENDENTS]], len(page) > MOST_DEPENDENTS


def _shelves(access: Access, store: IStore, apps: Apps) -> list[tuple[str, Shelf]]:
    # Only when somebody looks: a start has no need of it.
    from sockcrud.generic.declaration import Served
    from sockcrud.generic.operations import Operations

    shelves = []
    for app in apps:
        editing = {name: resolve(lazy)(access, store) for name, lazy in app.editing.items()}
        for kind in app.records:
            declared = store.schema.describe(kind)
            reading = Operations(access, store, Served(kind, declared.table, "admins", "admins"))
            shelf = Shelf(app.name, kind, declared, reading, editing.get(kind.__name__, Editing()))
            shelves.append((declared.table, shelf))
    return shelves


def _about_field(error: NotFound, declared: Kind, values: Mapping[str, Any]) -> DomainError:
    """Return what is wrong where a field names a record that is not there; else the error."""
    for field, reference in declared.references.items():
        if (reference.kind.__name__, values.get(field)) == (error.kind, error.id):
            return Invalid(field, f"the id of an existing {error.kind}")
    return error


def _written(value: Any) -> Any:
    """Return the value of a field as JSON has it, where all of it is a text or a number."""
    return value.isoformat() if isinstance(value, date) else json_value(value)
