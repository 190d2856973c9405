"""The life of the daemon: what happens at its start, in which order it stops."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure

from sockcrud import config, systemd
from sockcrud.app import AppError, Dialect
from sockcrud.collector import (
    LOOK_SECONDS,
    GrowthWatch,
    MemoryWatch,
    give_large_blocks_back,
    let_collector_rest,
)
from sockcrud.config import ConfigError, Loaded
from sockcrud.errors import DomainError
from sockcrud.identity.accounts import Directory
from sockcrud.identity.first_start import FirstAdmin, NoAdmin, add_examples, ensure_admin
from sockcrud.identity.passwords import HashingThreads, InThisThread, Passwords
from sockcrud.identity.sessions import Sessions
from sockcrud.journal.journal import Journal
from sockcrud.ledger.counting import WRITE_SECONDS, Ledger
from sockcrud.logs import Log
from sockcrud.protocols.admission import Connections
from sockcrud.protocols.listen import CannotListen, Listener, Listeners, written
from sockcrud.refusals import refusals
from sockcrud.rest.idempotency import Keys
from sockcrud.settings import RELOADED, Settings
from sockcrud.signals import reload_on_signals, stop_on_signals
from sockcrud.storage.contract import IStore
from sockcrud.storage.memory.limit import memory_limit
from sockcrud.storage.postgres.url import without_password

SWEEP_SECONDS: Final = 60.0

SWITCH_SECONDS: Final = 0.001
"""After so long a thread that wants to go on interrupts the one that runs. The store's thread waits
for that after each of the ten or so calls into SQLite that a commit takes, which with Python's own
5 ms was 50 ms while the reactor was busy; and so does the reactor after each of its system calls
while a thread compares the file with what is served."""

ENDS: Final = " (what is stored ends with this process)"
FAULTS: Final = "faults are allowed: admins can have requests delayed, refused and cut off"
TLS_CLIENT: Final = "openssl s_client -quiet -connect HOST:PORT"


class StartFailed(SystemExit, Exception):
    """The daemon cannot start, in one line, which is all that a person sees of it.

    A SystemExit, so that the process ends with the line and a status of 1, under twistd too; and an
    Exception, so that twistd, which knows no other, takes its pid file away and tells the shell
    that waits for a daemon.
    """

    def __init__(self, line: str) -> None:
        super().__init__(f"sockcrud: {line}")


@define(eq=False)
class Daemon(Service):
    """All parts of the running system, started and stopped in order."""

    reactor: Any
    loaded: Loaded
    store: IStore
    sessions: Sessions
    keys: Keys
    hashing: HashingThreads
    connections: Connections
    listeners: Listeners
    say: Callable[[str], None]
    """Takes the lines that tell what listens where."""
    apply: Callable[[Settings], object]
    """Makes all parts keep to the settings that can change while it runs."""
    seed: Callable[[], Awaitable[str]] | None = None
    """Adds records to a new store, and says what came of it; fails where they cannot be taken."""
    log: Log | None = None
    """Where the log goes; None where whoever runs it sees to that."""
    ledger: Ledger | None = None
    """What counts who uses which dialect."""
    pid_file: str = ""
    """What twistd takes away at the end, where it comes to that."""
    show_password: bool = False
    journal: Journal | None = None
    """The last requests and answers; None where none are kept."""
    exit: Callable[[int], Any] = os._exit
    """Ends the process with a status, once all that can be has been stopped in order after a
    failure.
    """
    _admin: FirstAdmin | None = field(init=False, default=None)
    _seeded: str = field(init=False, default="")
    _sweep: LoopingCall = field(init=False)
    _write_up: LoopingCall = field(init=False)
    _growth: LoopingCall = field(init=False)
    _watchdog: LoopingCall = field(init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._sweep = LoopingCall(lambda: Deferred.fromCoroutine(self._sweep_sessions()))
        self._sweep.clock = self.reactor
        self._write_up = LoopingCall(lambda: Deferred.fromCoroutine(self._write_ledger()))
        self._write_up.clock = self.reactor
        growth, memory = GrowthWatch(self.connections), MemoryWatch(memory_limit)

        def look_after_memory() -> None:
            growth.look()
            memory.look()

        self._growth = LoopingCall(look_after_memory)
        self._growth.clock = self.reactor
        self._watchdog = LoopingCall(systemd.notify, systemd.ALIVE)
        self._watchdog.clock = self.reactor

    def setServiceParent(self, parent: Any) -> None:
        """Become a part of what twistd runs, which takes from there where to log."""
        if self.log is not None:
            parent.setComponent(ILogObserver, self.log)
        super().setServiceParent(parent)

    def privilegedStartService(self) -> None:
        """Listen, while the process still may on any port. Raise `StartFailed`, with nothing
        started.
        """
        try:
            self.listeners.start()
        except CannotListen as error:
            raise StartFailed(str(error)) from None

    def startService(self) -> None:
        """Fill a new store, start what works in the background, and tell what listens."""
        super().startService()
        failures: list[Failure] = []
        preparing = Deferred.fromCoroutine(self._prepare()).addErrback(failures.append)
        if failures:
            # Not by the way of stopService: the process ends with the error.
            failures[0].raiseException()
        self.hashing.start()
        self._sweep.start(SWEEP_SECONDS, now=False)
        self._write_up.start(WRITE_SECONDS, now=False)
        give_large_blocks_back()
        let_collector_rest()
        sys.setswitchinterval(SWITCH_SECONDS)
        self._growth.start(LOOK_SECONDS, now=False)
        self.reactor.callWhenRunning(self._running, preparing, failures)

    def _running(self, prepared: Deferred[None], failures: list[Failure]) -> None:
        # Before anybody is told that it runs, and may send them.
        stop_on_signals(self.reactor, self.end_at_once)
        reload_on_signals(self.reactor, self.reload, self._rotate_log)
        prepared.addCallback(
            lambda _: self.fail(str(failures[0].value)) if failures else self._announce()
        )

    def _announce(self) -> None:
        for line in self._banner():
            self.say(line)
        if (seconds := systemd.watchdog_seconds()) is not None:
            self._watchdog.start(seconds / 2)
        systemd.notify(systemd.READY)

    async def _prepare(self) -> None:
        settings = self.loaded.settings
        # Nothing is served yet, so nothing is kept waiting by a hash worked out right here.
        directory = Directory(self.store, Passwords(InThisThread()), self.reactor)
        try:
            self._admin = await ensure_admin(
                directory,
                settings.admin_login,
                settings.admin_password_file,
                settings.store_file,
                settings.min_password,
            )
        except NoAdmin as error:
            raise StartFailed(str(error)) from None
        if settings.demo:
            await add_examples(
                self.store, [example for app in self.loaded.apps for example in app.examples]
            )
        if self.seed is not None:
            self._seeded = await self.seed()

    def reload(self) -> None:
        """Reopen the log, read the certificates and the settings anew, and log what came of
        each.
        """
        if not self.running:
            return
        systemd.notify(systemd.reloading())
        lines = [self.log.reopen()] if self.log is not None else []
        for line in (*lines, *self.listeners.reload_certificates(), *self._reload_settings()):
            self._log.info("{line}", line=line)
        systemd.notify(systemd.READY)

    def _reload_settings(self) -> list[str]:
        try:
            new = self.loaded.again().settings
        except (ConfigError, AppError) as error:
            return [f"the settings stay as they are: {error}"]
        old = self.loaded.settings
        changed = [
            each.name
            for each in config.declared(self.loaded.apps)
            if new.of(each.name) != old.of(each.name)
        ]
        taken = [name for name in changed if name in RELOADED]
        left = [name for name in changed if name not in RELOADED]
        self.loaded = evolve(
            self.loaded, settings=evolve(old, **{name: new.of(name) for name in taken})
        )
        self.apply(self.loaded.settings)
        lines = [f"settings changed: {', '.join(taken)}"] if taken else []
        return lines + (
            [f"settings that change at the next start only: {', '.join(left)}"] if left else []
        )

    def _rotate_log(self) -> None:
        if self.log is not None:
            self._log.info("{line}", line=self.log.rotate())

    def end_at_once(self, number: int) -> None:
        """End now, as who sends a second signal wants. What was acknowledged is safe; what is under
        way has no answer.
        """
        try:
            self._log.warn(
                "a second signal: ended at once, {count} connections are cut off",
                count=len(self.connections),
            )
            self._remove_password_file()
            if self.pid_file:
                Path(self.pid_file).unlink(missing_ok=True)
        finally:
            self.exit(128 + number)  # as shells tell of a process that a signal has ended

    def fail(self, reason: str) -> None:
        """Stop, because the store can no longer keep its promises, and let the process end with
        status 1.

        The reactor would let it end with 0, under twistd as elsewhere.
        """
        self._log.critical("{reason}; stopping", reason=reason)
        self.reactor.addSystemEventTrigger("after", "shutdown", self.exit, 1)
        if self.reactor.running:
            with suppress(ReactorNotRunning):  # a signal was first
                self.reactor.stop()

    async def _sweep_sessions(self) -> None:
        self.connections.flush_log()
        refusals.flush()
        try:
            await self.sessions.sweep()
            await self.keys.sweep()
        except Exception:
            self._log.failure(
                "sessions that are over could not be swept; the next sweep is in {time:g} s",
                time=SWEEP_SECONDS,
            )

    async def _write_ledger(self) -> None:
        try:
            if self.ledger is not None:
                await self.ledger.write()
        except DomainError as error:
            self._log.warn(
                "the ledger could not be written ({outcome}); it is tried again in {time:g} s",
                outcome=error.outcome,
                time=WRITE_SECONDS,
            )
        except Exception:
            self._log.failure("the ledger could not be written")

    def stopService(self) -> Deferred[None]:
        """Stop accepting, answer what is under way, close; fire when all is closed and safe."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        systemd.notify(systemd.STOPPING)
        self._log.info("stopping: {count} connections are open", count=len(self.connections))
        await self.listeners.stop()
        await self.connections.finish(self.reactor, self.loaded.settings.stop_grace)
        for repeated in (self._sweep, self._write_up, self._growth, self._watchdog):
            if repeated.running:
                repeated.stop()
        self.connections.flush_log()
        refusals.flush()
        await self.hashing.stop()
        await self._write_ledger()
        await self.store.close()
        self._remove_password_file()
        self._log.info("stopped")

    def _remove_password_file(self) -> None:
        if self._admin is not None and self._admin.file is not None and self._ends_with_the_process:
            self._admin.file.unlink(missing_ok=True)  # its account ends with the store

    def _banner(self) -> list[str]:
        loaded = self.loaded
        lines = [
            f"settings: {loaded.file}"
            if loaded.file
            else "settings: the defaults (no tap.cfg here)"
        ]
        lines.append(
            f"store: {without_password(loaded.settings.store)}{ENDS * self._ends_with_the_process}"
        )
        if unknown := self.store.unknown_kinds:
            lines.append(f"records of no app in use: {', '.join(unknown)} (they stay as they are)")
        if loaded.settings.workers > 1:
            lines.append(f"workers: {loaded.settings.workers}, each with what follows of its own")
        lines.append(f"connections: at most {self.connections.most:,}")
        if self._admin is not None:
            lines.append(_describe(self._admin, self.show_password))
        if self._seeded:
            lines.append(self._seeded)
        width = max((len(listener.name) for listener in self.listeners), default=0)
        trials = self.trials
        for listener in self.listeners:
            how = f"    try: {trials[listener.name]}" if listener.name in trials else ""
            lines.append(f"{listener.name:<{width}} listens on {written(listener.host)}{how}")
        return lines + [f"WARNING: {danger}" for danger in self._dangers]

    @property
    def trials(self) -> dict[str, str]:
        """For each dialect that listens on a port, a command that shows that it is there."""
        dialects = self.loaded.apps.dialect
        found = {each.name: _how_to_try(each, dialects(each.name)) for each in self.listeners}
        return {name: trial for name, trial in found.items() if trial}

    @property
    def warnings(self) -> list[str]:
        """What whoever runs it should know of: what others can reach, and what it may lose."""
        ends = ["what is stored ends with this process"] if self._ends_with_the_process else []
        return ends + self._dangers

    @property
    def _dangers(self) -> list[str]:
        faults = [FAULTS] if self.loaded.settings.allow_faults else []
        return faults + [
            f"other machines can reach {listener.name}, {danger}"
            for listener in self.listeners
            if listener.reachable_from_outside and (danger := self._danger(listener.name))
        ]

    @property
    def _ends_with_the_process(self) -> bool:
        return self.loaded.settings.store == "memory:"

    def _danger(self, name: str) -> str:
        dialect = self.loaded.apps.dialect(name)
        if dialect.login is None:
            return "which has no login: whoever does can change all of its records"
        if dialect.sign_up and self.loaded.settings.sign_up == "open":
            return "where sign-up is open: whoever does can make an account"
        return ""


def _describe(admin: FirstAdmin, show_password: bool) -> str:
    if admin.file is None:
        return f"admin: {admin.login}, with the password that was given"
    password = f" {admin.password}, also" if show_password else ""
    return f"admin: {admin.login}, password{password} in {admin.file}"


def _how_to_try(listener: Listener, dialect: Dialect) -> str:
    host, port = getattr(listener.host, "host", None), getattr(listener.host, "port", None)
    trial = dialect.trial
    if host is None or not trial:
        return ""
    if listener.secure:
        trial = trial.replace("curl http:", "curl --insecure https:").replace(
            "nc -N HOST PORT", TLS_CLIENT
        )
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    quoted = f"[{near}]" if ":" in near else near
    return trial.replace("HOST:PORT", f"{quoted}:{port}").replace("HOST PORT", f"{near} {port}")
