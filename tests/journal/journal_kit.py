# mypy: allow-untyped-calls
"""All dialects in memory, with a journal of what is asked at them."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sockcrud import App, Record, config, crud, loading, text
from sockcrud.app import Apps
from sockcrud.journal.declared import readings
from sockcrud.journal.journal import Filter, Journal, Rendered
from sockcrud.journal.watching import Watching
from sockcrud.protocols.admission import Connections
from sockcrud.protocols.recording import Recorder
from sockcrud.refusals import refusals
from sockcrud.storage.memory.store import MemoryStore
from tests.support.connection_kit import Wire
from tests.support.directory_kit import HERE
from tests.support.doors_kit import factories
from tests.support.http_kit import request
from tests.support.people_case import PeopleCase


class Locker(Record):
    """What an app of one's own keeps: a name that all may see, and a number that nobody may."""

    name: str = text(1, 200, unique=True)
    pin: str = text(4, 100, secret=True)


VAULT = App("vault", crud(Locker, lines="tcp:7100", rest="tcp:7101", write="logged in"))

HTTP_PORTS = (
    "clients",
    "products",
    "inventory",
    "auth",
    "shop",
    "way",
    "members",
    "admin",
    "vault-rest",
)


class Caller:
    """One connection to a dialect, as the one at its other end sees it."""

    def __init__(self, connection: Any) -> None:
        self.wire = Wire()
        self.wire.peerAddr = IPv4Address("TCP", HERE, 54321)
        self.connection = connection
        connection.makeConnection(self.wire)

    def ask(self, data: bytes) -> bytes:
        """Send, and return what is said at once."""
        self.connection.dataReceived(data)
        return self.wire.said()

    def leave(self) -> None:
        self.connection.connectionLost(Failure(ConnectionDone()))


class JournalCase(PeopleCase):
    """All dialects, and their journal."""

    size = 200

    def setUp(self) -> None:
        super().setUp()
        self.time_of_day = Clock()
        self.time_of_day.advance(1_700_000_000)
        self.recorder = Recorder(self.size, self.clock, self.time_of_day)
        self.connections = Connections(1000, self.clock, recorder=self.recorder)
        self.connections.scheduler.now = self.clock.seconds
        apps = Apps([*loading.apps(), VAULT])
        self.journal = Journal(self.recorder, partial(readings, apps))
        self.watching = Watching(
            self.journal,
            self.clock,
            lambda: self.connections.are_ending,
            self.clock.seconds,
        )
        self.factories = factories(self, self.connections, watching=self.watching)
        vault = Apps([VAULT])
        more = factories(
            self, self.connections, config.defaults(vault), None, vault, MemoryStore(vault.schema)
        )
        self.factories |= more
        refusals.observer = self.recorder.refused
        self.addCleanup(setattr, refusals, "observer", None)

    def call(self, dialect: str) -> Caller:
        """Connect to a dialect."""
        address = IPv4Address("TCP", HERE, 54321)
        return Caller(self.factories[dialect].buildProtocol(address))

    def ask(self, dialect: str, data: bytes) -> bytes:
        """Ask on a connection of its own, which ends then."""
        caller = self.call(dialect)
        said = caller.ask(data)
        for _ in range(40):
            if said:
                break
            self.clock.advance(0.05)
            said = caller.wire.said()
        caller.leave()
        return said

    def ask_http(
        self, dialect: str, method: str, target: str, body: object = None, **more: Any
    ) -> bytes:
        return self.ask(dialect, request(method, target, body, **more))

    def entries(self, **wanted: Any) -> list[Rendered]:
        """Return the entries of the journal."""
        chosen = self.journal.select(0, Filter(**wanted))
        return [self.journal.render(id, entry) for id, entry in chosen]

    def asked(self, **wanted: Any) -> list[Rendered]:
        """Return those of requests."""
        return [entry for entry in self.entries(**wanted) if entry["kind"] == "request"]
