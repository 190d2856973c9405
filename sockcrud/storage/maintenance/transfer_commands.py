"""What people run to take records out of a store, to put some in, and to bring all of them back:
export and import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import click

from sockcrud.cli import progress
from sockcrud.cli.outcomes import Failed
from sockcrud.identity.first_start import FIRST_START
from sockcrud.records import describe
from sockcrud.storage import moving
from sockcrud.storage.common import Progress
from sockcrud.storage.maintenance.exported import Exported
from sockcrud.storage.maintenance.files import Write, lines_of, pieces_of, write_new
from sockcrud.storage.maintenance.opening import (
    described,
    errors_as_lines,
    logged_in,
    of_a_port,
    of_a_store,
    open_store,
    opened_to_export,
    opened_to_restore,
    schema_in_use,
    warn_of_first_passwords,
    warn_of_others,
    without_url,
)
from sockcrud.storage.maintenance.record_lines import Writing, without_secrets
from sockcrud.storage.maintenance.seeding import as_lines, entries_of, is_csv
from sockcrud.storage.maintenance.transfer import add_records
from sockcrud.storage.moving import Different, Moved, Source, Target


@click.command()
@click.argument("target", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--secrets",
    is_flag=True,
    help="with the hashes of the passwords, without which nobody can log in again",
)
@of_a_store
@of_a_port
def export(
    target: Path | None,
    secrets: bool,
    store: str | None,
    file: str | None,
    url: str | None,
    login: str | None,
    password_file: str | None,
) -> None:
    """Write all records to a new FILE, or to stdout, one JSON object a line.

    From the file of a store, or a database, also while a daemon is on it, or from the admin port of
    a running daemon. Sessions are none of the records. The last line tells of the others, so that
    import notices what was cut off or changed.

    \b
    sockcrud export all.jsonl --secrets --store sqlite:shop.db
    sockcrud export all.jsonl --secrets --url http://127.0.0.1:8000 --login admin \\
      --password-file password
    sockcrud export --store sqlite:shop.db | grep '"kind":"Client"'
    """
    if url is not None:
        with (
            logged_in(url, store, login, password_file) as port,
            progress.displayed("exporting") as report,
        ):
            count = _write(target, lambda write: port.export(write, secrets, report))
    else:
        without_url(login, password_file)
        with (
            errors_as_lines(),
            opened_to_export(described(store, file), schema_in_use(file)) as source,
            progress.displayed("exporting") as report,
        ):
            warn_of_others(source.unknown_kinds, "their records are not exported")
            count = _write(target, lambda write: _pass_on(_lines(source, secrets, report), write))
    click.echo(f"{count:,} records are exported", err=True)
    if not secrets:
        click.echo(
            "note: without --secrets there are no passwords in it: nobody could log in to what "
            "is made of it",
            err=True,
        )


def _lines(source: Source, secrets: bool, report: Progress) -> Iterator[bytes]:
    kinds = [kind for kind in source.kinds if describe(kind).journaled]
    writing, done, total = Writing(secrets), 0, sum(map(source.size, kinds))
    for kind in kinds:
        for records in source.read(kind):
            yield writing.lines(
                records if secrets else [without_secrets(record) for record in records]
            )
            done += len(records)
            report(done, total)
    yield writing.end(source.counters)


def _pass_on(pieces: Iterable[bytes], write: Write) -> None:
    for piece in pieces:
        write(piece)


def _write(target: Path | None, give: Callable[[Write], object]) -> int:
    """Write the lines that `give` gives to a new file, or to stdout. Give how many records these
    are.
    """
    count = 0

    def counted(write: Write) -> Write:
        def take(piece: bytes) -> None:
            nonlocal count
            write(piece)
            count += piece.count(b"\n")

        return take

    if target is None or str(target) == "-":
        give(counted(sys.stdout.buffer.write))
        sys.stdout.buffer.flush()
    else:
        write_new(target, lambda write: give(counted(write)))
    return count - 1  # the last line is of no record


@click.command("import")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--csv", "as_csv", is_flag=True, help="the FILE is CSV, though its name ends otherwise"
)
@click.option("--kind", metavar="KIND", help="of which kind the rows of CSV are that do not say it")
@click.option(
    "--restore",
    is_flag=True,
    help="bring back a whole store from an export that was made with --secrets",
)
@of_a_store
@of_a_port
def import_(
    source: Path,
    as_csv: bool,
    kind: str | None,
    restore: bool,
    store: str | None,
    file: str | None,
    url: str | None,
    login: str | None,
    password_file: str | None,
) -> None:
    """Add the records of a FILE, all of them or none: one JSON object a line, or CSV.

    Those without an id get the next; dates of their making and last change are now. CSV names
    the fields in its first line; the kind is in a column, or in --kind, or in the FILE's name.

    To the file of a store, which is made where there is none, to a database, or through the admin
    port of a running daemon. All is checked first, and each fault told with its line and field. The
    records keep their ids, and get new revisions. A FILE of - is stdin.

    With --restore the store becomes what the one was that the whole export is of: the records keep
    their ids and revisions, logins and passwords are those of then, and no id that was ever given
    is given again. The store must be new, or have no more than its first start has made, which
    gives way.

    \b
    sockcrud import users.csv --url 127.0.0.1:8000
    sockcrud import all.jsonl --restore --store sqlite:new.db
    sockcrud import all.jsonl --restore --url http://127.0.0.1:8000 --login admin \\
      --password-file password
    grep '"kind":"User"' all.jsonl | sockcrud import - --store sqlite:users.db
    """
    with errors_as_lines(), ExitStack() as stack:
        lines = given = stack.enter_context(lines_of(source))
        has_rows = as_csv or kind is not None or is_csv(source.name)
        name = f"{kind or source.stem}.csv" if has_rows else source.name
        if url is not None and has_rows:
            lines = stack.enter_context(TemporaryFile())
            as_lines(entries_of(given, name, schema_in_use(file)), lines)
            lines.seek(0)
        size = os.fstat(lines.fileno()).st_size
        if url is not None:
            with (
                logged_in(url, store, login, password_file) as port,
                progress.displayed("sending") as report,
            ):
                counts: Mapping[str, int] = port.import_lines(
                    pieces_of(lines, size, report), size, restore
                )
        else:
            without_url(login, password_file)
            meant, schema = described(store, file), schema_in_use(file)
            if restore:
                exported = Exported(lines, schema, str(source))
                check(exported, lines, whole=True)
                with opened_to_restore(meant, schema) as target:
                    counts = {
                        each.kind.__name__: each.records
                        for each in move(exported, target, FIRST_START)
                        if each.records
                    }
                warn_of_first_passwords(meant)
            else:
                with (
                    open_store(meant, schema) as (opened, turns),
                    progress.displayed("checking") as report,
                ):
                    counts = turns.finish(
                        add_records(opened, turns, entries_of(lines, name, schema, report))
                    )
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    done = "restored" if restore else "imported"
    click.echo(f"{sum(counts.values()):,} records are {done}" + (f": {kinds}" if kinds else ""))


def check(exported: Exported, lines: IO[bytes], whole: bool = False) -> None:
    """Read an export through, and show how far this is."""
    size = os.fstat(lines.fileno()).st_size
    with progress.displayed("checking") as report:
        for done in exported.check(whole):
            report(done, size)


def move(
    source: Source, target: Target, giving_way: moving.GivingWay = moving.NOTHING
) -> list[Moved]:
    """Bring everything from one to the other, and show how far this is."""
    with progress.displayed("copying") as copying, progress.displayed("comparing") as comparing:
        try:
            return moving.move(source, target, copying, comparing, giving_way)
        except Different as error:
            raise Failed(error, details=error.differences) from None
