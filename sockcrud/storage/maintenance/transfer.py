"""Taking all records out, and putting records in: the export and the import of an admin.

An import only adds. It is checked whole before it changes anything, and then is one change: all of
it or nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from time import perf_counter
from typing import IO, Any, Final, cast

from attrs import frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from sockcrud.access import Access, Principal, admins, operation
from sockcrud.errors import NotFound, Taken
from sockcrud.identity.accounts import ACTIVE_ADMIN, Permit
from sockcrud.identity.directory import still
from sockcrud.identity.first_start import FIRST_START
from sockcrud.identity.records import Account
from sockcrud.records import Record, describe
from sockcrud.storage.common import StoreError
from sockcrud.storage.contract import (
    IFarAway,
    IForesees,
    IStages,
    IStore,
    ITransaction,
    Overtaken,
    RecordStream,
    Stage,
)
from sockcrud.storage.maintenance.completing import Completing
from sockcrud.storage.maintenance.exported import Exported
from sockcrud.storage.maintenance.import_rows import (
    MOST_FAULTS,
    Batch,
    Fault,
    Given,
    Unimportable,
    absent,
    taken,
)
from sockcrud.storage.maintenance.record_lines import Writing, without_secrets
from sockcrud.storage.maintenance.trailer import BadExport, NotFresh
from sockcrud.storage.memory.tables import Unfit
from sockcrud.storage.moving import Different, NotEmpty

SLICE_SECONDS: Final = 0.002
"""An import is read and checked for so long in one turn of the reactor; then it is the others'
turn.
"""

REST_SECONDS: Final = 0.001
"""For so long it then leaves the interpreter to them. The store's thread is one of them: a commit
takes a dozen calls into SQLite, before each of which it would wait until a reactor that is always
busy is interrupted."""

TOGETHER: Final = 200
"""Records that the store is asked about at once: a store on a network makes one question of them.
"""

_AT_ONCE: Final = 500
"""Records that are inserted by one transaction: it takes some milliseconds."""


class Everything:
    """A stream of all records of all kinds that are transferred, the kinds one after the other.

    All kinds are listed as of the turn it was made in. There were `size` of them shortly before.
    """

    def __init__(self, store: IStore, secrets: bool, size: int) -> None:
        self.size = size
        self._store = store
        self._secrets = secrets
        self._writing = Writing(secrets)
        self._streams: list[RecordStream[Record]] = [
            store.stream(kind) for kind in store.schema.journaled
        ]
        self.ended = False

    def __aiter__(self) -> Everything:
        return self

    async def __anext__(self) -> Sequence[Record]:
        while self._streams:
            records: Sequence[Record] = ()
            try:
                records = await anext(self._streams[0])
            except StopAsyncIteration:
                pass
            except BaseException:
                # nobody reads on after a failure, and the store would hold the moment for good
                self.close()
                raise
            if not records or self._streams[0].ended:
                self._streams.pop(0)
            if records:
                return records if self._secrets else [without_secrets(record) for record in records]
        self.ended = True
        raise StopAsyncIteration

    def lines(self, records: Sequence[Record]) -> bytes:
        """Return records that come next as lines. They are of one kind."""
        return self._writing.lines(records)

    async def trailer(self) -> bytes:
        """Return the last line, behind those of all records."""
        return self._writing.end(await self._store.counters())

    def close(self) -> None:
        self.ended = True
        for stream in self._streams:
            stream.close()
        self._streams.clear()


@frozen
class Transfer:
    """Export and import. Both raise NotLoggedIn without a login, and with Forbidden for others than
    admins.
    """

    access: Access
    store: IStore
    password_replaced: Callable[[str], Awaitable[None]] | None = None
    """Told the hash of a password that has given way. It never fails."""

    @operation("records.export", admins)
    async def export(self, principal: Principal, secrets: bool = False) -> Everything:
        """Return all records as they are now, but sessions and failed logins; the hashes of
        passwords if `secrets`.
        """
        size = 0
        for kind in self.store.schema.journaled:
            size += await self.store.count(kind)
        return Everything(self.store, secrets, size)

    @operation("records.import", admins)
    async def import_(
        self, principal: Principal, given: Iterable[Given | Fault]
    ) -> Mapping[str, int]:
        """Add the records under the ids they have, those without one under the next, and fire with
        how many of each kind these were.

        They may come in any order. Their revisions are new ones. An account without a hash gets
        none that fits a password. What is given may hold faults already. It is read and checked in
        slices, so that nobody waits for it. Raise Unimportable where a record breaks a rule of its
        kind, where its id or a unique value exists, in the store or in another line, or where what
        it refers to is in neither. Then nothing has changed.
        """

        async def permit(transaction: ITransaction) -> None:
            await still(transaction, principal, admins)

        return await add_records(self.store, self.access.clock, given, permit, REST_SECONDS)

    @operation("records.restore", admins)
    async def restore(self, principal: Principal, file: IO[bytes]) -> Mapping[str, int]:
        """Restore the store from the export in a file, and fire with how many records there are of
        each kind.

        They keep their ids and revisions; the records of the first start, the admin's among them,
        give way, and all sessions end. Raise `BadExport` where the export is not whole,
        `Unimportable` where a record breaks a rule of its kind, and `NotFresh` where the store has
        records of its own. Then nothing has changed.
        """
        exported = Exported(file, self.store.schema, "the export", TOGETHER)
        pace = _Pace(self.access.clock, REST_SECONDS)
        for _ in exported.check(whole=True):
            await pace.keep()
        await still(self.store, principal, admins)
        gives_way = await self._first_hash()
        try:
            moved = await self.store.restore(exported, FIRST_START)
        except NotEmpty as error:
            raise NotFresh(str(error)) from None
        except (StoreError, Different, Unfit) as error:
            raise BadExport(f"the store does not take the export: {error}") from None
        if gives_way and gives_way != await self._first_hash() and self.password_replaced:
            await self.password_replaced(gives_way)  # a file may hold it, which opens nothing now
        return {describe(each.kind).name: each.records for each in moved if each.records}

    async def _first_hash(self) -> str:
        """Return the hash of the password that the first start made, "" where there is none."""
        with suppress(NotFound):
            return (await self.store.get(Account, FIRST_START[Account])).password_hash
        return ""


async def add_records(
    store: IStore,
    clock: IReactorTime,
    given: Iterable[Given | Fault],
    permit: Permit | None = None,
    rest: float = 0.0,
) -> Mapping[str, int]:
    """Do what `Transfer.import_` promises, for whoever is permitted. No admin is needed: adding
    takes none away.

    `rest` is for how many seconds it stops after each slice, where there are others to be served.
    """
    batch = Batch(store.schema)
    completing = Completing(store.schema, (await store.counters()).highest)
    pace = _Pace(clock, rest)
    try:
        for entry in given:
            batch.add(completing.complete(entry))
            if len(batch.faults) > MOST_FAULTS:
                raise batch.unimportable()
            await pace.keep()
        counts = {
            describe(kind).name: len(records) for kind, records in batch.records.items() if records
        }
        # A store behind a network asks about each record when it is staged: to ask twice would take
        # twice as long.
        is_asked_once = IFarAway.providedBy(store) and _is_staged(store, batch) and not batch.faults
        if not is_asked_once:
            await _compare(store, batch, pace)
        if batch.faults:
            raise batch.unimportable()
        try:
            await _insert(store, batch, permit, pace)
        except Unimportable:
            if is_asked_once:
                await _compare(store, batch, pace)
            if batch.faults:  # all that there are, not only the first
                raise batch.unimportable() from None
            raise
    finally:
        await _let_go([*batch.records.values(), *batch.lines.values(), *batch.keys.values()], pace)
    return counts


async def _insert(store: IStore, batch: Batch, permit: Permit | None, pace: _Pace) -> None:
    """Insert all of them. Where there are many, and the store can, nobody waits for it."""
    if _is_staged(store, batch):
        staging: IStages = cast(IStages, store)
        highest = {kind: max(lines) for kind, lines in batch.lines.items() if lines}
        size = sum(map(len, batch.records.values()))
        await _stage(
            await staging.stage(highest, size), batch, permit, pace, keep=IFarAway.providedBy(store)
        )
        return

    async def add(transaction: ITransaction) -> None:
        await _begin(transaction, permit)
        for kind, records in batch.records.items():  # what is referred to before what refers to it
            for start in range(0, len(records), TOGETHER):
                some = [
                    (record.id, _fields(record)) for record in records[start : start + TOGETHER]
                ]
                if IForesees.providedBy(transaction):
                    foreseeing: IForesees = transaction
                    await foreseeing.foresee(kind, some)
                for id, fields in some:
                    try:
                        await transaction.insert(kind, id, **fields)
                    except (Taken, NotFound) as error:
                        raise batch.overtaken(kind, id, error) from None

    await store.transact(add)


async def _begin(transaction: ITransaction, permit: Permit | None) -> None:
    await transaction.lock(ACTIVE_ADMIN)
    if permit is not None:
        await permit(transaction)


def _is_staged(store: IStore, batch: Batch) -> bool:
    return IStages.providedBy(store) and sum(map(len, batch.records.values())) > _AT_ONCE


async def _stage(
    stage: Stage, batch: Batch, permit: Permit | None, pace: _Pace, keep: bool
) -> None:
    """Insert all of them over as many turns as it takes, and let them be seen in one. `keep` them
    to compare them later.
    """
    try:
        for records in batch.records.values():
            for start in range(0, len(records), TOGETHER):
                stop = start + TOGETHER
                await stage.add(some := records[start:stop])
                if not keep:
                    cast("list[None]", records)[start:stop] = [None] * len(
                        some
                    )  # the store has copies, with revisions
                await pace.keep()
        await stage.publish(lambda transaction: _begin(transaction, permit))
    except Overtaken as overtaken:
        await stage.abandon()
        if isinstance(overtaken.error, (Taken, NotFound)):
            raise batch.overtaken(overtaken.kind, overtaken.id, overtaken.error) from None
        raise overtaken.error from None
    except BaseException:
        await stage.abandon()
        raise


async def _compare(store: IStore, batch: Batch, pace: _Pace) -> None:
    """Find the faults that only the store knows of. (What changes after this, the transaction finds
    out.)
    """
    for kind, records in batch.records.items():
        for start in range(0, len(records), TOGETHER):
            asking = [
                _clashes(store, kind, record.id, _compared(record), batch)
                for record in records[start : start + TOGETHER]
            ]
            await _ask(store, asking, batch, pace)
            if len(batch.faults) > MOST_FAULTS:
                return
    await _ask(
        store,
        [_clashes(store, row.kind, row.id, row.fields, batch) for row in batch.incomplete],
        batch,
        pace,
    )


async def _ask(
    store: IStore, asking: Sequence[Coroutine[Any, Any, list[Fault]]], batch: Batch, pace: _Pace
) -> None:
    if IFarAway.providedBy(store):
        try:
            found = await gatherResults(
                list(map(Deferred.fromCoroutine, asking)), consumeErrors=True
            )
        except FirstError as error:
            error.subFailure.raiseException()
    else:
        found = [await each for each in asking]  # a Deferred each would take longer than all else
    for faults in found:
        batch.faults += faults
    await pace.keep()


async def _clashes(
    store: IStore, kind: type[Record], id: int, fields: Mapping[str, Any], batch: Batch
) -> list[Fault]:
    line, declared, faults = batch.lines[kind][id], describe(kind), []
    if await _exists(store.get(kind, id)):
        faults.append(Fault(line, "id", "an id that is free"))
    for name in declared.uniques:
        if name in fields and await store.find(kind, name, fields[name]) is not None:
            faults.append(taken(line, name))
    for name, reference in declared.references.items():
        to = fields.get(name)
        if (
            to is not None
            and to not in batch.lines[reference.kind]
            and not await _exists(store.get(reference.kind, to))
        ):
            faults.append(absent(line, kind, name))
    return faults


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in describe(type(record)).constraints}


def _compared(record: Record) -> dict[str, Any]:
    """Return the fields that the store has to be asked about."""
    declared = describe(type(record))
    return {name: getattr(record, name) for name in (*declared.uniques, *declared.references)}


async def _let_go(collections: Iterable[list[Any] | dict[Any, Any]], pace: _Pace) -> None:
    """Empty them in slices: to let go of a million entries at once would stop everybody."""
    for collection in collections:
        while collection:
            if isinstance(collection, list):
                del collection[-TOGETHER:]
            else:
                for _ in range(min(TOGETHER, len(collection))):
                    collection.popitem()
            await pace.keep()


async def _exists(record: Awaitable[Record]) -> bool:
    try:
        await record
    except NotFound:
        return False
    return True


class _Pace:
    """Lets others have their turn when a piece of work has taken its time."""

    def __init__(self, clock: IReactorTime, rest: float) -> None:
        self._clock = clock
        self._rest = rest
        self._until = perf_counter() + SLICE_SECONDS

    async def keep(self) -> None:
        """Return at once, or after a rest where this turn of the reactor has been long enough."""
        if perf_counter() >= self._until:
            await deferLater(self._clock, self._rest)
            self._until = perf_counter() + SLICE_SECONDS
