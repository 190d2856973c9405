"""The check of `messages`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any, Final

from sockcrud.apps.messages.client import Message
from sockcrud.client import Messages
from sockcrud.monitor.checks.base import Kit, guarded
from sockcrud.monitor.checks.record_steps import Calls, OneRecordCheck, RecordSteps
from sockcrud.monitor.checks.steps import Step

_HIGHEST: Final = 2**63 - 1


class MessageSteps(RecordSteps):
    """A message under an id of ours: the one that was free at the first run is used again in each.

    So nothing is ever added whose id is not known, and a week of checks does not use up 20,000 ids.
    """

    one, many = "message", "messages"
    calls = Calls("add", "get", "show", "", "delete")
    ours = ("data",)
    is_unique = is_alone = True
    _free = 0
    _is_clean = False
    """Whether no leftover can be there."""

    def values(self) -> dict[str, Any]:
        return {"data": f"{self.mark.text} {token_hex(8)} 'ção' \"\\", "id": self._free}

    def is_ours(self, record: Message) -> bool:
        return record.data.startswith(f"{self.mark.text} ")

    def begin(self, client: Callable[[], Any]) -> Sequence[Step]:
        self._is_clean = self._is_clean and not self.left()
        steps = [step for step in super().begin(client) if step.name != "list"]
        return Step("list", self._look), *(guarded(step, self._lacks_id) for step in steps)

    async def _look(self) -> None:
        await self._remove_leftovers(anyway=not self._is_clean)

    async def _remove_leftovers(self, anyway: bool = True) -> Sequence[Message]:
        listed = await super()._remove_leftovers(anyway)
        ids = {message.id for message in listed}
        if not self._free or self._free in ids:
            self._free = (
                next(
                    id
                    for id in range(min(max(ids, default=0), _HIGHEST - 1), -1, -1)
                    if id + 1 not in ids
                )
                + 1
            )
        self._is_clean, self._made = True, None
        return listed

    def _lacks_id(self) -> str:
        return "" if self._free else "no id is known to be free"


class MessagesCheck(OneRecordCheck):
    """Adds a message, reads it, adds it again in vain, and deletes it."""

    client = Messages

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, MessageSteps(kit.mark))
