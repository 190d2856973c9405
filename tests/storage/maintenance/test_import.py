# mypy: allow-untyped-calls
"""An import: all of it or nothing, and each fault with its line and field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client
from sockcrud.apps.users.records import User
from sockcrud.errors import Forbidden, NotFound, Unavailable
from sockcrud.identity.accounts import ACTIVE_ADMIN
from sockcrud.identity.records import USER, Account
from sockcrud.records import Record
from sockcrud.storage.contract import ITransaction, Stage
from sockcrud.storage.maintenance.import_rows import (
    MOST_FAULTS,
    NO_PASSWORD,
    Fault,
    Given,
    Unimportable,
)
from sockcrud.storage.maintenance.record_lines import as_json
from sockcrud.storage.maintenance.transfer import REST_SECONDS
from tests.storage.maintenance.transfer_case import (
    FAR,
    NOON,
    RECORDS,
    T,
    TransferCase,
    a_message,
    as_given,
    without_rev,
)
from tests.support.directory_kit import HERE, RIGHT


class ImportTests(TransferCase):
    def test_what_was_exported_with_secrets_is_the_same_elsewhere(self) -> None:
        self.filled()
        before = without_rev(self.exported(secrets=True))
        lines = [
            as_given(record) for record in reversed(self.exported(secrets=True))
        ]  # what refers before what is referred to
        importer = self.elsewhere()
        counts = self.imports(*lines, by=importer)
        self.boss = importer
        after = without_rev([record for record in self.exported(secrets=True) if record.id != FAR])
        self.assertEqual(after, before)
        self.assertEqual(
            counts,
            {
                "User": 2,
                "Message": 2,
                "Client": 2,
                "Address": 1,
                "Product": 1,
                "InventoryItem": 1,
                "Company": 2,
                "Account": 4,
            },
        )
        self.assertEqual(
            self.have(self.directory.authenticate("anna", RIGHT, HERE)).id, self.anna.id
        )

    def test_what_was_exported_without_secrets_brings_accounts_without_a_password(self) -> None:
        lines = [as_given(record) for record in self.exported()]
        importer = self.elsewhere()
        self.imports(*lines, by=importer)
        anna = self.account(self.anna.id)
        self.assertEqual(anna.password_hash, NO_PASSWORD)
        self.assertIsNone(as_json(anna)["password_hash"])
        self.pool.works = 0
        self.failureResultOf(
            Deferred.fromCoroutine(self.directory.authenticate("anna", RIGHT, HERE))
        )
        self.assertEqual(self.pool.works, 1)  # it costs what a wrong password costs
        self.have(self.directory.change(anna.id, digest=RIGHT))
        self.have(self.directory.authenticate("anna", RIGHT, HERE))

    def test_the_ids_stay_and_the_revisions_are_new(self) -> None:
        rev = self.store.rev
        self.assertEqual(
            self.imports(a_message(9, rev=1), a_message(-3, rev="nonsense")), {"Message": 2}
        )
        found = [self.have(self.store.get(Message, id)) for id in (9, -3)]
        self.assertEqual([message.rev for message in found], [rev + 1, rev + 2])

    def test_nothing_is_imported_from_nothing(self) -> None:
        rev = self.store.rev
        self.assertEqual((self.imports(), self.store.rev), ({}, rev))

    def test_it_is_one_change_under_the_lock_of_the_last_admin(self) -> None:
        self.imports(a_message(1))
        self.assertEqual(self.store.asked[0], f"lock {ACTIVE_ADMIN}")

    def test_values_are_taken_in_the_forms_they_are_exported_in(self) -> None:
        snapshots = {
            "created_at": "2024-02-29T13:00:00.123456+01:00",
            "updated_at": "2024-02-29T12:00:00Z",
        }
        self.imports(
            {"kind": "User", "id": 1, "name": "A", "email": "a@b.c", "age": 1, **snapshots}
        )
        user = self.have(self.store.get(User, 1))
        self.assertEqual(
            (user.created_at, user.updated_at.isoformat()), (NOON, "2024-02-29T12:00:00+00:00")
        )
        client = {"kind": "Client", "id": 1, "name": "A", "email": "a@b.c", "cpf": "111.111.111-11"}
        self.imports({**client, "balance": 12.5})
        self.assertEqual(str(self.have(self.store.get(Client, 1)).balance), "12.50")

    def test_each_fault_is_told_with_its_line_and_field(self) -> None:
        user = {"kind": "User", "name": "A", "email": "a@b.c", "age": 1}
        snapshots = {"created_at": NOON.isoformat(), "updated_at": NOON.isoformat()}
        client = {
            "kind": "Client",
            "name": "A",
            "email": "a@b.c",
            "cpf": "111.111.111-11",
            "balance": "1.00",
        }
        for given, fields in (
            ({}, ["kind"]),
            ({"kind": "Session", "id": 1}, ["kind"]),
            ({"kind": ["User"], "id": 1}, ["kind"]),
            ({"kind": "Message", "data": "x", "id": None}, ["id"]),
            (a_message("1"), ["id"]),
            (a_message(True), ["id"]),
            (a_message(1.0), ["id"]),
            (a_message(2**63), ["id"]),
            ({**user, **snapshots, "id": 0}, ["id"]),
            ({**user, **snapshots, "id": -1}, ["id"]),
            (a_message(1, data=""), ["data"]),
            (a_message(1, data="a\x00"), ["data"]),
            (a_message(1, dta="typo"), ["dta"]),
            ({"kind": "Message", "id": 1}, ["data"]),
            (
                {**user, "id": 1, "created_at": NOON.isoformat()[:-6], "updated_at": 5},
                ["created_at", "updated_at"],
            ),
            (
                {**user, "id": 1, "created_at": "0001-01-01T00:00:00+10:00", "updated_at": "x"},
                ["created_at", "updated_at"],
            ),
            ({**user, **snapshots, "id": 1, "age": "1", "name": None}, ["name", "age"]),
            ({**client, "id": 1, "balance": "1.001"}, ["balance"]),
            ({**client, "id": 1, "cpf": "11111111111"}, ["cpf"]),
            ({"kind": "Company", "id": 50, "name": "x", "active": 1}, ["active"]),
        ):
            self.assertEqual(
                self.faults(a_message(77), given), [(2, field) for field in fields], given
            )

    def test_an_account_brings_a_hash_that_can_be_checked_or_none(self) -> None:
        account = {
            "kind": "Account",
            "id": 50,
            "login": "dora",
            "role": USER,
            "company_id": self.ours.id,
            "active": True,
        }
        good = self.account(self.anna.id).password_hash
        head, _, body = good.partition("$m=8,t=1,p=1$")
        for hash in (
            "",
            "!",
            5,
            good[:-2],  # whatever the hash is: base64 has no such length
            good + "$",
            good.replace("argon2id", "argon2i"),
            good.replace("v=19", "v=16"),
            f"{head}$m=9999999,t=1,p=1${body}",
            f"{head}$m=19457,t=2,p=1${body}",  # a little more than our own
            f"{head}$m=19456,t=3,p=1${body}",
            f"{head}$m=19456,t=2,p=2${body}",
            f"{head}$m=8,t=99,p=1${body}",
            f"{head}$m=8,t=0,p=1${body}",
            f"{head}$m=8,t=1,p=2${body}",
            f"{head}$m=8,t=1,p=1$é{body[1:]}",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        ):
            self.assertEqual(
                self.faults({**account, "password_hash": hash}), [(1, "password_hash")], hash
            )
        self.imports(
            {**account, "password_hash": good},
            {**account, "id": 51, "login": "emil", "password_hash": None},
        )
        self.assertEqual([self.account(id).password_hash for id in (50, 51)], [good, NO_PASSWORD])
        self.have(self.directory.authenticate("dora", RIGHT, HERE))

    def test_what_exists_already_is_a_fault_of_its_line(self) -> None:
        self.filled()
        client = {
            "kind": "Client",
            "name": "A",
            "email": "PÉ@X.org",
            "cpf": "454.454.454-27",
            "balance": "1.00",
        }
        company = {"kind": "Company", "id": 50, "name": "THEIRS", "active": True}
        self.assertEqual(
            self.faults(a_message(-5), a_message(6), {**client, "id": 7}, company),
            [(1, "id"), (3, "id"), (3, "email"), (3, "cpf"), (4, "name")],
        )

    def test_what_is_there_twice_is_a_fault_of_the_later_line(self) -> None:
        one = {"kind": "Company", "id": 50, "name": "New", "active": True}
        two = {"kind": "Company", "id": 51, "name": "NEW", "active": True}
        error = self.refusal(one, a_message(1), two, one, a_message(1))
        self.assertEqual(
            [(fault.line, fault.field) for fault in error.faults],
            [(3, "name"), (4, "id"), (4, "name"), (5, "id")],
        )
        self.assertEqual(error.faults[0].expected, "a value that line 1 has not")

    def test_what_is_referred_to_must_be_in_the_store_or_in_the_file(self) -> None:
        address = {
            "kind": "Address",
            "state": "SP",
            "city": "S",
            "street": "R",
            "number": 9,
            "cep": "01310-100",
        }
        client = {
            "kind": "Client",
            "name": "A",
            "email": "a@b.c",
            "cpf": "111.111.111-11",
            "balance": "1.00",
        }
        self.filled()
        given = [{**address, "id": 2, "client_id": 99}, {**address, "id": 3, "client_id": 7}]
        self.assertEqual(
            self.faults(*given, {**address, "id": 5, "client_id": "7"}),
            [(1, "client_id"), (3, "client_id")],
        )
        # A faulty line does not make faults of those that refer to it.
        self.assertEqual(self.faults(*given, {**client, "id": 99, "name": ""}), [(3, "name")])
        self.imports(*given, {**client, "id": 99})
        self.assertEqual(self.have(self.store.get(Address, 2)).client_id, 99)

    def test_no_more_faults_are_told_than_anybody_reads(self) -> None:
        exactly = self.refusal(*[a_message(id, data="") for id in range(MOST_FAULTS)])
        self.assertEqual((len(exactly.faults), exactly.all), (MOST_FAULTS, True))
        read: list[int] = []

        def lines() -> Iterator[Given]:
            for line in range(1, 10 * MOST_FAULTS):
                read.append(line)
                yield Given(line, a_message(line, data=""))

        error = self.failureResultOf(
            self.wait(self.transfer.import_(self.boss, lines())), Unimportable
        ).value
        assert isinstance(error, Unimportable)
        self.assertEqual(
            (len(error.faults), error.all, len(read)), (MOST_FAULTS, False, MOST_FAULTS + 1)
        )
        self.filled()
        known = [a_message(id) for id in range(1, 10 * MOST_FAULTS)]
        self.imports(*known)
        self.assertEqual(len(self.refusal(*known).faults), MOST_FAULTS)

    def test_faults_that_were_found_before_are_told_with_the_others(self) -> None:
        self.assertEqual(
            self.faults(a_message(1, data=""), Fault(2, None, "a JSON object")),
            [(1, "data"), (2, None)],
        )

    def test_others_have_their_turn_while_it_is_checked(self) -> None:
        answered: list[int] = []
        many = 20_000

        def lines() -> Iterator[Given]:
            for line in range(1, many + 1):
                if line == many // 2:
                    answered.append(self.turns)
                yield Given(line, a_message(line))

        self.turns = 0
        stored: set[int] = set()

        def another() -> None:
            self.turns += 1
            stored.add(self.have(self.store.count(Message)))
            if not done.called:
                self.clock.callLater(REST_SECONDS, another)

        done = Deferred.fromCoroutine(self.transfer.import_(self.boss, lines()))
        self.clock.callLater(0, another)
        self.take_turns()
        self.assertEqual(self.successResultOf(done), {"Message": many})
        self.assertGreater(answered[0], 0)
        self.assertGreater(self.turns, answered[0])
        self.assertEqual(stored, {0, many})

    def test_what_changes_after_the_check_is_a_fault_too_and_nothing_stays(self) -> None:
        address = {
            "kind": "Address",
            "id": 9,
            "state": "SP",
            "city": "S",
            "street": "R",
            "number": 9,
            "cep": "01310-100",
        }
        self.filled()

        def meanwhile(change: Callable[[ITransaction], Awaitable[object]]) -> None:
            transact = self.store.transact

            async def late(body: Callable[[ITransaction], Awaitable[T]]) -> T:
                self.store.transact = transact  # type: ignore[method-assign]
                await transact(change)
                return await transact(body)

            self.store.transact = late  # type: ignore[method-assign]

        meanwhile(lambda transaction: transaction.delete(Client, 7))
        self.assertEqual(
            self.late_faults(a_message(1), {**address, "client_id": 7}), [(2, "client_id")]
        )
        meanwhile(lambda transaction: transaction.insert(Message, 2, data="x"))
        self.assertEqual(self.late_faults(a_message(1), a_message(2)), [(2, "id")])
        meanwhile(lambda transaction: transaction.update(Account, self.root.id, role=USER))
        before = self.have(self.store.count(Message))
        self.failureResultOf(
            self.wait(self.transfer.import_(self.boss, [Given(1, a_message(1))])), Forbidden
        )
        self.assertEqual(self.have(self.store.count(Message)), before)

    def test_what_changes_while_many_come_in_is_a_fault_too_and_nothing_stays(self) -> None:
        address = {
            "kind": "Address",
            "id": 9,
            "state": "SP",
            "city": "S",
            "street": "R",
            "number": 9,
            "cep": "01310-100",
        }
        many = [a_message(id) for id in range(1, 901)]
        self.filled()
        for name in ("add", "publish"):
            self.when_staged(name, lambda: self.store.delete(Client, 7))
            self.assertEqual(
                self.late_faults(*many, {**address, "client_id": 7}), [(901, "client_id")]
            )
            [seven] = [fields for kind, id, fields in RECORDS if (kind, id) == (Client, 7)]
            self.have(self.store.insert(Client, 7, **seven))
        self.when_staged("add", lambda: self.store.insert(Message, 900, data="mine"))
        self.assertEqual(self.late_faults(*many), [(900, "id")])
        self.when_staged("publish", lambda: self.store.update(Account, self.root.id, role=USER))
        entries = [Given(line, each) for line, each in enumerate(many[:800], 1)]
        self.failureResultOf(self.wait(self.transfer.import_(self.boss, entries)), Forbidden)
        self.failureResultOf(Deferred.fromCoroutine(self.store.get(Message, 1)), NotFound)

    def when_staged(self, name: str, change: Callable[[], Awaitable[object]]) -> None:
        """Make a change before the first call of this method of the next stage."""
        begin = self.store.stage

        async def stage(highest: Mapping[type[Record], int], size: int | None = None) -> Stage:
            self.store.stage = begin  # type: ignore[method-assign]
            staged = await begin(highest, size)
            method, made = getattr(staged, name), list[object]()

            async def late(argument: object) -> object:
                if not made:
                    made.append(await change())
                return await method(argument)

            setattr(staged, name, late)
            return staged

        self.store.stage = stage  # type: ignore[method-assign]

    def late_faults(self, *given: dict[str, Any]) -> list[tuple[int, str | None]]:
        entries = [Given(line, each) for line, each in enumerate(given, 1)]
        error = self.failureResultOf(
            self.wait(self.transfer.import_(self.boss, entries)), Unimportable
        ).value
        assert isinstance(error, Unimportable)
        self.failureResultOf(Deferred.fromCoroutine(self.store.get(Message, 1)), NotFound)
        return [(fault.line, fault.field) for fault in error.faults]

    def test_a_store_out_of_reach_is_no_fault_of_the_file(self) -> None:
        self.patch(self.store, "get", lambda kind, id: fail(Unavailable()))
        self.failureResultOf(
            self.wait(self.transfer.import_(self.boss, [Given(1, a_message(1))])), Unavailable
        )
