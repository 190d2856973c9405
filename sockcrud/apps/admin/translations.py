"""Requests in other words, for the daemon's admins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.apps.admin.journal import JournalOff
from sockcrud.errors import Invalid, NotFound
from sockcrud.journal.journal import Journal
from sockcrud.journal.translating.declared import as_sent, translator
from sockcrud.journal.translating.translator import Translation
from sockcrud.peers import is_local

if TYPE_CHECKING:
    from sockcrud.app import Apps

LONGEST: int = 64 * 1024
"""Characters of a request that is to be translated: the work is that of the journal for as many."""

Places = Callable[[str, bool], Mapping[str, str | None]]


@frozen
class Translations:
    """The operations. `journal` is None where none is kept."""

    access: Access
    apps: Apps
    places: Places
    journal: Journal | None

    @operation("journal.translate", admins)
    async def of_entry(self, principal: Principal, id: int, host: str) -> Sequence[Translation]:
        """Return the translations of a request of the journal, for who has reached the daemon as
        this host; raise NotFound, JournalOff, or Invalid where not all of it was kept.
        """
        if self.journal is None:
            raise JournalOff
        entry = self.journal.get(id)
        if entry is None or len(entry) == 3:
            raise NotFound("request in the journal", id)
        rendered = self.journal.render(id, entry)
        if rendered["request"]["cut"]:
            raise Invalid("id", "a request of which all was kept")
        return translator(self.apps, self._at(principal, host)).of_entry(rendered)

    @operation("journal.translate", admins)
    async def of_text(
        self, principal: Principal, dialect: str, text: str, host: str
    ) -> Sequence[Translation]:
        """Return the translations of a request that somebody typed; raise Invalid."""
        names = [each.name for each in self.apps.dialects]
        if dialect not in names:
            raise Invalid("dialect", f"one of {', '.join(names)}")
        if not isinstance(text, str) or len(text) > LONGEST:
            raise Invalid("request", f"a text of at most {LONGEST} characters")
        try:
            raw = as_sent(self.apps, dialect, text)
        except UnicodeEncodeError:
            raise Invalid("request", "a text without lone surrogates") from None
        return translator(self.apps, self._at(principal, host)).of_bytes(dialect, raw)

    def _at(self, principal: Principal, host: str) -> Mapping[str, str | None]:
        return self.places(host, is_local(principal.address))
