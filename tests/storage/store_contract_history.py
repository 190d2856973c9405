# mypy: allow-untyped-calls
"""What a store promises over time: a stream is one moment, and the changes since a revision can be
had.
"""

from __future__ import annotations

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.apps.users.records import User
from sockcrud.errors import HistoryGone, NotFound, Taken
from sockcrud.identity.records import Account, Company, LoginFailures, Session
from sockcrud.records import Record
from sockcrud.storage.contract import IStore, ITransaction, RecordStream, Where
from tests.storage.store_case import (
    ALL,
    StoreCase,
    a_client,
    a_company,
    a_session,
    a_user,
    an_account,
    ids,
    rest_of,
    some_failures,
)

MANY = 1_300
"""Records that take several slices."""

ADMINS = Where("role", "admin")


async def many_messages(store: IStore) -> list[Message]:
    """Put in messages with the ids 10, 20, 30 and so on."""

    async def body(transaction: ITransaction) -> list[Message]:
        return [await transaction.insert(Message, 10 * n, data=f"{n}") for n in range(1, MANY + 1)]

    return await store.transact(body)


async def many_accounts(store: IStore) -> list[Account]:
    """Put in accounts, those with an even id admins."""

    async def body(transaction: ITransaction) -> list[Account]:
        await transaction.insert(Company, **a_company("Acme"))
        roles = ("user", "admin")
        return [
            await transaction.insert(Account, n, **an_account(f"u{n}", 1, role=roles[n % 2 == 0]))
            for n in range(2 * MANY)
        ]

    return await store.transact(body)


async def shuffle_messages(transaction: ITransaction) -> None:
    """Change, delete and insert at the start, in the middle and at the end of `many_messages`."""
    end = 10 * MANY
    for id in (10, 20, 4_990, 5_000, 5_010, 6_000, end):
        await transaction.update(Message, id, data="changed")
    for id in (20, 30, 5_010, 5_020, 7_000, end - 10, end):
        await transaction.delete(Message, id)
    for id in (-1, 15, 30, 5_001, 5_020, 7_001, end, end + 1):
        await transaction.insert(Message, id, data="new")


class StreamPromises(StoreCase):
    """A stream gives the records as they were when it was asked for."""

    async def test_of_nothing_has_no_slice(self) -> None:
        stream = self.store.stream(Message)
        self.assertEqual([slice async for slice in stream], [])
        self.assertTrue(stream.ended)

    async def test_gives_all_records_in_order_in_several_slices(self) -> None:
        messages = await many_messages(self.store)
        slices = [list(slice) async for slice in self.store.stream(Message)]
        self.assertEqual([message for slice in slices for message in slice], messages)
        self.assertGreater(len(slices), 1)
        self.assertNotIn([], slices)

    async def test_says_with_its_last_slice_that_it_has_ended(self) -> None:
        await many_messages(self.store)
        for left in (1, 499, 500, 501, 1_000, MANY):
            for limit in (None, 1, 500, 501, 1_000, MANY + 1):
                stream, seen = self.store.stream(Message, 10 * (MANY - left), limit), 0
                self.assertFalse(stream.ended)
                async for slice in stream:
                    seen += len(slice)
                    self.assertEqual(stream.ended, seen == min(limit or left, left), (left, limit))
                self.assertEqual(seen, min(limit or left, left))

    async def test_keeps_after_limit_and_value_apart_or_together(self) -> None:
        accounts = await many_accounts(self.store)
        for after in (None, -1, 0, 1, 999, 1_000, 2 * MANY - 2, 2 * MANY):
            for limit in (None, 1, 499, 500, 501, MANY):
                for where in (None, ADMINS, Where("role", "none")):
                    listed = await rest_of(self.store.stream(Account, after, limit, where))
                    wanted = [
                        account
                        for account in accounts
                        if where is None or account.role == where.value
                    ]
                    above = [account for account in wanted if after is None or account.id > after]
                    self.assertEqual(ids(listed), ids(above[:limit]), (after, limit, where))

    async def test_does_not_see_what_changes_before_it_is_read(self) -> None:
        messages = await many_messages(self.store)
        streams = [
            self.store.stream(Message),
            self.store.stream(Message, 4_995),
            self.store.stream(Message, 15, 505),
        ]
        await self.store.transact(shuffle_messages)
        self.assertEqual(await rest_of(streams[0]), messages)
        self.assertEqual(await rest_of(streams[1]), messages[499:])
        self.assertEqual(await rest_of(streams[2]), messages[1:506])

    async def test_does_not_see_what_changes_while_it_is_read(self) -> None:
        messages = await many_messages(self.store)
        for limit in (None, 505, MANY):
            before = await self.store.page(Message, ALL)
            stream = self.store.stream(Message, limit=limit)
            seen = list(await stream.__anext__())
            await self.store.transact(shuffle_messages)
            seen += await rest_of(stream)
            self.assertEqual(seen, before[:limit])
            await self.put_back(messages)

    async def put_back(self, messages: list[Message]) -> None:
        """Let the store have just these messages again."""

        async def body(transaction: ITransaction) -> None:
            for message in await transaction.page(Message, ALL):
                await transaction.delete(Message, message.id)
            for message in messages:
                await transaction.insert(Message, message.id, data=message.data)

        await self.store.transact(body)

    async def test_of_one_value_does_not_see_records_move_in_and_out(self) -> None:
        admins = [account for account in await many_accounts(self.store) if account.role == "admin"]

        async def swap_roles(transaction: ITransaction) -> None:
            for account in await transaction.page(Account, ALL):
                await transaction.update(
                    Account, account.id, role="user" if account.role == "admin" else "admin"
                )

        fresh, limited = (
            self.store.stream(Account, where=ADMINS),
            self.store.stream(Account, 100, 700, ADMINS),
        )
        begun = self.store.stream(Account, where=ADMINS)
        first = list(await begun.__anext__())
        await self.store.transact(swap_roles)
        later = self.store.stream(Account, where=ADMINS)
        await self.store.transact(swap_roles)
        self.assertEqual(await rest_of(fresh), admins)
        self.assertEqual(first + await rest_of(begun), admins)
        self.assertEqual(await rest_of(limited), admins[51:751])
        self.assertEqual(ids(await rest_of(later)), list(range(1, 2 * MANY, 2)))

    async def test_gives_records_that_have_all_been_deleted_since(self) -> None:
        messages = await many_messages(self.store)
        stream = self.store.stream(Message)
        seen = list(await stream.__anext__())
        await self.put_back([])
        self.assertEqual(seen + await rest_of(stream), messages)

    async def test_gives_no_record_that_has_been_inserted_since(self) -> None:
        stream = self.store.stream(Message)
        await many_messages(self.store)
        self.assertEqual(await rest_of(stream), [])

    async def test_is_not_disturbed_by_a_transaction_that_fails(self) -> None:
        messages = await many_messages(self.store)
        stream = self.store.stream(Message)

        async def body(transaction: ITransaction) -> None:
            await shuffle_messages(transaction)
            await transaction.get(Message, 20)

        with self.assertRaises(NotFound):
            await self.store.transact(body)
        self.assertEqual(await rest_of(stream), messages)

    async def test_each_keeps_its_own_moment(self) -> None:
        await self.store.insert(Message, data="first")
        streams: list[RecordStream[Message]] = []
        for data in ("second", "third", "fourth"):
            streams.append(self.store.stream(Message))
            await self.store.update(Message, 1, data=data)
        seen = [(await rest_of(stream))[0].data for stream in streams]
        self.assertEqual(seen, ["first", "second", "third"])

    async def test_gives_nothing_more_once_closed(self) -> None:
        await many_messages(self.store)
        stream = self.store.stream(Message)
        await stream.__anext__()
        for _ in range(2):
            stream.close()
            self.assertTrue(stream.ended)
            self.assertEqual(await rest_of(stream), [])
        await self.store.transact(shuffle_messages)
        self.assertEqual((await self.store.get(Message, 10)).data, "changed")


class ChangesPromises(StoreCase):
    """What has changed since a revision, as far back as is kept."""

    async def revs(self, store: IStore, since: int, limit: int = ALL) -> list[int]:
        return [change.rev for change in await store.changes(since, limit)]

    async def test_tell_in_order_what_each_record_became(self) -> None:
        ana = await self.store.insert(User, **a_user())
        message = await self.store.insert(Message, -4, data="hello")
        older = await self.store.update(User, ana.id, age=31)
        await self.store.delete(Message, -4)
        told = [
            (change.rev, change.kind, change.id, change.record)
            for change in await self.store.changes(0, ALL)
        ]
        expected: list[tuple[int, type[Record], int, Record | None]] = [
            (1, User, ana.id, ana),
            (2, Message, -4, message),
            (3, User, ana.id, older),
            (4, Message, -4, None),
        ]
        self.assertEqual(told, expected)

    async def test_can_be_read_in_parts(self) -> None:
        for number in range(7):
            await self.store.insert(Message, data=f"{number}")
        self.assertEqual(await self.revs(self.store, 0, 3), [1, 2, 3])
        self.assertEqual(await self.revs(self.store, 3, 3), [4, 5, 6])
        self.assertEqual(await self.revs(self.store, 6, 3), [7])
        self.assertEqual(await self.revs(self.store, 7, 3), [])

    async def test_are_none_before_the_first(self) -> None:
        self.assertEqual(await self.store.changes(0, ALL), [])

    async def test_that_failed_do_not_show(self) -> None:
        await self.store.insert(Client, **a_client(1))
        await self.refused(Taken, lambda: self.store.insert(Client, **a_client(1)))
        await self.store.insert(Client, **a_client(2))
        self.assertEqual(await self.revs(self.store, 0), [1, 2])

    async def test_are_kept_for_a_bounded_stretch_and_say_where_it_ends(self) -> None:
        for history in (0, 1, 3, 50):
            store = await self.opened(history)
            for newest in range(1, 2 * history + 20):
                await store.insert(Message, data="x")
                oldest = max(0, newest - history)
                self.assertEqual(
                    await self.revs(store, oldest), list(range(oldest + 1, newest + 1))
                )
                for since in (oldest - 1, newest + 1):
                    with self.assertRaises(HistoryGone) as caught:
                        await store.changes(since, ALL)
                    gone = caught.exception
                    self.assertEqual(
                        (gone.since, gone.oldest, gone.newest), (since, oldest, newest)
                    )

    async def test_of_one_transaction_may_be_more_than_are_kept(self) -> None:
        store = await self.opened(5)
        await many_messages(store)
        self.assertEqual(await self.revs(store, MANY - 5), list(range(MANY - 4, MANY + 1)))
        with self.assertRaises(HistoryGone):
            await store.changes(MANY - 6, ALL)

    async def test_of_sessions_and_failed_logins_do_not_show_and_use_no_room(self) -> None:
        store = await self.opened(3)
        await store.insert(Company, **a_company("Acme"))
        await store.insert(Account, **an_account("ana", 1))
        for token in "abcdef":
            await store.insert(Session, **a_session(token, 1))
            await store.insert(LoginFailures, **some_failures(token))
        await store.update(Account, 1, role="admin")
        await store.delete(Session, 1)
        self.assertEqual(store.rev, 16)
        self.assertEqual(await self.revs(store, 0), [1, 2, 15])
        self.assertEqual(await self.revs(store, 9), [15])
        self.assertEqual(await self.revs(store, 16), [])
