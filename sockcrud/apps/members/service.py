"""What members see of each other."""

from __future__ import annotations

from attrs import frozen

from sockcrud.access import Gate, Principal, logged_in, operation
from sockcrud.identity.directory import own_account
from sockcrud.identity.records import ADMIN, Account
from sockcrud.storage.contract import Given, IStore, Listing


@frozen
class Members:
    """All who may log in, as one society without companies."""

    gate: Gate
    store: IStore

    @operation("members.list", logged_in)
    async def list(self, principal: Principal) -> Listing[Account]:
        """Fire with all accounts for an admin, and with their own for others.

        All means those of all companies, as the protocol has it: nothing is looked up by an id here, and an admin is one
        everywhere, so may see them all elsewhere too.
        """
        if own_account(principal).role == ADMIN:
            return self.store.listing(Account)
        return Given([await self.store.get(Account, own_account(principal).id)])
