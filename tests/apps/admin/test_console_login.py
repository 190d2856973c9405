# mypy: allow-untyped-calls
"""The console's login: a cookie that counts together with the key that its page has."""

from __future__ import annotations

import re
from typing import Any

from sockcrud.apps.admin.dialect.responder import AdminResponder
from sockcrud.identity.records import Session
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from tests.apps.admin.admin_case import RIGHT, AdminCase
from tests.journal.journal_kit import JournalCase
from tests.support.http_kit import Answered, answers

SESSION = "/console/session"
HOST = "localhost:8000"


class ConsoleCase(AdminCase):
    """A browser at the console."""

    def logs_in(self, login: str = "root", password: str = RIGHT, **headers: str) -> Answered:
        body = {"login": login, "password": password}
        return self.asks("POST", SESSION, body, token=None, **{"Host": HOST, **headers})

    def parts(self, login: str = "root") -> dict[str, str]:
        """Log in, and return the header fields that the page and its browser send from then on."""
        answered = self.logs_in(login)
        self.assertEqual(answered.status, 200, answered)
        cookie = (answered.field("Set-Cookie") or "").partition(";")[0]
        return {"Cookie": cookie, "X_Console_Key": answered.json["key"], "Host": HOST}

    def status(
        self, headers: dict[str, str], target: str = "/accounts", method: str = "GET"
    ) -> int:
        return self.asks(method, target, token=None, **headers).status


class LoginTests(ConsoleCase):
    def test_the_cookie_is_kept_from_scripts_and_from_other_sites(self) -> None:
        cookie = self.logs_in().field("Set-Cookie")
        self.assertRegex(
            cookie or "",
            "^sockcrud_console_8000=[0-9A-F]{64}; Path=/; HttpOnly; SameSite=Strict$",
        )

    def test_over_tls_it_is_sent_over_tls_alone_and_is_of_this_host_alone(self) -> None:
        pattern = (
            "^__Host-sockcrud_console_8000=[0-9A-F]{64}; Path=/; HttpOnly; SameSite=Strict; Secure$"
        )
        behind_a_proxy = self.logs_in(Origin="https://localhost:8000")
        self.assertRegex(behind_a_proxy.field("Set-Cookie") or "", pattern)
        self.client = self.a_client(Terms(secure=True))
        answered = self.logs_in()
        self.assertRegex(answered.field("Set-Cookie") or "", pattern)
        cookie = (answered.field("Set-Cookie") or "").partition(";")[0]
        both = {"Cookie": cookie, "X_Console_Key": answered.json["key"], "Host": HOST}
        self.assertEqual(self.status(both), 200)

    def test_neither_part_counts_by_itself_nor_with_that_of_another_login(self) -> None:
        one, other = self.parts(), self.parts()
        self.assertEqual(self.status(one), 200)
        without_key = {name: one[name] for name in ("Cookie", "Host")}
        without_cookie = {name: one[name] for name in ("X_Console_Key", "Host")}
        self.assertEqual(self.status(without_key), 401)
        self.assertEqual(self.status(without_cookie), 401)
        self.assertEqual(self.status({**one, "X_Console_Key": other["X_Console_Key"]}), 401)
        self.assertEqual(self.status({**one, "X_Console_Key": "0" * 64}), 401)
        self.assertEqual(self.status({**one, "Cookie": "sockcrud_console_8000=x"}), 401)

    def test_neither_part_is_the_token(self) -> None:
        one = self.parts()
        for part in (one["X_Console_Key"], one["Cookie"].partition("=")[2]):
            self.assertEqual(self.asks("GET", "/accounts", token=part).status, 401)

    def test_the_consoles_of_two_daemons_on_a_host_do_not_share_a_cookie(self) -> None:
        one = self.parts()
        self.assertEqual(self.status({**one, "Host": "localhost:9000"}), 401)

    def test_other_cookies_do_no_harm(self) -> None:
        one = self.parts()
        self.assertEqual(self.status({**one, "Cookie": f"a=b; sockcrud=; {one['Cookie']}; c"}), 200)

    def test_tells_who_is_logged_in(self) -> None:
        told = self.asks("GET", SESSION, token=None, **self.parts()).json
        session = self.session_of(self.root)
        self.assertEqual((told["session_id"], told["account"]["login"]), (session.id, "root"))

    def test_logging_out_ends_the_session_and_the_cookie(self) -> None:
        one = self.parts()
        answered = self.asks("DELETE", SESSION, token=None, **one)
        self.assertEqual(answered.status, 204)
        self.assertRegex(answered.field("Set-Cookie") or "", "^sockcrud_console_8000=;.*Max-Age=0$")
        self.assertEqual(self.status(one), 401)

    def test_it_is_a_session_like_any_other_that_an_admin_can_end(self) -> None:
        one = self.parts()
        id = self.session_of(self.root).id
        self.assertEqual(self.asks("DELETE", f"/sessions/{id}").status, 204)
        self.assertEqual(self.status(one), 401)

    def test_a_wrong_password_is_a_failed_login_and_many_make_one_wait(self) -> None:
        self.refused(self.logs_in(password="wrong"), 401, "login_failed")
        self.assertIsNone(self.logs_in(password="wrong").field("Set-Cookie"))
        for _ in range(9):
            answered = self.logs_in(password="wrong")
        self.refused(answered, 429, "login_delayed")
        self.assertGreaterEqual(int(answered.field("Retry-After") or 0), 1)

    def test_who_is_no_admin_is_told_so_and_has_no_session(self) -> None:
        before = self.have(self.store.count(Session))
        answered = self.logs_in("anna")
        self.refused(answered, 403, "forbidden")
        self.assertIsNone(answered.field("Set-Cookie"))
        self.assertEqual(self.have(self.store.count(Session)), before)


class OtherPagesTests(ConsoleCase):
    """What pages of other origins can have a browser do that is logged in."""

    FOREIGN: tuple[dict[str, str], ...] = (
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},  # another port of this host
        {"Origin": "http://localhost:5001"},
        {"Origin": "null"},
    )

    def test_no_route_serves_them_even_with_both_parts(self) -> None:
        routes: Any = AdminResponder.routes.all
        for route in routes:
            if not route.login:
                continue
            target = re.sub(r"\{\w+\}", "1", route.path)
            for foreign in self.FOREIGN:
                one = self.parts()
                status = self.status({**one, **foreign}, target, route.method)
                expected = 401 if route.method == "GET" else 403
                self.assertEqual(status, expected, (route.method, route.path, foreign))
                self.assertEqual(self.status(one), 200, "the session goes on")

    def test_they_cannot_log_anybody_in(self) -> None:
        for foreign in self.FOREIGN:
            self.assertEqual(self.logs_in(**foreign).status, 403, foreign)
        form = self.asks("POST", SESSION, b"login=root", token=None, Content_Type="text/plain")
        self.assertEqual(form.status, 415)

    def test_an_origin_that_may_call_the_port_may_not_use_the_cookie(self) -> None:
        one = self.parts()
        self.client = self.a_client(Terms(Origins(("https://other.example",))))
        answered = self.asks("GET", "/accounts", token=None, **one, Origin="https://other.example")
        self.assertEqual(answered.status, 401)
        self.assertIsNone(answered.field("Access-Control-Allow-Credentials"))
        self.assertEqual(self.asks("GET", "/accounts", Origin="https://other.example").status, 200)


class JournalTests(JournalCase):
    """What the journal has of the console's requests."""

    def test_no_part_of_a_login_is_in_it_nor_what_is_sent_again(self) -> None:
        login = {"login": "root", "password": "correct horse"}
        said = self.ask_http("admin", "POST", SESSION, login, headers={"Host": HOST})
        (answered,) = answers(said)
        parts = [answered.json["key"], re.findall("=([0-9A-F]{64});", str(answered.fields))[0]]
        headers = {"Cookie": f"sockcrud_console_8000={parts[1]}", "X-Console-Key": parts[0]}
        sent = {"dialect": "users", "text": "staple battery"}
        for target in ("/accounts", "/records/users", "/overview"):
            self.ask_http("admin", "GET", target, headers={"Host": HOST, **headers})
        self.ask_http("admin", "POST", "/send", sent, headers={"Host": HOST, **headers})
        asked = self.asked()
        self.assertEqual({entry["login"] for entry in asked}, {"root"})
        self.assertEqual(len(asked), 3)  # the console's own looks at how all is are no traffic
        shown = repr(asked).lower()
        for secret in (*parts, "correct horse", "staple"):
            self.assertNotIn(secret.lower(), shown)
