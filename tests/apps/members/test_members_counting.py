# mypy: allow-untyped-calls
"""Sign-ups of clients that count characters: the login afterwards works with exactly that password,
and no other.
"""

from __future__ import annotations

from sockcrud.identity.records import Account
from sockcrud.protocols.http.loose import LONG_QUIET, QUIET
from tests.apps.members.members_case import MembersCase
from tests.apps.members.members_logins import COUNTS, LOGINS, loosely
from tests.support.feeding import byte_by_byte
from tests.support.http_kit import answers


class CountingTests(MembersCase):
    def setUp(self) -> None:
        super().setUp()
        self.client = self.a_client(loose=True)

    def says_in(self, pieces: list[bytes]) -> None:
        """Send these pieces on a connection of their own, and be quiet."""
        self.client = self.a_client(loose=True)
        for piece in pieces:
            self.client.says(piece)
        for _ in range(3):
            self.clock.advance(QUIET)
        self.clock.advance(LONG_QUIET)

    def enters(self, login: str, password: str) -> int:
        """Log in as those do who frame well."""
        client = self.a_client()
        return client.asks("POST", "/", {"email": login, "password": password}).status

    def test_signs_up_and_logs_in(self) -> None:
        for number, (login, password) in enumerate(LOGINS):
            for count in COUNTS:
                name = f"{login}{number}{count[0]}"
                signed_up, logged_in = (
                    b"".join(loosely(method, name, password, count)) for method in ("PUT", "POST")
                )
                for pieces in (
                    [signed_up, logged_in],
                    byte_by_byte(signed_up + logged_in),
                    [signed_up + logged_in],
                ):
                    before = self.have(self.store.find(Account, "login", name))
                    self.says_in(pieces)
                    statuses = [
                        answered.status
                        for answered in answers(self.client.hears(), ("PUT", "POST"))
                    ]
                    if (
                        400 in statuses
                        # a password that ends as a request begins, and was counted as no such
                        # client does
                    ):
                        self.assertEqual((count, password[-2:].isupper()), ("as HTTP has it", True))
                    else:
                        self.assertEqual(
                            statuses, [409 if before else 201, 200], (name, password, pieces)
                        )
                if self.enters(name, password) != 200:
                    self.assertEqual(statuses, [400])
                    continue
                self.assertEqual(self.enters(name, password[:-1]), 401)
                for more in ("P", "POS", "POST", "GET "):
                    self.assertEqual(self.enters(name, password + more), 401)

    def test_the_next_request_is_no_part_of_the_password(self) -> None:
        """As it was found: with one byte more than characters, three bytes of the next request were
        waited for.
        """
        header, body = loosely("PUT", "josé@ex.com", "pw1")
        self.client.says(header + body)
        self.clock.advance(0.01)
        self.client.says(b"".join(loosely("POST", "josé@ex.com", "pw1")))
        self.clock.advance(QUIET)
        self.assertEqual(
            [answered.status for answered in answers(self.client.hears(), ("PUT", "POST"))],
            [201, 200],
        )
        self.assertEqual(self.enters("josé@ex.com", "pw1POS"), 401)

    def test_what_is_unclear_stores_nothing(self) -> None:
        rev = self.store.rev
        self.says_in([b"PUT /? HTTP/1.1\r\nContent-Length: 14\r\n\r\nuser:ab,xxPOST"])
        (refused,) = answers(self.client.hears(), ("PUT",))
        self.refuses(400, "Bad request", refused)
        self.assertTrue(self.client.closed)
        self.assertEqual(self.store.rev, rev)

    def test_with_a_host_http_is_spoken(self) -> None:
        header, body = loosely("PUT", "josé@ex.com", "pw1")
        rev = self.store.rev
        self.says_in([header.replace(b"\r\n", b"\r\nHost: a\r\n", 1) + body])
        self.assertEqual((self.client.hears(), self.store.rev), (b"", rev))
        self.client.says(b"POS")
        self.assertEqual(
            [answered.status for answered in answers(self.client.hears(), ("PUT",))], [201]
        )
        self.assertEqual(self.enters("josé@ex.com", "pw1POS"), 200)

    def test_strict_turns_it_off(self) -> None:
        self.client = self.a_client()
        self.client.says(b"".join(loosely("PUT", "josé@ex.com", "pw1")))
        (refused,) = answers(self.client.hears(), ("PUT",))
        self.refuses(400, "Bad request", refused)
