"""What members see of each other."""

from __future__ import annotations

from attrs import frozen

from sockcrud.access import Access, Principal, logged_in, operation
from sockcrud.identity.directory import own_account
from sockcrud.identity.records import ADMIN, Account
from sockcrud.storage.contract import IStore, RecordsAtHand, RecordStream


@frozen
class Members:
    """All who may log in, as one society without companies."""

    access: Access
    store: IStore

    @operation("members.list", logged_in)
    async def list(self, principal: Principal) -> RecordStream[Account]:
        """Return all accounts for an admin, and with their own for others.

        All means those of all companies, as the protocol has it: nothing is looked up by an id
        here, and an admin is one everywhere, so may see them all elsewhere too.
        """
        if own_account(principal).role == ADMIN:
            return self.store.stream(Account, peer=principal.address)
        return RecordsAtHand([await self.store.get(Account, own_account(principal).id)])
