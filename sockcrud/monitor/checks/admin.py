"""The check of `admin`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sockcrud.client import Admin
from sockcrud.client.errors import AlreadyExists, NotFound, NotLoggedIn, Outdated
from sockcrud.monitor.accounts import AdminAccount, OwnAccount
from sockcrud.monitor.checks.common import NO_ADMIN, Take, all_of, expect, expect_fields, expect_refusal, unless
from sockcrud.monitor.ports import Ports
from sockcrud.monitor.steps import Step, Wrong

SUFFIX = "-admin"
_PAGE = 500


class AdminCheck:
    """Asks for the daemon's health and figures; and, as an admin, lists, creates, changes and deactivates accounts.

    No account can be deleted, so the one that is changed stands: it is made once, is inactive between the checks, and
    making it again is refused, which proves as much.
    """

    name = "admin"

    def __init__(self, ports: Ports, account: OwnAccount, admin: AdminAccount | None) -> None:
        self._ports = ports
        self._account = account
        self._as = admin
        self._changed = account.login + SUFFIX
        self._id: int | None = None
        self._client: Admin | None = None
        self._token: str | None = None
        self._live = False
        self._to_deactivate = False

    def steps(self) -> Sequence[Step]:
        self._admin = self._client = self._ports.admin()
        self._token, self._live, self._to_deactivate = None, False, False
        return (
            Step("ask for its health", self._ask_for_health),
            Step("ask for its figures", self._ask_for_figures),
            Step("log in", self._by_an_admin(self._log_in)),
            Step("create", self._by_an_admin(self._create)),
            Step("create again", self._by_an_admin(self._create_again)),
            Step("read", self._by_an_admin(self._read)),
            Step("update", self._by_an_admin(self._update)),
            Step("update what is outdated", self._by_an_admin(self._update_what_is_outdated)),
            Step("deactivate", self._by_an_admin(self._deactivate)),
            Step("list the sessions", self._by_an_admin(self._list_the_sessions)),
            Step("log out", self._by_an_admin(self._log_out)),
            Step("use the dead token", self._by_an_admin(self._use_the_dead_token)),
        )

    async def clean_up(self) -> str:
        client, self._client = self._client, None
        if client is None:
            return ""
        await client.close()  # what was asked for and not answered keeps it busy
        if not self._live:
            return ""
        self._admin = self._ports.admin()
        self._admin.token = self._token
        try:
            return await all_of(self._see_to_deactivation, self._see_to_logout)
        finally:
            await self._admin.close()

    def _by_an_admin(self, take: Take) -> Take:
        return unless(lambda: NO_ADMIN if self._as is None else "", take)

    async def _ask_for_health(self) -> None:
        health = await self._admin.health()
        if not health.store_reachable:
            raise Wrong("the daemon says that its store cannot be reached")
        silent = sorted(name for name, listening in health.listening.items() if not listening)
        if silent or not health.good:
            raise Wrong(f"the daemon says that these do not listen: {', '.join(silent) or 'some'}")

    async def _ask_for_figures(self) -> None:
        if "sockcrud_build_info" not in await self._admin.metrics():
            raise Wrong("a wrong answer: there is no sockcrud_build_info among the figures")

    async def _log_in(self) -> None:
        assert self._as is not None
        await self._admin.log_in(self._as.login, self._as.password)
        self._token, self._live = self._admin.token, True

    async def _create(self) -> None:
        """Make the account that is changed, inactive, where there is none yet."""
        try:
            made = await self._admin.create_account(self._changed, self._account.password, active=False)
        except AlreadyExists:
            if self._id is None or not await self._is_changed(self._id):
                self._id = await self._found()
        else:
            expect_fields("the account", made, login=self._changed, role="user", active=False)
            self._id = made.id

    async def _create_again(self) -> None:
        creating = self._admin.create_account(self._changed, self._account.password, active=False)
        await expect_refusal("a second account of this name", creating, AlreadyExists)

    async def _read(self) -> None:
        self._read_as = await self._admin.account(self._known)
        expect_fields("the account", self._read_as, id=self._known, login=self._changed, role="user")

    async def _update(self) -> None:
        self._to_deactivate = True
        changed = await self._admin.change_account(self._known, active=True, rev=self._read_as.rev)
        expect_fields("the account", changed, id=self._known, login=self._changed, active=True)
        expect("the account as it is read", await self._admin.account(self._known), changed)

    async def _update_what_is_outdated(self) -> None:
        changing = self._admin.change_account(self._known, active=True, rev=self._read_as.rev)
        await expect_refusal("a change of an earlier revision", changing, Outdated)

    async def _deactivate(self) -> None:
        await self._admin.deactivate_account(self._known)
        expect("whether it is active", (await self._admin.account(self._known)).active, False)
        self._to_deactivate = False

    async def _list_the_sessions(self) -> None:
        expect("the sessions of the inactive account", (await self._admin.sessions(self._known)).items, [])

    async def _log_out(self) -> None:
        await self._admin.log_out()
        self._live = False

    async def _use_the_dead_token(self) -> None:
        self._admin.token = self._token
        await expect_refusal("what is asked with a dead token", self._admin.accounts(limit=1), NotLoggedIn)

    async def _is_changed(self, id: int) -> bool:
        try:
            return (await self._admin.account(id)).login == self._changed
        except NotFound:
            return False

    async def _found(self) -> int:
        after: int | None = None
        while True:
            page = await self._admin.accounts(after, _PAGE)
            for each in page.items:
                if each.login == self._changed:
                    return each.id
            if page.next is None:
                raise Wrong(f"a wrong answer: {self._changed} exists, and is not in the list of accounts")
            after = page.next

    @property
    def _known(self) -> int:
        assert self._id is not None
        return self._id

    async def _see_to_deactivation(self) -> None:
        if self._to_deactivate:
            await self._admin.deactivate_account(self._known)
            self._to_deactivate = False

    async def _see_to_logout(self) -> None:
        if self._live:
            with suppress(NotLoggedIn):
                await self._admin.log_out()
            self._live = False
