"""`sockcrud send`: lines of JSON on TCP, as they stand."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from sockcrud import loading
from sockcrud.app import resolve
from sockcrud.cli.options import by_url, careful
from sockcrud.cli.outcomes import Failed, WrongUse, visible
from sockcrud.cli.values import TEXT

if TYPE_CHECKING:
    from sockcrud.client.places import Place

_PIECE: Final = 64 * 1024


@click.command()
@click.argument(
    "dialect",
    type=click.Choice([each.name for each in loading.in_use().dialects if each.json_lines]),
)
@click.argument("line", type=TEXT, required=False)
@click.option(
    "--at", metavar="PLACE", help="the server  [env: SOCKCRUD_<DIALECT>_AT; default: as its group]"
)
@by_url
@careful
def send(dialect: str, line: str | None, at: str | None) -> None:
    """Send one LINE to a dialect of JSON lines, and show the line that answers it; without it, all
    lines of stdin. On a terminal that is a prompt, with a history and completion.

    Lines of stdin are pipelined: they are sent while answers come, and these are shown in the order
    of the lines. The status is 1 where an answer is a refusal.

    \b
    sockcrud send users '{"id_operation": "get_users"}'
    sockcrud send messages '{"op": "mostrar"}' --at example.org:5000
    sockcrud send users < requests.jsonl > answers.jsonl
    """
    from sockcrud.cli import addresses
    from sockcrud.cli.options import wishes

    wishes().at = at
    place = addresses.place_of(dialect)
    if line is None and sys.stdin.isatty() and sys.stdout.isatty():
        _converse(dialect, place)
    elif line is None or line == "-":
        _send_all(dialect, place)
    else:
        _send_one(dialect, place, line)


def _converse(dialect: str, place: Place) -> None:
    from sockcrud.cli import addresses, asking
    from sockcrud.cli.raw.prompt import converse
    from sockcrud.client.sync import Lines

    client: Lines | None = None

    def send(line: str) -> str:
        nonlocal client
        with asking.errors_as_lines(dialect, place, changes=True):
            try:
                client = client or asking.client_at(Lines, place)
                return client.send(line)
            except BaseException:
                if client is not None:
                    client.close()
                client = None  # the next line gets a new connection
                raise
        raise AssertionError  # what fails is told as a line

    try:
        samples = resolve(loading.in_use().dialect(dialect).samples)
        converse(dialect, addresses.as_written(place), samples, send)
    finally:
        if client is not None:
            client.close()


def _send_one(dialect: str, place: Place, line: str) -> None:
    from sockcrud.cli import asking
    from sockcrud.client.sync import Lines

    if not line.strip() or "\n" in line:
        raise WrongUse("LINE: expected one line, and not a blank one")
    with (
        asking.errors_as_lines(dialect, place, changes=True),
        asking.client_at(Lines, place) as client,
    ):
        answer = client.send(line)
    click.echo(_format_answer(answer))
    if error := _refusal(answer):
        raise Failed(error)


def _send_all(dialect: str, place: Place) -> None:
    from sockcrud.cli import asking
    from sockcrud.cli.raw.pipelining import pipelined
    from sockcrud.client import Lines

    refused = 0

    def answered(answer: str) -> None:
        nonlocal refused
        click.echo(_format_answer(answer))
        refused += bool(_refusal(answer))

    from twisted.internet import reactor

    outcome = pipelined(
        reactor, asking.client_at(partial(Lines, reactor), place), lines(), answered
    )
    with asking.errors_as_lines(dialect, place, changes=True):
        if outcome.error is not None:
            raise outcome.error
    if refused:
        raise Failed(f"{refused:,} of {outcome.answers:,} lines were refused")


def lines() -> Iterator[bytes]:
    """Yield the lines of stdin as they come, without blank ones. Reads the descriptor, and holds no
    lock while it waits.
    """
    rest = b""
    while piece := os.read(sys.stdin.fileno(), _PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def _format_answer(answer: str) -> str:
    """Return a line as it came; on a terminal, one that does nothing to it."""
    return visible(answer) if sys.stdout.isatty() else answer


def _refusal(answer: str) -> str | None:
    """Return what an answer says where it says no."""
    try:
        found: Any = json.loads(answer)
    except (ValueError, RecursionError):
        return "an answer that is not JSON"
    if not isinstance(found, dict):
        return "an answer that is no JSON object"
    if isinstance(error := found.get("error"), dict):  # as JSON-RPC has it
        return f"{error.get('message', 'refused')} ({error.get('code')})"
    if error is not None:
        return f"{found.get('error_message', 'refused')} ({error})"
    status = found.get("status")
    return (
        f"{found.get('message', 'refused')} ({status})"
        if isinstance(status, int) and status >= 400
        else None
    )
