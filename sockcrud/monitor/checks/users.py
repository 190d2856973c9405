"""The check of `users`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime

from sockcrud.client import Users
from sockcrud.client.errors import NotFound
from sockcrud.client.records import User
from sockcrud.monitor.checks.common import Mark, all_of, expect, expect_fields, expect_refusal, gone
from sockcrud.monitor.steps import Skipped, Step

PAGE: Final = 500


class UsersCheck:
    """Creates a user, reads, lists, changes and deletes it.

    Leftovers are looked for where there may be any: at the first run, and after one that did not end well. That goes on in
    the next run where it takes longer than `patience` seconds.
    """

    name = "users"

    def __init__(self, connect: Callable[[], Users], mark: Mark, clock: IReactorTime, patience: float) -> None:
        self._connect = connect
        self._mark = mark
        self._clock = clock
        self._patience = patience
        self._client: Users | None = None
        self._made: User | None = None
        self._may_be_left = False
        """Whether a user may be there that this process has made."""
        self._highest = 0
        """The id of the user that was made last: later ones are higher."""
        self._looked_up_to: int | None = 0
        """The id up to which there are no leftovers; None where there are none at all."""

    def steps(self) -> Sequence[Step]:
        self._users = self._client = self._connect()
        if self._made is not None:  # and could not be deleted
            self._looked_up_to = min(self._id - 1, self._id if self._looked_up_to is None else self._looked_up_to)
            self._made = None
        self._fields: dict[str, Any] = {"name": f"{self._mark.text} {token_hex(8)}", "email": self._mark.email, "age": 41}
        leftovers = [Step("remove leftovers", self._remove_leftovers)] if self._looked_up_to is not None else []
        return (
            *leftovers,
            Step("create", self._create),
            Step("read", self._read),
            Step("list", self._list),
            Step("update", self._update),
            Step("delete", self._delete),
            Step("read the deleted", self._read_the_deleted),
            Step("say goodbye", self._say_goodbye),
        )

    async def clean_up(self) -> str:
        client, self._client = self._client, None
        if client is None:
            return ""
        await client.close()  # what was asked for and not answered keeps it busy
        if not self._may_be_left:
            return ""
        self._users = self._connect()
        try:
            return await all_of(self._remove_made)
        finally:
            await self._users.close()

    async def _remove_leftovers(self) -> None:
        """Delete what carries the mark, from where it was left off."""
        began = self._clock.seconds()
        while self._looked_up_to is not None:
            if self._clock.seconds() - began > self._patience:
                raise Skipped(f"looked through the users up to id {self._looked_up_to}; the next check goes on")
            page = await self._users.list(self._looked_up_to, PAGE)
            for user in page:
                if user.name.startswith(self._mark.text + " ") and user.email == self._mark.email:
                    await gone(self._users.delete(user.id))
            self._looked_up_to = page[-1].id if len(page) >= PAGE else None

    async def _create(self) -> None:
        known = self._looked_up_to
        if known is None:
            self._looked_up_to = self._highest  # until it is known which id it has
        self._may_be_left = True
        self._made = await self._users.create(**self._fields)
        self._looked_up_to = known
        self._highest = self._made.id
        expect_fields("the user", self._made, **self._fields)

    async def _read(self) -> None:
        expect("the user", await self._users.get(self._id), self._made)

    async def _list(self) -> None:
        expect("the list from this user on", (await self._users.list(self._id - 1, 1))[:1], [self._made])

    async def _update(self) -> None:
        self._fields["age"] = 42
        expect_fields("the user", await self._users.update(self._id, age=42), id=self._id, **self._fields)
        expect_fields("the user", await self._users.get(self._id), id=self._id, **self._fields)

    async def _delete(self) -> None:
        await self._users.delete(self._id)

    async def _read_the_deleted(self) -> None:
        await expect_refusal("reading the deleted user", self._users.get(self._id), NotFound)
        self._made = None
        self._may_be_left = False

    async def _say_goodbye(self) -> None:
        expect("the farewell", await self._users.close_connection(), "Connection closed")

    async def _remove_made(self) -> None:
        """Delete it by its id, or where that is not known by its mark."""
        if self._made is not None:
            await gone(self._users.delete(self._id))
            self._made = None
        else:
            await self._remove_leftovers()
        self._may_be_left = False

    @property
    def _id(self) -> int:
        assert self._made is not None  # the step before has made it
        return self._made.id
