"""Where a server is: what the line says, else the environment, the daemon's admin port, the
settings of the daemon, the login that is kept, else where it is by default.
"""

from __future__ import annotations

import os

import attrs

from sockcrud.cli import logins
from sockcrud.cli.dialects import administration, behind, default_place, owner, port, variable
from sockcrud.cli.options import wishes
from sockcrud.cli.outcomes import Failed, NoAnswer, WrongUse
from sockcrud.client.errors import ClientError
from sockcrud.client.places import Place, of_listener, parse


def place_of(dialect: str) -> Place:
    """Return where the dialect is; end with one line where that cannot be said."""
    said = wishes().at
    if said is not None:
        return written_place("--at", said, port(dialect))
    if (url := wishes().url) is not None:
        return found_by("--url", url, dialect)
    for name in dict.fromkeys((dialect, behind(dialect))):
        if said := os.environ.get(variable(name)):
            return written_place(variable(name), said, port(name))
    from sockcrud import config

    if url := os.environ.get(config.URL):
        return found_by(config.URL, url, dialect)
    return _configured(dialect) or _of_the_login(dialect) or parse(default_place(dialect))


def written_place(source: str, text: str, default: int | None) -> Place:
    """Return the place that is written; end with the line that says where it is written, if it is
    none.
    """
    try:
        return parse(text, default)
    except ValueError as error:
        raise WrongUse(f"{source}: {error}") from None


def as_written(place: Place) -> str:
    """Return a place as it can be written again."""
    if place.kind == "unix":
        return "unix:" + place.path.replace("\\", "\\\\").replace(":", "\\:")
    return f"tls://{place}" if place.kind == "tls" else str(place)


def found_by(source: str, url: str, dialect: str) -> Place:
    """Return where the dialect is as the daemon says whose admin port is there; end with one line
    where it does not serve it, or not to this machine.
    """
    admin = written_place(source, url, port(administration()))
    if dialect == administration():
        return admin
    places = places_by(source, url)
    for name in dict.fromkeys((behind(dialect), dialect)):
        if name in places:
            at = places[name]
            if at is None:
                raise Failed(f"{name} of {url} is reached from its own machine only: name --at")
            return parse(at)
    raise Failed(f"{url} serves no {dialect}: there are {', '.join(places)}")


def places_by(source: str, url: str) -> dict[str, str | None]:
    """Return where each dialect is, as the daemon says whose admin port is there."""
    from sockcrud.client.sync import Admin

    admin = written_place(source, url, port(administration()))
    client = Admin(as_written(admin), timeout=wishes().timeout, trust=wishes().trust)
    try:
        return dict(client.dialects())
    except ClientError as error:
        raise NoAnswer(f"{source}: {error}") from None
    finally:
        client.close()


def _configured(dialect: str) -> Place | None:
    """Return where the settings beside the command have it, if they say so."""
    from sockcrud import config
    from sockcrud.settings import OFF

    try:
        loaded = config.load({}, os.environ)
    except config.ConfigError as error:
        raise WrongUse(error) from None
    settings, sources = loaded.settings, loaded.sources
    own, front = (loaded.apps.dialect(name).setting for name in (dialect, behind(dialect)))
    if own not in sources and front not in sources:
        return None
    is_off = settings.of(front) == OFF
    name = own if is_off or (own in sources and settings.of(own) != OFF) else front
    if settings.of(name) == OFF:
        raise Failed(f"{dialect} is off, says {sources[name]}: name --at for another daemon")
    return of_listener(settings.of(name))


def _of_the_login(dialect: str) -> Place | None:
    login = logins.newest(owner(dialect))
    if login is None:
        return None
    has_own_port = login.alone or behind(dialect) == dialect
    if login.dialect != dialect and has_own_port:
        return attrs.evolve(login.place, port=port(dialect))
    return login.place
