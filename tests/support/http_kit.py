# mypy: allow-untyped-calls
"""A dialect to talk to, a connection to talk over, and readers of what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import orjson
from attrs import define, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from sockcrud.protocols.admission import Connections, Listening
from sockcrud.protocols.http.connection import (
    BodySlices,
    HTTPConnection,
    HTTPFactory,
    HTTPLimits,
    HTTPResponder,
    Request,
    Response,
)
from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.request import Refusal
from sockcrud.protocols.pacing import LATER

NOW = 784111777.0
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


@frozen
class Got:
    """A request, as far as the tables tell of it."""

    method: str = "GET"
    path: str = "/"
    query: str = ""
    body: bytes = b""
    goes_on: bool = True


def framed(framer: RequestFramer, pieces: Iterable[bytes], end: bool = False) -> list[Got | int]:
    """Feed the pieces, take out what comes after each: requests, and the status of a refusal."""
    taken: list[Got | int] = []
    unfinished: list[tuple[Request, bytearray]] = []
    for piece in pieces:
        framer.feed(piece)
        _take_out(framer, taken, unfinished)
    if end:
        framer.end()
        _take_out(framer, taken, unfinished)
    return taken


def _take_out(
    framer: RequestFramer, taken: list[Got | int], unfinished: list[tuple[Request, bytearray]]
) -> None:
    while True:
        if not unfinished:
            head = framer.next_head()
            if head is None:
                return
            if head is LATER:
                continue
            if isinstance(head, Refusal):
                taken.append(head.status)
                continue
            unfinished.append((head, bytearray()))
            if framer.body is not None:
                framer.body.limit = 1000
        request, body = unfinished[0]
        due = framer.body
        piece = framer.next_piece() if due is not None else b""
        if piece is None:
            return
        if isinstance(piece, Refusal):
            taken.append(piece.status)
            unfinished.clear()
        elif due is not None and due.too_large:
            taken.append(413)
            framer.stop()
            unfinished.clear()
        else:
            body += piece
            if framer.body is None:
                taken.append(
                    Got(
                        request.method, request.path, request.query, bytes(body), request.keep_alive
                    )
                )
                unfinished.clear()


@define(eq=False)
class Sink:
    """A place for a body, and what became of it."""

    limit: int = 100
    data: bytes = b""
    is_done: bool = False
    abandoned: bool = False

    def write(self, data: bytes) -> None:
        if b"disk full" in data:
            raise OSError("disk full")
        self.data += data

    def done(self) -> None:
        self.is_done = True

    def abandon(self) -> None:
        self.abandoned = True


class Dialect:
    """Answers with the path, unless the path says otherwise. What waits is in `waiting`, by
    path.
    """

    always = ()

    def __init__(self, clock: Clock, peer: str = "192.0.2.7") -> None:
        self.clock = clock
        self.peer = peer
        self.asked: list[Request] = []
        self.looked_at: list[Request] = []
        self.waiting: dict[str, Deferred[None]] = {}
        self.sinks: list[Sink] = []
        self.slices: list[bytes] = []
        self.made = 0
        self.closed = 0

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        path = request.path
        if request.too_large:
            return Response(413, b"too large")
        if path.startswith("/slow"):
            await self._wait(path)
        special: Callable[[Request], Response] | None = self._SPECIAL.get(
            path.lstrip("/").split("/")[0]
        )
        return special(self, request) if special else Response(200, path.encode())  # type: ignore[call-arg, arg-type]

    async def refuse_early(self, request: Request) -> Response | None:
        self.looked_at.append(request)
        if "/early" in request.path:
            await self._wait("early")
        if "/broken-early" in request.path:
            raise RuntimeError("broken early")
        return Response(401, b"no") if "refused" in request.path else None

    def only_reads(self, request: Request) -> bool:
        return request.method in ("GET", "HEAD")

    def refusal(self, status: int, explanation: str) -> Response:
        return Response(status, b"refused: " + explanation.encode())

    def body_sink(self, request: Request) -> Sink | None:
        if request.path == "/no-sink":
            raise RuntimeError("no sink")
        if not request.path.startswith("/sink"):
            return None
        self.sinks.append(Sink())
        return self.sinks[-1]

    async def _wait(self, name: str) -> None:
        self.waiting[name] = Deferred()
        await self.waiting[name]

    def _streamed(self, request: Request) -> Response:
        return Response(200, BodySlices(self._made(), self._close))

    async def _made(self) -> AsyncIterator[bytes]:
        for slice in self.slices:
            self.made += 1
            if slice == b"break":
                raise RuntimeError("broken slice")
            yield slice

    def _close(self) -> None:
        self.closed += 1

    def _fail(self, request: Request) -> Response:
        raise RuntimeError("a fault")

    def _injecting(self, request: Request) -> Response:
        return Response(200, b"", headers=((b"X-A", b"b\r\nSet-Cookie: c"),))

    def _echo(self, request: Request) -> Response:
        return Response(200, request.body)

    def _status(self, request: Request) -> Response:
        return Response(int(request.path.rsplit("/", 1)[1]), b"some body")

    def _headed(self, request: Request) -> Response:
        return Response(200, b"{}", headers=((b"ETag", b'"7"'), (b"Vary", b"Origin")))

    def _closing(self, request: Request) -> Response:
        return Response(200, b"bye", close=True)

    _SPECIAL: dict[str, Any] = {  # noqa: RUF012
        "slices": _streamed,
        "fail": _fail,
        "injecting": _injecting,
        "echo": _echo,
        "status": _status,
        "headed": _headed,
        "closing": _closing,
    }


@implementer(ITCPTransport)
class TCPTransport(StringTransport):  # type: ignore[misc]
    """A transport that can close one way."""

    half_closed = False

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass


@define(eq=False)
class Peer:
    """The other end of one connection, over which everything can be seen."""

    clock: Clock
    dialect: Dialect
    transport: StringTransport
    connection: HTTPConnection
    connections: Connections

    def says(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def hears(self) -> bytes:
        """Return what was said since this was last asked."""
        heard: bytes = self.transport.value()
        self.transport.clear()
        return heard

    def hears_answers(self, *asked: str) -> list[Answered]:
        """Take apart what was said, as the answers to requests of these methods (GET where none are
        named).
        """
        return answers(self.hears(), asked)

    @property
    def closed(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def is_reading(self) -> bool:
        return str(self.transport.producerState) == "producing"

    def stalls(self) -> None:
        """Read no more: the transport has enough."""
        assert self.transport.producer is not None
        self.transport.producer.pauseProducing()

    def goes_on(self) -> None:
        """Read again."""
        assert self.transport.producer is not None
        self.transport.producer.resumeProducing()

    def passes(self, seconds: float) -> None:
        self.clock.advance(seconds)


def connected(
    limits: HTTPLimits | None = None,
    *,
    loose: bool = False,
    most: int = 10,
    tcp: bool = False,
    dialect: Callable[[Clock, str], Dialect] = Dialect,
) -> Peer:
    """Connect to a dialect of one's own."""
    clock = Clock()
    connections = Connections(most, clock)
    connections.scheduler.now = clock.seconds
    dialects: list[Dialect] = []

    def made(peer: str) -> Dialect:
        dialects.append(dialect(clock, peer))
        return dialects[-1]

    factory = HTTPFactory(
        made,
        clock,
        Listening(connections),
        limits or HTTPLimits(),
        loose,
        now=lambda: NOW + clock.seconds(),
    )
    connection = factory.buildProtocol(None)
    transport = TCPTransport() if tcp else StringTransport()
    connection.makeConnection(transport)
    return Peer(clock, dialects[0], transport, connection, connections)


@frozen
class Answered:
    """One response."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body's value; it must be JSON, and be said to be."""
        assert self.fields[b"content-type"] == b"application/json", self.fields
        return orjson.loads(self.body)

    def field(self, name: str) -> str | None:
        """Return a header field, or None."""
        value = self.fields.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")


def answers(said: bytes, methods: tuple[str, ...] = ()) -> list[Answered]:
    """Take responses apart, strictly: what is left over is an error."""
    taken: list[Answered] = []
    while said:
        head, blank, said = said.partition(b"\r\n\r\n")
        assert blank, head
        line, *lines = head.split(b"\r\n")
        version, status, _ = line.split(b" ", 2)
        assert version == b"HTTP/1.1", line
        pairs = [field.split(b": ", 1) for field in lines]
        fields = {name.lower(): value for name, value in pairs}
        assert len(fields) == len(pairs), head
        method = methods[len(taken)] if len(taken) < len(methods) else "GET"
        body = b""
        if method == "HEAD" or int(status) in (100, 204, 304):
            pass
        elif fields.get(b"transfer-encoding") == b"chunked":
            body, said = _unchunked(said)
        elif b"content-length" in fields:
            length = int(fields[b"content-length"])
            body, said = said[:length], said[length:]
            assert len(body) == length, head
        else:
            body, said = said, b""
        taken.append(Answered(int(status), fields, body))
    return taken


def _unchunked(said: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, said = said.partition(b"\r\n")
        length = int(size, 16)
        body += said[:length]
        assert said[length : length + 2] == b"\r\n", said
        said = said[length + 2 :]
        if not length:
            return body, said


class HTTPClient:
    """Asks a real responder over the real wire. It stays on one connection, and makes a new one
    where that was closed.
    """

    def __init__(
        self,
        responder: Callable[[str], HTTPResponder],
        clock: Clock,
        *,
        address: str = "192.0.2.7",
        limits: HTTPLimits | None = None,
        loose: bool = False,
    ) -> None:
        self.clock = clock
        self._address = IPv4Address("TCP", address, 1024)
        self._factory = HTTPFactory(
            responder,
            clock,
            Listening(Connections(100, clock)),
            limits or HTTPLimits(),
            loose,
            now=lambda: NOW,
        )
        self.connect()

    def connect(self) -> None:
        """Leave the connection, if any, and make a new one."""
        self.transport = StringTransport()
        self.connection = self._factory.buildProtocol(self._address)
        self.connection.makeConnection(self.transport)

    @property
    def closed(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)

    def says(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def hears(self) -> bytes:
        """Return what was said since this was last asked, to the end of what needs no time to be
        said.
        """
        heard = b""
        while said := self.transport.value():
            heard += said
            self.transport.clear()
            self.clock.advance(0)
        return heard

    def asks(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Ask, and return the answer. A body that is not bytes is sent as JSON; a `token` goes as
        the bearer's.
        """
        if self.closed:
            self.connect()
        self.says(request(method, target, body, token=token, headers=headers))
        heard = answers(self.hears(), (method,))
        assert len(heard) == 1, heard
        return heard[0]


def request(
    method: str,
    target: str,
    body: object = None,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a request. `headers` come last, and take the place of those that are
    added by themselves.
    """
    data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    fields = {"Host": "localhost"}
    if body is not None:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    fields |= headers or {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + data
