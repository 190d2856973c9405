"""A process that writes to a store as fast as it can, until it is killed, and says what is
acknowledged.

`python -m tests.storage.sqlite.sqlite_writer PATH`: a line for each change, with its id, and never
for one that is not on disk.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.storage.contract import ITransaction
from sockcrud.storage.sqlite.store import SqliteStore
from tests.support.model import STANDARD

WRITERS = 8


async def _write(store: SqliteStore) -> None:
    """Insert messages, two in each transaction, and then change the first of them."""
    while True:

        async def pair(transaction: ITransaction) -> int:
            first = await transaction.insert(Message, data="first")
            await transaction.insert(Message, data=f"second of {first.id}")
            return first.id

        id = await store.transact(pair)
        os.write(1, f"{id} first\n".encode())
        await store.update(Message, id, data="changed")
        os.write(1, f"{id} changed\n".encode())


def main() -> None:
    running: Any = reactor
    store = SqliteStore.open(Path(sys.argv[1]), STANDARD, running, sys.exit)
    for _ in range(WRITERS):
        Deferred.fromCoroutine(_write(store))
    running.run()


if __name__ == "__main__":
    main()
