"""The PostgreSQL store keeps the contract, with a real server."""

from __future__ import annotations

from tests import postgres_case, store_contract


class PostgresStoreTests(postgres_case.PostgresCase, store_contract.StoreContract):
    """The contract, by the store in a database."""
