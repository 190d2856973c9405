"""What can be done with messages."""

from __future__ import annotations

from collections.abc import Awaitable

from attrs import frozen

from sockcrud.access import Access, Principal, anyone, operation
from sockcrud.app import Editing
from sockcrud.apps.messages.records import Message
from sockcrud.records import checked
from sockcrud.storage.contract import IStore, RecordStream


@frozen
class Messages:
    """The messages' operations. They have no login of their own: whoever reaches them may use
    them.
    """

    access: Access
    store: IStore

    @operation("messages.list", anyone)
    async def list(self, principal: Principal) -> RecordStream[Message]:
        """Return all messages as they are now."""
        return self.store.stream(Message, peer=principal.address)

    @operation("messages.get", anyone)
    def get(self, principal: Principal, id: int) -> Awaitable[Message]:
        """Return the message; raise NotFound."""
        return self.store.get(Message, id)

    @operation("messages.add", anyone)
    async def add(self, principal: Principal, id: int | None, data: str) -> Message:
        """Return the new message, under the id given or one the store finds; raise Taken where
        there is one already.
        """
        return await self.store.insert(Message, id, **checked(Message, data=data))

    @operation("messages.delete", anyone)
    async def delete(self, principal: Principal, id: int, expect: int | None = None) -> None:
        """Return when the message is gone; raise NotFound or Outdated."""
        await self.store.delete(Message, id, expect)


def editing(access: Access, store: IStore) -> Editing:
    """Return what admins may do to messages: as clients do, they add and delete them."""
    messages = Messages(access, store)
    return Editing(create=messages.add, created=("data",), delete=messages.delete)
