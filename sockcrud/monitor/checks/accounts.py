"""The accounts the monitor logs in with: its own, which stands, and an admin's, where one is
given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import define, field, frozen

from sockcrud import loading
from sockcrud.client.errors import AlreadyExists, ClientError, Forbidden, LoginFailed
from sockcrud.monitor.checks.ports import Ports

Attempt = Callable[[str, str], Awaitable[object]]
"""Signs up, or logs in, with a login name and a password."""


@frozen
class AdminAccount:
    """An admin."""

    login: str
    password: str = field(repr=False)


@define(eq=False)
class OwnAccount:
    """The account that all checks of users share. It is made where it does not exist and sign-up is
    open.
    """

    login: str
    password: str = field(repr=False)
    _known: bool = field(init=False, default=False)
    _made: int = field(init=False, default=0)
    """How often it was made: a store in memory forgets it with its process."""

    async def sign_up(self, attempt: Attempt) -> bool:
        """Return whether it was made just now; raise Forbidden where sign-up is closed, or as the
        attempt does.
        """
        try:
            await attempt(self.login, self.password)
        except AlreadyExists:
            self._known = True
            return False
        self._known = True
        self._made += 1
        return True

    async def log_in(self, attempt: Attempt, sign_up: Attempt) -> None:
        """Return when it has logged in, signed up before if need be. Raise as the login does."""
        if not self._known:
            await self._try(sign_up)
        made = self._made
        try:
            await attempt(self.login, self.password)
        except LoginFailed:
            await self._try(sign_up)
            if self._made == made:
                raise
            await attempt(self.login, self.password)

    async def _try(self, sign_up: Attempt) -> None:
        try:
            await self.sign_up(sign_up)
        except Forbidden:
            self._known = True  # or not, but nothing can be done about it
        except ClientError:
            pass  # the login says what is wrong


def sign_up_elsewhere(ports: Ports) -> Attempt:
    """Return how to sign up for a dialect that has no way to: at the first that has one."""

    async def attempt(login: str, password: str) -> None:
        apps = loading.in_use()
        door = ports.first_on(*(dialect.name for dialect in apps.dialects if dialect.sign_up))
        if door is None:
            raise Forbidden(403, "no dialect with a sign-up is on")
        client = ports.client(apps.client_of(door), door)
        try:
            await client.sign_up(login, password)
        finally:
            await client.close()

    return attempt
