"""Puts the system together: options, store, sessions, operations, ports. `makeService` reads as its
diagram.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.python import usage

from sockcrud import config, readiness, workers
from sockcrud.access import Access, log_operation
from sockcrud.app import AppError, Apps, Dialect, tcp_port
from sockcrud.cli.progress import Progress, in_lines
from sockcrud.clocks import TimeOfDay, count_steadily
from sockcrud.config import ConfigError, Loaded
from sockcrud.daemon import Daemon, StartFailed
from sockcrud.errors import DomainError
from sockcrud.faults.acting import Faults
from sockcrud.faults.rules import written
from sockcrud.identity.accounts import Directory
from sockcrud.identity.directory import Logins
from sockcrud.identity.first_password import remove_outdated
from sockcrud.identity.lockout import Delays
from sockcrud.identity.passwords import HashingThreads, Passwords
from sockcrud.identity.sessions import Sessions
from sockcrud.journal.declared import readings
from sockcrud.journal.journal import Journal
from sockcrud.journal.watching import Watching
from sockcrud.ledger.brownouts import pausing, retirements_of
from sockcrud.ledger.counting import Ledger
from sockcrud.logs import Log, open_log
from sockcrud.metrics import Metrics
from sockcrud.protocols.admission import (
    SPARE_DESCRIPTORS,
    Budgets,
    Connections,
    Listening,
    Shares,
    raise_descriptor_limit,
)
from sockcrud.protocols.listen import CannotListen, Listener, Listeners, endpoint, is_secure
from sockcrud.protocols.proxies import Proxies
from sockcrud.protocols.recording import Recorder
from sockcrud.records.schema import Schema
from sockcrud.refusals import refusals
from sockcrud.rest.idempotency import Keys
from sockcrud.serving import About, Serving
from sockcrud.setting import Setting
from sockcrud.settings import OFF, SQLITE, Settings
from sockcrud.signals import ignore_until_running
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.common import StoreError
from sockcrud.storage.maintenance.postgres import open_postgres
from sockcrud.storage.maintenance.seeding import SeedRefused, seed
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.postgres import url as postgres_url
from sockcrud.workers.worker import Worker

if TYPE_CHECKING:
    from sockcrud.storage.postgres.store import PostgresStore
    from sockcrud.storage.sqlite.store import (
        SqliteStore,
    )  # at run time only where it is used: its driver is an extra

log = Logger()

LOADING = "loading the store"
TWISTD_LOG: Final = "twistd.log"
"""Where a daemon in the background logs by default, as with Twisted's own way."""


class Options(usage.Options):
    """The flags of `twistd sockcrud`, made from the settings: those of the core, and those that the
    apps in use add.
    """

    synopsis = "[options]"
    longdesc = "Serves CRUD systems in several wire formats at once, on one store."
    optFlags: ClassVar = [
        [
            "check-config",
            None,
            "show the settings in use, and what could not be used of them, and end",
        ]
    ]
    optParameters: ClassVar = [
        [
            "config",
            None,
            None,
            "the file with the settings [default: tap.cfg of the working directory, if there is "
            "one]",
        ]
    ]

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse the flags, which are known when the apps are; end with one line and status 1 where
        these cannot be used.
        """
        words = sys.argv[1:] if options is None else options
        self._declared = _declared_for(words)
        # Twisted collects the flags that a class has, once, when an instance is made.
        self.__class__ = type("Options", (Options,), _as_twisted_has_them(self._declared))
        usage.Options.__init__(self)
        super().parseOptions(words)  # type: ignore[no-untyped-call]  # Twisted has no types here

    def opt_app(self, file: str) -> None:
        """a file of an app that is served beside those installed; repeatable"""
        self._files = [*getattr(self, "_files", []), file]

    def postOptions(self) -> None:
        """Load the settings, or end with one line and status 1."""
        given = {"app": shlex.join(self._files)} if hasattr(self, "_files") else {}
        for setting in self._declared:
            if setting.is_switch and (self[setting.flag] or self[f"no-{setting.flag}"]):
                given[setting.name] = "yes" if self[setting.flag] else "no"
            elif not setting.is_switch and self[setting.flag] is not None:
                given[setting.name] = self[setting.flag]
        self.loaded = load(given, self["config"])
        if self["check-config"]:
            raise SystemExit(readiness.show(self.loaded, print))


def _declared_for(words: Sequence[str]) -> list[Setting]:
    """Return the settings that have flags of their own where these are the words; raise
    `StartFailed`.
    """
    try:
        given, file = config.apps_and_file(words)
        return [
            setting
            for setting in config.declared(config.apps_in(given, os.environ, file))
            if setting.name != "app"
        ]
    except ConfigError as error:
        raise StartFailed(str(error)) from None


def _as_twisted_has_them(settings: Sequence[Setting]) -> dict[str, list[list[str | None]]]:
    switches = [setting for setting in settings if setting.is_switch]
    others = [setting for setting in settings if not setting.is_switch]
    return {
        "optFlags": [
            *([setting.flag, None, setting.meaning] for setting in switches),
            *(
                [f"no-{setting.flag}", None, f"the opposite of --{setting.flag}"]
                for setting in switches
            ),
        ],
        "optParameters": [
            [setting.flag, None, None, f"{setting.meaning} [default: {setting.text}]"]
            for setting in others
        ],
    }


def load(given: Mapping[str, str], file: str | None) -> Loaded:
    """Load the settings from all their places, those `given` last; raise `StartFailed`."""
    try:
        loaded = config.load(given, os.environ, file)
        for dialect in loaded.apps.dialects:
            if (where := loaded.settings.of(dialect.setting)) != OFF:
                _check_endpoint(dialect, where)
        _check_ports(loaded.apps, loaded.settings)
        _check_retired(loaded.apps, loaded.settings)
        _ = loaded.apps.schema  # which says what records cannot be
    except (ConfigError, CannotListen) as error:
        raise StartFailed(str(error)) from None
    return loaded


def _check_endpoint(dialect: Dialect, where: str) -> None:
    """Raise `CannotListen`, or `AppError` where it is the app that says where."""
    try:
        endpoint(where, None)
    except CannotListen as error:
        if where == dialect.endpoint:
            raise AppError(dialect.place, str(error)) from None
        raise CannotListen(f"{dialect.name}: {error}") from None


def _check_ports(apps: Apps, settings: Settings) -> None:
    """Raise `AppError` where a dialect listens by default where another does."""
    taken: dict[int, str] = {}
    for dialect in apps.dialects:
        where = settings.of(dialect.setting)
        port = tcp_port(where)
        if port in taken and where == dialect.endpoint:
            free = f"expected another, as with --{dialect.name} tcp:PORT, or --{dialect.name} off"
            raise AppError(
                dialect.place, f"the port {port} of {dialect.name} is that of {taken[port]}: {free}"
            )
        if port:
            taken[port] = dialect.name


def _check_retired(apps: Apps, settings: Settings) -> None:
    """Raise `ConfigError` where a dialect is to pause, or to go, that cannot."""
    known = [dialect.name for dialect in apps.dialects if not dialect.privileged]
    for name in sorted(retirements_of(settings).dialects.difference(known)):
        raise ConfigError(f"[brownouts]: {name!r}: expected one of {', '.join(known)}")


def _log_line(line: str) -> None:
    log.info("{line}", line=line)


def makeService(options: Options) -> Daemon:
    """Make the daemon that `twistd sockcrud` runs."""
    from twisted.internet import reactor

    if options.loaded.settings.workers > 1:
        raise StartFailed("workers is for sockcrud serve: twistd runs one process, expected 1")
    ignore_until_running()
    count_steadily(reactor)
    if not _in_foreground(options.parent or {}):
        for line in readiness.unusable_listeners(options.loaded):
            raise StartFailed(
                line
            )  # here, where people see it: of what comes later, twistd cuts off all but 100 bytes
    daemon = make_daemon(options.loaded, reactor, _log_line)
    twistd: Mapping[str, Any] = options.parent or {}
    daemon.log = _log_under(twistd, options.loaded.settings)
    daemon.pid_file = twistd.get("pidfile") or ""
    return daemon


def _log_under(twistd: Mapping[str, Any], settings: Settings) -> Log | None:
    """Return the log that twistd's flags and the settings ask for; None where it goes to syslog or
    to a logger of somebody's.

    twistd would make one of its own, which can neither be reopened nor have another form.
    """
    file, in_foreground = settings.log_file or twistd.get("logfile") or "", _in_foreground(twistd)
    if not settings.log_file and (
        twistd.get("logger") or twistd.get("syslog") or (file == "-" and not in_foreground)
    ):
        return None
    if not file and not in_foreground:
        file = TWISTD_LOG
    return opened_log("" if file == "-" else file, settings.log_format, sys.stdout)


def _in_foreground(twistd: Mapping[str, Any]) -> bool:
    return bool(twistd.get("nodaemon") or twistd.get("debug"))


def opened_log(file: str, form: str, stream: Any) -> Log:
    """Return the log in this file, or in the stream where none is named; raise `StartFailed`."""
    try:
        return open_log(file, form, stream)
    except OSError as error:
        raise StartFailed(f"the log: {file}: {error.strerror}") from None


def forked(loaded: Loaded, log: Log) -> Worker:
    """Return as one of several processes, each of which is to serve; raise `StartFailed`."""
    try:
        return workers.fork(loaded, log)
    except (ConfigError, CannotListen) as error:
        raise StartFailed(str(error)) from None


def make_daemon(
    loaded: Loaded,
    reactor: Any,
    say: Callable[[str], None],
    show_password: bool = False,
    progress: Progress | None = None,
    log: Log | None = None,
    worker: Worker | None = None,
) -> Daemon:
    """Make the daemon of these settings. It listens when it is started, and `say` takes the lines
    of its banner.

    As one of several processes of a daemon where it is told to be a `worker`. The store is read
    here; `progress` is told of it, else `say` is, where it takes long.
    """
    settings = loaded.settings
    schema = loaded.apps.schema
    store = _open_store(
        settings,
        schema,
        reactor,
        lambda reason: daemon.fail(reason),
        say,
        progress or in_lines(LOADING, say),
    )
    time_of_day = TimeOfDay(reactor)
    recorder = Recorder(settings.journal, reactor, time_of_day) if settings.journal else None
    dialects = loaded.apps.dialects
    faults = _faults(loaded, reactor, worker)
    connections = Connections(
        _most_connections(settings),
        reactor,
        shares=_shares(settings),
        budgets=_budgets(settings),
        recorder=recorder,
        interfere=None if faults is None else faults.around,
    )
    connections_at = {
        dialect.name: Listening(connections, dialect.privileged, dialect.name, dialect.unrecorded)
        for dialect in dialects
    }
    listeners = Listeners(connections.count_unaccepted)

    metrics = Metrics(
        store, connections_at, lambda: {name: len(those) for name, those in connections_at.items()}
    )
    access = Access(reactor, time_of_day=time_of_day)
    ledger = Ledger(store, time_of_day)
    hashing = HashingThreads(reactor)
    delays = Delays(free_failures=settings.free_login_failures)
    passwords = Passwords(hashing)
    directory = Directory(store, passwords, time_of_day, delays)
    directory.password_replaced = lambda hash: remove_outdated(passwords, hash, settings.store_file)
    idle, age = timedelta(seconds=settings.session_idle), timedelta(seconds=settings.session_age)
    sessions = Sessions(store, time_of_day, idle, age, most=settings.max_sessions)
    logins = Logins(access, store, directory, sessions, settings.sign_up == "open")
    watching = None
    if recorder is not None:
        journal = Journal(recorder, partial(readings, loaded.apps))
        watching = Watching(journal, reactor, lambda: connections.are_ending)
    about = About(
        loaded.apps,
        listeners.listening,
        listeners.urls,
        metrics.text if worker is None else lambda: worker.gather(reactor, metrics.text),
        settings.min_password,
        listeners.places,
        watching,
        lambda: {name: len(those) for name, those in connections_at.items()},
        metrics.answered,
        lambda: daemon.trials,
        lambda: daemon.warnings,
        postgres_url.without_password(settings.store),
        faults=faults,
    )
    keys = Keys(
        store,
        time_of_day,
        timedelta(seconds=settings.kept_answers_age),
        settings.max_kept_answers,
    )

    proxies = Proxies(settings.proxies, reactor)
    if worker is not None:
        worker.run_beside(reactor, metrics.text)
    for dialect in dialects:
        if (where := settings.of(dialect.setting)) != OFF:
            own = connections_at[dialect.name]
            serving = Serving(
                dialect,
                settings,
                reactor,
                own,
                access,
                store,
                directory,
                sessions,
                logins,
                about,
                keys,
            )
            listeners.add(
                Listener(
                    dialect.name,
                    endpoint(where, proxies.before(_listening(worker, dialect, reactor))),
                    _factory(serving),
                    is_secure(where),
                )
            )
    if hasattr(store, "committed"):  # which commits to a disk
        store.committed = metrics.committed

    def apply(
        settings: Settings,
    ) -> None:  # of those in settings.RELOADED; `stop_grace` is looked at when it stops
        connections.most, connections.shares = _most_connections(settings), _shares(settings)
        connections.budgets = _budgets(settings)
        refusals.lines = settings.log_refusals
        refusals.observer = None if recorder is None else recorder.refused
        logins.sign_up_open = settings.sign_up == "open"
        access.observers[:] = [metrics, ledger]
        if settings.log_operations:
            access.observers.append(log_operation)
        retirements = retirements_of(settings)
        ledger.is_paused = retirements.is_paused if retirements.has_brownouts else None
        access.interference = None if faults is None else faults.before
        if retirements.has_brownouts:
            access.interference = pausing(retirements, access.now, access.interference)

    apply(settings)
    if faults is not None:  # now that all operations are known
        for given in written(settings.faults):
            _add_fault(faults, given)
    daemon = Daemon(
        reactor,
        loaded,
        store,
        sessions,
        keys,
        hashing,
        connections,
        listeners,
        say,
        apply,
        _seeding(settings, store, reactor, say) if settings.seed and _fills(worker) else None,
        log,
        ledger,
        show_password=show_password,
        journal=None if watching is None else watching.journal,
    )
    return daemon


def _faults(loaded: Loaded, reactor: Any, worker: Worker | None) -> Faults | None:
    """Return what testers have asked for; raise `StartFailed`. Where they may not, nothing costs
    anything.
    """
    settings = loaded.settings
    if not settings.allow_faults:
        if settings.faults:
            raise StartFailed("faults are refused: expected allow_faults = yes beside them")
        return None
    if worker is not None:
        raise StartFailed("allow_faults is for one process: expected workers = 1")
    return Faults(reactor, {each.name: each.privileged for each in loaded.apps.dialects})


def _add_fault(faults: Faults, given: Mapping[str, Any]) -> None:
    try:
        faults.add(given)
    except DomainError as error:
        raise StartFailed(f"faults: {error}") from None


def _fills(worker: Worker | None) -> bool:
    """Return whether it is this process that fills a new store."""
    return worker is None or worker.is_first


def _seeding(
    settings: Settings, store: Any, reactor: Any, say: Callable[[str], None]
) -> Callable[[], Awaitable[str]]:
    """Return what adds the records of the settings' seed to a store; it raises `StartFailed`."""

    async def add() -> str:
        try:
            return await seed(store, reactor, settings.seed, in_lines("seeding", say))
        except SeedRefused as error:
            raise StartFailed(str(error)) from None

    return add


def _listening(worker: Worker | None, dialect: Dialect, reactor: Any) -> Any:
    """Return what listens for the dialect: the reactor, on a socket that all workers have, if they
    have one.
    """
    return reactor if worker is None else worker.listening(dialect.name, reactor)


def _shares(settings: Settings) -> Shares:
    return Shares(settings.max_share / 100, settings.max_lists)


def _budgets(settings: Settings) -> Budgets:
    return Budgets(settings.max_unsent_total, settings.max_unfinished_total)


def _factory(serving: Serving) -> IProtocolFactory:
    try:
        return serving.factory()
    except AppError as error:
        raise StartFailed(str(error)) from None


def _open_store(
    settings: Settings,
    schema: Schema,
    reactor: Any,
    failed: Callable[[str], object],
    say: Callable[[str], None],
    progress: Progress,
) -> MemoryStore | SqliteStore | PostgresStore:
    capacity = Capacity(
        settings.max_records, settings.max_accounts, settings.max_stored, settings.max_history
    )
    try:
        if postgres_url.is_url(settings.store):
            return open_postgres(
                settings.store,
                schema,
                reactor,
                lambda danger: say(f"WARNING: {danger}"),
                settings,
                capacity,
            )
        if settings.store.startswith(SQLITE):
            from sockcrud.storage.sqlite.store import SqliteStore

            path = Path(settings.store.removeprefix(SQLITE))
            return SqliteStore.open(path, schema, reactor, failed, progress, capacity=capacity)
    except StoreError as error:
        raise StartFailed(str(error)) from None
    return MemoryStore(schema, capacity=capacity, later=reactor.callFromThread)


def _most_connections(settings: Settings) -> int:
    descriptors = raise_descriptor_limit()
    if descriptors is None:
        return settings.max_connections
    return max(1, min(settings.max_connections, descriptors - SPARE_DESCRIPTORS))
