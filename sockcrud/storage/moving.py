"""Everything from one store to another: what the ends of a move have to be able to do, and the move
itself.

It is plain and blocking, without a reactor. A move, and what is restored from an export, is the
same: only that the one goes to an empty store, and the other to one that may have what its first
start has made.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import timezone
from decimal import Decimal
from hashlib import blake2b
from itertools import chain, zip_longest
from operator import attrgetter
from typing import Any, Final, Protocol

import orjson
from attrs import frozen

from sockcrud.records import Record, describe
from sockcrud.records.constraints import Moment
from sockcrud.storage.common import Progress, StoreError
from sockcrud.storage.contract import Counters

TOGETHER: Final = 1_000
"""Records that are read and written at once."""

Slices = Iterator[Sequence[Record]]


GivingWay = Mapping[type[Record], int]
"""What a store has from its first start, and gives way to what is restored: by kind, the id of its
one record.
"""

NOTHING: Final[GivingWay] = {}


class NotEmpty(StoreError):
    """The store has records of its own, and takes no others' ids and revisions."""

    def __init__(
        self, place: str, sizes: Mapping[type[Record], int], rev: int, giving_way: GivingWay
    ) -> None:
        kinds = ", ".join(f"{size:,} {kind.__name__}" for kind, size in sizes.items() if size)
        holds = (
            f"it holds {kinds}" if kinds else f"its records are gone, but it is at revision {rev:,}"
        )
        cure = "move to one that is new, which no daemon was started on"
        if giving_way:
            cure = "restore into one that is new, or has no more than its first start has made"
        super().__init__(f"{place} is not empty: {holds}; {cure}")


class Different(Exception):
    """What the target gives back is not what went in: the differences, a line each. Nothing was
    kept.
    """

    def __init__(self, place: str, differences: Sequence[str]) -> None:
        super().__init__(f"{place} does not give back what was put in, and is left empty")
        self.differences = tuple(differences)


class Readable(Protocol):
    """A store whose records can be read. What cannot be is told as `StoreError`."""

    @property
    def place(self) -> str:
        """Where it is, for people: no password is in there."""

    @property
    def kinds(self) -> tuple[type[Record], ...]:
        """The kinds that it can hold, each after what it refers to."""

    @property
    def counters(self) -> Counters:
        """What it has given out."""

    def size(self, kind: type[Record]) -> int:
        """Return how many records of the kind there are."""

    def read(self, kind: type[Record]) -> Slices:
        """Return all records of the kind in the order of their ids."""


class Source(Readable, Protocol):
    """Where a move comes from. Nobody changes it meanwhile."""

    @property
    def unknown_kinds(self) -> tuple[str, ...]:
        """The names of other kinds that it has, whose records stay behind."""

    def history(self) -> Iterator[bytes]:
        """Return the changes that `changes(since)` tells of, as PostgreSQL copies them; nothing
        where it has none to give.
        """


class Target(Readable, Protocol):
    """Where a move goes to: an empty store, which stays as it is unless `keep` comes back."""

    def clear(self) -> None:
        """Take out all records that there are."""

    def write(self, kind: type[Record], records: Sequence[Record]) -> None:
        """Put in records of a kind that does not have them. What they refer to is there."""

    def count_on(self, counters: Counters, history: Iterator[bytes]) -> None:
        """Go on behind what was given out by the source."""

    def keep(self) -> None:
        """Keep what was put in, for good."""


@frozen
class Moved:
    """What a move has brought of a kind: how many records, and a digest of all that is in them."""

    kind: type[Record]
    records: int
    digest: str


class Sum:
    """The digest of records of a kind in the order of their ids: the same wherever they are, and
    however they are sliced.
    """

    def __init__(self, kind: type[Record]) -> None:
        constraints = describe(kind).constraints
        self._kind = kind
        self._values = attrgetter("id", "rev", *constraints)
        # Some stores keep the offset of a moment, and others only the moment.
        self._snapshots = tuple(
            place for place, held in enumerate(constraints.values(), 2) if isinstance(held, Moment)
        )
        self._hash = blake2b(digest_size=16)
        self._count = 0

    def add(self, records: Sequence[Record]) -> None:
        """Add those that come next."""
        self._count += len(records)
        columns: list[Any] = list(zip(*map(self._values, records), strict=True))
        for place in self._snapshots:
            columns[place] = [moment.astimezone(timezone.utc) for moment in columns[place]]
        self._hash.update(
            orjson.dumps(list(zip(*columns, strict=True)), default=_written)[1:-1] + b","
        )

    def done(self) -> Moved:
        """Return what it comes to."""
        return Moved(self._kind, self._count, self._hash.hexdigest())


def _written(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    raise TypeError(f"no field holds a {type(value).__name__}")


def move(
    source: Source,
    target: Target,
    copying: Progress,
    checking: Progress,
    giving_way: GivingWay = NOTHING,
) -> list[Moved]:
    """Put all records of the source into the target, and give, by kind, what it gives back, which
    is the same.

    Raise `NotEmpty` where the target has others than those that give way, `Different` where it
    gives something else back, and `StoreError` where one of the two cannot be read, or not be
    written to.
    """
    steps = move_in_slices(source, target, copying, checking, giving_way)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            moved: list[Moved] = done.value
            return moved


def move_in_slices(
    source: Source,
    target: Target,
    copying: Progress,
    checking: Progress,
    giving_way: GivingWay = NOTHING,
) -> Generator[None, None, list[Moved]]:
    """Do what `move` does a slice at a time, so that others can have their turn in between."""
    require_empty(target, giving_way)
    counters = _latest(source.counters, target.counters)
    target.clear()
    total = sum(map(source.size, source.kinds))
    sent: dict[type[Record], Moved] = {}
    report = _adding_up(copying, total)
    for kind in source.kinds:
        sum_ = Sum(kind)
        for records in source.read(kind):
            sum_.add(records)
            target.write(kind, records)
            report(len(records))
            yield
        sent[kind] = sum_.done()
    target.count_on(counters, source.history())
    differences: list[str] = []
    report = _adding_up(checking, total)
    for kind in target.kinds:
        sum_ = Sum(kind)
        for records in target.read(kind):
            sum_.add(records)
            report(len(records))
            yield
        came, went = sum_.done(), sent.get(kind, Sum(kind).done())
        if came != went:
            first = (
                f"; the first that differs is {_first_difference(source, target, kind)}"
                if kind in sent
                else ""
            )
            was, became = (
                f"{each.records:,} records with digest {each.digest}" for each in (went, came)
            )
            differences.append(f"{describe(kind).name}: {was} became {became}{first}")
    if target.counters != counters:
        differences.append("the counters of ids and revisions are not those of the source")
    if differences:
        raise Different(target.place, differences)
    target.keep()
    return list(sent.values())


def require_empty(target: Readable, giving_way: GivingWay = NOTHING) -> None:
    """Raise `NotEmpty` where a store has records other than those that give way.

    Where something gives way the store may have been used, too, as long as nothing is left of it
    but sessions.
    """
    sizes = {
        kind: target.size(kind)
        for kind in target.kinds
        if describe(kind).journaled or not giving_way
    }
    for kind, id in giving_way.items():
        if sizes[kind] == 1 and next(target.read(kind))[0].id == id:
            sizes[kind] = 0
    rev = 0 if giving_way else target.counters.rev
    if rev or any(sizes.values()):
        raise NotEmpty(target.place, sizes, rev, giving_way)


def _latest(one: Counters, other: Counters) -> Counters:
    """Return what neither of two stores has given out."""
    highest = {kind: max(one.highest.get(kind, 0), id) for kind, id in other.highest.items()}
    return Counters(max(one.rev, other.rev), highest)


def _adding_up(progress: Progress, total: int) -> Callable[[int], object]:
    done = 0

    def report(more: int) -> None:
        nonlocal done
        done += more
        progress(min(done, total), total)

    return report


def _first_difference(source: Source, target: Target, kind: type[Record]) -> int | None:
    """Return the id of the first record that is not the same in both."""
    pairs = zip_longest(
        chain.from_iterable(source.read(kind)), chain.from_iterable(target.read(kind))
    )
    return next((min(one.id for one in pair if one) for pair in pairs if pair[0] != pair[1]), None)
