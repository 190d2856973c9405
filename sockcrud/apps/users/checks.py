"""The check of `users`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from secrets import token_hex
from typing import Any

from sockcrud.apps.users.client import User
from sockcrud.client import Users
from sockcrud.client.calls import PAGE
from sockcrud.client.errors import NotFound
from sockcrud.monitor.checks.base import Kit, SystemCheck, expect, expect_fields, expect_refusal, gone, step
from sockcrud.monitor.checks.steps import Skipped


class UsersCheck(SystemCheck):
    """Creates a user, reads, lists, changes and deletes it.

    Leftovers are looked for where there may be any: at the first run, and after one that did not end well. That goes on in
    the next run where it takes longer than the check's patience.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._made: User | None = None
        self._may_be_left = False
        """Whether a user may be there that this process has made."""
        self._highest = 0
        """The id of the user that was made last: later ones are higher."""
        self._looked_up_to: int | None = 0
        """The id up to which there are no leftovers; None where there are none at all."""

    @property
    def _users(self) -> Users:
        return self.open(Users)

    @property
    def _id(self) -> int:
        assert self._made is not None  # the step before has made it
        return self._made.id

    def begin(self) -> None:
        if self._made is not None:  # and could not be deleted
            self._looked_up_to = min(self._id - 1, self._id if self._looked_up_to is None else self._looked_up_to)
            self._made = None
        mark = self.kit.mark
        self._fields: dict[str, Any] = {"name": f"{mark.text} {token_hex(8)}", "email": mark.email, "age": 41}

    @step("remove leftovers", when=lambda check: check._looked_up_to is not None)
    async def _remove_leftovers(self) -> None:
        """Delete what carries the mark, from where it was left off."""
        began, mark = self.kit.clock.seconds(), self.kit.mark
        while self._looked_up_to is not None:
            if self.kit.clock.seconds() - began > self.kit.patience:
                raise Skipped(f"looked through the users up to id {self._looked_up_to}; the next check goes on")
            page = await self._users.list(self._looked_up_to, PAGE)
            for user in page:
                if user.name.startswith(mark.text + " ") and user.email == mark.email:
                    await gone(self._users.delete(user.id))
            self._looked_up_to = page[-1].id if len(page) >= PAGE else None

    @step("create")
    async def _create(self) -> None:
        known = self._looked_up_to
        if known is None:
            self._looked_up_to = self._highest  # until it is known which id it has
        self._may_be_left = True
        self._made = await self._users.create(**self._fields)
        self._looked_up_to = known
        self._highest = self._made.id
        expect_fields("the user", self._made, **self._fields)

    @step("read")
    async def _read(self) -> None:
        expect("the user", await self._users.get(self._id), self._made)

    @step("list")
    async def _list(self) -> None:
        expect("the list from this user on", (await self._users.list(self._id - 1, 1))[:1], [self._made])

    @step("update")
    async def _update(self) -> None:
        self._fields["age"] = 42
        expect_fields("the user", await self._users.update(self._id, age=42), id=self._id, **self._fields)
        expect_fields("the user", await self._users.get(self._id), id=self._id, **self._fields)

    @step("delete")
    async def _delete(self) -> None:
        await self._users.delete(self._id)

    @step("read the deleted")
    async def _read_the_deleted(self) -> None:
        await expect_refusal("reading the deleted user", self._users.get(self._id), NotFound)
        self._made = None
        self._may_be_left = False

    @step("say goodbye")
    async def _say_goodbye(self) -> None:
        expect("the farewell", await self._users.close_connection(), "Connection closed")

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        return [self._remove_made] if self._may_be_left else []

    async def _remove_made(self) -> None:
        """Delete it by its id, or where that is not known by its mark."""
        if self._made is not None:
            await gone(self._users.delete(self._id))
            self._made = None
        else:
            await self._remove_leftovers()
        self._may_be_left = False
