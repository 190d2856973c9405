# mypy: allow-untyped-calls
"""The JSON-on-TCP dialects in memory: a store that can be told to fail, and connections that ask
it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from sockcrud.access import Access
from sockcrud.apps.messages.dialect import MessagesResponder
from sockcrud.apps.messages.service import Messages
from sockcrud.apps.users.dialect import UsersResponder
from sockcrud.apps.users.service import Users
from sockcrud.records import Record
from sockcrud.storage.contract import R, RecordStream, Where
from sockcrud.storage.memory.store import MemoryStore
from tests.support.connection_kit import ConnectionCase, Peer
from tests.support.model import STANDARD

T = TypeVar("T")


class FailingStore(MemoryStore):
    """A store that fails with `error` where there is one, and waits for `late` where there is
    that.
    """

    error: Exception | None = None
    late: Deferred[None] | None = None

    async def get(self, kind: type[R], id: int) -> R:
        await self._trouble()
        return await super().get(kind, id)

    async def _changed(self, change: Callable[[], T]) -> T:
        await self._trouble()
        return await super()._changed(change)

    def stream(
        self,
        kind: type[R],
        after: int | None = None,
        limit: int | None = None,
        where: Where | None = None,
        peer: str = "",
    ) -> RecordStream[R]:
        if self.error is not None:
            raise self.error
        return super().stream(kind, after, limit, where, peer)

    async def _trouble(self) -> None:
        if self.late is not None:
            await self.late
        if self.error is not None:
            raise self.error


class DialectCase(ConnectionCase):
    """An empty store at 22:13:20 on 14 November 2023."""

    def setUp(self) -> None:
        super().setUp()
        self.store = FailingStore(STANDARD)
        self.access = Access(self.clock)

    def users(self, **limits: Any) -> Peer:
        """Return a connection that speaks the users dialect."""
        return self.connect(UsersResponder(Users(self.access, self.store), "192.0.2.1"), **limits)

    def messages(self, **limits: Any) -> Peer:
        """Return a connection that speaks the messages dialect."""
        return self.connect(
            MessagesResponder(Messages(self.access, self.store), "192.0.2.1"), **limits
        )

    def assert_unchanged(self, rev: int) -> None:
        """Check that nothing was stored since then."""
        self.assertEqual(self.store.rev, rev)

    def assert_no_trace_of(self, secret: str, answers: bytes) -> None:
        """Check that an answer tells nothing of what went wrong inside."""
        for word in (secret, "Error", "Traceback", ".py"):
            self.assertNotIn(word.encode(), answers.replace(b"Internal Server Error", b""))

    def stored(self, kind: type[Record]) -> list[Record]:
        return self.successResultOf(Deferred.fromCoroutine(self.store.page(kind, 10_000)))


def request(**fields: Any) -> bytes:
    """Return a request as a client writes it."""
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
