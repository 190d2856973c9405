# mypy: allow-untyped-calls
"""What every store promises of requests with an Idempotency-Key: the answer is kept in the
transaction of the change, so a request that is sent twice is carried out once.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock

from sockcrud.access import Principal
from sockcrud.apps.shop.records import Client
from sockcrud.apps.users.records import User
from sockcrud.errors import KeyInUse, KeyReused, Taken, Unavailable
from sockcrud.identity.records import KeptAnswer
from sockcrud.protocols.http.request import Fields, Request
from sockcrud.protocols.http.responses import Response
from sockcrud.records import Record
from sockcrud.rest.idempotency import HEADER, Keys
from sockcrud.storage.contract import IStore, ITransaction
from tests.storage.store_case import ALL, StoreCase, a_client, a_user, ids

DAY = timedelta(days=1)
SOMEBODY = Principal("books", "192.0.2.7")


def keyed(key: str, body: bytes = b"{}", path: str = "/clients") -> Request:
    return Request(
        "POST", path, body=body, fields=Fields(b"\r\nIdempotency-Key: %b\r\n" % key.encode())
    )


def rendered(record: Record) -> Response:
    return Response(
        201, orjson.dumps({"id": record.id}), headers=((b"ETag", b'"%d"' % record.rev),)
    )


class AtOnce(Clock):
    """A clock whose next turn is at once."""

    def callLater(self, delay: float, callable: Any, *args: object, **kw: object) -> Any:
        if not delay:
            return callable(*args, **kw)
        return super().callLater(delay, callable, *args, **kw)


class KeyPromises(StoreCase):
    """A change that was made under a key is not made again under it."""

    def keys(self, store: IStore | None = None, most: int = 1_000) -> Keys:
        self.clock = AtOnce()
        self.clock.advance(1_700_000_000)
        return Keys(store or self.store, self.clock, DAY, most)

    async def once(self, keys: Keys, key: str, number: int = 1, **request: Any) -> Response:
        """Create a client under the key."""
        return await keys.once(
            SOMEBODY,
            keyed(key, **request),
            lambda: self.store.insert(Client, **a_client(number)),
            rendered,
        )

    async def test_the_second_request_gets_the_answer_to_the_first_and_changes_nothing(
        self,
    ) -> None:
        keys = self.keys()
        first = await self.once(keys, "one")
        rev = self.store.rev
        # Carried out again, it would be refused: the email is taken.
        self.assertEqual(await self.once(keys, "one"), first)
        self.assertEqual(await self.once(self.keys(), '"one"'), first_with(first, b'"one"'))
        self.assertEqual((first.status, first.body), (201, b'{"id":1}'))
        self.assertEqual((self.store.rev, ids(await self.store.page(Client, ALL))), (rev, [1]))

    async def test_a_key_stands_for_one_request(self) -> None:
        keys = self.keys()
        await self.once(keys, "one")
        others: list[dict[str, Any]] = [{"body": b'{"a":1}'}, {"path": "/clients/"}]
        for other in others:
            await self.refused(KeyReused, partial(self.once, keys, "one", 2, **other))
        await self.once(keys, "two", 2)

    async def test_what_was_refused_leaves_its_key_free(self) -> None:
        keys = self.keys()
        await self.once(keys, "one")
        await self.refused(Taken, lambda: self.once(keys, "two"))
        self.assertEqual((await self.once(keys, "two", 2)).status, 201)

    async def test_the_answer_and_the_change_are_there_together_or_not_at_all(self) -> None:
        keys = self.keys()

        def unable(record: Record) -> Response:
            raise Unavailable("as told")

        await self.refused(
            Unavailable,
            lambda: keys.once(
                SOMEBODY, keyed("one"), lambda: self.store.insert(User, **a_user()), unable
            ),
        )
        self.assertEqual(await self.store.count(KeptAnswer), 0)

    async def test_a_transaction_of_several_changes_is_repeated_as_a_whole(self) -> None:
        keys, runs = self.keys(), []

        async def body(transaction: ITransaction) -> User:
            runs.append("run")
            await transaction.insert(Client, **a_client(1))
            return await transaction.insert(User, **a_user())

        async def perform() -> User:
            made: User = await self.store.transact(body)
            await self.store.insert(Client, **a_client(len(runs) + 1))  # and one by itself
            return made

        answers = [await keys.once(SOMEBODY, keyed("one"), perform, rendered) for _ in "ab"]
        self.assertEqual((answers[0], len(runs)), (answers[1], 1))
        self.assertEqual(await self.store.count(Client), 2)
        self.assertEqual(await self.store.count(KeptAnswer), 1)

    async def test_of_two_at_once_one_is_refused_and_may_come_again(self) -> None:
        keys, let_go = self.keys(), Deferred[None]()

        async def perform() -> Client:
            await let_go
            return await self.store.insert(Client, **a_client(1))

        def ask() -> Deferred[Response]:
            return Deferred.fromCoroutine(keys.once(SOMEBODY, keyed("one"), perform, rendered))

        first = ask()
        with self.assertRaises(KeyInUse):
            await ask()
        let_go.callback(None)
        answered = await first
        self.assertEqual(await ask(), answered)

    async def test_of_two_nodes_at_once_one_makes_the_change_and_both_answer_it(self) -> None:
        nodes = [self.keys(), self.keys()]
        answers = await gatherResults(
            [Deferred.fromCoroutine(self.once(each, "one", 1)) for each in nodes]
        )
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(await self.store.count(Client), 1)

    async def test_its_time_over_a_key_is_free_whichever_way_the_clock_was_set(self) -> None:
        keys = self.keys()
        for number, seconds in enumerate((0, 86_400, -86_400), 1):
            self.clock.rightNow += seconds
            self.assertEqual((await self.once(keys, "one", number)).body, b'{"id":%d}' % number)
        self.assertEqual(await self.store.count(KeptAnswer), 1)

    async def test_a_sweep_takes_away_what_is_over_and_what_is_beyond_the_bounds(self) -> None:
        keys = self.keys(most=3)
        for number in range(1, 4):
            await self.once(keys, f"key {number}".replace(" ", ""), number)
        other = self.keys(most=3)  # another node, which has not counted those
        await self.once(other, "four", 4)
        await other.sweep()
        self.assertEqual(ids(await self.store.page(KeptAnswer, ALL)), [4], "a tenth, or one")
        self.clock.advance(86_400)
        await other.sweep()
        self.assertEqual(await self.store.count(KeptAnswer), 0)


def first_with(response: Response, key: bytes) -> Response:
    """Return the same response, which names the key as this request had it."""
    *others, (name, _) = response.headers
    assert name == HEADER
    return Response(response.status, response.body, response.content_type, (*others, (HEADER, key)))
