"""The process of a daemon for tests: it serves, and makes all anew when its parent says so.

Anew is a new daemon with a new store on the same listening sockets, in the same process: nothing of
a test before can be left in it, for nothing of it is kept. Who connects meanwhile waits in the
sockets' queue.

The only way to it is the standard input that the process was started with: it has no port and no
name, and a daemon that was started in any other way has no such thing. When the parent is gone, so
is the process.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
)
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from sockcrud.config import Loaded
from sockcrud.daemon import Daemon
from sockcrud.identity.passwords import HashCost, Passwords
from sockcrud.protocols.inherited import Inherited, bound
from sockcrud.protocols.listen import endpoint
from sockcrud.settings import OFF
from sockcrud.testing.stores import OwnStore, own_store

CHEAP: Final = HashCost(1, 8, 1)
"""A hash takes 0.1 ms where it takes 46 with the cost that protects somebody: these passwords are
nobody's.
"""


BANNER: Final = "settings: "
"""How the lines begin that a daemon says when all is ready."""
ANY_PORT: Final = "tcp:0"


class Successive:
    """One daemon after the other on the same sockets, each with a store of its own."""

    def __init__(self, reactor: Any, loaded: Loaded, store: OwnStore) -> None:
        self._reactor = reactor
        self._loaded = loaded
        self._store = store
        self._daemon: Daemon | None = None
        self._sockets = {
            dialect.name: made
            for dialect in loaded.apps.dialects
            if loaded.settings.of(dialect.setting) != OFF and (made := bound(ANY_PORT)) is not None
        }

    @property
    def ports(self) -> dict[str, int]:
        """The port of each dialect."""
        return {name: each.getsockname()[1] for name, each in self._sockets.items()}

    async def start(self) -> None:
        """Return when a daemon with an empty store serves, and that before it is gone."""
        from sockcrud.tap import make_daemon

        await self.stop()
        self._store.make()
        announced: Deferred[None] = Deferred()

        def say(line: str) -> None:
            if line.startswith(BANNER):  # before it, a store may have warned of something
                announced.callback(None)

        daemon = make_daemon(self._loaded, self._reactor, say)
        for listener in daemon.listeners:
            inherited = Inherited(self._reactor, self._sockets[listener.name])
            listener.endpoint = endpoint(ANY_PORT, inherited)
        daemon.privilegedStartService()
        daemon.startService()
        self._daemon = daemon
        await announced

    async def stop(self) -> None:
        """Return when nothing serves, and the store is as if there had been none."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            await daemon.stopService()
        self._store.remove()


class Control(LineOnlyReceiver):
    """Standard input: each line has all made anew, and is answered when that is done. Its end ends
    the process.
    """

    delimiter = b"\n"

    def __init__(self, daemons: Successive, stop: Callable[[], object]) -> None:
        self._daemons = daemons
        self._stop = stop

    def lineReceived(self, line: bytes) -> None:
        """Serve anew, whatever the line says: there is nothing else to do."""
        Deferred.fromCoroutine(self._daemons.start()).addCallbacks(self._started, self._failed)

    def connectionLost(self, reason: object = None) -> None:
        """End with the parent."""
        self._stop()

    def _started(self, _: None) -> None:
        self._answer(ports=self._daemons.ports)

    def _failed(self, failure: Failure) -> None:
        self._answer(error=failure.getErrorMessage())

    def _answer(self, **answer: object) -> None:
        assert self.transport is not None
        self.transport.write(json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Serve with these settings, a JSON object by the settings' names."""
    from twisted.internet import reactor, stdio

    from sockcrud.logs import open_log
    from sockcrud.tap import load

    answers = os.dup(1)
    os.dup2(2, 1)  # what an app prints is for the log
    given: dict[str, str] = json.loads(sys.argv[1])
    store = own_store(given["store"])
    loaded = load({**given, "store": store.setting}, os.devnull)
    Passwords.__init__.__defaults__ = (CHEAP,)
    running: Any = reactor
    chosen = LogLevelFilterPredicate(LogLevel.info)
    for of_twisted in ("twisted", "log_legacy"):
        chosen.setLogLevelForNamespace(of_twisted, LogLevel.warn)
    log = FilteringLogObserver(open_log("", loaded.settings.log_format, sys.stderr), [chosen])
    globalLogBeginner.beginLoggingTo([log], redirectStandardIO=False)
    daemons = Successive(running, loaded, store)

    def stop() -> None:
        with suppress(ReactorNotRunning):  # a signal was first
            running.stop()

    stdio.StandardIO(Control(daemons, stop), stdout=answers)  # type: ignore[call-arg]
    running.addSystemEventTrigger(
        "before", "shutdown", lambda: Deferred.fromCoroutine(daemons.stop())
    )
    running.run()


if __name__ == "__main__":
    main()
