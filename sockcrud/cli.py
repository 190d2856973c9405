"""What people run: `sockcrud serve`, and the commands for a store as a whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

import sockcrud
from sockcrud import config, progress, store_commands

F = TypeVar("F", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sockcrud.__version__, prog_name="sockcrud")
def main() -> None:
    """CRUD systems in several wire formats at once, on one store."""


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
@_settings_as_options
def serve(file: str | None, check_config: bool, **flags: str | bool | None) -> None:
    """Run the daemon in the foreground.

    The same as `twistd -n sockcrud`, with a banner that tells what listens where and how to try it. Every option can
    also stand in tap.cfg (max_request = 2MiB) and in the environment (SOCKCRUD_MAX_REQUEST=2MiB).

    \b
    sockcrud serve
    sockcrud serve --demo --users tcp:8081 --messages off
    sockcrud serve --users tcp:8080:interface=0.0.0.0
    """
    # Imported late: --help and the other commands need no reactor.
    from twisted.internet import reactor
    from twisted.logger import globalLogBeginner, textFileLogObserver

    from sockcrud.tap import LOADING, load, make_daemon

    given = {name: _as_text(value) for name, value in flags.items() if value is not None}
    loaded = load(given, file)
    if check_config:
        click.echo(config.shown(loaded), nl=False)
        return
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    with progress.shown(LOADING) as told:
        daemon = make_daemon(loaded, reactor, click.echo, sys.stdout.isatty(), told)
    daemon.privilegedStartService()
    daemon.startService()
    running: Any = reactor
    running.addSystemEventTrigger("before", "shutdown", daemon.stopService)
    running.run()


def _as_text(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"


for command in store_commands.COMMANDS:
    main.add_command(command)
