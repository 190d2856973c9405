"""The check of `way`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from sockcrud.apps.way.client import Colleague
from sockcrud.client import Way
from sockcrud.client.errors import AlreadyExists, Forbidden, LoginFailed, NotFound, NotLoggedIn
from sockcrud.monitor.checks.accounts import sign_up_elsewhere
from sockcrud.monitor.checks.base import (
    Kit,
    ShortList,
    SystemCheck,
    expect,
    expect_fields,
    expect_refusal,
    no_admin,
    step,
)
from sockcrud.monitor.checks.steps import Skipped, Wrong

SUFFIX = "-way"


class WayCheck(SystemCheck):
    """Logs in, reads and lists, is refused what only admins may do, logs out, and sees that the
    session is dead.

    An admin creates, changes and deactivates an account besides. Nothing can be deleted here, so
    that is a second standing account: it is made once, is inactive between the checks, and making
    it again is refused, which proves as much.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._changed = kit.own.login + SUFFIX
        self._stream = ShortList("accounts")
        self._id: int | None = None
        self._changed_id: int | None = None
        self._to_deactivate = False

    @property
    def _user(self) -> Way:
        return self.open(Way, who="user")

    @property
    def _boss(self) -> Way:
        return self.open(Way, who="boss")

    @property
    def _other(self) -> Way:
        return self.open(Way, who="other")

    def begin(self) -> None:
        self._to_deactivate = False

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        return [
            self._see_to_deactivation,
            *(partial(self._see_to_logout, who) for who in ("user", "boss", "other")),
        ]

    # As a user

    @step("log in")
    async def _log_in(self) -> None:
        await self.kit.own.log_in(self._user.log_in, sign_up_elsewhere(self.kit.ports))

    @step("list")
    async def _list(self) -> None:
        found = await self._stream.fetch(self._user.users, anyway=self._id is None)
        ours = [each for each in found if each.user_name == self.kit.own.login]
        expect("the list's entries of the own account", [each.active for each in ours], [True])
        self._id = ours[0].id

    @step("read")
    async def _read(self) -> None:
        if self._id is None:
            raise Skipped("the id of the own account is not known")
        expect_fields("the own account", await self._user.user(self._id), **self._own())

    @step("update")
    async def _update(self) -> None:
        """Name its values as they are: a change of the password would end its sessions at the other
        dialects.
        """
        if self._id is None:
            raise Skipped("the id of the own account is not known")
        await self._user.update_user(self._id, active=True, user_name=self.kit.own.login)
        expect_fields("the own account", await self._user.user(self._id), **self._own())

    def _own(self) -> dict[str, object]:
        return {"id": self._id, "user_name": self.kit.own.login, "active": True}

    @step("create as a user")
    async def _create_as_a_user(self) -> None:
        creating = self._user.create_user(self.kit.own.login, self.kit.own.password)
        await expect_refusal("an account made by a user", creating, Forbidden)

    @step("log out")
    async def _log_out(self) -> None:
        self._dead = self._user.token
        await self._user.log_out()

    @step("use the dead session")
    async def _use_the_dead_session(self) -> None:
        self._user.token = self._dead
        await expect_refusal("what is asked with a dead session", self._user.users(), NotLoggedIn)
        self._user.token = None

    # As an admin

    @step("log in as an admin", lacks=no_admin)
    async def _log_in_as_an_admin(self) -> None:
        assert self.kit.admin is not None
        await self._boss.log_in(self.kit.admin.login, self.kit.admin.password)

    @step("create", lacks=no_admin)
    async def _create(self) -> None:
        """Make the account that is changed, inactive, where there is none yet."""
        with suppress(AlreadyExists):
            await self._boss.create_user(self._changed, self.kit.own.password, active=False)
        if self._changed_id is None or not await self._is_changed(self._changed_id):
            found = await self._stream.fetch(self._boss.users, anyway=True)
            self._changed_id = next(
                (each.id for each in found if each.user_name == self._changed), None
            )
        if self._changed_id is None:
            raise Wrong(
                f"a wrong answer: {self._changed} exists, and is not in the list of the admin's "
                f"company"
            )

    @step("create again", lacks=no_admin)
    async def _create_again(self) -> None:
        creating = self._boss.create_user(self._changed, self.kit.own.password, active=False)
        await expect_refusal("a second account of this name", creating, AlreadyExists)

    @step("activate", lacks=no_admin)
    async def _activate(self) -> None:
        self._to_deactivate = True
        await self._boss.update_user(self._known, active=True)
        expect("whether it is active", (await self._changed_account()).active, True)

    @step("log in as the new one", lacks=no_admin)
    async def _log_in_as_the_new_one(self) -> None:
        try:
            await self._other.log_in(self._changed, self.kit.own.password)
        except LoginFailed:
            # The monitor's password may be another than when the account was made.
            await self._boss.update_user(self._known, active=True, password=self.kit.own.password)
            await self._other.log_in(self._changed, self.kit.own.password)

    @step("deactivate", lacks=no_admin)
    async def _deactivate(self) -> None:
        await self._boss.deactivate_user(self._known)
        expect("whether it is active", (await self._changed_account()).active, False)
        self._to_deactivate = False

    @step("log in as the inactive one", lacks=no_admin)
    async def _log_in_as_the_inactive_one(self) -> None:
        """Its session is dead, and there is no other for it. The login itself is not tried:
        failures are counted.
        """
        await expect_refusal(
            "what is asked with the session of an inactive account",
            self._other.users(),
            NotLoggedIn,
        )
        self._other.token = None

    @step("log out as an admin", lacks=no_admin)
    async def _log_out_as_an_admin(self) -> None:
        await self._boss.log_out()

    async def _is_changed(self, id: int) -> bool:
        try:
            return (await self._boss.user(id)).user_name == self._changed
        except NotFound:
            return False

    async def _changed_account(self) -> Colleague:
        found = await self._boss.user(self._known)
        expect("its name", found.user_name, self._changed)
        return found

    @property
    def _known(self) -> int:
        assert self._changed_id is not None
        return self._changed_id

    async def _see_to_deactivation(self) -> None:
        if self._to_deactivate:
            await self._boss.deactivate_user(self._known)
            self._to_deactivate = False

    async def _see_to_logout(self, who: str) -> None:
        client = self.open(Way, who=who)
        if client.token is not None:
            with suppress(NotLoggedIn):
                await client.log_out()
