"""Puts the monitor together and runs it: `assemble` reads as its diagram."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

import click
from attrs import define
from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.task import LoopingCall
from twisted.logger import (
    FilteringLogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from sockcrud import loading
from sockcrud.app import resolve
from sockcrud.client.places import Place, parse
from sockcrud.monitor.certificates import WithCertificate, fetcher
from sockcrud.monitor.checks.accounts import AdminAccount, OwnAccount
from sockcrud.monitor.checks.base import Kit
from sockcrud.monitor.checks.ports import Ports
from sockcrud.monitor.checks.results import Secrets
from sockcrud.monitor.checks.steps import Check, Conductor, Limits
from sockcrud.monitor.history import History, HistoryFile
from sockcrud.monitor.notifiers import Command, Notifier, Notifiers, Webhook
from sockcrud.monitor.outputs.lines import WIDTH, JsonLines, JUnitFile, Lines, Writer, settled
from sockcrud.monitor.outputs.live import LiveTable, table
from sockcrud.monitor.outputs.status import StatusPort, listen
from sockcrud.monitor.rounds import Listener, Monitor, Watched
from sockcrud.monitor.settings import PORTS, Settings
from sockcrud.monitor.threads import OneThread
from sockcrud.monitor.thresholds import Standing, Thresholds
from sockcrud.protocols.listen import written
from sockcrud.signals import stop_on_signals

log: Final = Logger()

NOTIFIER_PATIENCE: Final = 5.0
"""Seconds that notifiers under way have when the monitor is stopped."""
OWN_FAULT: Final = 3


@define(eq=False)
class Assembled:
    """A monitor and what it works with."""

    monitor: Monitor
    notifiers: Notifiers
    output: OneThread
    files: OneThread
    table: LiveTable | None
    status: StatusPort | None = None
    stopping: bool = False

    async def stop(self) -> None:
        """Return when all has been cleaned up, written and closed."""
        self.stopping = True
        await self.monitor.stop()
        await self.notifiers.stop(NOTIFIER_PATIENCE)
        if self.status is not None:
            await self.status.stop()
        if self.table is not None:
            self.table.stop()
        for thread in (self.output, self.files):
            await settled(thread)
            thread.stop()


def watch(settings: Settings, conductor: Conductor, reactor: Any) -> list[Watched]:
    """Return what is to be watched: a check for each dialect that is on, behind a look at its
    certificate where it has one.
    """
    places = {name: parse(where, PORTS[name]) for name, where in settings.places.items()}
    connectable: dict[str, str | IStreamClientEndpoint] = dict(settings.places)
    ports = Ports(reactor, connectable, settings.timeout, settings.trust)
    watched = []
    for name, check in checks(settings, ports, conductor.clock).items():
        standing = Standing(name, Thresholds(settings.down_after, settings.up_after))
        place = places[name]
        if place.kind == "tls":
            looked = WithCertificate(
                check, place, fetcher(reactor), conductor.now, settings.certificate_days
            )
            watched.append(Watched(name, _format_place(place), looked, standing, looked.seen))
        else:
            watched.append(Watched(name, _format_place(place), check, standing))
    return watched


def _format_place(place: Place) -> str:
    return str(place) if place.kind == "unix" else f"{place.kind}:{place.authority}"


def checks(settings: Settings, ports: Ports, clock: IReactorTime) -> dict[str, Check]:
    """Return the check of each dialect that is on."""
    own = OwnAccount(settings.account, settings.password)
    admin = None
    if settings.admin is not None and settings.admin_password is not None:
        admin = AdminAccount(settings.admin, settings.admin_password)
    patience = (
        min(settings.slow, settings.timeout) / 4
    )  # looking for leftovers is to make no check slow
    declared = {name: check for app in loading.in_use() for name, check in app.checks.items()}
    return {
        name: resolve(declared[name])(Kit(name, ports, own, admin, clock, patience))
        for name in _in_order(declared, ports)
    }


def _in_order(declared: Mapping[str, object], ports: Ports) -> list[str]:
    """Return the dialects to check that are on, as people see them listed everywhere."""
    return [
        dialect.name
        for dialect in loading.in_use().dialects
        if dialect.name in declared and dialect.name in ports.places
    ]


def assemble(
    settings: Settings, reactor: Any, out: TextIO, now: Callable[[], float] = time.time
) -> Assembled:
    """Make the monitor of these settings."""
    secrets = Secrets(each for each in (settings.password, settings.admin_password) if each)
    conductor = Conductor(reactor, now, Limits(settings.slow, settings.timeout), secrets)
    files, output = OneThread(reactor, "monitor-files"), OneThread(reactor, "monitor-output")
    history = (
        History(HistoryFile(settings.history), files) if settings.history is not None else None
    )

    notifiers = Notifiers(_notifiers(settings, reactor), reactor, socket.gethostname())
    listeners: list[Listener] = [notifiers]
    writer = Writer(output)
    live: LiveTable | None = None
    if settings.json:
        listeners.append(JsonLines(writer, lambda line: _print(out, line)))
    elif not out.isatty():
        listeners.append(
            Lines(writer, lambda line: _print(out, line), max(WIDTH, *map(len, settings.places)))
        )
    elif not settings.once:
        live = LiveTable(writer, Console(file=out))
        listeners.append(live)
    if settings.junit is not None:
        listeners.append(JUnitFile(Writer(files), settings.junit))
    monitor = Monitor(
        watch(settings, conductor, reactor), conductor, history, listeners, settings.every
    )
    if live is not None:
        live.monitor = monitor
    return Assembled(monitor, notifiers, output, files, live)


def _notifiers(settings: Settings, reactor: Any) -> list[Notifier]:
    webhooks: list[Notifier] = [Webhook(url, reactor) for url in settings.webhooks]
    commands: list[Notifier] = [Command.parsed(text, reactor) for text in settings.hooks]
    return webhooks + commands


def _print(out: TextIO, line: str) -> None:
    out.write(line + "\n")
    out.flush()


def run(settings: Settings, reactor: Any) -> int:
    """Run the monitor until its round is over, or until a signal. Give the exit status."""
    assembled = assemble(settings, reactor, sys.stdout)
    _begin_logging(assembled.table)
    if settings.status is not None:
        assembled.status = listen(settings.status, assembled.monitor, reactor)
        click.echo(f"status page: {written(assembled.status.host)}", err=True)
    statuses: list[int] = []
    work = _once if settings.once else _periodically
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: Deferred.fromCoroutine(assembled.stop())
    )
    reactor.callWhenRunning(
        _begin, reactor, assembled, work(assembled, statuses, reactor), statuses
    )
    reactor.run()
    if settings.once and statuses and sys.stdout.isatty() and not settings.json:
        console = Console()
        console.print(table(assembled.monitor, console.width, whole=True))
    return statuses[-1] if statuses else (OWN_FAULT if settings.once else 0)


def _begin(reactor: Any, assembled: Assembled, work: Any, statuses: list[int]) -> None:
    stop_on_signals(reactor)

    def failed(failure: Any) -> None:
        log.failure("the monitor failed", failure)
        statuses.append(OWN_FAULT)
        if not assembled.stopping:
            reactor.stop()

    Deferred.fromCoroutine(work).addErrback(failed)


async def _once(assembled: Assembled, statuses: list[int], reactor: Any) -> None:
    await assembled.monitor.load()
    round = await assembled.monitor.begin_round()
    if not any(result.interrupted for result in round.results):
        statuses.append(round.status)
    if not assembled.stopping:
        reactor.stop()


async def _periodically(assembled: Assembled, statuses: list[int], reactor: Any) -> None:
    await assembled.monitor.load()
    assembled.monitor.start()
    if assembled.table is not None:
        drawing = LoopingCall(assembled.table.draw)
        drawing.clock = reactor
        drawing.start(1.0).addErrback(
            lambda failure: log.failure("the table cannot be drawn", failure)
        )
        reactor.addSystemEventTrigger("before", "shutdown", drawing.stop)


def _begin_logging(table: LiveTable | None) -> None:
    """Log to stderr, and above the table where there is one."""

    class Above:
        def write(self, text: str) -> int:
            if table is not None and text.strip():
                table.say(text)
            return len(text)

        def flush(self) -> None:
            """Nothing waits here."""

    out: Any = sys.stderr if table is None else Above()
    chosen = LogLevelFilterPredicate(LogLevel.info)
    chosen.setLogLevelForNamespace("twisted", LogLevel.warn)
    chosen.setLogLevelForNamespace("log_legacy", LogLevel.warn)
    observer = FilteringLogObserver(textFileLogObserver(out), [chosen])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
