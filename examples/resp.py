"""The messages as Redis speaks: PING, GET, SET, DEL and EXISTS in RESP, so that redis-cli can be
their client.

A key is the number of a message, a value its text.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from sockcrud import App, Dialect
from sockcrud.access import Principal, anyone, operation
from sockcrud.apps.messages.records import Message
from sockcrud.apps.messages.service import Messages
from sockcrud.errors import Busy, DomainError, Invalid, NotFound, Unavailable
from sockcrud.protocols import LATER, ByteDialect, Later, Malformed, WireLimits, append_received
from sockcrud.records import checked
from sockcrud.records.json_fields import whole_of_text
from sockcrud.serving import Serving
from sockcrud.storage.contract import ITransaction

Command = list[bytes]
MOST_KEYS: Final = 100

_COUNT: Final = re.compile(rb"\*([0-9]{1,7})")
_LENGTH: Final = re.compile(rb"\$([0-9]{1,7})")
_LONGEST_NUMBER: Final = 10


class CommandFramer:
    r"""Commands as RESP sends them: `*2\r\n$3\r\nGET\r\n$1\r\n7\r\n` is GET 7. Of all of one, at
    most `longest` bytes.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._data: bytes | bytearray = b""
        self._at = 0  # where what was not taken begins
        self._words: Command = []  # of the command that is under way
        self._due = 0  # words of it that are still to come
        self._length = -1  # of the next of them, where that is known
        self._size = 0  # bytes of it that were taken

    @property
    def pending(self) -> int:
        return len(self._data) - self._at + self._size

    def feed(self, data: bytes) -> None:
        self._data = append_received(self._data, self._at, data)
        self._at = 0

    def end(self) -> None:
        """Nothing to do: what is unfinished stays so."""

    def next(self) -> Command | Malformed | Later | None:
        for _ in range(500):
            found = self._number() if self._length < 0 else self._word()
            if found is not LATER:
                return found
            if self._words and not self._due:
                command, self._words, self._size = self._words, [], 0
                return command
        return LATER

    def _number(self) -> Malformed | Later | None:
        """Take how many words a command has, or how long its next word is; None where that has not
        come.
        """
        end = self._data.find(b"\r\n", self._at, self._at + _LONGEST_NUMBER)
        if end < 0 and len(self._data) - self._at < _LONGEST_NUMBER:
            return None
        found = (_LENGTH if self._due else _COUNT).fullmatch(self._data[self._at : max(end, 0)])
        if found is None:
            return self._broken("an array of bulk strings")
        self._size += end + 2 - self._at
        self._at = end + 2
        if self._due:
            self._length = int(found[1])
        else:
            self._due = int(found[1])
            self._size *= self._due > 0  # no words are no command
        return (
            LATER
            if self._size + max(self._length, 0) <= self._longest
            else self._broken(f"at most {self._longest} bytes")
        )

    def _word(self) -> Malformed | Later | None:
        end = self._at + self._length
        if len(self._data) < end + 2:
            return None
        if self._data[end : end + 2] != b"\r\n":
            return self._broken("a bulk string of the length that was said")
        self._words.append(bytes(self._data[self._at : end]))
        self._size += self._length + 2
        self._at, self._length, self._due = end + 2, -1, self._due - 1
        return LATER

    def _broken(self, expected: str) -> Malformed:
        self._data, self._at, self._size = b"", 0, 0
        return Malformed(expected, last=True)


class Values(Messages):
    """The messages, which may be overwritten here."""

    @operation("messages.put", anyone)
    async def put(self, principal: Principal, id: int, data: str) -> None:
        """Have this text under this id, whether there was one or not."""
        fields = checked(Message, data=data)

        async def put(transaction: ITransaction) -> None:
            with suppress(NotFound):
                await transaction.delete(Message, id)
            await transaction.insert(Message, id, **fields)

        await self.store.transact(put)


class Resp(ByteDialect[Command, str]):
    """RESP behind one connection."""

    words = {  # noqa: RUF012
        NotFound: "$-1",
        Invalid: "-ERR {field}: expected {expected}",
        Busy: "-ERR max number of clients reached",
        Unavailable: "-LOADING the store cannot be reached",
        DomainError: "-ERR it failed",
    }

    def __init__(self, serving: Serving, address: str) -> None:
        super().__init__(serving, address)
        self.values = Values(serving.access, serving.store)

    def framer(self, limits: WireLimits) -> CommandFramer:
        return CommandFramer(limits.request)

    def only_reads(self, request: Command) -> bool:
        return request[0].upper() in (b"PING", b"GET", b"EXISTS")

    async def reply(self, request: Command) -> str:
        match [request[0].upper(), *request[1:]]:
            case [b"PING"]:
                return "+PONG"
            case [b"GET", key]:
                data = (await self.values.get(self.principal, _id(key))).data
                return f"${len(data.encode())}\r\n{data}"
            case [b"SET", key, value]:
                await self.values.put(
                    self.principal, _id(key), value.decode(errors="surrogateescape")
                )
                return "+OK"
            case [b"DEL", *keys] if 1 <= len(keys) <= MOST_KEYS:
                return await self._count(self.values.delete, keys)
            case [b"EXISTS", *keys] if 1 <= len(keys) <= MOST_KEYS:
                return await self._count(self.values.get, keys)
        return "-ERR unknown command, or wrong number of arguments"

    async def _count(
        self, perform: Callable[[Principal, int], Awaitable[object]], keys: Command
    ) -> str:
        """Return for how many keys it could be done."""
        count = 0
        for key in keys:
            with suppress(NotFound):
                await perform(self.principal, _id(key))
                count += 1
        return f":{count}"


def _id(key: bytes) -> int:
    return whole_of_text("key", key.decode(errors="replace"))


app = App(
    "resp",
    dialects=[
        Dialect("resp", "tcp:6379", "where the messages (as Redis speaks) listen", Resp.factory)
    ],
)
