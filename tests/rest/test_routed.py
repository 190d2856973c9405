# mypy: allow-untyped-calls
"""What all HTTP dialects do alike: the order of the checks, bodies that are not wanted, CORS; and
the shop's tables.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.access import Principal
from sockcrud.apps.shop.dialect.together import ShopResponder
from sockcrud.errors import NotLoggedIn
from sockcrud.protocols.http.connection import HTTPLimits, Request
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from sockcrud.rest.routes import Found
from tests.apps.shop.shop_kit import ARTHUR, ShopWireCase
from tests.rest.routed_kit import Dialect
from tests.support.http_kit import HTTPClient, answers, request

ORIGIN: Final = "https://shop.example"


class OrderTests(SynchronousTestCase):
    """Path, method, login, type, size, fields."""

    def setUp(self) -> None:
        self.dialect = Dialect()
        self.client = HTTPClient(lambda _: self.dialect, Clock(), limits=HTTPLimits(body=50))

    def status(
        self,
        method: str,
        path: str,
        body: bytes = b"{",
        content_type: str = "text/plain",
        **headers: str,
    ) -> int:
        return self.client.asks(
            method, path, body, headers={"Content-Type": content_type, **headers}
        ).status

    def test_the_first_thing_that_is_wrong_is_told(self) -> None:
        long, login = b"x" * 51, {"Authorization": "x"}
        self.assertEqual(self.status("PATCH", "/nothing", long), 404)
        self.assertEqual(self.status("PATCH", "/things/1", long), 405)
        self.assertEqual(self.status("PUT", "/things/1", long), 401)
        self.assertEqual(self.status("PUT", "/things/1", long, **login), 415)
        self.assertEqual(self.status("PUT", "/things/1", long, "application/json", **login), 413)
        self.assertEqual(self.status("PUT", "/things/1", b"{", "application/json", **login), 400)
        self.assertEqual(self.status("PUT", "/things/1", b"{}", "application/json", **login), 200)

    def test_a_body_of_no_type_counts_as_json_and_parameters_of_the_type_do_not_matter(
        self,
    ) -> None:
        for content_type in (
            "",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json ;x=y",
        ):
            self.assertEqual(self.status("POST", "/open", b"{}", content_type), 200)
        self.client.says(b"POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        self.assertEqual([answered.status for answered in answers(self.client.hears())], [200])
        for content_type in (
            "text/json",
            "application/jsonx",
            "application/json, text/plain",
            "multipart/form-data",
        ):
            self.assertEqual(self.status("POST", "/open", b"{}", content_type), 415)

    def test_a_route_may_take_other_types_or_any(self) -> None:
        for content_type, status in (("text/csv; x=y", 200), ("application/json", 415), ("", 415)):
            self.assertEqual(self.status("POST", "/text", b"x", content_type), status)
        self.assertEqual(self.status("POST", "/anything", b"x", "any/thing"), 200)

    def test_a_route_that_takes_no_body_does_not_look_at_one(self) -> None:
        self.assertEqual(self.status("GET", "/open", b"x"), 200)
        self.assertEqual(self.status("GET", "/open", b"x" * 51), 413)

    def test_json_may_be_nested_64_deep_or_as_is_configured(self) -> None:
        for dialect, deepest in ((Dialect(), 64), (Dialect(Terms(deepest=2)), 2)):
            client = HTTPClient(lambda _, dialect=dialect: dialect, Clock())  # type: ignore[misc]
            for depth, status in ((deepest, 200), (deepest + 1, 400)):
                body = b'{"a":' * depth + b"1" + b"}" * depth
                self.assertEqual(client.asks("POST", "/open", body).status, status)

    def test_a_query_is_decoded_and_the_last_of_a_key_counts(self) -> None:
        answered = self.client.asks("GET", "/query?a=1&b=%C3%A9+x&a=2&c=&d")
        self.assertEqual(answered.json, {"a": "2", "b": "é x", "c": "", "d": ""})
        for query in ("a=%FF", "&".join("a=1" for _ in range(101))):
            self.assertEqual(self.client.asks("GET", f"/query?{query}").status, 400)

    def test_a_crash_is_500_and_the_log_does_not_tell_the_parameters(self) -> None:
        answered = self.client.asks("POST", "/crash/secret")
        self.assertEqual((answered.status, answered.field("X-Route")), (500, "/crash/{name}"))
        (logged,) = self.flushLoggedErrors(RuntimeError)
        self.assertNotIn("secret", logged.getTraceback())
        self.assertEqual(
            self.client.asks("GET", "/things", headers={"Authorization": "broken"}).status, 500
        )
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_wrong_method_is_405_with_what_is_allowed(self) -> None:
        answered = self.client.asks("DELETE", "/things/1")
        self.assertEqual(
            (answered.status, answered.field("Allow")), (405, "GET, HEAD, OPTIONS, PUT")
        )
        self.assertEqual(answered.json, "DELETE is not for this path")

    def test_options_tells_what_is_allowed_and_needs_no_login(self) -> None:
        answered = self.client.asks("OPTIONS", "/things/1")
        self.assertEqual(
            (answered.status, answered.field("Allow")), (204, "GET, HEAD, OPTIONS, PUT")
        )
        self.assertIsNone(answered.field("Access-Control-Allow-Methods"))
        self.assertEqual(
            self.client.asks("OPTIONS", "*").field("Allow"), "GET, HEAD, OPTIONS, POST, PUT"
        )
        self.assertEqual(self.client.asks("OPTIONS", "/nothing").status, 404)


class EarlyTests(SynchronousTestCase):
    """Before the body comes."""

    def setUp(self) -> None:
        self.dialect = Dialect(Terms(Origins((ORIGIN,))))
        self.client = HTTPClient(lambda _: self.dialect, Clock())

    def early(self, method: str, path: str, **headers: str) -> bytes:
        """Send a head that waits for permission to send its body."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
            f"2\r\n{lines}\r\n"
        )
        if self.client.closed:
            self.client.connect()
        self.client.says(head.encode())
        return self.client.hears()

    def test_a_body_that_is_wanted_is_asked_for(self) -> None:
        self.assertEqual(
            self.early("PUT", "/things/1", Authorization="x"), b"HTTP/1.1 100 Continue\r\n\r\n"
        )
        self.client.says(b"{}")
        self.assertEqual([answered.status for answered in answers(self.client.hears())], [200])

    def test_a_body_that_would_be_refused_is_not_asked_for(self) -> None:
        type = {"Content-Type": "text/plain", "Authorization": "x"}
        for method, path, headers, status in (
            ("PUT", "/nothing", {}, 404),
            ("PATCH", "/things/1", {}, 405),
            ("PUT", "/things/1", {}, 401),
            ("PUT", "/things/1", type, 415),
        ):
            (answered,) = answers(self.early(method, path, Origin=ORIGIN, **headers))
            self.assertEqual(
                (answered.status, answered.field("Access-Control-Allow-Origin")), (status, ORIGIN)
            )
            self.assertTrue(self.client.closed)

    def test_a_spooled_body_that_nobody_takes_is_let_go(self) -> None:
        for headers, status, abandoned in (({"Authorization": "x"}, 200, False), ({}, 401, True)):
            answered = self.client.asks("POST", "/spooled", b"{}", headers=headers)
            self.assertEqual(
                (answered.status, self.dialect.sinks[-1].abandoned), (status, abandoned)
            )

    def test_a_body_whose_login_ends_on_the_way_is_let_go(self) -> None:
        logged_in = [True, False]

        async def log_in(request: Request, found: Found) -> Principal:
            if logged_in.pop(0):
                return Principal("test", "")
            raise NotLoggedIn

        self.patch(self.dialect, "log_in", log_in)
        self.assertEqual(self.client.asks("POST", "/spooled", b"{}").status, 401)
        self.assertEqual(
            (self.dialect.sinks[0].is_done, self.dialect.sinks[0].abandoned), (True, True)
        )


class CORSTests(SynchronousTestCase):
    EXPOSED = "ETag, Allow, Idempotency-Key, Retry-After, WWW-Authenticate"

    def client(self, *origins: str) -> HTTPClient:
        dialect = Dialect(Terms(Origins(origins)))
        return HTTPClient(lambda _: dialect, Clock())

    def fields(
        self, client: HTTPClient, method: str, path: str, origin: str | None = ORIGIN
    ) -> dict[str, str]:
        headers = (
            {} if origin is None else {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        )
        answered = client.asks(method, path, headers=headers)
        return {
            name.decode(): value.decode()
            for name, value in answered.fields.items()
            if name.startswith(b"access-control") or name == b"vary"
        }

    def test_none_is_let_in_where_none_is_configured(self) -> None:
        for client in (self.client(), HTTPClient(lambda _: Dialect(), Clock())):
            self.assertEqual(self.fields(client, "GET", "/open"), {})
            self.assertEqual(self.fields(client, "OPTIONS", "/open"), {})

    def test_any_origin_may_be_configured_and_never_has_credentials(self) -> None:
        client = self.client("*")
        simple = {
            "access-control-allow-origin": "*",
            "access-control-expose-headers": self.EXPOSED,
            "vary": "Origin",
        }
        for method, path in (
            ("GET", "/open"),
            ("HEAD", "/open"),
            ("GET", "/things"),
            ("GET", "/nothing"),
            ("PUT", "/open"),
        ):
            self.assertEqual(self.fields(client, method, path), simple)
        preflight = {
            **simple,
            "access-control-allow-methods": "GET, HEAD, OPTIONS, PUT",
            "access-control-allow-headers": "Authorization, Content-Type, "
            "Idempotency-Key, If-Match, If-None-Match",
            "access-control-max-age": "600",
        }
        self.assertEqual(self.fields(client, "OPTIONS", "/things/1"), preflight)
        self.assertEqual(self.fields(client, "GET", "/open", None), {"vary": "Origin"})

    def test_only_the_origins_that_are_configured_are_let_in_and_caches_are_told_by_every_answer(
        self,
    ) -> None:
        client = self.client("https://other.example", ORIGIN)
        for method, path in (
            ("GET", "/open"),
            ("HEAD", "/open"),
            ("GET", "/nothing"),
            ("PATCH", "/open"),
            ("GET", "/things"),
        ):
            fields = self.fields(client, method, path)
            self.assertEqual(
                (fields["access-control-allow-origin"], fields["vary"]), (ORIGIN, "Origin")
            )
            self.assertEqual(
                self.fields(client, method, path, "https://evil.example"), {"vary": "Origin"}
            )
        fields = self.fields(client, "OPTIONS", "/open")
        self.assertEqual(fields["access-control-allow-methods"], "GET, HEAD, OPTIONS, POST")
        for origin in ("https://evil.example", "null", None):
            self.assertEqual(self.fields(client, "OPTIONS", "/open", origin), {"vary": "Origin"})

    def test_what_was_concluded_of_one_request_is_not_taken_for_the_next(self) -> None:
        client = self.client(ORIGIN)
        for origin in (ORIGIN, None, ORIGIN, "https://evil.example", ORIGIN):
            allowed = self.fields(client, "GET", "/open", origin).get("access-control-allow-origin")
            self.assertEqual(allowed, ORIGIN if origin == ORIGIN else None)


class ShopTableTests(ShopWireCase):
    def test_unknown_paths_and_wrong_methods_are_worded_alike_everywhere(self) -> None:
        for port in self.ports:
            self.port = port
            for path in ("/", "/nothing", "/clients", "/user/nothing", "/fetch"):
                self.assertEqual(self.fails(404, "GET", path, token=None), "There is no such path")
        self.port = "shop"
        answered = self.says(
            (405, {"msg": "GET is not for this path"}), "GET", "/user/login", token=None
        )
        self.assertEqual(answered.field("Allow"), "OPTIONS, POST")
        self.assertEqual(self.asks("OPTIONS", "/clients/fetch/1", token=None).status, 204)
        self.assertEqual(self.asks("OPTIONS", "*", token=None).status, 204)

    def test_type_and_size_are_checked_after_the_login(self) -> None:
        self.port = "shop"
        self.fails(
            401, "POST", "/clients/create", b"x", token=None, headers={"Content-Type": "text/plain"}
        )
        self.fails(415, "POST", "/clients/create", b"x", headers={"Content-Type": "text/plain"})
        client = self.shop_with(limits=HTTPLimits(body=100))
        answered = client.asks(
            "POST", "/clients/create", {**ARTHUR, "name": "x" * 100}, token=self.token
        )
        self.assertEqual((answered.status, answered.json), (413, {"msg": "The body is too large"}))
        self.assertTrue(client.closed)

    def test_no_body_is_waited_for_before_the_login(self) -> None:
        for fields in (
            {"Content-Length": "1000000"},
            {"Content-Length": "1000000", "Content-Type": "text/plain"},
        ):
            for body in (b"", b"{"):
                client = self.shop_with()
                client.says(request("POST", "/clients/create", body, headers=fields))
                self.assertEqual([answered.status for answered in answers(client.hears())], [401])
                self.assertTrue(client.closed)
        client = self.shop_with()
        head = request(
            "POST", "/clients/create", b"", token=self.token, headers={"Content-Length": "1000000"}
        )
        client.says(head)
        self.assertEqual(client.hears(), b"")
        client = self.shop_with()
        client.says(head.replace(b"application/json", b"text/plain"))
        self.assertEqual([answered.status for answered in answers(client.hears())], [415])

    def test_the_wire_s_own_errors_are_worded_by_the_dialect(self) -> None:
        for client in self.ports.values():
            client.says(b"GET / HTTP/1.1\r\n\r\n")
            (answered,) = answers(client.hears())
            self.assertEqual((answered.status, list(answered.json)), (400, ["msg"]))

    def test_what_is_configured_holds_for_all_services(self) -> None:
        client = self.shop_with(Terms(Origins(("https://a.b",)), 1))
        for path in ("/clients/health", "/products/health", "/inventory/health", "/user/health"):
            answered = client.asks("GET", path, headers={"Origin": "https://a.b"})
            self.assertEqual(answered.field("Access-Control-Allow-Origin"), "https://a.b")
        body = {**ARTHUR, "more": {}}
        self.assertEqual(client.asks("POST", "/clients/create", body, token=self.token).status, 400)
        client = self.shop_with(Terms(Origins(hosts=frozenset())))
        for path in (
            "/clients/health",
            "/products/health",
            "/inventory/health",
            "/user/health",
            "/nowhere",
        ):
            answered = client.asks("GET", path, headers={"Host": "evil.example:5080"})
            self.assertEqual(
                (answered.status, answered.json),
                (421, {"msg": "This host is not among those that the setting hosts names"}),
            )

    def test_permission_to_send_a_body_is_asked_of_the_service(self) -> None:
        client = self.ports["shop"]
        head = request(
            "POST", "/clients/create", b"{}", headers={"Expect": "100-continue"}
        ).removesuffix(b"{}")
        client.says(head)
        self.assertEqual([answered.status for answered in answers(client.hears())], [401])

    def test_every_route_of_the_table_is_reached_and_described(self) -> None:
        self.port = "shop"
        for route in ShopResponder.routes.all:
            for path in (route.path, *route.also):
                target = path.replace("{id}", "7").replace("{client_id}", "7")
                answered = self.asks(route.method, target, {} if route.body else None, token=None)
                self.assertEqual(
                    answered.status == 401, route.login or path.endswith("/login"), path
                )
                self.assertNotIn(answered.status, (404, 405, 415, 500))
            self.assertTrue(route.summary)
            self.assertFalse(route.if_match and route.method not in ("PUT", "DELETE"))
