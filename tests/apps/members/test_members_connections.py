"""Clients in the field, that send no `Host` and may frame loosely, over the wire:
docs/protocols/members.md.
"""

from __future__ import annotations

from typing import Any, cast

from sockcrud.identity.passwords import digest_of
from sockcrud.identity.records import ADMIN, USER
from tests.apps.members.members_case import RIGHT, MembersCase, shown
from tests.support.http_kit import Answered, answers
from tests.support.people_case import NEW


def without_host(method: str, body: bytes | None = None, **headers: str) -> bytes:
    """Return a request that is well framed but has no `Host`."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} /? HTTP/1.1\r\n{lines}\r\n".encode() + (body or b"")


class ConnectionTests(MembersCase):
    """Logins that are remembered for the connection: of clients that send no `Host`."""

    def setUp(self) -> None:
        super().setUp()
        self.client = self.a_client(loose=True)

    def enters(self, email: str, password: str = RIGHT) -> Answered:
        return self.asks_loosely(without_host("POST", f"user:{email},{password}".encode()))

    def looks(self) -> Answered:
        return self.asks_loosely(without_host("GET"))

    def test_a_login_is_remembered(self) -> None:
        self.refuses(403, "Forbidden", self.looks())
        self.assertEqual(self.enters("anna").status, 200)
        self.assertEqual(self.looks().json, shown(self.anna))
        self.assertEqual(self.enters("root").status, 200)
        self.assertEqual(len(self.looks().json["users"]), 4)

    def test_a_failed_login_changes_nothing(self) -> None:
        self.enters("anna")
        self.refuses(401, "Login fail", self.enters("root", "x"))
        self.assertEqual(self.looks().json, shown(self.anna))

    def test_a_pipelined_look_sees_the_login_before_it(self) -> None:
        self.client.says(without_host("POST", b"user:anna,correct horse") + without_host("GET"))
        entered, seen = answers(self.client.hears(), ("POST", "GET"))
        self.assertEqual((entered.status, seen.json), (200, shown(self.anna)))

    def test_it_is_no_other_connections(self) -> None:
        self.enters("anna")
        self.client.connect()
        self.refuses(403, "Forbidden", self.looks())

    def test_it_does_not_count_for_requests_with_host(self) -> None:
        self.enters("root")
        self.refuses(403, "Forbidden", self.asks("GET"))
        self.assertEqual(self.looks().status, 200)

    def test_a_login_with_host_is_not_remembered(self) -> None:
        self.logs_in("root")
        self.refuses(403, "Forbidden", self.looks())
        self.refuses(403, "Forbidden", self.asks("GET"))

    def test_a_token_that_is_brought_counts_more(self) -> None:
        token = self.enters("anna").json["token"]
        self.enters("root")
        self.assertEqual(
            self.asks_loosely(without_host("GET", Authorization=f"Bearer {token}")).json,
            shown(self.anna),
        )

    def test_it_is_dead_with_its_session(self) -> None:
        self.enters("anna")
        self.have(self.sessions.end_all(self.anna.id))
        self.refuses(403, "Forbidden", self.looks())

    def test_it_is_dead_with_its_account_its_password_and_its_role(self) -> None:
        for change in (
            {"active": True},
            {"digest": NEW.to_keep()},
            {"role": ADMIN},
            {"active": False},
        ):
            self.have(self.directory.change(self.anna.id, digest=digest_of(RIGHT)))
            self.assertEqual(self.enters("anna").status, 200)
            self.have(self.directory.change(self.anna.id, **cast(Any, change)))
            self.refuses(403, "Forbidden", self.looks())

    def test_an_admins_connection_signs_others_up_where_it_is_closed(self) -> None:
        self.client = self.a_client(closed=True, loose=True)
        self.refuses(403, "Forbidden", self.asks_loosely(without_host("PUT", b"user:vera,pw")))
        self.enters("root")
        self.assertEqual(self.asks_loosely(without_host("PUT", b"user:vera,pw")).status, 201)

    def test_what_clients_in_the_field_send_is_answered_within_200_ms(self) -> None:
        login = b"user:anna,correct horse"
        post = (
            b"POST /? HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
            % (len(login) + 4)
            + login
        )
        put = b"PUT /? HTTP/1.1\r\nContent-Length: 17\r\n\r\nuser:willy,pw"
        self.assertEqual(
            self.asks_loosely(b"HEAD /? HTTP/1.1\r\nAccept: */*", 0.2).field("X-Server-Status"),
            "running",
        )
        self.refuses(403, "Forbidden", self.asks_loosely(b"GET /? HTTP/1.1\r\nAccept: */*", 0.2))
        self.assertEqual(self.asks_loosely(post, 0.2).status, 200)
        self.assertEqual(
            self.asks_loosely(b"GET /? HTTP/1.1\r\nAccept: */*", 0.2).json, shown(self.anna)
        )
        self.assertEqual(self.asks_loosely(b"GET /? HTTP/1.1", 0.2).json, shown(self.anna))
        self.assertEqual(self.asks_loosely(put, 0.2).status, 201)
        self.assertEqual(self.made("willy").role, USER)

    def test_strict_means_a_host_is_needed_and_headers_have_an_end(self) -> None:
        self.client = self.a_client()
        self.refuses(400, "Bad request", self.asks_loosely(without_host("GET")))
        self.client.connect()
        self.client.says(b"GET /? HTTP/1.1\r\nAccept: */*")
        self.clock.advance(0.2)
        self.assertEqual(self.client.hears(), b"")
