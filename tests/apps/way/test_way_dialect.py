"""Logins and sessions over the wire, and what HTTP asks of every dialect: docs/protocols/way.md."""

from __future__ import annotations

from typing import cast

import orjson
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher

from sockcrud.access import log_operation
from sockcrud.errors import InDoubt, Unavailable
from sockcrud.identity.records import ADMIN
from sockcrud.protocols.http.connection import HTTPLimits
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from tests.apps.way.way_case import (
    HASH,
    INVALID_SESSION,
    NEW_HASH,
    NOBODYS,
    PASSWORD_FORMAT,
    WRONG_LOGIN,
    WayCase,
    outcome,
    shown,
)
from tests.support.http_kit import Answered, request


class LoginTests(WayCase):
    def refuses(self, body: object, message: str = WRONG_LOGIN) -> None:
        answered = self.asks("POST", "/api/main", body)
        self.assertEqual(answered.status, 200)
        self.assertEqual(
            answered.body, orjson.dumps({"Status": "ERROR", "IDSessao": "", "Message": message})
        )

    def test_a_login_answers_a_session_of_64_upper_case_hex_digits(self) -> None:
        answered = self.asks("POST", "/api/main", {"User": "root", "Passwd": HASH})
        session = answered.json["IDSessao"]
        self.assertRegex(session, "^[0-9A-F]{64}$")
        self.assertEqual(answered.status, 200)
        self.assertEqual(
            answered.body,
            orjson.dumps(
                {"Status": "OK", "IDSessao": session, "Message": "Login Realizado com sucesso"}
            ),
        )

    def test_paths_and_keys_and_digits_are_taken_whatever_their_case(self) -> None:
        for path in ("/API/Main", "/Api/main/", "/api/MAIN"):
            for body in (
                {"USER": "ROOT", "passwd": HASH.lower()},
                {"user": "Root", "PassWD": HASH},
            ):
                self.assertEqual(self.asks("POST", path, body).json["Status"], "OK")

    def test_of_a_key_given_twice_the_last_counts_also_in_another_case(self) -> None:
        body = b'{"User": "nobody", "Passwd": "%b", "USER": "root"}' % HASH.encode()
        self.assertEqual(self.asks("POST", "/api/main", body).json["Status"], "OK")

    def test_a_wrong_login_is_told_apart_from_no_other(self) -> None:
        self.have(self.directory.deactivate(self.anna.id))
        self.have(self.directory.change_company(self.theirs.id, active=False))
        for user, digest in (
            ("root", NEW_HASH),
            ("nobody", HASH),
            ("anna", HASH),
            ("carl", HASH),
            ("", HASH),
            ("a b", HASH),
        ):
            self.refuses({"User": user, "Passwd": digest})

    def test_a_user_that_is_no_text_is_a_wrong_one(self) -> None:
        for user in (5, None, True, ["root"]):
            self.refuses({"User": user, "Passwd": HASH})
        self.refuses({"Passwd": HASH})

    def test_a_password_that_is_no_digest_is_told_so(self) -> None:
        for digest in (
            "correct horse",
            HASH[:-1],
            HASH + "0",
            "G" + HASH[1:],
            "",
            None,
            5,
            True,
            [HASH],
        ):
            self.refuses({"User": "root", "Passwd": digest}, PASSWORD_FORMAT)
        self.refuses({"User": "root"}, PASSWORD_FORMAT)

    def test_what_is_no_json_object_is_400(self) -> None:
        for body in (
            b"",
            b"User=root",
            b"{",
            b"[]",
            b'"root"',
            b"\xff",
            b'{"User": NaN}',
            b'{"User": "\\ud800"}',
        ):
            answered = self.asks("POST", "/api/main", body)
            self.assertEqual(answered.status, 400)
            self.assertEqual(
                answered.json, {"Status": "ERROR", "IDSessao": "", "Message": "Requisição inválida"}
            )

    def test_too_many_failures_are_answered_like_a_wrong_password_and_not_hashed(self) -> None:
        for _ in range(10):
            self.refuses({"User": "anna", "Passwd": NEW_HASH})
        works = self.pool.works
        self.refuses({"User": "anna", "Passwd": HASH})
        self.assertEqual(self.pool.works, works)
        self.clock.advance(2)
        self.logs_in("anna")

    def test_a_login_ends_the_earlier_session_of_the_account_and_no_other(self) -> None:
        earlier, roots = self.logs_in("anna"), self.logs_in("root")
        self.assertFalse(self.is_over(earlier))
        later = self.logs_in("anna")
        self.assertEqual(
            [self.is_over(session) for session in (earlier, later, roots)], [True, False, False]
        )

    def test_a_failed_login_leaves_the_session_alone(self) -> None:
        session = self.logs_in("anna")
        self.refuses({"User": "anna", "Passwd": NEW_HASH})
        self.assertFalse(self.is_over(session))


class SessionTests(WayCase):
    def test_a_session_in_lower_case_is_the_same(self) -> None:
        session = self.logs_in("root")
        self.assertEqual(self.lists(session.lower()), shown(self.root, self.anna))
        self.assertEqual(
            self.asks("DELETE", f"/API/USUARIO/{session.lower()}?ID={self.anna.id}").body,
            outcome("OK", session, ""),
        )

    def test_every_call_needs_a_valid_session(self) -> None:
        elsewhere = [self.log_in("root", dialect).token for dialect in ("auth", "members", "admin")]
        account = {"UserName": "user3", "PassWord": HASH, "Ativo": "true"}
        for session in (NOBODYS, "x", "%20", HASH, *elsewhere):
            for method, path, body in (
                ("GET", "usuario", None),
                ("POST", "usuario", account),
                ("PUT", "usuario", account),
                ("PUT", "usuario", b"no json"),
                ("DELETE", "usuario", None),
                ("DELETE", "main", None),
            ):
                before = self.everything()
                answered = self.asks(method, f"/api/{path}/{session}?id={self.anna.id}", body)
                self.assertEqual((answered.status, answered.body), (200, INVALID_SESSION))
                self.assertEqual(self.everything(), before)

    def test_a_logout_ends_it(self) -> None:
        session, other = self.logs_in("root"), self.logs_in("anna")
        answered = self.asks("DELETE", f"/api/main/{session}")
        self.assertEqual(
            (answered.status, answered.body),
            (200, outcome("OK", "", "Logout realizado com sucesso")),
        )
        self.assertEqual([self.is_over(session), self.is_over(other)], [True, False])
        self.assertEqual(self.asks("DELETE", f"/api/main/{session}").body, INVALID_SESSION)

    def test_inactivity_ends_it(self) -> None:
        session = self.logs_in("root")
        for _ in range(3):
            self.clock.advance(20 * 60)
            self.assertFalse(self.is_over(session))
        self.clock.advance(30 * 60)
        self.assertTrue(self.is_over(session))

    def test_a_change_to_its_account_by_another_ends_it(self) -> None:
        for change in (
            {"PassWord": NEW_HASH, "Ativo": "true"},
            {"Ativo": True},
            {"UserName": "anne", "Ativo": "true"},
        ):
            root, anna = self.logs_in("root"), self.logs_in(self.account(self.anna.id).login, HASH)
            self.succeeds("PUT", root, f"?id={self.anna.id}", change)
            self.assertEqual([self.is_over(anna), self.is_over(root)], [True, False])
            self.have(self.directory.change(self.anna.id, digest=HASH))

    def test_a_change_of_its_own_keeps_it_and_ends_the_others(self) -> None:
        elsewhere, session = self.as_(self.anna, "auth"), self.logs_in("anna")
        self.succeeds(
            "PUT", session, f"?id={self.anna.id}", {"PassWord": NEW_HASH, "Ativo": "true"}
        )
        self.assertFalse(self.is_over(session))
        self.assertEqual(self.lives(elsewhere), [False])

    def test_its_own_deactivation_ends_it(self) -> None:
        self.one_of(self.ours, "another", ADMIN)
        for method in ("DELETE", "PUT"):
            self.have(self.directory.change(self.root.id, active=True))
            session = self.logs_in("root")
            self.succeeds(method, session, f"?id={self.root.id}", {} if method == "PUT" else None)
            self.assertFalse(self.account(self.root.id).active)
            self.assertTrue(self.is_over(session))

    def test_a_change_to_the_company_ends_it(self) -> None:
        anna, carl = self.logs_in("anna"), self.logs_in("carl")
        self.have(self.directory.change_company(self.theirs.id, name="others"))
        self.assertEqual([self.is_over(anna), self.is_over(carl)], [False, True])

    def test_what_ends_while_the_hash_is_worked_out_does_nothing(self) -> None:
        session = self.logs_in("root")
        self.pool.holding = True
        self.client.says(
            request("PUT", f"/api/usuario/{session}?id={self.anna.id}", {"PassWord": NEW_HASH})
        )
        self.have(self.sessions.end_all(self.root.id))
        self.pool.release()
        self.assertTrue(self.client.hears().endswith(INVALID_SESSION))
        self.assertTrue(self.account(self.anna.id).active)


class HTTPTests(WayCase):
    """What is no answer of the protocol is an ERROR object with a status of HTTP."""

    def refuses(self, status: int, answered: Answered, *, at_login: bool = False) -> None:
        self.assertEqual(answered.status, status)
        keys = ["Status", "IDSessao", "Message"] + ([] if at_login else ["StackTrace"])
        self.assertEqual(list(answered.json), keys)
        self.assertEqual((answered.json["Status"], answered.json["IDSessao"]), ("ERROR", ""))
        self.assertTrue(answered.json["Message"])

    def test_an_unknown_path(self) -> None:
        for path in (
            "/",
            "/api",
            "/api/usuario",
            "/api/usuario/",
            f"/api/other/{NOBODYS}",
            f"/api/usuario/{NOBODYS}/1",
        ):
            self.refuses(404, self.asks("GET", path))

    def test_a_wrong_method(self) -> None:
        for method, path, allowed in (
            ("GET", "/api/main", "OPTIONS, POST"),
            ("PUT", f"/api/Main/{NOBODYS}", "DELETE, OPTIONS"),
            ("PATCH", f"/api/usuario/{NOBODYS}", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ):
            answered = self.asks(method, path)
            self.refuses(405, answered)
            self.assertEqual(answered.field("Allow"), allowed)

    def test_another_type_of_body(self) -> None:
        session = self.logs_in("root")
        self.refuses(
            415, self.asks("POST", "/api/main", {}, Content_Type="text/plain"), at_login=True
        )
        answered = self.asks("POST", f"/api/usuario/{session}", {}, Content_Type="text/plain")
        self.assertEqual((answered.status, answered.json["IDSessao"]), (415, session))
        self.assertEqual(
            self.asks("POST", f"/api/usuario/{NOBODYS}", {}, Content_Type="text/plain").body,
            INVALID_SESSION,
        )

    def test_too_large_a_body(self) -> None:
        self.client = self.a_client(limits=HTTPLimits(body=100))
        session = self.log_in("root").token
        self.refuses(413, self.asks("POST", "/api/main", b"x" * 101), at_login=True)
        answered = self.asks("POST", f"/api/usuario/{session}", b"x" * 101)
        self.assertEqual((answered.status, answered.json["IDSessao"]), (413, session))

    def test_a_body_that_is_no_json_object(self) -> None:
        session = self.logs_in("root")
        for method, body in (
            ("POST", b"UserName=user3"),
            ("PUT", b""),
            ("PUT", b"[]"),
            ("POST", b"[" * 1000),
        ):
            answered = self.asks(method, f"/api/usuario/{session}?id={self.anna.id}", body)
            self.assertEqual(
                (answered.status, answered.body),
                (400, outcome("ERROR", session, "Requisição inválida")),
            )

    def test_what_the_wire_refuses(self) -> None:
        self.client.says(b"no http\r\n\r\n")
        heard = self.client.hears()
        self.assertIn(b"HTTP/1.1 400 ", heard)
        self.assertIn(b"Referrer-Policy: no-referrer", heard)
        self.assertIn(b'{"Status":"ERROR","IDSessao":"","Message":"', heard)

    def test_a_body_that_is_not_wanted_is_refused_before_it_comes(self) -> None:
        self.client.says(b"POST /api/usuario/%b HTTP/1.1\r\nHost: a\r\n" % NOBODYS.encode())
        self.client.says(b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        heard = self.client.hears()
        self.assertIn(b"Referrer-Policy: no-referrer", heard)
        self.assertTrue(heard.endswith(INVALID_SESSION))

    def test_a_busy_pool_and_a_store_that_cannot_serve(self) -> None:
        session = self.logs_in("root")
        self.pool.room = 0
        for answered in (
            self.asks("POST", "/api/main", {"User": "root", "Passwd": HASH}),
            self.asks(
                "POST",
                f"/api/usuario/{session}",
                {"UserName": "user3", "PassWord": HASH, "Ativo": "true"},
            ),
        ):
            self.assertEqual((answered.status, answered.field("Retry-After")), (503, "1"))
            self.assertEqual(answered.json["Status"], "ERROR")

        async def unavailable(*_: object) -> None:
            raise Unavailable

        self.patch(self.store, "find", unavailable)
        self.assertEqual(self.asks("GET", f"/api/usuario/{session}").status, 503)

    def test_a_change_of_which_nobody_knows_whether_it_was_made_is_500_and_nobody_is_invited_to_make_it_again(  # noqa: E501
        self,
    ) -> None:
        async def in_doubt(*_: object, **__: object) -> None:
            raise InDoubt

        session = self.logs_in("root")
        self.patch(self.store, "transact", in_doubt)
        asked = {"UserName": "user3", "PassWord": HASH, "Ativo": "true"}
        answered = self.asks("POST", f"/api/usuario/{session}", asked)
        self.assertEqual((answered.status, answered.field("Retry-After")), (500, None))

    def test_a_fault_of_ours_is_told_without_its_trace(self) -> None:
        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a secret")

        session = self.logs_in("root")
        self.patch(self.store, "stream", broken)
        answered = self.asks("GET", f"/api/usuario/{session}")
        self.assertEqual(
            (answered.status, answered.body),
            (500, outcome("ERROR", session, "Erro interno do servidor")),
        )
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_other_origins_may_ask_without_credentials_where_they_are_configured(self) -> None:
        answered = self.asks("OPTIONS", f"/api/usuario/{NOBODYS}", Origin="https://example.org")
        self.assertIsNone(answered.field("Access-Control-Allow-Origin"))
        self.client = self.a_client(Terms(Origins(("*",))))
        answered = self.asks("OPTIONS", f"/api/usuario/{NOBODYS}", Origin="https://example.org")
        self.assertEqual(answered.status, 204)
        self.assertEqual(answered.field("Access-Control-Allow-Origin"), "*")
        self.assertEqual(
            answered.field("Access-Control-Allow-Methods"), "DELETE, GET, HEAD, OPTIONS, POST, PUT"
        )
        self.assertIsNone(answered.field("Access-Control-Allow-Credentials"))

    def test_no_secret_is_in_the_log(self) -> None:
        lines: list[str] = []

        def observe(event: LogEvent) -> None:
            lines.append(eventAsText(event))

        observer = cast(ILogObserver, observe)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.logins.access.observers.append(log_operation)
        session = self.logs_in("root")
        self.succeeds(
            "PUT", session, f"?id={self.anna.id}", {"PassWord": NEW_HASH, "Ativo": "true"}
        )
        self.fails(PASSWORD_FORMAT, "PUT", session, f"?id={self.anna.id}", {"PassWord": "a secret"})
        self.patch(self.store, "get", _raise)
        self.asks("DELETE", f"/api/usuario/{session}?id={self.anna.id}")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        log = "\n".join(lines)
        self.assertIn("colleagues.change", log)
        for secret in (session, HASH, NEW_HASH, self.anna.password_hash, "a secret"):
            self.assertNotIn(secret.lower(), log.lower())


def _raise(*_: object) -> None:
    raise RuntimeError("broken")
