"""Several processes of one daemon on one machine: `sockcrud serve --workers N`.

The first process makes the listening sockets, forks the others, which serve, and looks after them
(`supervisor`); each of them knows how to share (`worker`).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from twisted.logger import ILogObserver, Logger

from sockcrud.config import Loaded
from sockcrud.protocols.inherited import bound
from sockcrud.protocols.listen import CannotListen
from sockcrud.setting import ConfigError
from sockcrud.settings import OFF
from sockcrud.storage.postgres import url as postgres_url
from sockcrud.workers.supervisor import Supervisor
from sockcrud.workers.worker import Worker


def fork(loaded: Loaded, log: ILogObserver) -> Worker:
    """Return in each of the workers, with what it is; this process ends with a status when they
    have ended. Raise `ConfigError` and `CannotListen`, with nothing started.

    To be called before there is a reactor, or a thread: a fork copies neither whole.
    """
    settings = loaded.settings
    if not hasattr(os, "fork"):
        raise ConfigError("workers: this system cannot fork, expected 1")
    if not postgres_url.is_url(settings.store):
        wrong = f"workers = {settings.workers}: the store {settings.store} is for one process"
        raise ConfigError(f"{wrong}, expected {postgres_url.EXPECTED}")
    sockets = {}
    for dialect in loaded.apps.dialects:
        if (where := settings.of(dialect.setting)) != OFF:
            try:
                sockets[dialect.name] = bound(where)
            except CannotListen as error:
                raise CannotListen(f"{dialect.name} cannot listen: {error}") from None
    folder = _folder()
    logger = Logger(namespace=__name__, observer=log)
    return Supervisor(settings.workers, sockets, logger, folder).run()


_LONGEST: Final = 80
"""Characters of a folder with sockets in it: with their names, no system takes more than 103."""


def _folder() -> Path:
    """Make a folder for the sockets that the processes talk over; nobody else can look into it."""
    made = tempfile.mkdtemp(prefix="sockcrud-workers-")
    if len(os.fsencode(made)) > _LONGEST:
        os.rmdir(made)
        made = tempfile.mkdtemp(prefix="sockcrud-workers-", dir="/tmp")
    return Path(made)
