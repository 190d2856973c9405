"""The file with the password that was made up for the first admin."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from twisted.logger import Logger

from sockcrud.errors import Busy, Invalid
from sockcrud.identity.password_files import read_password
from sockcrud.identity.passwords import Passwords, digest_of
from sockcrud.storage.sync import sync_directory

_NAME: Final = "-admin-password-"
_MOST_LOOKED_AT: Final = 16
"""Files of first passwords that are compared with one that was changed, the latest: each takes a
hash.
"""

_log = Logger()


def write_made_up(password: str, store_file: Path | None) -> Path:
    """Write a password that was made up to a file beside the store's, where it has one, and return
    it once it is on disk.
    """
    name, directory = _place(store_file)
    handle, made = tempfile.mkstemp(prefix=f"{name}{_NAME}", dir=directory)  # of mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync_directory(directory)
    return Path(made)


async def remove_outdated(
    passwords: Passwords, password_hash: str, store_file: Path | None
) -> None:
    """Return when no file has the password any more that is the one of this hash, and was changed.
    Nothing fails of this.
    """
    for file in made_up(store_file):
        try:
            if await passwords.verify(digest_of(read_password(str(file))), password_hash):
                file.unlink()
        except (OSError, Invalid, Busy) as error:
            _log.warn(
                "{file} may hold a password that was changed, and is left: {error}",
                file=file,
                error=error,
            )


def made_up(store_file: Path | None) -> list[Path]:
    """Return the files there may be with a password that was made up. Other people may put files
    there, too.
    """
    name, directory = _place(store_file)
    found: dict[Path, float] = {}
    for file in directory.glob(f"{name}{_NAME}*"):
        with suppress(OSError):
            status = file.lstat()
            is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            if is_own and stat.S_ISREG(status.st_mode) and status.st_size < 1000:
                found[file] = status.st_mtime
    return sorted(found, key=found.__getitem__, reverse=True)[:_MOST_LOOKED_AT]


def _place(store_file: Path | None) -> tuple[str, Path]:
    return (
        ("sockcrud", Path(tempfile.gettempdir()))
        if store_file is None
        else (store_file.name, store_file.absolute().parent)
    )
