# mypy: allow-untyped-calls
"""Lists from PostgreSQL: in small parts, and whoever does not read his holds up nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.errors import Unavailable
from sockcrud.storage.contract import RecordStream
from sockcrud.storage.postgres import snapshots
from sockcrud.storage.postgres.by_peer import ByPeer
from sockcrud.storage.postgres.link import Ask, Link
from tests.storage.postgres.postgres_case import PostgresCase, until
from tests.storage.sqlite.sqlite_case import started, the_reactor
from tests.storage.store_case import a_client, ids, rest_of
from tests.support import postgres_kit

STRANGER = "192.0.2.1"
ANOTHER = "192.0.2.2"
MANY = 1_100
SLICE_BYTES = 256 * 1024


class ByPeerTests(SynchronousTestCase):
    def test_peers_take_turns_however_much_one_of_them_asks_for(self) -> None:
        queue = ByPeer[int]()
        for number in range(4):
            queue.append("a", number)
        queue.append("b", 10)
        self.assertEqual([queue.pop() for _ in range(6)], [0, 10, 1, 2, 3, None])

    def test_who_may_not_is_passed_over_and_keeps_his_place(self) -> None:
        queue = ByPeer[int]()
        queue.append("a", 1)
        queue.append("b", 2)
        self.assertEqual(
            [queue.pop(lambda peer: peer != "a"), queue.pop(lambda peer: peer != "a")], [2, None]
        )
        self.assertEqual((queue.pop(), bool(queue)), (1, False))


class ListsCase(PostgresCase):
    """A store with as many messages as make a list of three slices."""

    async def fill(self, count: int = MANY, data: str = "x") -> None:
        rows = f"SELECT g, g, '{data}' FROM generate_series(1, {count}) AS g"
        postgres_kit.execute(
            self.url,
            f"INSERT INTO messages (id, rev, data) {rows}",
            f"UPDATE state SET rev = {count}, highest_messages = {count}, size_messages = {count}",
        )

    def listed(self, peer: str = "") -> RecordStream[Message]:
        stream = self.store.stream(Message, peer=peer)
        self.addCleanup(stream.close)
        return stream

    def change(self, name: str, value: float) -> None:
        """Let a number of the snapshots' be another for this test."""
        changed = mock.patch.object(snapshots, name, value)
        changed.start()
        self.addCleanup(changed.stop)

    async def seconds_of(self, work: Awaitable[Any]) -> float:
        since: float = the_reactor().seconds()
        await work
        until: float = the_reactor().seconds()
        return until - since

    async def creates(self, count: int = 40) -> float:
        """Return the least seconds that so many creates took, of three times, one after the
        other.
        """

        async def create() -> None:
            for _ in range(count):
                await self.store.insert(Message, data="new")

        return min([await self.seconds_of(create()) for _ in range(3)])


class UnreadTests(ListsCase):
    """A stranger asks for lists, and does not read them."""

    async def test_unread_lists_stop_neither_the_lists_of_others_nor_changes(self) -> None:
        await self.fill()
        await self.store.insert(Client, **a_client(1))
        before = await self.creates()
        for _ in range(4):
            unread = started(self.listed(STRANGER).__anext__())
            unread.addErrback(lambda failure: failure.trap(StopAsyncIteration, Unavailable))
            await deferLater(the_reactor(), 0.02)
        self.assertLess(await self.creates(), 4 * before + 0.2)
        for peer in (ANOTHER, ""):
            self.assertLess(
                await self.seconds_of(rest_of(self.store.stream(Client, peer=peer))), 1.0
            )
            self.assertLess(await self.seconds_of(rest_of(self.listed(peer))), 2.0)
        self.assertLess(
            await self.seconds_of(rest_of(self.store.stream(Client, peer=STRANGER))), 1.0
        )

    async def test_a_list_that_is_not_read_on_ends_and_those_of_the_same_peer_that_wait_come_in(
        self,
    ) -> None:
        self.change("IDLE", 0.3)
        await self.fill()
        streams = []
        for _ in range(5):
            streams.append(self.listed(STRANGER))
            await deferLater(the_reactor(), 0.02)
        firsts = [await stream.__anext__() for stream in streams]
        self.assertEqual([len(first) for first in firsts], [500] * 5)
        with self.assertRaises(Unavailable):
            await rest_of(streams[0])
        self.assertTrue(streams[0].ended)
        self.assertEqual(len(await rest_of(streams[-1])), MANY - 500)

    async def test_a_list_that_is_read_slowly_to_its_end_is_whole(self) -> None:
        self.change("IDLE", 1.0)
        await self.fill()
        stream, seen = self.listed(STRANGER), list[int]()
        async for slice in stream:
            seen += ids(slice)
            await deferLater(the_reactor(), 0.5)
        self.assertEqual(seen, list(range(1, MANY + 1)))

    async def test_who_finds_no_connection_is_told_so_in_time(self) -> None:
        self.change("LONGEST_WAIT", 0.3)
        await self.fill()
        kept = list[RecordStream[Message]]()
        with self.assertRaises(Unavailable):
            for _ in range(20):
                kept.append(self.listed())
                await kept[-1].__anext__()
        self.assertGreater(len(kept), 2)
        kept[0].close()
        self.assertEqual(len(await rest_of(self.listed(ANOTHER))), MANY)

    async def test_the_oldest_goes_where_others_have_waited_for_long(self) -> None:
        self.change("LONGEST_WAIT", 0.2)
        self.change("LONGEST_OF_MANY", 0.1)
        await self.fill()
        streams = list[RecordStream[Message]]()
        for number in range(8):
            streams.append(self.listed(f"192.0.2.{number}"))
            self.assertEqual(len(await streams[-1].__anext__()), 500)
        with self.assertRaises(Unavailable):
            await rest_of(streams[0])


class PartsTests(ListsCase):
    """What is fetched, and worked on, at once."""

    def setUp(self) -> None:
        super().setUp()
        self.fetched: list[int] = []
        real = Link.ask

        def ask(link: Link, asks: Sequence[Ask], seconds: float) -> Deferred[Any]:
            return real(link, asks, seconds).addCallback(self.measure)

        patched = mock.patch.object(Link, "ask", ask)
        patched.start()
        self.addCleanup(patched.stop)

    def measure(self, results: Any) -> Any:
        rows = [
            (result, row, column)
            for result in results
            for row in range(result.ntuples)
            for column in range(result.nfields)
        ]
        self.fetched.append(
            sum(len(result.get_value(row, column) or b"") for result, row, column in rows)
        )
        return results

    async def test_forty_lists_of_long_texts_are_never_fetched_as_a_whole(self) -> None:
        await self.fill(60, "\U0001f600" * 10_000)
        streams = [self.listed(f"192.0.2.{number % 10}") for number in range(40)]

        async def read_one(stream: RecordStream[Message]) -> int:
            read = len(await stream.__anext__())
            stream.close()
            return read

        self.assertEqual(
            await gatherResults([started(read_one(stream)) for stream in streams]), [1] * 40
        )
        self.assertLess(max(self.fetched), snapshots.SLICES_A_TRIP * SLICE_BYTES)

    async def test_a_slice_of_long_texts_is_bounded_as_it_is_fetched_and_all_of_them_come(
        self,
    ) -> None:
        await self.fill(100, "\U0001f600" * 3_000)
        slices = [ids(slice) async for slice in self.listed()]
        self.assertEqual([id for slice in slices for id in slice], list(range(1, 101)))
        self.assertLess(max(self.fetched), SLICE_BYTES)

    async def test_a_short_list_leaves_its_connection_before_it_is_read(self) -> None:
        await self.fill(3)
        streams = []
        for _ in range(30):
            streams.append(self.listed())
            await deferLater(the_reactor(), 0)
        in_transaction = (
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in "
            "transaction%' AND datname = current_database()"
        )
        await until(lambda: not any(stream.is_waiting for stream in streams))  # type: ignore[attr-defined]
        await until(lambda: postgres_kit.execute(self.url, in_transaction) == [(0,)])
        self.assertEqual([len(await rest_of(stream)) for stream in streams], [3] * 30)

    async def test_others_have_their_turns_while_a_slice_is_taken_apart(self) -> None:
        self.change("TURN_SECONDS", 0.0)
        await self.fill()
        turns, reading = [0], started(rest_of(self.listed()))

        async def count() -> None:
            while not reading.called:
                turns[0] += 1
                await deferLater(the_reactor(), 0)

        await count()
        self.assertEqual(len(await reading), MANY)
        self.assertGreaterEqual(turns[0], MANY // snapshots.PART)
