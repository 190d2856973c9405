"""What strangers are made of: connections from any loopback address, and a register of all
strangers there are.
"""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import repeat
from random import Random
from time import monotonic
from types import TracebackType
from typing import Any, Final

from attrs import define, field, frozen

_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)
_TIMEOUT: Final = 20.0
STATUS: Final = b"HTTP/1.1 "
"""What each answer of HTTP has once."""
_AT_ONCE: Final = 40
"""Connections begun together: fewer than any backlog, so that none has to be tried again after a
second.
"""
_QUIET: Final = 0.3
"""Seconds without a byte after which no more answers are waited for."""


@define(eq=False)
class Attack:
    """One stranger at work. Used as a context, all of its connections are closed after it."""

    ports: Mapping[str, int]
    random: Random
    is_short: bool
    seconds: float
    """How long it may take."""
    token: str = ""
    """Of a session at the shop: where sign-up is open, anybody may have one."""
    descriptors: Callable[[], int] = int
    """Gives how many the daemon has open."""
    login: str = ""
    """The account that the well-behaved client logs in with: its name is no secret."""
    broken: list[str] = field(factory=list)
    """Promises that were seen not to be kept."""
    notes: list[str] = field(factory=list)
    _open: list[socket.socket] = field(factory=list)
    _began: float = field(factory=monotonic)
    _addresses: int = 0

    def size(self, full: int, short: int) -> int:
        """Return how many, in the long form and in the short one."""
        return short if self.is_short else full

    @property
    def is_over(self) -> bool:
        """Whether its time is up."""
        return monotonic() - self._began > self.seconds

    def another_address(self) -> str:
        """Return a loopback address that was not given before: 127.1.0.1 and those that follow."""
        self._addresses += 1
        number = self._addresses
        return f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"

    def connect(self, dialect: str, source: str = "127.0.0.9", window: int = 0) -> socket.socket:
        """Connect from this address, with a receive buffer of so many bytes where that matters."""
        connection = socket.socket()
        try:
            if window:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
            connection.settimeout(_TIMEOUT)
            connection.bind((source, 0))
            connection.connect(("127.0.0.1", self.ports[dialect]))
        except OSError:
            connection.close()
            raise
        self._open.append(connection)
        return connection

    def connect_many(
        self, dialect: str, count: int, source: str | None = "127.0.0.9", window: int = 0
    ) -> list[socket.socket]:
        """Connect so often, many at once, or as often as time allows; from another address each
        where there is no source.
        """
        connections: list[socket.socket] = []
        while len(connections) < count and not self.is_over:
            begun = []
            for _ in range(min(_AT_ONCE, count - len(connections))):
                connection = socket.socket()
                self._open.append(connection)
                if window:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
                connection.setblocking(False)
                connection.bind((source or self.another_address(), 0))
                connection.connect_ex(("127.0.0.1", self.ports[dialect]))
                begun.append(connection)
            self._await_connected(begun)
            connections += begun
        return connections

    def _await_connected(self, begun: list[socket.socket]) -> None:
        with selectors.DefaultSelector() as selector:
            for connection in begun:
                selector.register(connection, selectors.EVENT_WRITE)
            while selector.get_map() and not self.is_over:
                for key, _ in selector.select(0.1):
                    selector.unregister(key.fileobj)
        for connection in begun:
            connection.settimeout(_TIMEOUT)

    def tls(self, dialect: str, source: str = "127.0.0.9") -> ssl.SSLSocket:
        """Connect and shake hands, whoever answers."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        wrapped = context.wrap_socket(self.connect(dialect, source), suppress_ragged_eofs=False)
        self._open.append(wrapped)
        return wrapped

    def send(self, connection: socket.socket, data: bytes) -> bool:
        """Send all of it; tell whether the daemon took it."""
        try:
            connection.sendall(data)
        except OSError:
            return False
        return True

    def ask(self, dialect: str, data: bytes, source: str = "127.0.0.9", ends: bool = True) -> bytes:
        """Send this on a connection of its own and, unless told otherwise, say that it was all;
        give all that is answered.
        """
        with suppress(OSError), self.connect(dialect, source) as connection:
            connection.sendall(data)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            return self.rest(connection)
        return b""

    def rest(self, connection: socket.socket, seconds: float = _TIMEOUT) -> bytes:
        """Return all that comes until the other end closes, or this time is up."""
        heard, until = b"", monotonic() + seconds
        with suppress(OSError):
            while (left := until - monotonic()) > 0:
                connection.settimeout(left)
                part = connection.recv(65536)
                if not part:
                    break
                heard += part
        return heard

    def closes(self, connection: socket.socket, seconds: float) -> bool:
        """Return whether the other end closes within this time, whatever it says before."""
        until = monotonic() + seconds
        try:
            while (left := until - monotonic()) > 0:
                connection.settimeout(left)
                if not connection.recv(65536):
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True
        return False

    def talk(
        self,
        connections: Iterable[socket.socket],
        data: bytes | Iterable[bytes],
        listens: bool = True,
        ends: int = 0,
        mark: bytes = b"\n",
    ) -> int:
        """Send this on all of them at once (or to each its own), as fast as it is taken; read what
        is answered, if it listens.

        Come back when all is sent and nothing comes any more, or nothing is taken any more, or time
        is up, or, where `ends` is given, when so many answers (each has one such mark) were heard
        on each. Give how many bytes were heard.
        """
        return _Talk(repeat(data) if isinstance(data, bytes) else data, listens, ends, mark).run(
            connections, lambda: self.is_over
        )

    def reset(self, connection: socket.socket) -> None:
        """Close so that the other end gets a reset."""
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        connection.close()

    def expect(self, is_so: object, what: str) -> None:
        """Note a promise that is not kept."""
        if not is_so and what not in self.broken:
            self.broken.append(what)

    def note(self, what: str) -> None:
        """Have this shown beside the figures."""
        self.notes.append(what)

    def stay(self) -> None:
        """Keep all that was done as it is for a while."""
        self.wait(0.2 if self.is_short else 5.0)

    def wait(self, seconds: float) -> None:
        """Keep everything as it is for a time that is itself the attack: silence."""
        until = min(monotonic() + seconds, self._began + self.seconds)
        with selectors.DefaultSelector() as nothing:
            nothing.select(max(until - monotonic(), 0))

    def __enter__(self) -> Attack:
        self._began = monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.close()
        self._open.clear()


class _Talk:
    """Several connections at once."""

    def __init__(self, data: Iterable[bytes], listens: bool, ends: int, mark: bytes) -> None:
        self._data = data
        self._listens = listens
        self._ends = ends
        self._mark = mark
        self._unsent: dict[socket.socket, memoryview] = {}
        self._answers: dict[socket.socket, int] = {}
        self._heard = 0

    def run(self, connections: Iterable[socket.socket], is_over: Callable[[], bool]) -> int:
        with selectors.DefaultSelector() as selector:
            for connection, data in zip(connections, self._data, strict=False):
                connection.setblocking(False)
                self._unsent[connection] = memoryview(data)
                self._answers[connection] = 0
                selector.register(
                    connection,
                    selectors.EVENT_WRITE | (selectors.EVENT_READ if self._listens else 0),
                )
            while selector.get_map() and not is_over():
                ready = selector.select(_QUIET if not self._ends else 5.0)
                if not ready:
                    break
                for key, events in ready:
                    self._go_on(selector, key.fileobj, events)  # type: ignore[arg-type]
        for connection in self._unsent:
            with suppress(OSError):
                connection.settimeout(_TIMEOUT)
        return self._heard

    def _go_on(
        self, selector: selectors.BaseSelector, connection: socket.socket, events: int
    ) -> None:
        try:
            if events & selectors.EVENT_READ:
                part = connection.recv(262144)
                self._heard += len(part)
                self._answers[connection] += part.count(self._mark)
                if not part or (self._ends and self._answers[connection] >= self._ends):
                    selector.unregister(connection)
                    return
            if events & selectors.EVENT_WRITE:
                unsent = self._unsent[connection]
                self._unsent[connection] = unsent = unsent[connection.send(unsent[:262144]) :]
                if not unsent:
                    if self._listens:
                        selector.modify(connection, selectors.EVENT_READ)
                    else:
                        selector.unregister(connection)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EAGAIN:
                selector.unregister(connection)


Act = Callable[[Attack], None]


@frozen
class Stranger:
    """One way to attack: its name, what it does, and what it needs."""

    name: str
    does: str
    act: Act
    prepare: Act | None = None
    """What is done before anything is measured."""
    flags: tuple[str, ...] = ()
    """Settings of the daemon, where the defaults would make the proof too long. Those that it does
    not know are left out.
    """
    hashes: bool = False
    """Whether it makes the daemon hash passwords, which takes a core for a while."""
    logs_in: bool = False
    """Whether the well-behaved client must be able to log in meanwhile."""
    fills: bool = False
    """Whether it fills what is there for everybody, so that new clients (but the administration's)
    may be turned away.
    """
    tls: bool = False
    descriptors: int = 0
    """The limit on descriptors that the daemon has, where there is one."""
    only_full: bool = False
    """Whether it takes too long for the short form."""
    seconds: float = 30.0
    """How long it may take, in the long form."""


STRANGERS: Final[dict[str, Stranger]] = {}


def stranger(name: str, does: str, **needs: Any) -> Callable[[Act], Act]:
    """Register a stranger; the decorated function is what it does."""

    def register(act: Act) -> Act:
        if name in STRANGERS:
            raise ValueError(f"there are two strangers called {name}")
        STRANGERS[name] = Stranger(name, does, act, **needs)
        return act

    return register
