"""`sockcrud move`: everything from one store to another, each in an SQLite file, in PostgreSQL, or,
at first, in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final
from urllib.parse import urlsplit

import click

from sockcrud.cli import progress
from sockcrud.cli.outcomes import WrongUse
from sockcrud.cli.passwords import password_option
from sockcrud.settings import SQLITE
from sockcrud.storage.maintenance import transfer_commands
from sockcrud.storage.maintenance.exported import Exported
from sockcrud.storage.maintenance.files import lines_of
from sockcrud.storage.maintenance.opening import (
    errors_as_lines,
    logged_in,
    postgres_ends,
    schema_in_use,
)
from sockcrud.storage.moving import Moved, Source, Target
from sockcrud.storage.postgres import url as postgres_url
from sockcrud.storage.sqlite import ends as sqlite_ends

_PORTS: Final = ("http://", "https://")
_PLACES: Final = f"sqlite:PATH or {postgres_url.EXPECTED}"


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--login",
    metavar="NAME",
    help="where FROM is an admin port: the admin's login name  [default: admin]",
)
@password_option("that admin's password")
def move(source: str, target: str, login: str | None, password_file: str | None) -> None:
    """Bring everything FROM one store TO another, which is empty.

    Each is sqlite:PATH or postgresql://USER@HOST/DATABASE. A store in memory comes through the
    admin port of its daemon (http://HOST:PORT), or from a FILE that `sockcrud export --secrets` has
    written, - for stdin.

    Records keep their ids and revisions, so what clients know of them holds, and no id is given
    twice. Sessions and failed logins come along, but not out of memory. No daemon may be on either
    store. FROM stays as it is. TO gets all of it or stays empty; it is read again and compared
    before it is kept: a line a kind, with the digest of both.

    \b
    sockcrud move sqlite:shop.db postgresql://shop@db.example.org/shop
    sockcrud move postgresql://shop@db.example.org/shop sqlite:shop.db
    sockcrud move http://127.0.0.1:8000 sqlite:shop.db --password-file password
    """
    if not source.startswith(_PORTS) and (login is not None or password_file is not None):
        raise WrongUse(
            "--login and --password-file belong to an admin port: a store asks for no login"
        )
    opening = _target(target)
    _require_two(source, target)
    with errors_as_lines(), ExitStack() as stack:
        given = stack.enter_context(_source(source, login, password_file))
        filled = stack.enter_context(opening)
        if given.unknown_kinds:
            others = ", ".join(given.unknown_kinds)
            click.echo(
                f"note: {others} stay behind in {given.place}: they are of apps that are not in "
                f"use",
                err=True,
            )
        moved = transfer_commands.move(given, filled)
        counters = given.counters
    _show(moved)
    count = sum(each.records for each in moved)
    click.echo(
        f"{given.place} is moved to {filled.place}: {count:,} records, revision {counters.rev:,}"
    )


def _show(moved: Sequence[Moved]) -> None:
    click.echo(f"{'kind':<14}{'records':>14}  digest")
    for each in moved:
        click.echo(f"{each.kind.__name__:<14}{each.records:>14,}  {each.digest}")


def _require_two(source: str, target: str) -> None:
    if source.startswith(SQLITE) and target.startswith(SQLITE):
        same = (
            Path(source.removeprefix(SQLITE)).resolve()
            == Path(target.removeprefix(SQLITE)).resolve()
        )
    else:
        same = source == target
    if same:
        raise WrongUse(
            f"FROM and TO are both {postgres_url.without_password(target)}: name two stores"
        )


def _target(text: str) -> AbstractContextManager[Target]:
    if postgres_url.is_file(text):
        return sqlite_ends.target(Path(text.removeprefix(SQLITE)), schema_in_use())
    if postgres_url.is_url(text):
        to: AbstractContextManager[Target] = postgres_ends().target(text, schema_in_use())
        return to
    raise WrongUse(f"TO: expected {_PLACES}")


def _source(
    text: str, login: str | None, password_file: str | None
) -> AbstractContextManager[Source]:
    if postgres_url.is_file(text):
        return sqlite_ends.source(Path(text.removeprefix(SQLITE)), schema_in_use())
    if postgres_url.is_url(text):
        of: AbstractContextManager[Source] = postgres_ends().source(text, schema_in_use())
        return of
    if text.startswith(_PORTS):
        if "@" in urlsplit(text).netloc:
            raise WrongUse(
                "FROM: the URL of an admin port holds no login: name it with --login and "
                "--password-file"
            )
        return _from_port(text, login, password_file)
    if text in ("memory:", SQLITE) or postgres_url.may_hold_password(text):
        raise WrongUse(
            f"FROM: expected {_PLACES}, or an admin port (http://HOST:PORT), or the FILE of an "
            f"export"
        )
    return _from_file(Path(text))


@contextmanager
def _from_file(path: Path) -> Iterator[Exported]:
    with lines_of(path) as lines:
        exported = Exported(
            lines, schema_in_use(), "what came on stdin" if str(path) == "-" else str(path)
        )
        _check(exported, lines)
        yield exported


@contextmanager
def _from_port(url: str, login: str | None, password_file: str | None) -> Iterator[Exported]:
    with TemporaryFile() as lines:
        with (
            logged_in(url, None, login, password_file) as port,
            progress.displayed("exporting") as report,
        ):
            port.export(lines.write, True, report)
        exported = Exported(lines, schema_in_use(), f"the store of {url}")
        _check(exported, lines)
        yield exported
    click.echo(
        f"note: {url} runs on, and what changes there from now on is not moved: stop it", err=True
    )


def _check(exported: Exported, lines: IO[bytes]) -> None:
    transfer_commands.check(exported, lines)
    if exported.trailer is None:
        click.echo(
            "note: the export is without its last line: an id above all that are there may be "
            "given again",
            err=True,
        )
