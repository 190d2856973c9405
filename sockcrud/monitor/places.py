"""Where the monitor looks for each dialect: what its command line says, else the daemon's admin
port, the environment, the settings that the daemon has too, and what is so by default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import click

from sockcrud import config
from sockcrud.cli.addresses import as_written, places_by
from sockcrud.cli.dialects import variable
from sockcrud.client.places import of_listener
from sockcrud.monitor.settings import DIALECTS, OFF, PORTS
from sockcrud.settings import names


def places_of(
    said: Mapping[str, str | None],
    at: Sequence[str],
    only: str | None,
    base_port: str | None,
    host: str | None,
    url: str | None,
    file: str | None,
) -> dict[str, str]:
    """Return the places of the dialects that are to be checked; raise click.UsageError."""
    named = {name: place for name, place in said.items() if place} | _named(at)
    given = {"only": only, "base_port": base_port}
    try:
        loaded = config.load(
            {name: text for name, text in given.items() if text is not None}, os.environ, file
        )
    except config.ConfigError as error:
        raise click.UsageError(str(error)) from None
    found = places_by("--url", url) if url is not None else {}
    places = {}
    for name in DIALECTS:
        setting = loaded.apps.dialect(name).setting
        where = loaded.settings.of(setting)
        if name in named:
            places[name] = named[name]
        elif url is not None:
            if (only is None or name in names(only)) and (place := found.get(name)) is not None:
                places[name] = place
        elif where == OFF:
            places[name] = OFF
        elif host is None and (there := os.environ.get(variable(name))):
            places[name] = there
        else:
            places[name] = _of_setting(name, where, host)
    return {name: place for name, place in places.items() if place != OFF}


def _named(at: Sequence[str]) -> dict[str, str]:
    named = {}
    for text in at:
        name, equals, place = text.partition("=")
        if not equals or name not in DIALECTS or not place:
            raise click.UsageError(
                f"--at {text!r}: expected DIALECT=PLACE, DIALECT one of {', '.join(DIALECTS)}"
            )
        named[name] = place
    return named


def _of_setting(name: str, where: str, host: str | None) -> str:
    """Return where it is that listens as described, on another host if one is named."""
    place = of_listener(where)
    if host is None and place is not None:
        return as_written(place)
    port = place.port if place is not None and place.port else PORTS[name]
    here = host or "127.0.0.1"
    return f"[{here}]:{port}" if ":" in here else f"{here}:{port}"
