"""How the daemon does: whether it listens and its store can be reached, its figures, and what it
serves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError

from sockcrud.access import Access, Principal, admins, anyone, operation
from sockcrud.errors import Unavailable
from sockcrud.identity.records import Company
from sockcrud.peers import is_local
from sockcrud.storage.contract import IStore

STORE_SECONDS: Final = 2.0
"""A store that takes longer to answer is as good as out of reach."""


@frozen
class Health:
    """Which dialects listen, of those that should, and whether the store can be reached."""

    listening: Mapping[str, bool]
    store_reachable: bool
    unknown_kinds: Sequence[str] = ()
    """Kinds of records that are in the store and of no app in use: they stay as they are."""

    @property
    def good(self) -> bool:
        """Whether nothing is missing."""
        return self.store_reachable and all(self.listening.values())


@frozen
class Status:
    """What can be asked about the daemon itself. `listening`, `figures`, `description` and
    `places` are where
    that is known.
    """

    access: Access
    store: IStore
    listening: Callable[[], Mapping[str, bool]]
    figures: Callable[[], Awaitable[bytes]]
    description: Callable[[], bytes]
    places: Callable[[str, bool], Mapping[str, str | None]] = lambda host, is_local: {}

    @operation("health.read", anyone)
    async def health(self, principal: Principal) -> Health:
        """Return the health. It is known in any case within `STORE_SECONDS`."""
        return Health(dict(self.listening()), await self._reachable(), self.store.unknown_kinds)

    @operation("figures.read", anyone)
    async def read_figures(self, principal: Principal) -> bytes:
        """Return the figures for whoever collects them."""
        return await self.figures()

    @operation("description.read", admins)
    async def read_description(self, principal: Principal) -> bytes:
        """Return the description of what the daemon serves, for programs."""
        return self.description()

    @operation("places.read", anyone)
    async def find_dialects(self, principal: Principal, host: str) -> Mapping[str, str | None]:
        """Return where each dialect is for who has reached the daemon as this host, None where only
        its own machine reaches it.
        """
        return self.places(host, is_local(principal.address))

    async def _reachable(self) -> bool:
        async def ask() -> int:
            return await self.store.count(Company)

        asking = Deferred.fromCoroutine(ask())
        try:
            await asking.addTimeout(STORE_SECONDS, self.access.clock)
        except (Unavailable, TimeoutError):
            return False
        return True
