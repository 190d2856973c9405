"""`sockcrud move`: everything from one store to another, each in an SQLite file, in PostgreSQL, or, at first, in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final
from urllib.parse import urlsplit

import attrs
import click

from sockcrud.cli import progress
from sockcrud.cli.outcomes import Failed, WrongUse
from sockcrud.cli.passwords import password_option
from sockcrud.client.errors import HistoryGone
from sockcrud.config import SQLITE
from sockcrud.identity.records import Account
from sockcrud.records import Record, evolve
from sockcrud.records.constraints import INT64, Whole
from sockcrud.storage import moving
from sockcrud.storage.contract import IStore
from sockcrud.storage.maintenance.commands import entries_of, errors_as_lines, lines_of, logged_in, schema_in_use
from sockcrud.storage.maintenance.import_rows import Fault, Given
from sockcrud.storage.maintenance.transfer import add_records
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.moving import TOGETHER, Counters, Different, Moved, Slices, Source, Target
from sockcrud.storage.postgres import url as postgres_url
from sockcrud.storage.sqlite import ends as sqlite_ends
from sockcrud.storage.waiting import Turns

_PORTS: Final = ("http://", "https://")
_PLACES: Final = f"sqlite:PATH or {postgres_url.EXPECTED}"
_REV: Final = Whole(1, INT64.stop - 1)


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--login", metavar="NAME", help="where FROM is an admin port: the admin's login name  [default: admin]")
@password_option("that admin's password")
def move(source: str, target: str, login: str | None, password_file: str | None) -> None:
    """Bring everything FROM one store TO another, which is empty.

    Each is sqlite:PATH or postgresql://USER@HOST/DATABASE. A store in memory comes through the admin port of its daemon
    (http://HOST:PORT), or from a FILE that `sockcrud export --secrets` has written, - for stdin.

    Records keep their ids and revisions, so what clients know of them holds, and no id is given twice. Sessions and
    failed logins come along, but not out of memory. No daemon may be on either store. FROM stays as it is. TO gets all of
    it or stays empty; it is read again and compared before it is kept: a line a kind, with the digest of both.

    \b
    sockcrud move sqlite:shop.db postgresql://shop@db.example.org/shop
    sockcrud move postgresql://shop@db.example.org/shop sqlite:shop.db
    sockcrud move http://127.0.0.1:8000 sqlite:shop.db --password-file password
    """
    if not source.startswith(_PORTS) and (login is not None or password_file is not None):
        raise WrongUse("--login and --password-file belong to an admin port: a store asks for no login")
    opening = _target(target)
    _require_two(source, target)
    with errors_as_lines(), ExitStack() as stack:
        given = stack.enter_context(_source(source, login, password_file))
        filled = stack.enter_context(opening)
        if given.unknown_kinds:
            others = ", ".join(given.unknown_kinds)
            click.echo(f"note: {others} stay behind in {given.place}: they are of apps that are not in use", err=True)
        moved = _moved(given, filled)
        counters = given.counters
    _show(moved)
    count = sum(each.records for each in moved)
    click.echo(f"{given.place} is moved to {filled.place}: {count:,} records, revision {counters.rev:,}")


def _moved(source: Source, target: Target) -> list[Moved]:
    with progress.displayed("copying") as copying, progress.displayed("comparing") as comparing:
        try:
            return moving.move(source, target, copying, comparing)
        except Different as error:
            raise Failed(error, details=error.differences) from None


def _show(moved: Sequence[Moved]) -> None:
    click.echo(f"{'kind':<14}{'records':>14}  digest")
    for each in moved:
        click.echo(f"{each.kind.__name__:<14}{each.records:>14,}  {each.digest}")


def _require_two(source: str, target: str) -> None:
    if source.startswith(SQLITE) and target.startswith(SQLITE):
        same = Path(source.removeprefix(SQLITE)).resolve() == Path(target.removeprefix(SQLITE)).resolve()
    else:
        same = source == target
    if same:
        raise WrongUse(f"FROM and TO are both {postgres_url.without_password(target)}: name two stores")


def _target(text: str) -> AbstractContextManager[Target]:
    if postgres_url.is_file(text):
        return sqlite_ends.target(Path(text.removeprefix(SQLITE)), schema_in_use())
    if postgres_url.is_url(text):
        to: AbstractContextManager[Target] = _postgres().target(text, schema_in_use())
        return to
    raise WrongUse(f"TO: expected {_PLACES}")


def _source(text: str, login: str | None, password_file: str | None) -> AbstractContextManager[Source]:
    if postgres_url.is_file(text):
        return sqlite_ends.source(Path(text.removeprefix(SQLITE)), schema_in_use())
    if postgres_url.is_url(text):
        of: AbstractContextManager[Source] = _postgres().source(text, schema_in_use())
        return of
    if text.startswith(_PORTS):
        if "@" in urlsplit(text).netloc:
            raise WrongUse("FROM: the URL of an admin port holds no login: name it with --login and --password-file")
        return _from_port(text, login, password_file)
    if text in ("memory:", SQLITE) or postgres_url.may_hold_password(text):
        raise WrongUse(f"FROM: expected {_PLACES}, or an admin port (http://HOST:PORT), or the FILE of an export")
    return _from_file(Path(text))


def _postgres() -> Any:
    try:
        from sockcrud.storage.postgres import copy as postgres_copy
    except ImportError as error:
        raise Failed(f"{error}: a store in PostgreSQL needs what pip install 'sockcrud[postgres]' brings") from None
    return postgres_copy


@attrs.frozen
class _Exported:
    """What was in memory: the records of an export, all of which were checked."""

    place: str
    counters: Counters
    _records: Mapping[type[Record], Sequence[Record]]
    kinds: tuple[type[Record], ...]
    unknown_kinds: tuple[str, ...] = ()

    def size(self, kind: type[Record]) -> int:
        return len(self._records[kind])

    def read(self, kind: type[Record]) -> Slices:
        records = self._records[kind]
        return (records[start : start + TOGETHER] for start in range(0, len(records), TOGETHER))

    def history(self) -> Iterator[bytes]:
        return iter(())


@contextmanager
def _from_file(path: Path) -> Iterator[_Exported]:
    with lines_of(path) as lines:
        place = "what came on stdin" if str(path) == "-" else str(path)
        exported = _read(lines, place)
    click.echo(
        "note: an export does not tell which records were deleted: an id above all that are there may be given again", err=True
    )
    yield exported


@contextmanager
def _from_port(url: str, login: str | None, password_file: str | None) -> Iterator[_Exported]:
    place = f"the store of {url}"
    with TemporaryFile() as lines:
        with logged_in(url, None, login, password_file) as port:
            with progress.displayed("exporting") as told:
                port.export(lines.write, True, told)
            highest: dict[str, int] = {}
            try:
                for change in port.all_changes():
                    highest[change.kind] = max(highest.get(change.kind, 0), change.id)
            except HistoryGone:
                click.echo(f"note: {place} no longer knows all that was deleted: an id may be given again", err=True)
        lines.seek(0)
        exported = _read(lines, place)
    known = {kind: max(id, highest.get(kind.__name__, 0)) for kind, id in exported.counters.highest.items()}
    yield attrs.evolve(exported, counters=attrs.evolve(exported.counters, highest=known))
    click.echo(f"note: {url} runs on, and what changes there from now on is not moved: stop it", err=True)


def _read(lines: IO[bytes], place: str) -> _Exported:
    """Check all that an export holds, as an import would, but that its revisions count."""
    schema = schema_in_use()
    turns, store = Turns(), MemoryStore(schema)
    revs: dict[tuple[str, int], int] = {}
    with progress.displayed("checking") as told:
        entries = entries_of(lines, os.fstat(lines.fileno()).st_size, told)
        turns.finish(add_records(store, turns, _noted(entries, revs)))
    records = {kind: turns.finish(_all(store, kind, revs)) for kind in schema.journaled}
    highest = {kind: max(0, records[kind][-1].id) if records.get(kind) else 0 for kind in schema}
    return _Exported(place, Counters(max(revs.values(), default=0), highest), records, schema.journaled)


def _noted(entries: Iterator[Given | Fault], revs: dict[tuple[str, int], int]) -> Iterator[Given | Fault]:
    """Yield the entries, and note the revision of each. What only an export with secrets has must be there."""
    for entry in entries:
        if isinstance(entry, Fault):
            yield entry
            continue
        name, id, rev = (entry.fields.get(field) for field in ("kind", "id", "rev"))
        if not _REV.fits(rev):
            yield Fault(entry.line, "rev", f"{_REV.expects}, as an export has it")
        elif name == Account.__name__ and "password_hash" not in entry.fields:
            yield Fault(entry.line, "password_hash", "what an export with --secrets has")
        else:
            if isinstance(name, str) and isinstance(id, int) and isinstance(rev, int):
                revs[name, id] = rev
            yield entry


async def _all(store: IStore, kind: type[Record], revs: Mapping[tuple[str, int], int]) -> list[Record]:
    return [evolve(record, rev=revs[kind.__name__, record.id]) async for some in store.stream(kind) for record in some]
