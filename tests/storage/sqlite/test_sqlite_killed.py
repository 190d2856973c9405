# mypy: allow-untyped-calls
"""A process that is killed at any moment loses nothing that it has acknowledged, and leaves no half
transaction.
"""

from __future__ import annotations

import subprocess
import sys

from sockcrud.apps.messages.records import Message
from tests.storage.sqlite.sqlite_case import SqliteCase
from tests.storage.store_case import ALL

ROUNDS = 5
LINES = 400
"""Acknowledged in a round before the process is killed; each round some more, so that it is killed
at other moments.
"""


class KilledTests(SqliteCase):
    """What was acknowledged is there, whatever happened to the process that did so."""

    async def test_nothing_that_was_acknowledged_is_lost(self) -> None:
        await self.store.close()
        acknowledged: dict[int, str] = {}
        for round in range(ROUNDS):
            acknowledged.update(self.killed_after(LINES + 37 * round))
            store = self.open(self.path)
            found = {message.id: message.data for message in await store.page(Message, ALL)}
            lost = {
                id: data
                for id, data in acknowledged.items()
                if found.get(id) not in (data, "changed")
            }
            self.assertEqual(lost, {})
            halves = [
                id
                for id, data in found.items()
                if data == f"second of {id - 1}" and id - 1 not in found
            ]
            self.assertEqual((halves, len(found) % 2), ([], 0))
            self.assertEqual(await store.check(), [])
            await store.close()
        self.assertGreater(len(acknowledged), ROUNDS * LINES // 4)

    def killed_after(self, lines: int) -> dict[int, str]:
        """Let a process write until it has acknowledged so much, kill it, and return all it has
        acknowledged.
        """
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.sqlite.sqlite_writer", str(self.path)],
            stdout=subprocess.PIPE,
        )
        with writer:
            assert writer.stdout is not None
            said = [writer.stdout.readline() for _ in range(lines)]
            writer.kill()
            said += writer.stdout.readlines()
        words = [line.decode().split() for line in said if line.endswith(b"\n")]
        return {int(id): data for id, data in words}
