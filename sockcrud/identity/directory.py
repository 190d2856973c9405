"""The accounts: signing up, logging in and out.

A principal is as old as its request, and a request may have been long on its way or wait long for a
hash. So whoever changes an account is asked for again within the transaction, together with what it
rests on.
"""

from __future__ import annotations

from typing import Final

import attrs
from attrs import define, frozen

from sockcrud.access import (
    OK,
    Access,
    Permission,
    Principal,
    admins,
    anyone,
    logged_in,
    operation,
)
from sockcrud.errors import Forbidden, Invalid, NotFound, NotLoggedIn
from sockcrud.identity.accounts import Directory
from sockcrud.identity.credentials import Secret
from sockcrud.identity.records import ADMIN, Account, Session
from sockcrud.identity.sessions import Resumed, Sessions, may_act
from sockcrud.storage.contract import IReads, IStore

_RESUME: Final = "sessions.resume"


@frozen
class LoggedIn:
    """A login that has succeeded. The token is told to its owner, now and never again, and to
    nobody else.
    """

    token: str = attrs.field(repr=False)
    account: Account
    session_id: int


def own_account(principal: Principal) -> Account:
    """Return the account that asks; raise NotLoggedIn where there is none."""
    if principal.account is None:
        raise NotLoggedIn
    return principal.account


async def still(reads: IReads, principal: Principal, may: Permission) -> Account:
    """Return the account that asks, as it is now. Raise as `may` does, or NotLoggedIn where the
    login is over.
    """
    try:
        account = await reads.get(Account, own_account(principal).id)
        session = (
            None if principal.session_id is None else await reads.get(Session, principal.session_id)
        )
        acts = await may_act(reads, account, session)
    except NotFound:
        raise NotLoggedIn from None
    if not acts:
        raise NotLoggedIn
    may(attrs.evolve(principal, account=account))
    return account


@define(eq=False)
class Logins:
    """How a principal gets an account, and gets rid of it. `dialect` is the one where the session
    works.
    """

    access: Access
    store: IStore
    directory: Directory
    sessions: Sessions
    sign_up_open: bool = True

    @operation("accounts.sign_up", anyone)
    async def sign_up(self, principal: Principal, login: str, secret: Secret) -> Account:
        """Return a new, active account: a user of the default company, whoever asks.

        Where sign-up is closed only admins make accounts this way, and others raise Forbidden.
        Raise Invalid, Taken (the login name, whatever its case) or Busy.
        """

        async def permit(reads: IReads) -> None:
            if not self.sign_up_open:
                await still(reads, principal, admins)

        if not self.sign_up_open and (principal.account is None or principal.account.role != ADMIN):
            raise Forbidden
        return await self.directory.create(
            login, secret.to_keep(), address=principal.address, permit=permit
        )

    @operation("sessions.log_in", anyone)
    async def log_in(
        self,
        principal: Principal,
        dialect: str,
        login: str,
        secret: Secret,
        exclusive: bool = False,
    ) -> LoggedIn:
        """Return a new session of the account; an exclusive one ends the account's others at this
        dialect.

        Raise LoginFailed, whatever was wrong; LoginDelayed after too many failures; Busy; Invalid
        where login name or secret are not even texts.
        """
        if not isinstance(login, str):
            raise Invalid("login", "a text")
        account = await self.directory.authenticate(login, secret.to_compare(), principal.address)
        token, session = await self.sessions.start(account, dialect, principal.address, exclusive)
        return LoggedIn(token, account, session.id)

    @operation(_RESUME, anyone)
    async def resume(self, principal: Principal, dialect: str, token: str) -> Principal:
        """Return the principal, now as the account that this token belongs to; raise
        NotLoggedIn.
        """
        session, account = await self.sessions.resume(token, dialect)
        return Principal(
            principal.dialect, principal.address, account, session.id, principal.software
        )

    @operation("accounts.authenticate", anyone)
    async def authenticate(self, principal: Principal, login: str, secret: Secret) -> Principal:
        """Return the principal as the account that has this name and secret, without a session;
        raise as `log_in` does.
        """
        account = await self.directory.authenticate(login, secret.to_compare(), principal.address)
        return attrs.evolve(principal, account=account)

    @operation("accounts.confirm", anyone)
    async def confirm(self, principal: Principal) -> Principal:
        """Return who was authenticated before; raise NotLoggedIn where the account has changed
        since, or may not act.
        """
        own = own_account(principal)
        try:
            account = await self.store.get(Account, own.id)
            if account.rev == own.rev and await may_act(self.store, account):
                return principal
        except NotFound:
            pass
        raise NotLoggedIn

    @operation("sessions.log_out", logged_in)
    async def log_out(self, principal: Principal) -> None:
        """Return when the principal's session is over."""
        if principal.session_id is not None:
            await self.sessions.end(principal.session_id)

    @operation("accounts.own", logged_in)
    async def own(self, principal: Principal) -> Account:
        """Return the account that asks, as it is now."""
        return await self.store.get(Account, own_account(principal).id)


class KeptLogin:
    """The session that the requests of one connection bring, which is nearly always the same.

    `principal` is who asks before a login.
    """

    __slots__ = ("_asking", "_dialect", "_logins", "_principal", "_resumed", "_token")

    def __init__(self, logins: Logins, principal: Principal, dialect: str) -> None:
        self._logins = logins
        self._asking = principal
        self._dialect = dialect
        self._token = ""
        self._resumed: Resumed | None = None
        self._principal = principal  # as the account of the token

    def again(self, token: str) -> Principal | None:
        """Return what `resume` would, where the token is that of the last request and nothing about
        it has changed since; None where it has to be asked, as it has where testers want faults.
        """
        resumed, access = self._resumed, self._logins.access
        if resumed is None or token != self._token or access.interference is not None:
            return None
        if not self._logins.sessions.still_holds(resumed):
            self._resumed = None
            return None
        access.note(_RESUME, self._asking, 0.0, OK)
        return self._principal

    async def resume(self, token: str) -> Principal:
        """Return the principal as the account that this token belongs to; raise NotLoggedIn."""
        principal = await self._logins.resume(self._asking, self._dialect, token)
        if principal.account is not None and principal.session_id is not None:
            self._resumed = self._logins.sessions.resumed(principal.session_id, principal.account)
            self._token, self._principal = token, principal
        return principal
