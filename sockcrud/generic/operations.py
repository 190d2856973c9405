"""The operations on the records of one kind: what both wires call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from sockcrud.access import Access, Permission, Principal, admins, anyone, logged_in, operation
from sockcrud.errors import Invalid, NotFound, Outdated
from sockcrud.generic.declaration import Served, Who
from sockcrud.paging import LONGEST_PAGE, PAGE, Page, checked_limit
from sockcrud.records import Record, checked, describe
from sockcrud.records.constraints import Text
from sockcrud.storage.contract import IStore, Where

PAGE_TEXT: Final = 256 * 1024
"""Characters of a page's texts, at about which it ends early: an answer is made in one piece, and
others wait meanwhile.
"""

PERMISSIONS: Final[Mapping[Who, Permission]] = {
    "open": anyone,
    "logged in": logged_in,
    "admins": admins,
}


Perform = Callable[..., Awaitable[Any]]


class Operations:
    """The operations on one kind of record, each by the way of all operations. The first argument
    is who asks.
    """

    def __init__(self, access: Access, store: IStore, served: Served) -> None:
        self.access = access
        self.served = served
        self._store = store
        self._kind = served.kind
        self._declared = describe(served.kind)
        texts = {
            name: bound.longest
            for name, bound in self._declared.constraints.items()
            if isinstance(bound, Text)
        }
        self._texts = tuple(texts)
        self._is_short = sum(texts.values()) * LONGEST_PAGE <= PAGE_TEXT
        self.fields = tuple(self._declared.constraints)
        self.uniques = tuple(self._declared.uniques)
        self.filters = tuple(dict.fromkeys((*self._declared.uniques, *self._declared.indexed)))
        """The fields by which lists can be asked for."""
        self.list = self._reading("list", Operations._list)
        self.get = self._reading("get", Operations._get)
        self.find = self._reading("find", Operations._find)
        self.create = self._writing("create", Operations._create)
        self.update = self._writing("update", Operations._update)
        self.replace = self._writing("replace", Operations._replace)
        self.delete = self._writing("delete", Operations._delete)

    def _reading(self, name: str, method: Perform) -> Perform:
        return partial(
            operation(f"{self.served.plural}.{name}", PERMISSIONS[self.served.read])(method), self
        )

    def _writing(self, name: str, method: Perform) -> Perform:
        return partial(
            operation(f"{self.served.plural}.{name}", PERMISSIONS[self.served.write])(method), self
        )

    async def _list(
        self, principal: Principal, limit: int, after: int | None, where: Mapping[str, Any]
    ) -> Page[Record]:
        """Return at most `limit` records, those with an id above `after`, and with the value of one
        field where one is named.

        A page whose texts are long ends early.
        """
        limit, condition = checked_limit(limit), self._condition(where)
        if condition is not None and condition.field in self._declared.uniques:
            found = await self._store.find(self._kind, condition.field, condition.value)
            return Page(
                [found] if found is not None and (after is None or found.id > after) else [], None
            )
        records: list[Record] = []
        text = 0
        while len(records) < limit:
            wanted = min(limit - len(records), PAGE)
            page = await self._store.page(self._kind, wanted + 1, after, condition)
            for record in page[:wanted]:
                if records and text > PAGE_TEXT:
                    return Page(records, records[-1].id)
                records.append(record)
                text += (
                    0 if self._is_short else sum(len(getattr(record, name)) for name in self._texts)
                )
            if len(page) <= wanted:
                return Page(records, None)
            after = records[-1].id
        return Page(records, after)

    def _get(self, principal: Principal, id: int) -> Awaitable[Record]:
        """Return the record; raise NotFound."""
        return self._store.get(self._kind, id)

    async def _find(self, principal: Principal, where: Mapping[str, Any]) -> Record:
        """Return the record that has this value in a unique field; raise NotFound."""
        if len(where) != 1 or next(iter(where)) not in self.uniques:
            wrong = next((name for name in where if name not in self.uniques), self.uniques[0])
            raise Invalid(wrong, f"one of {', '.join(self.uniques)}, alone")
        ((field, value),) = checked(self._kind, **where).items()
        found = await self._store.find(self._kind, field, value)
        if found is None:
            raise NotFound(self._kind.__name__, None)
        return found

    async def _create(self, principal: Principal, fields: Mapping[str, Any]) -> Record:
        """Return the new record. Raise Invalid (also where a reference names nothing), Taken or
        QuotaExceeded.
        """
        values = self._complete(fields)
        try:
            return await self._store.insert(self._kind, **values)
        except NotFound as error:
            raise self._dangling(error, values) from None

    async def _update(
        self, principal: Principal, id: int, fields: Mapping[str, Any], expect: int | None
    ) -> Record:
        """Return the changed record; what is not named stays. Raise Invalid, NotFound, Taken,
        Outdated or QuotaExceeded.
        """
        if not fields:
            record = await self._store.get(self._kind, id)
            if expect not in (None, record.rev):
                raise Outdated(expect, record.rev)
            return record
        return await self._changed(id, checked(self._kind, **fields), expect)

    async def _replace(
        self, principal: Principal, id: int, fields: Mapping[str, Any], expect: int | None
    ) -> Record:
        """Return the record with these fields, and their defaults where there are none. Raise as
        `update` does.
        """
        return await self._changed(id, self._complete(fields), expect)

    async def _delete(self, principal: Principal, id: int, expect: int | None) -> None:
        """Return when the record is gone; raise NotFound, Outdated or StillReferred."""
        await self._store.delete(self._kind, id, expect)

    async def _changed(self, id: int, values: Mapping[str, Any], expect: int | None) -> Record:
        try:
            return await self._store.update(self._kind, id, expect, **values)
        except NotFound as error:
            if error.id == id and error.kind == self._kind.__name__:
                raise
            raise self._dangling(error, values) from None

    def _condition(self, where: Mapping[str, Any]) -> Where | None:
        for field in where:
            if field not in self.filters:
                by = (
                    f"one of {', '.join(self.filters)}"
                    if self.filters
                    else "nothing: no field is indexed"
                )
                raise Invalid(field, f"{by}, which lists can be asked for by")
        if len(where) > 1:
            raise Invalid(list(where)[1], "no second field: lists are asked for by one")
        for field, value in checked(self._kind, **where).items():
            return Where(field, value)
        return None

    def _complete(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of all fields, defaults among them; raise Invalid where one is
        missing.
        """
        values = {**self._declared.defaults, **fields}
        for name, constraint in self._declared.constraints.items():
            if name not in values:
                raise Invalid(name, f"{constraint.expects}, and there is nothing")
        return checked(self._kind, **values)

    def _dangling(self, error: NotFound, values: Mapping[str, Any]) -> Exception:
        """Return the error of a reference that names nothing: it is about the field, not about what
        was asked for.
        """
        for field, reference in self._declared.references.items():
            if reference.kind.__name__ == error.kind and values.get(field) == error.id:
                return Invalid(field, f"the id of an existing {reference.kind.__name__}")
        return error
