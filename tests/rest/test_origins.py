# mypy: allow-untyped-calls
"""What web pages of others can do to the dialects: nothing. The requests are those that browsers
really send.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import orjson
from attrs import evolve, frozen
from twisted.trial.unittest import SynchronousTestCase

from sockcrud import config, loading
from sockcrud.apps.members.dialect import ROLES
from sockcrud.identity.passwords import digest_of
from sockcrud.protocols.http.connection import Request
from sockcrud.protocols.http.request import Fields
from sockcrud.protocols.listen import is_on_loopback
from sockcrud.rest.origins import Origins
from sockcrud.serving import Serving
from tests.support.directory_kit import HERE
from tests.support.doors_kit import DOORS, HEALTH, HTTP, AllDoorsCase, Doors, basic, wired
from tests.support.http_kit import Answered, HTTPClient, answers, request

EVIL: Final = "http://evil.example"
RIGHT: Final = "correct horse"
WRONG: Final = "battery staple"

NOT_SERVED: Final = "This host is not among those that the setting hosts names"
WRONG_HOST: Final = {
    "way": {
        "Status": "ERROR",
        "IDSessao": "",
        "Message": "Este servidor não atende por este nome",
        "StackTrace": "",
    },
    "members": {"message": "Misdirected request"},
    "admin": {"error": {"code": "wrong_host", "message": NOT_SERVED, "field": None}},
}
WRONG_PAGE: Final = {
    "way": {
        "Status": "ERROR",
        "IDSessao": "",
        "Message": "Páginas desta origem não podem alterar nada aqui",
        "StackTrace": "",
    },
    "members": {"message": "Forbidden"},
    "admin": {
        "error": {
            "code": "foreign_origin",
            "message": "Web pages of this origin may change nothing here",
            "field": None,
        }
    },
}


def sender_of(origins: Origins, **fields: str) -> Any:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return origins.sender(Request("POST", "/", fields=Fields(f"\r\n{lines}".encode("latin-1"))))


class HostTests(SynchronousTestCase):
    LOOPBACK = (
        "localhost",
        "localhost:5080",
        "LOCALHOST.",
        "localhost.:80",
        "shop.localhost",
        "a.b.localhost:1",
        "127.0.0.1",
        "127.0.0.1:",
        "127.255.0.9:5080",
        "[::1]",
        "[::1]:5080",
        "[0:0:0:0:0:0:0:1]",
    )
    OTHERS = (
        "evil.example",
        "evil.example:5080",
        "localhost.evil.example",
        "evil.example.",
        "xlocalhost",
        "127.0.0.1.evil.example",
        "127.1",
        "0.0.0.0:5080",
        "192.168.1.5",
        "10.0.0.1:127",
        "[::]",
        "[fe80::1]:80",
        "[::ffff:10.0.0.1]",
        "[v1.x]",
        "localhost:x",
        "1" * 5000,
        "[" + ":" * 500 + "]",
    )

    def test_on_loopback_only_what_means_this_machine_is_served(self) -> None:
        for host in self.LOOPBACK:
            self.assertFalse(sender_of(Origins(hosts=frozenset()), Host=host).misdirected, host)
        for host in self.OTHERS:
            self.assertTrue(sender_of(Origins(hosts=frozenset()), Host=host).misdirected, host)

    def test_names_that_are_configured_are_served_besides_whatever_their_case_and_port(
        self,
    ) -> None:
        origins = Origins(hosts=frozenset(("shop.example", "192.168.1.5", "[fd00::1]")))
        for host in (
            *self.LOOPBACK,
            "shop.example",
            "SHOP.example.:443",
            "192.168.1.5:80",
            "[fd00::1]:80",
        ):
            self.assertFalse(sender_of(origins, Host=host).misdirected, host)
        for host in ("evil.example", "a.shop.example", "192.168.1.6"):
            self.assertTrue(sender_of(origins, Host=host).misdirected, host)

    def test_a_request_without_a_host_is_of_no_browser(self) -> None:
        self.assertFalse(sender_of(Origins(hosts=frozenset())).misdirected)
        self.assertFalse(sender_of(Origins(hosts=frozenset()), Host="").misdirected)

    def test_where_any_host_is_served_all_are(self) -> None:
        for host in (*self.LOOPBACK, *self.OTHERS):
            self.assertFalse(sender_of(Origins(), Host=host).misdirected)

    def test_what_the_description_says_of_the_place(self) -> None:
        for description in (
            "tcp:5080",
            "tcp:5080:interface=127.0.0.2",
            "tcp:5080:interface=localhost",
            "ssl:443:privateKey=key.pem",
            "tcp6:80",
            r"tcp6:80:interface=\:\:1:backlog=5",
            "haproxy:tcp:5080",
            "TCP:5080",
            "systemd:domain=INET:index=0",
        ):
            self.assertTrue(is_on_loopback(description), description)
        for description in (
            "tcp:5080:interface=0.0.0.0",
            "tcp:5080:interface=",
            "tcp:5080:interface=192.168.1.5:backlog=9",
            r"tcp6:80:interface=\:\:",
            "haproxy:tcp:5080:interface=10.0.0.1",
            "unix:/run/shop.sock",
            "onion:80",
        ):
            self.assertFalse(is_on_loopback(description), description)

    def test_the_settings_and_the_place_tell_what_is_served(self) -> None:
        for shop, hosts, served in (
            ("tcp:5080", (), frozenset()),
            ("tcp:5080", ("a.example",), frozenset(("a.example",))),
            ("tcp:5080", ("a.example", "*"), None),
            ("tcp:5080:interface=0.0.0.0", (), None),
            ("tcp:5080:interface=0.0.0.0", ("a.example",), frozenset(("a.example",))),
            ("unix:/run/shop.sock", (), None),
            ("unix:/run/shop.sock", ("a.example",), frozenset(("a.example",))),
            ("off", (), None),
        ):
            settings = config.load(
                {"shop": shop, "hosts": " ".join(hosts)}, {}, os.devnull
            ).settings
            nothing: Any = None
            serving = Serving(loading.apps().dialect("shop"), settings, *[nothing] * 8)
            self.assertEqual(serving.terms.origins.hosts, served, (shop, hosts))


class PageTests(SynchronousTestCase):
    def test_whose_page_it_is(self) -> None:
        for foreign, fields in (
            (False, {"Host": "localhost:5080"}),
            (False, {"Host": "localhost:5080", "Origin": "http://localhost:5080"}),
            (False, {"Host": "shop.example", "Origin": "https://SHOP.example"}),
            (False, {"Host": "shop.example:443", "Origin": "https://shop.example"}),
            (False, {"Host": "shop.example", "Origin": "http://shop.example:80"}),
            (False, {"Host": "shop.example", "Sec_Fetch_Site": "none"}),
            (
                False,
                {
                    "Host": "10.0.0.11:5080",
                    "Origin": "https://shop.example",
                    "Sec_Fetch_Site": "same-origin",
                },
            ),
            (True, {"Host": "localhost:5080", "Origin": "http://localhost:3000"}),
            (True, {"Host": "localhost:5080", "Origin": "http://localhost"}),
            (True, {"Host": "localhost", "Origin": "null"}),
            (True, {"Host": "localhost", "Origin": ""}),
            (True, {"Host": "localhost", "Origin": "://"}),
            (True, {"Host": "localhost", "Origin": "localhost"}),
            (True, {"Host": "shop.example:80", "Origin": "https://shop.example"}),
            (True, {"Host": "localhost", "Origin": "http://localhost, http://localhost"}),
            (True, {"Origin": "http://localhost"}),
            (True, {"Host": "localhost", "Sec_Fetch_Site": "cross-site"}),
            (True, {"Host": "localhost", "Sec_Fetch_Site": "same-site"}),
            (
                True,
                {"Host": "localhost", "Sec_Fetch_Site": "whatever", "Origin": "http://localhost"},
            ),
        ):
            self.assertEqual(sender_of(Origins(), **fields).foreign, foreign, fields)


class DoorCase(AllDoorsCase):
    def setUp(self) -> None:
        super().setUp()
        self.doors = Doors(self.asks)

    def serves(self, **settings: Any) -> None:
        """Be configured like this from now on."""
        before = config.defaults(loading.apps())
        of_apps = before.of_apps | {
            name: settings.pop(name) for name in before.of_apps.keys() & settings
        }
        self.responders = wired(self, settings=evolve(before, of_apps=of_apps, **settings))
        self.clients.clear()

    def bytes_at(self, dialect: str, data: bytes) -> list[Answered]:
        client = HTTPClient(
            self.responders[dialect], self.clock, address=HERE, loose=dialect == "members"
        )
        client.says(data)
        return answers(client.hears())


class RebindingTests(DoorCase):
    """evil.example resolves to 127.0.0.1 by now, so its page is of the dialect's own origin: only
    the Host is wrong.
    """

    FIELDS: Final = {
        "Host": "evil.example:5080",
        "Sec-Fetch-Site": "same-origin",
        "Origin": "http://evil.example:5080",
    }

    def test_nothing_is_told_and_nothing_is_done_in_the_dialect_s_own_words(self) -> None:
        token = self.logs_in_at_all()
        before = self.everything()
        for dialect in HTTP:
            for method, target, body in (
                ("GET", HEALTH.get(dialect, "/health"), None),
                ("GET", "/openapi.json", None),
                ("GET", "/clients/fetch", None),
                ("GET", f"/api/usuario/{token['way']}", None),
                ("GET", "/", None),
                ("POST", "/user/create", {"username": "mallory", "password": RIGHT}),
                ("PUT", "/", {"email": "mallory", "password": RIGHT}),
                ("POST", "/login", {"login": "root", "password": RIGHT}),
                ("POST", "/api/main", {"User": "root", "Passwd": digest_of(RIGHT)}),
                ("DELETE", f"/api/main/{token['way']}", None),
                ("OPTIONS", "/user/create", None),
                ("GET", "/no/where", None),
                ("TRACE", "/", None),
            ):
                key = token.get("auth" if dialect in HEALTH else dialect)
                answered = self.asks(dialect, method, target, body, token=key, headers=self.FIELDS)
                self.assertEqual(answered.status, 421, (dialect, method, target))
                self.assertEqual(answered.json, WRONG_HOST.get(dialect, {"msg": NOT_SERVED}))
        self.assertEqual(self.everything(), before)

    def logs_in_at_all(self) -> dict[str, str]:
        return {door: self.doors.logs_in(door, "root", RIGHT) for door in DOORS}

    def test_the_verdict_is_of_each_request_of_a_connection(self) -> None:
        for host, status in (
            ("localhost", 200),
            ("evil.example", 421),
            ("127.0.0.1:1", 200),
            ("evil.example", 421),
        ) * 2:
            self.assertEqual(
                self.asks("shop", "GET", "/clients/health", headers={"Host": host}).status, status
            )

    def test_http_1_0_without_a_host_is_served(self) -> None:
        (answered,) = self.bytes_at("shop", b"GET /clients/health HTTP/1.0\r\n\r\n")
        self.assertEqual(answered.status, 200)
        (answered,) = self.bytes_at("members", b"HEAD / HTTP/1.1\r\n\r\n")
        self.assertEqual(answered.status, 200)

    def test_the_body_is_not_asked_for(self) -> None:
        fields = {"Host": "evil.example", "Expect": "100-continue", "Content-Length": "40"}
        for dialect, target in (
            ("admin", "/login"),
            ("admin", "/import"),
            ("auth", "/user/create"),
            ("way", "/api/main"),
        ):
            (answered,) = self.bytes_at(dialect, request("POST", target, headers=fields))
            self.assertEqual(answered.status, 421, target)

    def test_names_may_be_configured(self) -> None:
        self.serves(hosts=("evil.example",))
        self.assertEqual(
            self.asks("shop", "GET", "/clients/health", headers=self.FIELDS).status, 200
        )
        self.assertEqual(
            self.asks("shop", "GET", "/clients/health", headers={"Host": "other.example"}).status,
            421,
        )


@frozen
class Sent:
    """A request as a browser sends it, less its path and its host."""

    body: bytes
    fields: Mapping[str, str]


def simple(body: bytes, type: str | None) -> list[Sent]:
    """Return what a page of evil.example can send without being asked: by newer browsers, older
    ones, and from a sandbox.
    """
    typed = {} if type is None else {"Content-Type": type}
    return [
        Sent(
            body,
            {**typed, "Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        ),
        Sent(body, {**typed, "Origin": EVIL}),
        Sent(
            body,
            {
                **typed,
                "Origin": "null",
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "navigate",
            },
        ),
        Sent(body, {**typed, "Sec-Fetch-Site": "cross-site"}),
        Sent(body, {**typed, "Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}),
    ]


def as_a_form(fields: Mapping[str, str]) -> list[Sent]:
    """Return JSON as a form says it with enctype="text/plain", and as `fetch` does: with no type,
    of a Blob, or a wrong one.
    """
    text = orjson.dumps(fields)
    hidden = text[:-1] + b',"x":"="}\r\n'  # <input name='{..., "x":"' value='"}'>
    return [
        *simple(hidden, "text/plain"),
        *simple(text, None),
        *simple(text, "application/x-www-form-urlencoded"),
        *simple(text, "multipart/form-data; boundary=x"),
        *simple(text, "application/json"),  # needs a preflight, which refuses; but who knows
    ]


class CrossSiteTests(DoorCase):
    def sends(
        self, dialect: str, method: str, target: str, sent: Sent, token: str | None = None
    ) -> Answered:
        fields = {"Content-Length": str(len(sent.body)), **sent.fields}
        data = request(method, target, token=token, headers=fields) + sent.body
        client = HTTPClient(self.responders[dialect], self.clock, address=HERE)
        client.says(data)
        (answered,) = answers(client.hears(), (method,))
        return answered

    def is_refused(self, dialect: str, answered: Answered) -> None:
        self.assertEqual(answered.status, 403, (dialect, answered))
        words = {"msg": "Web pages of this origin may change nothing here"}
        self.assertEqual(answered.json, WRONG_PAGE.get(dialect, words))
        self.assertIsNone(answered.field("Set-Cookie"))
        self.assertIsNone(answered.field("Access-Control-Allow-Origin"))

    def test_nobody_is_locked_out_signed_up_or_logged_in(self) -> None:
        before = self.everything()
        works = self.pool.works
        for password in (RIGHT, WRONG):
            for dialect, method, target, fields in (
                ("way", "POST", "/api/main", {"User": "root", "Passwd": digest_of(password)}),
                ("members", "POST", "/", {"email": "root", "password": password}),
                ("members", "PUT", "/", {"email": "mallory", "password": password}),
                ("admin", "POST", "/login", {"login": "root", "password": password}),
                ("auth", "POST", "/user/create", {"username": "mallory", "password": password}),
                ("shop", "POST", "/users/create", {"username": "mallory", "password": password}),
            ):
                for sent in as_a_form(fields):
                    self.is_refused(dialect, self.sends(dialect, method, target, sent))
            for sent in simple(b"", None):
                with_name = evolve(sent, fields={**sent.fields, **basic("root", password)})
                self.is_refused("auth", self.sends("auth", "POST", "/user/login", with_name))
        for text in (b"user:root,wrong=\r\n", b"user:root,wrong"):
            for sent in simple(text, "text/plain"):
                self.is_refused("members", self.sends("members", "POST", "/", sent))
        for sent in simple(b"email=root&password=wrong", "application/x-www-form-urlencoded"):
            self.is_refused("members", self.sends("members", "POST", "/", sent))
        self.assertEqual((self.everything(), self.pool.works), (before, works))
        for door in DOORS:
            self.assertTrue(self.doors.lets_in(door, "root", RIGHT))

    def test_not_even_with_a_key_is_anything_changed(self) -> None:
        tokens = {door: self.doors.logs_in(door, "root", RIGHT) for door in DOORS}
        before = self.everything()
        line = b'{"kind": "Message", "id": 77, "data": "imported"}\n'
        for sent in simple(line, "text/plain"):
            self.is_refused("admin", self.sends("admin", "POST", "/import", sent, tokens["admin"]))
            self.is_refused("admin", self.sends("admin", "POST", "/check", sent, tokens["admin"]))
            self.is_refused(
                "shop", self.sends("shop", "POST", "/user/logout", sent, tokens["auth"])
            )
            self.is_refused("way", self.sends("way", "POST", f"/api/usuario/{tokens['way']}", sent))
            self.is_refused("way", self.sends("way", "DELETE", f"/api/main/{tokens['way']}", sent))
            self.is_refused("members", self.sends("members", "PUT", "/", sent, tokens["members"]))
        self.assertEqual(self.everything(), before)
        typed = {"Content-Type": "text/plain"}
        self.assertEqual(
            self.asks(
                "admin", "POST", "/import", line, token=tokens["admin"], headers=typed
            ).status,
            200,
        )

    def test_a_page_is_refused_before_its_body_comes(self) -> None:
        fields = {"Origin": EVIL, "Expect": "100-continue", "Content-Length": "40"}
        for dialect, target in (
            ("admin", "/login"),
            ("admin", "/import"),
            ("auth", "/user/create"),
            ("way", "/api/main"),
        ):
            (answered,) = self.bytes_at(dialect, request("POST", target, headers=fields))
            self.is_refused(dialect, answered)

    def test_what_only_reads_is_answered_and_cannot_be_read_by_the_page(self) -> None:
        for sent in simple(b"", None):
            for dialect in HTTP:
                target = HEALTH.get(dialect, "/health")
                answered = self.asks(dialect, "GET", target, headers=sent.fields)
                self.assertEqual(answered.status, 404 if dialect in ("way", "members") else 200)
                self.assertIsNone(answered.field("Access-Control-Allow-Origin"))

    def test_field_clients_that_say_nothing_of_pages_are_served_as_ever(self) -> None:
        (answered,) = self.bytes_at(
            "way", request("POST", "/api/main", headers={"Content-Length": "2"}) + b"{}"
        )
        self.assertEqual(answered.status, 200)
        body = orjson.dumps({"username": "dora", "password": RIGHT})
        (answered,) = self.bytes_at(
            "auth",
            request("POST", "/user/create", headers={"Content-Length": str(len(body))}) + body,
        )
        self.assertEqual(answered.status, 201)

    def test_pages_of_the_same_origin_and_of_configured_ones_may_change_what_the_user_may(
        self,
    ) -> None:
        fields = {"username": "dora", "password": RIGHT}
        own = {
            "Origin": "http://localhost:5004",
            "Host": "localhost:5004",
            "Sec-Fetch-Site": "same-origin",
        }
        self.assertEqual(self.asks("auth", "POST", "/user/create", fields, headers=own).status, 201)
        self.serves(cors_origins=("https://shop.example",))
        for origin, status in (("https://shop.example", 201), (EVIL, 403)):
            of_it = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            answered = self.asks(
                "auth", "POST", "/user/create", {**fields, "username": "carla"}, headers=of_it
            )
            self.assertEqual(answered.status, status)
            self.assertEqual(
                answered.field("Access-Control-Allow-Origin"), origin if status == 201 else None
            )
            self.assertEqual(answered.field("Vary"), "Origin")
            self.assertEqual(self.asks("admin", "POST", "/login", {}, headers=of_it).status, 403)


class AdminTypeTests(DoorCase):
    def test_a_body_says_that_it_is_json(self) -> None:
        token = self.doors.logs_in("admin", "root", RIGHT)
        before = self.everything()
        for method, target, fields in (
            ("POST", "/login", {"login": "root", "password": RIGHT}),
            ("POST", "/accounts", {"login": "dora", "password": RIGHT}),
            ("PATCH", f"/accounts/{self.anna.id}", {"password": WRONG}),
            ("POST", "/companies", {"name": "new"}),
        ):
            body = orjson.dumps(fields)
            for type in (
                None,
                "",
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            ):
                typed = {} if type is None else {"Content-Type": type}
                fields_of_it = {"Content-Length": str(len(body)), **typed}
                (answered,) = self.bytes_at(
                    "admin", request(method, target, token=token, headers=fields_of_it) + body
                )
                self.assertEqual(
                    (answered.status, answered.json["error"]["code"]),
                    (415, "wrong_type"),
                    (target, type),
                )
        self.assertEqual(self.everything(), before)


class CookieTests(DoorCase):
    LOGIN: Final = {"email": "anna", "password": RIGHT}

    def test_over_tls_it_is_for_tls_alone(self) -> None:
        for members, secure in (("tcp:9999", False), ("ssl:9999:privateKey=key.pem", True)):
            self.serves(members=members)
            cookie = self.asks("members", "POST", "/", self.LOGIN).field("Set-Cookie") or ""
            name, *attributes = cookie.split("; ")
            self.assertRegex(name, "^sockcrud_members=[0-9A-F]{64}$")
            self.assertEqual(
                attributes,
                ["Path=/", "HttpOnly", "SameSite=Strict", *(["Secure"] if secure else [])],
            )

    def test_a_form_of_another_origin_sets_none_even_where_its_pages_may_log_in(self) -> None:
        for configured in (("*",), (EVIL,)):
            self.serves(cors_origins=configured)
            fields = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
            for body, type in (
                (b"email=anna&password=correct+horse", "application/x-www-form-urlencoded"),
                (b"user:anna,correct horse", "text/plain"),
                (orjson.dumps(self.LOGIN), "text/plain"),
                (orjson.dumps(self.LOGIN), ""),
            ):
                answered = self.asks(
                    "members", "POST", "/", body, headers={**fields, "Content-Type": type}
                )
                self.assertEqual(
                    (answered.status, answered.json), (415, {"message": "Unsupported media type"})
                )
                self.assertIsNone(answered.field("Set-Cookie"))
            answered = self.asks("members", "POST", "/", self.LOGIN, headers=fields)
            self.assertEqual((answered.status, answered.json["role"]), (200, ROLES["user"]))
            own = {
                "Origin": "http://localhost",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            answered = self.asks(
                "members", "POST", "/", b"email=anna&password=correct+horse", headers=own
            )
            self.assertEqual(answered.status, 200)
