"""How connections begin and end: the same for both kinds of transports."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from twisted.internet.error import (
    CannotListenError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.protocol import ServerFactory

from tests.uvloop.uvloop_kit import LOCAL, End, HalfCloseableEnd, TransportCase, World

LARGE = bytes(range(256)) * 80_000  # 20 MB, more than any socket holds


def kind(end: End) -> type[BaseException]:
    """Return why this end's connection was lost."""
    assert end.reason is not None
    assert end.reason.value is not None
    return type(end.reason.value)


class Ending(TransportCase):
    """What ends a connection, and what each end is told."""

    def test_a_peer_that_closes_its_half_still_hears_and_the_end_is_told_once(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            there.transport.write(b"last words")
            there.transport.loseWriteConnection()
            await world.hears_all(here)
            here.transport.pauseProducing()
            here.transport.write(LARGE)
            await world.until(lambda: len(there.heard) == len(LARGE))
            here.transport.loseConnection()
            await world.until(lambda: here.reason and "no more to read" in there.calls)
            assert here.heard == b"last words"
            assert here.calls == ["made", "data", "no more to read", "lost"], here.calls
            assert kind(here) is ConnectionDone

        self.play(scenario)

    def test_a_protocol_that_knows_no_halves_has_lost_its_connection_when_the_peer_says_no_more(
        self,
    ) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            there.transport.write(b"last words")
            there.transport.loseWriteConnection()
            await world.lost(here)
            assert here.calls == ["made", "data", "lost"], here.calls
            assert kind(here) is ConnectionDone

        self.play(scenario)

    def test_closing_the_own_half_sends_everything_and_goes_on_reading(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            here.transport.write(LARGE)
            here.transport.loseWriteConnection()
            assert "no more to write" not in here.calls
            await world.hears_all(there)
            assert there.heard == LARGE
            assert "no more to write" in here.calls
            here.transport.write(b"too late")
            there.transport.write(b"still heard")
            await world.until(lambda: here.heard == b"still heard")
            there.transport.loseConnection()
            await world.hears_all(here)
            here.transport.loseConnection()
            await world.until(lambda: here.reason and there.reason)
            assert there.heard == LARGE
            assert (kind(here), kind(there)) == (ConnectionDone, ConnectionDone)

        self.play(scenario)

    def test_a_reset_by_the_peer_is_a_connection_that_is_lost(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            there.transport.abortConnection()
            await world.lost(here)
            assert here.calls == ["made", "lost"], here.calls
            assert kind(here) is ConnectionLost

        self.play(scenario)

    def test_a_reset_by_the_peer_while_much_is_unsent(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            there.transport.pauseProducing()
            here.transport.write(LARGE)
            await world.turns()
            there.transport.abortConnection()
            await world.lost(here)
            assert kind(here) is ConnectionLost

        self.play(scenario)

    def test_aborting_drops_what_is_unsent_and_resets(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            there.transport.pauseProducing()
            here.transport.write(LARGE)
            await world.turns()
            here.transport.abortConnection()
            here.transport.write(b"too late")
            here.transport.loseConnection()
            assert here.reason is None
            await world.lost(here)
            assert kind(here) is ConnectionAborted
            there.transport.resumeProducing()
            await world.lost(there)
            assert kind(there) is ConnectionLost
            assert len(there.heard) < len(LARGE)

        self.play(scenario)

    def test_closing_with_megabytes_unsent_sends_them_all(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            there.transport.pauseProducing()
            here.transport.write(LARGE)
            here.transport.loseConnection()
            assert here.transport.disconnecting
            await world.turns()
            assert here.reason is None
            there.transport.resumeProducing()
            await world.hears_all(there)
            assert there.heard == LARGE
            await world.lost(here)
            assert kind(here) is ConnectionDone

        self.play(scenario)

    def test_what_is_written_in_the_turn_of_closing_is_sent_and_nothing_more_is_heard(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            there.transport.write(b"unheard")
            here.transport.write(b"a")
            here.transport.loseConnection()
            here.transport.write(b"b")
            await world.lost(here)
            await world.until(lambda: there.reason or "no more to read" in there.calls)
            assert (bytes(here.heard), bytes(there.heard)) == (b"", b"ab")

        self.play(scenario)

    def test_a_lost_transport_takes_every_call(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            transport = here.transport
            there.transport.loseConnection()
            await world.lost(here)
            transport.write(b"to nobody")
            transport.writeSequence([b"to", b"nobody"])
            transport.loseConnection()
            transport.abortConnection()
            transport.pauseProducing()
            transport.resumeProducing()
            stopped: list[int] = []
            transport.registerProducer(
                type("P", (), {"stopProducing": lambda self: stopped.append(1)})(), True
            )
            transport.unregisterProducer()
            await world.turns()
            assert stopped == [1]
            assert here.calls == ["made", "lost"]
            assert not transport.connected

        self.play(scenario)


class Within(TransportCase):
    """Ending a connection from within what it calls."""

    def _ended_at(self, prepare: Any, *, speaks: bytes = b"") -> tuple[End, End]:
        ends: list[End] = []

        async def scenario(world: World) -> None:
            here = End()
            prepare(here)
            ends.extend(await world.connect(here))
            if speaks:
                ends[1].transport.write(speaks)
            await world.until(
                lambda: here.reason and ("no more to read" in ends[1].calls or ends[1].reason)
            )

        self.play(scenario)
        return ends[0], ends[1]

    def test_closing_while_it_is_made(self) -> None:
        def close(end: End) -> None:
            end.transport.write(b"busy")
            end.transport.loseConnection()

        here, there = self._ended_at(lambda end: setattr(end, "on_made", close))
        self.assertEqual((here.calls, there.heard), (["made", "lost"], b"busy"))
        self.assertIs(kind(here), ConnectionDone)

    def test_aborting_while_it_is_made(self) -> None:
        here, _ = self._ended_at(
            lambda end: setattr(end, "on_made", lambda end: end.transport.abortConnection())
        )
        self.assertEqual(here.calls, ["made", "lost"])
        self.assertIs(kind(here), ConnectionAborted)

    def test_closing_while_something_is_heard(self) -> None:
        def close(end: End) -> None:
            end.transport.write(b"bye")
            end.transport.loseConnection()

        here, there = self._ended_at(lambda end: setattr(end, "on_data", close), speaks=b"hello")
        self.assertEqual((here.calls, there.heard), (["made", "data", "lost"], b"bye"))

    def test_a_fault_in_the_protocol_is_logged_and_ends_the_connection(self) -> None:
        for fault in (ZeroDivisionError, FileNotFoundError):

            def fail(end: End, fault: type[Exception] = fault) -> None:
                raise fault("in the protocol")

            here, _ = self._ended_at(
                lambda end, fail=fail: setattr(end, "on_data", fail), speaks=b"hello"
            )
            self.assertEqual(here.calls, ["made", "data", "lost"])
            self.assertIs(kind(here), fault)
            self.assertEqual(len(self.flushLoggedErrors(fault)), 1)

    def test_a_fault_when_the_peer_says_no_more_is_logged_and_ends_the_connection(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            here.on_read_lost = lambda end: 1 / 0
            there.transport.loseWriteConnection()
            await world.lost(here)
            assert kind(here) is ZeroDivisionError

        self.play(scenario)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_fault_when_the_connection_is_lost_is_logged_and_hurts_no_other(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(HalfCloseableEnd())
            here.on_lost = lambda end: 1 / 0
            there.transport.abortConnection()
            await world.lost(here)
            await world.turns()

        self.play(scenario)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class Listening(TransportCase):
    """The port."""

    def test_connections_stay_when_it_listens_no_more(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            here.on_data = lambda end: end.transport.write(bytes(end.heard))
            await world.port.stopListening()
            there.transport.write(b"hello")
            await world.until(lambda: there.heard == b"hello")
            there.transport.loseConnection()
            await world.lost(here)

        self.play(scenario)

    def test_nobody_gets_in_when_it_listens_no_more(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End())
            where = world.port.getHost()
            await world.port.stopListening()
            world.port = type("Port", (), {"getHost": lambda self: where})()
            with pytest.raises(ConnectionRefusedError):
                await world.dial()
            there.transport.loseConnection()
            await world.lost(here)

        self.play(scenario)

    def test_a_port_in_use_is_told_with_the_error_of_the_system(self) -> None:
        async def scenario(world: World) -> None:
            first = world.reactor.listenTCP(0, ServerFactory(), interface=LOCAL)
            with pytest.raises(CannotListenError) as raised:
                world.reactor.listenTCP(first.getHost().port, ServerFactory(), interface=LOCAL)
            assert raised.value.socketError.errno == errno.EADDRINUSE
            assert (raised.value.interface, raised.value.port) == (LOCAL, first.getHost().port)
            await first.stopListening()

        self.play(scenario)

    def test_a_port_can_be_had_again_at_once(self) -> None:
        async def scenario(world: World) -> None:
            here, _ = await world.connect(End())
            number = world.port.getHost().port
            # the one who closes first keeps the address for a while
            here.transport.loseConnection()
            await world.lost(here)
            await world.port.stopListening()
            again = world.reactor.listenTCP(number, ServerFactory(), interface=LOCAL)
            await again.stopListening()

        self.play(scenario)

    def test_a_connection_that_nobody_wants_is_closed(self) -> None:
        async def scenario(world: World) -> None:
            factory: Any = ServerFactory()
            factory.buildProtocol = lambda address: None
            world.port = world.reactor.listenTCP(0, factory, interface=LOCAL)
            there = await world.dial(End)
            await world.lost(there)
            assert kind(there) is ConnectionDone

        self.play(scenario)

    def test_ipv6_and_what_the_ends_are_called(self) -> None:
        async def scenario(world: World) -> None:
            here, there = await world.connect(End(), interface="::1")
            assert world.port.getHost().host == "::1"
            assert here.transport.getHost() == there.transport.getPeer() == world.port.getHost()
            assert here.transport.getPeer() == there.transport.getHost()
            assert type(here.transport.getPeer()) is type(there.transport.getHost())
            there.transport.loseConnection()
            await world.lost(here)
            assert here.transport.getPeer().host == "::1"

        self.play(scenario)

    def test_a_reactor_that_stops_ends_all_connections(self) -> None:
        ends: list[End] = []

        async def scenario(world: World) -> None:
            ends.extend(await world.connect(End()))

        self.play(scenario)
        self.assertEqual([kind(end) for end in ends], [ConnectionLost, ConnectionLost])


for case in (Ending, Within, Listening):
    globals().update(case.makeTestCaseClasses())
