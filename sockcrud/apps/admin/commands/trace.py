"""`sockcrud trace`: the journal of a running daemon, as it grows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import click

from sockcrud.apps.admin.commands.daemon import ADMIN
from sockcrud.cli.options import talks_to, wishes
from sockcrud.cli.outcomes import Failed, NoAnswer
from sockcrud.cli.passwords import password_option
from sockcrud.cli.values import REVISION, TEXT

if TYPE_CHECKING:
    from sockcrud.client.events import EventStream
    from sockcrud.client.places import Place

_DELAYS: Final = (0.5, 1.0, 2.0, 5.0)
"""Seconds before each new attempt; the last for all that follow."""


@click.command()
@click.option("--dialect", type=TEXT, metavar="NAME", help="only what is asked at this dialect")
@click.option("--peer", type=TEXT, metavar="ADDRESS", help="only what this address asks")
@click.option("--refused", is_flag=True, help="only what is refused")
@click.option(
    "--after",
    type=REVISION,
    metavar="ID",
    help="begin behind this entry, 0 for all that are kept  [default: with what comes]",
)
@click.option(
    "--login",
    type=TEXT,
    metavar="NAME",
    help="log in by this name, for as long as this runs  [default: the login that is kept]",
)
@password_option("the password of that login")
@talks_to("admin")
def trace(
    dialect: str | None,
    peer: str | None,
    refused: bool,
    after: int | None,
    login: str | None,
    password_file: str | None,
) -> None:
    """Show the requests and answers of a running daemon, as they come, until Ctrl-C.

    Each has the bytes of both directions without what is secret in them, how they were read, and
    why they were refused. Elsewhere than on a terminal, and with --json, it is an object a line.
    Where the daemon goes away, it is waited for, and what was asked meanwhile is shown.

    \b
    sockcrud trace
    sockcrud trace --dialect users --refused
    sockcrud trace --after 0 --json | jq .operation
    """
    from sockcrud.cli import addresses

    query: dict[str, str] = {"dialect": dialect or "", "peer": peer or ""}
    query["refused"] = "1" if refused else ""
    place = addresses.place_of("admin")
    with _token(place, login, password_file) as token:
        _Trace(place, token, {name: value for name, value in query.items() if value}, after).run()


@contextmanager
def _token(
    place: Place, login: str | None, password_file: str | None
) -> Iterator[Callable[[bool], str]]:
    """Have what gives the token: the one that is kept, or that of a login, made again where asked;
    this one ends with the command.
    """
    from sockcrud.app import resolve
    from sockcrud.cli import asking, passwords

    if login is None:
        yield lambda anew: _kept_token(place, anew)
        return
    password = passwords.read_or_ask(password_file, twice=False)
    client: Any = asking.client_at(resolve(ADMIN.client), place)

    def log_in(anew: bool) -> str:
        if anew or client.token is None:
            with asking.errors_as_lines("admin", place):
                client.token = None
                client.log_in(login, password)
        token: str = client.token
        return token

    try:
        yield log_in
    finally:
        _leave(client)


def _kept_token(place: Place, is_over: bool) -> str:
    from sockcrud.cli import asking

    if is_over:
        raise asking.log_in_first("admin", place)
    return asking.login_for("admin", place).token


def _leave(client: Any) -> None:
    from sockcrud.client.errors import ClientError

    try:
        if client.token is not None:
            client.log_out()
    except ClientError:
        pass  # the daemon is gone, and with it, or in time, the session
    finally:
        client.close()


class _Trace:
    """The stream, and what is shown of it."""

    def __init__(
        self,
        place: Place,
        token: Callable[[bool], str],
        query: dict[str, str],
        after: int | None,
    ) -> None:
        from sockcrud.cli import showing

        self._place = place
        self._token = token
        self._query = query
        self._last = None if after is None else str(after)
        self._for_people = showing.for_people()
        self._colored = self._for_people and not showing.without_colors()
        self._stream: EventStream | None = None
        self._is_read = True  # whoever has the other end of the output reads it
        self._failures = 0
        self._was_there = False

    def run(self) -> None:
        """Show entries until nobody reads them."""
        _when_nobody_reads(self._end)
        is_over = False
        while self._is_read:
            try:
                stream = self._opened(self._token(is_over))
            except (OSError, HTTPException) as error:
                self._wait(error)
                continue
            try:
                is_over = stream.response.status == 401 and not is_over
                if stream.response.status == 200:
                    self._show_all(stream)
                elif not is_over:
                    self._refused(stream)
            except (OSError, HTTPException) as error:
                if isinstance(error, BrokenPipeError):
                    raise  # of the output
                self._wait(error)
            finally:
                stream.close()

    def _opened(self, token: str) -> EventStream:
        from sockcrud.client.events import EventStream

        fields = {"Authorization": f"Bearer {token}"}
        if self._last is not None:
            fields["Last-Event-ID"] = self._last
        path = f"/journal/stream?{urlencode(self._query)}"
        self._stream = EventStream(self._place, path, fields, wishes().timeout, wishes().trust)
        return self._stream

    def _show_all(self, stream: EventStream) -> None:
        if self._failures:
            click.echo(f"{self._place} is there again", err=True)
        self._was_there, self._failures = True, 0
        for event in stream:
            self._last = event.id
            entry = json.loads(event.data)
            if not self._for_people:
                shown = {"missed": entry["count"]} if event.kind == "missed" else entry
                click.echo(json.dumps(shown))
            else:
                self._show(event.kind, entry)
        if self._is_read:
            time.sleep(_DELAYS[0])  # it ended as it should: the daemon stops, or the login is over

    def _show(self, kind: str, entry: dict[str, Any]) -> None:
        from sockcrud.journal import lines

        if kind == "missed":
            click.echo(lines.missed(entry["count"], self._colored))
        else:
            click.echo("\n".join(lines.lines(entry, self._colored)))

    def _wait(self, error: Exception) -> None:
        if not self._is_read:
            return
        if not self._was_there:
            raise NoAnswer(f"{self._place}: {getattr(error, 'strerror', None) or error}")
        if not self._failures:
            click.echo(f"{self._place} is gone; it is waited for", err=True)
        time.sleep(_DELAYS[min(self._failures, len(_DELAYS) - 1)])
        self._failures += 1

    def _refused(self, stream: EventStream) -> None:
        status, body = stream.response.status, stream.response.read(64 * 1024)
        if status == 503 and self._was_there:
            time.sleep(_DELAYS[-1])
            return
        try:
            message = json.loads(body)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = stream.response.reason
        raise Failed(f"{message} ({status})")

    def _end(self) -> None:
        self._is_read = False
        if self._stream is not None:
            self._stream.end()


def _when_nobody_reads(end: Callable[[], None]) -> None:
    """Call it, from another thread, once whoever reads the output has gone: `trace | head` is to
    end when `head` does, and not with the next entry.
    """
    try:
        from select import POLLERR, poll

        waiting = poll()
        waiting.register(sys.stdout.fileno(), POLLERR)
    except (ImportError, OSError, ValueError):
        return  # there is no such way here: it ends with the next entry

    def wait() -> None:
        waiting.poll()
        end()

    Thread(target=wait, daemon=True).start()
