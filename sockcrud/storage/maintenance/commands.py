"""What people run on a store's file: check, backup, and a new password for who has lost the
admin's.

The first two work also through the admin port of a running daemon.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from sockcrud.cli import progress
from sockcrud.cli.outcomes import Failed
from sockcrud.cli.passwords import password_option, read_or_ask
from sockcrud.identity.accounts import Directory
from sockcrud.identity.first_password import remove_outdated
from sockcrud.identity.passwords import InThisThread, Passwords, check_password, digest_of
from sockcrud.identity.records import Account
from sockcrud.storage.contract import IStore
from sockcrud.storage.maintenance.files import write_new
from sockcrud.storage.maintenance.opening import (
    described,
    errors_as_lines,
    file_of,
    logged_in,
    of_a_port,
    of_a_store,
    open_store,
    require_free,
    schema_in_use,
    settings_in_use,
    warn_of_others,
    without_url,
)
from sockcrud.storage.postgres.url import is_url
from sockcrud.storage.sqlite.check import faults, latest_revision, opened_to_read
from sockcrud.storage.sqlite.file import copy
from sockcrud.storage.sqlite.layout import count_records
from sockcrud.storage.waiting import Turns


@click.command()
@of_a_store
@of_a_port
def check(
    store: str | None,
    file: str | None,
    url: str | None,
    login: str | None,
    password_file: str | None,
) -> None:
    """Look for damage in a store's file.

    Reads all of it, also while a daemon has it open: pages, indexes, references, each record, the
    counters. Through the admin port of a daemon it is also compared with what is served. The status
    is 0 where all is well, and 1 where it is not, with a line for each fault.

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
    without_url(login, password_file)
    path = file_of(described(store, file))
    with errors_as_lines(), opened_to_read(path, schema_in_use(file)) as opened:
        with progress.displayed("checking") as report:
            found = faults(opened, report)
        if found:
            raise Failed(f"{path} is damaged", details=found)
        count, revision = count_records(opened.connection, opened.kinds), latest_revision(opened)
        warn_of_others(opened.unknown_kinds, "their records were not looked at one by one")
    click.echo(f"{path} is sound: {count:,} records, revision {revision:,}")


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@of_a_store
@of_a_port
def backup(
    target: Path,
    store: str | None,
    file: str | None,
    url: str | None,
    login: str | None,
    password_file: str | None,
) -> None:
    """Copy a store to a new FILE, which is itself a store.

    Also while a daemon writes to it: the copy is the store as it is at the beginning. With --url it
    comes through the admin port of a daemon, which may be on another machine. A file that exists is
    left alone.

    \b
    sockcrud backup monday.db --store sqlite:shop.db
    sockcrud backup monday.db --url http://127.0.0.1:8000 --login admin --password-file password
    """
    if url is not None:
        with (
            logged_in(url, store, login, password_file) as port,
            progress.displayed("copying") as report,
        ):
            write_new(target, lambda write: port.backup(write, report))
        source: object = f"the store of {url}"
    else:
        without_url(login, password_file)
        source = path = file_of(described(store, file))
        with errors_as_lines():
            with opened_to_read(path, schema_in_use(file)):
                pass  # what is no store, or cannot be read, makes no backup
            with progress.displayed("copying") as report:
                copy(path, target, report)
    click.echo(f"{source} is copied to {target}: {target.stat().st_size:,} bytes")


@click.command()
@click.argument("login")
@password_option("the new password")
@of_a_store
def passwd(login: str, password_file: str | None, store: str | None, file: str | None) -> None:
    """Give the account with this LOGIN a new password, and end its sessions.

    For who has lost the admin's. No daemon may have the file open; one that is on PostgreSQL may go
    on.

    \b
    sockcrud accounts passwd admin --store sqlite:shop.db
    """
    meant = described(store, file)
    with errors_as_lines():
        if not is_url(meant):
            path = file_of(meant)
            if not path.is_file():
                raise Failed(f"there is no store {path}")
            require_free(path)  # before anybody thinks of a password
        password = read_or_ask(password_file, twice=True)
        check_password(password, settings_in_use(file).min_password)
        with open_store(meant, schema_in_use(file)) as (opened, turns):
            account = turns.finish(
                _set_password(
                    opened, turns, login, password, None if is_url(meant) else file_of(meant)
                )
            )
        if account is None:
            raise Failed(f"no account has the login name {login}")
    click.echo(
        f"{login} has a new password, and no sessions"
        + ("" if account.active else "; the account is inactive")
    )


async def _set_password(
    store: IStore, turns: Turns, login: str, password: str, store_file: Path | None
) -> Account | None:
    found = await store.find(Account, "login", login)
    if found is None:
        return None
    passwords = Passwords(InThisThread())
    directory = Directory(store, passwords, turns)
    directory.password_replaced = lambda hash: remove_outdated(passwords, hash, store_file)
    return await directory.change(found.id, digest=digest_of(password))


COMMANDS: Final[tuple[click.Command, ...]] = (check, backup, passwd)
