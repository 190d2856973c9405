# mypy: allow-untyped-calls
"""The monitor's checks against the real responders, over connections in memory that can be meddled
with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from attrs import define, evolve, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IDelayedCall, IStreamClientEndpoint, ITCPTransport
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.monitor.checks.ports import Ports
from sockcrud.monitor.checks.results import Outcome, Result, Secrets
from sockcrud.monitor.checks.steps import Check, Conductor, Limits
from sockcrud.monitor.run import checks
from sockcrud.monitor.settings import Settings
from sockcrud.protocols.admission import Connections
from sockcrud.records import Record
from tests.support.directory_kit import HERE
from tests.support.doors_kit import AllDoorsCase, factories
from tests.support.running import DIALECTS

PASSWORD: Final = "monitor's own horse"
ACCOUNT: Final = "the-monitor"
SETTINGS: Final = Settings(
    places=dict.fromkeys(DIALECTS, "memory"),
    account=ACCOUNT,
    password=PASSWORD,
    admin="root",
    admin_password="correct horse",
    trust=None,
    once=True,
    every=30.0,
    json=False,
    junit=None,
    history=None,
    slow=2.0,
    timeout=10.0,
    certificate_days=14.0,
    down_after=2,
    up_after=2,
    webhooks=(),
    hooks=(),
    status=None,
)
RECORDS: Final[tuple[type[Record], ...]] = (User, Message, Client, Address, Product, InventoryItem)


@implementer(ITCPTransport)
class End:
    """One end of a connection in memory. What is written comes to the other end in a later turn of
    the clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.protocol: Any = None
        self.other: End
        self.lost = False
        self.disconnecting = False
        self._paused = False
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self.disconnecting:
            self._clock.callLater(0, self.other.receive, data)

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def receive(self, data: bytes) -> None:
        if self.lost:
            return
        if self._paused:
            self._held.append(data)
        else:
            self.protocol.dataReceived(data)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        held, self._held = self._held, []
        for data in held:
            self._clock.callLater(0, self.receive, data)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        pass

    def loseConnection(self) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self._clock.callLater(0, self.ends, ConnectionDone())

    loseWriteConnection = loseConnection

    def abortConnection(self) -> None:
        self.disconnecting = True
        self._clock.callLater(0, self.ends, ConnectionAborted())

    def ends(self, error: Exception) -> None:
        for end in (self, self.other):
            if not end.lost:
                end.lost = end.disconnecting = True
                end.protocol.connectionLost(Failure(error))

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", HERE, 1024)

    getHost = getPeer

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def setTcpKeepAlive(self, enabled: bool) -> None:
        pass

    def getTcpNoDelay(self) -> bool:
        return True

    def getTcpKeepAlive(self) -> bool:
        return False


Meddling = Callable[[str, Any, Any], Awaitable[Any]]
"""Answers a request to a dialect in the place of the real responder, which it gets with the
request.
"""


async def honestly(dialect: str, real: Any, request: Any) -> Any:
    return await real.answer(request)


def failure_of(real: Any) -> Any:
    """Return what the dialect says when it crashes."""
    return (
        real.internal_error
        if hasattr(real, "internal_error")
        else real.refusal(500, "meddled with")
    )


class Meddled:
    """A responder whose answers somebody else may give."""

    def __init__(self, port: Port, real: Any) -> None:
        self._port = port
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def answer(self, request: Any) -> Any:
        self._port.asked += 1
        return await self._port.meddling(self._port.name, self._real, request)


@implementer(IStreamClientEndpoint)
@define(eq=False)
class Port:
    """A dialect's port in memory."""

    name: str
    clock: Clock
    factory: Any
    meddling: Meddling = honestly
    refusing: bool = False
    asked: int = 0
    ends: list[End] = field(factory=list)

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.refusing:
            return fail(ConnectionRefusedError())
        near, far = End(self.clock), End(self.clock)
        near.other, far.other = far, near
        far.protocol = self.factory.buildProtocol(IPv4Address("TCP", HERE, 1024))
        near.protocol = factory.buildProtocol(far.getHost())
        self.ends.append(near)
        far.protocol.makeConnection(far)
        near.protocol.makeConnection(near)
        return succeed(near.protocol)

    def __attrs_post_init__(self) -> None:
        honest = self.factory.responder
        self.factory.responder = lambda peer: Meddled(self, honest(peer))

    @property
    def open(self) -> int:
        """How many connections are open."""
        return sum(not end.lost for end in self.ends)


class MonitorCase(AllDoorsCase):
    """All dialects on ports in memory, and the monitor's checks of them."""

    settings = SETTINGS

    def setUp(self) -> None:
        super().setUp()
        connections = Connections(100, self.clock)
        served = factories(self, connections)
        self.responders = {name: factory.responder for name, factory in served.items()}
        self.ports = {name: Port(name, self.clock, factory) for name, factory in served.items()}
        self.conductor = self.a_conductor()
        self.begins_anew()

    def a_conductor(self, limits: Limits | None = None) -> Conductor:
        return Conductor(
            self.clock, self.clock.seconds, limits or Limits(), Secrets([PASSWORD, "correct horse"])
        )

    def begins_anew(self, *off: str, timeout: float = 10.0, **changes: Any) -> None:
        """Have a monitor that knows nothing of one before, with these dialects off."""
        endpoints: dict[str, Any] = {
            name: port for name, port in self.ports.items() if name not in off
        }
        ports = Ports(self.clock, endpoints, timeout)
        self.checks: dict[str, Check] = checks(evolve(self.settings, **changes), ports, self.clock)

    def finishes(self, work: Any, seconds: float = 60.0) -> Any:
        """Let time pass until it is over, none where none is needed, and return its result."""
        fired: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(fired.append)
        until = self.clock.seconds() + seconds
        while not fired and self.clock.seconds() < until:
            self.rests()
            if not fired:
                self.clock.advance(0.25)
        self.rests()
        self.assertTrue(fired, "it is not over")
        if isinstance(fired[0], Failure):
            fired[0].raiseException()
        return fired[0]

    def rests(self) -> None:
        """Do all that is due now."""
        for _ in range(10_000):
            due: list[IDelayedCall] = [
                call
                for call in self.clock.getDelayedCalls()
                if call.getTime() <= self.clock.seconds()
            ]
            if not due:
                return
            self.clock.advance(0)

    def found(self, name: str, conductor: Conductor | None = None) -> Result:
        """Run a check."""
        result: Result = self.finishes((conductor or self.conductor).conduct(self.checks[name]))
        return result

    def records(self) -> list[Record]:
        """Return all records that the monitor makes and deletes."""
        return [record for kind in RECORDS for record in self.have(self.store.page(kind, 10_000))]

    def meddles(self, name: str, meddling: Meddling) -> None:
        """Have this answer at all ports that a check of this dialect uses."""
        for port in self.ports.values():
            port.meddling = meddling

    def open_connections(self) -> int:
        return sum(port.open for port in self.ports.values())


class AtOnce:
    """Does what a thread would do, in this one."""

    def run(self, work: Any) -> Deferred[Any]:
        return maybeDeferred(work)


def after(clock: Clock, seconds: float) -> Meddling:
    """Answer honestly, but late."""

    async def late(dialect: str, real: Any, request: Any) -> Any:
        await deferLater(clock, seconds)
        return await real.answer(request)

    return late


def step_of(result: Result) -> tuple[str, str, str]:
    """Return the state, the step that decided, and why."""
    return result.state.value, result.step, result.reason


def outcomes(result: Result, outcome: Outcome) -> list[str]:
    """Return the steps with this outcome."""
    return [taken.name for taken in result.steps if taken.outcome is outcome]
