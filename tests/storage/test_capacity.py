# mypy: allow-untyped-calls
"""A store takes no more than its quotas, and keeps no more history than its bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sockcrud.apps.messages.records import Message
from sockcrud.errors import QuotaExceeded
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.contract import IStore
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.sqlite.store import SqliteStore
from tests.storage import store_contract_capacity
from tests.storage.sqlite.sqlite_case import settled, the_reactor
from tests.storage.store_case import ALL, ids
from tests.support.model import STANDARD


class MemoryCapacityTests(store_contract_capacity.CapacityPromises):
    """By the store in memory."""

    async def make_bounded(self, capacity: Capacity) -> IStore:
        return MemoryStore(STANDARD, capacity=capacity)


class SqliteCapacityTests(store_contract_capacity.CapacityPromises):
    """By the store in a file."""

    settle = staticmethod(settled)

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.path = Path(holder.name, "store.db")
        super().setUp()

    async def make_bounded(self, capacity: Capacity) -> IStore:
        self.path = self.path.with_suffix(self.path.suffix + "x")
        return SqliteStore.open(self.path, STANDARD, the_reactor(), self.fail, capacity=capacity)

    async def test_a_file_with_more_is_served_and_takes_no_more(self) -> None:
        await self.bounded(Capacity())
        for number in range(5):
            await self.store.insert(Message, data=f"{number}")
        await self.store.close()
        self.store = SqliteStore.open(
            self.path, STANDARD, the_reactor(), self.fail, capacity=store_contract_capacity.FEW
        )
        try:
            self.assertEqual(ids(await self.store.page(Message, ALL)), [1, 2, 3, 4, 5])
            with self.assertRaises(QuotaExceeded):
                await self.store.insert(Message, data="more")
        finally:
            await self.store.close()
