# mypy: allow-untyped-calls
"""What a store promises of single records: revisions, compare-and-set, unique values, ids,
pages.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any

from zope.interface.verify import verifyObject

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.errors import NotFound, Outdated, Taken
from sockcrud.identity.records import Account, Company
from sockcrud.records import Record
from sockcrud.records.constraints import INT64
from sockcrud.storage.contract import IStore, Where
from tests.storage.store_case import (
    ALL,
    StoreCase,
    a_client,
    a_company,
    a_product,
    a_user,
    an_account,
    an_item,
    ids,
)

LOWEST, HIGHEST = INT64.start, INT64.stop - 1


class RevisionPromises(StoreCase):
    """Inserting, reading, changing, deleting; and every change has its number."""

    def test_is_a_store(self) -> None:
        verifyObject(IStore, self.store)

    async def test_starts_empty_at_revision_zero(self) -> None:
        self.assertEqual(
            (self.store.rev, await self.store.count(User), await self.store.page(User, ALL)),
            (0, 0, []),
        )

    async def test_every_change_has_the_next_revision_and_its_record_carries_it(self) -> None:
        ana = await self.store.insert(User, **a_user())
        self.assertEqual((ana.rev, self.store.rev), (1, 1))
        message = await self.store.insert(Message, data="hello")
        self.assertEqual((message.rev, self.store.rev), (2, 2))
        older = await self.store.update(User, ana.id, age=31)
        self.assertEqual((older.rev, self.store.rev), (3, 3))
        await self.store.delete(Message, message.id)
        self.assertEqual(self.store.rev, 4)
        self.assertEqual((await self.store.get(User, ana.id)).rev, 3)

    async def test_a_record_is_read_as_it_was_written(self) -> None:
        moment = datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-3)))
        product = await self.store.insert(Product, **a_product("' OR 1=1; --"))
        texts = ("\x01", "São João", "🐿" * 200, "%s {} \\ \" '", " blank ")
        for text in texts:
            user = await self.store.insert(User, **a_user(name=text, created_at=moment, age=150))
            self.assertEqual(await self.store.get(User, user.id), user)
            self.assertEqual((user.name, user.created_at, user.age), (text, moment, 150))
        client = await self.store.insert(Client, **a_client(1, balance=Decimal("99999999.99")))
        bought = an_item(client.id, product.id, number_of_items=HIGHEST, purchase_date=date.max)
        item = await self.store.insert(InventoryItem, **bought)
        self.assertEqual((await self.store.get(Client, client.id)).balance, Decimal("99999999.99"))
        self.assertEqual(await self.store.get(InventoryItem, item.id), item)
        self.assertEqual(await self.store.get(Product, product.id), product)
        self.assertEqual((product.name, product.status), ("' OR 1=1; --", True))

    async def test_an_update_changes_the_named_fields_only(self) -> None:
        before = await self.store.insert(User, **a_user())
        after = await self.store.update(User, before.id, name="Eva", age=0)
        self.assertEqual(after, User(id=before.id, rev=2, **a_user(name="Eva", age=0)))
        self.assertEqual(await self.store.get(User, before.id), after)
        self.assertEqual(before.name, "Ana")

    async def test_what_is_not_there_is_not_found(self) -> None:
        await self.store.insert(Message, 5, data="not a user")
        for work in (
            lambda: self.store.get(User, 5),
            lambda: self.store.update(User, 5, name="Eva"),
            lambda: self.store.update(User, 5, 1, name="Eva"),
            lambda: self.store.delete(User, 5),
            lambda: self.store.delete(User, 5, 1),
        ):
            error = await self.refused(NotFound, work)
            self.assertEqual((error.kind, error.id), ("User", 5))

    async def test_what_is_deleted_is_not_found(self) -> None:
        client = await self.store.insert(Client, **a_client(1))
        await self.store.delete(Client, client.id)
        await self.refused(NotFound, lambda: self.store.get(Client, client.id))
        await self.refused(NotFound, lambda: self.store.delete(Client, client.id))
        self.assertIsNone(await self.store.find(Client, "email", client.email))
        self.assertEqual(await self.store.count(Client), 0)

    async def test_an_update_or_delete_that_expects_the_revision_succeeds(self) -> None:
        user = await self.store.insert(User, **a_user())
        user = await self.store.update(User, user.id, user.rev, age=31)
        user = await self.store.update(User, user.id, user.rev, age=32)
        await self.store.delete(User, user.id, user.rev)
        self.assertEqual(await self.store.count(User), 0)

    async def test_an_update_or_delete_that_expects_another_revision_is_outdated(self) -> None:
        user = await self.store.insert(User, **a_user())
        await self.store.update(User, user.id, age=31)
        await self.store.insert(Message, data="revision 3, of another record")
        for expect in (1, 3, 0, -1, HIGHEST):
            error = await self.refused(
                Outdated, partial(self.store.update, User, user.id, expect, age=40)
            )
            self.assertEqual((error.expected, error.rev), (expect, 2))
            await self.refused(Outdated, partial(self.store.delete, User, user.id, expect))

    async def test_a_change_leaves_other_kinds_and_records_alone(self) -> None:
        user, other = (
            await self.store.insert(User, 1, **a_user()),
            await self.store.insert(User, 2, **a_user()),
        )
        message = await self.store.insert(Message, 1, data="same id")
        await self.store.update(User, 1, name="Eva")
        await self.store.delete(User, 1)
        self.assertEqual(await self.store.page(Message, ALL), [message])
        self.assertEqual(await self.store.page(User, ALL), [other])
        self.assertEqual(user.rev, 1)


class UniquePromises(StoreCase):
    """A unique value has one owner, as its field normalizes it."""

    async def test_a_taken_value_is_refused_and_the_field_named(self) -> None:
        await self.store.insert(Client, **a_client(1))
        other = await self.store.insert(Client, **a_client(2))
        for name in ("email", "cpf"):
            taken = {name: a_client(1)[name]}
            for work in (
                partial(self.store.insert, Client, **a_client(3, **taken)),
                partial(self.store.update, Client, other.id, name="new", **taken),
            ):
                error = await self.refused(Taken, work)
                self.assertEqual((error.kind, error.field), ("Client", name))
        self.assertIsNone(await self.store.find(Client, "email", a_client(3)["email"]))

    async def test_case_does_not_count_beyond_ascii_either(self) -> None:
        owner = await self.store.insert(Client, **a_client(1, email="É@x.org"))
        await self.refused(Taken, lambda: self.store.insert(Client, **a_client(2, email="é@X.org")))
        for spelling in ("É@x.org", "é@X.ORG"):
            self.assertEqual(await self.store.find(Client, "email", spelling), owner)
        self.assertIsNone(await self.store.find(Client, "email", "e@x.org"))
        await self.store.insert(Company, **a_company("STRASSE"))
        await self.refused(Taken, lambda: self.store.insert(Company, **a_company("straße")))

    async def test_case_counts_where_a_value_is_compared_as_it_stands(self) -> None:
        upper = await self.store.insert(Product, **a_product("Café"))
        lower = await self.store.insert(Product, **a_product("café"))
        self.assertEqual(await self.store.find(Product, "name", "Café"), upper)
        self.assertEqual(await self.store.find(Product, "name", "café"), lower)

    async def test_a_value_is_unique_within_its_kind_only(self) -> None:
        await self.store.insert(Product, **a_product("Acme"))
        await self.store.insert(Company, **a_company("Acme"))
        self.assertEqual(await self.store.count(Company), 1)

    async def test_a_record_may_keep_its_own_value_or_change_its_case(self) -> None:
        first = await self.store.insert(Client, **a_client(1, email="ana@x.org"))
        await self.store.update(Client, first.id, email="ana@x.org", cpf=first.cpf)
        second = await self.store.update(Client, first.id, email="Ana@x.org")
        self.assertEqual(second.email, "Ana@x.org")
        self.assertEqual(await self.store.find(Client, "email", "ANA@X.ORG"), second)
        await self.refused(
            Taken, lambda: self.store.insert(Client, **a_client(2, email="ana@x.org"))
        )

    async def test_a_value_freed_by_an_update_can_be_taken(self) -> None:
        first = await self.store.insert(Client, **a_client(1, email="a@x.org"))
        await self.store.update(Client, first.id, email="b@x.org")
        self.assertIsNone(await self.store.find(Client, "email", "a@x.org"))
        second = await self.store.insert(Client, **a_client(2, email="A@x.org"))
        self.assertEqual(await self.store.find(Client, "email", "a@x.org"), second)
        await self.refused(Taken, lambda: self.store.update(Client, first.id, email="a@x.org"))

    async def test_a_value_freed_by_a_delete_can_be_taken(self) -> None:
        first = await self.store.insert(Client, **a_client(1))
        await self.store.delete(Client, first.id)
        second = await self.store.insert(Client, **a_client(1))
        self.assertEqual(await self.store.find(Client, "cpf", second.cpf), second)
        self.assertNotEqual(second.id, first.id)


class IdPromises(StoreCase):
    """Ids count up, and none is given twice before all have been given."""

    async def inserted(self, id: int | None = None) -> int:
        return (await self.store.insert(Message, id, data="x")).id

    async def test_ids_count_from_one_in_each_kind(self) -> None:
        self.assertEqual([await self.inserted() for _ in range(3)], [1, 2, 3])
        self.assertEqual((await self.store.insert(User, **a_user())).id, 1)

    async def test_an_id_is_not_given_again_after_a_delete(self) -> None:
        last = [await self.inserted() for _ in range(3)][-1]
        for id in (last, 1, 2):
            await self.store.delete(Message, id)
        self.assertEqual(await self.inserted(), last + 1)

    async def test_the_next_id_is_one_above_the_highest_ever_used(self) -> None:
        for asked in (10, 5):
            self.assertEqual(await self.inserted(asked), asked)
        self.assertEqual(await self.inserted(), 11)
        await self.inserted(20)
        await self.store.delete(Message, 20)
        self.assertEqual(await self.inserted(), 21)

    async def test_ids_asked_for_span_all_64_bits(self) -> None:
        for asked in (HIGHEST, LOWEST, -1, 0):
            self.assertEqual(await self.inserted(asked), asked)
            self.assertEqual((await self.store.get(Message, asked)).id, asked)
        self.assertEqual(ids(await self.store.page(Message, ALL)), [LOWEST, -1, 0, HIGHEST])

    async def test_counting_starts_at_one_above_negative_ids(self) -> None:
        await self.inserted(-7)
        self.assertEqual(await self.inserted(), 1)

    async def test_an_id_in_use_is_taken_and_one_deleted_can_be_asked_for(self) -> None:
        for id in (-3, 4):
            await self.inserted(id)
            error = await self.refused(Taken, partial(self.inserted, id))
            self.assertEqual((error.kind, error.field), ("Message", "id"))
            await self.store.delete(Message, id)
            self.assertEqual(await self.inserted(id), id)

    async def test_the_lowest_free_id_is_given_once_the_highest_is_used(self) -> None:
        for asked in (-1, 0, 1, 2, 4, 6, HIGHEST):
            await self.inserted(asked)
        self.assertEqual([await self.inserted() for _ in range(3)], [3, 5, 7])
        await self.store.delete(Message, HIGHEST)
        await self.store.delete(Message, 1)
        self.assertEqual([await self.inserted() for _ in range(2)], [1, 8])


class PagePromises(StoreCase):
    """Pages go up the ids, from above one, as many as wanted, of all records or those with one
    value.
    """

    async def check_pages(
        self, kind: type[Record], where: Where | None, present: list[int]
    ) -> None:
        """Compare pages around every edge of the ids that are `present`."""
        edges: list[int | None] = [None, LOWEST, HIGHEST]
        edges += [
            id + step for id in present for step in (-1, 0, 1) if LOWEST <= id + step <= HIGHEST
        ]
        for after in edges:
            above = [id for id in present if after is None or id > after]
            for limit in (1, 2, len(present), len(present) + 1, ALL):
                page = await self.store.page(kind, limit, after, where)
                self.assertEqual(ids(page), above[:limit], (after, limit, where))

    async def test_a_page_gives_so_many_records_above_an_id(self) -> None:
        await self.check_pages(Message, None, [])
        present = [LOWEST, -3, 0, 1, 2, 40, HIGHEST]
        for id in reversed(present):
            await self.store.insert(Message, id, data=f"{id}")
        await self.check_pages(Message, None, present)
        self.assertEqual(
            [message.data for message in await self.store.page(Message, ALL)],
            [f"{id}" for id in present],
        )

    async def test_a_page_of_one_value_has_the_records_with_it_only(self) -> None:
        for name in ("one", "two"):
            await self.store.insert(Company, **a_company(name))
        for id, company, role in (
            (-9, 1, "user"),
            (2, 2, "user"),
            (3, 1, "admin"),
            (5, 1, "user"),
            (HIGHEST, 2, "admin"),
        ):
            await self.store.insert(Account, id, **an_account(f"u{id}", company, role=role))
        expected: list[tuple[str, Any, list[int]]] = [
            ("company_id", 1, [-9, 3, 5]),
            ("company_id", 2, [2, HIGHEST]),
            ("company_id", 3, []),
            ("role", "user", [-9, 2, 5]),
            ("role", "admin", [3, HIGHEST]),
        ]
        for field, value, present in expected:
            await self.check_pages(Account, Where(field, value), present)

    async def test_a_record_moves_from_one_value_to_another(self) -> None:
        await self.store.insert(Company, **a_company("one"))
        for login in ("ana", "eva", "rui"):
            await self.store.insert(Account, **an_account(login, 1))
        await self.store.update(Account, 2, role="admin")
        await self.store.update(Account, 3, login="new")
        await self.store.delete(Account, 1)
        self.assertEqual(ids(await self.store.page(Account, ALL, None, Where("role", "user"))), [3])
        self.assertEqual(
            ids(await self.store.page(Account, ALL, None, Where("role", "admin"))), [2]
        )

    async def test_the_count_follows_inserts_and_deletes(self) -> None:
        for id in (7, -7):
            await self.store.insert(Message, id, data="x")
        await self.store.update(Message, 7, data="y")
        self.assertEqual(await self.store.count(Message), 2)
        await self.store.delete(Message, 7)
        self.assertEqual((await self.store.count(Message), await self.store.count(User)), (1, 0))
