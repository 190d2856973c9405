"""The contract of the stores. Every store passes the same suite, `tests/storage/store_contract.py`.

What a method returns is awaited: it *fires* with a result or *fails* with an error of
`sockcrud.errors`. Any of them may also raise `Unavailable`. A store that waits for nothing fires
within the same turn.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from attrs import frozen
from zope.interface import Attribute, Interface

from sockcrud.records import Record
from sockcrud.records.schema import Schema

if TYPE_CHECKING:
    from sockcrud.storage.moving import GivingWay, Moved, Source  # which itself needs the counters

R = TypeVar("R", bound=Record)
T = TypeVar("T")


@frozen
class Change:
    """One change: `record` is what the record became, or None where it was deleted."""

    rev: int
    kind: type[Record]
    id: int
    record: Record | None


@frozen
class Counters:
    """What was given out so far, and is not given again: the latest revision, and the highest id of
    each kind.
    """

    rev: int
    highest: Mapping[type[Record], int]


@frozen
class Where:
    """Only records whose indexed `field` has this value."""

    field: str
    value: Any


R_co = TypeVar("R_co", bound=Record, covariant=True)


class RecordStream(Protocol[R_co]):
    """All records of a kind as they were at one moment, in the order of their ids, in slices.

    Whoever does not read it to its end must `close` it: until then the store keeps what has changed
    since. How much it keeps for all lists together is bounded in bytes: a list for which that is
    not enough fails with `Unavailable` at the next slice, and has none after it. However many are
    open, a change costs the same.
    """

    @property
    def ended(self) -> bool:
        """True as soon as it is known that no further slice comes, which may be with the last
        one.
        """

    def __aiter__(self) -> AsyncIterator[Sequence[R_co]]: ...

    async def __anext__(self) -> Sequence[R_co]:
        """Return the next slice, never an empty one; raise StopAsyncIteration at the end.

        A slice is bounded in records and in text: encoded it has no more than 256 KiB, but for one
        that is a single record.
        """

    def close(self) -> None:
        """Let go of the moment. Harmless when repeated."""


class IReads(Interface):
    """What can be asked of a store, and of a transaction of it."""

    def get(kind: type[R], id: int) -> Awaitable[R]:
        """Return the record; raise `NotFound`."""

    def find(kind: type[R], field: str, value: Any) -> Awaitable[R | None]:
        """Return the record whose unique `field` has this value (as the field normalizes it), or
        None.
        """

    def page(
        kind: type[R], limit: int, after: int | None = None, where: Where | None = None
    ) -> Awaitable[list[R]]:
        """Return at most `limit` records in the order of their ids, those with an id above
        `after`.
        """

    def count(kind: type[Record]) -> Awaitable[int]:
        """Return how many records of the kind there are."""


class IChanges(Interface):
    """What can be changed. Outside a transaction, each of these calls is a transaction of its
    own.
    """

    def insert(kind: type[R], id: int | None = None, **fields: Any) -> Awaitable[R]:
        """Return the new record, its `rev` set.

        Without an `id` it gets the highest that was ever used in the kind plus one, or the lowest
        from 1 that is free where that is exhausted. Raise `Taken` (a unique field, or the id
        itself) or `NotFound` (what a reference names), or, where the store takes no more records of
        the kind, with `QuotaExceeded`: they are counted at each insert, those of all nodes
        together, so that a quota is never passed. The values are stored as they are: check them
        first.
        """

    def update(kind: type[R], id: int, expect: int | None = None, **fields: Any) -> Awaitable[R]:
        """Return the changed record, its `rev` new; fields that are not named stay.

        Raise `NotFound`, `Taken`, or, where the record's `rev` is not the one to `expect`,
        `Outdated`; or `QuotaExceeded` where the record would grow and the records take all the
        bytes that they may.
        """

    def delete(kind: type[Record], id: int, expect: int | None = None) -> Awaitable[None]:
        """Return when the record is gone, and with it what refers to it and goes with it.

        Where these are very many, a store may take a while to clear them away that nobody sees any
        more: until then an insert is refused, with `Taken` or `QuotaExceeded`, what they still
        take: their ids, that of the record, their unique values and their number. Another such
        delete waits until then, and so does one while an import is under way. Raise `NotFound`,
        `Outdated`, or `StillReferred` where a record refers to it that does not go with it.
        """


class ITransaction(IReads, IChanges):
    """What the body of `IStore.transact` gets."""

    def lock(name: str) -> Awaitable[None]:
        """Return when no other transaction, on any node, that asked for the same `name` is under
        way; hold it to the end.

        It guards what no unique field or reference can: a rule over several records.
        """


class IStore(IReads, IChanges):
    """A store of records."""

    rev: int = Attribute("""The revision of the latest change, 0 before the first.""")

    schema: Schema = Attribute("""The kinds that it takes.""")

    unknown_kinds: tuple[str, ...] = Attribute(
        """The names of kinds whose records it keeps, untouched: of apps that are not in use.

        What they refer to cannot be deleted."""
    )

    def transact(body: Callable[[ITransaction], Awaitable[T]]) -> Awaitable[T]:
        """Run `body` as one transaction and fire with its result: all of its changes, or, where it
        raises, none.

        `body` awaits nothing but its transaction, and has no other effect than through it: a store
        may run it again. What `joining.joined_by` names goes into the transaction, or into the
        next `insert`.
        """

    def stream(
        kind: type[R],
        after: int | None = None,
        limit: int | None = None,
        where: Where | None = None,
        peer: str = "",
    ) -> RecordStream[R]:
        """Return the records of the kind as they are now, whatever changes while they are read.

        Those without a `peer` that are asked for in one turn are of the same moment. `peer` is the
        address that asks: what a store can do for few lists only is shared out by it. Where a list
        has to wait for its turn, it is of the moment at which that comes, before its first slice.
        """

    def changes(since: int, limit: int) -> Awaitable[list[Change]]:
        """Return the changes after revision `since`, at most `limit`, in the order of their
        revisions.

        A stretch is kept that is bounded in changes and in bytes: raise `HistoryGone` where `since`
        lies before it or ahead of `rev`. What only the daemon's own logins need (sessions, failed
        logins) is not among them.
        """

    def counters() -> Awaitable[Counters]:
        """Return what was given out before this was asked for, or a little more."""

    def restore(source: Source, giving_way: GivingWay) -> Awaitable[Sequence[Moved]]:
        """Take all records of a source under the ids and revisions they have, in place of those
        that give way.

        Go on behind what the source, and this store, have given out. Sessions and failed logins go.
        Where anything fails nothing has changed: raise `NotEmpty` where there are other records,
        `Different` and `StoreError` as a move does. A store may refuse all changes meanwhile, with
        `Unavailable`.
        """

    def close() -> Awaitable[None]:
        """Return when everything is safe and nothing is held open any more."""


class Overtaken(Exception):
    """A staged record cannot be inserted; `error` is what an insert would have failed with."""

    def __init__(self, kind: type[Record], id: int, error: Exception) -> None:
        super().__init__(f"{kind.__name__} {id}: {error}")
        self.kind = kind
        self.id = id
        self.error = error


class Stage(Protocol):
    """Records on their way in, seen by nobody until they are published. It must be published or
    abandoned.
    """

    async def add(self, records: Sequence[Record]) -> None:
        """Take in some records with the ids that they have; fire when there is room for more. Raise
        `Overtaken`.

        What they refer to comes before them. Their revisions will be new ones.
        """

    async def publish(self, permit: Callable[[ITransaction], Awaitable[object]]) -> None:
        """Return when all of them are there, as by one transaction that `permit` begins, which only
        reads.

        Raise `Overtaken`, or as `permit` does. In both cases it still has to be abandoned.
        """

    async def abandon(self) -> None:
        """Return when none of them are there."""


class IStages(Interface):
    """A store that takes in any number of records at once, without anybody having to wait for that.

    What others do meanwhile that cannot be, because of what is staged, is refused: with what an
    insert would fail with, or with `Unavailable` where it is not known yet.
    """

    def stage(highest: Mapping[type[Record], int], size: int | None = None) -> Awaitable[Stage]:
        """Return a stage once there is no other. `highest` has the highest ids of what is to come:
        others get ids above.

        `size` is how many records are to come, where that is known.
        """


class Copied(Protocol):
    """A store's file as it was at one moment, to be read once. Whoever does not read it to its end
    must `close` it.
    """

    size: int

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """Return the next bytes, never none; raise StopAsyncIteration at the end. Raise
        `Unavailable`.
        """

    def close(self) -> None:
        """Let go of it, and the disk of its bytes. Harmless when repeated."""


class IInFile(Interface):
    """A store that is in a file of its own."""

    def check() -> Awaitable[list[str]]:
        """Return what is wrong with the file, in itself and beside what is served, a line each;
        changes go on meanwhile.
        """

    def copied() -> Awaitable[Copied]:
        """Return a copy of all that is on disk now, which is a store's file itself; changes go on
        meanwhile.

        Raise `Unavailable`, also where the disk has no room for it.
        """


class IAtHand(Interface):
    """A store that nobody changes but through this one, and that has its records in memory."""

    def at_hand(kind: type[R], id: int) -> R | None:
        """Return what `get` would give without waiting; None where it would not, or would wait.

        As long as a record does not change, it is the same object.
        """


class IFarAway(Interface):
    """A store behind a network, where every question costs a round trip."""

    def find_with(
        kind: type[Record], field: str, value: Any, path: tuple[str, ...]
    ) -> Awaitable[Sequence[Record]]:
        """Do what `find` does, and follow references from there: all of it at one moment, and as
        one question.

        Return the record, then the one that its field `path[0]` refers to, then the one that this
        one's `path[1]` refers to, and so on; with nothing where there is no such record.
        """


class IForesees(Interface):
    """A transaction behind a network: it had better know beforehand what is to come."""

    def foresee(
        kind: type[Record], inserts: Sequence[tuple[int | None, Mapping[str, Any]]]
    ) -> Awaitable[None]:
        """Return when all is at hand that it takes to insert records with these ids and fields. It
        changes nothing.
        """


class RecordsAtHand(Generic[R]):
    """A stream of records that are at hand already."""

    def __init__(self, records: Sequence[R]) -> None:
        self._records = records
        self.ended = not records

    def __aiter__(self) -> RecordsAtHand[R]:
        return self

    async def __anext__(self) -> Sequence[R]:
        if self.ended:
            raise StopAsyncIteration
        self.ended = True
        return self._records

    def close(self) -> None:
        self.ended = True
