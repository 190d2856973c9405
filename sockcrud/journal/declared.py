"""The readings of all dialects, as the apps in use declare them."""

from __future__ import annotations

from collections.abc import Mapping

from sockcrud.app import Apps, Dialect, resolve
from sockcrud.journal.http import HTTPReading
from sockcrud.journal.reading import NOTHING_KNOWN, Reading


def readings(apps: Apps) -> Mapping[str, Reading]:
    """Return what reads the bytes of each dialect, by its name.

    An HTTP dialect is read by its table of routes, and one that serves others too by all of theirs.
    """
    return {dialect.name: _reading(dialect, apps) for dialect in apps.dialects}


def _reading(dialect: Dialect, apps: Apps) -> Reading:
    if dialect.reading is not None:
        return resolve(dialect.reading)
    described = [each for each in apps.dialects if dialect.name in (each.name, each.together)]
    parts = [resolve(each.openapi) for each in described if each.openapi is not None]
    if parts:
        return HTTPReading([part.routes for part in parts], [part.error for part in parts])
    return NOTHING_KNOWN
