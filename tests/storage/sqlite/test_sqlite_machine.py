"""Whatever is asked of the SQLite store in whatever order, and however often it is closed and
opened: it answers as plain dictionaries would, but that what changed before it was opened cannot be
told.
"""

from __future__ import annotations

import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from sockcrud.errors import DomainError, HistoryGone
from sockcrud.records import Record
from sockcrud.storage.contract import Change, IStore
from sockcrud.storage.sqlite.store import SqliteStore
from tests.storage import test_store_machine
from tests.storage.plain_store import PlainStore, Step
from tests.storage.sqlite.sqlite_case import settled, started, the_reactor
from tests.storage.test_store_machine import StoreMachine, small
from tests.support.model import STANDARD

T = TypeVar("T")


class RestartedPlainStore(PlainStore):
    """Forgets at a restart what has changed."""

    restarted_at = 0

    def restart(self) -> None:
        self._changes.clear()
        self.restarted_at = self.rev

    def changes(self, since: int, limit: int) -> list[Change] | HistoryGone:
        told = super().changes(since, limit)
        if isinstance(told, HistoryGone):
            return HistoryGone(since, told.oldest or self.restarted_at, self.rev)
        return (
            told if since >= self.restarted_at else HistoryGone(since, self.restarted_at, self.rev)
        )


class SqliteStoreMachine(StoreMachine):
    """The store in a file. What is little elsewhere is much here: slices, chunks, rows before a
    checkpoint.
    """

    def __init__(self) -> None:
        self._small = small()
        self._directory = tempfile.TemporaryDirectory()
        self._reasons: list[str] = []
        super().__init__()
        self.plain = RestartedPlainStore(self.history)

    async def make_store(self) -> IStore:
        path = Path(self._directory.name, "store.db")
        return SqliteStore.open(
            path, STANDARD, the_reactor(), self._reasons.append, history=self.history
        )

    def settle(self, work: Coroutine[Any, Any, T]) -> T:
        return settled(work)

    @rule()
    def restart(self) -> None:
        for stream, _ in self.streams:
            stream.close()
        self.streams.clear()

        async def restarted() -> IStore:
            await self.store.close()
            return await self.make_store()

        self.store = self.settle(restarted())
        assert isinstance(self.plain, RestartedPlainStore)
        self.plain.restart()

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
        async def check() -> None:
            assert isinstance(self.store, SqliteStore)
            assert await self.store.check() == []

        try:
            self.settle(check())
            super().teardown()
            assert self._reasons == []
        finally:
            self._directory.cleanup()
            self._small.close()


TestSqliteStoreMachine = SqliteStoreMachine.TestCase
TestSqliteStoreMachine.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
