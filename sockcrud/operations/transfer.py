"""Taking all records out, and putting records in: the export and the import of an admin.

An import only adds. It is checked whole before it changes anything, and then is one change: all of it or nothing.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Coroutine, Iterable, Mapping, Sequence
from datetime import date, datetime, timezone
from time import perf_counter
from typing import Any, Final, cast

import attrs
from attrs import Factory, define, frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from sockcrud.accounts import ACTIVE_ADMIN, Permit
from sockcrud.errors import DomainError, Invalid, NotFound, Taken
from sockcrud.model import INT64, KINDS, Account, Bound, Instance, Message, Moment, Money, Record, Whole, describe
from sockcrud.operations import values
from sockcrud.operations.administration import HIDDEN
from sockcrud.operations.directory import still
from sockcrud.operations.gate import Gate, Principal, admins, operation
from sockcrud.passwords import STANDARD_COST
from sockcrud.stores.interfaces import IFarAway, IForesees, IStages, IStore, ITransaction, Listing, Overtaken, Stage

TRANSFERRED: Final = tuple(kind for kind in KINDS if describe(kind).journaled)
"""The kinds that an export holds: what only the logins need is none of them."""

MOST_FAULTS: Final = 100
"""So many faults of an import are told; the first so many are reason enough to look at the file."""

NO_PASSWORD: Final = "!"
"""What an account holds that was imported without a hash: nobody can log in to it before an admin sets a password."""

SLICE_SECONDS: Final = 0.005
"""An import is checked for so long in one turn of the reactor; then it is the others' turn."""

_TOGETHER: Final = 200
"""Records that the store is asked about at once: a store on a network makes one question of them."""

_AT_ONCE: Final = 500
"""Records that are inserted by one transaction: it takes some milliseconds."""

_KINDS: Final = {describe(kind).name: kind for kind in TRANSFERRED}
_ID: Final = Whole(1, INT64.stop - 1)
_CLIENTS_ID: Final = Whole(INT64.start, INT64.stop - 1)
"""The ids of messages are their clients', who may take any number."""
_NOT_STORED: Final = frozenset(("kind", "id", "rev"))
_NAME_SHOWN: Final = 60
_NO_REVISION: Final = 0

_HASH: Final = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>[0-9]{1,7}),t=(?P<passes>[0-9]{1,3}),p=(?P<lanes>[0-9]{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<hash>[A-Za-z0-9+/]{22,86})"
)


@frozen
class Given:
    """A record as a file has it: where it stands, and its fields, which JSON has no dates and exact amounts for."""

    line: int
    fields: Mapping[str, Any]


@frozen
class Fault:
    """What is wrong with one line: in which field, where it is about one, and what would be right."""

    line: int
    field: str | None
    expected: str


class Unimportable(DomainError):
    """An import with faults: the first of them, in the order of the lines. `all` tells whether there are no others."""

    outcome = "invalid"

    def __init__(self, faults: Sequence[Fault], all: bool) -> None:
        count = f"{len(faults)}{'' if all else ' or more'} fault{'' if all and len(faults) == 1 else 's'}"
        super().__init__(f"{count}, and nothing was imported")
        self.faults = tuple(faults)
        self.all = all


class Everything:
    """A `Listing` of all records of all kinds that are transferred, the kinds one after the other.

    All kinds are listed as of the turn it was made in. There were `size` of them shortly before.
    """

    def __init__(self, store: IStore, secrets: bool, size: int) -> None:
        self.size = size
        self._secrets = secrets
        self._listings: list[Listing[Record]] = [store.listing(kind) for kind in TRANSFERRED]
        self.ended = False

    def __aiter__(self) -> Everything:
        return self

    async def __anext__(self) -> Sequence[Record]:
        while self._listings:
            records: Sequence[Record] = ()
            try:
                records = await anext(self._listings[0])
            except StopAsyncIteration:
                pass
            except BaseException:
                self.close()  # nobody reads on after a failure, and the store would hold the moment for good
                raise
            if not records or self._listings[0].ended:
                self._listings.pop(0)
            if records:
                return records if self._secrets else [without_hash(record) for record in records]
        self.ended = True
        raise StopAsyncIteration

    def close(self) -> None:
        self.ended = True
        for listing in self._listings:
            listing.close()
        self._listings.clear()


def without_hash(record: Record) -> Record:
    """Give the record as an export without secrets has it."""
    return attrs.evolve(record, password_hash=HIDDEN) if isinstance(record, Account) else record


@frozen
class Transfer:
    """Export and import. Both fail with NotLoggedIn without a login, and with Forbidden for others than admins."""

    gate: Gate
    store: IStore

    @operation("records.export", admins)
    async def export(self, principal: Principal, secrets: bool = False) -> Everything:
        """Fire with all records as they are now, but sessions and failed logins; the hashes of passwords if `secrets`."""
        size = 0
        for kind in TRANSFERRED:
            size += await self.store.count(kind)
        return Everything(self.store, secrets, size)

    @operation("records.import", admins)
    async def import_(self, principal: Principal, given: Iterable[Given | Fault]) -> Mapping[str, int]:
        """Add the records under the ids they have, and fire with how many of each kind these were.

        They may come in any order. Their revisions are new ones. An account without a hash gets none that fits a password.
        What is given may hold faults already. It is read and checked in slices, so that nobody waits for it. Fail with
        Unimportable where a record breaks a rule of its kind, where its id or a unique value exists, in the store or in
        another line, or where what it refers to is in neither. Then nothing has changed.
        """

        async def permit(transaction: ITransaction) -> None:
            await still(transaction, principal, admins)

        return await add_records(self.store, self.gate.clock, given, permit)


async def add_records(
    store: IStore, clock: IReactorTime, given: Iterable[Given | Fault], permit: Permit | None = None
) -> Mapping[str, int]:
    """Do what `Transfer.import_` promises, for whoever is permitted. No admin is needed: adding takes none away."""
    batch = _Batch()
    pace = _Pace(clock)
    try:
        for entry in given:
            batch.add(entry)
            if len(batch.faults) > MOST_FAULTS:
                raise batch.unimportable()
            await pace.keep()
        await _compare(store, batch, pace)
        if batch.faults:
            raise batch.unimportable()
        counts = {describe(kind).name: len(records) for kind, records in batch.records.items() if records}
        await _insert(store, batch, permit, pace)
    finally:
        await _let_go([*batch.records.values(), *batch.lines.values(), *batch.keys.values()], pace)
    return counts


async def _insert(store: IStore, batch: _Batch, permit: Permit | None, pace: _Pace) -> None:
    """Insert all of them. Where there are many, and the store can, nobody waits for it."""
    if IStages.providedBy(store) and sum(map(len, batch.records.values())) > _AT_ONCE:
        staging: IStages = store
        highest = {kind: max(lines) for kind, lines in batch.lines.items() if lines}
        await _stage(await staging.stage(highest), batch, permit, pace)
        return

    async def add(transaction: ITransaction) -> None:
        await _begin(transaction, permit)
        for kind, records in batch.records.items():  # what is referred to before what refers to it
            for start in range(0, len(records), _TOGETHER):
                some = [(record.id, _fields(record)) for record in records[start : start + _TOGETHER]]
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
    await transaction.alone(ACTIVE_ADMIN)
    if permit is not None:
        await permit(transaction)


async def _stage(stage: Stage, batch: _Batch, permit: Permit | None, pace: _Pace) -> None:
    """Insert all of them over as many turns as it takes, and let them be seen in one."""
    try:
        for records in batch.records.values():
            for start in range(0, len(records), _TOGETHER):
                stop = start + _TOGETHER
                await stage.add(some := records[start:stop])
                cast("list[None]", records)[start:stop] = [None] * len(some)  # the store has copies, with revisions
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


async def _compare(store: IStore, batch: _Batch, pace: _Pace) -> None:
    """Find the faults that only the store knows of. (What changes after this, the transaction finds out.)"""
    for kind, records in batch.records.items():
        for start in range(0, len(records), _TOGETHER):
            asking = [_clashes(store, kind, record.id, _asked(record), batch) for record in records[start : start + _TOGETHER]]
            await _ask(store, asking, batch, pace)
            if len(batch.faults) > MOST_FAULTS:
                return
    await _ask(store, [_clashes(store, row.kind, row.id, row.fields, batch) for row in batch.incomplete], batch, pace)


async def _ask(store: IStore, asking: Sequence[Coroutine[Any, Any, list[Fault]]], batch: _Batch, pace: _Pace) -> None:
    if IFarAway.providedBy(store):
        try:
            found = await gatherResults(list(map(Deferred.fromCoroutine, asking)), consumeErrors=True)
        except FirstError as error:
            error.subFailure.raiseException()
    else:
        found = [await each for each in asking]  # a Deferred each would take longer than all else
    for faults in found:
        batch.faults += faults
    await pace.keep()


async def _clashes(store: IStore, kind: type[Record], id: int, fields: Mapping[str, Any], batch: _Batch) -> list[Fault]:
    line, declared, faults = batch.lines[kind][id], describe(kind), []
    if await _exists(store.get(kind, id)):
        faults.append(Fault(line, "id", "an id that is free"))
    for name in declared.uniques:
        if name in fields and await store.find(kind, name, fields[name]) is not None:
            faults.append(_taken(line, name))
    for name, reference in declared.references.items():
        to = fields.get(name)
        if to is not None and to not in batch.lines[reference.kind] and not await _exists(store.get(reference.kind, to)):
            faults.append(_absent(line, kind, name))
    return faults


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in describe(type(record)).bounds}


def _asked(record: Record) -> dict[str, Any]:
    """Give the fields that the store has to be asked about."""
    declared = describe(type(record))
    return {name: getattr(record, name) for name in (*declared.uniques, *declared.references)}


async def _let_go(collections: Iterable[list[Any] | dict[Any, Any]], pace: _Pace) -> None:
    """Empty them in slices: to let go of a million entries at once would stop everybody."""
    for collection in collections:
        while collection:
            if isinstance(collection, list):
                del collection[-_TOGETHER:]
            else:
                for _ in range(min(_TOGETHER, len(collection))):
                    collection.popitem()
            await pace.keep()


@frozen
class _Incomplete:
    """A record that lacks the fields that were found wrong: what is left of it is looked through for more faults."""

    kind: type[Record]
    id: int
    fields: dict[str, Any]


@define
class _Batch:
    """What was given so far, and what is wrong with it.

    Of a line nothing is kept but its record, which is as small as it will be in the store, and its number.
    """

    records: dict[type[Record], list[Record]] = Factory(lambda: {kind: [] for kind in TRANSFERRED})
    """Those that are whole; their revisions are none yet."""
    incomplete: list[_Incomplete] = Factory(list)
    lines: dict[type[Record], dict[int, int]] = Factory(lambda: {kind: {} for kind in TRANSFERRED})
    """By kind, the line of each id."""
    keys: dict[tuple[type[Record], str], dict[Any, int]] = Factory(
        lambda: {(kind, name): {} for kind in TRANSFERRED for name in describe(kind).uniques}
    )
    """By kind and unique field, the line of each value, folded."""
    faults: list[Fault] = Factory(list)

    def add(self, entry: Given | Fault) -> None:
        if isinstance(entry, Fault):
            self.faults.append(entry)
            return
        name, id = entry.fields.get("kind"), entry.fields.get("id")
        kind = _KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            self.faults.append(Fault(entry.line, "kind", " or ".join(_KINDS)))
            return
        ids = _CLIENTS_ID if kind is Message else _ID
        if not isinstance(id, int) or not ids.fits(id):
            self.faults.append(Fault(entry.line, "id", ids.expects))
            return
        fields = self._read(kind, entry)
        if (line := self.lines[kind].setdefault(id, entry.line)) != entry.line:
            self.faults.append(Fault(entry.line, "id", f"an id that line {line} has not"))
        for unique, fold in describe(kind).uniques.items():
            if unique in fields:
                line = self.keys[kind, unique].setdefault(fold(fields[unique]), entry.line)
                if line != entry.line:
                    self.faults.append(Fault(entry.line, unique, f"a value that line {line} has not"))
        if len(fields) == len(describe(kind).bounds):
            self.records[kind].append(kind(id=id, rev=_NO_REVISION, **fields))
        else:
            self.incomplete.append(_Incomplete(kind, id, fields))

    def _read(self, kind: type[Record], entry: Given) -> dict[str, Any]:
        bounds = describe(kind).bounds
        for name in entry.fields:
            if name not in bounds and name not in _NOT_STORED:
                self.faults.append(Fault(entry.line, name[:_NAME_SHOWN], f"nothing: {describe(kind).name} has no such field"))
        read: dict[str, Any] = {}
        for name, bound in bounds.items():
            try:
                read[name] = _value(name, bound, entry.fields)
            except Invalid as error:
                self.faults.append(Fault(entry.line, error.field, error.expected))
        return read

    def overtaken(self, kind: type[Record], id: int, error: Taken | NotFound) -> Unimportable:
        """Give what to refuse the import with where a record can no longer be inserted, which was in order when compared."""
        line = self.lines[kind][id]
        if isinstance(error, Taken):
            return Unimportable([_taken(line, error.field)], all=False)
        name = next(name for name, to in describe(kind).references.items() if to.kind.__name__ == error.kind)
        return Unimportable([_absent(line, kind, name)], all=False)

    def unimportable(self) -> Unimportable:
        faults = sorted(self.faults, key=lambda fault: fault.line)
        return Unimportable(faults[:MOST_FAULTS], len(faults) <= MOST_FAULTS)


def _value(name: str, bound: Bound, fields: Mapping[str, Any]) -> Any:
    """Give the value of a field as it is stored; raise Invalid where it keeps not to its bound."""
    if name == "password_hash":
        return _password_hash(fields.get(name))
    if name not in fields:
        raise Invalid(name, f"{bound.expects}, and there is nothing")
    value = fields[name]
    if isinstance(bound, Money):
        return values.money(name, value)
    if isinstance(bound, Moment):
        value = _moment(value)
    elif isinstance(bound, Instance) and bound.type is date:
        return values.day(name, value)
    if not bound.fits(value):
        raise Invalid(name, bound.expects)
    return value


def _moment(value: object) -> datetime | None:
    """Give the moment that an ISO 8601 text with an offset names, None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value)
        return moment.astimezone(timezone.utc) if moment.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def _password_hash(value: object) -> str:
    """Give a hash that logins can be checked against at a bearable cost; `NO_PASSWORD` where there is none."""
    if value is None:
        return NO_PASSWORD
    found = _HASH.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        memory, passes, lanes = (int(found[name]) for name in ("memory", "passes", "lanes"))
        # A hash says itself what checking a password costs, and would be believed at each login: none costs more than ours.
        most = STANDARD_COST
        bearable = 8 * lanes <= memory <= most.memory_cost and passes <= most.time_cost and lanes <= most.parallelism
        if bearable and passes and lanes and _is_base64(found["salt"]) and _is_base64(found["hash"]):
            return found[0]
    raise Invalid("password_hash", "an argon2id hash as an export with secrets has it, or null for no password")


def _is_base64(text: str) -> bool:
    """Tell whether argon2 can decode it: what it cannot decode it refuses faster than a password that is wrong."""
    try:
        return b64encode(b64decode(text + "=" * (-len(text) % 4))).rstrip(b"=") == text.encode()
    except ValueError:
        return False


async def _exists(record: Awaitable[Record]) -> bool:
    try:
        await record
    except NotFound:
        return False
    return True


def _taken(line: int, field: str) -> Fault:
    return Fault(line, field, "a value that no record has yet")


def _absent(line: int, kind: type[Record], field: str) -> Fault:
    to = describe(kind).references[field].kind
    return Fault(line, field, f"the id of a {describe(to).name}, here or in the file")


class _Pace:
    """Lets others have their turn when a piece of work has taken its time."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._until = perf_counter() + SLICE_SECONDS

    async def keep(self) -> None:
        """Fire at once, or in the reactor's next turn where this one has been long enough."""
        if perf_counter() >= self._until:
            await deferLater(self._clock, 0)
            self._until = perf_counter() + SLICE_SECONDS
