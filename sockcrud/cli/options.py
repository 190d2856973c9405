"""What can be said to each command: where the server is, how long it has, and how the answer is
shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from attrs import define

from sockcrud.cli.values import Seconds

F = TypeVar("F", bound=Callable[..., Any])

TIMEOUT: Final = 10.0


@define
class Wishes:
    """What was said on the line; behind the command it counts before behind the group."""

    at: str | None = None
    url: str | None = None
    timeout: float = TIMEOUT
    trust: str | None = None
    json: bool = False
    no_color: bool = False
    csv: bool = False
    columns: str | None = None
    sort: str | None = None
    all: bool = False


def wishes() -> Wishes:
    """Return what was said to the command that runs."""
    return click.get_current_context().ensure_object(Wishes)


def _noted(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None and value is not False and param.name is not None:
        setattr(ctx.ensure_object(Wishes), param.name, value)


def places(default: str, variable: str) -> Callable[[F], F]:
    """Add `--at`, `--timeout` and `--trust`."""
    at = f"the server: HOST:PORT, a URL or an endpoint  [env: {variable}; default: {default}]"
    return _declared(
        click.option("--at", metavar="PLACE", expose_value=False, callback=_noted, help=at),
        by_url,
        *_CARE,
    )


by_url: Final = click.option(
    "--url",
    metavar="PLACE",
    expose_value=False,
    callback=_noted,
    help="the admin port of a daemon, which tells where the server is  [env: SOCKCRUD_URL]",
)
trusting: Final = click.option(
    "--trust",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    expose_value=False,
    callback=_noted,
    help="certificates (PEM) that vouch for a server with TLS  [default: the system's]",
)
_CARE: Final = (
    click.option(
        "--timeout",
        type=Seconds(),
        expose_value=False,
        callback=_noted,
        help=f"how long a call may take  [default: {TIMEOUT:g}]",
    ),
    trusting,
)
_LOOKS: Final = (
    click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_noted,
        help="JSON, also on a terminal; elsewhere it always is",
    ),
    click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        callback=_noted,
        help="no colors  [env: NO_COLOR]",
    ),
)


_LISTS: Final = (
    click.option(
        "--columns",
        metavar="NAMES",
        expose_value=False,
        callback=_noted,
        help="only these, with commas between them",
    ),
    click.option(
        "--sort",
        metavar="NAME",
        expose_value=False,
        callback=_noted,
        help="in the order of this column; with - before it, the other way round",
    ),
    click.option("--csv", is_flag=True, expose_value=False, callback=_noted, help="CSV"),
    click.option(
        "--all",
        is_flag=True,
        expose_value=False,
        callback=_noted,
        help="all rows on a terminal, too, where the first 1,000 are shown",
    ),
)


def listing(command: F) -> F:
    """Add `--columns`, `--sort`, `--csv` and `--all`."""
    return _declared(*_LISTS)(command)


def careful(command: F) -> F:
    """Add `--timeout` and `--trust`, for a command that has its server in another way."""
    return _declared(*_CARE)(command)


def looks(command: F) -> F:
    """Add `--json` and `--no-color`."""
    return _declared(*_LOOKS)(command)


def _declared(*options: Callable[[F], F]) -> Callable[[F], F]:
    def declare(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return declare


def talks_to(dialect: str, default: str | None = None) -> Callable[[F], F]:
    """Add all that can be said to a command, or a group, that talks to a dialect."""
    from sockcrud.cli.dialects import default_place, variable

    where = places(default_place(dialect), variable(dialect))
    return lambda command: where(looks(command))


def with_examples(about: str, *lines: str) -> str:
    """Return the help of a command: what it is about, and lines that show how it is used."""
    return "\n".join([about, "", "\b", *lines])  # \b keeps click from filling them
