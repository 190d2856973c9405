"""The journal of the daemon, for its admins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.errors import Busy, DomainError, NotFound
from sockcrud.journal.journal import Filter, Journal, Rendered
from sockcrud.journal.watching import SLICE_SECONDS, Watcher, Watching
from sockcrud.paging import PAGE, Page, checked_limit
from sockcrud.protocols.scheduler import Scheduler


class JournalOff(DomainError):
    """The setting `journal` is 0."""

    outcome: ClassVar[str] = "journal_off"

    def __init__(self) -> None:
        super().__init__("no journal is kept: the setting journal is 0")


@frozen
class JournalEntry:
    """An entry, by the number that pages go on from."""

    id: int
    rendered: Rendered


@frozen
class Journals:
    """The operations on the journal. Where none is kept, all of them raise JournalOff."""

    access: Access
    scheduler: Scheduler
    watching: Watching | None

    @property
    def _journal(self) -> Journal:
        if self.watching is None:
            raise JournalOff
        return self.watching.journal

    @operation("journal.read", admins)
    async def read(
        self, principal: Principal, wanted: Filter, limit: int = PAGE, after: int = 0
    ) -> Page[JournalEntry]:
        """Return at most `limit` entries behind the number `after`. They are rendered in turns."""
        limit = checked_limit(limit)
        items: list[JournalEntry] = []
        began = self.scheduler.now()
        chosen = []
        for id, entry in self._journal.select(after, wanted):
            chosen.append((id, entry))
            if len(chosen) > limit:
                break
        for id, entry in chosen[:limit]:
            if self.scheduler.now() - began > SLICE_SECONDS:
                await self.scheduler.pause(principal.address)
                began = self.scheduler.now()
            items.append(JournalEntry(id, self._journal.render(id, entry)))
        return Page(items, items[-1].id if len(chosen) > limit else None)

    @operation("journal.get", admins)
    async def get(self, principal: Principal, id: int) -> Rendered:
        """Return one entry; raise NotFound where it is not, or no longer, there."""
        entry = self._journal.get(id)
        if entry is None:
            raise NotFound("journal entry", id)
        return self._journal.render(id, entry)

    @operation("journal.watch", admins)
    async def watch(
        self,
        principal: Principal,
        wanted: Filter,
        after: int | None,
        may_go_on: Callable[[], Awaitable[bool]],
    ) -> Watcher:
        """Return what gives the entries from now on, or those behind the number `after`, as long as
        it may go on; raise Busy where there are too many such already.
        """
        if self.watching is None:
            raise JournalOff
        if self.watching.is_full:
            raise Busy
        return self.watching.watch(after, wanted, may_go_on)
