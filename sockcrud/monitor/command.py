"""`sockcrud monitor`: its options. What it needs is imported when it runs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from sockcrud.cli.logins import state_directory
from sockcrud.cli.options import wishes
from sockcrud.durations import seconds_of
from sockcrud.errors import Invalid
from sockcrud.identity.password_files import read_password
from sockcrud.monitor.places import places_of
from sockcrud.monitor.settings import ACCOUNT, DIALECTS, OFF, PORTS, Settings

F = TypeVar("F", bound=Callable[..., Any])

OWN_FAULT = 3


def _duration(context: click.Context, option: click.Parameter, value: str) -> float:
    try:
        return seconds_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _timed(name: str, default: str, meaning: str) -> Callable[[F], F]:
    return click.option(
        f"--{name}",
        metavar="DURATION",
        callback=_duration,
        default=default,
        show_default=True,
        help=meaning,
    )


class Fault(click.ClickException):
    """The monitor cannot do its work, in one line."""

    exit_code = OWN_FAULT


class WrongUse(click.UsageError):
    """What was asked for cannot be meant, in one line."""

    exit_code = OWN_FAULT


class Monitor(click.Command):
    """A command whose wrong use is a status of its own: 2 says that a service is down."""

    def make_context(self, *given: Any, **named: Any) -> click.Context:
        with _as_own_fault():
            return super().make_context(*given, **named)

    def invoke(self, ctx: click.Context) -> Any:
        with _as_own_fault():
            return super().invoke(ctx)


@contextmanager
def _as_own_fault() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        raise WrongUse(error.format_message(), error.ctx) from None


def _places(command: F) -> F:
    for name in reversed(DIALECTS):
        declared = click.option(
            f"--{name}",
            metavar="PLACE",
            help=f"where {name} is, or off",
            hidden=True,  # --at says the same of any
        )
        command = declared(command)
    return command


@click.command(cls=Monitor)
@click.option("--host", help="the host of all dialects that have no PLACE  [default: 127.0.0.1]")
@click.option(
    "--at", metavar="DIALECT=PLACE", multiple=True, help="where a dialect is, or off; repeatable"
)
@click.option("--only", metavar="NAMES", help="only these dialects, with commas between them")
@click.option("--base-port", metavar="PORT", help="as of the daemon: the port of the first dialect")
@click.option(
    "--url",
    metavar="PLACE",
    envvar="SOCKCRUD_URL",
    help="the admin port of the daemon, which tells where the others are  [env: SOCKCRUD_URL]",
)
@click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(),
    help="the daemon's settings  [default: ./tap.cfg, if there is one]",
)
@_places
@click.option(
    "--trust",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="certificates (PEM) to trust, not the system's",
)
@click.option(
    "--account",
    default=ACCOUNT,
    show_default=True,
    help="the monitor's own account; no two monitors may share one",
)
@click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(),
    help="its password  [default: made up, and kept in the state directory]",
)
@click.option(
    "--admin-account",
    metavar="LOGIN",
    help="an admin's account, for the monitor alone; without, what needs one is skipped",
)
@click.option(
    "--admin-password-file", metavar="FILE", type=click.Path(), help="the admin's password"
)
@click.option(
    "--once",
    is_flag=True,
    help="one round; status 0 all well, 1 degraded, 2 down, 3 a fault of the monitor's own",
)
@_timed("every", "30s", "from one round to the next")
@_timed("slow", "2s", "a check that takes so long is degraded")
@_timed("timeout", "10s", "a check that takes so long has failed")
@click.option(
    "--certificate-days",
    type=click.FloatRange(0),
    default=14.0,
    show_default=True,
    help="fewer left are degraded",
)
@click.option(
    "--down-after",
    type=click.IntRange(1, 1000),
    default=2,
    show_default=True,
    help="results in a row that make it worse",
)
@click.option(
    "--up-after",
    type=click.IntRange(1, 1000),
    default=2,
    show_default=True,
    help="results in a row that make it better",
)
@click.option(
    "--webhook",
    "webhooks",
    metavar="URL",
    multiple=True,
    help="POST a change of state there as JSON; repeatable",
)
@click.option(
    "--hook",
    "hooks",
    metavar="COMMAND",
    multiple=True,
    help="run this at a change of state; repeatable",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object a round on stdout")
@click.option(
    "--junit",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="the latest round as JUnit XML",
)
@click.option(
    "--history",
    metavar="FILE",
    type=click.Path(),
    help="the history, or off  [default: monitor.db in the state directory]",
)
@click.option(
    "--status",
    metavar="ENDPOINT",
    help="a status page, say tcp:8090; on loopback unless interface= is said",
)
def monitor(
    host: str | None,
    at: tuple[str, ...],
    only: str | None,
    base_port: str | None,
    url: str | None,
    file: str | None,
    account: str,
    password_file: str | None,
    admin_account: str | None,
    admin_password_file: str | None,
    history: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Check all dialects as a user would, periodically.

    Each is checked step by step: log in, create, read, update, delete, log out, and that the
    session is dead then. What is created is deleted, whatever happens. The first step that fails is
    the verdict. On a terminal it shows a table; else it writes a line for what has changed. A PLACE
    is HOST:PORT, a URL such as https://example.org:5080, or an endpoint such as tcp:127.0.0.1:8080.

    \b
    sockcrud monitor --once
    sockcrud monitor --every 1m --status tcp:8090 --webhook https://example.org/hook
    sockcrud monitor --url api.example.org:8000
    sockcrud monitor --host api.example.org --at shop=https://api.example.org --only shop,way
    sockcrud monitor --admin-account monitor-admin --admin-password-file admin.txt \\
      --junit monitor.xml --once
    """
    said = {name: given.pop(name.replace("-", "_")) for name in DIALECTS}
    wishes().trust = given["trust"]
    places = places_of(said, at, only, base_port, host, url, file)
    if (admin_account is None) != (admin_password_file is None):
        raise click.UsageError("--admin-account and --admin-password-file belong together")
    if not places:
        raise click.UsageError("every dialect is off: there is nothing to check")
    if given["once"] and (given["webhooks"] or given["hooks"]):
        raise click.UsageError(
            "--once calls no hooks: it has one result, and a change takes --down-after of them"
        )
    settings = Settings(
        places=places,
        account=_login(account),
        password=_password(password_file) if password_file else _own_password(account),
        admin=admin_account,
        admin_password=_password(admin_password_file) if admin_password_file else None,
        json=as_json,
        history=None
        if history == OFF
        else Path(history)
        if history
        else _in_state_directory("monitor.db"),
        **given,
    )
    _run(settings)


def _run(settings: Settings) -> None:
    # Imported late: --help and the other commands need no reactor.
    from twisted.internet import reactor

    from sockcrud.client.places import parse
    from sockcrud.monitor.notifiers import NoNotifier
    from sockcrud.monitor.run import run
    from sockcrud.protocols.listen import CannotListen

    for name, where in settings.places.items():
        try:
            parse(where, PORTS[name])
        except ValueError as error:
            raise click.UsageError(f"--at {name}: {error}") from None
    if settings.trust is not None and not os.access(settings.trust, os.R_OK):
        raise click.UsageError(f"--trust: {settings.trust} cannot be read")
    try:
        status = run(settings, reactor)
    except NoNotifier as error:
        raise click.UsageError(str(error)) from None
    except CannotListen as error:
        raise Fault(str(error)) from None
    raise SystemExit(status)


def _login(account: str) -> str:
    if not 2 <= len(account) <= 200 or any(
        letter in ":, " or not letter.isprintable() for letter in account
    ):
        raise click.UsageError(
            f"--account {account!r}: expected 2 to 200 characters, no blanks, ':' or ','"
        )
    return account


def _password(file: str) -> str:
    try:
        password = read_password(file)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from None
    except Invalid:
        raise click.UsageError(f"{file}: expected a password in UTF-8") from None
    if len(password) < 2:
        raise click.UsageError(f"{file}: expected a password of 2 characters or more")
    return password


def _own_password(account: str) -> str:
    """Read the password that was made up for this account, or make one up and keep it where only
    its owner can read it.
    """
    name = "monitor-password" if account == ACCOUNT else f"monitor-password-{_in_a_name(account)}"
    file = _in_state_directory(name)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _password(str(file))
    except OSError as error:
        raise Fault(f"the monitor's password cannot be kept in {file}: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as new:
        new.write(secrets.token_urlsafe(18) + "\n")
    return _password(str(file))


def _in_a_name(account: str) -> str:
    """Return an account's name as part of a file's."""
    return "".join(letter if letter.isalnum() or letter in "-_.@" else "_" for letter in account)


def _in_state_directory(name: str) -> Path:
    directory = state_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"{directory}: {error.strerror}") from None
    return directory / name
