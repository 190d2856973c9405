"""The check of `messages`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from secrets import token_hex
from typing import Final

from sockcrud.client import Messages
from sockcrud.client.errors import AlreadyExists, NotFound
from sockcrud.monitor.checks.base import Kit, ShortList, SystemCheck, expect, expect_refusal, gone, step
from sockcrud.monitor.checks.steps import Skipped

_HIGHEST: Final = 2**63 - 1


class MessagesCheck(SystemCheck):
    """Adds a message, reads it, adds it again in vain, and deletes it.

    Ids are the client's: the one that was free at the first run is used again in each. So nothing is ever added whose id
    is not known, and a week of checks does not use up 20,000 ids.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._id: int | None = None
        self._stream = ShortList("messages")
        self._may_be_left = False
        """Whether a message may be there that this process has added."""
        self._clean = False
        """Whether no leftover can be there."""

    @property
    def _messages(self) -> Messages:
        return self.open(Messages)

    def begin(self) -> None:
        self._text = f"{self.kit.mark.text} {token_hex(8)} 'ção' \"\\"

    @step("list")
    async def _list(self) -> None:
        await self._remove_leftovers(anyway=not self._clean)

    async def _remove_leftovers(self, anyway: bool = True) -> None:
        """Delete what carries the mark; find out which id is free."""
        listed = await self._stream.fetch(self._messages.show, anyway=anyway)
        for message in listed:
            if message.data.startswith(self.kit.mark.text + " "):
                await gone(self._messages.delete(message.id))
        ids = {message.id for message in listed}
        if self._id is None or self._id in ids:
            self._id = next(id for id in range(min(max(ids, default=0), _HIGHEST - 1), -1, -1) if id + 1 not in ids) + 1
        self._clean, self._may_be_left = True, False

    @step("add")
    async def _add(self) -> None:
        if self._id is None:
            raise Skipped("no id is known to be free")
        self._clean, self._may_be_left = False, True
        try:
            await self._messages.add(self._text, self._id)
        except AlreadyExists:
            # Somebody was faster.
            await self._remove_leftovers()
            self._clean, self._may_be_left = False, True
            await self._messages.add(self._text, self._id)

    @step("read")
    async def _read(self) -> None:
        expect("the message", (await self._messages.get(self._known())).data, self._text)

    @step("add again")
    async def _add_again(self) -> None:
        await expect_refusal("adding it once more", self._messages.add(self._text, self._known()), AlreadyExists)

    @step("delete")
    async def _delete(self) -> None:
        await self._messages.delete(self._known())

    @step("read the deleted")
    async def _read_the_deleted(self) -> None:
        await expect_refusal("reading the deleted message", self._messages.get(self._known()), NotFound)
        self._clean, self._may_be_left = True, False

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        return [self._remove_leftovers] if self._may_be_left else []

    def _known(self) -> int:
        if self._id is None:
            raise Skipped("no message was added")
        return self._id
