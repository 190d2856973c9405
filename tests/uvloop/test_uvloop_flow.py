"""How bytes flow, and stop flowing: the same for both kinds of transports."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IPullProducer, IPushProducer, ITCPTransport
from twisted.internet.task import LoopingCall
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.uvloop.uvloop_kit import End, HalfCloseableEnd, TransportCase, World

CHUNK = bytes(range(256)) * 256  # 64 KiB
SOCKETS_HOLD = 32 * 2**20
"""More than what the two sockets of a connection take in before their peer reads."""


@implementer(IPushProducer)
class Source:
    """Produces chunks by itself, one a turn of the reactor, unless it is told to pause."""

    def __init__(self, world: World, transport: Any, most: int) -> None:
        self.transport = transport
        self.produced = 0
        self.calls: list[str] = []
        self._most = most
        self._running = LoopingCall(self._produce)
        self._running.clock = world.reactor
        transport.registerProducer(self, True)
        self._running.start(0)

    def _produce(self) -> None:
        self.produced += len(CHUNK)
        self.transport.write(CHUNK)
        if self.produced >= self._most:
            self.end()

    def end(self) -> None:
        """Have said everything."""
        self._most = 0
        if self._running.running:
            self._running.stop()
        self.transport.unregisterProducer()

    def pauseProducing(self) -> None:
        self.calls.append("pause")
        if self._running.running:
            self._running.stop()

    def resumeProducing(self) -> None:
        self.calls.append("resume")
        if self._most and not self._running.running:
            self._running.start(0)

    def stopProducing(self) -> None:
        self.calls.append("stop")
        if self._running.running:
            self._running.stop()


@implementer(IPullProducer)
class Drawn:
    """Produces a chunk whenever it is asked."""

    def __init__(self, transport: Any, most: int) -> None:
        self.transport = transport
        self.produced = 0
        self.stopped = 0
        self._most = most
        transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        self.produced += len(CHUNK)
        self.transport.write(CHUNK)
        if self.produced >= self._most:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        self.stopped += 1


class Producing(TransportCase):
    """A peer that reads more slowly than it could be sent to."""

    def test_a_push_producer_pauses_while_the_peer_does_not_read_and_goes_on_then(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            there.transport.pauseProducing()
            source = Source(world, here.transport, 3 * SOCKETS_HOLD)
            await self._at_rest(world, source)
            assert source.calls[-1] == "pause", source.calls
            assert source.produced < SOCKETS_HOLD
            there.transport.resumeProducing()
            await world.until(lambda: len(there.heard) == 3 * SOCKETS_HOLD)
            assert there.heard[-len(CHUNK) :] == CHUNK
            assert "resume" in source.calls
            here.transport.loseConnection()
            await world.lost(here)
            assert "stop" not in source.calls

        self.play(scenario)

    def test_a_pull_producer_is_asked_only_when_what_it_gave_is_sent(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            there.transport.pauseProducing()
            drawn = Drawn(here.transport, 3 * SOCKETS_HOLD)
            await self._at_rest(world, drawn)
            assert len(CHUNK) < drawn.produced < SOCKETS_HOLD
            there.transport.resumeProducing()
            await world.until(lambda: len(there.heard) == 3 * SOCKETS_HOLD)
            here.transport.loseConnection()
            await world.lost(here)
            assert drawn.stopped == 0

        self.play(scenario)

    def test_a_producer_hears_once_that_the_connection_is_lost(self) -> None:
        async def scenario(world: World) -> None:
            for make in (lambda end: Source(world, end, 2**40), lambda end: Drawn(end, 2**40)):
                here, there = await world.connect(HalfCloseableEnd())
                there.transport.pauseProducing()
                producer: Any = make(here.transport)
                await self._at_rest(world, producer)
                there.transport.abortConnection()
                await world.lost(here)
                assert getattr(producer, "stopped", 1) == 1
                assert getattr(producer, "calls", ["stop"]).count("stop") == 1

        self.play(scenario)

    def test_closing_waits_for_a_pull_producer_and_for_a_push_producer_that_paused(self) -> None:
        async def scenario(world: World) -> None:
            for make in (
                lambda end: Source(world, end, 2 * SOCKETS_HOLD),
                lambda end: Drawn(end, 2 * SOCKETS_HOLD),
            ):
                here, there = await world.connect(HalfCloseableEnd())
                there.transport.pauseProducing()
                producer: Any = make(here.transport)
                await self._at_rest(world, producer)
                here.transport.loseConnection()
                await world.turns()
                assert here.reason is None
                there.transport.resumeProducing()
                await world.hears_all(there)
                assert len(there.heard) == producer.produced == 2 * SOCKETS_HOLD
                await world.lost(here)

        self.play(scenario)

    def test_a_second_producer_is_refused(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            source = Source(world, here.transport, 2**40)
            try:
                here.transport.registerProducer(source, True)
            except RuntimeError:
                source.end()
                here.transport.abortConnection()
                await world.until(lambda: here.reason and there.reason)
            else:
                raise AssertionError("there are two")

        self.play(scenario)

    def test_a_producer_that_fails_ends_the_connection(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            drawn = Drawn(here.transport, 2**40)
            drawn.resumeProducing = lambda: 1 / 0  # type: ignore[method-assign, assignment]
            await world.lost(here)
            assert here.reason is not None
            assert here.reason.type is ZeroDivisionError
            there.transport.abortConnection()

        self.play(scenario)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def _at_rest(self, world: World, producer: Any) -> None:
        """Return when it has produced nothing for a while."""
        before = -1
        while before != producer.produced:
            before = producer.produced
            await world.turns(50)


class Flowing(TransportCase):
    """Reading and writing."""

    def test_many_writes_of_a_byte_arrive_in_order(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            for byte in CHUNK:
                here.transport.write(bytes([byte]))
            here.transport.writeSequence([b"a", b"", b"b"])
            here.transport.write(b"")
            await world.until(lambda: len(there.heard) == len(CHUNK) + 2)
            assert there.heard == CHUNK + b"ab"
            here.transport.loseConnection()
            await world.lost(here)

        self.play(scenario)

    def test_nothing_is_heard_while_it_pauses_in_the_middle_of_hearing(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            here.on_data = lambda end: end.transport.pauseProducing()
            there.transport.write(CHUNK * 100)
            await world.until(lambda: here.heard)
            heard = len(here.heard)
            await world.turns(50)
            assert len(here.heard) == heard
            here.on_data = lambda end: None
            here.transport.resumeProducing()
            await world.until(lambda: len(here.heard) == 100 * len(CHUNK))
            assert here.heard == CHUNK * 100
            here.transport.loseConnection()
            await world.lost(here)

        self.play(scenario)

    def test_nothing_is_heard_by_one_that_pauses_when_it_is_made(self) -> None:
        async def scenario(world: World) -> None:
            end = HalfCloseableEnd()
            end.on_made = lambda end: end.transport.pauseProducing()
            here, there = await world.connect(end)
            there.transport.write(b"hello")
            there.transport.loseWriteConnection()
            await world.turns(50)
            assert here.calls == ["made"]
            here.transport.resumeProducing()
            await world.hears_all(here)
            assert (bytes(here.heard), here.calls) == (
                b"hello",
                ["made", "data", "no more to read"],
            )
            here.transport.loseConnection()
            await world.lost(here)

        self.play(scenario)

    def test_stopping_to_produce_closes(self) -> None:
        async def scenario(world: World) -> None:
            for stop in ("stopProducing", "stopConsuming"):
                here, there = await world.connect(End())
                here.transport.write(b"bye")
                getattr(here.transport, stop)()
                await world.lost(here)
                await world.hears_all(there)
                assert there.heard == b"bye"
                assert here.reason is not None
                assert here.reason.type is ConnectionDone

        self.play(scenario)

    def test_it_has_the_interfaces_and_the_options_of_tcp(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            for interface in (ITCPTransport, IConsumer, IPushProducer):
                verifyObject(interface, here.transport)
            for enabled in (True, False):
                here.transport.setTcpNoDelay(enabled)
                here.transport.setTcpKeepAlive(enabled)
                assert here.transport.getTcpNoDelay() is enabled
                assert here.transport.getTcpKeepAlive() is enabled
            for wrong in ("text", 7):
                for write in (
                    here.transport.write,
                    lambda data: here.transport.writeSequence([data]),
                ):
                    try:
                        write(wrong)
                    except TypeError:
                        continue
                    raise AssertionError(f"{wrong!r} was written")
            here.transport.loseConnection()
            await world.lost(here)
            there.transport.loseConnection()

        self.play(scenario)


for case in (Producing, Flowing):
    globals().update(case.makeTestCaseClasses())
