"""The SQLite store keeps the contract, with its real thread and a real file."""

from __future__ import annotations

from tests.storage import store_contract
from tests.storage.sqlite import sqlite_case


class SqliteStoreTests(sqlite_case.SqliteCase, store_contract.StoreContract):
    """The contract, by the store in a file."""
