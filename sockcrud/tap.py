"""Puts the system together: options, store, sessions, operations, ports. `makeService` reads as its diagram."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from twisted.logger import Logger
from twisted.python import usage

from sockcrud import config
from sockcrud.config import ConfigError, Loaded, Settings
from sockcrud.daemon import Daemon, StartFailed
from sockcrud.dialects.messages import MessagesResponder
from sockcrud.dialects.users import UsersResponder
from sockcrud.operations.gate import Gate, Tally, log_operation
from sockcrud.operations.messages import Messages
from sockcrud.operations.users import Users
from sockcrud.passwords import HashingThreads
from sockcrud.sessions import Sessions
from sockcrud.stores.memory import MemoryStore
from sockcrud.wire.connections import SPARE_DESCRIPTORS, Connections, raise_descriptor_limit
from sockcrud.wire.json_objects import JSONFactory, JSONLimits
from sockcrud.wire.listen import CannotListen, Listener, endpoint

log = Logger()

DIALECTS = ("users", "messages")


class Options(usage.Options):
    """The flags of `twistd sockcrud`, made from the settings."""

    synopsis = "[options]"
    longdesc = "Serves CRUD systems in several wire formats at once, on one store."
    optFlags: ClassVar = [
        *([flag, None, meaning] for flag, _, meaning, switch in config.flags() if switch),
        *([f"no-{flag}", None, f"the opposite of --{flag}"] for flag, _, _, switch in config.flags() if switch),
        ["check-config", None, "show the settings in use, and where each comes from, and end"],
    ]
    optParameters: ClassVar = [
        ["config", None, None, "the file with the settings [default: tap.cfg of the working directory, if there is one]"],
        *(
            [flag, None, None, f"{meaning} [default: {default}]"]
            for flag, default, meaning, switch in config.flags()
            if not switch
        ),
    ]

    def postOptions(self) -> None:
        """Load the settings, or end with one line and status 1."""
        given = {}
        for flag, _, _, switch in config.flags():
            name = flag.replace("-", "_")
            if not switch and self[flag] is not None:
                given[name] = self[flag]
            elif switch and (self[flag] or self[f"no-{flag}"]):
                given[name] = "yes" if self[flag] else "no"
        self.loaded = load(given, self["config"])
        if self["check-config"]:
            print(config.shown(self.loaded), end="")
            raise SystemExit(0)


def load(given: Mapping[str, str], file: str | None) -> Loaded:
    """Load the settings from all their places, those `given` last; raise `StartFailed`."""
    try:
        loaded = config.load(given, os.environ, file)
        for name in DIALECTS:
            if (where := getattr(loaded.settings, name)) != "off":
                endpoint(where, None)
    except (ConfigError, CannotListen) as error:
        raise StartFailed(str(error)) from None
    return loaded


def _log_line(line: str) -> None:
    log.info("{line}", line=line)


def makeService(options: Options) -> Daemon:
    """Make the daemon that `twistd sockcrud` runs."""
    from twisted.internet import reactor

    return make_daemon(options.loaded, reactor, _log_line)


def make_daemon(loaded: Loaded, reactor: Any, say: Callable[[str], None], show_password: bool = False) -> Daemon:
    """Make the daemon of these settings. It listens when it is started, and `say` takes the lines of its banner."""
    settings = loaded.settings
    tally = Tally()
    gate = Gate(reactor, [tally, log_operation] if settings.log_operations else [tally])
    store = MemoryStore()
    sessions = Sessions(store, reactor, timedelta(seconds=settings.session_idle), timedelta(seconds=settings.session_age))
    users, messages = Users(gate, store), Messages(gate, store)
    connections = Connections(_most_connections(settings))
    limits = JSONLimits(
        settings.max_in_flight, settings.max_unsent, settings.idle_timeout, settings.max_request, settings.max_depth
    )
    factories = {
        "users": JSONFactory(lambda peer: UsersResponder(users, peer), reactor, connections, limits),
        "messages": JSONFactory(lambda peer: MessagesResponder(messages, peer), reactor, connections, limits),
    }
    listeners = [
        Listener(name, endpoint(where, reactor), factories[name])
        for name in DIALECTS
        if (where := getattr(settings, name)) != "off"
    ]
    return Daemon(reactor, loaded, store, sessions, HashingThreads(reactor), connections, listeners, tally, say, show_password)


def _most_connections(settings: Settings) -> int:
    descriptors = raise_descriptor_limit()
    if descriptors is None:
        return settings.max_connections
    return max(1, min(settings.max_connections, descriptors - SPARE_DESCRIPTORS))
