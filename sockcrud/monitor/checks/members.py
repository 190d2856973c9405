"""The check of `members`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from sockcrud.client import Admin, Members
from sockcrud.client.errors import Forbidden, NotFound, NotLoggedIn
from sockcrud.monitor.accounts import AdminAccount, OwnAccount
from sockcrud.monitor.checks.common import NO_ADMIN, all_of, expect, expect_fields, expect_refusal
from sockcrud.monitor.ports import Ports
from sockcrud.monitor.steps import Skipped, Step, Wrong

PAGE: Final = 500


class MembersCheck:
    """Asks for the state, signs up in vain, logs in and reads itself.

    The dialect has no logout, no change and no deletion. An admin ends the session; where none is given, it ends by itself
    when it has not been used for some time.
    """

    name = "members"

    def __init__(self, ports: Ports, account: OwnAccount, admin: AdminAccount | None) -> None:
        self._ports = ports
        self._account = account
        self._admin = admin
        self._client: Members | None = None
        self._id: int | None = None
        self._live = False
        """Whether there is a session that may not have ended."""
        self._boss: Admin | None = None
        self._boss_token: str | None = None

    def steps(self) -> Sequence[Step]:
        self._members = self._client = self._ports.members()
        self._live, self._boss_token = False, None
        return (
            Step("ask for its state", self._ask_for_state),
            Step("sign up", self._sign_up),
            Step("read as nobody", self._read_as_nobody),
            Step("log in", self._log_in),
            Step("read", self._read),
            Step("end the session", self._end_the_session),
            Step("use the dead token", self._use_the_dead_token),
        )

    async def clean_up(self) -> str:
        for client in (self._client, self._boss):
            if client is not None:
                await client.close()  # what was asked for and not answered keeps it busy
        self._client = self._boss = None
        if self._boss_token is None and not (self._live and self._has_admin and self._id is not None):
            return ""
        self._boss = self._ports.admin()
        self._boss.token = self._boss_token
        try:
            return await all_of(self._end_sessions)
        finally:
            await self._boss.close()

    async def _ask_for_state(self) -> None:
        state = await self._members.state()
        expect("the state", state.status, "running")
        if state.active_connections < 1:
            raise Wrong("a wrong answer: no connection is open, and this is one")

    async def _sign_up(self) -> None:
        """Make the account, or have it refused because there is one, which proves as much."""
        try:
            await self._account.sign_up(self._members.sign_up)
        except Forbidden as error:
            raise Skipped(f"sign-up is closed: {error}") from None

    async def _read_as_nobody(self) -> None:
        await expect_refusal("reading without a login", self._members.members(), Forbidden, NotLoggedIn)

    async def _log_in(self) -> None:
        async def log_in(email: str, password: str) -> None:
            self._welcome = await self._members.log_in(email, password)

        await self._account.log_in(log_in, self._members.sign_up)
        self._live = True
        expect_fields("the welcome", self._welcome, role=2, role_name="user")

    async def _read(self) -> None:
        found = await self._members.members()
        expect("who a user sees", [each.email for each in found], [self._account.login])
        expect_fields("the own account", found[0], role=2, role_name="user", active=True)
        self._id = found[0].id

    async def _end_the_session(self) -> None:
        if not self._has_admin:
            raise Skipped(f"there is no logout; {NO_ADMIN}")
        self._boss = self._ports.admin()
        await self._end_sessions()

    @property
    def _has_admin(self) -> bool:
        return self._admin is not None and "admin" in self._ports.places

    async def _end_sessions(self) -> None:
        """End the account's sessions at this dialect, as an admin, who logs in for it unless that is done."""
        boss, admin = self._boss, self._admin
        assert boss is not None
        assert admin is not None
        if boss.token is None:
            await boss.log_in(admin.login, admin.password)
            self._boss_token = boss.token
        if self._id is not None:
            for session in (await boss.sessions(self._id, limit=PAGE)).items:
                if session.dialect == self.name:
                    with suppress(NotFound):  # it has ended meanwhile
                        await boss.end_session(session.id)
            self._live = False
        await boss.log_out()
        self._boss_token = None

    async def _use_the_dead_token(self) -> None:
        if self._live:
            raise Skipped("the session has not ended")
        await expect_refusal("what is asked with a dead token", self._members.members(), Forbidden, NotLoggedIn)
