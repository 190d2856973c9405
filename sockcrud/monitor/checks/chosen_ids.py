"""A record whose id is its client's choice: the check has one of its own, which nobody else has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sockcrud.monitor.checks.base import guarded
from sockcrud.monitor.checks.record_steps import RecordSteps
from sockcrud.monitor.checks.steps import Step

_HIGHEST: Final = 2**63 - 1


class ChosenIdSteps(RecordSteps):
    """A record under an id of ours: the one that was free at the first run is used again in each.

    So nothing is ever added whose id is not known, and a week of checks does not use up 20,000 ids.
    """

    is_unique = True
    free_id = 0
    """The id; 0 where none is known to be free."""
    _is_clean = False
    """Whether no leftover can be there."""

    def begin(self, client: Callable[[], Any]) -> Sequence[Step]:
        self._is_clean = self._is_clean and not self.left()
        steps = [step for step in super().begin(client) if step.name != "list"]
        return Step("list", self._look), *(guarded(step, self._lacks_id) for step in steps)

    async def _look(self) -> None:
        await self._remove_leftovers(anyway=not self._is_clean)

    async def _remove_leftovers(self, anyway: bool = True) -> Sequence[Any]:
        listed = await super()._remove_leftovers(anyway)
        ids = {record.id for record in listed}
        if not self.free_id or self.free_id in ids:
            below = range(min(max(ids, default=0), _HIGHEST - 1), -1, -1)
            self.free_id = next(id for id in below if id + 1 not in ids) + 1
        self._is_clean, self._made = True, None
        return listed

    def _lacks_id(self) -> str:
        return "" if self.free_id else "no id is known to be free"
