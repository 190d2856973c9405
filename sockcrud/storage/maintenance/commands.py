"""What people run on a store as a whole: check, backup, export, import, and a new password for who has lost the admin's.

They work on the file; all but the last also through the admin port of a running daemon.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, TypeVar

import click

from sockcrud import config
from sockcrud.cli import progress
from sockcrud.cli.outcomes import Failed, NoAnswer, WrongUse, in_file
from sockcrud.cli.passwords import password_option, read_or_ask
from sockcrud.client.errors import ClientError, InvalidRequest, Refused
from sockcrud.client.sync import Admin
from sockcrud.errors import DomainError
from sockcrud.identity.accounts import Directory
from sockcrud.identity.first_password import remove_outdated
from sockcrud.identity.passwords import InThisThread, Passwords, check_password, digest_of
from sockcrud.identity.records import Account
from sockcrud.records.schema import Schema
from sockcrud.storage.common import StoreError
from sockcrud.storage.contract import IStore
from sockcrud.storage.maintenance.import_rows import Fault, Given, Unimportable
from sockcrud.storage.maintenance.postgres import opened_database
from sockcrud.storage.maintenance.record_lines import as_lines, from_lines, without_secrets
from sockcrud.storage.maintenance.transfer import add_records
from sockcrud.storage.postgres.url import is_url, without_password
from sockcrud.storage.sqlite.check import StoreFile, faults, latest_revision, opened_to_read, read_records
from sockcrud.storage.sqlite.file import copy
from sockcrud.storage.sqlite.layout import count_records
from sockcrud.storage.sqlite.lock import FileLock, real_path
from sockcrud.storage.sqlite.store import SqliteStore
from sockcrud.storage.waiting import Turns

F = TypeVar("F", bound=Callable[..., Any])

Write = Callable[[bytes], object]

LONGEST_SILENCE: Final = 300.0
"""Seconds the admin port may say nothing: a large import is checked whole before it is answered."""
_PIECE: Final = 64 * 1024


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Turn the errors of a store, a file and a port into lines."""
    try:
        yield
    except Unimportable as error:
        raise Failed(error, details=map(_format_fault, error.faults)) from None
    except (StoreError, DomainError) as error:
        raise Failed(error) from None
    except InvalidRequest as error:
        raise Failed(error.message, details=map(str, error.faults)) from None
    except Refused as error:
        raise Failed(error.message) from None
    except ClientError as error:
        raise NoAnswer(error) from None
    except BrokenPipeError:
        raise  # whoever read stdout has seen enough: click knows what to do
    except OSError as error:
        raise in_file(error) from None


def _format_fault(fault: Fault) -> str:
    return f"line {fault.line}, {fault.field or 'all of it'}: expected {fault.expected}"


def _of_a_store(command: F) -> F:
    """Add the options that say which store; `_path` reads them."""
    command = click.option("--config", "file", metavar="FILE", help="the file with the settings  [default: ./tap.cfg]")(command)
    return click.option("--store", metavar="STORE", help="sqlite:PATH or postgresql://...  [default: that of the settings]")(
        command
    )


def _meant(store: str | None, file: str | None) -> str:
    """Return the description of the store that is meant."""
    try:
        return config.load({} if store is None else {"store": store}, os.environ, file).settings.store
    except config.ConfigError as error:
        raise WrongUse(error) from None


def schema_in_use(file: str | None = None) -> Schema:
    """Return the kinds that a store has with the apps in use, which the settings in this file may name."""
    try:
        return config.apps_in({}, os.environ, file).schema
    except config.ConfigError as error:
        raise WrongUse(error) from None


def _path(meant: str) -> Path:
    """Return the file of the store that is meant."""
    if is_url(meant):
        ways = "pg_dump makes its backup, and --url http://HOST:PORT its export, at the admin port of a daemon"
        raise WrongUse(f"{without_password(meant)} is a database and has no file: {ways}")
    if not meant.startswith(config.SQLITE):
        raise WrongUse(f"{without_password(meant)} has no file: name one with --store sqlite:PATH")
    return Path(meant.removeprefix(config.SQLITE))


def _of_a_port(command: F) -> F:
    """Add the options that say at which admin port; `logged_in` reads them."""
    for declared in (
        password_option("the password, with --url"),
        click.option("--login", metavar="NAME", help="with --url: the admin's login name  [default: admin]"),
        click.option("--url", metavar="URL", help="the admin port of a running daemon, instead of a file"),
    ):
        command = declared(command)
    return command


@contextmanager
def logged_in(url: str, store: str | None, login: str | None, password_file: str | None) -> Iterator[Admin]:
    """Have the admin port of a running daemon, and what it refuses told in lines."""
    if store is not None:
        raise WrongUse("--url and --store are two places: name one")
    try:
        if not url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as http://127.0.0.1:8000")
        port = Admin(url, timeout=LONGEST_SILENCE)
    except ValueError as error:
        raise WrongUse(f"--url: {error}") from None
    try:
        with errors_as_lines():
            port.log_in(login or "admin", read_or_ask(password_file, twice=False))
            yield port
    finally:
        with suppress(ClientError):
            if port.token is not None:
                port.log_out()
        port.close()


def _without_url(login: str | None, password_file: str | None) -> None:
    if login is not None or password_file is not None:
        raise WrongUse("--login and --password-file belong to --url: a file asks for no login")


@click.command()
@_of_a_store
@_of_a_port
def check(store: str | None, file: str | None, url: str | None, login: str | None, password_file: str | None) -> None:
    """Look for damage in a store's file.

    Reads all of it, also while a daemon has it open: pages, indexes, references, each record, the counters. Through the
    admin port of a daemon it is also compared with what is served. The status is 0 where all is well, and 1 where it is
    not, with a line for each fault.

    \b
    sockcrud check --store sqlite:shop.db
    sockcrud check --url http://127.0.0.1:8000 --login admin --password-file password
    """
    if url is not None:
        with logged_in(url, store, login, password_file) as port:
            found = port.check()
        if found:
            raise Failed(f"the store of {url} is damaged", details=found)
        click.echo(f"the store of {url} is sound")
        return
    _without_url(login, password_file)
    path = _path(_meant(store, file))
    with errors_as_lines(), opened_to_read(path, schema_in_use(file)) as opened:
        with progress.displayed("checking") as report:
            found = faults(opened, report)
        if found:
            raise Failed(f"{path} is damaged", details=found)
        count, revision = count_records(opened.connection, opened.kinds), latest_revision(opened)
        _warn_of_others(opened, "their records were not looked at one by one")
    click.echo(f"{path} is sound: {count:,} records, revision {revision:,}")


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@_of_a_store
@_of_a_port
def backup(
    target: Path, store: str | None, file: str | None, url: str | None, login: str | None, password_file: str | None
) -> None:
    """Copy a store to a new FILE, which is itself a store.

    Also while a daemon writes to it: the copy is the store as it is at the beginning. With --url it comes through the
    admin port of a daemon, which may be on another machine. A file that exists is left alone.

    \b
    sockcrud backup monday.db --store sqlite:shop.db
    sockcrud backup monday.db --url http://127.0.0.1:8000 --login admin --password-file password
    """
    if url is not None:
        with logged_in(url, store, login, password_file) as port, progress.displayed("copying") as report:
            _write_new(target, lambda write: port.backup(write, report))
        source: object = f"the store of {url}"
    else:
        _without_url(login, password_file)
        source = path = _path(_meant(store, file))
        with errors_as_lines():
            with opened_to_read(path, schema_in_use(file)):
                pass  # what is no store, or cannot be read, makes no backup
            with progress.displayed("copying") as report:
                copy(path, target, report)
    click.echo(f"{source} is copied to {target}: {target.stat().st_size:,} bytes")


@click.command()
@click.argument("target", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--secrets", is_flag=True, help="with the hashes of the passwords; without them accounts come back without one")
@_of_a_store
@_of_a_port
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

    From the file of a store, also while a daemon has it open, or from the admin port of a running daemon. Sessions are
    none of the records.

    \b
    sockcrud export --store sqlite:shop.db | grep '"kind":"Client"'
    sockcrud export all.jsonl --secrets --store sqlite:shop.db
    sockcrud export all.jsonl --url http://127.0.0.1:8000 --login admin --password-file password
    """
    if url is not None:
        with logged_in(url, store, login, password_file) as port, progress.displayed("exporting") as report:
            count = _write(target, lambda write: port.export(write, secrets, report))
    else:
        _without_url(login, password_file)
        schema = schema_in_use(file)
        with (
            errors_as_lines(),
            opened_to_read(_path(_meant(store, file)), schema) as opened,
            progress.displayed("exporting") as report,
        ):
            _warn_of_others(opened, "their records are not exported")
            slices = read_records(opened, schema.journaled, report)
            lines = (as_lines([each if secrets else without_secrets(each) for each in some]) for some in slices)
            count = _write(target, lambda write: _pass_on(lines, write))
    click.echo(f"{count:,} records are exported", err=True)


def _warn_of_others(opened: StoreFile, what: str) -> None:
    """Say what is not done with the kinds that nobody knows here."""
    if opened.unknown_kinds:
        click.echo(f"note: the store has {', '.join(opened.unknown_kinds)} of apps that are not in use: {what}", err=True)


def _pass_on(pieces: Iterable[bytes], write: Write) -> None:
    for piece in pieces:
        write(piece)


def _write(target: Path | None, give: Callable[[Write], object]) -> int:
    """Write the lines that `give` gives to a new file, or to stdout. Give how many."""
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
        _write_new(target, lambda write: give(counted(write)))
    return count


def _write_new(target: Path, give: Callable[[Write], object]) -> None:
    """Write what `give` gives to a new file that others cannot read. Half a file is taken away."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as new:
            give(new.write)
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise


@click.command("import")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@_of_a_store
@_of_a_port
def import_(
    source: Path,
    store: str | None,
    file: str | None,
    url: str | None,
    login: str | None,
    password_file: str | None,
) -> None:
    """Add the records of a FILE that has one JSON object a line, all of them or none.

    To the file of a store, which is made where there is none, or through the admin port of a running daemon. All is
    checked first, and each fault told with its line and field. The records keep their ids. A FILE of - is stdin.

    \b
    sockcrud import all.jsonl --store sqlite:new.db
    grep '"kind":"User"' all.jsonl | sockcrud import - --store sqlite:users.db
    sockcrud import all.jsonl --url http://127.0.0.1:8000 --login admin --password-file password
    """
    with errors_as_lines(), lines_of(source) as lines:
        size = os.fstat(lines.fileno()).st_size
        if url is not None:
            with logged_in(url, store, login, password_file) as port, progress.displayed("sending") as report:
                imported: Mapping[str, int] = port.import_lines(pieces_of(lines, size, report), size)
        else:
            _without_url(login, password_file)
            with (
                _open_store(_meant(store, file), schema_in_use(file)) as (opened, turns),
                progress.displayed("checking") as report,
            ):
                imported = turns.finish(add_records(opened, turns, entries_of(lines, size, report)))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in imported.items())
    click.echo(f"{sum(imported.values()):,} records are imported" + (f": {kinds}" if kinds else ""))


@contextmanager
def lines_of(source: Path) -> Iterator[IO[bytes]]:
    """Open a file, or stdin, kept on disk until it is known how much it is."""
    if str(source) != "-":
        with source.open("rb") as lines:
            yield lines
        return
    with TemporaryFile() as lines:
        shutil.copyfileobj(sys.stdin.buffer, lines)
        lines.seek(0)
        yield lines


def entries_of(lines: IO[bytes], size: int, report: progress.Progress) -> Iterator[Given | Fault]:
    """Yield what each line holds, and tell how far this is."""
    for entry in from_lines(lines):
        yield entry
        report(lines.tell(), size)


def _open_store(meant: str, schema: Schema) -> AbstractContextManager[tuple[IStore, Turns]]:
    """Have the store, and leave it closed."""
    return opened_database(meant, schema) if is_url(meant) else _open_file(_path(meant), schema)


@contextmanager
def _open_file(path: Path, schema: Schema) -> Iterator[tuple[IStore, Turns]]:
    """Have the store to ourselves. What the file cannot take is told as the reason.

    One that was made for what was then refused is taken away.
    """
    turns = Turns()
    reasons: list[str] = []
    _require_free(path)
    is_new = not path.exists()
    with progress.displayed("reading the store") as report:
        store = SqliteStore.open(path, schema, turns, reasons.append, report)
    try:
        yield store, turns
    except DomainError:
        if is_new:
            turns.finish(store.close())
            path.unlink(missing_ok=True)
        if reasons:
            raise Failed(reasons[0]) from None
        raise
    finally:
        turns.finish(store.close())


def _require_free(path: Path) -> None:
    """Say what to do where a daemon has the store: what it has in memory would not follow."""
    file = real_path(path)
    if os.access(file.parent, os.W_OK):
        try:
            FileLock(file).release()
        except StoreError as error:
            raise Failed(f"{error}: stop the daemon first, or use its admin port") from None


@click.command()
@click.argument("login")
@password_option("the new password")
@_of_a_store
def passwd(login: str, password_file: str | None, store: str | None, file: str | None) -> None:
    """Give the account with this LOGIN a new password, and end its sessions.

    For who has lost the admin's. No daemon may have the file open; one that is on PostgreSQL may go on.

    \b
    sockcrud accounts passwd admin --store sqlite:shop.db
    """
    meant = _meant(store, file)
    with errors_as_lines():
        if not is_url(meant):
            path = _path(meant)
            if not path.is_file():
                raise Failed(f"there is no store {path}")
            _require_free(path)  # before anybody thinks of a password
        password = read_or_ask(password_file, twice=True)
        check_password(password)
        with _open_store(meant, schema_in_use(file)) as (opened, turns):
            account = turns.finish(_set_password(opened, turns, login, password, None if is_url(meant) else _path(meant)))
        if account is None:
            raise Failed(f"no account has the login name {login}")
    click.echo(f"{login} has a new password, and no sessions" + ("" if account.active else "; the account is inactive"))


async def _set_password(store: IStore, turns: Turns, login: str, password: str, store_file: Path | None) -> Account | None:
    found = await store.find(Account, "login", login)
    if found is None:
        return None
    passwords = Passwords(InThisThread())
    directory = Directory(store, passwords, turns)
    directory.password_replaced = lambda hash: remove_outdated(passwords, hash, store_file)
    return await directory.change(found.id, digest=digest_of(password))


COMMANDS: Final[tuple[click.Command, ...]] = (check, backup, export, import_, passwd)


def pieces_of(file: IO[bytes], size: int, report: Callable[[int, int], object]) -> Iterator[bytes]:
    """Yield so many bytes of a file in pieces, for `import_lines`."""
    sent = 0
    while piece := file.read(min(_PIECE, size - sent)):
        yield piece
        sent += len(piece)
        report(sent, size)
