"""Whatever is asked of a store while what a record took with it is cleared away: it answers as
plain dictionaries would.

Every record with a dependant is one with very many here, and they are cleared away one by one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar, cast
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sockcrud.apps.shop.records import Client, Product
from sockcrud.errors import DomainError
from sockcrud.identity.records import Account, Session
from sockcrud.records import Record
from sockcrud.records.constraints import INT64
from sockcrud.storage.contract import IChanges, IStore
from sockcrud.storage.memory import cascade
from sockcrud.storage.memory import store as memory
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.sqlite import store as sqlite
from tests.storage.plain_store import Delete, Insert, PlainStore, Step
from tests.storage.sqlite.sqlite_case import started
from tests.storage.sqlite.test_sqlite_machine import SqliteStoreMachine
from tests.storage.test_store_machine import MemoryStoreMachine, StoreMachine, _outcome, _steps
from tests.support.model import STANDARD, describe

T = TypeVar("T")

PARENTS: Final = st.sampled_from([Client, Product, Account])


def streamed() -> contextlib.ExitStack:
    """Let one dependant be very many, and one at a time be cleared away, until it is closed."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(cascade, "SLICE", 0))
        for module in (memory, sqlite):
            stack.enter_context(mock.patch.object(module, "SLICE", 1))
        return stack.pop_all()


class Cascading(StoreMachine):
    """What the machines of both stores have in common."""

    store: Any
    history = 1_000

    def __init__(self) -> None:
        self._streamed = streamed()
        super().__init__()

    @property
    def tables(self) -> Tables:
        return cast(Tables, self.store._tables)

    def keeps(self, step: Step) -> bool:
        """Return whether a step asks for what is taken until it is cleared away."""
        tables = self.tables
        if tables.cascade is None or not isinstance(step, Insert):
            return False
        table = tables.table(step.kind)
        if step.id is None:
            return table.highest == INT64.stop - 1 or self._keeps_unique(step)
        return (
            tables.cascade.reserves(step.kind, step.id)
            or (step.id in table.records and tables.cascade.includes(table.records[step.id]))
            or self._keeps_unique(step)
        )

    def _keeps_unique(self, step: Insert) -> bool:
        if step.kind is not Session or self.tables.cascade is None:
            return False
        table = self.tables.table(Session)
        owner = table.uniques["token_hash"].get(step.fields["token_hash"])
        return owner is not None and self.tables.cascade.includes(table.records[owner])

    async def take(self, step: Step, plain: PlainStore, to: IChanges) -> bool:
        if not self.keeps(step):
            return await super().take(step, plain, to)
        if cast(Insert, step).id is not None:
            assert isinstance(await _outcome(step.apply(to)), DomainError)
        return False

    @rule(kind=PARENTS, id=st.integers(1, 4))
    def delete_a_parent(self, kind: type[Record], id: int) -> None:
        self.settle(self.take(Delete(kind, id, None), self.plain, self.store))

    def teardown(self) -> None:
        super().teardown()
        self._streamed.close()


class CascadingMemoryStoreMachine(Cascading, MemoryStoreMachine):
    """The store in memory. What it does in later turns is done when the machine says so."""

    def __init__(self) -> None:
        self.turns: list[Callable[[], None]] = []
        super().__init__()

    async def make_store(self) -> IStore:
        store = MemoryStore(STANDARD, self.history, self.capacity, later=self.turns.append)
        self.budget = store._tables.budget
        return store

    def settle(self, work: Coroutine[Any, Any, T]) -> T:
        results: list[object] = []
        Deferred.fromCoroutine(work).addBoth(results.append)
        while not results:
            self.turn()
        [result] = results
        if isinstance(result, Failure):
            result.raiseException()
        return cast(T, result)

    @precondition(lambda self: self.turns)
    @rule()
    def turn(self) -> None:
        self.turns.pop(0)()

    @invariant()
    def keeps_nothing_for_no_list(self) -> None:
        if not self.turns:
            assert self.tables.cascade is None
            assert not any(self.tables.table(kind).hidden for kind in (Client, Session))
            super().keeps_nothing_for_no_list()


class CascadingSqliteStoreMachine(Cascading, SqliteStoreMachine):
    """The store in a file, where each is cleared away by a commit, and some are at the next
    start.
    """

    @rule(steps=st.lists(_steps(), min_size=1, max_size=8), kind=PARENTS, id=st.integers(1, 4))
    def change_many_at_once(self, steps: list[Step], kind: type[Record], id: int) -> None:
        """Make changes that are written as one transaction, a long delete among them."""
        deletes = [
            step for step in steps if isinstance(step, Delete) and describe(step.kind).referred_by
        ]
        others = [step for step in steps if step not in deletes]
        is_there = id in self.plain.all(kind) and not self.store._hiding.locked
        middle = len(others) // 2
        begun: list[tuple[list[str], Deferred[Any], Record | None]] = []
        for step in [
            *others[:middle],
            *([Delete(kind, id, None)] if is_there else []),
            *others[middle:],
        ]:
            step = self.plain.resolved(step)
            if not self.keeps(step):
                reasons = [repr(reason) for reason in self.plain.refusals(step)]
                begun.append(
                    (
                        reasons,
                        started(_outcome(step.apply(self.store))),
                        None if reasons else self.plain.apply(step),
                    )
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


TestCascadingMemoryStoreMachine = CascadingMemoryStoreMachine.TestCase
TestCascadingMemoryStoreMachine.settings = settings(
    max_examples=50,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestCascadingSqliteStoreMachine = CascadingSqliteStoreMachine.TestCase
TestCascadingSqliteStoreMachine.settings = settings(
    TestCascadingMemoryStoreMachine.settings, max_examples=25, stateful_step_count=30
)
