"""Which store is meant, and how a command has it: its file, its database, or the admin port of a
running daemon.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from sockcrud import config
from sockcrud.cli import logins, progress
from sockcrud.cli.addresses import as_written, written_place
from sockcrud.cli.asking import log_in_first
from sockcrud.cli.dialects import administration
from sockcrud.cli.options import trusting, wishes
from sockcrud.cli.outcomes import Failed, NoAnswer, WrongUse, in_file
from sockcrud.cli.passwords import password_option, read_or_ask
from sockcrud.client.errors import ClientError, InvalidRequest, NotLoggedIn, Refused
from sockcrud.client.sync import Admin
from sockcrud.errors import DomainError
from sockcrud.identity.first_password import made_up
from sockcrud.identity.first_start import FIRST_START
from sockcrud.records.schema import Schema
from sockcrud.settings import SQLITE, Settings
from sockcrud.storage.common import StoreError
from sockcrud.storage.contract import IStore
from sockcrud.storage.maintenance.import_rows import Fault, Unimportable
from sockcrud.storage.maintenance.postgres import opened_database
from sockcrud.storage.moving import Source, Target
from sockcrud.storage.postgres.url import is_url, without_password
from sockcrud.storage.sqlite import ends as sqlite_ends
from sockcrud.storage.sqlite.lock import FileLock, real_path
from sockcrud.storage.sqlite.store import SqliteStore
from sockcrud.storage.waiting import Turns

F = TypeVar("F", bound=Callable[..., Any])

LONGEST_SILENCE: Final = 300.0
"""Seconds the admin port may say nothing: a large import is checked whole before it is answered."""


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
    except NotLoggedIn:
        raise  # who made the client knows where to log in
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


def of_a_store(command: F) -> F:
    """Add the options that say which store; `described` reads them."""
    command = click.option(
        "--config",
        "file",
        metavar="FILE",
        type=click.Path(),
        help="the file with the settings  [default: ./tap.cfg]",
    )(command)
    return click.option(
        "--store",
        metavar="STORE",
        help="sqlite:PATH or postgresql://...  [default: that of the settings]",
    )(command)


def described(store: str | None, file: str | None) -> str:
    """Return the description of the store that is meant."""
    return settings_in_use(file, {} if store is None else {"store": store}).store


def settings_in_use(file: str | None, given: Mapping[str, str] = {}) -> Settings:
    """Return the settings, those `given` before all others."""
    try:
        return config.load(given, os.environ, file).settings
    except config.ConfigError as error:
        raise WrongUse(error) from None


def schema_in_use(file: str | None = None) -> Schema:
    """Return the kinds that a store has with the apps in use, which the settings in this file may
    name.
    """
    try:
        return config.apps_in({}, os.environ, file).schema
    except config.ConfigError as error:
        raise WrongUse(error) from None


def file_of(meant: str) -> Path:
    """Return the file of the store that is meant."""
    if is_url(meant):
        ways = (
            "pg_dump makes its backup, and sockcrud export --secrets an export that can be restored"
        )
        raise WrongUse(f"{without_password(meant)} is a database and has no file: {ways}")
    if not meant.startswith(SQLITE):
        raise WrongUse(f"{without_password(meant)} has no file: name one with --store sqlite:PATH")
    return Path(meant.removeprefix(SQLITE))


def of_a_port(command: F) -> F:
    """Add the options that say at which admin port; `logged_in` reads them."""
    for declared in (
        password_option("the password, with --url"),
        click.option(
            "--login",
            metavar="NAME",
            help="with --url: the admin's login name  [default: as of sockcrud admin login]",
        ),
        trusting,
        click.option(
            "--url", metavar="PLACE", help="the admin port of a running daemon, instead of a file"
        ),
    ):
        command = declared(command)
    return command


@contextmanager
def logged_in(
    url: str, store: str | None, login: str | None, password_file: str | None
) -> Iterator[Admin]:
    """Have the admin port of a running daemon, and what it refuses told in lines."""
    if store is not None:
        raise WrongUse("--url and --store are two places: name one")
    place = written_place("--url", url, Admin.default_port)
    kept = None if login or password_file else logins.find(administration(), place)
    port = Admin(as_written(place), timeout=LONGEST_SILENCE, trust=wishes().trust)
    try:
        with errors_as_lines():
            if kept is None:
                port.log_in(login or "admin", read_or_ask(password_file, twice=False))
            else:
                port.token = kept.token
            yield port
    except NotLoggedIn:
        raise log_in_first(administration(), place) from None
    finally:
        with suppress(ClientError):
            if port.token is not None and kept is None:
                port.log_out()
        port.close()


def without_url(login: str | None, password_file: str | None) -> None:
    """Refuse what belongs to a port where there is none."""
    if login is not None or password_file is not None:
        raise WrongUse("--login and --password-file belong to --url: a file asks for no login")


def open_store(meant: str, schema: Schema) -> AbstractContextManager[tuple[IStore, Turns]]:
    """Have the store, and leave it closed."""
    return opened_database(meant, schema) if is_url(meant) else _open_file(file_of(meant), schema)


@contextmanager
def _open_file(path: Path, schema: Schema) -> Iterator[tuple[IStore, Turns]]:
    """Have the store to ourselves. What the file cannot take is told as the reason.

    One that was made for what was then refused is taken away.
    """
    turns = Turns()
    reasons: list[str] = []
    require_free(path)
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


def require_free(path: Path) -> None:
    """Say what to do where a daemon has the store: what it has in memory would not follow."""
    file = real_path(path)
    if os.access(file.parent, os.W_OK):
        try:
            FileLock(file).release()
        except StoreError as error:
            raise Failed(f"{error}: stop the daemon first, or use its admin port") from None


@contextmanager
def opened_to_export(meant: str, schema: Schema) -> Iterator[Source]:
    """Have a store's records as they are now, also while a daemon is on it."""
    with ExitStack() as stack:
        if is_url(meant):
            yield stack.enter_context(postgres_ends().source(meant, schema, alone=False))
        else:
            yield stack.enter_context(sqlite_ends.source(file_of(meant), schema, alone=False))


@contextmanager
def opened_to_restore(meant: str, schema: Schema) -> Iterator[Target]:
    """Have a store to fill, in a file that is made where there is none, or in a database."""
    with ExitStack() as stack:
        if is_url(meant):
            yield stack.enter_context(postgres_ends().target(meant, schema, FIRST_START))
        else:
            require_free(file_of(meant))
            yield stack.enter_context(sqlite_ends.target(file_of(meant), schema))


def postgres_ends() -> Any:
    """Return the module that has both ends of a move for PostgreSQL, whose driver is an extra."""
    try:
        from sockcrud.storage.postgres import copy as postgres_copy
    except ImportError as error:
        raise Failed(
            f"{error}: a store in PostgreSQL needs what pip install 'sockcrud[postgres]' brings"
        ) from None
    return postgres_copy


def warn_of_first_passwords(meant: str) -> None:
    """Say which files beside a store's have the password of the first admin of what was there."""
    for password in () if is_url(meant) else made_up(Path(meant.removeprefix(SQLITE))):
        click.echo(
            f"note: {password} has the password of the first admin of what was there, and may open "
            f"nothing now: remove it where it does not",
            err=True,
        )


def warn_of_others(unknown_kinds: Sequence[str], what: str) -> None:
    """Say what is not done with the kinds that nobody knows here."""
    if unknown_kinds:
        click.echo(
            f"note: the store has {', '.join(unknown_kinds)} of apps that are not in use: {what}",
            err=True,
        )
