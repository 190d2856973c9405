"""The check of `users`."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from sockcrud.apps.users.client import User
from sockcrud.client import Users
from sockcrud.client.calls import Page
from sockcrud.monitor.checks.base import Kit, expect, step
from sockcrud.monitor.checks.record_steps import Calls, OneRecordCheck, PagedSteps


class UserSteps(PagedSteps):
    """A user, who is known by the beginning of the name, and by the email."""

    one, many = "user", "users"
    calls = Calls("create", "get", "list", "update", "delete")
    change: Mapping[str, Any] = {"age": 42}
    is_changed_whole = False
    is_alone = True

    def values(self) -> dict[str, Any]:
        return {"name": f"{self.mark.text} {token_hex(8)}", "email": self.mark.email, "age": 41}

    def is_ours(self, record: User) -> bool:
        return record.name.startswith(f"{self.mark.text} ") and record.email == self.mark.email

    async def page(self, after: int, limit: int) -> Page[User]:
        users = await self.client.list(after, limit)
        return Page(users, users[-1].id if len(users) >= limit else None)


class UsersCheck(OneRecordCheck):
    """Creates a user, reads, lists, changes and deletes it, and says goodbye."""

    client = Users

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, UserSteps(kit))

    @step("say goodbye", last=True)
    async def _say_goodbye(self) -> None:
        expect("the farewell", await self.open(Users).close_connection(), "Connection closed")
