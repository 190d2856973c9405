"""Whatever is asked of the PostgreSQL store in whatever order, and however often a node is closed
and another opened: it answers as plain dictionaries would.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from sockcrud.errors import DomainError
from sockcrud.records import Record
from sockcrud.storage import weights
from sockcrud.storage.contract import IStore
from sockcrud.storage.postgres.layout import LAYOUTS
from sockcrud.storage.postgres.schema import count_again
from tests.storage import test_store_machine
from tests.storage.plain_store import Step
from tests.storage.postgres.postgres_case import opened
from tests.storage.sqlite.sqlite_case import settled, started
from tests.storage.test_store_machine import HISTORY, StoreMachine
from tests.support import postgres_kit
from tests.support.model import KINDS, STANDARD

T = TypeVar("T")

ENOUGH_LINKS = 12
"""So that each of the four lists which the machine may have open has a connection: a fifth would
wait, and be refused.
"""

_URL: list[str] = []


def _empty_database() -> str:
    """Return the URL of the machine's database, empty: to make a new one for each run takes longer
    than the run.
    """
    if not _URL:
        _URL.append(postgres_kit.new_database())
        settled(opened(_URL[0]).close())
    names = ", ".join(f'"{LAYOUTS[kind].table}"' for kind in KINDS)
    counters = ", ".join(f"{LAYOUTS[kind].highest} = 0" for kind in KINDS)
    zero = f"UPDATE state SET rev = 0, journaled = 0, {counters}"
    postgres_kit.execute(_URL[0], f"TRUNCATE changes, {names}", zero, count_again(STANDARD))
    return _URL[0]


class PostgresStoreMachine(StoreMachine):
    """The store in a database, where a few records are many: they take several slices."""

    def __init__(self) -> None:
        self._small = mock.patch.object(weights, "SLICE", 3)
        self._small.start()
        self._url = _empty_database()
        super().__init__()

    async def make_store(self) -> IStore:
        # Other tests run beside it: what is asked may wait for long, and is answered all the same.
        return opened(self._url, HISTORY, pool=ENOUGH_LINKS, statement_seconds=60.0)

    def settle(self, work: Coroutine[Any, Any, T]) -> T:
        return settled(work)

    @rule()
    def go_on_at_another_node(self) -> None:
        for stream, _ in self.streams:
            stream.close()
        self.streams.clear()

        async def restarted() -> IStore:
            await self.store.close()
            store = await self.make_store()
            await store.changes(
                self.plain.rev, 1
            )  # a new node knows the revision once it has asked
            return store

        self.store = self.settle(restarted())

    @rule(steps=st.lists(test_store_machine._steps(), min_size=2, max_size=12))
    def change_many_at_once(self, steps: list[Step]) -> None:
        """Make changes that are written as one transaction."""

        async def outcome(step: Step) -> Record | DomainError | None:
            try:
                return await step.apply(self.store)
            except DomainError as refusal:
                return refusal

        begun = []
        for step in map(self.plain.resolved, steps):
            reasons = [repr(reason) for reason in self.plain.refusals(step)]
            begun.append(
                (reasons, started(outcome(step)), None if reasons else self.plain.apply(step))
            )

        async def check() -> None:
            for reasons, changing, expected in begun:
                got = await changing
                assert repr(got) in reasons if reasons else got == expected, (
                    got,
                    reasons,
                    expected,
                )

        self.settle(check())

    def teardown(self) -> None:
        super().teardown()
        self._small.stop()
        counted = postgres_kit.execute(self._url, "SELECT * FROM state")
        assert (
            postgres_kit.execute(self._url, count_again(STANDARD), "SELECT * FROM state") == counted
        )


TestPostgresStoreMachine = PostgresStoreMachine.TestCase
TestPostgresStoreMachine.settings = settings(
    max_examples=15,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
