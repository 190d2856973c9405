"""Users as JSON on TCP: docs/protocols/users.md and json-lines.md."""

from __future__ import annotations

import json
from typing import Any, Final

from twisted.internet.defer import Deferred

from sockcrud.apps.users.records import User
from sockcrud.errors import Busy, InDoubt, Unavailable
from tests.support.connection_kit import Peer
from tests.support.dialect_case import DialectCase, request

AT_FIRST: Final = "2023-11-14T22:13:20+00:00"
AT_LAST: Final = "2023-11-14T22:13:22+00:00"
A_TICK_LATER: Final = "2023-11-14T22:13:20.000001+00:00"
BAD_REQUEST: Final = b'{"error":400,"error_message":"Bad Request"}\n'
NOT_FOUND: Final = b'{"error":404,"error_message":"Not Found"}\n'
USER_NOT_FOUND: Final = b'{"error":404,"error_message":"User Not Found"}\n'
INTERNAL: Final = b'{"error":500,"error_message":"Internal Server Error"}\n'

ANA: Final = {"name": "Ana", "email": "ana@example.org", "age": 30}
ODD: Final[tuple[Any, ...]] = (None, True, 1, 1.5, [], {}, ["a"], {"a": []})
NO_ID: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    1.0,
    1.5,
    2**63,
    -(2**63) - 1,
    10**30,
    [1],
    ["1"],
    {},
)
NOT_WHOLE: Final[tuple[Any, ...]] = (
    *NO_ID,
    *("", " 1", "+1", "-1", "1.0", "١", "1\n", "9223372036854775808", "9" * 19, "0" * 20),
)


def op(name: Any, payload: Any = None, **more: Any) -> bytes:
    return request(id_operation=name, payload=payload, **more)


def create(**fields: Any) -> bytes:
    return op("create_user", {**ANA, **fields})


def update(id: Any, /, **data: Any) -> bytes:
    return op("update_user", {"user_id": id, "data": data})


def shown(id: int = 1, updated_at: str = AT_FIRST, **fields: Any) -> str:
    """Return a user as the protocol writes one, to the byte."""
    user = {"id": id, **ANA, "created_at": AT_FIRST, "updated_at": updated_at, **fields}
    return json.dumps(user, ensure_ascii=False, separators=(",", ":"))


def one(code: int, **user: Any) -> bytes:
    return f'{{"payload":{shown(**user)},"code":{code}}}\n'.encode()


def many(*users: str) -> bytes:
    return f'{{"payload":[{",".join(users)}],"code":200}}\n'.encode()


class UsersCase(DialectCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.users()

    def check(self, asked: bytes, answer: bytes) -> None:
        self.assertEqual(self.peer.ask(asked), answer, asked)

    def have(self, count: int) -> None:
        """Have so many users."""
        for _ in range(count):
            self.check(create(), one(201, id=self.store.rev + 1))

    def check_refused(self, asked: bytes, answer: bytes = BAD_REQUEST) -> None:
        """Check the answer, that nothing was stored, and that the connection goes on."""
        before = self.store.rev
        self.check(asked, answer)
        self.assert_unchanged(before)
        self.check(op("get_user", {"user_id": 404}), USER_NOT_FOUND)


class DocumentTests(UsersCase):
    def test_list_users(self) -> None:
        self.check(
            b'{ "id_operation": "get_users", "payload": {} }\n', b'{"payload":[],"code":200}\n'
        )
        self.have(2)
        self.check(b'{ "id_operation": "get_users", "payload": {} }\n', many(shown(1), shown(2)))

    def test_get_one_user(self) -> None:
        self.have(1)
        self.check(b'{ "id_operation": "get_user", "payload": { "user_id": 1 } }\n', one(200))
        self.check(b'{ "id_operation": "get_user", "payload": { "user_id": 2 } }\n', USER_NOT_FOUND)
        self.check(b'{ "id_operation": "get_user", "payload": {} }\n', BAD_REQUEST)

    def test_create_a_user(self) -> None:
        self.check(
            b'{"id_operation": "create_user", "payload": {"name": "Ana", "email": '
            b'"ana@example.org", "age": 30}}',
            b'{"payload":{"id":1,"name":"Ana","email":"ana@example.org","age":30,'
            b'"created_at":"2023-11-14T22:13:20+00:00","updated_at":"2023-11-14T22:13:20+00:00"},"code":201}\n',
        )
        self.check(b'{"id_operation": "create_user", "payload": {"name": "Ana"}}', BAD_REQUEST)

    def test_delete_a_user(self) -> None:
        self.have(1)
        asked = b'{ "id_operation": "delete_user", "payload": { "user_id": 1 } }\n'
        self.check(asked, b'{"payload":{},"code":204}\n')
        self.check(asked, USER_NOT_FOUND)
        self.check(b'{ "id_operation": "delete_user", "payload": { "id": 1 } }\n', BAD_REQUEST)

    def test_update_a_user(self) -> None:
        self.have(1)
        self.clock.advance(5)
        new = {"name": "Bo", "email": "bo@example.org", "age": 31}
        self.check(update(1, **new), one(200, updated_at="2023-11-14T22:13:25+00:00", **new))
        self.check(update(2, **new), USER_NOT_FOUND)
        self.check(op("update_user", {"user_id": 1}), BAD_REQUEST)

    def test_not_found_is_an_operation_that_does_not_exist(self) -> None:
        for name in ("get_all", "", "GET_USERS", "get_users ", "__init__", "ação"):
            self.check_refused(op(name, {}), NOT_FOUND)

    def test_internal_server_error_is_a_fault_of_ours(self) -> None:
        self.store.error = RuntimeError("secret")
        self.check(create(), INTERNAL)
        self.flushLoggedErrors(RuntimeError)


class RequestTests(UsersCase):
    def test_no_operation_or_an_odd_one_is_a_bad_request(self) -> None:
        self.check_refused(b"{}\n")
        self.check_refused(request(payload={}))
        for name in ODD:
            self.check_refused(op(name, {}))

    def test_what_is_no_json_object_is_a_bad_request(self) -> None:
        for line in (
            b"hello",
            b"[]",
            b'"get_users"',
            b"null",
            b'{"id_operation": NaN}',
            b'{"id_operation": "\xff"}',
            b"{",
        ):
            self.check_refused(line + b"\n")

    def test_fields_that_are_not_used_are_ignored_and_the_last_of_a_key_counts(self) -> None:
        self.check(create(id=77, created_at="never", rev=9, admin=True), one(201))
        self.check(
            request(
                id_operation="get_user", op="adicionar", id=5, payload={"user_id": 1, "limit": "x"}
            ),
            one(200),
        )
        self.check(
            b'{"id_operation": 5, "id_operation": "get_user", "payload": {"user_id": 9, '
            b'"user_id": 1}}',
            one(200),
        )
        self.check(
            update(1, id=9, created_at="never", name="Ana"), one(200, updated_at=A_TICK_LATER)
        )

    def test_an_id_may_be_a_string_of_digits(self) -> None:
        self.have(1)
        for id in ("1", "0001", "0" * 18 + "1"):
            self.check(op("get_user", {"user_id": id}), one(200))
        self.check(op("get_user", {"user_id": "9223372036854775807"}), USER_NOT_FOUND)
        self.check(update("1", name="Ana"), one(200, updated_at=A_TICK_LATER))
        self.check(op("delete_user", {"user_id": "1"}), b'{"payload":{},"code":204}\n')

    def test_ids_have_64_bits(self) -> None:
        for id in (-(2**63), -1, 0, 2**63 - 1):
            self.check_refused(op("get_user", {"user_id": id}), USER_NOT_FOUND)
            self.check_refused(op("delete_user", {"user_id": id}), USER_NOT_FOUND)
            self.check_refused(update(id, name="Bo"), USER_NOT_FOUND)

    def test_what_is_neither_a_whole_number_nor_a_text_is_a_bad_request(self) -> None:
        self.have(1)
        for id in (*NO_ID, "a\0", "\0", "9223372036854775808", "9" * 19, "0" * 20, "1" * 400):
            self.check_refused(op("get_user", {"user_id": id}))
            self.check_refused(op("delete_user", {"user_id": id}))
            self.check_refused(update(id, name="Bo"))
            self.check_refused(update(id))

    def test_a_text_that_is_no_number_names_no_user(self) -> None:
        self.have(1)
        for id in (
            "",
            "abc",
            " 1",
            "1 ",
            "+1",
            "-1",
            "1.0",
            "1e0",
            "0x1",
            "１",
            "١",
            "1\n",
            "Ana",
            "ação",
            "x" * 400,
        ):
            self.check_refused(op("get_user", {"user_id": id}), USER_NOT_FOUND)
            self.check_refused(op("delete_user", {"user_id": id}), USER_NOT_FOUND)
            self.check_refused(update(id, name="Bo"), USER_NOT_FOUND)
            self.check_refused(update(id), USER_NOT_FOUND)

    def test_a_payload_that_is_no_object_is_a_bad_request_where_one_is_needed(self) -> None:
        for name in ("get_user", "create_user", "update_user", "delete_user"):
            self.check_refused(request(id_operation=name))
            for payload in (value for value in ODD if value != {}):
                self.check_refused(op(name, payload))

    def test_letters_are_answered_as_they_are(self) -> None:
        self.check(
            create(name="Zoë 한글 😀 \u2028", email="ç@ü.한"),
            one(201, name="Zoë 한글 😀 \u2028", email="ç@ü.한"),
        )
        self.check(
            rb'{"id_operation":"update_user","payload":{"user_id":1,"data":{"name":"\u00e7\"\\\/"}}}',
            one(200, name='ç"\\/', email="ç@ü.한", updated_at=A_TICK_LATER),
        )

    def test_close_connection_is_answered_and_then_the_server_closes(self) -> None:
        self.check(
            b'{"id_operation": "close_connection"}' + create(),
            b'{"payload":{"message":"Connection closed"},"code":200}\n',
        )
        self.assertTrue(self.peer.is_closed)
        self.assert_unchanged(0)


class ListTests(UsersCase):
    def test_the_payload_may_be_empty_null_or_absent(self) -> None:
        self.have(1)
        for asked in (
            op("get_users", {}),
            op("get_users", None),
            request(id_operation="get_users"),
        ):
            self.check(asked, many(shown()))
        odd: tuple[Any, ...] = (True, 1, "", "x", [])
        for payload in odd:
            self.check_refused(op("get_users", payload))

    def test_limit_and_after_give_pages(self) -> None:
        self.have(5)
        ids = {
            (2, None): (1, 2),
            (2, 2): (3, 4),
            ("2", "4"): (5,),
            (2, 5): (),
            (None, 3): (4, 5),
            (2**63 - 1, -(2**63)): (1, 2, 3, 4, 5),
            (1, 2**63 - 1): (),
        }
        for (limit, after), expected in ids.items():
            self.check(
                op("get_users", {"limit": limit, "after": after}), many(*map(shown, expected))
            )

    def test_an_odd_limit_or_after_is_a_bad_request(self) -> None:
        for number in NOT_WHOLE:
            if number is not None:
                self.check_refused(op("get_users", {"limit": number}))
                self.check_refused(op("get_users", {"after": number}))
        for limit in (0, -1, "0"):
            self.check_refused(op("get_users", {"limit": limit}))

    def test_a_long_list_is_the_users_at_one_moment_whatever_others_change_meanwhile(self) -> None:
        self.have(2000)
        self.peer.send(op("get_users"))
        other = self.users()
        heard = self.peer.hear()
        changes = [
            (update(id, name="Bo"), op("delete_user", {"user_id": id + 1}), create())
            for id in range(1, 2000, 300)
        ]
        for asked in changes:
            other.send(b"".join(asked))
            heard += self.peer.hear()
            self.turn()
        self.turn(5)
        self.assertNotEqual(other.hear(), b"")
        self.assertEqual(heard + self.peer.hear(), many(*map(shown, range(1, 2001))))
        self.assertEqual(
            json.loads(self.peer.ask(op("get_users", {"limit": 1})))["payload"][0]["name"], "Bo"
        )

    def test_a_long_list_is_made_as_the_client_reads_and_let_go_when_it_vanishes(self) -> None:
        self.have(2000)
        self.peer.wire.stall()
        self.peer.send(op("get_users"))
        self.turn(9)
        self.assertFalse(self.peer.wire.reads)
        self.assertEqual(self.open_lists(), 1)
        self.peer.vanish()
        self.assertEqual(self.open_lists(), 0)

    def open_lists(self) -> int:
        return self.store._tables.table(User).open_streams


class FieldTests(UsersCase):
    def test_values_at_their_bounds_are_taken(self) -> None:
        longest = "a@" + "b" * 250 + ".c"
        for fields in (
            {"name": "x"},
            {"name": "é" * 200},
            {"email": "a@b.c"},
            {"email": longest},
            {"age": 0},
            {"age": 150},
        ):
            self.check(create(**fields), one(201, id=self.store.rev + 1, **fields))

    def test_values_beyond_their_bounds_are_a_bad_request(self) -> None:
        self.have(1)
        wrong: dict[str, tuple[Any, ...]] = {
            "name": ("", "x" * 201, "a\0b", 1, True, [], {}),
            "email": (
                "",
                "a",
                "a@b",
                "a.b",
                "a@b.",
                "@b.c",
                "a b@c.d",
                "a@@b.c",
                "a@b.c\0",
                "a@" + "b" * 251 + ".c",
                1,
                [],
                {},
            ),
            "age": (-1, 151, 30.0, 30.5, "30", True, False, 2**64, [], {}),
        }
        for field, values in wrong.items():
            for value in values:
                self.check_refused(create(**{field: value}))
                self.check_refused(update(1, **{field: value}))

    def test_a_lone_surrogate_and_u_0000_are_a_bad_request(self) -> None:
        self.have(1)
        for escaped in (rb"\ud800", rb"\udfff", rb"a\ud83d\u0041", rb"\u0000", rb"a\u0000b"):
            for asked in (
                create(name="TEXT"),
                create(email="TEXT@b.c"),
                update(1, name="TEXT"),
                update("TEXT", name="Bo"),
            ):
                self.check_refused(asked.replace(b"TEXT", escaped))

    def test_a_new_user_needs_every_field(self) -> None:
        for field in ANA:
            self.check_refused(create(**{field: None}))
            self.check_refused(
                op("create_user", {name: value for name, value in ANA.items() if name != field})
            )

    def test_two_users_may_have_the_same_email(self) -> None:
        self.have(2)

    def test_ids_rise_and_are_not_given_twice(self) -> None:
        self.have(2)
        self.check(op("delete_user", {"user_id": 2}), b'{"payload":{},"code":204}\n')
        self.check(create(), one(201, id=3))


class UpdateTests(UsersCase):
    def setUp(self) -> None:
        super().setUp()
        self.have(1)

    def test_fields_that_are_absent_or_null_stay_as_they_are(self) -> None:
        self.clock.advance(1)
        self.check(update(1, age=31), one(200, age=31, updated_at="2023-11-14T22:13:21+00:00"))
        self.clock.advance(1)
        self.check(
            update(1, name="Bo", email=None, age=None),
            one(200, name="Bo", age=31, updated_at="2023-11-14T22:13:22+00:00"),
        )

    def test_with_nothing_to_change_the_answer_is_the_user_as_it_is(self) -> None:
        self.clock.advance(1)
        nothing: tuple[Any, ...] = (
            {},
            {"name": None},
            {"name": None, "email": None, "age": None},
            {"id": 5, "x": []},
        )
        for data in nothing:
            self.check_refused(op("update_user", {"user_id": 1, "data": data}), one(200))
            self.check_refused(op("update_user", {"user_id": "1", "data": data}), one(200))
            self.check_refused(op("update_user", {"user_id": 404, "data": data}), USER_NOT_FOUND)

    def test_data_that_is_no_object_is_a_bad_request(self) -> None:
        no_object: tuple[Any, ...] = (None, [], "", 1, True)
        for data in no_object:
            self.check_refused(op("update_user", {"user_id": 1, "data": data}))
        self.check_refused(op("update_user", {"user_id": 1, "name": "Bo"}))

    def test_a_request_of_which_one_value_is_wrong_changes_nothing(self) -> None:
        self.check_refused(update(1, name="Bo", age=-1))

    def test_updated_at_moves_with_every_update_also_when_the_clock_does_not(self) -> None:
        for microsecond in range(1, 4):
            self.check(
                update(1, name="Ana"),
                one(200, updated_at=f"2023-11-14T22:13:20.{microsecond:06}+00:00"),
            )

    def test_updated_at_does_not_go_back_with_the_clock(self) -> None:
        self.clock.rightNow -= 3600
        self.check(update(1, name="Ana"), one(200, updated_at=A_TICK_LATER))

    def test_updated_at_moves_with_nothing_else(self) -> None:
        self.clock.advance(60)
        self.check_refused(update(1, age=-1))
        self.check(op("get_user", {"user_id": 1}), one(200))
        self.check(op("get_users"), many(shown()))


class FailureTests(UsersCase):
    def failing(self, error: Exception) -> list[tuple[Peer, bytes]]:
        """Return what each operation answers, on a connection of its own, while the store fails
        like this.
        """
        self.store.error = error
        asked = (
            create(),
            update(1, name="Bo"),
            op("get_user", {"user_id": 1}),
            op("get_users"),
            op("delete_user", {"user_id": 1}),
        )
        return [(peer := self.users(), peer.ask(one + create())) for one in asked]

    def test_a_store_that_cannot_serve_is_the_busy_answer_and_the_end(self) -> None:
        for error in (Busy(), Unavailable(), InDoubt()):
            for peer, heard in self.failing(error):
                self.assertEqual((heard, peer.is_closed), (INTERNAL, True))

    def test_a_crash_is_500_and_logged_once_and_the_connection_goes_on(self) -> None:
        for peer, heard in self.failing(ValueError("secret")):
            self.assertEqual((heard, peer.is_closed), (INTERNAL * 2, False))
            self.assert_no_trace_of("secret", heard)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 10)

    def test_an_answer_waits_for_the_store_and_the_next_request_for_the_answer(self) -> None:
        late: Deferred[None] = Deferred()
        self.store.late = late
        self.peer.send(create() + op("get_users"))
        self.assertEqual(self.peer.hear(), b"")
        late.callback(None)
        self.assertEqual(self.peer.hear(), one(201) + many(shown()))

    def test_one_connection_too_many_and_a_request_too_long(self) -> None:
        self.check(b"x" * 70_000, BAD_REQUEST)
        self.assertTrue(self.peer.is_closed)
        self.connections.most = 1
        late = self.users()
        self.assertEqual((late.hear(), late.is_closed), (INTERNAL, True))

    def test_an_idle_connection_and_a_stop_end_without_a_word(self) -> None:
        self.clock.advance(300)
        self.assertEqual((self.peer.hear(), self.peer.is_closed), (b"", True))
        other = self.users()
        self.finishing()
        self.assertEqual((other.hear(), other.is_closed), (b"", True))
