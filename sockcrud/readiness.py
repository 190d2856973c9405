"""Whether the settings can be used where the daemon is to start: its ports, its folders, its
files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sockcrud.config import Loaded, format_settings
from sockcrud.errors import Invalid
from sockcrud.identity.password_files import read_password
from sockcrud.identity.passwords import check_password
from sockcrud.protocols.listen import CannotListen
from sockcrud.protocols.trial import try_listening
from sockcrud.settings import OFF, Settings
from sockcrud.storage.postgres.url import is_url


def show(loaded: Loaded, say: Callable[[str], object]) -> int:
    """Say which settings are in use, and on stderr what could not be used of them here and now:
    then the status is 2.
    """
    say(format_settings(loaded).rstrip("\n"))
    wrong = [*unusable_listeners(loaded), *_unusable_files(loaded.settings)]
    for line in wrong:
        print(f"sockcrud: {line}", file=sys.stderr)
    return 2 if wrong else 0


def unusable_listeners(loaded: Loaded) -> Iterator[str]:
    """Yield a line for each dialect that could not listen where it is to."""
    for dialect in loaded.apps.dialects:
        if (where := loaded.settings.of(dialect.setting)) != OFF:
            try:
                try_listening(where)
            except CannotListen as error:
                yield f"{dialect.name} cannot listen: {error}"


def _unusable_files(settings: Settings) -> Iterator[str]:
    if settings.store_file is not None and (wrong := _unwritable(settings.store_file)):
        yield f"the store: {wrong}"
    if settings.log_file and (wrong := _unwritable(Path(settings.log_file))):
        yield f"the log: {wrong}"
    if settings.workers > 1 and not is_url(settings.store):
        yield f"workers = {settings.workers}: {settings.store} is for one process"
    if settings.seed and not os.access(settings.seed, os.R_OK):
        yield f"the seed: {settings.seed} cannot be read"
    if settings.admin_password_file:
        try:
            check_password(read_password(settings.admin_password_file), settings.min_password)
        except OSError as error:
            yield f"the admin's password: {error.filename}: {error.strerror}"
        except Invalid as error:
            yield f"the admin's password: {error}"


def _unwritable(file: Path) -> str:
    """Return why the file can neither be written to nor made; "" where it can."""
    folder = file.absolute().parent
    if not folder.is_dir():
        return f"there is no directory {folder}"
    if file.is_dir():
        return f"{file} is a directory"
    return (
        ""
        if os.access(file if file.exists() else folder, os.W_OK)
        else f"{file} cannot be written to"
    )
