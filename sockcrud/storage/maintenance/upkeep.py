"""Looking after the file of a store while the daemon serves it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.errors import NoFile
from sockcrud.storage.contract import Copied, IInFile, IStore


@frozen
class Upkeep:
    """What an admin can do about the store's file. All of it fails with NoFile where the store has
    none.
    """

    access: Access
    store: IStore

    @operation("store.check", admins)
    async def check(self, principal: Principal) -> Sequence[str]:
        """Return what is wrong with the file, in itself and beside what is served, a line each."""
        return await self._in_file().check()

    @operation("store.copy", admins)
    async def copy(self, principal: Principal) -> Copied:
        """Return a copy of the file as it is at a moment, the hashes of passwords and tokens in
        it.
        """
        return await self._in_file().copied()

    def _in_file(self) -> IInFile:
        if not IInFile.providedBy(self.store):
            raise NoFile
        store: IInFile = self.store
        return store
