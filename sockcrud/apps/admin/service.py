"""What an admin can do, wherever it belongs: all accounts, all companies, all sessions, and what
has changed.
"""

from __future__ import annotations

from datetime import date, datetime

import attrs
from attrs import frozen

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.errors import Invalid, NotFound
from sockcrud.identity.accounts import Directory, Permit
from sockcrud.identity.credentials import Secret
from sockcrud.identity.directory import still
from sockcrud.identity.records import USER, Account, Company, Session
from sockcrud.identity.sessions import account_lock, alive_in_company, end_sessions
from sockcrud.ledger.records import Usage
from sockcrud.ledger.rows import Report, report
from sockcrud.paging import PAGE, Page, checked_limit
from sockcrud.storage.contract import Change, IStore, ITransaction, R, Where
from sockcrud.storage.maintenance.record_lines import without_secrets


@frozen
class LiveSession:
    """A session without what would let anybody in."""

    id: int
    account_id: int
    dialect: str
    address: str
    created_at: datetime
    used_at: datetime


@frozen
class Administration:
    """The admin's operations. Any of them fails with NotLoggedIn without a login, and with
    Forbidden for others.
    """

    access: Access
    store: IStore
    directory: Directory

    @operation("administration.enter", admins)
    async def enter(self, principal: Principal) -> None:
        """Return for an admin, before anything of what is asked for is looked at or taken in."""

    @operation("accounts.list", admins)
    async def accounts(
        self, principal: Principal, limit: int = PAGE, after: int | None = None
    ) -> Page[Account]:
        """Return at most `limit` accounts, those with an id above `after`."""
        return await self._page(Account, limit, after)

    @operation("accounts.get", admins)
    async def account(self, principal: Principal, id: int) -> Account:
        """Return the account; raise NotFound."""
        return await self.store.get(Account, id)

    @operation("accounts.create", admins)
    async def create_account(
        self,
        principal: Principal,
        login: str,
        secret: Secret,
        role: str = USER,
        company_id: int | None = None,
        active: bool = True,
    ) -> Account:
        """Return a new account, of the default company unless another is named.

        Raise Invalid, Taken (the login name), NotFound (the company) or Busy.
        """
        return await self.directory.create(
            login,
            secret.to_keep(),
            role=role,
            company_id=company_id,
            active=active,
            address=principal.address,
            permit=_permit(principal),
        )

    @operation("accounts.change", admins)
    async def change_account(
        self,
        principal: Principal,
        id: int,
        *,
        login: str | None = None,
        secret: Secret | None = None,
        role: str | None = None,
        company_id: int | None = None,
        active: bool | None = None,
        expect: int | None = None,
    ) -> Account:
        """Return the changed account; what is None stays. All its sessions end but the one that
        changes its own.

        Raise Invalid (also where nothing is named), NotFound (the account, the company), Taken,
        Outdated, LastAdmin or Busy.
        """
        return await self.directory.change(
            id,
            login=login,
            digest=None if secret is None else secret.to_keep(),
            role=role,
            company_id=company_id,
            active=active,
            expect=expect,
            own_session=principal.session_id,
            address=principal.address,
            permit=_permit(principal),
        )

    @operation("accounts.deactivate", admins)
    async def deactivate_account(
        self, principal: Principal, id: int, expect: int | None = None
    ) -> Account:
        """Return the account, inactive now, its sessions ended. Raise NotFound, Outdated or
        LastAdmin.
        """
        return await self.directory.deactivate(id, expect=expect, permit=_permit(principal))

    @operation("companies.list", admins)
    async def companies(
        self, principal: Principal, limit: int = PAGE, after: int | None = None
    ) -> Page[Company]:
        """Return at most `limit` companies, those with an id above `after`."""
        return await self._page(Company, limit, after)

    @operation("companies.get", admins)
    async def company(self, principal: Principal, id: int) -> Company:
        """Return the company; raise NotFound."""
        return await self.store.get(Company, id)

    @operation("companies.create", admins)
    async def create_company(self, principal: Principal, name: str, active: bool = True) -> Company:
        """Return a new company. Raise Invalid or Taken (the name)."""
        return await self.directory.create_company(name, active=active, permit=_permit(principal))

    @operation("companies.change", admins)
    async def change_company(
        self,
        principal: Principal,
        id: int,
        *,
        name: str | None = None,
        active: bool | None = None,
        expect: int | None = None,
    ) -> Company:
        """Return the company, renamed, activated or deactivated; what is None stays. All sessions
        of its accounts end.

        Raise Invalid (also where nothing is named), NotFound, Taken, Outdated or LastAdmin.
        """
        return await self.directory.change_company(
            id, name=name, active=active, expect=expect, permit=_permit(principal)
        )

    @operation("sessions.list", admins)
    async def sessions(
        self,
        principal: Principal,
        limit: int = PAGE,
        after: int | None = None,
        account_id: int | None = None,
    ) -> Page[LiveSession]:
        """Return at most `limit` sessions, those with an id above `after`, of one account or of
        all.

        One that has been idle too long, or is too old, may show until it is swept. There may be
        fewer than `limit` with a rest behind them.
        """
        where = None if account_id is None else Where("account_id", account_id)
        page = await self._page(Session, limit, after, where)
        alive = await alive_in_company(self.store, page.items)
        return Page([_without_token(session) for session in alive], page.next)

    @operation("sessions.end", admins)
    async def end_session(self, principal: Principal, id: int) -> None:
        """Return when the session is over; raise NotFound."""

        async def end(transaction: ITransaction) -> None:
            await still(transaction, principal, admins)
            if not await alive_in_company(transaction, [await transaction.get(Session, id)]):
                raise NotFound(Session.__name__, id)
            await transaction.delete(Session, id)

        await self.store.transact(end)

    @operation("sessions.end_all", admins)
    async def end_sessions(self, principal: Principal, account_id: int) -> int:
        """End all sessions of an account, and fire with how many these were; raise NotFound (the
        account).
        """

        async def end(transaction: ITransaction) -> int:
            await transaction.lock(account_lock(account_id))
            await still(transaction, principal, admins)
            await transaction.get(Account, account_id)
            return await end_sessions(transaction, account_id)

        return await self.store.transact(end)

    @operation("changes.list", admins)
    async def changes(self, principal: Principal, since: int, limit: int = PAGE) -> list[Change]:
        """Return at most `limit` changes after revision `since`, password hashes hidden.

        The revision of the last one is what to ask for the rest `since`. Raise Invalid or
        HistoryGone.
        """
        if type(since) is not int:
            raise Invalid("since", "a whole number")
        return [
            _without_secrets(change)
            for change in await self.store.changes(since, checked_limit(limit))
        ]

    @operation("ledger.list", admins)
    async def usage(
        self,
        principal: Principal,
        since: date | None = None,
        dialect: str | None = None,
        limit: int = PAGE,
        after: int | None = None,
    ) -> Page[Report]:
        """Return who has used which dialect since a day, and for what. There may be fewer than
        `limit` with a rest behind them.
        """
        where = None if dialect is None else Where("dialect", dialect)
        page = await self._page(Usage, limit, after, where)
        rows = [report(usage, since) for usage in page.items]
        return Page([row for row in rows if row is not None], page.next)

    async def _page(
        self, kind: type[R], limit: int, after: int | None, where: Where | None = None
    ) -> Page[R]:
        # One more than wanted tells whether there is a rest.
        records = await self.store.page(kind, checked_limit(limit) + 1, after, where)
        if len(records) <= limit:
            return Page(records, None)
        return Page(records[:limit], records[limit - 1].id)


def _permit(principal: Principal) -> Permit:
    async def permit(transaction: ITransaction) -> None:
        await still(transaction, principal, admins)

    return permit


def _without_token(session: Session) -> LiveSession:
    return LiveSession(
        session.id,
        session.account_id,
        session.dialect,
        session.address,
        session.created_at,
        session.used_at,
    )


def _without_secrets(change: Change) -> Change:
    return (
        change
        if change.record is None
        else attrs.evolve(change, record=without_secrets(change.record))
    )
