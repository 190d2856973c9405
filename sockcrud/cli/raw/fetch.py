"""`sockcrud fetch`: one request of HTTP, as it stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from sockcrud import loading
from sockcrud.cli.dialects import owners
from sockcrud.cli.options import careful, looks
from sockcrud.cli.outcomes import Failed, WrongUse, in_file, visible
from sockcrud.cli.values import TEXT

if TYPE_CHECKING:
    from sockcrud.client.http_answers import Answer
    from sockcrud.client.places import Place

MARK: Final = "{session}"
"""Stands for a token that nobody shall see, on the way there and back."""

_SECRET_HEADERS: Final = ("set-cookie", "authorization")


@click.command()
@click.argument("method", type=TEXT)
@click.argument("url", type=TEXT)
@click.option(
    "--header",
    "headers",
    type=TEXT,
    multiple=True,
    metavar="'NAME: VALUE'",
    help="a header field; many may be given",
)
@click.option(
    "--data",
    type=TEXT,
    metavar="TEXT",
    help="the body: a text, @FILE for that of a file, - for stdin",
)
@click.option(
    "--token-of",
    type=click.Choice(owners()),
    help="bring the token that this dialect's login keeps for the URL's server; way has it in "
    "the URL, where {session} stands",
)
@click.option("--include", is_flag=True, help="the status and the header fields of the answer, too")
@careful
@looks
def fetch(
    method: str,
    url: str,
    headers: tuple[str, ...],
    data: str | None,
    token_of: str | None,
    include: bool,
) -> None:
    """Send one request of HTTP, and show the body of its answer, whatever it says.

    A body goes as JSON unless a header says otherwise. The body of the answer comes as it is; on a
    terminal, JSON is laid out. With --json it is one document of status, headers and body. The
    status is 1 for an answer of 400 and more.

    \b
    sockcrud fetch GET http://127.0.0.1:8000/health
    sockcrud fetch GET http://127.0.0.1:5080/clients/fetch --token-of shop
    sockcrud fetch GET 'http://127.0.0.1:50000/api/usuario/{session}?id=1' --token-of way
    sockcrud fetch POST http://127.0.0.1:5080/user/create --data @account.json --header 'X-Trace: 7'
    """
    from sockcrud.cli import asking
    from sockcrud.client.sync import Web

    place, path = _target(url)
    fields = _fields(headers)
    body = _body(data)
    if body is not None and "content-type" not in {name.lower() for name in fields}:
        fields["Content-Type"] = "application/json"
    token = None
    if token_of is not None:
        token = asking.login_for(token_of, place).token
        path, fields = _bearing(token_of, token, path, fields)
    method = method.upper()
    _check(place, method, path, fields)
    with asking.errors_as_lines("fetch", place, changes=method not in ("GET", "HEAD", "OPTIONS")):
        client = asking.client_at(Web, place)
        try:
            answer = client.fetch(method, path, fields, body)
        finally:
            client.close()
    _show(answer, token, include)
    if answer.status >= 400:
        raise Failed(f"{_without(token, answer.reason) or 'refused'} ({answer.status})")


def _target(url: str) -> tuple[Place, str]:
    """Return where the server is, and what is asked of it."""
    from sockcrud.client.places import parse

    try:
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username is not None
        ):
            raise ValueError
        place = parse(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        raise WrongUse(
            f"URL: expected one such as http://127.0.0.1:5080/clients/fetch, got {url!r}"
        ) from None
    path = parts.path or "/"
    return place, f"{path}?{parts.query}" if parts.query else path


def _fields(headers: tuple[str, ...]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise WrongUse("--header: expected 'NAME: VALUE'")  # it may have held a secret
        fields[name.strip()] = value.strip()
    return fields


def _body(data: str | None) -> bytes | None:
    if data is None:
        return None
    if data == "-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        return data.encode()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise in_file(error) from None


def _bearing(
    token_of: str, token: str, path: str, fields: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Return the path and the header fields with the token, where the dialect has it."""
    if loading.in_use().dialect(token_of).session_in_path:
        if MARK not in path:
            raise WrongUse(
                f"URL: expected {MARK} where the session is to be, for {token_of} has it in the "
                f"path"
            )
        return path.replace(MARK, token), dict(fields)
    if "authorization" in {name.lower() for name in fields}:
        raise WrongUse("--token-of and an Authorization of your own are two logins: name one")
    return path, {**fields, "Authorization": f"Bearer {token}"}


def _check(place: Place, method: str, path: str, fields: Mapping[str, str]) -> None:
    """End with a line where this cannot be a request: nobody needs to be asked for that."""
    from sockcrud.client.errors import CannotSend
    from sockcrud.client.http_calls import request

    try:
        request(place, method, path, fields, None, lambda answer: answer)
    except CannotSend as error:
        raise WrongUse(error.reason) from None


# The answer


def _show(answer: Answer, token: str | None, include: bool) -> None:
    from sockcrud.cli import showing
    from sockcrud.cli.options import wishes

    body = answer.body if token is None else answer.body.replace(token.encode(), MARK.encode())
    headers = {name: _format_field(name, value, token) for name, value in answer.headers.items()}
    if wishes().json:
        document: dict[str, Any] = {
            "status": answer.status,
            "reason": answer.reason,
            "headers": headers,
        }
        showing.show({**document, "body": _as_json(body)})
        return
    if include:
        click.echo(visible(f"{answer.status} {_without(token, answer.reason)}"))
        for name, value in headers.items():
            click.echo(visible(f"{name}: {value}"))
        click.echo()
    if showing.for_people():
        _show_to_people(body)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()


def _format_field(name: str, value: str, token: str | None) -> str:
    return "(secret)" if name in _SECRET_HEADERS else _without(token, value)


def _without(token: str | None, text: str) -> str:
    return text if token is None else text.replace(token, MARK)


def _as_json(body: bytes) -> Any:
    text = body.decode(errors="replace")
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return text


def _show_to_people(body: bytes) -> None:
    text = body.decode(errors="replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    for line in text.splitlines():
        click.echo(visible(line.replace("\t", "    ")))
