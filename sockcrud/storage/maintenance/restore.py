"""`sockcrud restore`: a backup in the place of a store's file."""

from __future__ import annotations

from pathlib import Path

import click

from sockcrud.cli import progress
from sockcrud.settings import SQLITE
from sockcrud.storage.maintenance.opening import (
    errors_as_lines,
    schema_in_use,
    warn_of_first_passwords,
)
from sockcrud.storage.sqlite.restore import restore as put_in_place


def _path(place: str) -> Path:
    return Path(place.removeprefix(SQLITE))


@click.command()
@click.argument("backup", metavar="BACKUP")
@click.argument("to", metavar="TO")
@click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(),
    help="the file with the settings  [default: ./tap.cfg]",
)
def restore(backup: str, to: str, file: str | None) -> None:
    """Put a copy of a BACKUP in the place of a store, the file TO, which no daemon may have open.

    The BACKUP is checked first. What was there is kept, with what a crash has left beside it, as
    TO-replaced: a backup that is copied over a file by other means would take in what lies beside
    it. BACKUP and TO may be the same: where the file is not used because of what lies beside it, or
    because that is gone, it is then taken as it is.

    \b
    sockcrud restore monday.db shop.db
    """
    with errors_as_lines(), progress.displayed("restoring") as report:
        done = put_in_place(_path(backup), _path(to), schema_in_use(file), report)
    if done.note is not None:
        click.echo(f"note: {done.note}", err=True)
    click.echo(f"{_path(to)} has {done.records:,} records now, revision {done.revision:,}")
    if done.kept is not None:
        click.echo(f"what was there is {_path(to).with_name(done.kept.name)} now")
        warn_of_first_passwords(to)
