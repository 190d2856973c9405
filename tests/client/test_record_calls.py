# mypy: allow-untyped-calls
"""The clients of a record that nobody wrote one for: what they send, and what they make of the
answers.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from unittest import mock

import orjson

from sockcrud.apps.shop.records import Product
from sockcrud.client import errors
from sockcrud.client.asynchronous import AsynchronousFace
from sockcrud.client.record_calls import client_type, record_client
from tests.client.client_kit import TIMEOUT, DriverCase

LAMP = {
    "name": "lamp",
    "description": "x",
    "quantity": 5,
    "price": Decimal("19.90"),
    "status": True,
}
AS_JSON = {**LAMP, "price": "19.90"}
Lines: Any = record_client(AsynchronousFace, Product, "products", "lines", 7000)
REST: Any = record_client(AsynchronousFace, Product, "products", "rest", 7001)


class LinesTests(DriverCase):
    def setUp(self) -> None:
        super().setUp()
        self.products = Lines(self.clock, self.server, timeout=TIMEOUT)

    def says(self, **answer: object) -> None:
        self.server.answers(orjson.dumps({"jsonrpc": "2.0", "id": 1, **answer}) + b"\n")

    def check(
        self, call: Any, method: str, params: object, result: object, expected: object
    ) -> None:
        self.assertEqual(
            json.loads(self.server.said()),
            {"jsonrpc": "2.0", "id": 1, "method": method, "params": params},
        )
        self.says(result=result)
        self.gives(call, expected)

    def test_each_call_is_a_method_of_the_plural(self) -> None:
        made, record = client_type(Product)(id=1, rev=2, **LAMP), {"id": 1, "rev": 2, **AS_JSON}
        client = self.products
        self.check(client.create(**LAMP), "products.create", AS_JSON, record, made)
        self.check(client.get(1), "products.get", {"id": 1}, record, made)
        self.check(client.find(name="lamp"), "products.find", {"name": "lamp"}, record, made)
        self.check(
            client.update(1, rev=2, quantity=7),
            "products.update",
            {"id": 1, "rev": 2, "quantity": 7},
            record,
            made,
        )
        self.check(client.delete(1), "products.delete", {"id": 1}, None, None)
        page = {"items": [record], "next": 1}
        listed = client.list(after=0, limit=1)
        self.check(listed, "products.list", {"after": 0, "limit": 1}, page, mock.ANY)

    def test_each_error_is_what_it_means_at_every_wire(self) -> None:
        for code, name, kind in (
            (-32602, "invalid", errors.InvalidRequest),
            (-32001, "not_found", errors.NotFound),
            (-32002, "taken", errors.AlreadyExists),
            (-32003, "outdated", errors.Outdated),
            (-32004, "not_logged_in", errors.NotLoggedIn),
            (-32004, "login_failed", errors.LoginFailed),
            (-32005, "forbidden", errors.Forbidden),
            (-32006, "still_referred", errors.Conflict),
            (-32010, "busy", errors.Busy),
            (-32010, "quota", errors.Conflict),
            (-32010, "login_delayed", errors.TooManyAttempts),
            (-32603, "crashed", errors.ServerFault),
            (-32601, "", errors.Refused),
        ):
            call = self.products.get(1)
            data = {"name": name, "field": "price", "retry_after": 7}
            self.says(error={"code": code, "message": "no", "data": data})
            error = self.fails(call, kind)
            self.assertIs(type(error), kind, name)
            self.assertEqual(error.status, code)
        for answer in ({"result": [1]}, {"result": {"id": 1}}, {}, {"error": 7}):
            call = self.products.get(1)
            self.says(**answer)
            self.fails(call, errors.BadAnswer)

    def test_all_are_fetched_a_page_at_a_time(self) -> None:
        found = []

        async def fetch() -> None:
            async for each in self.products.all(page=1, name="lamp"):
                found.append(each.id)

        from twisted.internet.defer import Deferred

        fetching = Deferred.fromCoroutine(fetch())
        for id, next in ((1, 1), (2, None)):
            self.assertEqual(
                json.loads(self.server.said())["params"].get("after"), None if id == 1 else 1
            )
            self.says(result={"items": [{"id": id, "rev": 2, **AS_JSON}], "next": next})
        self.gives(fetching, None)
        self.assertEqual(found, [1, 2])


class RESTTests(DriverCase):
    def setUp(self) -> None:
        super().setUp()
        self.products = REST(self.clock, self.server, timeout=TIMEOUT)
        self.products.token = "a token"

    def says(self, status: int, body: object = None) -> None:
        raw = b"" if body is None else orjson.dumps(body)
        self.server.answers(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(raw), raw)
        )

    def check(self, call: Any, line: str, sent: object, result: object, expected: object) -> None:
        head, _, body = self.server.said().partition(b"\r\n\r\n")
        self.assertEqual(head.split(b"\r\n")[0].decode(), f"{line} HTTP/1.1")
        self.assertIn(b"Authorization: Bearer a token", head)
        self.assertEqual(json.loads(body) if body else None, sent)
        self.says(200, result)
        self.gives(call, expected)

    def test_each_call_is_a_request(self) -> None:
        made, record = client_type(Product)(id=1, rev=2, **LAMP), {"id": 1, "rev": 2, **AS_JSON}
        client = self.products
        self.check(client.create(**LAMP), "POST /products", AS_JSON, record, made)
        self.check(client.get(1), "GET /products/1", None, record, made)
        changing = client.update(1, rev=3, status=False)
        self.assertIn(b'If-Match: "3"', self.server.said())
        self.says(200, record)
        self.gives(changing, made)
        self.check(
            client.update(1, status=False), "PATCH /products/1", {"status": False}, record, made
        )
        self.check(client.delete(1), "DELETE /products/1", None, None, None)
        page = {"items": [record], "next": None}
        self.check(
            client.find(name="a lamp"), "GET /products?limit=1&name=a+lamp", None, page, made
        )
        self.check(client.list(status=True), "GET /products?status=true", None, page, mock.ANY)

    def test_what_nobody_has_is_not_found(self) -> None:
        call = self.products.find(name="lamp")
        self.says(200, {"items": [], "next": None})
        self.fails(call, errors.NotFound)

    def test_a_problem_names_its_field(self) -> None:
        call = self.products.create(**LAMP)
        self.says(
            422,
            {
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "price: expected x",
                "field": "price",
            },
        )
        error = self.fails(call, errors.InvalidRequest)
        self.assertEqual((error.field, error.message), ("price", "price: expected x"))
        for status, kind in (
            (401, errors.NotLoggedIn),
            (404, errors.NotFound),
            (409, errors.AlreadyExists),
            (412, errors.Outdated),
        ):
            call = self.products.delete(1)
            self.says(status, {"status": status, "detail": "no"})
            self.fails(call, kind)
