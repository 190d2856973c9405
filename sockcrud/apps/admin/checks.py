"""The check of `admin`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from sockcrud.client import Admin
from sockcrud.client.calls import PAGE
from sockcrud.client.errors import AlreadyExists, NotFound, NotLoggedIn, Outdated
from sockcrud.monitor.checks.base import (
    Kit,
    SystemCheck,
    expect,
    expect_fields,
    expect_refusal,
    no_admin,
    step,
)
from sockcrud.monitor.checks.steps import Wrong

SUFFIX = "-admin"


class AdminCheck(SystemCheck):
    """Asks for the daemon's health and figures; and, as an admin, lists, creates, changes and
    deactivates accounts.

    No account can be deleted, so the one that is changed stands: it is made once, is inactive
    between the checks, and making it again is refused, which proves as much.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._changed = kit.own.login + SUFFIX
        self._id: int | None = None
        self._live = False
        """Whether there is a session that may not have ended."""
        self._to_deactivate = False

    @property
    def _admin(self) -> Admin:
        return self.open(Admin)

    def begin(self) -> None:
        self._live = self._to_deactivate = False

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        return [self._see_to_deactivation, self._see_to_logout] if self._live else []

    @step("ask for its health")
    async def _ask_for_health(self) -> None:
        health = await self._admin.health()
        if not health.store_reachable:
            raise Wrong("the daemon says that its store cannot be reached")
        silent = sorted(name for name, listening in health.listening.items() if not listening)
        if silent or not health.good:
            raise Wrong(f"the daemon says that these do not listen: {', '.join(silent) or 'some'}")

    @step("ask for its figures")
    async def _ask_for_figures(self) -> None:
        if "sockcrud_build_info" not in await self._admin.metrics():
            raise Wrong("a wrong answer: there is no sockcrud_build_info among the figures")

    @step("log in", lacks=no_admin)
    async def _log_in(self) -> None:
        assert self.kit.admin is not None
        await self._admin.log_in(self.kit.admin.login, self.kit.admin.password)
        self._token, self._live = self._admin.token, True

    @step("create", lacks=no_admin)
    async def _create(self) -> None:
        """Make the account that is changed, inactive, where there is none yet."""
        try:
            made = await self._admin.create_account(
                self._changed, self.kit.own.password, active=False
            )
        except AlreadyExists:
            if self._id is None or not await self._is_changed(self._id):
                self._id = await self._found()
        else:
            expect_fields("the account", made, login=self._changed, role="user", active=False)
            self._id = made.id

    @step("create again", lacks=no_admin)
    async def _create_again(self) -> None:
        creating = self._admin.create_account(self._changed, self.kit.own.password, active=False)
        await expect_refusal("a second account of this name", creating, AlreadyExists)

    @step("read", lacks=no_admin)
    async def _read(self) -> None:
        self._read_as = await self._admin.account(self._known)
        expect_fields(
            "the account", self._read_as, id=self._known, login=self._changed, role="user"
        )

    @step("update", lacks=no_admin)
    async def _update(self) -> None:
        self._to_deactivate = True
        changed = await self._admin.change_account(self._known, active=True, rev=self._read_as.rev)
        expect_fields("the account", changed, id=self._known, login=self._changed, active=True)
        expect("the account as it is read", await self._admin.account(self._known), changed)

    @step("update what is outdated", lacks=no_admin)
    async def _update_what_is_outdated(self) -> None:
        changing = self._admin.change_account(self._known, active=True, rev=self._read_as.rev)
        await expect_refusal("a change of an earlier revision", changing, Outdated)

    @step("deactivate", lacks=no_admin)
    async def _deactivate(self) -> None:
        await self._admin.deactivate_account(self._known)
        expect("whether it is active", (await self._admin.account(self._known)).active, False)
        self._to_deactivate = False

    @step("list the sessions", lacks=no_admin)
    async def _list_the_sessions(self) -> None:
        expect(
            "the sessions of the inactive account",
            (await self._admin.sessions(self._known)).items,
            [],
        )

    @step("log out", lacks=no_admin)
    async def _log_out(self) -> None:
        await self._admin.log_out()
        self._live = False

    @step("use the dead token", lacks=no_admin)
    async def _use_the_dead_token(self) -> None:
        self._admin.token = self._token
        await expect_refusal(
            "what is asked with a dead token", self._admin.accounts(limit=1), NotLoggedIn
        )

    async def _is_changed(self, id: int) -> bool:
        try:
            return (await self._admin.account(id)).login == self._changed
        except NotFound:
            return False

    async def _found(self) -> int:
        after: int | None = None
        while True:
            page = await self._admin.accounts(after, PAGE)
            for each in page.items:
                if each.login == self._changed:
                    return each.id
            if page.next is None:
                raise Wrong(
                    f"a wrong answer: {self._changed} exists, and is not in the list of accounts"
                )
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
