# mypy: allow-untyped-calls
"""Accounts and tokens on the wire: docs/protocols/shop.md."""

from __future__ import annotations

from base64 import b64encode
from io import StringIO
from typing import Any

from twisted.logger import globalLogPublisher, textFileLogObserver

from sockcrud.apps.shop.dialect.auth import AuthResponder
from sockcrud.identity.records import ADMIN, USER, Account, Session
from tests.apps.shop.shop_kit import ShopWireCase, basic
from tests.support.http_kit import Answered, HTTPClient, answers, request

BEN: dict[str, Any] = {"username": "ben", "password": "swordfish"}
CREATED = (201, {"msg": "User created"})
WRONG = {"msg": "Wrong username or password"}


class AuthCase(ShopWireCase):
    def setUp(self) -> None:
        super().setUp()
        self.port = "auth"

    def login(self, headers: dict[str, str], path: str = "/user/login", **more: Any) -> Answered:
        return self.asks("POST", path, token=None, headers=headers, **more)


class SignUpTests(AuthCase):
    def test_an_account_is_created_without_a_token(self) -> None:
        for path, name in (
            ("/user/create", "ben"),
            ("/users/create", "Björn"),
            ("/user/create/", "b@c.de"),
        ):
            answered = self.says(CREATED, "POST", path, {**BEN, "username": name}, token=None)
            self.assertEqual(answered.body, b'{"msg":"User created"}')
            self.assertEqual(self.login(basic(name, "swordfish")).status, 200)

    def test_what_signs_up_is_an_active_user_of_the_default_company_whatever_else_is_sent(
        self,
    ) -> None:
        more = {
            "role": ADMIN,
            "company_id": self.theirs.id,
            "active": False,
            "id": 99,
            "rev": 1,
            "password_hash": "x",
        }
        self.says(CREATED, "POST", "/user/create", {**BEN, **more}, token=None)
        account = self.have(self.store.find(Account, "login", "ben"))
        assert account is not None
        self.assertEqual(
            (account.role, account.company_id, account.active), (USER, self.ours.id, True)
        )
        self.assertNotEqual(account.id, 99)

    def test_a_username_belongs_to_one_account_whatever_its_case(self) -> None:
        words = self.fails(409, "POST", "/user/create", {**BEN, "username": "ANNA"}, token=None)
        self.assertEqual(words, "Another account has this username already")

    def test_a_wrong_or_missing_field_is_400_and_is_named(self) -> None:
        wrong: dict[str, tuple[Any, ...]] = {
            "username": ("", "b", "b b", "b:c", "b,c", 5, None, "b\0c", "x" * 255),
            "password": ("", "x", 12345, None, "sword\0fish"),
        }
        for name, values in wrong.items():
            for value in values:
                words = self.fails(400, "POST", "/user/create", {**BEN, name: value}, token=None)
                self.assertTrue(words.startswith(f"{name}: expected "), words)
            left = {key: value for key, value in BEN.items() if key != name}
            words = self.fails(400, "POST", "/users/create", left, token=None)
            self.assertEqual(words, f"{name}: expected a value, and there is none")

    def test_a_dead_token_does_not_matter(self) -> None:
        self.says(CREATED, "POST", "/user/create", BEN, token="F" * 64)

    def test_where_sign_up_is_closed_only_an_admin_creates_accounts(self) -> None:
        client = HTTPClient(lambda peer: AuthResponder(self.closed, peer), self.clock)
        admin = self.log_in("root", "auth").token
        for token in (None, self.token, "F" * 64):
            answered = client.asks("POST", "/user/create", BEN, token=token)
            self.assertEqual(
                (answered.status, answered.json), (403, {"msg": "This account may not do that"})
            )
        self.assertEqual(client.asks("POST", "/user/create", BEN, token=admin).status, 201)

    def test_when_the_pool_is_full_it_is_503_with_a_hint_when_to_come_again(self) -> None:
        self.pool.room = 0
        answered = self.asks("POST", "/user/create", BEN, token=None)
        self.assertEqual((answered.status, answered.field("Retry-After")), (503, "1"))
        self.assertEqual(answered.json, {"msg": "Too much is under way: try again in a moment"})


class LoginTests(AuthCase):
    def test_the_right_password_gives_a_token_that_nobody_else_keeps(self) -> None:
        for path in ("/user/login", "/users/login", "/user/login/"):
            answered = self.login(basic("anna", "correct horse"), path)
            self.assertEqual((answered.status, answered.field("Cache-Control")), (200, "no-store"))
            self.assertEqual(list(answered.json), ["msg", "token"])
            self.assertEqual(answered.json["msg"], "Logged in")
            self.assertEqual(
                self.ports["clients"]
                .asks("GET", "/clients/fetch", token=answered.json["token"])
                .status,
                200,
            )

    def test_each_login_has_a_token_of_its_own(self) -> None:
        first, second = (self.login(basic("ANNA", "correct horse")).json["token"] for _ in range(2))
        self.assertNotEqual(first, second)
        self.assertEqual(self.asks("POST", "/user/logout", token=first).status, 200)
        self.assertEqual(
            self.ports["clients"].asks("GET", "/clients/fetch", token=second).status, 200
        )

    def test_names_and_passwords_are_utf_8_and_a_password_may_hold_a_colon(self) -> None:
        for name, password in (("Björn", "pässword"), ("ben", "a:b:c"), ("carlos", "日本語")):
            self.says(
                CREATED,
                "POST",
                "/user/create",
                {"username": name, "password": password},
                token=None,
            )
            self.assertEqual(self.login(basic(name, password)).status, 200)

    def test_a_failed_login_is_401_whatever_was_wrong(self) -> None:
        self.have(self.directory.deactivate(self.carl.id))
        latin = "Basic " + b64encode("anna:pässword".encode("latin-1")).decode()
        headers: tuple[dict[str, str], ...] = (
            basic("anna", "wrong"),
            basic("nobody", "correct horse"),
            basic("carl", "correct horse"),
            basic("a b", "correct horse"),
            basic("", ""),
            {},
            {"Authorization": ""},
            {"Authorization": "Basic"},
            {"Authorization": "Basic ???"},
            {"Authorization": "Basic YW5uYTp"},
            {"Authorization": "Basic " + b64encode(b"anna").decode()},
            {"Authorization": latin},
            {"Authorization": "Basic " + b64encode(b"anna:\xed\xa0\x80").decode()},
            {"Authorization": "Basic " + b64encode(b"\xff\xfe:\x00").decode()},
            {"Authorization": "Basic " + b64encode(b"a\x00b:correct horse").decode()},
            {"Authorization": "Basic " + b64encode("anna:correct horse".encode("utf-16")).decode()},
            {"Authorization": f"Bearer {self.token}"},
        )
        for given in headers:
            answered = self.login(given)
            self.assertEqual((answered.status, answered.json), (401, WRONG), given)
            self.assertEqual(
                answered.field("WWW-Authenticate"), 'Basic realm="shop", charset="UTF-8"'
            )

    def test_the_scheme_is_taken_in_any_case(self) -> None:
        credentials = basic("anna", "correct horse")["Authorization"].removeprefix("Basic ")
        self.assertEqual(self.login({"Authorization": f"bAsIc  {credentials}"}).status, 200)

    def test_a_body_of_any_kind_does_not_matter(self) -> None:
        answered = self.login(
            {**basic("anna", "correct horse"), "Content-Type": "text/plain"}, body=b"whatever"
        )
        self.assertEqual(answered.status, 200)

    def test_too_many_failures_are_429_until_the_delay_ends(self) -> None:
        for _ in range(10):
            self.assertEqual(self.login(basic("anna", "wrong")).status, 401)
        works = self.pool.works
        answered = self.login(basic("anna", "correct horse"))
        self.assertEqual((answered.status, answered.field("Retry-After")), (429, "1"))
        self.assertEqual(answered.json, {"msg": "Too many failed logins: try again in 1 s"})
        self.assertEqual(self.pool.works, works)
        self.clock.advance(1)
        self.assertEqual(self.login(basic("anna", "correct horse")).status, 200)

    def test_requests_behind_a_login_wait_for_it(self) -> None:
        self.pool.holding = True
        port = self.ports["auth"]
        port.says(
            request("POST", "/user/login", headers=basic("anna", "correct horse"))
            + request("GET", "/user/health")
        )
        self.assertEqual(port.hears(), b"")
        self.pool.release()
        self.assertEqual([answered.status for answered in answers(port.hears())], [200, 200])


class LogoutTests(AuthCase):
    def test_the_token_is_dead_from_then_on(self) -> None:
        for path in ("/user/logout", "/users/logout"):
            token = self.log_in("anna", "auth").token
            self.says((200, {"msg": "Logged out"}), "POST", path, token=token)
            answered = self.asks("POST", path, token=token)
            self.assertEqual((answered.status, answered.field("WWW-Authenticate")), (401, "Bearer"))
            self.assertEqual(
                self.ports["clients"].asks("GET", "/clients/fetch", token=token).status, 401
            )

    def test_a_token_is_needed(self) -> None:
        self.fails(401, "POST", "/user/logout", token=None)

    def test_a_token_dies_with_its_account_s_change_and_of_idleness(self) -> None:
        self.have(self.directory.change(self.anna.id, digest="A" * 64))
        self.fails(401, "POST", "/user/logout")
        token = self.log_in("root", "auth").token
        self.clock.advance(31 * 60)
        self.fails(401, "POST", "/user/logout", token=token)

    def test_the_token_of_another_dialect_is_none_here_and_ours_is_none_there(self) -> None:
        self.fails(401, "POST", "/user/logout", token=self.log_in("anna", "members").token)
        self.assertEqual(
            {session.dialect for session in self.have(self.store.page(Session, 9))},
            {"auth", "members"},
        )

    def test_health_needs_no_token(self) -> None:
        for path in ("/user/health", "/users/health"):
            self.says((200, {"msg": "The service is running"}), "GET", path, token=None)


class SecretTests(AuthCase):
    def test_no_password_hash_or_token_is_in_the_log_or_in_an_answer_that_should_not_hold_it(
        self,
    ) -> None:
        file = StringIO()
        observer = textFileLogObserver(file)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

        async def fail(*args: object, **kwargs: object) -> None:
            raise RuntimeError("a fault")

        said = [self.asks("POST", "/user/create", BEN, token=None).body]
        token = self.login(basic("ben", "swordfish")).json["token"]
        said.append(self.login(basic("ben", "swordfish, too")).body)
        said.append(
            self.asks("POST", "/user/create", {**BEN, "username": "swordfish b"}, token=None).body
        )
        self.patch(self.store, "find", fail)
        said.append(self.login(basic("ben", "swordfish")).body)
        said.append(self.asks("POST", f"/user/logout?token={token}", token=token).body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
        said.append(file.getvalue().encode())
        for text in said:
            for secret in ("swordfish", token, b64encode(b"ben:swordfish").decode(), "argon2"):
                self.assertNotIn(secret.encode(), text)
        self.assertIn(b"a fault", said[-1])
