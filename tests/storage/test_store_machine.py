"""Whatever is asked of a store in whatever order: it answers as plain dictionaries would."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar, cast
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.errors import DomainError, Unavailable
from sockcrud.identity.records import Account, Company, Session
from sockcrud.records import Record
from sockcrud.storage import weights
from sockcrud.storage.capacity import STANDARD, Capacity
from sockcrud.storage.contract import Change, IChanges, IStore, ITransaction, RecordStream, Where
from sockcrud.storage.memory import hidden
from sockcrud.storage.memory.store import MemoryStore
from tests.storage.plain_store import RIGHT, Delete, Insert, PlainStore, Step, Update
from tests.storage.store_case import (
    ALL,
    a_client,
    a_company,
    a_product,
    a_session,
    a_user,
    an_account,
    an_address,
    an_item,
)
from tests.support import model
from tests.support.model import describe

T = TypeVar("T")

HISTORY = 8
"""Few enough that a mirror which lags falls behind what is kept."""

FEW_IDS = st.sampled_from([1, 2, 3, 4, 5, -1, 2**63 - 1])
REFERRED = st.sampled_from([1, 2, 1, 2, 3, 4])
LIMITS = st.sampled_from([1, 2, 3, 5, ALL])
AFTER = st.none() | st.integers(-2, 6) | st.just(2**63 - 1)

# Few values, so that they meet.
EMAILS = st.sampled_from(["É@x.org", "é@X.org", "a@x.org", "A@X.ORG", "ß@x.org", "ss@x.org"])
NAMES = st.sampled_from(["Acme", "ACME", "Straße", "strasse", "é"])
CPFS = st.sampled_from([a_client(number)["cpf"] for number in range(5)])
ROLES = st.sampled_from(["admin", "user"])
TOKENS = st.sampled_from("abc")

FIELDS: dict[type[Record], st.SearchStrategy[dict[str, Any]]] = {
    User: st.builds(a_user, name=NAMES, age=st.integers(0, 150)),
    Client: st.builds(a_client, st.just(0), email=EMAILS, cpf=CPFS),
    Address: st.builds(an_address, REFERRED, number=st.integers(1, 9)),
    Product: st.builds(a_product, NAMES, quantity=st.integers(0, 9)),
    InventoryItem: st.builds(an_item, REFERRED, REFERRED),
    Company: st.builds(a_company, NAMES),
    Account: st.builds(an_account, EMAILS, REFERRED, role=ROLES),
    Session: st.builds(a_session, TOKENS, REFERRED),
}
STOCK: list[tuple[type[Record], dict[str, Any]]] = [
    *((Client, a_client(number)) for number in (3, 4)),
    *((Product, a_product(name)) for name in ("Acme", "é")),
    *((Company, a_company(name)) for name in ("Acme", "é")),
    *(
        (Account, an_account(login, company))
        for login, company in (("a@x.org", 1), ("ß@x.org", 1), ("éva", 2))
    ),
    *((Address, an_address(client)) for client in (1, 2, 1)),
    *((InventoryItem, an_item(client, product)) for client in (1, 2) for product in (1, 2)),
    *((Session, a_session(token, account)) for token, account in (("a", 1), ("b", 1), ("c", 2))),
]
"""What is there from the start, so that there is something to refer to, to collide with and to
delete.
"""

KIND = st.sampled_from(list(FIELDS))
UNIQUE = st.sampled_from([(kind, name) for kind in FIELDS for name in describe(kind).uniques])
INDEXED = st.sampled_from([(kind, name) for kind in FIELDS for name in describe(kind).indexed])


@st.composite
def _steps(draw: st.DrawFn) -> Step:
    kind = draw(KIND)
    what = draw(st.sampled_from(["insert", "insert", "update", "delete"]))
    if what == "insert":
        return Insert(kind, draw(st.none() | st.none() | FEW_IDS), draw(FIELDS[kind]))
    expect = draw(st.sampled_from([None, None, None, RIGHT, RIGHT, 0, 5]))
    if what == "delete":
        return Delete(kind, draw(FEW_IDS), expect)
    fields = draw(FIELDS[kind])
    named = draw(st.sets(st.sampled_from(sorted(fields))))
    return Update(kind, draw(FEW_IDS), expect, {name: fields[name] for name in sorted(named)})


@st.composite
def _selections(draw: st.DrawFn) -> tuple[type[Record], int | None, Where | None]:
    """Draw a kind, an id to start above and perhaps a value to look for."""
    if draw(st.booleans()):
        return draw(KIND), draw(AFTER), None
    kind, name = draw(INDEXED)
    return kind, draw(AFTER), Where(name, draw(FIELDS[kind])[name])


async def _outcome(work: Awaitable[T]) -> T | DomainError:
    try:
        return await work
    except DomainError as refusal:
        return refusal


class Stop(Exception):
    """Raised by a transaction that is to fail."""


def small() -> contextlib.ExitStack:
    """Let three records be many, until it is closed: they take several slices, and an id or two
    more a list of another kind.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(hidden, "MANY", 2))
        stack.enter_context(mock.patch.object(weights, "SLICE", 3))
        return stack.pop_all()


class StoreMachine(RuleBasedStateMachine):
    """A store beside `PlainStore`, and a mirror that is told nothing but changes.

    A machine for another store overrides `make_store` and, where it needs a reactor, `settle`. One
    for a durable store adds a rule that closes `self.streams`, then closes `self.store` and opens
    it again: everything else must go on.
    """

    history = HISTORY

    def __init__(self) -> None:
        super().__init__()
        self.store = self.settle(self.make_store())
        self.plain = PlainStore(self.history)
        self.streams: list[tuple[RecordStream[Record], list[Record]]] = []
        self.mirror: dict[tuple[type[Record], int], Record] = {}
        self.mirrored = 0

    async def make_store(self) -> IStore:
        """Make an empty store that keeps so many changes as `history`."""
        raise NotImplementedError

    def settle(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end, here: without waiting for anything."""
        results: list[object] = []
        Deferred.fromCoroutine(work).addBoth(results.append)
        [result] = results
        if isinstance(result, Failure):
            result.raiseException()
        return cast(T, result)

    def teardown(self) -> None:
        for stream, _ in self.streams:
            stream.close()

        async def close() -> None:
            await self.store.close()

        self.settle(close())

    async def take(self, step: Step, plain: PlainStore, to: IChanges) -> bool:
        """Take a step in both stores, which must both refuse it or have the same record; return
        whether it was taken.
        """
        step = plain.resolved(step)
        reasons = [repr(reason) for reason in plain.refusals(step)]
        outcome = await _outcome(step.apply(to))
        if isinstance(outcome, DomainError):
            assert repr(outcome) in reasons, f"{outcome!r} instead of {reasons}"
            return False
        assert not reasons, f"taken in spite of {reasons}"
        assert outcome == plain.apply(step)
        return True

    @initialize()
    def stock(self) -> None:
        for kind, fields in STOCK:
            self.settle(self.take(Insert(kind, None, fields), self.plain, self.store))
        self.mirror, self.mirrored = self._journaled(), self.plain.rev

    @rule(step=_steps())
    def change(self, step: Step) -> None:
        self.settle(self.take(step, self.plain, self.store))

    @rule(
        steps=st.lists(_steps(), min_size=1, max_size=6), catches=st.booleans(), fails=st.booleans()
    )
    def transact(self, steps: list[Step], catches: bool, fails: bool) -> None:
        async def body(transaction: ITransaction) -> PlainStore:
            plain = self.plain.copy()
            for step in steps:
                if not await self.take(step, plain, transaction) and not catches:
                    raise Stop
                assert await transaction.page(step.kind, ALL) == plain.page(
                    step.kind, None, None, None
                )
            if fails:
                raise Stop
            return plain

        async def run() -> None:
            with contextlib.suppress(Stop):
                self.plain = await self.store.transact(body)

        self.settle(run())

    @rule(unique=UNIQUE, data=st.data())
    def find(self, unique: tuple[type[Record], str], data: st.DataObject) -> None:
        kind, name = unique
        value = data.draw(FIELDS[kind])[name]

        async def check() -> None:
            assert await self.store.find(kind, name, value) == self.plain.find(kind, name, value)

        self.settle(check())

    @rule(selection=_selections(), limit=LIMITS)
    def page(self, selection: tuple[type[Record], int | None, Where | None], limit: int) -> None:
        kind, after, where = selection

        async def check() -> None:
            assert await self.store.page(kind, limit, after, where) == self.plain.page(
                kind, limit, after, where
            )

        self.settle(check())

    @precondition(lambda self: len(self.streams) < 6)
    @rule(selection=_selections(), limit=st.none() | LIMITS)
    def open_listing(
        self, selection: tuple[type[Record], int | None, Where | None], limit: int | None
    ) -> None:
        kind, after, where = selection
        self.streams.append(
            (
                self.store.stream(kind, after, limit, where),
                self.plain.page(kind, limit, after, where),
            )
        )

    @precondition(lambda self: self.streams)
    @rule(data=st.data(), close=st.booleans())
    def read_a_slice(self, data: st.DataObject, close: bool) -> None:
        self.read_a_slice_of(
            *self.streams.pop(data.draw(st.integers(0, len(self.streams) - 1))), close
        )

    def read_a_slice_of(
        self, stream: RecordStream[Record], left: list[Record], close: bool
    ) -> None:
        async def read() -> None:
            try:
                slice = list(await stream.__anext__())
            except StopAsyncIteration:
                assert left == []
                assert stream.ended
                return
            assert slice
            assert slice == left[: len(slice)]
            if stream.ended:
                assert len(slice) == len(left)
            elif close:
                stream.close()
            else:
                self.streams.append((stream, left[len(slice) :]))

        self.settle(read())

    @rule(back=st.integers(-1, 2 * HISTORY), limit=LIMITS)
    def changes(self, back: int, limit: int) -> None:
        self.settle(self._told(self.plain.rev - back, limit))

    async def _told(self, since: int, limit: int) -> list[Change] | None:
        """Return the changes since a revision, after a check that both stores tell the same; None
        where both refuse.
        """
        expected = self.plain.changes(since, limit)
        changes = await _outcome(self.store.changes(since, limit))
        if isinstance(changes, DomainError) or isinstance(expected, DomainError):
            assert repr(changes) == repr(expected)
            return None
        # What goes with a record may go in any order before it, so that kinds and ids cannot be
        # compared.
        assert [(change.rev, change.record) for change in changes] == [
            (change.rev, change.record) for change in expected
        ]
        return changes

    @rule(limit=LIMITS)
    def follow(self, limit: int) -> None:
        """Bring the mirror on by some changes, or start it anew where it has lagged too far
        behind.
        """
        self.settle(self._followed(limit))

    async def _followed(self, limit: int) -> None:
        changes = await self._told(self.mirrored, limit)
        if changes is None:
            self.mirror, self.mirrored = self._journaled(), self.plain.rev
            return
        for change in changes:
            if change.record is None:
                del self.mirror[change.kind, change.id]
            else:
                self.mirror[change.kind, change.id] = change.record
            self.mirrored = change.rev
        if len(changes) < limit:
            assert self.mirror == self._journaled()

    def _journaled(self) -> dict[tuple[type[Record], int], Record]:
        kinds = [kind for kind in FIELDS if describe(kind).journaled]
        return {(kind, id): record for kind in kinds for id, record in self.plain.all(kind).items()}

    @invariant()
    def has_the_same_records(self) -> None:
        async def check() -> None:
            assert self.store.rev == self.plain.rev
            for kind in FIELDS:
                expected = list(self.plain.all(kind).values())
                assert await self.store.page(kind, ALL) == expected
                assert await self.store.count(kind) == len(expected)

        self.settle(check())


class MemoryStoreMachine(StoreMachine):
    """The store in memory, where even three records are many: they take several slices."""

    capacity = STANDARD

    def __init__(self) -> None:
        self._small = small()
        super().__init__()

    async def make_store(self) -> IStore:
        store = MemoryStore(model.STANDARD, self.history, self.capacity)
        self.budget = store._tables.budget
        return store

    @invariant()
    def keeps_nothing_for_no_list(self) -> None:
        if not self.streams:
            assert self.budget.used == 0
            assert not any(versions.kept for versions in self.budget.users)

    def teardown(self) -> None:
        super().teardown()
        self._small.close()


class NarrowMemoryStoreMachine(MemoryStoreMachine):
    """The same with room for few older records: a list may fail for that, and never is wrong."""

    capacity = Capacity(list_bytes=2_000)

    def read_a_slice_of(
        self, stream: RecordStream[Record], left: list[Record], close: bool
    ) -> None:
        try:
            super().read_a_slice_of(stream, left, close)
        except Unavailable:
            assert stream.ended

    @invariant()
    def keeps_no_more_than_it_may(self) -> None:
        assert self.budget.used <= 2_000 + 1_000


TestMemoryStoreMachine = MemoryStoreMachine.TestCase
TestMemoryStoreMachine.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestNarrowMemoryStoreMachine = NarrowMemoryStoreMachine.TestCase
TestNarrowMemoryStoreMachine.settings = settings(TestMemoryStoreMachine.settings, max_examples=40)
