"""What records were before they changed, kept for the lists that are being read: each reads its
table at one revision.

All lists of a table share what is kept, so a change costs the same however many are open: it leaves
the record that it replaces once, where the newest of them may read it. What none of them reads any
more goes a little with every change, and in further turns: a million records let go of at once
would stop everybody. All that is kept is bounded in bytes: where it would become more, the oldest
list of the table that keeps the most is ended.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Generic

from attrs import Factory, define
from sortedcontainers import SortedDict

from sockcrud.errors import Unavailable
from sockcrud.storage import weights
from sockcrud.storage.contract import R, Where

if TYPE_CHECKING:
    from sockcrud.storage.memory.tables import Table

_STEP_BYTES: Final = 150
"""What it takes to note that an id has left."""

_EACH_CHANGE: Final = 2
"""Steps let go of with a change. It makes a step for each index it touches, so that what is kept
becomes less all the same.
"""

_EACH_TURN: Final = 1_000
"""The same where a list is closed, and in each turn after that: about half a millisecond."""

_WHEN_FULL: Final = 128
"""The same with a change for which there is no room: more bytes than any record has, as each step
has some hundred.
"""

_NONE: Final = -1
"""A revision before all others."""

Later = Callable[[Callable[[], None]], object]
"""Calls what it is given in a later turn."""

Key = tuple[()] | tuple[str, Any]
"""Which ids: those of the table, or those under a value of an indexed field."""

_TABLE: Final[Key] = ()


@define(eq=False)
class Budget:
    """The bytes that the older versions of all tables of a store take, and how many they may."""

    most: int
    later: Later | None = None
    used: int = 0
    users: list[Versions[Any]] = Factory(list)

    def keep_to_it(self) -> None:
        """Let go of what nobody reads any more; where there is no such thing, end the oldest list
        where the most is kept.
        """
        if self.used > self.most and not sum(versions.prune(_WHEN_FULL) for versions in self.users):
            max(self.users, key=lambda versions: versions.used).end_the_oldest()


@define(eq=False)
class Snapshot:
    """A revision at which lists read a table, and how many these are."""

    rev: int
    readers: int = 0
    is_ended: bool = False
    """What it needs is gone: it would have been too much."""


class Versions(Generic[R]):
    """The older versions of one table's records, and the snapshots that read them."""

    def __init__(self, kind: type[R], indexed: tuple[str, ...], budget: Budget) -> None:
        self.kind = kind
        self.used = 0
        self._snapshots: OrderedDict[int, Snapshot] = (
            OrderedDict()
        )  # by their revision, the oldest first
        self._newest = _NONE
        self._chains: dict[int, list[tuple[int, R]]] = {}
        """For each id its older records, each with the revision at which it was replaced, in their
        order.
        """
        self._left: dict[Key, SortedDict[int, int]] = {}
        """The ids that are no longer where a list may have to find them, with how often they have
        left.
        """
        self._steps: deque[tuple[int, int, Key | None]] = deque()
        """Each (revision, id, what was left) that is noted above, in its order; None for a record
        in a chain.
        """
        self._indexed = indexed
        self._budget = budget
        self._is_scheduled = False
        budget.users.append(self)

    def __len__(self) -> int:
        """Return how many lists are open."""
        return sum(snapshot.readers for snapshot in self._snapshots.values())

    @property
    def kept(self) -> int:
        """Return how many older records are kept."""
        return sum(map(len, self._chains.values()))

    def open(self, rev: int) -> Snapshot:
        """Keep from now on what a list reads at this revision, the latest."""
        snapshot = self._snapshots.get(rev)
        if snapshot is None:
            snapshot = self._snapshots[rev] = Snapshot(rev)
            self._newest = rev
        snapshot.readers += 1
        return snapshot

    def close(self, snapshot: Snapshot) -> None:
        """Let a list go."""
        snapshot.readers -= 1
        if not snapshot.readers and not snapshot.is_ended:
            self._drop(snapshot)
            self.prune(_EACH_TURN)
            self._go_on_later()

    def end_the_oldest(self) -> None:
        """Let go of what is kept for the oldest snapshot: its lists cannot be read any further."""
        oldest = next(iter(self._snapshots.values()))
        oldest.is_ended = True
        self._drop(oldest)
        self.prune(_WHEN_FULL)

    def _drop(self, snapshot: Snapshot) -> None:
        del self._snapshots[snapshot.rev]
        self._newest = next(reversed(self._snapshots), _NONE)

    @property
    def _oldest(self) -> int | None:
        return next(iter(self._snapshots), None)

    def keep(
        self, rev: int, id: int, before: R, after: R | None, gone_at: int | None = None
    ) -> None:
        """Note that this revision lets `after` stand where `before` stood; None for nothing.

        What nobody has seen any more since an earlier revision is `gone_at` that one.
        """
        if gone_at is None:
            gone_at = rev
        elif self._oldest is None or self._oldest >= gone_at:
            return
        chain = self._chains.get(id)
        if before.rev <= self._newest:
            if chain is None:
                chain = self._chains[id] = []
            chain.append((gone_at, before))
            self._steps.append((rev, id, None))
            self._count(weights.weight(self.kind, before))
        elif chain is None:
            return  # what came after the newest list is read by none
        if after is None:
            self._leave(rev, id, _TABLE)
        for name in self._indexed:
            value = getattr(before, name)
            if after is None or getattr(after, name) != value:
                self._leave(rev, id, (name, value))
        self.prune(_EACH_CHANGE)
        if self._budget.used > self._budget.most:
            self._budget.keep_to_it()

    def _leave(self, rev: int, id: int, key: Key) -> None:
        ids = self._left.get(key)
        if ids is None:
            ids = self._left[key] = SortedDict()
        ids[id] = ids.get(id, 0) + 1
        self._steps.append((rev, id, key))
        self._count(_STEP_BYTES)

    def take_back(self, rev: int) -> None:
        """Note that what this revision, the latest, has changed has never changed."""
        while self._steps and self._steps[-1][0] == rev:
            self._undo(*self._steps.pop(), which=-1)

    def prune(self, most: int) -> int:
        """Let go of what no list reads any more, in so many steps at most; give in how many."""
        steps, oldest = self._steps, self._oldest
        for count in range(most):
            if not steps or (oldest is not None and steps[0][0] > oldest):
                return count
            self._undo(*steps.popleft(), which=0)
        return most

    def _undo(self, rev: int, id: int, key: Key | None, which: int) -> None:
        """Forget a step, the first or the last one."""
        if key is None:
            chain = self._chains[id]
            self._count(-weights.weight(self.kind, chain.pop(which)[1]))
            if not chain:
                del self._chains[id]
            return
        ids = self._left[key]
        self._count(-_STEP_BYTES)
        if ids[id] > 1:
            ids[id] -= 1
            return
        del ids[id]
        if not ids:
            del self._left[key]

    def _count(self, bytes: int) -> None:
        self.used += bytes
        self._budget.used += bytes

    def _go_on_later(self) -> None:
        later = self._budget.later
        if later is not None and not self._is_scheduled and self._has_garbage():
            self._is_scheduled = True
            later(self._go_on)

    def _go_on(self) -> None:
        self._is_scheduled = False
        self.prune(_EACH_TURN)
        self._go_on_later()

    def _has_garbage(self) -> bool:
        oldest = self._oldest
        return bool(self._steps) and (oldest is None or self._steps[0][0] <= oldest)

    def left_after(self, after: int | None, size: int, where: Where | None) -> Iterator[int]:
        """Return the first `size` ids above `after`, in order, that are no longer found where they
        may have been.
        """
        ids = self._left.get(_TABLE if where is None else (where.field, where.value))
        return iter(()) if ids is None else islice(ids.irange(after, inclusive=(False, True)), size)

    def read(self, rev: int, ids: Iterable[int], records: Mapping[int, R]) -> list[R]:
        """Return what the records with these ids were at a revision at which a list is open;
        `records` are those of now.
        """
        if (
            not self._steps
        ):  # so all ids are there, and a newer record has come where there was none
            return [now for id in ids if (now := records[id]).rev <= rev]
        found, chains = list[R](), self._chains
        record: R | None
        for id in ids:
            chain = chains.get(id)
            record = records.get(id)
            if chain is not None and chain[-1][0] > rev:
                record = chain[bisect_right(chain, rev, key=itemgetter(0))][1]
            if record is not None and record.rev <= rev:
                found.append(record)
        return found


class TableStream(Generic[R]):
    """A table as it was at one moment, which is a revision between two transactions. Ask `Tables`
    for it.
    """

    def __init__(
        self,
        table: Table[R],
        versions: Versions[R],
        rev: int,
        after: int | None,
        limit: int | None,
        where: Where | None,
    ) -> None:
        self._table = table
        self._versions = versions
        self._snapshot = versions.open(rev)
        self._after = after
        self._where = where
        size = table.count_after(after, where)
        self._left = size if limit is None else min(size, limit)
        self._candidates = weights.SLICE
        self.ended = False
        if not self._left:
            self.close()

    def __aiter__(self) -> TableStream[R]:
        return self

    async def __anext__(self) -> list[R]:
        if self.ended:
            raise StopAsyncIteration
        if self._snapshot.is_ended:
            self.close()
            raise Unavailable(
                "the list was read too slowly: too much would have to be kept of what has "
                "changed since"
            )
        return self._next_slice()

    def close(self) -> None:
        if not self.ended:
            self.ended = True
            self._versions.close(self._snapshot)

    def _next_slice(self) -> list[R]:
        """Return the next records. There are some: how many was counted at the start."""
        found: list[R] = []
        while not found:
            size = min(self._candidates, self._left)
            ids = self._table.ids_after(self._after, size, self._where, self._snapshot.rev)
            if left := list(self._versions.left_after(self._after, size, self._where)):
                ids = sorted({*ids, *left})[:size]
            found = self._versions.read(self._snapshot.rev, ids, self._table.records)
            if (where := self._where) is not None:
                found = [record for record in found if getattr(record, where.field) == where.value]
            self._after = ids[-1]
        count = weights.one_slice(self._versions.kind, found)
        del found[count:]
        # To look at 500 for each few long ones would take longer than to encode those.
        self._candidates = min(2 * count + 8, weights.SLICE)
        self._after = found[-1].id
        self._left -= count
        if not self._left:
            self.close()
        return found
