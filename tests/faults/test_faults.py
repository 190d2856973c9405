# mypy: allow-untyped-calls
"""What a client notices of a fault, and what it does not change."""

from __future__ import annotations

from random import Random
from typing import Any

from sockcrud.apps.users.records import User
from sockcrud.apps.users.service import Users
from sockcrud.errors import Invalid, NotFound, QuotaExceeded
from sockcrud.faults.acting import MOST, Faults
from tests.support.connection_kit import Peer
from tests.support.dialect_case import DialectCase, request

ANA = {"name": "Ana", "email": "ana@example.org", "age": 30}
CREATE = request(id_operation="create_user", payload=ANA)
GET = request(id_operation="get_user", payload={"user_id": 1})
LIST = request(id_operation="get_users")
INTERNAL = b'{"error":500,"error_message":"Internal Server Error"}\n'
GONE = b'{"error":404,"error_message":"User Not Found"}\n'


class FaultCase(DialectCase):
    """A daemon that allows faults."""

    def setUp(self) -> None:
        super().setUp()
        self.faults = Faults(
            self.clock, {"users": False, "messages": False, "admin": True}, Random(7)
        )
        self.access.interference = self.faults.before
        self.connections.interfere = self.faults.around

    def add(self, dialect: str = "users", operation: str = "", **does: Any) -> int:
        return self.faults.add({"dialect": dialect, "operation": operation, **does}).id

    def hear_turns(self, peer: Peer, turns: int = 200) -> list[bytes]:
        """Return what is written in each of the reactor's turns in which something is."""
        heard = [peer.hear()]
        for _ in range(turns):
            self.turn()
            heard.append(peer.hear())
        return [each for each in heard if each]


class EffectTests(FaultCase):
    def test_without_a_fault_all_is_as_ever(self) -> None:
        peer = self.users()
        plain = peer.ask(CREATE) + peer.ask(GET) + peer.ask(LIST)
        self.setUp()
        self.connections.interfere = self.access.interference = None
        other = self.users()
        self.assertEqual(plain, other.ask(CREATE) + other.ask(GET) + other.ask(LIST))

    def test_a_delayed_request_is_answered_later_and_those_behind_it_in_their_order(self) -> None:
        peer = self.users()
        created, listed = peer.ask(CREATE), peer.ask(LIST)
        self.add(operation="users.get", delay="2s")
        self.assertEqual(peer.ask(GET + LIST), b"")
        self.clock.advance(1.9)
        self.assertEqual(peer.hear(), b"")
        self.clock.advance(0.2)
        self.assertEqual(peer.hear(), created.replace(b"201", b"200") + listed)

    def test_a_delay_may_vary(self) -> None:
        peer = self.users()
        self.add(delay="2s±1s")
        waits = []
        for _ in range(20):
            peer.ask(GET)
            began = self.clock.seconds()
            while not peer.hear():
                self.clock.advance(0.05)
            waits.append(self.clock.seconds() - began)
        self.assertTrue(1 <= min(waits) < 1.5 < 2.5 < max(waits) <= 3.1, waits)

    def test_an_error_is_the_dialects_own_and_nothing_has_changed(self) -> None:
        self.add(operation="users.create", error="500")
        peer = self.users()
        self.assertEqual(peer.ask(CREATE), INTERNAL)
        self.assertEqual(self.stored(User), [])
        self.faults.clear()
        self.add(error="not_found")
        self.assertEqual(peer.ask(GET), GONE)

    def test_drop_closes_instead_of_the_answer_and_nothing_is_done(self) -> None:
        peer = self.users()
        listed = peer.ask(LIST)
        self.add(operation="users.create", drop=True)
        self.assertEqual(peer.ask(LIST + CREATE + LIST), listed)
        self.assertTrue(peer.is_closed)
        self.assertEqual(self.stored(User), [])

    def test_drop_after_closes_when_it_is_done(self) -> None:
        self.add(drop=True, after=True)
        peer = self.users()
        self.assertEqual(peer.ask(CREATE), b"")
        self.assertTrue(peer.is_closed)
        self.assertEqual(len(self.stored(User)), 1)

    def test_reset_does_not_even_close_in_order(self) -> None:
        peer = self.users()
        self.add(reset=True, operation="users.create")
        self.assertEqual(peer.ask(CREATE), b"")
        self.assertTrue(peer.is_aborted)
        self.assertEqual(self.stored(User), [])

    def test_truncate_sends_the_beginning_and_closes(self) -> None:
        peer = self.users()
        created = peer.ask(CREATE)
        self.add(truncate="20")
        self.assertEqual(b"".join(self.hear_after(peer, GET)), created[:20])
        self.assertTrue(peer.is_closed)

    def test_split_sends_one_byte_at_a_time_and_all_of_them_in_order(self) -> None:
        peer = self.users()
        created = peer.ask(CREATE).replace(b"201", b"200")
        self.add(split=True, operation="users.get")
        heard = self.hear_after(peer, GET + GET, 2 * len(created) + 10)
        self.assertEqual(b"".join(heard), created * 2)
        self.assertEqual({*map(len, heard)}, {1})
        self.assertFalse(peer.is_closed)

    def test_a_list_in_slices_is_truncated_and_split_too(self) -> None:
        peer = self.users()
        for _ in range(50):
            peer.ask(CREATE)
        whole = b"".join(self.hear_after(peer, LIST))
        self.add(truncate="100", split=True)
        heard = self.hear_after(peer, LIST)
        self.assertEqual(b"".join(heard), whole[:100])
        self.assertEqual({*map(len, heard)}, {1})
        self.assertTrue(peer.is_closed)

    def test_who_goes_while_it_is_delayed_leaves_nothing_behind(self) -> None:
        self.add(delay="2s", operation="users.create")
        peer = self.users()
        peer.ask(CREATE)
        peer.vanish()
        self.clock.advance(3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def hear_after(self, peer: Peer, data: bytes, turns: int = 200) -> list[bytes]:
        peer.send(data)
        return self.hear_turns(peer, turns)


class WhomItMeetsTests(FaultCase):
    def test_another_dialect_operation_or_address_is_not_met(self) -> None:
        peer = self.users()
        listed = peer.ask(LIST)
        self.add("messages", drop=True)
        self.add(operation="users.create", drop=True)
        self.add(address="192.0.2.2", drop=True)
        self.add(account="ana", drop=True)
        self.assertEqual(peer.ask(LIST), listed)
        self.assertEqual([rule.hits for rule in self.faults.all()], [0, 0, 0, 0])

    def test_a_pattern_meets_several_operations(self) -> None:
        self.add(operation="users.*", error="500")
        peer = self.users()
        self.assertEqual(peer.ask(LIST) + peer.ask(GET), INTERNAL * 2)

    def test_it_passes_after_its_requests_or_its_time(self) -> None:
        peer = self.users()
        self.add(error="500", times="2")
        self.assertEqual([peer.ask(GET) for _ in range(3)], [INTERNAL, INTERNAL, GONE])
        self.add(error="500", **{"for": "30s"})
        self.assertEqual(peer.ask(GET), INTERNAL)
        self.clock.advance(31)
        self.assertEqual(peer.ask(GET), GONE)
        self.assertEqual(self.faults.all(), [])

    def test_a_chance_is_about_that_often(self) -> None:
        peer = self.users()
        self.add(error="500", chance="25%")
        met = sum(peer.ask(GET) == INTERNAL for _ in range(400))
        self.assertTrue(70 <= met <= 130, met)

    def test_an_operation_that_no_connection_asks_for_is_not_met(self) -> None:
        from sockcrud.access import Principal

        self.add(error="500")
        listing = Users(self.access, self.store).list(Principal("users", "192.0.2.1"))
        with self.assertRaises(StopIteration):
            listing.send(None)


class RuleTests(FaultCase):
    def test_what_cannot_be_meant_is_refused_by_its_name(self) -> None:
        for wrong, field in (
            ({}, "request"),
            ({"delay": "soon"}, "delay"),
            ({"delay": "2s±x"}, "delay"),
            ({"chance": "0%", "drop": True}, "chance"),
            ({"chance": "101%", "drop": True}, "chance"),
            ({"error": "418"}, "error"),
            ({"error": ["500"]}, "error"),
            ({"drop": "yes"}, "drop"),
            ({"drop": True, "error": "500"}, "drop"),
            ({"truncate": "-1"}, "truncate"),
            ({"times": "0", "drop": True}, "times"),
            ({"after": True, "split": True}, "after"),
            ({"reorder": True}, "reorder"),
            ({"dialect": "nobody", "drop": True}, "dialect"),
            ({"dialect": "admin", "drop": True}, "dialect"),
            ({"operation": "users.sing", "drop": True}, "operation"),
        ):
            with self.assertRaises(Invalid) as refused:
                self.faults.add(wrong)
            self.assertEqual(refused.exception.field, field, wrong)

    def test_it_is_shown_as_it_was_written(self) -> None:
        self.add(operation="users.get", delay="2s±1s", chance="10%", split=True)
        (rule,) = self.faults.all()
        self.assertEqual(str(rule), "users users.get --delay 2s±1s --chance 10% --split")

    def test_there_is_an_end_to_how_many_there_are(self) -> None:
        for _ in range(MOST):
            self.add(drop=True)
        with self.assertRaises(QuotaExceeded):
            self.add(drop=True)
        self.faults.remove(3)
        with self.assertRaises(NotFound):
            self.faults.remove(3)
        self.assertEqual(self.faults.clear(), MOST - 1)
