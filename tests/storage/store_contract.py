"""The contract of the stores as one suite. A store passes it by subclassing `StoreContract` with
its own `make_store`.

Import the module, not the class: a test case that a test module can see is run there too.
"""

from __future__ import annotations

from tests.storage.store_contract_groups import ReferencePromises, TransactionPromises
from tests.storage.store_contract_history import ChangesPromises, StreamPromises
from tests.storage.store_contract_keys import KeyPromises
from tests.storage.store_contract_records import (
    IdPromises,
    PagePromises,
    RevisionPromises,
    UniquePromises,
)


class StoreContract(
    RevisionPromises,
    UniquePromises,
    IdPromises,
    PagePromises,
    ReferencePromises,
    TransactionPromises,
    StreamPromises,
    ChangesPromises,
    KeyPromises,
):
    """All that every store promises."""
