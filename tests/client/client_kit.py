# mypy: allow-untyped-calls
"""Both faces of the client library under one hand, and servers that behave as a test says."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import pytest
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

import sockcrud.client
import sockcrud.client.sync
from sockcrud.client import Messages, Shop
from sockcrud.client.calls import call, paged
from tests.support.running import Daemon

PATIENCE: Final = 20.0
"""Seconds a call has that is to be answered."""
SOON: Final = 0.25
"""Seconds a call has that is not."""


@frozen
class Face:
    """One of the two faces: how to make its clients, and to wait for what their methods give."""

    name: str

    def make(self, kind: str, where: str, **options: Any) -> Any:
        """Make a client of this kind."""
        options.setdefault("timeout", PATIENCE)
        if self.name == "blocking":
            return getattr(sockcrud.client.sync, kind)(where, **options)
        from twisted.internet import reactor

        return getattr(sockcrud.client, kind)(reactor, where, **options)

    @asynccontextmanager
    async def client(self, kind: str, where: str, **options: Any) -> AsyncIterator[Any]:
        """Have a client, closed at the end."""
        made = self.make(kind, where, **options)
        try:
            yield made
        finally:
            await have(made.close())


FACES: Final = (Face("asynchronous"), Face("blocking"))
both_faces: Final = pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)


async def have(result: Any) -> Any:
    """Return what a method of either face gives."""
    return await result if isinstance(result, Deferred) else result


async def listed(items: Any) -> list[Any]:
    """Return all that an iterator of either face gives."""
    return [item async for item in items] if hasattr(items, "__aiter__") else list(items)


@frozen
class Served:
    """A daemon with a store in a file, and its first admin's password."""

    daemon: Daemon
    password: str

    def at(self, dialect: str) -> str:
        return f"127.0.0.1:{self.daemon.ports[dialect]}"


@contextmanager
def a_daemon(directory: Path) -> Iterator[Served]:
    """Run the real daemon; nothing may have crashed in it at the end."""
    with Daemon(directory, "--store", f"sqlite:{directory}/store.db") as daemon:
        admin = next(line for line in daemon.banner if line.startswith("admin:"))
        yield Served(daemon, Path(admin.rpartition(" in ")[2]).read_text().strip())
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log.read_text()


class Watched:
    """A client of either face: what is called of it is noted."""

    called: Final[set[tuple[str, str, str]]] = set()
    """(face, kind of client, operation)"""

    def __init__(self, face: Face, kind: str, client: Any) -> None:
        self._face = face.name
        self._kind = kind
        self._client = client

    def __getattr__(self, name: str) -> Any:
        self.called.add((self._face, self._kind, name))
        return getattr(self._client, name)


def not_called(face: Face, kind: str) -> list[str]:
    """Name the operations of a kind of client that were not called of a watched one."""
    classes = getattr(sockcrud.client, kind).__mro__
    names = {
        name
        for each in classes
        for name, value in vars(each).items()
        if isinstance(value, (call, paged))
    }
    return sorted(name for name in names if (face.name, kind, name) not in Watched.called)


class Heard:
    """One connection at a scripted server."""

    def __init__(self, connection: socket.socket, stopped: Event) -> None:
        self.connection = connection
        self._stopped = stopped
        self._rest = b""

    def line(self) -> bytes:
        """Return the next line that is received; nothing at the end."""
        return self._until(b"\n")

    def head(self) -> bytes:
        """Return the next request of HTTP, one without a body."""
        return self._until(b"\r\n\r\n")

    def request(self) -> bytes:
        """Return the next request of HTTP whose body is an object without others in it."""
        return self._until(b"}")

    def says(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drips(self, data: bytes, pause: float) -> None:
        """Say it a byte at a time."""
        for at in range(len(data)):
            self.connection.sendall(data[at : at + 1])
            if pause and self._stopped.wait(pause):
                return

    def resets(self) -> None:
        """Cut the connection, as a process does that is killed with something unread."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def stays(self) -> None:
        """Say nothing until the test is over."""
        self._stopped.wait(PATIENCE)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            received = self.connection.recv(65536)
            if not received:
                return b""
            self._rest += received
        found, _, self._rest = self._rest.partition(mark)
        return found + mark


Script = Callable[[Heard], object]


class Scripted:
    """A server that does with one connection after the other what its scripts say; the last script
    is for all that come.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopped = Event()
        self._thread = Thread(target=self._serve, daemon=True)
        self._open: socket.socket | None = None
        self.where = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                self._open, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            script = self._scripts[min(self.connections, len(self._scripts)) - 1]
            with suppress(OSError), self._open:
                script(Heard(self._open, self._stopped))

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for each in (self._listener, self._open):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextmanager
def nobody() -> Iterator[str]:
    """A port at which nobody listens, and nobody will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@implementer(IStreamClientEndpoint)
@define
class FakeEndpoint:
    """An endpoint whose connections are in memory. Where `errors` has some, an attempt fails with
    the first of them.
    """

    transports: list[StringTransport] = field(factory=list)
    protocols: list[Any] = field(factory=list)
    errors: list[Exception] = field(factory=list)
    attempts: int = 0
    cancelled: int = 0
    _held: bool = field(default=False, init=False)

    def hold(self) -> None:
        """Have the attempts that follow wait, until they are cancelled."""
        self._held = True

    def _cancel(self, attempt: Deferred[Any]) -> None:
        self.cancelled += 1

    def connect(self, factory: Any) -> Deferred[Any]:
        self.attempts += 1
        if self.errors:
            return fail(self.errors.pop(0))
        if self._held:
            return Deferred(self._cancel)
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        self.protocols.append(protocol)
        self.transports.append(transport)
        protocol.makeConnection(transport)
        return succeed(protocol)

    def said(self) -> bytes:
        """Return what the client sent over its latest connection since this was last asked."""
        said: bytes = self.transports[-1].value()
        self.transports[-1].clear()
        return said

    def answers(self, data: bytes) -> None:
        self.protocols[-1].dataReceived(data)

    def ends(self, clean: bool = True) -> None:
        """Lose the latest connection."""
        self.protocols[-1].connectionLost(Failure(ConnectionDone() if clean else ConnectionLost()))

    @property
    def is_cut(self) -> bool:
        """Whether the client has ended its latest connection."""
        return bool(self.transports[-1].disconnecting or self.transports[-1].disconnected)


TIMEOUT: Final = 10.0
UP: Final = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"msg":"up"}'


def shown(id: int) -> bytes:
    """Answer a request for one message."""
    return (
        f'{{"status":200,"message":"OK","data":"{{\'id\': {id}, \'mensagem\': \'x\'}}"}}\n'.encode()
    )


class DriverCase(SynchronousTestCase):
    """A server in memory, and clients for it that have ten seconds for each call. Nothing may be
    left in the clock.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = FakeEndpoint()
        self.messages = Messages(self.clock, self.server, timeout=TIMEOUT)
        self.shop = Shop(self.clock, self.server, timeout=TIMEOUT)
        self.addCleanup(self._check_clock)

    def _check_clock(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def gives(self, result: Deferred[Any], expected: object) -> None:
        self.assertEqual(self.successResultOf(result), expected)

    def fails(self, result: Deferred[Any], kind: type[Exception]) -> Any:
        return self.failureResultOf(result, kind).value
