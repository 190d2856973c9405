"""The check of `way`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sockcrud.client import Way
from sockcrud.client.errors import AlreadyExists, Forbidden, LoginFailed, NotFound, NotLoggedIn
from sockcrud.client.records import Colleague
from sockcrud.monitor.accounts import AdminAccount, OwnAccount, sign_up_elsewhere
from sockcrud.monitor.checks.common import NO_ADMIN, ShortList, Take, all_of, expect, expect_fields, expect_refusal, unless
from sockcrud.monitor.ports import Ports
from sockcrud.monitor.steps import Skipped, Step, Wrong

SUFFIX = "-way"


class WayCheck:
    """Logs in, reads and lists, is refused what only admins may do, logs out, and sees that the session is dead.

    An admin creates, changes and deactivates an account besides. Nothing can be deleted here, so that is a second standing
    account: it is made once, is inactive between the checks, and making it again is refused, which proves as much.
    """

    name = "way"

    def __init__(self, ports: Ports, account: OwnAccount, admin: AdminAccount | None) -> None:
        self._ports = ports
        self._account = account
        self._admin = admin
        self._changed = account.login + SUFFIX
        self._listing = ShortList("accounts")
        self._id: int | None = None
        self._changed_id: int | None = None
        self._opened: list[Way] = []
        self._to_deactivate = False

    def steps(self) -> Sequence[Step]:
        self._user, self._boss, self._other = self._open(), self._open(), self._open()
        self._to_deactivate = False
        return (
            Step("log in", self._log_in),
            Step("list", self._list),
            Step("read", self._read),
            Step("update", self._update),
            Step("create as a user", self._create_as_a_user),
            Step("log out", self._log_out),
            Step("use the dead session", self._use_the_dead_session),
            Step("log in as an admin", self._by_an_admin(self._log_in_as_an_admin)),
            Step("create", self._by_an_admin(self._create)),
            Step("create again", self._by_an_admin(self._create_again)),
            Step("activate", self._by_an_admin(self._activate)),
            Step("log in as the new one", self._by_an_admin(self._log_in_as_the_new_one)),
            Step("deactivate", self._by_an_admin(self._deactivate)),
            Step("log in as the inactive one", self._by_an_admin(self._log_in_as_the_inactive_one)),
            Step("log out as an admin", self._by_an_admin(self._log_out_as_an_admin)),
        )

    async def clean_up(self) -> str:
        opened, self._opened = self._opened, []
        if not opened:
            return ""
        sessions = [client.token for client in opened if client.token is not None]
        boss = self._boss.token
        for client in opened:
            await client.close()  # what was asked for and not answered keeps it busy
        if not sessions:
            return ""
        self._boss = self._ports.way()
        self._boss.token = boss
        try:
            wrong = [await all_of(self._see_to_deactivation), *[await _logged_out(self._boss, each) for each in sessions]]
            return "; ".join(dict.fromkeys(each for each in wrong if each))
        finally:
            await self._boss.close()

    def _open(self) -> Way:
        client = self._ports.way()
        self._opened.append(client)
        return client

    def _by_an_admin(self, take: Take) -> Take:
        return unless(lambda: NO_ADMIN if self._admin is None else "", take)

    # As a user

    async def _log_in(self) -> None:
        await self._account.log_in(self._user.log_in, sign_up_elsewhere(self._ports))

    async def _list(self) -> None:
        found = await self._listing.fetch(self._user.users, anyway=self._id is None)
        ours = [each for each in found if each.user_name == self._account.login]
        expect("the list's entries of the own account", [each.active for each in ours], [True])
        self._id = ours[0].id

    async def _read(self) -> None:
        if self._id is None:
            raise Skipped("the id of the own account is not known")
        expect_fields("the own account", await self._user.user(self._id), **self._own())

    async def _update(self) -> None:
        """Name its values as they are: a change of the password would end its sessions at the other dialects."""
        if self._id is None:
            raise Skipped("the id of the own account is not known")
        await self._user.update_user(self._id, active=True, user_name=self._account.login)
        expect_fields("the own account", await self._user.user(self._id), **self._own())

    def _own(self) -> dict[str, object]:
        return {"id": self._id, "user_name": self._account.login, "active": True}

    async def _create_as_a_user(self) -> None:
        creating = self._user.create_user(self._account.login, self._account.password)
        await expect_refusal("an account made by a user", creating, Forbidden)

    async def _log_out(self) -> None:
        self._dead = self._user.token
        await self._user.log_out()

    async def _use_the_dead_session(self) -> None:
        self._user.token = self._dead
        await expect_refusal("what is asked with a dead session", self._user.users(), NotLoggedIn)
        self._user.token = None

    # As an admin

    async def _log_in_as_an_admin(self) -> None:
        assert self._admin is not None
        await self._boss.log_in(self._admin.login, self._admin.password)

    async def _create(self) -> None:
        """Make the account that is changed, inactive, where there is none yet."""
        with suppress(AlreadyExists):
            await self._boss.create_user(self._changed, self._account.password, active=False)
        if self._changed_id is None or not await self._is_changed(self._changed_id):
            found = await self._listing.fetch(self._boss.users, anyway=True)
            self._changed_id = next((each.id for each in found if each.user_name == self._changed), None)
        if self._changed_id is None:
            raise Wrong(f"a wrong answer: {self._changed} exists, and is not in the list of the admin's company")

    async def _create_again(self) -> None:
        creating = self._boss.create_user(self._changed, self._account.password, active=False)
        await expect_refusal("a second account of this name", creating, AlreadyExists)

    async def _activate(self) -> None:
        self._to_deactivate = True
        await self._boss.update_user(self._known, active=True)
        expect("whether it is active", (await self._changed_account()).active, True)

    async def _log_in_as_the_new_one(self) -> None:
        try:
            await self._other.log_in(self._changed, self._account.password)
        except LoginFailed:
            # The monitor's password may be another than when the account was made.
            await self._boss.update_user(self._known, active=True, password=self._account.password)
            await self._other.log_in(self._changed, self._account.password)

    async def _deactivate(self) -> None:
        await self._boss.deactivate_user(self._known)
        expect("whether it is active", (await self._changed_account()).active, False)
        self._to_deactivate = False

    async def _log_in_as_the_inactive_one(self) -> None:
        """Its session is dead, and there is no other for it. The login itself is not tried: failures are counted."""
        await expect_refusal("what is asked with the session of an inactive account", self._other.users(), NotLoggedIn)
        self._other.token = None

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


async def _logged_out(client: Way, session: str) -> str:
    async def log_out() -> None:
        client.token = session
        with suppress(NotLoggedIn):
            await client.log_out()

    return await all_of(log_out)
