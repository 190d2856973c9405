"""What people run: `sockcrud serve`, and where the other commands are."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

import sockcrud
from sockcrud import loading
from sockcrud.app import AppError
from sockcrud.cli.lazy import Later, Program

if TYPE_CHECKING:
    from sockcrud.daemon import Daemon
    from sockcrud.setting import Setting


_STORE: Final = "sockcrud.storage.maintenance.commands"
_TRANSFER: Final = "sockcrud.storage.maintenance.transfer_commands"
_BEFORE_THE_APPS: Final = {
    "The daemon and its store": {
        "monitor": Later(
            "sockcrud.monitor.command:monitor",
            "Check every dialect as a user would, and tell what is wrong.",
        ),
        "check": Later(f"{_STORE}:check", "Look for damage in a store's file."),
        "backup": Later(f"{_STORE}:backup", "Copy a store to a new file, which is itself a store."),
        "restore": Later(
            "sockcrud.storage.maintenance.restore:restore",
            "Put a backup in the place of a store's file.",
        ),
        "export": Later(f"{_TRANSFER}:export", "Write all records, one JSON object a line."),
        "import": Later(
            f"{_TRANSFER}:import_", "Add the records of such a file, or restore a store from it."
        ),
        "move": Later(
            "sockcrud.storage.maintenance.move:move",
            "Bring everything from one store to another, which is empty.",
        ),
    },
}
_BEHIND_THE_APPS: Final = {
    "Raw requests, apps, and the shell": {
        "new": Later("sockcrud.cli.new:new", "Write an app of one's own, and a test beside it."),
        "fetch": Later(
            "sockcrud.cli.raw.fetch:fetch", "Send one request of HTTP, and show its answer."
        ),
        "send": Later(
            "sockcrud.cli.raw.send:send",
            "Send lines of JSON as they stand, and show their answers.",
        ),
        "completion": Later(
            "sockcrud.cli.completion:completion", "Print the script that makes your shell complete."
        ),
    },
}


class Commands(Program):
    """All commands: those of the core, and those that the apps in use add."""

    def main(self, *given: Any, **named: Any) -> Any:
        with _environment(loading.VARIABLE):
            return super().main(*given, **named)

    def sections(self) -> dict[str, dict[str, Later]]:
        sections = {title: dict(some) for title, some in _BEFORE_THE_APPS.items()}
        taken = {
            *self.commands,
            *(name for some in (*sections.values(), *_BEHIND_THE_APPS.values()) for name in some),
        }
        try:
            for app in loading.in_use():
                for command in app.commands:
                    if command.name in taken:
                        raise AppError(
                            app.place,
                            f"the command {command.name!r} is taken: expected another name",
                        )
                    sections.setdefault(command.title, {})[command.name] = Later(
                        command.command, command.help
                    )
        except AppError as error:
            raise SystemExit(f"sockcrud: {error}") from None
        return sections | _BEHIND_THE_APPS


def _use(context: click.Context, option: click.Parameter, files: tuple[str, ...]) -> None:
    """Have all commands use these apps: they look for them where a setting of the environment
    is.
    """
    if files:
        os.environ[loading.VARIABLE] = shlex.join(files)


@contextmanager
def _environment(name: str) -> Iterator[None]:
    """Leave a variable of the environment as it was, whatever becomes of it meanwhile."""
    before = os.environ.get(name)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


@click.group(cls=Commands, later={}, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sockcrud.__version__, prog_name="sockcrud")
@click.option(
    "--app",
    metavar="FILE",
    type=click.Path(),
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_use,
    help="an app of one's own, to have its commands too; repeatable",
)
def main() -> None:
    """CRUD systems in several wire formats at once, on one store.

    \b
    sockcrud serve --demo
    sockcrud users create --name Ana --email ana@example.org --age 30
    sockcrud users list
    """


class Serve(click.Command):
    """A command with an option for every setting: which these are is known when the apps in use
    are.
    """

    def make_context(
        self, info_name: str | None, args: list[str], *given: Any, **named: Any
    ) -> click.Context:
        own = [option for option in self.params if option not in self._of_settings]
        self._of_settings = _options(args)
        self.params = [*own, *self._of_settings]
        return super().make_context(info_name, args, *given, **named)

    _of_settings: Sequence[click.Parameter] = ()


def _options(words: Sequence[str]) -> list[click.Parameter]:
    from sockcrud import config

    try:
        given, file = config.apps_and_file(words)
        settings = config.declared(config.apps_in(given, os.environ, file))
    except config.ConfigError as error:
        raise SystemExit(f"sockcrud: {error}") from None
    return [_option(setting) for setting in settings]


def _option(setting: Setting) -> click.Option:
    if setting.name == "app":
        return click.Option(
            ["--app"],
            metavar="FILE",
            type=click.Path(),
            multiple=True,
            help="an app that is served beside those installed; repeatable",
        )
    if setting.is_switch:
        flags = f"--{setting.flag}/--no-{setting.flag}"
        return click.Option(
            [flags], default=None, help=f"{setting.meaning}  [default: {setting.text}]"
        )
    return click.Option(
        [f"--{setting.flag}"],
        metavar="FILE" if setting.is_file else "TEXT",
        type=click.Path() if setting.is_file else str,
        help=f"{setting.meaning}  [default: {setting.text or 'empty'}]",
    )


@main.command(cls=Serve)
@click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(),
    help="the file with the settings  [default: ./tap.cfg, if there is one]",
)
@click.option(
    "--check-config",
    is_flag=True,
    help="show the settings in use, and, with status 2, what could not be used of them, and end",
)
@click.option(
    "--reactor",
    "reactor_name",
    metavar="NAME",
    help="the Twisted reactor to run in  [default: uvloop, where there is one]",
)
@click.option(
    "--trace", is_flag=True, help="show requests and answers as they come, without secrets"
)
def serve(
    file: str | None,
    check_config: bool,
    reactor_name: str | None,
    trace: bool,
    app: tuple[str, ...],
    **flags: str | bool | None,
) -> None:
    """Run the daemon in the foreground.

    The same as `twistd -n sockcrud`, with a banner that tells what listens where and how to try it.
    Every option can also stand in tap.cfg (max_request = 2MiB) and in the environment
    (SOCKCRUD_MAX_REQUEST=2MiB).

    \b
    sockcrud serve
    sockcrud serve --demo --users tcp:8081 --messages off
    sockcrud serve --users tcp:8080:interface=0.0.0.0
    """
    # Imported late: --help and the other commands need none of this.
    from twisted.logger import (
        FilteringLogObserver,
        LogLevel,
        LogLevelFilterPredicate,
        globalLogBeginner,
    )

    from sockcrud import readiness
    from sockcrud.cli import progress
    from sockcrud.clocks import count_steadily
    from sockcrud.signals import ignore_until_running
    from sockcrud.tap import LOADING, forked, load, make_daemon, opened_log

    given = {name: _as_text(value) for name, value in flags.items() if value is not None}
    if app:
        given["app"] = shlex.join(app)
    loaded = load(given, file)
    if check_config:
        raise SystemExit(readiness.show(loaded, click.echo))
    log = opened_log(loaded.settings.log_file, loaded.settings.log_format, sys.stderr)
    worker = forked(loaded, log) if loaded.settings.workers > 1 else None
    _install_reactor(reactor_name)
    from twisted.internet import reactor

    chosen = LogLevelFilterPredicate(LogLevel.info)
    for of_twisted in (
        "twisted",
        "log_legacy",
    ):  # which tells a line of each port, as the banner does
        chosen.setLogLevelForNamespace(of_twisted, LogLevel.warn)
    globalLogBeginner.beginLoggingTo(
        [FilteringLogObserver(log, [chosen])], redirectStandardIO=False
    )
    ignore_until_running()
    count_steadily(reactor)
    with progress.displayed(LOADING) as told:
        say = click.echo if worker is None or worker.is_first else _say_nothing
        daemon = make_daemon(loaded, reactor, say, sys.stdout.isatty(), told, log, worker)
    if trace:
        _trace(daemon)
    daemon.privilegedStartService()
    daemon.startService()
    running: Any = reactor
    running.addSystemEventTrigger("before", "shutdown", daemon.stopService)
    running.run()


def _trace(daemon: Daemon) -> None:
    """Have the journal shown on standard output, by a thread: who reads it may be slow."""
    from sockcrud.journal.printing import Printer

    if daemon.journal is None:
        raise SystemExit("sockcrud: --trace shows the journal, and the setting journal is 0")
    colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    Printer(daemon.journal, daemon.reactor, click.echo, colored).start()


def _say_nothing(line: str) -> None:
    """Leave the banner to the first of several processes."""


def _install_reactor(name: str | None) -> None:
    """Make the reactor of this process: that of the name, else uvloop's, else the one that Twisted
    has for this system.
    """
    if name is not None:
        from twisted.application.reactors import NoSuchReactor, getReactorTypes, installReactor

        try:
            installReactor(name)
        except NoSuchReactor:
            names = ", ".join(sorted(kind.shortName for kind in getReactorTypes()))
            raise click.BadParameter(
                f"{name!r} is none of {names}", param_hint="--reactor"
            ) from None
        except ImportError as error:
            raise click.BadParameter(
                f"{name!r} cannot be had here: {error}", param_hint="--reactor"
            ) from None
        return
    try:
        from sockcrud.uvloop.reactor import install
    except ImportError:  # there is none for Windows
        return
    install()


def _as_text(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"
