# mypy: allow-untyped-calls
"""The monitor's check of a record that nobody wrote one for, with a client in memory that may
misbehave.
"""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.client.calls import Page
from sockcrud.client.errors import (
    AlreadyExists,
    BadAnswer,
    NotFound,
    NotLoggedIn,
    Outdated,
    ServerGone,
)
from sockcrud.client.record_calls import client_type
from sockcrud.identity.records import Company
from sockcrud.monitor.checks.accounts import OwnAccount
from sockcrud.monitor.checks.base import Kit
from sockcrud.monitor.checks.ports import Ports
from sockcrud.monitor.checks.record_check import DeclaredSteps, RecordCheck
from sockcrud.monitor.checks.results import Outcome, Result
from sockcrud.monitor.checks.steps import Conductor
from sockcrud.records import Record, checked
from tests.support.model import describe


class Store:
    """Records of one kind. At the call of the number `breaks_at` something goes wrong."""

    def __init__(self, kind: type[Record]) -> None:
        self.kind = kind
        self.records: dict[int, Any] = {}
        self.rev = 0
        self.calls = 0
        self.breaks_at = 0
        self.is_carried_out = False
        self.open = 0
        self.needs_login = False

    def connect(self, reactor: object, where: object, **terms: Any) -> FakeClient:
        self.open += 1
        return FakeClient(self)


class FakeClient:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_logged_in = not store.needs_login

    def do_log_in(self, login: str, password: str) -> None:
        self.is_logged_in = True

    def do_log_out(self) -> None:
        self.is_logged_in = False

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Deferred[Any]:
            self.store.calls += 1
            broken = self.store.calls == self.store.breaks_at
            if not self.is_logged_in and name != "log_in":
                return fail(NotLoggedIn(401, "log in first"))
            try:
                result = (
                    getattr(self, f"do_{name}")(*given, **named)
                    if not broken or self.store.is_carried_out
                    else None
                )
            except Exception as error:
                return fail(ServerGone("it broke") if broken else error)
            return fail(ServerGone("it broke")) if broken else succeed(result)

        return call

    def close(self) -> Deferred[None]:
        self.store.open -= 1
        return succeed(None)

    def do_list(self, after: int | None = None, limit: int = 500) -> Page[Any]:
        found = [each for id, each in sorted(self.store.records.items()) if id > (after or 0)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def do_get(self, id: int) -> Any:
        if id not in self.store.records:
            raise NotFound(404, "no")
        return self.store.records[id]

    def do_find(self, **field: Any) -> Any:
        ((name, value),) = field.items()
        for each in self.store.records.values():
            if getattr(each, name) == value:
                return each
        raise NotFound(404, "no")

    def do_create(self, **fields: Any) -> Any:
        checked(self.store.kind, **fields)
        for name in describe(self.store.kind).uniques:
            if any(getattr(each, name) == fields[name] for each in self.store.records.values()):
                raise AlreadyExists(409, "taken")
        self.store.rev += 1
        shape: Any = client_type(self.store.kind)
        made = shape(id=self.store.rev, rev=self.store.rev, **fields)
        self.store.records[made.id] = made
        return made

    def do_update(self, id: int, rev: int | None = None, **fields: Any) -> Any:
        known = self.do_get(id)
        if rev not in (None, known.rev):
            raise Outdated(412, "outdated")
        checked(self.store.kind, **fields)
        self.store.rev += 1
        self.store.records[id] = attrs.evolve(known, rev=self.store.rev, **fields)
        return self.store.records[id]

    def do_delete(self, id: int, rev: int | None = None) -> None:
        self.do_get(id)
        del self.store.records[id]


class RecordCheckTests(SynchronousTestCase):
    def begin(self, kind: type[Record], login: str | None = None) -> None:
        self.clock = Clock()
        self.store = Store(kind)
        self.store.needs_login = login is not None
        ports = Ports(self.clock, {"library": "memory"}, 10.0)
        kit = Kit("library", ports, OwnAccount("monitor", "password"), None, self.clock, 1.0)
        self.check = RecordCheck(kit, kind, "records", self.store.connect, login)

    def found(self) -> Result:
        conducting = Deferred.fromCoroutine(
            Conductor(self.clock, self.clock.seconds).conduct(self.check)
        )
        result: Result = self.successResultOf(conducting)
        return result

    def test_all_is_well_for_records_of_every_shape(self) -> None:
        for kind in (User, Message, Client, Product, Company):
            self.begin(kind)
            for _ in range(3):
                result = self.found()
                self.assertEqual((result.state.value, result.reason), ("up", ""), kind)
                self.assertEqual(result.skipped, ())
            self.assertEqual((self.store.records, self.store.open), ({}, 0))

    def test_what_refers_to_others_is_only_listed(self) -> None:
        self.begin(InventoryItem)
        result = self.found()
        self.assertEqual(result.state.value, "up")
        self.assertEqual(
            [taken.name for taken in result.steps if taken.outcome is Outcome.OK],
            ["ask for the records"],
        )
        self.assertIn("refers to other records", result.skipped[0].reason)

    def test_whatever_breaks_leaves_nothing_behind_and_is_up_again(self) -> None:
        for kind, login in ((Product, None), (User, None), (Product, "library")):
            self.begin(kind, login)
            self.found()
            self.store.calls = 0  # the first run looked for what an earlier monitor may have left
            self.found()
            count = self.store.calls
            for carried_out in (False, True):
                for number in range(1, count + 1):
                    self.store.calls, self.store.breaks_at, self.store.is_carried_out = (
                        0,
                        number,
                        carried_out,
                    )
                    self.assertEqual(self.found().state.value, "down", (kind, number, carried_out))
                    self.assertEqual(
                        (self.store.records, self.store.open), ({}, 0), (kind, number, carried_out)
                    )
                    self.store.breaks_at = 0
                    self.assertEqual(self.found().state.value, "up")

    def test_what_a_killed_monitor_has_left_is_removed_at_the_first_run(self) -> None:
        for kind in (User, Message, Product):
            self.begin(kind)
            FakeClient(self.store).do_create(**self.check._record.values())
            self.assertEqual(self.found().state.value, "up", kind)
            self.assertEqual(self.store.records, {}, kind)

    def test_records_of_others_are_left_alone(self) -> None:
        self.begin(User)
        FakeClient(self.store).do_create(**{**self.check._record.values(), "name": "somebody else"})
        for number in range(1, 12):
            self.store.calls, self.store.breaks_at, self.store.is_carried_out = 0, number, True
            self.found()
        self.assertEqual([each.name for each in self.store.records.values()], ["somebody else"])

    def test_a_wrong_answer_is_down_at_the_step_that_reads_it(self) -> None:
        self.begin(Product)
        self.patch(
            FakeClient, "do_get", lambda self, id: attrs.evolve(self.store.records[id], quantity=99)
        )
        result = self.found()
        self.assertEqual((result.state.value, result.step), ("down", "read the product"))
        self.assertIn("quantity is 99", result.reason)
        self.patch(
            FakeClient, "do_get", lambda self, id: (_ for _ in ()).throw(BadAnswer("garbage"))
        )
        self.assertEqual(self.found().step, "read the product")

    def test_checks_of_two_dialects_do_not_take_each_others_records_for_leftovers(self) -> None:
        ports = Ports(Clock(), {}, 10.0)
        kits = [
            Kit(name, ports, OwnAccount("monitor", ""), None, Clock(), 1.0)
            for name in ("library-lines", "library-rest")
        ]
        first, second = (DeclaredSteps(Client, "clients", kit).values() for kit in kits)
        for name in describe(Client).uniques:
            self.assertNotEqual(first[name], second[name], name)

    def test_where_nobody_can_log_in_nothing_is_asked(self) -> None:
        self.begin(Product, "auth")
        result = self.found()
        self.assertEqual((result.state.value, self.store.calls), ("up", 0))
        self.assertIn("auth is off", result.skipped[0].reason)
