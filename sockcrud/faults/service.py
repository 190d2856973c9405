"""The operations on faults: they are an admin's, and only where the daemon allows faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.errors import DomainError
from sockcrud.faults.acting import Faults
from sockcrud.faults.rules import Rule


class FaultsRefused(DomainError):
    """The daemon was not started for tests."""

    outcome = "faults_refused"

    def __init__(self) -> None:
        super().__init__("this daemon takes no faults: expected allow_faults = yes at its start")


@frozen
class FaultOperations:
    """What an admin can do about faults. All of it fails with FaultsRefused where there are to be
    none.
    """

    access: Access
    faults: Faults | None

    @operation("faults.list", admins)
    async def list(self, principal: Principal) -> list[Rule]:
        """Return the faults that have not passed."""
        return self._allowed().all()

    @operation("faults.add", admins)
    async def add(self, principal: Principal, given: Mapping[str, Any]) -> Rule:
        """Return a new fault; raise Invalid or QuotaExceeded."""
        return self._allowed().add(given)

    @operation("faults.remove", admins)
    async def remove(self, principal: Principal, id: int) -> None:
        """Return when the fault is gone; raise NotFound."""
        self._allowed().remove(id)

    @operation("faults.clear", admins)
    async def clear(self, principal: Principal) -> int:
        """Take all faults back, and return how many these were."""
        return self._allowed().clear()

    def _allowed(self) -> Faults:
        if self.faults is None:
            raise FaultsRefused
        return self.faults
