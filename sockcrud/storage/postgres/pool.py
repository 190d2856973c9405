"""Where PostgreSQL is, and the connections to it: how many, who has them, and what happens while
there is no server.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread
from typing import Any, Final, TypeVar

import psycopg
from attrs import define, field, frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from psycopg.pq.abc import PGconn, PGresult
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.errors import Unavailable
from sockcrud.storage.postgres.link import Ask, Link, Lost, Refused, Statement, connect, one_line

T = TypeVar("T")

FIRST_REST: Final = 0.1
LONGEST_REST: Final = 1.0
"""Seconds without an attempt after one that failed: the first time, and at most."""

NO_ANSWER: Final = "the database does not answer"
TOO_MANY: Final = "the database has too much to do"

_SETTINGS: Final = Statement(
    b"settings",
    b"SELECT set_config('statement_timeout', $1, false),"
    b" set_config('idle_in_transaction_session_timeout', $1, false), set_config('TimeZone', "
    b"'UTC', false),"
    b" set_config('DateStyle', 'ISO', false), set_config('default_transaction_isolation', 'read "
    b"committed', false)",
)

_TOO_SLOW: Final = ("57014", "55P03", "25P03")

_log = Logger()


_STANDARD: Final = {
    "application_name": "sockcrud",
    # a store that cannot write is none: of several hosts the one that can is meant
    "target_session_attrs": "read-write",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}


class NoUrl(ValueError):
    """What was given is not the URL of a PostgreSQL database. It is not shown: a password may be in
    it.
    """


@frozen
class Limits:
    """What the store may use, and for how long."""

    pool: int = 8
    statement_seconds: float = 5.0
    connect_seconds: float = 2.0

    @property
    def answer_seconds(self) -> float:
        """After so long the server is given up, whatever it may be doing: it should have ended the
        statement itself.
        """
        return self.statement_seconds + 1.0


def parse_url(url: str) -> dict[str, Any]:
    """Return the parameters in a URL; raise `NoUrl`."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        raise NoUrl(
            "postgresql://USER@HOST:PORT/DATABASE, with what libpq knows behind a '?'"
        ) from None
    if given.get("service"):
        given = {**_places_of_service(str(given["service"])), **given}
    return {**_STANDARD, **given, "client_encoding": "UTF8"}


def _places_of_service(name: str) -> dict[str, str]:
    """Return where the service file says that this service is. (All else in there libpq reads when
    it connects.)

    Each host is an attempt of its own here, and libpq tells what a service is only of the one that
    the environment names.
    """
    before = os.environ.get("PGSERVICE")
    os.environ["PGSERVICE"] = name
    try:
        found = {
            option.keyword.decode(): option.val.decode()
            for option in Conninfo.get_defaults()
            if option.val
        }
    except (
        MemoryError
    ):  # so psycopg says that there is no such service; whoever connects is told better
        return {}
    finally:
        if before is None:
            del os.environ["PGSERVICE"]
        else:
            os.environ["PGSERVICE"] = before
    return {place: found[place] for place in ("host", "hostaddr", "port") if place in found}


def unavailable(error: Lost | Refused) -> Unavailable:
    """Word for whoever asked why it got nothing."""
    if isinstance(error, Lost) or error.is_the_end:
        return Unavailable(NO_ANSWER)
    if error.code in _TOO_SLOW:
        return Unavailable(TOO_MANY)
    _log.error("the database refuses a statement: {error}", error=error)
    return Unavailable("the database refuses")


class Places:
    """The hosts of a URL, each an attempt of its own, so that one which does not answer delays no
    other.
    """

    def __init__(self, url: str, reactor: Any, seconds: float) -> None:
        self._parameters = parse_url(url)
        self._reactor = reactor
        self._seconds = seconds

    def connect(self) -> Deferred[PGconn]:
        """Return the first connection that there is; raise `Lost` where there is none."""
        connected: Deferred[PGconn] = Deferred()
        looking_up = self._aside(lambda: list(_attempts(self._parameters)))
        looking_up.addCallback(lambda attempts: self._race(attempts, connected))
        looking_up.addErrback(connected.errback)
        return connected

    def _race(self, conninfos: Sequence[bytes], connected: Deferred[PGconn]) -> None:
        attempts: list[Deferred[PGconn]] = []
        failures: list[Failure] = []

        def won(connection: PGconn) -> None:
            connected.callback(connection)
            for attempt in attempts:
                attempt.cancel()

        def lost(failure: Failure) -> None:
            failure.trap(Lost, CancelledError)
            failures.append(failure)
            if len(failures) == len(conninfos) and not connected.called:
                connected.errback(failures[0])

        for conninfo in conninfos:
            attempts.append(attempt := connect(conninfo, self._reactor, self._seconds))
            attempt.addCallbacks(
                lambda connection: connection.finish() if connected.called else won(connection),
                lost,
            )

    def _aside(self, work: Callable[[], T]) -> Deferred[T]:
        """Do in a thread what may block: to look a name up. Where no name is to be looked up, do it
        here.
        """
        done: Deferred[T] = Deferred()
        if not any(map(_is_name, _hosts(self._parameters))):
            done.callback(work())
            return done

        def finish(outcome: T | Failure) -> None:
            if not done.called:
                deadline.cancel()
                done.callback(outcome)

        def errand() -> None:
            try:
                outcome: T | Failure = work()
            except BaseException:
                outcome = Failure()
            with suppress(Exception):  # the reactor may have ended meanwhile
                self._reactor.callFromThread(finish, outcome)

        deadline = self._reactor.callLater(
            self._seconds, done.errback, Lost("the hosts' names cannot be looked up")
        )
        Thread(target=errand, name="store names", daemon=True).start()
        return done


def _hosts(parameters: Mapping[str, Any]) -> list[str]:
    given = parameters.get("host") or _default(b"host") or ""
    return str(given).split(",") if not parameters.get("hostaddr") else []


def _default(name: bytes) -> str:
    return next(
        (
            (option.val or b"").decode()
            for option in Conninfo.get_defaults()
            if option.keyword == name
        ),
        "",
    )


def _is_name(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return False  # a directory with a socket in it
    with suppress(ValueError):
        ip_address(host)
        return False
    return True


def _attempts(parameters: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield what to connect to, one address each. Raise `Lost` where no name leads to any."""
    hosts = _hosts(parameters)
    if not hosts:
        yield make_conninfo("", **parameters).encode()
        return
    ports = str(parameters.get("port") or _default(b"port") or "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    found, why = False, ""
    for host, port in zip(hosts, ports, strict=False):
        one = {**parameters, "host": host, "port": port}
        if not _is_name(host):
            found = True
            yield make_conninfo("", **one).encode()
            continue
        try:
            addresses = {
                str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            }
        except OSError as error:
            why = f"{host}: {error.strerror}"
            continue
        for address in addresses:
            found = True
            yield make_conninfo("", **one, hostaddr=address).encode()
    if not found:
        raise Lost(why)


@define(eq=False)
class CircuitBreaker:
    """What all pools know of a server that cannot be reached: for a while after an attempt has
    failed there is no other.
    """

    reactor: Any
    pools: list[Pool] = field(factory=list)
    is_on: bool = False
    _rest: float = FIRST_REST
    _until: float = 0.0

    def suspect(self, why: str) -> None:
        """Take note that a connection broke: those that nobody uses now may be broken, too, and
        would take long to tell.
        """
        _log.warn("a connection to the database is lost: {why}", why=why)
        for pool in self.pools:
            pool.drop_idle()

    def rests(self) -> bool:
        """Return whether it is too soon for another attempt."""
        return bool(self.is_on and self.reactor.seconds() < self._until)

    def failed(self, why: object) -> None:
        """Take note of an attempt that failed."""
        if not self.is_on:
            _log.error("no connection to the database: {why}", why=one_line(why))
        self.is_on = True
        self._until = self.reactor.seconds() + self._rest
        self._rest = min(LONGEST_REST, self._rest * 2)

    def succeeded(self) -> None:
        """Take note of one that succeeded."""
        if self.is_on:
            _log.info("connected to the database again")
        self.is_on, self._rest = False, FIRST_REST


@define(eq=False)
class Pool:
    """So many links at most, made when they are needed. Whoever takes one gives it back."""

    places: Places
    reactor: Any
    size: int
    limits: Limits
    breaker: CircuitBreaker
    _idle: list[Link] = field(factory=list)
    _links: set[Link] = field(factory=set)
    _connecting: int = 0
    _waiting: deque[Deferred[Link]] = field(factory=deque)
    _is_closed: bool = False

    @property
    def is_free(self) -> bool:
        """Whether a link can be had without waiting for another to be given back."""
        return bool(self._idle) or len(self._links) + self._connecting < self.size

    def take(self) -> Deferred[Link]:
        """Return a link; raise `Unavailable` where there is no server, or where it takes too long.
        May be cancelled.
        """
        taken: Deferred[Link] = Deferred(self._waiting.remove)
        if self._is_closed:
            taken.errback(Unavailable("the store is closed"))
        elif self._idle:
            taken.callback(self._idle.pop())
        elif self.breaker.rests() and not self._connecting and not self._links:
            taken.errback(Unavailable(NO_ANSWER))
        else:
            self._wait(taken)
            if len(self._links) + self._connecting < self.size and self._connecting < len(
                self._waiting
            ):
                self._connect()
        return taken

    def give_back(self, link: Link) -> None:
        """Let others have it. One whose transaction may be open is closed instead, with `drop`."""
        if link.is_lost:
            return
        if self._is_closed:
            link.close()
        elif self._waiting:
            self._waiting.popleft().callback(link)
        else:
            self._idle.append(link)

    async def ask(self, asks: Sequence[Ask]) -> list[PGresult]:
        """Return the answers to what is no transaction; raise `Unavailable`."""
        return await self.ask_with(await self.take(), asks)

    async def ask_with(self, link: Link, asks: Sequence[Ask]) -> list[PGresult]:
        """Ask so with a link that was taken, and return it back."""
        try:
            return await link.ask(asks, self.limits.answer_seconds)
        except (Lost, Refused) as error:
            raise unavailable(error) from None
        finally:
            self.give_back(link)

    def drop(self, link: Link) -> None:
        """Close a link that nobody should have any more."""
        link.close()

    def drop_idle(self) -> None:
        """Close all links that nobody uses."""
        for link in list(self._idle):
            link.close()

    def close(self) -> None:
        """Close all links, and let nobody have one. Who waits or asks fails."""
        self._is_closed = True
        for link in list(self._links):
            link.close()
        self._fail_waiting("the store is closed")

    def _wait(self, taken: Deferred[Link]) -> None:
        def give_up() -> None:
            self._waiting.remove(taken)
            taken.errback(Unavailable(TOO_MANY))

        def over(outcome: T) -> T:
            if deadline.active():
                deadline.cancel()
            return outcome

        deadline = self.reactor.callLater(self.limits.answer_seconds, give_up)
        taken.addBoth(over)
        self._waiting.append(taken)

    def _connect(self) -> None:
        self._connecting += 1
        self.places.connect().addCallback(self._settle).addCallbacks(self._connected, self._failed)

    async def _set(self, link: Link) -> Link:
        milliseconds = b"%d" % (self.limits.statement_seconds * 1000)
        try:
            await link.ask([(_SETTINGS, [milliseconds])], self.limits.connect_seconds)
        except BaseException:
            link.close()
            raise
        return link

    def _settle(self, connection: PGconn) -> Deferred[Link]:
        return Deferred.fromCoroutine(self._set(Link(connection, self.reactor)))

    def _connected(self, link: Link) -> None:
        self._connecting -= 1
        self.breaker.succeeded()
        if self._is_closed:
            link.close()
            return
        self._links.add(link)
        link.lost = self._lost
        self.give_back(link)

    def _failed(self, failure: Failure) -> None:
        self._connecting -= 1
        if failure.check(Lost, Refused) is None:
            _log.failure("no connection to the database", failure=failure)
        self.breaker.failed(failure.value)
        if not self._connecting:
            self._fail_waiting(NO_ANSWER)

    def _fail_waiting(self, why: str) -> None:
        waiting, self._waiting = self._waiting, deque()
        for taken in waiting:
            taken.errback(Unavailable(why))

    def _lost(self, link: Link, why: str | None) -> None:
        self._links.discard(link)
        if why is not None:
            self.breaker.suspect(why)
        if link in self._idle:
            self._idle.remove(link)
        if (
            self._waiting
            and not self._is_closed
            and not self.breaker.rests()
            and self._connecting < len(self._waiting)
        ):
            self._connect()
