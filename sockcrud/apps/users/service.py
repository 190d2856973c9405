"""What can be done with users."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from attrs import frozen

from sockcrud.access import Access, Principal, anyone, operation
from sockcrud.app import Editing
from sockcrud.apps.users.records import User
from sockcrud.errors import Invalid
from sockcrud.records import checked
from sockcrud.storage.contract import IStore, ITransaction, RecordStream


@frozen
class Users:
    """The users' operations. They have no login of their own: whoever reaches them may use them."""

    access: Access
    store: IStore

    @operation("users.list", anyone)
    async def list(
        self, principal: Principal, after: int | None = None, limit: int | None = None
    ) -> RecordStream[User]:
        """Return all users as they are now, or with at most `limit` of those with an id above
        `after`.
        """
        if limit is not None and limit < 1:
            raise Invalid("limit", "a whole number from 1")
        return self.store.stream(User, after, limit, peer=principal.address)

    @operation("users.get", anyone)
    def get(self, principal: Principal, id: int) -> Awaitable[User]:
        """Return the user; raise NotFound."""
        return self.store.get(User, id)

    @operation("users.create", anyone)
    async def create(self, principal: Principal, name: str, email: str, age: int) -> User:
        """Return the new user. Two users may have the same email."""
        fields = checked(User, name=name, email=email, age=age)
        now = self.access.now()
        return await self.store.insert(User, created_at=now, updated_at=now, **fields)

    @operation("users.update", anyone)
    async def update(
        self, principal: Principal, /, id: int, *, expect: int | None = None, **fields: Any
    ) -> User:
        """Return the changed user, as it was where nothing is named; only the fields that are named
        change. Raise NotFound, or Outdated where it is not at `expect`.
        """
        if not fields:
            return await self.store.get(User, id)
        fields = checked(User, **fields)

        async def change(transaction: ITransaction) -> User:
            user = await transaction.get(User, id)
            # It moves with every update, also with two in one tick of the clock, or when the clock
            # was set back.
            updated_at = max(self.access.now(), user.updated_at + timedelta(microseconds=1))
            return await transaction.update(User, id, expect, updated_at=updated_at, **fields)

        return await self.store.transact(change)

    @operation("users.delete", anyone)
    async def delete(self, principal: Principal, id: int, expect: int | None = None) -> None:
        """Return when the user is gone; raise NotFound or Outdated."""
        await self.store.delete(User, id, expect)


def editing(access: Access, store: IStore) -> Editing:
    """Return what admins may do to users."""
    users, fields = Users(access, store), ("name", "email", "age")
    return Editing(
        create=users.create,
        created=fields,
        change=users.update,
        changed=fields,
        delete=users.delete,
    )
