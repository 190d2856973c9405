"""What a store gets at its first start: an admin, and, where that is asked for, the documents'
example records.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from sockcrud.errors import Invalid
from sockcrud.identity.accounts import Directory
from sockcrud.identity.first_password import write_made_up
from sockcrud.identity.password_files import read_password
from sockcrud.identity.passwords import SHORTEST_PASSWORD, check_password, digest_of
from sockcrud.identity.records import Account, Company
from sockcrud.records import Record
from sockcrud.storage.contract import IStore, ITransaction
from sockcrud.storage.moving import GivingWay

FIRST_START: Final[GivingWay] = {Company: 1, Account: 1}
"""What the first start makes, and what gives way to what is restored: by kind, the id of its one
record.
"""


class NoAdmin(Exception):
    """The first admin cannot be made, in one line."""


@frozen
class FirstAdmin:
    """The admin that was made. `file` holds the password where it was made up, and is to be removed
    with the store.
    """

    login: str
    password: str | None
    file: Path | None


async def ensure_admin(
    directory: Directory,
    login: str,
    password_file: str,
    store_file: Path | None,
    least: int = SHORTEST_PASSWORD,
) -> FirstAdmin | None:
    """Make the first admin where there is no active one, and fire with it, else with None; raise
    `NoAdmin`, where its password has fewer than the `least` characters, too.

    A password that is made up is written to a file beside the store's, where it has one.
    """
    if await directory.has_active_admin():
        return None
    file = None
    try:
        password = read_password(password_file) if password_file else secrets.token_urlsafe(18)
        check_password(password, least)
        if not password_file:
            file = write_made_up(
                password, store_file
            )  # first: with the admin on disk and this nowhere, nobody gets in
        if await directory.ensure_admin(login, digest_of(password)) is not None:
            return FirstAdmin(login, None if password_file else password, file)
    except OSError as error:
        raise NoAdmin(f"the admin's password: {error.filename}: {error.strerror}") from None
    except Invalid as error:
        raise NoAdmin(f"the first admin: {error}") from None
    if file is not None:
        file.unlink(missing_ok=True)
    return None  # another node was first


async def add_examples(
    store: IStore, examples: Sequence[tuple[type[Record], int, Mapping[str, Any]]]
) -> None:
    """Add example records: the kind, the id and the fields of each. A kind that has records already
    is left as it is.
    """

    async def add(transaction: ITransaction) -> None:
        empty = {kind for kind, _, _ in examples if not await transaction.count(kind)}
        for kind, id, fields in examples:
            if kind in empty:
                await transaction.insert(kind, id, **fields)

    await store.transact(add)
