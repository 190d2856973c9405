"""The PostgreSQL store keeps the contract, with a real server."""

from __future__ import annotations

from sockcrud.stores.capacity import Capacity
from sockcrud.stores.interfaces import IStore
from sockcrud.stores.postgres import PostgresStore
from tests import postgres_case, store_contract, store_contract_capacity


class PostgresStoreTests(postgres_case.PostgresCase, store_contract.StoreContract):
    """The contract, by the store in a database."""


class PostgresCapacityTests(postgres_case.PostgresCase, store_contract_capacity.CapacityPromises):
    """What it promises of how much it takes, which is counted in the database."""

    async def make_store(self, history: int) -> PostgresStore:
        return postgres_case.opened(self.url, capacity=store_contract_capacity.FEW)

    async def make_bounded(self, capacity: Capacity) -> IStore:
        return postgres_case.opened(self.new_url(), capacity=capacity)
