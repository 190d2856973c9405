"""The four calls of docs/protocols/members.md over the wire, and what HTTP asks of every
dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher

from sockcrud.access import log_operation
from sockcrud.errors import Unavailable
from sockcrud.identity.passwords import digest_of
from sockcrud.identity.records import USER, Account
from sockcrud.protocols.http.connection import HTTPLimits
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from tests.apps.members.members_case import NOBODYS, RIGHT, MembersCase, shown


class LoginTests(MembersCase):
    def test_an_admin_is_told_its_role_and_gets_a_token(self) -> None:
        answered = self.asks("POST", {"email": "root", "password": RIGHT})
        token = answered.json["token"]
        self.assertRegex(token, "^[0-9A-F]{64}$")
        expected = (
            b'{"message":"Success Login. you are admin","role":1,"role_name":"admin","token":"%b"}'
        )
        self.assertEqual((answered.status, answered.body), (200, expected % token.encode()))
        self.assertEqual(answered.field("Content-Type"), "application/json")

    def test_a_regular_user_is_told_its_role(self) -> None:
        answered = self.asks("POST", {"email": "ANNA", "password": RIGHT})
        expected = (
            b'{"message":"Success Login. you are user","role":2,"role_name":"user","token":"%b"}'
        )
        self.assertEqual(
            (answered.status, answered.body), (200, expected % answered.json["token"].encode())
        )

    def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(self) -> None:
        answered = self.asks("POST", {"email": "root", "password": RIGHT})
        cookie = f"sockcrud_members={answered.json['token']}; Path=/; HttpOnly; SameSite=Strict"
        self.assertEqual(answered.field("Set-Cookie"), cookie)

    def test_the_shape_of_a_body_tells_what_it_is_whatever_its_type(self) -> None:
        self.one_of(self.ours, "vera@example.org")
        bodies: tuple[bytes, ...] = (
            b'{"email": "vera@example.org", "password": "correct horse"}',
            b' \r\n\t{"password": "correct horse", "email": "vera@example.org", "more": {}}',
            b"email=vera%40example.org&password=correct+horse",
            b"password=correct%20horse&more=&email=vera@example.org",
            b"user:vera@example.org,correct horse",
            b"user:vera@example.org,correct horse,anything,else",
        )
        for type in (
            "application/json",
            "application/x-www-form-urlencoded",
            "text/plain",
            "image/png",
            "",
        ):
            for body in bodies:
                self.assertEqual(self.asks("POST", body, Content_Type=type).status, 200, body)

    def test_the_path_may_have_a_query(self) -> None:
        for target in ("/", "/?", "/?a=b", "/?%ff"):
            answered = self.asks("POST", {"email": "root", "password": RIGHT}, target=target)
            self.assertEqual(answered.status, 200)

    def test_a_password_is_taken_as_it_is_written(self) -> None:
        for email, password in (("umlaut", "pässwörd & =+%"), ("blanks", " two  blanks ")):
            self.have(self.directory.create(email, digest_of(password)))
            self.logs_in(email, password)
            self.assertEqual(self.asks("POST", f"user:{email},{password}".encode()).status, 200)

    def test_a_wrong_login_is_told_apart_from_no_other(self) -> None:
        self.have(self.directory.deactivate(self.anna.id))
        self.have(self.directory.change_company(self.theirs.id, active=False))
        for email, password in (
            ("root", "x"),
            ("root", ""),
            ("nobody", RIGHT),
            ("anna", RIGHT),
            ("carl", RIGHT),
            ("", RIGHT),
        ):
            for body in (
                orjson.dumps({"email": email, "password": password}),
                f"user:{email},{password}".encode(),
            ):
                answered = self.asks("POST", body)
                self.refuses(401, "Login fail", answered)
                self.assertEqual(answered.field("WWW-Authenticate"), "Bearer")
                self.assertIsNone(answered.field("Set-Cookie"))

    def test_what_is_no_login_at_all(self) -> None:
        bodies: tuple[bytes, ...] = (
            b"",
            b"root",
            b"{",
            b"[]",
            b"{}",
            b'{"email": "root"}',
            b'{"password": "correct horse"}',
            b'{"email": "root", "password": null}',
            b'{"email": 5, "password": "correct horse"}',
            b'{"email": "root", "password": "\\u0000"}',
            b'{"email": "root", "password": "\\ud800"}',
            b'{"email": "root", "password": ' + b"[" * 100 + b"]" * 100 + b"}",
            b"email=root",
            b"email=root&password=%ff",
            b"email=root&password=" + b"&" * 200,
            b"user:root",
            b"user:",
            b"user:root,\xff",
            b"\xff",
        )
        for body in bodies:
            self.refuses(400, "Bad request", self.asks("POST", body))
        self.refuses(400, "Bad request", self.asks("POST"))

    def test_after_too_many_failures_a_login_is_delayed_and_not_hashed(self) -> None:
        for _ in range(10):
            self.refuses(401, "Login fail", self.asks("POST", {"email": "anna", "password": "x"}))
        works = self.pool.works
        self.clock.advance(0.5)
        answered = self.asks("POST", {"email": "anna", "password": RIGHT})
        self.refuses(429, "Too many failed logins", answered)
        self.assertEqual((answered.field("Retry-After"), self.pool.works), ("1", works))
        self.clock.advance(1)
        self.logs_in("anna")


class ShowTests(MembersCase):
    def test_an_admin_sees_everybody_and_a_user_itself(self) -> None:
        self.have(self.directory.deactivate(self.carl.id))
        everybody = [
            self.account(account.id) for account in (self.root, self.anna, self.chef, self.carl)
        ]
        answered = self.asks("GET", token=self.logs_in("root"))
        self.assertEqual((answered.status, answered.body), (200, orjson.dumps(shown(*everybody))))
        answered = self.asks("GET", token=self.logs_in("anna"), target="/?")
        self.assertEqual((answered.status, answered.body), (200, orjson.dumps(shown(self.anna))))

    def test_without_a_login_it_is_forbidden(self) -> None:
        self.refuses(403, "Forbidden", self.asks("GET"))

    def test_a_token_counts_at_its_own_dialect_while_its_session_lives(self) -> None:
        token = self.logs_in("root")
        elsewhere = [self.log_in("root", dialect).token for dialect in ("auth", "way", "admin")]
        for wrong in (NOBODYS, token.lower(), token[1:], "x", "\u00fc", *elsewhere):
            self.refuses(403, "Forbidden", self.asks("GET", Authorization=f"Bearer {wrong}"))
        for scheme in ("Bearer", "bearer", "BEARER "):
            self.assertEqual(self.asks("GET", Authorization=f"{scheme} {token}").status, 200)
        self.clock.advance(31 * 60)
        self.refuses(403, "Forbidden", self.asks("GET", token=token))

    def test_the_cookie_counts_too(self) -> None:
        token = self.logs_in("anna")
        for cookie in (
            f"sockcrud_members={token}",
            f"a=b; sockcrud_members={token}; c=d",
            f"a;sockcrud_members={token}",
        ):
            self.assertEqual(self.asks("GET", Cookie=cookie).json, shown(self.anna))
        for cookie in (
            f"session={token}",
            f"xsockcrud_members={token}",
            "sockcrud_members=",
            f"sockcrud_members={NOBODYS}",
        ):
            self.refuses(403, "Forbidden", self.asks("GET", Cookie=cookie))

    def test_a_bearers_token_counts_more_than_the_cookie(self) -> None:
        anna, root = self.logs_in("anna"), self.logs_in("root")
        self.assertEqual(
            self.asks("GET", token=anna, Cookie=f"sockcrud_members={root}").json, shown(self.anna)
        )
        self.refuses(
            403, "Forbidden", self.asks("GET", token=NOBODYS, Cookie=f"sockcrud_members={root}")
        )
        self.assertEqual(
            self.asks("GET", Authorization="Basic eA==", Cookie=f"sockcrud_members={root}").status,
            200,
        )

    def test_a_long_list_comes_whole_and_in_slices(self) -> None:
        async def insert() -> None:
            fields: dict[str, Any] = {
                "password_hash": "none",
                "role": USER,
                "company_id": self.ours.id,
                "active": False,
            }
            for number in range(5000):
                await self.store.insert(Account, login=f"member-{number}", **fields)

        token = self.logs_in("root")
        self.have(insert())
        answered = self.asks("GET", token=token)
        self.assertEqual(answered.field("Transfer-Encoding"), "chunked")
        self.assertEqual(len(answered.json["users"]), 5004)
        self.assertEqual(answered.json["users"][-1]["email"], "member-4999")


class SignUpTests(MembersCase):
    def test_whoever_signs_up_is_a_user_of_the_default_company(self) -> None:
        bodies: Mapping[str, bytes] = {
            "vera@example.org": b'{"email": "vera@example.org", "password": "pw", "role": 1, '
            b'"company_id": 2, "id": 9}',
            "willy": b"email=willy&password=pw&role=admin",
            "xaver": b"user:xaver,pw,admin",
        }
        for email, body in bodies.items():
            answered = self.asks("PUT", body)
            made = self.made(email)
            self.assertEqual(answered.status, 201)
            self.assertEqual(answered.body, b'{"message":"Success create user","id":%d}' % made.id)
            self.assertEqual((made.role, made.company_id, made.active), (USER, self.ours.id, True))
            self.assertEqual(self.asks("GET", token=self.logs_in(email, "pw")).json, shown(made))

    def test_too_short_an_email_or_password_is_a_bad_request(self) -> None:
        before = self.everything()
        for email, password in (("v", "password"), ("", "password"), ("vera", "p"), ("vera", "")):
            self.refuses(
                400, "Bad request", self.asks("PUT", {"email": email, "password": password})
            )
            self.refuses(400, "Bad request", self.asks("PUT", f"user:{email},{password}".encode()))
        for body in (
            b"",
            b"user:vera",
            b'{"email": "vera"}',
            b'{"email": "a b", "password": "pw"}',
            b"\xff",
        ):
            self.refuses(400, "Bad request", self.asks("PUT", body))
        self.assertEqual(self.everything(), before)

    def test_a_taken_email_is_a_conflict(self) -> None:
        for email in ("anna", "ANNA", "carl"):
            self.refuses(
                409, "Email already exists", self.asks("PUT", {"email": email, "password": "pw"})
            )

    def test_where_it_is_closed_only_admins_sign_others_up(self) -> None:
        root, anna = self.logs_in("root"), self.logs_in("anna")
        self.client = self.a_client(closed=True)
        body = {"email": "vera", "password": "pw"}
        for token in (None, anna, NOBODYS):
            self.refuses(403, "Forbidden", self.asks("PUT", body, token=token))
        self.refuses(403, "Forbidden", self.asks("PUT", body, Cookie=f"sockcrud_members={root}"))
        self.assertEqual(self.asks("PUT", body, token=root).status, 201)
        self.assertEqual(self.made("vera").role, USER)

    def test_a_dead_session_is_in_nobodys_way_while_it_is_open(self) -> None:
        self.assertEqual(
            self.asks("PUT", {"email": "vera", "password": "pw"}, token=NOBODYS).status, 201
        )


class HeadTests(MembersCase):
    def test_the_state_of_the_server_is_in_headers_for_everybody(self) -> None:
        for uptime, count in ((0.0, 1), (61.9, 12)):
            self.uptime, self.open_connections = uptime, count
            for target in ("/", "/?", "/?x"):
                answered = self.asks("HEAD", target=target)
                self.assertEqual((answered.status, answered.body), (200, b""))
                self.assertEqual(answered.field("X-Server-Status"), "running")
                self.assertEqual(answered.field("X-Uptime-Seconds"), str(int(uptime)))
                self.assertEqual(answered.field("X-Active-Connections"), str(count))


class HTTPTests(MembersCase):
    def test_another_path_or_method(self) -> None:
        self.refuses(404, "Not found", self.asks("GET", target="/users"))
        for method in ("DELETE", "PATCH"):
            answered = self.asks(method)
            self.refuses(405, "Method not allowed", answered)
            self.assertEqual(answered.field("Allow"), "GET, HEAD, OPTIONS, POST, PUT")

    def test_too_large_a_body(self) -> None:
        self.client = self.a_client(limits=HTTPLimits(body=100))
        self.refuses(413, "Request too large", self.asks("POST", b"x" * 101))

    def test_what_the_wire_refuses(self) -> None:
        self.refuses(400, "Bad request", self.asks_loosely(b"no http\r\n\r\n"))

    def test_a_busy_pool_and_a_store_that_cannot_serve(self) -> None:
        async def unavailable(*_: object) -> None:
            raise Unavailable

        token = self.logs_in("root")
        self.pool.room = 0
        busy = self.asks("POST", {"email": "root", "password": RIGHT})
        self.patch(self.store, "find", unavailable)
        for answered in (
            busy,
            self.asks("GET", token=token),
            self.asks("PUT", {"email": "vera", "password": "pw"}),
        ):
            self.refuses(503, "Service unavailable", answered)
            self.assertEqual(answered.field("Retry-After"), "1")

    def test_other_origins_may_ask_without_credentials_where_they_are_configured(self) -> None:
        self.assertIsNone(
            self.asks("OPTIONS", Origin="https://example.org").field("Access-Control-Allow-Origin")
        )
        self.client = self.a_client(Terms(Origins(("*",))))
        answered = self.asks("OPTIONS", Origin="https://example.org")
        self.assertEqual(
            (answered.status, answered.field("Access-Control-Allow-Origin")), (204, "*")
        )
        self.assertEqual(
            answered.field("Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS, POST, PUT"
        )
        self.assertIsNone(answered.field("Access-Control-Allow-Credentials"))

    def test_a_fault_of_ours_is_told_without_its_trace_and_no_secret_is_in_the_log(self) -> None:
        lines: list[str] = []

        def observe(event: LogEvent) -> None:
            lines.append(eventAsText(event))

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("broken")

        observer = cast(ILogObserver, observe)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.logins.access.observers.append(log_operation)
        token = self.logs_in("root")
        self.asks("PUT", {"email": "vera", "password": "a secret"})
        self.patch(self.store, "stream", broken)
        self.refuses(500, "Internal server error", self.asks("GET", token=token))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        log = "\n".join(lines)
        self.assertIn("accounts.sign_up", log)
        for secret in (
            token,
            RIGHT,
            "a secret",
            digest_of("a secret"),
            self.made("vera").password_hash,
        ):
            self.assertNotIn(secret.lower(), log.lower())

    def test_no_answer_holds_a_password_in_any_form(self) -> None:
        said = b"".join(
            (
                self.asks("PUT", {"email": "vera", "password": "a secret"}).body,
                self.asks("POST", {"email": "vera", "password": "a secret"}).body,
                self.asks("GET", token=self.logs_in("root")).body,
            )
        )
        for secret in (b"a secret", digest_of("a secret").encode(), b"argon2", b"password"):
            self.assertNotIn(secret.lower(), said.lower())
