"""One behaviour suite for two kinds of transports: Twisted's own, and those of a listener on the
uvloop reactor.

Each test has a reactor of its own, by Twisted's own builder of such tests, and real sockets on the
loopback device. The other end is Twisted's in both.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IHalfCloseableProtocol, IListeningPort
from twisted.internet.protocol import Factory, Protocol, ServerFactory, connectionDone
from twisted.internet.task import deferLater
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from sockcrud.uvloop.reactor import UvloopReactor

LOCAL = "127.0.0.1"
PATIENCE = 20


class ListeningReactor(UvloopReactor):
    """A uvloop reactor on which whatever listens on TCP does so with uvloop's transports."""

    def listenTCP(
        self, port: Any, factory: Any, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        return self.plain_tcp.listenTCP(port, factory, backlog, interface)


def uvloop_reactor(self: object) -> ListeningReactor:
    """Make one for a test, which closes its loop at the end. (To be a class attribute, as Twisted's
    builders want it.)
    """
    reactor = ListeningReactor()

    def close() -> None:
        for _ in range(3):  # what was ended when the reactor stopped is closed in the turns after
            reactor.loop.call_soon(reactor.loop.stop)
            reactor.loop.run_forever()
        reactor.loop.close()

    cast(SynchronousTestCase, self).addCleanup(close)
    return reactor


UVLOOP = f"{__name__}.uvloop_reactor"
TWISTED = "twisted.internet.selectreactor.SelectReactor"
"""By these names Twisted's builders make a test case for each."""


class End(Protocol):
    """An end of a connection, which notes what it hears. What it does at a point can be set."""

    transport: Any

    def __init__(self) -> None:
        self.heard = bytearray()
        self.calls: list[str] = []
        self.reason: Failure | None = None
        self.busy = False
        self.on_made: Callable[[End], object] = _nothing
        self.on_data: Callable[[End], object] = _nothing
        self.on_lost: Callable[[End], object] = _nothing

    def connectionMade(self) -> None:
        self._doing("made", self.on_made)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self._doing("data", self.on_data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        assert not self.busy, "it is lost in the middle of something else"
        assert self.reason is None, "it is lost twice"
        self.reason = reason
        self._doing("lost", self.on_lost)

    def _doing(self, name: str, what: Callable[[End], object]) -> None:
        self.calls.append(name)
        self.busy = True
        try:
            what(self)
        finally:
            self.busy = False


@implementer(IHalfCloseableProtocol)
class HalfCloseableEnd(End):
    """An end that also hears when half of its connection ends."""

    def __init__(self) -> None:
        super().__init__()
        self.on_read_lost: Callable[[End], object] = _nothing

    def readConnectionLost(self) -> None:
        self._doing("no more to read", self.on_read_lost)

    def writeConnectionLost(self) -> None:
        self._doing("no more to write", _nothing)


def _nothing(end: End) -> None:
    """What an end does where nothing else is set."""


Kind = TypeVar("Kind", bound=End)


class World:
    """A running reactor, with a listener whose connections are `accepted`."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.port: Any = None

    async def connect(
        self, accepted: Kind, interface: str = LOCAL, client: type[End] = HalfCloseableEnd
    ) -> tuple[Kind, End]:
        """Return the accepted end and the other, when both are connected."""
        factory: Any = ServerFactory()
        factory.buildProtocol = lambda address: accepted
        self.port = self.reactor.listenTCP(0, factory, interface=interface)
        other = await self.dial(client)
        await self.until(lambda: "made" in accepted.calls)
        return accepted, other

    async def dial(self, client: type[End] = HalfCloseableEnd) -> End:
        """Connect once more."""
        where = self.port.getHost()
        dialled = await TCP4ClientEndpoint(self.reactor, where.host, where.port).connect(
            Factory.forProtocol(client)
        )
        return cast(End, dialled)

    async def until(self, state: Callable[[], object]) -> None:
        """Return when it is so; the test's own patience ends it otherwise."""
        while not state():
            await deferLater(self.reactor, 0)

    async def lost(self, end: End) -> None:
        """Return when this end has lost its connection."""
        await self.until(lambda: end.reason)

    async def hears_all(self, end: End) -> None:
        """Return when the other end says no more."""
        await self.until(lambda: "no more to read" in end.calls)

    async def turns(self, number: int = 20) -> None:
        """Let the reactor turn a few times, for what shall not happen to have had its chance."""
        for _ in range(number):
            await deferLater(self.reactor, 0)


if TYPE_CHECKING:

    class _Base(ReactorBuilder, SynchronousTestCase):
        """What the builder makes of it."""
else:
    _Base = ReactorBuilder


class TransportCase(_Base):
    """A case that is run over both kinds."""

    _reactors = [TWISTED, UVLOOP]  # noqa: RUF012  # as Twisted's builder has it

    def play(self, scenario: Callable[[World], Coroutine[Deferred[Any], Any, None]]) -> World:
        """Run a reactor of its own until the scenario has ended, and fail where it does."""
        world = World(self.buildReactor())
        outcome: list[Any] = []

        def begin() -> None:
            Deferred.fromCoroutine(scenario(world)).addBoth(outcome.append).addBoth(
                lambda _: world.reactor.stop()
            )

        world.reactor.callWhenRunning(begin)
        self.runReactor(world.reactor, PATIENCE)
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return world
