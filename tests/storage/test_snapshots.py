# mypy: allow-untyped-calls
"""What open lists cost those who change what is listed, what they keep alive, and how long a slice
is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest

from sockcrud.apps.messages.dialect import _inside_text
from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.dialect.products import _render_products
from sockcrud.apps.shop.records import Product
from sockcrud.apps.users.dialect import _users
from sockcrud.apps.users.records import User
from sockcrud.errors import Unavailable
from sockcrud.records import Record
from sockcrud.storage.capacity import Capacity
from sockcrud.storage.memory.snapshots import TableStream
from sockcrud.storage.memory.tables import Tables
from tests.storage.store_case import StoreCase, a_product, a_user, ids, rest_of
from tests.support.model import STANDARD

LONG = "\U0001f600" * 10_000
"""A message of 40 KB."""


def calls_made(work: Callable[[], object]) -> int:
    """Count the functions that are called, in Python and in C."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


class SnapshotCase(StoreCase):
    """Tests over tables. What is to happen in later turns is in `turns`."""

    def setUp(self) -> None:
        self.turns: list[Callable[[], None]] = []
        self.have_room_for(2**30)

    def have_room_for(self, bytes: int) -> None:
        self.tables = Tables(STANDARD, 0, Capacity(list_bytes=bytes), self.turns.append)
        self.budget = self.tables.budget

    def change(self, *changes: Callable[[], object]) -> None:
        self.tables.begin()
        for change in changes:
            change()
        self.tables.commit()

    def add(self, *ids: int, data: str = "x") -> None:
        self.change(*(lambda id=id: self.tables.insert(Message, id, {"data": data}) for id in ids))

    def alter(self, *ids: int, data: str = "y") -> None:
        self.change(
            *(lambda id=id: self.tables.update(Message, id, None, {"data": data}) for id in ids)
        )

    def drop(self, *ids: int) -> None:
        self.change(*(lambda id=id: self.tables.delete(Message, id, None) for id in ids))

    def stream(self) -> TableStream[Message]:
        return self.tables.stream(Message, None, None, None)

    @property
    def kept(self) -> int:
        versions = self.tables.table(Message).versions
        return 0 if versions is None else versions.kept


class WriterTests(SnapshotCase):
    """What a change costs while lists are open."""

    def test_a_change_takes_no_more_work_with_a_thousand_lists_open_than_with_one(self) -> None:
        self.add(*range(10))
        costs = []
        for more in (1, 999):
            for number in range(more):
                self.stream()
                self.alter(9, data=f"{more} {number}")  # so that each is of another moment
            changes = (
                lambda: self.add(1_000),
                lambda: self.alter(1),
                lambda: self.drop(1_000),
                lambda: self.drop(1),
            )
            costs.append([calls_made(change) for change in changes])
            self.add(1)
        for one, thousand in zip(*costs, strict=True):
            self.assertLessEqual(thousand, one)

    def test_a_new_record_takes_as_much_work_as_with_no_list(self) -> None:
        self.add(*range(10))
        before = calls_made(lambda: self.add(10))
        for _ in range(1_000):
            self.stream()
        self.assertEqual(calls_made(lambda: self.add(11)), before)

    def test_a_record_is_kept_once_for_all_lists_however_often_it_changes(self) -> None:
        self.add(*range(10))
        for _ in range(1_000):
            self.stream()
        for number in range(1_000):
            self.alter(1, data=f"{number}")
        self.assertEqual(self.kept, 1)

    async def test_lists_of_many_moments_are_each_right(self) -> None:
        self.add(1)
        streams = []
        for number in range(1_000):
            self.alter(1, data=f"{number}")
            streams.append(self.stream())
        self.drop(1)
        for number in (0, 999, 500, 1, 998):
            self.assertEqual(
                [message.data for message in await rest_of(streams[number])], [f"{number}"]
            )

    def test_a_change_that_is_taken_back_keeps_nothing(self) -> None:
        self.add(*range(10))
        self.stream()
        for _ in range(1_000):
            self.tables.begin()
            self.tables.update(Message, 1, None, {"data": "z"})
            self.tables.delete(Message, 1, None)
            self.tables.rollback()
        self.assertEqual((self.kept, self.budget.used), (0, 0))

    def test_a_list_within_a_transaction_is_refused(self) -> None:
        self.tables.begin()
        with self.assertRaises(RuntimeError):
            self.stream()
        self.tables.rollback()


class KeptTests(SnapshotCase):
    """What open lists keep alive, and how it is let go of."""

    def test_what_many_changes_left_is_let_go_of_in_turns(self) -> None:
        many = range(10_000)
        self.add(*many)
        stream = self.stream()
        self.drop(*many)
        self.assertEqual(self.kept, len(many))
        kept = [self.kept]
        stream.close()
        while self.turns:
            kept.append(self.kept)
            self.turns.pop()()
        self.assertLessEqual(
            max(more - less for more, less in zip(kept, [*kept[1:], 0], strict=True)), 1_000
        )
        self.assertEqual((self.kept, self.budget.used), (0, 0))

    def test_what_no_list_reads_any_more_goes_while_others_are_open(self) -> None:
        self.add(*range(100))
        first = self.stream()
        self.alter(*range(50), data="second")
        second = self.stream()
        self.alter(*range(25, 75), data="third")
        self.assertEqual(self.kept, 100)
        first.close()
        self.assertEqual(self.kept, 50)
        second.close()
        self.assertEqual((self.kept, self.budget.used), (0, 0))

    async def test_an_unread_list_ends_where_it_would_keep_too_much(self) -> None:
        self.have_room_for(2**20)
        self.add(*range(100), data=LONG)
        unread = self.stream()
        most = 0
        for id in range(100):
            self.drop(id)
            most = max(most, self.budget.used)
        self.assertLess(most, 2**20 + 50_000)
        with self.assertRaisesRegex(Unavailable, "too slowly"):
            await anext(unread)
        self.assertTrue(unread.ended)
        self.assertEqual(await rest_of(unread), [])
        self.assertEqual(self.tables.table(Message).open_streams, 0)

    async def test_the_oldest_ends_first(self) -> None:
        self.have_room_for(2**20)
        self.add(*range(40), data=LONG)
        old = self.stream()
        self.drop(*range(20))
        new = self.stream()
        self.drop(*range(20, 40))
        with self.assertRaises(Unavailable):
            await anext(old)
        self.assertEqual(ids(await rest_of(new)), list(range(20, 40)))

    async def test_a_list_of_a_kind_that_changes_little_goes_on_where_another_is_ended(
        self,
    ) -> None:
        self.have_room_for(2**20)
        self.add(*range(40), data=LONG)
        self.change(lambda: self.tables.insert(User, 1, a_user()))
        users, messages = self.tables.stream(User, None, None, None), self.stream()
        self.change(lambda: self.tables.delete(User, 1, None))
        self.drop(*range(40))
        self.assertEqual(ids(await rest_of(users)), [1])
        with self.assertRaises(Unavailable):
            await anext(messages)

    async def test_one_that_is_asked_for_again_after_the_end_of_the_last_is_whole(self) -> None:
        self.have_room_for(2**20)
        self.add(*range(40), data=LONG)
        ended = self.stream()
        self.tables.begin()
        for id in range(40):
            self.tables.delete(Message, id, None)
        self.tables.rollback()
        again = self.stream()  # at the same revision as the one that was ended
        self.drop(39)
        self.assertEqual(len(await rest_of(again)), 40)
        with self.assertRaises(Unavailable):
            await anext(ended)
        self.assertEqual(self.tables.table(Message).open_streams, 0)

    def test_a_thousand_unread_lists_keep_no_more_than_one(self) -> None:
        self.have_room_for(2**20)
        self.add(*range(10), data=LONG)
        for number in range(1_000):
            self.stream()
            self.alter(number % 10, data=LONG)
        self.assertLess(self.budget.used, 2**20 + 50_000)


WORST = ("x", "\x01", "'", "\\", "\n", "é", "한", "\U0001f600", "\u200b", "\U000e0001")
"""Characters that grow when they are encoded, each in its own way."""


def a_message(id: int, text: str) -> Message:
    return Message(id=id, rev=1, data=text)


def a_long_product(id: int, text: str) -> Product:
    return Product(id=id, rev=1, **a_product(text[:100], description=text))


def a_named_user(id: int, text: str) -> User:
    return User(id=id, rev=1, **a_user(name=text[:200], email=f"{text[:200]}@{text[:40]}.org"))


@pytest.mark.parametrize("length", [1, 60, 2_000, 10_000])
@pytest.mark.parametrize("character", WORST)
@pytest.mark.parametrize(
    ("make", "encode"),
    [(a_message, _inside_text), (a_long_product, _render_products), (a_named_user, _users)],
)
def test_a_slice_is_bounded_however_long_its_records_become(
    make: Callable[[int, str], Record],
    encode: Callable[[Sequence[Any]], bytes],
    character: str,
    length: int,
) -> None:
    records = [make(2**62 + number, character * length) for number in range(600)]
    tables = Tables(STANDARD, 0)
    table = tables.table(type(records[0]))
    # Their unique values are all the same, which nothing here asks for.
    table.records, table.highest = {record.id: record for record in records}, records[-1].id
    table.ids.update(table.records)
    tables.start_at(1)
    seen, stream = 0, tables.stream(type(records[0]), None, None, None)
    while not stream.ended:
        slice = run(stream)
        seen += len(slice)
        assert len(slice) == 1 or len(encode(slice)) <= 256 * 1024, len(slice)
    assert seen == 600


def run(stream: TableStream[Any]) -> Sequence[Any]:
    """Return the next slice, for which nothing waits."""
    try:
        stream.__anext__().send(None)
    except StopIteration as done:
        slice: Sequence[Any] = done.value
        return slice
    raise AssertionError("it waits")


class SliceTests(SnapshotCase):
    """How many records a slice has."""

    async def test_long_records_come_a_few_at_a_time_short_ones_500(self) -> None:
        self.add(*range(500), data="x" * 10_000)
        self.add(*range(500, 2_500), data="x" * 50)
        lengths = [len(slice) async for slice in self.stream()]
        self.assertEqual(set(lengths[:160]), {3})
        self.assertEqual(lengths[-2], 500)
