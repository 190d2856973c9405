"""The PostgreSQL store keeps the contract, with a real server."""

from __future__ import annotations

from sockcrud.storage.capacity import Capacity
from sockcrud.storage.contract import IStore
from sockcrud.storage.postgres.store import PostgresStore
from tests.storage import store_contract, store_contract_capacity
from tests.storage.postgres import postgres_case


class PostgresStoreTests(postgres_case.PostgresCase, store_contract.StoreContract):
    """The contract, by the store in a database."""


class PostgresCapacityTests(postgres_case.PostgresCase, store_contract_capacity.CapacityPromises):
    """What it promises of how much it takes, which is counted in the database."""

    async def make_store(self, history: int) -> PostgresStore:
        return postgres_case.opened(self.url, capacity=store_contract_capacity.FEW)

    async def make_bounded(self, capacity: Capacity) -> IStore:
        return postgres_case.opened(self.new_url(), capacity=capacity)
