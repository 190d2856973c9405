# mypy: allow-untyped-calls
"""What the SQLite store promises beyond the contract: nobody sees what a crash can take back, and
nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client
from sockcrud.apps.users.records import User
from sockcrud.errors import DomainError, NotFound, Taken
from sockcrud.identity.records import Account, Company, Session
from sockcrud.storage.contract import ITransaction, Where
from sockcrud.storage.sqlite import store as sqlite
from tests.storage.sqlite.sqlite_case import SqliteCase, all_of, rows, settled, started
from tests.storage.store_case import (
    ALL,
    NOON,
    a_client,
    a_company,
    a_session,
    a_user,
    an_account,
    an_address,
    ids,
    rest_of,
)
from tests.support.model import KINDS, describe

Asked = Callable[[], Coroutine[Any, Any, Any]]


class Pending(SqliteCase):
    """Some records are on disk; others have changed since, and the commit of that is held up."""

    def setUp(self) -> None:
        super().setUp()
        self.settle(self.stock())
        self.commits = self.held()

    async def stock(self) -> None:
        for number in (1, 2, 3):
            await self.store.insert(Client, **a_client(number))
        await self.store.insert(User, **a_user())
        await self.store.insert(Company, **a_company("Acme"))
        await self.store.insert(Account, **an_account("ana", 1))
        for token in "ab":
            await self.store.insert(Session, **a_session(token, 1))
        self.stocked = self.store.rev

    def change(self) -> list[Deferred[Any]]:
        """Insert client 4, update client 1 and delete client 2, in a transaction each, as far as to
        their commit.
        """
        changing: list[Deferred[Any]] = [
            started(self.store.insert(Client, **a_client(4))),
            started(self.store.update(Client, 1, name="New", email="new@example.org")),
            started(self.store.delete(Client, 2)),
        ]
        self.commits.wait_for_one()
        return changing

    def ask(self, question: Asked) -> tuple[list[object], Deferred[None]]:
        """Ask, and return what is answered, when it is; a refusal is an answer."""
        answers: list[object] = []

        async def answer() -> None:
            try:
                answers.append(await question())
            except DomainError as refusal:
                answers.append(repr(refusal))

        return answers, started(answer())


class WaitingTests(Pending):
    """What rests on a change waits until the change is on disk, and nothing else does."""

    def assert_waits(self, question: Asked, expected: object) -> None:
        """Check that this is answered right, after the commit."""
        answers, answered = self.ask(question)
        self.assertEqual(answers, [])
        self.commits.let_go()
        settled(all_of(answered))
        self.assertEqual(answers, [expected])

    def assert_answered(self, question: Asked, expected: object) -> None:
        """Check that this is answered right, and at once."""
        answers, _ = self.ask(question)
        self.assertEqual(answers, [expected])

    def test_a_change_is_answered_when_every_other_program_can_see_it(self) -> None:
        self.commits.let_go()

        async def create() -> list[Any]:
            await self.store.insert(User, **a_user(name="Bia"))
            return rows(self.path, "SELECT name FROM users ORDER BY id")

        self.assertEqual(self.settle(create()), [("Ana",), ("Bia",)])

    def test_a_change_is_not_answered_before_its_commit(self) -> None:
        changing = self.change()
        self.assertEqual([change.called for change in changing], [False] * 3)
        self.assertEqual(
            rows(self.path, "SELECT id, name FROM clients"), [(1, "Rui"), (2, "Rui"), (3, "Rui")]
        )
        self.assertEqual(self.store.rev, self.stocked)
        self.commits.let_go()
        settled(all_of(*changing))
        self.assertEqual(
            rows(self.path, "SELECT id, name FROM clients"), [(1, "New"), (3, "Rui"), (4, "Rui")]
        )
        self.assertEqual(self.store.rev, self.stocked + 3)

    def test_who_reads_a_changed_record_waits(self) -> None:
        async def names() -> list[str]:
            found = await self.store.find(Client, "email", "NEW@example.org")
            assert found is not None
            return [
                (await self.store.get(Client, 1)).name,
                (await self.store.get(Client, 4)).email,
                found.name,
            ]

        self.change()
        self.assert_waits(names, ["New", "rui4@example.org", "New"])

    def test_what_a_crash_can_take_back_is_not_at_hand(self) -> None:
        unchanged = self.store.at_hand(Client, 3)
        changing = self.change()
        at_hand = [self.store.at_hand(Client, id) for id in (1, 2, 3, 4)]
        self.assertEqual(at_hand, [None, None, unchanged, None])
        self.assertIs(self.store.at_hand(Client, 3), unchanged)
        self.commits.let_go()
        settled(all_of(*changing))
        settled(self.store.close())
        self.assertIsNone(self.store.at_hand(Client, 3))

    def test_who_finds_a_new_record_waits(self) -> None:
        async def name() -> object:
            return getattr(await self.store.find(Client, "email", "rui4@example.org"), "id", None)

        self.change()
        self.assert_waits(name, 4)

    def test_who_misses_a_deleted_record_waits(self) -> None:
        self.change()
        self.assert_waits(lambda: self.store.get(Client, 2), repr(NotFound("Client", 2)))

    def test_who_finds_nobody_with_a_value_waits_for_the_kind(self) -> None:
        self.change()
        self.assert_waits(lambda: self.store.find(Client, "email", "rui2@example.org"), None)

    def test_a_page_of_the_kind_waits(self) -> None:
        async def page() -> list[int]:
            return ids(await self.store.page(Client, ALL))

        self.change()
        self.assert_waits(page, [1, 3, 4])

    def test_a_list_of_the_kind_waits(self) -> None:
        async def listed() -> list[int]:
            return ids(await rest_of(self.store.stream(Client)))

        self.change()
        self.assert_waits(listed, [1, 3, 4])

    def test_how_many_there_are_of_the_kind_waits(self) -> None:
        self.change()
        self.assert_waits(lambda: self.store.count(Client), 3)

    def test_changes_since_a_revision_wait(self) -> None:
        async def told() -> list[int]:
            return [change.id for change in await self.store.changes(self.stocked, ALL)]

        self.change()
        self.assert_waits(told, [4, 1, 2])

    def test_a_refusal_waits_because_a_crash_may_take_its_reason_back(self) -> None:
        self.change()
        self.assert_waits(
            lambda: self.store.insert(Client, **a_client(4)), repr(Taken("Client", "email"))
        )

    def test_a_refusal_by_another_kind_waits(self) -> None:
        self.change()
        self.assert_waits(
            lambda: self.store.insert(Address, **an_address(2)), repr(NotFound("Client", 2))
        )

    def test_a_transaction_that_only_reads_waits(self) -> None:
        async def body(transaction: ITransaction) -> int:
            return await transaction.count(Client)

        self.change()
        self.assert_waits(lambda: self.store.transact(body), 3)

    def test_what_has_not_changed_is_answered_at_once(self) -> None:
        self.change()
        self.assert_answered(lambda: self.email_of(3), "rui3@example.org")
        self.assert_answered(lambda: self.store.get(Client, 77), repr(NotFound("Client", 77)))
        self.assert_answered(lambda: self.store.count(User), 1)
        self.assert_answered(lambda: self.store.page(Address, ALL), [])
        self.assert_answered(
            lambda: self.store.page(Session, ALL, None, Where("account_id", 2)), []
        )
        self.assert_answered(lambda: rest_of(self.store.stream(Message)), [])
        self.assert_answered(lambda: self.store.find(Company, "name", "none"), None)

    async def email_of(self, id: int) -> str:
        client = await self.store.find(Client, "cpf", a_client(id)["cpf"])
        assert client is not None
        return (await self.store.get(Client, client.id)).email

    def test_nobody_waits_for_more_than_the_commit_that_an_answer_rests_on(self) -> None:
        first = self.change()
        second = started(self.store.insert(Client, **a_client(5)))
        answers, answered = self.ask(lambda: self.email_of(4))
        later, answered_later = self.ask(lambda: self.store.count(Client))
        self.commits.let_go()
        settled(all_of(*first, answered))
        self.assertEqual((answers, later, second.called), (["rui4@example.org"], [], False))
        self.commits.let_go()
        settled(all_of(second, answered_later))
        self.assertEqual(later, [4])

    def test_a_list_that_has_begun_goes_on_whatever_changes(self) -> None:
        self.commits.let_go()

        async def fill(transaction: ITransaction) -> None:
            for id in range(1, 1_001):
                await transaction.insert(Message, id, data="x")

        self.settle(self.store.transact(fill))
        stream = self.store.stream(Message)
        first, _ = self.ask(lambda: stream.__anext__())
        started(self.store.update(Message, 700, data="y"))
        self.commits.wait_for_one()
        second, _ = self.ask(lambda: stream.__anext__())
        self.assertEqual([len(slice) for slice in (*first, *second)], [500, 500])  # type: ignore[arg-type]

    def test_nothing_waits_and_no_deferred_is_made_when_nothing_is_pending(self) -> None:
        questions: list[Asked] = [
            lambda: self.store.get(User, 1),
            lambda: self.store.find(Client, "email", "nobody"),
            lambda: self.store.page(User, 1),
            lambda: self.store.count(User),
            lambda: self.store.changes(self.stocked, 1),
            lambda: self.store.stream(User).__anext__(),
        ]
        with mock.patch.object(sqlite, "Deferred", side_effect=AssertionError("one was made")):
            for question in questions:
                with self.assertRaises(StopIteration):
                    question().send(None)


class SoftTests(Pending):
    """The last use of a session makes nobody wait, and is written all the same."""

    LATER = NOON.replace(hour=13)

    def test_nobody_waits_for_it(self) -> None:
        using = started(self.store.update(Session, 1, used_at=self.LATER))
        self.commits.wait_for_one()
        got = self.successResultOf(started(self.store.get(Session, 1)))
        found = self.successResultOf(started(self.store.find(Session, "token_hash", "a" * 64)))
        page = self.successResultOf(started(self.store.page(Session, 1)))
        self.assertEqual(
            [session and session.used_at for session in (got, found, *page)], [self.LATER] * 3
        )
        self.assertEqual(self.ask(lambda: self.store.count(Session))[0], [2])
        self.assertEqual(self.ask(lambda: self.store.changes(self.stocked, ALL))[0], [[]])
        self.assertFalse(using.called)
        self.commits.let_go()
        settled(all_of(using))
        self.assertEqual(
            rows(self.path, "SELECT used_at FROM sessions WHERE id = 1"),
            [("2024-02-29T13:00:00.123456+00:00",)],
        )

    def test_it_hides_no_change_that_somebody_waits_for(self) -> None:
        moving = started(self.store.update(Session, 1, address="10.0.0.1"))
        for _ in range(2):  # in the same batch, and in the next one
            started(self.store.update(Session, 1, used_at=self.LATER))
            answers, answered = self.ask(lambda: self.store.get(Session, 1))
            self.assertEqual(answers, [])
            if not self.commits.sizes:
                self.commits.wait_for_one()
        self.commits.let_go()
        settled(all_of(moving, answered))
        self.assertEqual(len(answers), 1)

    def test_one_that_changes_something_else_too_is_waited_for(self) -> None:
        started(self.store.update(Session, 1, used_at=self.LATER, address="10.0.0.1"))
        self.assertEqual(self.ask(lambda: self.store.get(Session, 1))[0], [])

    def test_only_kinds_that_do_not_show_in_the_changes_have_something_soft(self) -> None:
        soft = {kind: describe(kind).soft for kind in KINDS if describe(kind).soft}
        self.assertEqual(soft, {Session: ("used_at",)})
        self.assertFalse(describe(Session).journaled)


class GroupTests(Pending):
    """What arrives while a commit is under way is written together."""

    def test_what_arrives_during_a_commit_is_the_next_one(self) -> None:
        first = started(self.store.insert(User, **a_user()))
        self.commits.wait_for_one()
        others = [started(self.store.insert(User, **a_user())) for _ in range(200)]
        self.commits.let_go(3)
        settled(all_of(first, *others))
        self.assertEqual(self.commits.sizes, [1, 200])

    def test_what_arrives_in_one_turn_is_one_commit(self) -> None:
        self.commits.let_go(3)
        settled(all_of(*(started(self.store.insert(User, **a_user())) for _ in range(200))))
        self.assertEqual(self.commits.sizes, [200])

    def test_a_record_that_changes_often_is_written_once(self) -> None:
        self.commits.let_go()
        changing: list[Deferred[Any]] = [
            started(self.store.update(User, 1, age=age)) for age in range(100)
        ]
        changing += [
            started(self.store.insert(User, **a_user())),
            started(self.store.delete(User, 2)),
        ]
        settled(all_of(*changing))
        self.assertEqual(self.commits.sizes, [2])
        self.assertEqual(rows(self.path, "SELECT id, age FROM users"), [(1, 99)])
        self.assertEqual(
            rows(self.path, "SELECT value FROM counters WHERE name = 'highest users'"), [(2,)]
        )

    def test_unique_values_can_be_passed_on_in_a_ring_and_taken_over(self) -> None:
        async def ring(transaction: ITransaction) -> None:
            emails = [(await transaction.get(Client, id)).email for id in (1, 2, 3)]
            for id in (1, 2, 3):
                await transaction.update(Client, id, email=f"between{id}@example.org")
            for id in (1, 2, 3):
                await transaction.update(Client, id, email=emails[id % 3])

        self.commits.let_go()
        changing: list[Deferred[Any]] = [
            started(self.store.transact(ring)),
            started(self.store.delete(Client, 2)),
        ]
        changing += [started(self.store.insert(Client, 9, **a_client(9, email="rui3@example.org")))]
        changing += [
            started(self.store.insert(Client, 2, **a_client(2, email="again@example.org")))
        ]
        settled(all_of(*changing))
        expected = {
            1: "rui2@example.org",
            2: "again@example.org",
            3: "rui1@example.org",
            9: "rui3@example.org",
        }
        self.assertEqual(dict(rows(self.path, "SELECT id, email_key FROM clients")), expected)

    def test_how_long_each_commit_took_can_be_followed(self) -> None:
        seconds: list[float] = []
        self.store.committed = seconds.append
        self.commits.let_go(2)
        for _ in range(2):
            self.settle(self.store.insert(User, **a_user()))
        self.assertEqual(len(seconds), 2)
        self.assertGreater(min(seconds), 0)
