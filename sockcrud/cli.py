"""What people run: `sockcrud serve`, and where the other commands are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

import sockcrud
from sockcrud import config, progress
from sockcrud.commands.lazy import Later, Program

F = TypeVar("F", bound=Callable[..., Any])


_STORE: Final = "sockcrud.store_commands"
_LATER: Final = {
    "The daemon and its store": {
        "monitor": Later("sockcrud.monitor.command:monitor", "Check every dialect as a user would, and tell what is wrong."),
        "check": Later(f"{_STORE}:check", "Look for damage in a store's file."),
        "backup": Later(f"{_STORE}:backup", "Copy a store to a new file, which is itself a store."),
        "export": Later(f"{_STORE}:export", "Write all records, one JSON object a line."),
        "import": Later(f"{_STORE}:import_", "Add the records of such a file, all of them or none."),
        "move": Later("sockcrud.move:move", "Bring everything from one store to another, which is empty."),
    },
    "The dialects, as their users": {
        "users": Later("sockcrud.commands.users:users", "The users, over JSON on TCP."),
        "messages": Later("sockcrud.commands.messages:messages", "The messages, over JSON on TCP."),
        "shop": Later("sockcrud.commands.shop:shop", "The login of the shop."),
        "clients": Later("sockcrud.commands.clients:clients", "The clients of the shop."),
        "addresses": Later("sockcrud.commands.addresses:addresses", "The addresses of the shop's clients."),
        "products": Later("sockcrud.commands.products:products", "The products of the shop."),
        "inventory": Later("sockcrud.commands.inventory:inventory", "What the shop's clients bought."),
        "way": Later("sockcrud.commands.way:way", "The accounts of your company, over way."),
        "members": Later("sockcrud.commands.members:members", "The members, by role."),
    },
    "The admin port of a daemon": {
        "admin": Later("sockcrud.commands.admin:admin", "The login of the admin port."),
        "status": Later("sockcrud.commands.admin:status", "Tell which dialects listen, and whether all is well."),
        "accounts": Later("sockcrud.commands.accounts:accounts", "Who may log in."),
        "companies": Later("sockcrud.commands.companies:companies", "The companies, whose accounts see each other."),
        "sessions": Later("sockcrud.commands.sessions:sessions", "The logins that live."),
        "changes": Later("sockcrud.commands.admin:changes", "List what has changed."),
    },
    "Raw requests, and the shell": {
        "fetch": Later("sockcrud.commands.fetch:fetch", "Send one request of HTTP, and show its answer."),
        "send": Later("sockcrud.commands.send:send", "Send lines to users or messages, and show their answers."),
        "completion": Later("sockcrud.commands.completion:completion", "Print the script that makes your shell complete."),
    },
}


@click.group(cls=Program, later=_LATER, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sockcrud.__version__, prog_name="sockcrud")
def main() -> None:
    """CRUD systems in several wire formats at once, on one store.

    \b
    sockcrud serve --demo
    sockcrud users create --name Ana --email ana@example.org --age 30
    sockcrud users list
    """


def _settings_as_options(command: F) -> F:
    for flag, default, meaning, switch in reversed(list(config.flags())):
        if switch:
            declared = click.option(f"--{flag}/--no-{flag}", default=None, help=f"{meaning}  [default: {default}]")
        else:
            declared = click.option(f"--{flag}", metavar="TEXT", help=f"{meaning}  [default: {default or 'empty'}]")
        command = declared(command)
    return command


@main.command()
@click.option("--config", "file", metavar="FILE", help="the file with the settings  [default: ./tap.cfg, if there is one]")
@click.option("--check-config", is_flag=True, help="show the settings in use, and where each comes from, and end")
@click.option(
    "--reactor", "reactor_name", metavar="NAME", help="the Twisted reactor to run in  [default: uvloop, where there is one]"
)
@_settings_as_options
def serve(file: str | None, check_config: bool, reactor_name: str | None, **flags: str | bool | None) -> None:
    """Run the daemon in the foreground.

    The same as `twistd -n sockcrud`, with a banner that tells what listens where and how to try it. Every option can
    also stand in tap.cfg (max_request = 2MiB) and in the environment (SOCKCRUD_MAX_REQUEST=2MiB).

    \b
    sockcrud serve
    sockcrud serve --demo --users tcp:8081 --messages off
    sockcrud serve --users tcp:8080:interface=0.0.0.0
    """
    # Imported late: --help and the other commands need none of this.
    from twisted.logger import globalLogBeginner, textFileLogObserver

    from sockcrud.tap import LOADING, load, make_daemon

    given = {name: _as_text(value) for name, value in flags.items() if value is not None}
    loaded = load(given, file)
    if check_config:
        click.echo(config.shown(loaded), nl=False)
        return
    _install_reactor(reactor_name)
    from twisted.internet import reactor

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    with progress.shown(LOADING) as told:
        daemon = make_daemon(loaded, reactor, click.echo, sys.stdout.isatty(), told)
    daemon.privilegedStartService()
    daemon.startService()
    running: Any = reactor
    running.addSystemEventTrigger("before", "shutdown", daemon.stopService)
    running.run()


def _install_reactor(name: str | None) -> None:
    """Make the reactor of this process: that of the name, else uvloop's, else the one that Twisted has for this system."""
    if name is not None:
        from twisted.application.reactors import NoSuchReactor, getReactorTypes, installReactor

        try:
            installReactor(name)
        except NoSuchReactor:
            names = ", ".join(sorted(kind.shortName for kind in getReactorTypes()))
            raise click.BadParameter(f"{name!r} is none of {names}", param_hint="--reactor") from None
        except ImportError as error:
            raise click.BadParameter(f"{name!r} cannot be had here: {error}", param_hint="--reactor") from None
        return
    try:
        from sockcrud.wire.uvloop_reactor import install
    except ImportError:  # there is none for Windows
        return
    install()


def _as_text(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"
