"""What people see of the accounts of their company, and what its admins change.

A principal is as old as its request, and a request may have been long on its way or wait long for a
hash. So whoever changes an account is asked for again within the transaction, together with what it
rests on.
"""

from __future__ import annotations

from attrs import frozen

from sockcrud.access import Access, Principal, admins, logged_in, operation
from sockcrud.errors import Forbidden, NotFound, NotLoggedIn
from sockcrud.identity.accounts import Directory
from sockcrud.identity.credentials import Secret
from sockcrud.identity.directory import own_account, still
from sockcrud.identity.records import ADMIN, Account
from sockcrud.storage.contract import IReads, IStore, RecordsAtHand, RecordStream, Where


@frozen
class Colleagues:
    """The accounts of the principal's company. Those of others look as if they did not exist.

    Whoever signs up is in the default company, among people that have nothing to do with each
    other. So who is no admin of it sees nobody else there.
    """

    access: Access
    store: IStore
    directory: Directory

    @operation("colleagues.list", logged_in)
    async def list(self, principal: Principal, id: int | None = None) -> RecordStream[Account]:
        """Return the accounts that the principal sees, as they are now, or the one that has this
        id: none elsewhere.
        """
        own = own_account(principal)
        if own.role != ADMIN and await self.directory.is_default_company(own.company_id):
            if id not in (None, own.id):
                return RecordsAtHand([])
            id = own.id
        if id is None:
            return self.store.stream(
                Account, where=Where("company_id", own.company_id), peer=principal.address
            )
        try:
            return RecordsAtHand([await _colleague(self.store, id, own.company_id)])
        except NotFound:
            return RecordsAtHand([])

    @operation("colleagues.create", admins)
    async def create(
        self, principal: Principal, login: str, secret: Secret, active: bool
    ) -> Account:
        """Return a new user of the company. Raise Invalid, Taken (the login name, in all companies)
        or Busy.
        """
        company_id = own_account(principal).company_id

        async def permit(reads: IReads) -> None:
            if (await still(reads, principal, admins)).company_id != company_id:
                # in another company since: what was meant is not what would be done
                raise NotLoggedIn

        return await self.directory.create(
            login,
            secret.to_keep(),
            company_id=company_id,
            active=active,
            address=principal.address,
            permit=permit,
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
        """Return the changed account; what is None stays. All its sessions end but the one that
        changes its own.

        Who is no admin changes its own password only: it may name its other values as they are, and
        fails with Forbidden for others, as for any other id. An admin fails with NotFound for an id
        that is not of the company. Raise Invalid, Taken, LastAdmin or Busy.
        """
        # Also before the hash, whose time would tell that there is an account of this id in another
        # company.
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
        """Return the account, inactive now, its sessions ended. Raise NotFound (not of the company)
        or LastAdmin.
        """

        async def permit(reads: IReads) -> None:
            own = await still(reads, principal, admins)
            await _colleague(reads, id, own.company_id)

        return await self.directory.deactivate(id, permit=permit)


async def _changer(
    reads: IReads, principal: Principal, id: int, login: str | None, active: bool | None
) -> Account:
    """Return the account that asks, where it may change the account `id` like this."""
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
