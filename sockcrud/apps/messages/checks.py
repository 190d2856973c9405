"""The check of `messages`."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from sockcrud.apps.messages.client import Message
from sockcrud.client import Messages
from sockcrud.monitor.checks.base import Kit
from sockcrud.monitor.checks.chosen_ids import ChosenIdSteps
from sockcrud.monitor.checks.record_steps import Calls, OneRecordCheck


class MessageSteps(ChosenIdSteps):
    """A message, which is known by the beginning of its text."""

    one, many = "message", "messages"
    calls = Calls("add", "get", "show", "", "delete")
    ours = ("data",)
    is_alone = True

    def values(self) -> dict[str, Any]:
        return {"data": f"{self.mark.text} {token_hex(8)} 'ção' \"\\", "id": self.free_id}

    def is_ours(self, record: Message) -> bool:
        return record.data.startswith(f"{self.mark.text} ")


class MessagesCheck(OneRecordCheck):
    """Adds a message, reads it, adds it again in vain, and deletes it."""

    client = Messages

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, MessageSteps(kit.mark))
