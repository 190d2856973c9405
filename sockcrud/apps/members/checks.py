"""The check of `members`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from sockcrud.client import Admin, Members
from sockcrud.client.calls import PAGE
from sockcrud.client.errors import Forbidden, NotFound, NotLoggedIn
from sockcrud.monitor.checks.base import (
    NO_ADMIN,
    Kit,
    SystemCheck,
    expect,
    expect_fields,
    expect_refusal,
    step,
)
from sockcrud.monitor.checks.steps import Skipped, Wrong


class MembersCheck(SystemCheck):
    """Asks for the state, signs up in vain, logs in and reads itself.

    The dialect has no logout, no change and no deletion. An admin ends the session; where none is
    given, it ends by itself when it has not been used for some time.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._id: int | None = None
        self._live = False
        """Whether there is a session that may not have ended."""
        self._has_boss = False
        """Whether an admin has logged in, and not out."""

    @property
    def _members(self) -> Members:
        return self.open(Members)

    @property
    def _boss(self) -> Admin:
        return self.open(Admin, "admin")

    def begin(self) -> None:
        self._live = self._has_boss = False

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        can_end = self._live and self._has_admin and self._id is not None
        return [self._end_sessions] if self._has_boss or can_end else []

    @step("ask for its state")
    async def _ask_for_state(self) -> None:
        state = await self._members.state()
        expect("the state", state.status, "running")
        if state.active_connections < 1:
            raise Wrong("a wrong answer: no connection is open, and this is one")

    @step("sign up")
    async def _sign_up(self) -> None:
        """Make the account, or have it refused because there is one, which proves as much."""
        try:
            await self.kit.own.sign_up(self._members.sign_up)
        except Forbidden as error:
            raise Skipped(f"sign-up is closed: {error}") from None

    @step("read as nobody")
    async def _read_as_nobody(self) -> None:
        await expect_refusal(
            "reading without a login", self._members.members(), Forbidden, NotLoggedIn
        )

    @step("log in")
    async def _log_in(self) -> None:
        async def log_in(email: str, password: str) -> None:
            self._welcome = await self._members.log_in(email, password)

        await self.kit.own.log_in(log_in, self._members.sign_up)
        self._live = True
        expect_fields("the welcome", self._welcome, role=2, role_name="user")

    @step("read")
    async def _read(self) -> None:
        found = await self._members.members()
        expect("who a user sees", [each.email for each in found], [self.kit.own.login])
        expect_fields("the own account", found[0], role=2, role_name="user", active=True)
        self._id = found[0].id

    @step("end the session")
    async def _end_the_session(self) -> None:
        if not self._has_admin:
            raise Skipped(f"there is no logout; {NO_ADMIN}")
        await self._end_sessions()

    @property
    def _has_admin(self) -> bool:
        return self.kit.admin is not None and "admin" in self.kit.ports.places

    async def _end_sessions(self) -> None:
        """End the account's sessions at this dialect, as an admin, who logs in for it unless that
        is done.
        """
        boss, admin = self._boss, self.kit.admin
        assert admin is not None
        if not self._has_boss:
            await boss.log_in(admin.login, admin.password)
            self._has_boss = True
        if self._id is not None:
            for session in (await boss.sessions(self._id, limit=PAGE)).items:
                if session.dialect == self.name:
                    with suppress(NotFound):  # it has ended meanwhile
                        await boss.end_session(session.id)
            self._live = False
        await boss.log_out()
        self._has_boss = False

    @step("use the dead token")
    async def _use_the_dead_token(self) -> None:
        if self._live:
            raise Skipped("the session has not ended")
        await expect_refusal(
            "what is asked with a dead token", self._members.members(), Forbidden, NotLoggedIn
        )
