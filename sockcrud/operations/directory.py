"""The accounts: signing up, logging in and out, what people see of each other, and what admins of a company change.

A principal is as old as its request, and a request may have been long on its way or wait long for a hash. So whoever
changes an account is asked for again within the transaction, together with what it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

import attrs
from attrs import frozen

from sockcrud.accounts import Directory
from sockcrud.errors import Forbidden, Invalid, NotFound, NotLoggedIn
from sockcrud.model import ADMIN, Account, Session
from sockcrud.operations.gate import Gate, Permission, Principal, admins, anyone, logged_in, operation
from sockcrud.operations.values import Secret
from sockcrud.sessions import Sessions, may_act
from sockcrud.stores.interfaces import IReads, IStore, Listing, R, Where


@frozen
class LoggedIn:
    """A login that has succeeded. The token is told to its owner, now and never again, and to nobody else."""

    token: str = attrs.field(repr=False)
    account: Account
    session_id: int


class Given(Generic[R]):
    """A `Listing` of records that are at hand already."""

    def __init__(self, records: Sequence[R]) -> None:
        self._records = records
        self.ended = not records

    def __aiter__(self) -> Given[R]:
        return self

    async def __anext__(self) -> Sequence[R]:
        if self.ended:
            raise StopAsyncIteration
        self.ended = True
        return self._records

    def close(self) -> None:
        self.ended = True


def own_account(principal: Principal) -> Account:
    """Give the account that asks; raise NotLoggedIn where there is none."""
    if principal.account is None:
        raise NotLoggedIn
    return principal.account


async def still(reads: IReads, principal: Principal, may: Permission) -> Account:
    """Fire with the account that asks, as it is now. Fail as `may` does, or with NotLoggedIn where the login is over."""
    try:
        account = await reads.get(Account, own_account(principal).id)
        session = None if principal.session_id is None else await reads.get(Session, principal.session_id)
        acts = await may_act(reads, account, session)
    except NotFound:
        raise NotLoggedIn from None
    if not acts:
        raise NotLoggedIn
    may(attrs.evolve(principal, account=account))
    return account


@frozen
class Logins:
    """How a principal gets an account, and gets rid of it. `dialect` is the one where the session works."""

    gate: Gate
    store: IStore
    directory: Directory
    sessions: Sessions
    sign_up_open: bool = True

    @operation("accounts.sign_up", anyone)
    async def sign_up(self, principal: Principal, login: str, secret: Secret) -> Account:
        """Fire with a new, active account: a user of the default company, whoever asks.

        Where sign-up is closed only admins make accounts this way, and others fail with Forbidden. Fail with Invalid,
        Taken (the login name, whatever its case) or Busy.
        """

        async def permit(reads: IReads) -> None:
            if not self.sign_up_open:
                await still(reads, principal, admins)

        if not self.sign_up_open and (principal.account is None or principal.account.role != ADMIN):
            raise Forbidden
        return await self.directory.create(login, secret.to_keep(), address=principal.address, permit=permit)

    @operation("sessions.log_in", anyone)
    async def log_in(self, principal: Principal, dialect: str, login: str, secret: Secret, exclusive: bool = False) -> LoggedIn:
        """Fire with a new session of the account; an exclusive one ends the account's others at this dialect.

        Fail with LoginFailed, whatever was wrong; with LoginDelayed after too many failures; with Busy; with Invalid
        where login name or secret are not even texts.
        """
        if not isinstance(login, str):
            raise Invalid("login", "a text")
        account = await self.directory.authenticate(login, secret.to_compare(), principal.address)
        token, session = await self.sessions.start(account, dialect, principal.address, exclusive)
        return LoggedIn(token, account, session.id)

    @operation("sessions.resume", anyone)
    async def resume(self, principal: Principal, dialect: str, token: str) -> Principal:
        """Fire with the principal, now as the account that this token belongs to; fail with NotLoggedIn."""
        session, account = await self.sessions.resume(token, dialect)
        return Principal(principal.dialect, principal.address, account, session.id)

    @operation("accounts.authenticate", anyone)
    async def authenticate(self, principal: Principal, login: str, secret: Secret) -> Principal:
        """Return the principal as the account that has this name and secret, without a session; raise as `log_in` does."""
        account = await self.directory.authenticate(login, secret.to_compare(), principal.address)
        return attrs.evolve(principal, account=account)

    @operation("accounts.confirm", anyone)
    async def confirm(self, principal: Principal) -> Principal:
        """Return who was authenticated before; raise NotLoggedIn where the account has changed since, or may not act."""
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
        """Fire when the principal's session is over."""
        if principal.session_id is not None:
            await self.sessions.end(principal.session_id)

    @operation("accounts.own", logged_in)
    async def own(self, principal: Principal) -> Account:
        """Fire with the account that asks, as it is now."""
        return await self.store.get(Account, own_account(principal).id)


@frozen
class Members:
    """All who may log in, as one society without companies."""

    gate: Gate
    store: IStore

    @operation("members.list", logged_in)
    async def list(self, principal: Principal) -> Listing[Account]:
        """Fire with all accounts for an admin, and with their own for others.

        All means those of all companies, as the document has it: nothing is looked up by an id here, and an admin is one
        everywhere, so may see them all elsewhere too.
        """
        if own_account(principal).role == ADMIN:
            return self.store.listing(Account)
        return Given([await self.store.get(Account, own_account(principal).id)])


@frozen
class Colleagues:
    """The accounts of the principal's company. Those of others look as if they did not exist.

    Whoever signs up is in the default company, among people that have nothing to do with each other. So who is no admin of
    it sees nobody else there.
    """

    gate: Gate
    store: IStore
    directory: Directory

    @operation("colleagues.list", logged_in)
    async def list(self, principal: Principal, id: int | None = None) -> Listing[Account]:
        """Return the accounts that the principal sees, as they are now, or the one that has this id: none elsewhere."""
        own = own_account(principal)
        if own.role != ADMIN and await self.directory.is_default_company(own.company_id):
            if id not in (None, own.id):
                return Given([])
            id = own.id
        if id is None:
            return self.store.listing(Account, where=Where("company_id", own.company_id))
        try:
            return Given([await _colleague(self.store, id, own.company_id)])
        except NotFound:
            return Given([])

    @operation("colleagues.create", admins)
    async def create(self, principal: Principal, login: str, secret: Secret, active: bool) -> Account:
        """Fire with a new user of the company. Fail with Invalid, Taken (the login name, in all companies) or Busy."""
        company_id = own_account(principal).company_id

        async def permit(reads: IReads) -> None:
            if (await still(reads, principal, admins)).company_id != company_id:
                raise NotLoggedIn  # in another company since: what was meant is not what would be done

        return await self.directory.create(
            login, secret.to_keep(), company_id=company_id, active=active, address=principal.address, permit=permit
        )

    @operation("colleagues.change", logged_in)
    async def change(
        self,
        principal: Principal,
        id: int,
        *,
        login: str | None = None,
        secret: Secret | None = None,
        active: bool | None = None,
    ) -> Account:
        """Fire with the changed account; what is None stays. All its sessions end but the one that changes its own.

        Who is no admin changes its own password only: it may name its other values as they are, and fails with Forbidden
        for others, as for any other id. An admin fails with NotFound for an id that is not of the company. Fail with
        Invalid, Taken, LastAdmin or Busy.
        """
        # Also before the hash, whose time would tell that there is an account of this id in another company.
        own = await _changer(self.store, principal, id, login, active)
        if own.role != ADMIN and secret is None:
            return own  # every value is named as it is

        async def permit(reads: IReads) -> None:
            await _changer(reads, principal, id, login, active)

        return await self.directory.change(
            id,
            login=login,
            digest=None if secret is None else secret.to_keep(),
            active=active,
            own_session=principal.session_id,
            address=principal.address,
            permit=permit,
        )

    @operation("colleagues.deactivate", admins)
    async def deactivate(self, principal: Principal, id: int) -> Account:
        """Fire with the account, inactive now, its sessions ended. Fail with NotFound (not of the company) or LastAdmin."""

        async def permit(reads: IReads) -> None:
            own = await still(reads, principal, admins)
            await _colleague(reads, id, own.company_id)

        return await self.directory.deactivate(id, permit=permit)


async def _changer(reads: IReads, principal: Principal, id: int, login: str | None, active: bool | None) -> Account:
    """Fire with the account that asks, where it may change the account `id` like this."""
    own = await still(reads, principal, logged_in)
    if own.role == ADMIN:
        await _colleague(reads, id, own.company_id)
    elif id != own.id or login not in (None, own.login) or active not in (None, own.active):
        raise Forbidden
    return own


async def _colleague(reads: IReads, id: int, company_id: int) -> Account:
    account = await reads.get(Account, id)
    if account.company_id != company_id:
        raise NotFound("Account", id)
    return account
