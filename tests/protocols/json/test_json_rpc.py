# mypy: allow-untyped-calls
"""JSON-RPC 2.0 on lines: the examples of its specification, and what it leaves open."""

from __future__ import annotations

import json
from typing import Any, Final

from twisted.internet.defer import Deferred

from sockcrud.errors import (
    Busy,
    Crashed,
    DomainError,
    Forbidden,
    Invalid,
    LoginDelayed,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    Outdated,
    QuotaExceeded,
    StillReferred,
    Taken,
    Unavailable,
)
from sockcrud.protocols.json.rpc import LONGEST_WHOLE, MOST_IN_BATCH, JSONRPCDialect, Method
from tests.support.connection_kit import Peer
from tests.support.feeding import every_way
from tests.support.wire_kit import WireCase

ERRORS: Final[dict[str, tuple[DomainError, int]]] = {
    "invalid": (Invalid("year", "a whole number from 1450 to 2100"), -32602),
    "not_found": (NotFound("Book", 7), -32001),
    "taken": (Taken("Book", "isbn"), -32002),
    "outdated": (Outdated(3, 4), -32003),
    "not_logged_in": (NotLoggedIn(), -32004),
    "login_failed": (LoginFailed(), -32004),
    "forbidden": (Forbidden(), -32005),
    "still_referred": (StillReferred("Author", 1, "Book"), -32006),
    "busy": (Busy(), -32010),
    "unavailable": (Unavailable("db.internal:5432 refused"), -32010),
    "login_delayed": (LoginDelayed(4.0), -32010),
    "quota": (QuotaExceeded("Book", "5 records"), -32010),
    "crashed": (Crashed(), -32603),
}


class Calculator(JSONRPCDialect):
    """The methods of the specification's examples, their parameters by name; and some that wait,
    fail or tell much.
    """

    noted: Final[list[Any]] = []
    waiting: Final[list[Deferred[None]]] = []

    async def _subtract(self, params: dict[str, Any]) -> Any:
        return params["minuend"] - params["subtrahend"]

    async def _note(self, params: dict[str, Any]) -> Any:
        self.noted.append(params)

    async def _fail(self, params: dict[str, Any]) -> Any:
        raise ERRORS[params["with"]][0]

    async def _crash(self, params: dict[str, Any]) -> Any:
        raise RuntimeError("a secret of ours")

    async def _data(self, params: dict[str, Any]) -> Any:
        return ["hello", 5]

    async def _fill(self, params: dict[str, Any]) -> Any:
        return "x" * params["size"]

    async def _wait(self, params: dict[str, Any]) -> Any:
        self.waiting.append(Deferred())
        await self.waiting[-1]
        return params.get("is")

    methods = {  # noqa: RUF012
        "subtract": Method(_subtract, only_reads=True),
        "update": Method(_note),
        "notify_hello": Method(_note),
        "get_data": Method(_data, only_reads=True),
        "fail": Method(_fail, only_reads=True),
        "crash": Method(_crash),
        "fill": Method(_fill, only_reads=True),
        "wait": Method(_wait),
        "wait_reading": Method(_wait, only_reads=True),
    }


def error(code: int, message: str, id: Any = None, **data: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message, "data": data}, "id": id}


def result(value: Any, id: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": value, "id": id}


def invalid(field: str, expected: str, id: Any = None) -> dict[str, Any]:
    return error(-32600, "Invalid Request", id, field=field, expected=expected)


PARSE: Final = error(-32700, "Parse error", expected="JSON in UTF-8, on one line")
NO_OBJECT: Final = invalid("request", "an object")
NO_METHOD: Final = invalid("method", "a text")
BY_POSITION: Final = "an object: parameters are taken by name, not by position"


def unknown(id: Any) -> dict[str, Any]:
    return error(-32601, "Method not found", id, expected=f"one of {', '.join(Calculator.methods)}")


def positional(id: Any) -> dict[str, Any]:
    return error(
        -32602, f"params: expected {BY_POSITION}", id, field="params", expected=BY_POSITION
    )


# The examples of the specification, in its order; its positional parameters are refused, and so
# asked for by name again.
EXAMPLES: Final[list[tuple[str, Any]]] = [
    ('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', positional(1)),
    (
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, '
        '"id": 3}',
        result(19, 3),
    ),
    (
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, '
        '"id": 4}',
        result(19, 4),
    ),
    ('{"jsonrpc": "2.0", "method": "update", "params": {"values": [1,2,3,4,5]}}', None),
    ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    ('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', unknown("1")),
    ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', PARSE),
    ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', NO_METHOD),
    (
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", '
        '"method"]',
        PARSE,
    ),
    ("[]", invalid("batch", "1 to 128 requests")),
    ("[1]", [NO_OBJECT]),
    ("[1,2,3]", [NO_OBJECT, NO_OBJECT, NO_OBJECT]),
    (
        '[{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 7, "subtrahend": 0}, '
        '"id": "1"},'
        ' {"jsonrpc": "2.0", "method": "notify_hello", "params": {"n": 7}},'
        ' {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},'
        ' {"foo": "boo"},'
        ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
        ' {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]',
        [
            result(7, "1"),
            positional("2"),
            invalid("jsonrpc", '"2.0"'),
            unknown("5"),
            result(["hello", 5], "9"),
        ],
    ),
    (
        '[{"jsonrpc": "2.0", "method": "notify_hello", "params": {"n": 1}},'
        ' {"jsonrpc": "2.0", "method": "notify_hello", "params": {"n": 7}}]',
        None,
    ),
]

# What the specification leaves open, or says without an example.
OTHERS: Final[list[tuple[str, Any]]] = [
    ('{"jsonrpc":"2.0","method":"get_data","id":null}', result(["hello", 5], None)),
    ('{"jsonrpc":"2.0","method":"get_data","id":""}', result(["hello", 5], "")),
    ('{"jsonrpc":"2.0","method":"get_data","id":-1.5}', result(["hello", 5], -1.5)),
    ('{"jsonrpc":"2.0","method":"get_data","id":"열쇠 😀"}', result(["hello", 5], "열쇠 😀")),
    ('{"jsonrpc":"2.0","method":"get_data","id":true}', invalid("id", "a text, a number or null")),
    ('{"jsonrpc":"2.0","method":"get_data","id":[1]}', invalid("id", "a text, a number or null")),
    ('{"jsonrpc":"1.0","method":"get_data","id":1}', invalid("jsonrpc", '"2.0"', 1)),
    ('{"jsonrpc":2.0,"method":"get_data","id":1}', invalid("jsonrpc", '"2.0"', 1)),
    ('{"method":"get_data","id":1}', invalid("jsonrpc", '"2.0"', 1)),
    ('{"jsonrpc":"2.0","method":"get_data","params":null,"id":1}', invalid("params", "an "
                                                                                     "object", 1)),
    ('{"jsonrpc":"2.0","method":"get_data","params":7,"id":1}', invalid("params", "an object", 1)),
    ('{"jsonrpc":"2.0","method":"get_data","params":[],"id":1}', positional(1)),
    ('{"jsonrpc":"2.0","method":"get_data","params":{},"more":1,"id":1}', result(["hello", 5], 1)),
    ('{"jsonrpc":"2.0","method":"crash"}', None),
    ("{}", invalid("jsonrpc", '"2.0"')),
    ("null", NO_OBJECT),
    ("1", NO_OBJECT),
    ('"x"', NO_OBJECT),
    ("[[]]", [NO_OBJECT]),
    ("[" + ",".join(["1"] * 129) + "]", invalid("batch", "1 to 128 requests")),
    ('{"jsonrpc":"2.0","method":"get_data","id":1,"params":{"a":' + "[" * 64 + "]" * 64 + "}}", PARSE),  # noqa: E501
    ("nonsense", PARSE),
    ('{"jsonrpc":"2.0","method":"get_data","id":NaN}', PARSE),
]  # fmt: skip


def call(method: str, id: Any = 1, **params: Any) -> bytes:
    return (
        json.dumps(
            {"jsonrpc": "2.0", "method": method, "params": params, "id": id}, ensure_ascii=False
        ).encode()
        + b"\n"
    )


def batched(*calls: bytes) -> bytes:
    return b"[%b]\n" % b",".join(line.strip() for line in calls)


class RPCCase(WireCase):
    def setUp(self) -> None:
        super().setUp()
        Calculator.noted.clear()
        Calculator.waiting.clear()

    def calculator(self, **limits: Any) -> Peer:
        return self.peer(Calculator, **limits)

    def asked(self, line: bytes, peer: Peer | None = None) -> Any:
        """Return the answer to a line, None where there is none."""
        said = (peer or self.calculator()).ask(line)
        return json.loads(said) if said else None


class ExamplesTests(RPCCase):
    def test_each_is_answered_as_the_specification_has_it(self) -> None:
        for request, answer in EXAMPLES + OTHERS:
            self.assertEqual(self.asked(request.encode() + b"\n"), answer, request)
            self.flushLoggedErrors(RuntimeError)

    def test_however_the_bytes_come_and_with_the_next_behind(self) -> None:
        for request, answer in EXAMPLES[:8]:
            data = request.encode() + b"\r\n" + call("get_data", "behind")
            for pieces in every_way(data):
                said = [
                    json.loads(line) for line in self.spoken(self.calculator, pieces).splitlines()
                ]
                self.assertEqual(
                    said, [answer, result(["hello", 5], "behind")][answer is None :], pieces
                )

    def test_all_of_them_on_one_connection(self) -> None:
        peer = self.calculator()
        answered = [answer for _, answer in EXAMPLES if answer is not None]
        said = peer.ask(b"".join(request.encode() + b"\n" for request, _ in EXAMPLES))
        self.assertEqual([json.loads(line) for line in said.splitlines()], answered)
        self.assertEqual(
            Calculator.noted, [{"values": [1, 2, 3, 4, 5]}, {"n": 7}, {"n": 1}, {"n": 7}]
        )

    def test_letters_are_not_escaped(self) -> None:
        self.assertIn("책 😀".encode(), self.calculator().ask(call("get_data", "책 😀")))


class ErrorsTests(RPCCase):
    def test_each_error_has_its_code_and_name(self) -> None:
        for name, (failure, code) in ERRORS.items():
            answer = self.asked(call("fail", **{"with": name}))["error"]
            self.assertEqual(answer["code"], code, name)
            if isinstance(failure, Invalid):
                self.assertEqual(
                    answer["data"],
                    {"field": "year", "expected": "a whole number from 1450 to 2100"},
                )
            else:
                self.assertEqual(answer["data"]["name"], name)

    def test_what_an_error_knows_is_told(self) -> None:
        self.assertEqual(
            self.asked(call("fail", **{"with": "taken"}))["error"]["data"],
            {"name": "taken", "kind": "Book", "field": "isbn"},
        )
        self.assertEqual(
            self.asked(call("fail", **{"with": "outdated"}))["error"]["data"],
            {"name": "outdated", "rev": 4},
        )

    def test_nothing_of_ours_is_told(self) -> None:
        for line in (call("crash"), call("fail", **{"with": "unavailable"})):
            said = self.calculator().ask(line)
            for secret in (b"secret", b"RuntimeError", b"internal:", b".py"):
                self.assertNotIn(secret, said)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class OrderTests(RPCCase):
    def test_answers_come_in_order_and_changes_wait_for_what_is_before_them(self) -> None:
        peer = self.calculator()
        said = peer.ask(
            call("wait_reading", 1, **{"is": 1}) + call("get_data", 2) + call("update", 3, n=1)
        )
        self.assertEqual((said, Calculator.noted), (b"", []))
        Calculator.waiting[0].callback(None)
        self.assertEqual([json.loads(line)["id"] for line in peer.hear().splitlines()], [1, 2, 3])
        self.assertEqual(Calculator.noted, [{"n": 1}])

    def test_a_batch_is_worked_off_in_its_order(self) -> None:
        peer = self.calculator()
        batch = (
            b"["
            + b",".join(
                line.strip()
                for line in (call("wait", 1), call("update", 2, n=2), call("get_data", 3))
            )
            + b"]\n"
        )
        self.assertEqual((peer.ask(batch), Calculator.noted), (b"", []))
        Calculator.waiting[0].callback(None)
        self.assertEqual([each["id"] for each in json.loads(peer.hear())], [1, 2, 3])

    def test_a_batch_gives_others_their_turns(self) -> None:
        self.seconds = 0.0

        def now() -> float:
            self.seconds += 0.003
            return self.seconds

        peer, other = self.calculator(), self.calculator()
        self.connections.scheduler.now = now
        batch = batched(*(call("get_data", number) for number in range(10)))
        self.assertEqual(peer.ask(batch), b"")
        self.assertTrue(other.ask(call("get_data")))
        self.turn(30)
        self.assertEqual([each["id"] for each in json.loads(peer.hear())], list(range(10)))

    def test_a_batch_with_long_answers_is_sent_as_it_is_read(self) -> None:
        peer = self.calculator()
        peer.wire.stall()
        lines = [call("fill", number, size=LONGEST_WHOLE // 4) for number in range(MOST_IN_BATCH)]
        peer.send(batched(*lines) + call("get_data", "behind"))
        self.turn(5)
        self.assertLess(self.connections.unsent, 3 * LONGEST_WHOLE)
        said = b""
        peer.wire.flow()
        for _ in range(300):
            self.turn()
            said += peer.hear()
        batch, behind = said.splitlines()
        self.assertEqual([each["id"] for each in json.loads(batch)], list(range(MOST_IN_BATCH)))
        self.assertEqual(json.loads(behind)["id"], "behind")

    def test_a_batch_ends_with_its_connection(self) -> None:
        peer = self.calculator()
        peer.send(batched(call("wait", 1), call("update", 2, n=2)))
        peer.vanish()
        Calculator.waiting[0].callback(None)
        self.turn(3)
        self.assertEqual(Calculator.noted, [])


class ConnectionTests(RPCCase):
    def test_the_end_of_input_cancels_nothing(self) -> None:
        peer = self.calculator()
        peer.send(call("wait", 1) + call("get_data", 2).rstrip())
        peer.half_close()
        self.assertFalse(peer.is_closed)
        Calculator.waiting[0].callback(None)
        self.assertEqual([json.loads(line)["id"] for line in peer.hear().splitlines()], [1, 2])
        self.assertTrue(peer.is_closed)

    def test_an_unfinished_line_has_10_seconds_from_its_first_byte(self) -> None:
        peer = self.calculator()
        peer.send(call("get_data"))
        peer.hear()
        for byte in b'{"jsonrpc"':
            peer.send(bytes((byte,)))
            self.clock.advance(0.99)
        self.assertEqual(peer.hear(), b"")
        self.clock.advance(0.2)
        self.assertEqual(
            json.loads(peer.hear())["error"]["data"],
            {"expected": "a request that is complete within 10 s"},
        )
        self.assertTrue(peer.is_closed)

    def test_a_line_in_time_is_answered_and_the_next_has_its_own_time(self) -> None:
        peer = self.calculator()
        line = call("get_data")
        for _ in range(5):
            peer.send(line[:10])
            self.clock.advance(9)
            self.assertTrue(peer.ask(line[10:]))
        self.assertFalse(peer.is_closed)

    def test_idle_connections_are_closed(self) -> None:
        peer = self.calculator(idle=60)
        self.clock.advance(59)
        self.assertTrue(peer.ask(call("get_data")))
        self.clock.advance(59)
        self.assertFalse(peer.is_closed)
        self.clock.advance(2)
        self.assertEqual((peer.hear(), peer.is_closed), (b"", True))

    def test_too_long_a_line_is_answered_and_ends_the_connection(self) -> None:
        peer = self.calculator()
        peer.send(b'{"jsonrpc":"2.0","method":"' + b"x" * 65536)
        self.assertEqual(
            json.loads(peer.hear())["error"]["data"], {"expected": "a line of at most 65536 bytes"}
        )
        self.assertTrue(peer.is_closed)
        self.assertEqual(peer.ask(b'"}\n' + call("get_data")), b"")

    def test_no_web_page_drives_the_port(self) -> None:
        peer = self.calculator()
        peer.send(b"POST / HTTP/1.1\r\nHost: localhost:7000\r\n\r\n" + call("update", n=1))
        self.assertEqual(json.loads(peer.hear()), PARSE)
        self.assertEqual((peer.is_closed, Calculator.noted), (True, []))

    def test_a_connection_too_many_is_told_so(self) -> None:
        self.connections.most = 0
        peer = self.calculator()
        answer = json.loads(peer.hear())
        self.assertEqual(
            (answer["error"]["code"], answer["error"]["data"], answer["id"]),
            (-32010, {"name": "busy"}, None),
        )
        self.assertTrue(peer.is_closed)

    def test_the_connections_finish_together(self) -> None:
        peer = self.calculator()
        peer.send(call("wait", 1))
        finished = self.finishing()
        self.assertNoResult(finished)
        Calculator.waiting[0].callback(None)
        self.assertEqual(json.loads(peer.hear()), result(None, 1))
        peer.vanish()
        self.successResultOf(finished)
