"""The directory: who may log in, in which company, in which role. One for all dialects.

Its rules hold whatever door a change comes through: there is always an active admin in an active
company, and what changes an account or a company ends sessions in the same transaction. A
transaction asks for its locks in this order: `ACTIVE_ADMIN`, the default company's, a company's, an
account's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime

from sockcrud.errors import Busy, Invalid, LastAdmin, LoginFailed, NotFound, Outdated, Taken
from sockcrud.identity.lockout import STANDARD_DELAYS, Delays, Lockout
from sockcrud.identity.passwords import OURSELVES, Passwords, checked_digest
from sockcrud.identity.records import ADMIN, USER, Account, Company
from sockcrud.identity.sessions import account_lock, company_lock, end_sessions, keep, may_act
from sockcrud.peers import peer_of
from sockcrud.records import Record, checked
from sockcrud.storage.contract import IReads, IStore, ITransaction, Where

ACTIVE_ADMIN: Final = "active admin"
"""What a transaction asks for alone, and first, when it may take an admin away.
`require_active_admin` is its end.
"""

DEFAULT_COMPANY: Final = "default"

Permit = Callable[[ITransaction], Awaitable[None]]
"""Asked within the transaction, before the change: raises where whoever wants it may not, as things
stand then.
"""

_DEFAULT_COMPANY_LOCK: Final = "default company"
_MAKES_AN_ADMIN: Final = frozenset(("role", "company_id", "active"))
_PAGE: Final = 200
_VERIFICATIONS: Final = 3


async def active_admin(reads: IReads) -> Account | None:
    """Return an active admin of an active company, or None where there is none."""
    after = None
    while page := await reads.page(Account, _PAGE, after, Where("role", ADMIN)):
        for account in page:
            if await may_act(reads, account):
                return account
        after = page[-1].id
    return None


async def require_active_admin(transaction: ITransaction) -> None:
    """Raise `LastAdmin` where the changes so far leave no active admin. Ask for `ACTIVE_ADMIN`
    alone before them.
    """
    if await active_admin(transaction) is None:
        raise LastAdmin


class Directory:
    """All accounts and companies."""

    def __init__(
        self,
        store: IStore,
        passwords: Passwords,
        clock: IReactorTime,
        delays: Delays = STANDARD_DELAYS,
        default_company: str = DEFAULT_COMPANY,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._lockout = Lockout(store, clock, delays)
        self.password_replaced: Callable[[str], Awaitable[None]] | None = None
        """Told the hash of each password that has been changed. It never fails."""
        self._default_company = checked(Company, name=default_company)["name"]

    async def authenticate(self, login: str, digest: str, address: str) -> Account:
        """Return the account that has this login name and password.

        Raise `LoginFailed`, which tells neither what was wrong nor, by the work it takes, whether
        there is such an account; with `LoginDelayed` after too many failures of this name, from
        this address or from strangers; with `Busy`; with `Invalid` where the digest is none.
        """
        digest = checked_digest(digest)
        attempt = await self._lockout.admit(login, address)
        try:
            account = await self._verified(login, digest, peer_of(address))
            if account is None:
                await self._lockout.count_failure(attempt)
                raise LoginFailed
            await self._lockout.succeed(attempt)
        finally:
            attempt.end()
        return account

    async def create(
        self,
        login: str,
        digest: str,
        *,
        role: str = USER,
        company_id: int | None = None,
        active: bool = True,
        address: str = OURSELVES,
        permit: Permit | None = None,
    ) -> Account:
        """Return a new account, of the default company unless another is named. `address` is whose
        hash it is.

        Raise `Invalid`, `Taken` (the login name), `NotFound` (the company) or `Busy`.
        """
        fields = checked(Account, login=login, role=role, active=active)
        if company_id is not None:
            fields |= checked(Account, company_id=company_id)
        digest = checked_digest(digest)
        if await self._store.find(Account, "login", login) is not None:
            raise Taken(
                "Account", "login"
            )  # the store finds out too, but only after the work of a hash
        fields["password_hash"] = await self._passwords.hash(digest, peer_of(address))

        async def insert(transaction: ITransaction) -> Account:
            if permit is not None:
                await permit(transaction)
            company = company_id
            if company is None:
                company = (await self._default_company_in(transaction)).id
            return await transaction.insert(Account, **{**fields, "company_id": company})

        return await self._store.transact(insert)

    async def change(
        self,
        account_id: int,
        *,
        login: str | None = None,
        digest: str | None = None,
        role: str | None = None,
        company_id: int | None = None,
        active: bool | None = None,
        expect: int | None = None,
        own_session: int | None = None,
        address: str = OURSELVES,
        permit: Permit | None = None,
    ) -> Account:
        """Change what is named, end the account's sessions, and fire with the account. `address` is
        whose hash it is.

        `own_session`, where the account's own session makes the change, lives on unless the account
        is inactive now. Raise `Invalid` (also where nothing is named), `NotFound` (the account, the
        company), `Taken`, `Outdated`, `LastAdmin` or `Busy`; then nothing has changed.
        """
        fields = _named(Account, login=login, role=role, company_id=company_id, active=active)
        if digest is not None:
            digest = checked_digest(digest)
            await self._store.get(Account, account_id)
            fields["password_hash"] = await self._passwords.hash(digest, peer_of(address))
        elif not fields:
            raise Invalid("account", "at least one field to change")

        async def change(transaction: ITransaction) -> tuple[Account, Account]:
            if not _MAKES_AN_ADMIN.isdisjoint(fields):
                await transaction.lock(ACTIVE_ADMIN)
            await transaction.lock(account_lock(account_id))
            if permit is not None:
                await permit(transaction)
            before = await transaction.get(Account, account_id)
            after = await transaction.update(Account, account_id, expect, **fields)
            await end_sessions(transaction, account_id, but=own_session if after.active else None)
            if own_session is not None and after.company_id != before.company_id:
                await keep(transaction, own_session, account_id)
            if before.role == ADMIN and before.active and not _MAKES_AN_ADMIN.isdisjoint(fields):
                await require_active_admin(transaction)
            return before, after

        before, after = await self._store.transact(change)
        if digest is not None and self.password_replaced is not None:
            await self.password_replaced(before.password_hash)
        return after

    async def deactivate(
        self, account_id: int, *, expect: int | None = None, permit: Permit | None = None
    ) -> Account:
        """Make an account inactive, which ends all its sessions, and return it. Raise as `change`
        does.
        """
        return await self.change(account_id, active=False, expect=expect, permit=permit)

    async def create_company(
        self, name: str, *, active: bool = True, permit: Permit | None = None
    ) -> Company:
        """Return a new company. Raise `Invalid` or `Taken` (the name)."""
        fields = checked(Company, name=name, active=active)

        async def insert(transaction: ITransaction) -> Company:
            if permit is not None:
                await permit(transaction)
            return await transaction.insert(Company, **fields)

        return await self._store.transact(insert)

    async def change_company(
        self,
        company_id: int,
        *,
        name: str | None = None,
        active: bool | None = None,
        expect: int | None = None,
        permit: Permit | None = None,
    ) -> Company:
        """Rename, activate or deactivate a company, end all sessions of its accounts, and fire with
        the company.

        Raise `Invalid` (also where nothing is named), `NotFound`, `Taken`, `Outdated` or
        `LastAdmin`; then nothing has changed.
        """
        fields = _named(Company, name=name, active=active)
        if not fields:
            raise Invalid("company", "at least one field to change")

        async def change(transaction: ITransaction) -> Company:
            if active is not None:
                await transaction.lock(ACTIVE_ADMIN)
            await transaction.lock(company_lock(company_id))
            if permit is not None:
                await permit(transaction)
            before = await transaction.get(Company, company_id)
            # The new revision is above that of every session of the company's accounts, which ends
            # them (see `sessions`).
            after = await transaction.update(Company, company_id, expect, **fields)
            if before.active and not after.active:
                await require_active_admin(transaction)
            return after

        return await self._store.transact(change)

    async def default_company(self) -> Company:
        """Return the company of those who sign up; it is made where there is none."""
        return await self._store.transact(self._default_company_in)

    async def is_default_company(self, company_id: int) -> bool:
        """Return whether this is the company of those who sign up."""
        found = await self._store.find(Company, "name", self._default_company)
        return found is not None and found.id == company_id

    async def has_active_admin(self) -> bool:
        """Return whether an active admin of an active company exists."""
        return await active_admin(self._store) is not None

    async def ensure_admin(self, login: str, digest: str) -> Account | None:
        """Where there is no active admin, make one, in the default company, and fire with it; else
        fire with None.

        An account with this login name becomes that admin, with this password; an inactive default
        company is activated. Raise `Invalid` or `Busy`.
        """
        fields = checked(Account, login=login, role=ADMIN, active=True)
        digest = checked_digest(digest)
        if await self.has_active_admin():
            return None
        fields["password_hash"] = await self._passwords.hash(digest)

        async def ensure(transaction: ITransaction) -> Account | None:
            await transaction.lock(ACTIVE_ADMIN)
            if await active_admin(transaction) is not None:
                return None
            company = await self._default_company_in(transaction)
            if not company.active:
                await transaction.update(Company, company.id, active=True)
            known = await transaction.find(Account, "login", login)
            if known is None:
                return await transaction.insert(Account, **{**fields, "company_id": company.id})
            await transaction.lock(account_lock(known.id))
            await end_sessions(transaction, known.id)
            return await transaction.update(
                Account, known.id, **{**fields, "company_id": company.id}
            )

        return await self._store.transact(ensure)

    async def _default_company_in(self, transaction: ITransaction) -> Company:
        found = await transaction.find(Company, "name", self._default_company)
        if found is None:
            await transaction.lock(_DEFAULT_COMPANY_LOCK)
            found = await transaction.find(Company, "name", self._default_company)
        return found or await transaction.insert(Company, name=self._default_company, active=True)

    async def _verified(self, login: str, digest: str, peer: str) -> Account | None:
        """Return the account if the password is right and it may log in, as it is after the
        hashing.
        """
        account = await self._with_login(login)
        for _ in range(_VERIFICATIONS):
            right = await self._passwords.verify(digest, _hash_of(account), peer)
            verified, account = account, await self._with_login(login)
            if _hash_of(account) != _hash_of(verified):
                continue  # the answer was about a password that is no longer the one
            if account is None or not right or not await may_act(self._store, account):
                return None
            if not self._passwords.outdated(account.password_hash):
                return account
            if rehashed := await self._rehashed(account, digest, peer):
                return rehashed if await may_act(self._store, rehashed) else None
            account = await self._with_login(login)
        return None

    async def _with_login(self, login: str) -> Account | None:
        try:
            checked(Account, login=login)
        except Invalid:
            return None  # no store needs to cope with what can be in none
        return await self._store.find(Account, "login", login)

    async def _rehashed(self, account: Account, digest: str, peer: str) -> Account | None:
        """Return the account, its hash renewed, or None where it was changed meanwhile. Its
        sessions live on.
        """
        try:
            fresh = await self._passwords.hash(digest, peer)
            return await self._store.update(Account, account.id, account.rev, password_hash=fresh)
        except Busy:
            return account  # the next login will do
        except (NotFound, Outdated):
            return None


def _hash_of(account: Account | None) -> str | None:
    return None if account is None else account.password_hash


def _named(kind: type[Record], **values: object) -> dict[str, Any]:
    """Return those of the values that are named, checked."""
    return checked(kind, **{name: value for name, value in values.items() if value is not None})
