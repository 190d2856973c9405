"""The check of `messages`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Final

from sockcrud.client import Messages
from sockcrud.client.errors import AlreadyExists, NotFound
from sockcrud.monitor.checks.common import Mark, ShortList, all_of, expect, expect_refusal, gone
from sockcrud.monitor.steps import Skipped, Step

_HIGHEST: Final = 2**63 - 1


class MessagesCheck:
    """Adds a message, reads it, adds it again in vain, and deletes it.

    Ids are the client's: the one that was free at the first run is used again in each. So nothing is ever added whose id
    is not known, and a week of checks does not use up 20,000 ids.
    """

    name = "messages"

    def __init__(self, connect: Callable[[], Messages], mark: Mark) -> None:
        self._connect = connect
        self._mark = mark
        self._client: Messages | None = None
        self._id: int | None = None
        self._listing = ShortList("messages")
        self._may_be_left = False
        """Whether a message may be there that this process has added."""
        self._clean = False
        """Whether no leftover can be there."""

    def steps(self) -> Sequence[Step]:
        self._messages = self._client = self._connect()
        self._text = f"{self._mark.text} {token_hex(8)} 'ção' \"\\"
        return (
            Step("list", self._list),
            Step("add", self._add),
            Step("read", self._read),
            Step("add again", self._add_again),
            Step("delete", self._delete),
            Step("read the deleted", self._read_the_deleted),
        )

    async def clean_up(self) -> str:
        client, self._client = self._client, None
        if client is None:
            return ""
        await client.close()  # what was asked for and not answered keeps it busy
        if not self._may_be_left:
            return ""
        self._messages = self._connect()
        try:
            return await all_of(self._remove_leftovers)
        finally:
            await self._messages.close()

    async def _list(self) -> None:
        await self._remove_leftovers(anyway=not self._clean)

    async def _remove_leftovers(self, anyway: bool = True) -> None:
        """Delete what carries the mark; find out which id is free."""
        listed = await self._listing.fetch(self._messages.show, anyway=anyway)
        for message in listed:
            if message.data.startswith(self._mark.text + " "):
                await gone(self._messages.delete(message.id))
        ids = {message.id for message in listed}
        if self._id is None or self._id in ids:
            self._id = next(id for id in range(min(max(ids, default=0), _HIGHEST - 1), -1, -1) if id + 1 not in ids) + 1
        self._clean, self._may_be_left = True, False

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

    async def _read(self) -> None:
        expect("the message", (await self._messages.get(self._known())).data, self._text)

    async def _add_again(self) -> None:
        await expect_refusal("adding it once more", self._messages.add(self._text, self._known()), AlreadyExists)

    async def _delete(self) -> None:
        await self._messages.delete(self._known())

    async def _read_the_deleted(self) -> None:
        await expect_refusal("reading the deleted message", self._messages.get(self._known()), NotFound)
        self._clean, self._may_be_left = True, False

    def _known(self) -> int:
        if self._id is None:
            raise Skipped("no message was added")
        return self._id
