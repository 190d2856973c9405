# mypy: allow-untyped-calls
"""The admin's calls for logins, accounts, companies and sessions, over the wire."""

from __future__ import annotations

from typing import Any

from sockcrud.identity.credentials import Password
from sockcrud.identity.records import ADMIN, USER, Account, Company, Session
from tests.apps.admin.admin_case import RIGHT, AdminCase, about
from tests.support.people_case import ABSENT


class LoginTests(AdminCase):
    def logs_in(self, login: object = "root", password: object = RIGHT) -> Any:
        return self.asks("POST", "/login", {"login": login, "password": password}, token=None)

    def test_a_login_gives_a_token_that_nobody_may_keep(self) -> None:
        answered = self.logs_in()
        token = answered.json["token"]
        self.told(
            answered,
            200,
            {"token": token},
            {"Cache-Control": "no-store", "Content-Type": "application/json"},
        )
        self.assertRegex(token, "^[0-9A-F]{64}$")
        self.assertEqual(self.asks("GET", "/accounts", token=token).status, 200)

    def test_a_wrong_login_is_401_whatever_was_wrong(self) -> None:
        inactive = self.one_of(self.ours, "idle")
        self.have(self.directory.change(inactive.id, active=False))
        answers = [self.logs_in("root", "wrong"), self.logs_in("nobody"), self.logs_in("idle")]
        for answered in answers:
            self.refused(answered, 401, "login_failed", WWW_Authenticate="Bearer")
            self.assertEqual(answered.body, answers[0].body)

    def test_too_many_failures_are_429_with_the_time_to_wait(self) -> None:
        for _ in range(10):
            self.logs_in("root", "wrong")
        self.refused(self.logs_in(), 429, "login_delayed", Retry_After="1")
        self.clock.advance(1)
        self.assertEqual(self.logs_in().status, 200)

    def test_a_login_without_its_fields_is_400_and_repeats_nothing(self) -> None:
        for body, field in (
            ({"password": RIGHT}, "login"),
            ({"login": "root"}, "password"),
            ({"login": 5, "password": RIGHT}, "login"),
            ({"login": "root", "password": ["s3cret"]}, "password"),
            (["root", RIGHT], "body"),
            (b"{", "body"),
            (b"\xff", "body"),
        ):
            answered = self.asks("POST", "/login", body, token=None)
            self.refused(answered, 400, "invalid", field)
            self.assertNotIn(b"s3cret", answered.body)
            self.assertNotIn(RIGHT.encode(), answered.body)

    def test_a_full_hashing_pool_is_503(self) -> None:
        self.pool.room = 0
        self.refused(self.logs_in(), 503, "busy", Retry_After="1")

    def test_after_a_logout_the_token_is_dead(self) -> None:
        answered = self.asks("POST", "/logout")
        self.assertEqual((answered.status, answered.body), (204, b""))
        self.refused(self.asks("GET", "/accounts"), 401, "not_logged_in", WWW_Authenticate="Bearer")
        self.refused(self.asks("POST", "/logout"), 401, "not_logged_in", WWW_Authenticate="Bearer")

    def test_only_a_live_token_of_this_dialect_opens_anything(self) -> None:
        way = self.log_in("root", "way").token
        for token in (None, way, self.root_token.lower(), self.root_token[:-1], "é", ""):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answered = self.asks("GET", "/accounts", token=None, **headers)
            self.refused(answered, 401, "not_logged_in", WWW_Authenticate="Bearer")
        basic = self.asks("GET", "/accounts", token=None, Authorization=f"Basic {self.root_token}")
        self.refused(basic, 401, "not_logged_in")
        self.assertEqual(
            self.asks(
                "GET", "/accounts", token=None, Authorization=f"bearer  {self.root_token}"
            ).status,
            200,
        )

    def test_a_user_may_log_out_and_do_nothing_else(self) -> None:
        token = self.token_of("anna")
        for method, target, body in (
            ("GET", "/accounts", None),
            ("GET", f"/accounts/{self.anna.id}", None),
            ("POST", "/accounts", {"login": "dora", "password": RIGHT}),
            ("PATCH", f"/accounts/{self.anna.id}", {"role": ADMIN}),
            ("DELETE", f"/accounts/{self.carl.id}", None),
            ("GET", "/companies", None),
            ("GET", f"/companies/{self.ours.id}", None),
            ("POST", "/companies", {"name": "new"}),
            ("PATCH", f"/companies/{self.ours.id}", {"name": "new"}),
            ("DELETE", f"/companies/{self.theirs.id}", None),
            ("GET", "/sessions", None),
            ("DELETE", "/sessions/1", None),
            ("DELETE", f"/sessions?account_id={self.root.id}", None),
            ("GET", "/changes?since=0", None),
            ("GET", "/export", None),
            ("POST", "/import", b"{}"),
            ("GET", "/openapi.json", None),
        ):
            before = self.everything()
            self.refused(self.asks(method, target, body, token=token), 403, "forbidden")
            self.assertEqual(self.everything(), before)
        self.assertEqual(self.asks("POST", "/logout", token=token).status, 204)

    def test_who_is_no_admin_hears_that_before_what_else_is_wrong(self) -> None:
        token = self.token_of("anna")
        for method, path, body in (
            ("GET", "/changes", None),
            ("GET", "/accounts?limit=x", None),
            ("POST", "/accounts", b"nonsense"),
            ("PATCH", "/accounts/1", {"login": 7}),
            ("GET", "/accounts/999999", None),
        ):
            self.refused(self.asks(method, path, body, token=token), 403, "forbidden")


class AccountTests(AdminCase):
    def of(self, account: Account) -> dict[str, Any]:
        return about(self.account(account.id))

    def test_the_accounts_come_in_pages_without_their_hashes(self) -> None:
        everyone = [self.of(one) for one in (self.root, self.anna, self.chef, self.carl)]
        self.told(self.asks("GET", "/accounts"), 200, {"items": everyone, "next": None})
        self.told(
            self.asks("GET", "/accounts?limit=3"),
            200,
            {"items": everyone[:3], "next": self.chef.id},
        )
        rest = self.asks("GET", f"/accounts?limit=3&after={self.chef.id}")
        self.told(rest, 200, {"items": everyone[3:], "next": None})
        for query, field in (
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("limit=", "limit"),
            ("after=1.0", "after"),
            ("after=9223372036854775808", "after"),
            ("after=%ff", "query"),
        ):
            self.refused(self.asks("GET", f"/accounts?{query}"), 400, "invalid", field)

    def test_one_account_with_its_revision_as_the_tag(self) -> None:
        answered = self.asks("GET", f"/accounts/{self.carl.id}")
        self.told(
            answered, 200, self.of(self.carl), {"ETag": f'"{self.account(self.carl.id).rev}"'}
        )
        head = self.asks("HEAD", f"/accounts/{self.carl.id}")
        self.assertEqual(
            (head.status, head.field("ETag"), head.body), (200, answered.field("ETag"), b"")
        )
        self.refused(self.asks("GET", f"/accounts/{ABSENT}"), 404, "not_found")
        self.refused(self.asks("GET", "/accounts/x"), 404, "no_such_path")

    def test_an_account_is_created_as_it_is_named(self) -> None:
        answered = self.asks(
            "POST",
            "/accounts",
            {"login": "dora", "password": RIGHT, "id": 1, "rev": 1, "password_hash": "x"},
        )
        dora = self.have(self.store.find(Account, "login", "dora"))
        assert dora is not None
        self.told(
            answered,
            201,
            about(dora),
            {"ETag": f'"{dora.rev}"', "Location": f"/accounts/{dora.id}"},
        )
        self.assertEqual((dora.role, dora.company_id, dora.active), (USER, self.ours.id, True))
        self.log_in("dora")
        emil = {
            "login": "emil",
            "password": RIGHT,
            "role": ADMIN,
            "company_id": self.theirs.id,
            "active": False,
        }
        made = self.asks("POST", "/accounts", emil).json
        del emil["password"]
        self.assertEqual({name: made[name] for name in emil}, emil)

    def test_an_account_that_cannot_be_created(self) -> None:
        whole = {"login": "dora", "password": RIGHT}
        for body, status, code, field in (
            ({"password": RIGHT}, 400, "invalid", "login"),
            ({"login": "dora"}, 400, "invalid", "password"),
            ({**whole, "login": "do ra"}, 400, "invalid", "login"),
            ({**whole, "login": None}, 400, "invalid", "login"),
            ({**whole, "password": "x"}, 400, "invalid", "password"),
            ({**whole, "password": "1234567"}, 400, "invalid", "password"),
            ({**whole, "password": 12}, 400, "invalid", "password"),
            ({**whole, "password": None}, 400, "invalid", "password"),
            ({**whole, "role": "king"}, 400, "invalid", "role"),
            ({**whole, "role": None}, 400, "invalid", "role"),
            ({**whole, "active": 1}, 400, "invalid", "active"),
            ({**whole, "company_id": "1"}, 400, "invalid", "company_id"),
            ({**whole, "company_id": None}, 400, "invalid", "company_id"),
            ({**whole, "company_id": ABSENT}, 404, "not_found", "company_id"),
            ({**whole, "login": "ANNA"}, 409, "taken", "login"),
            ([], 400, "invalid", "body"),
        ):
            before = self.everything()
            self.refused(self.asks("POST", "/accounts", body), status, code, field)
            self.assertEqual(self.everything(), before, body)

    def test_a_change_changes_what_it_names_and_ends_the_sessions(self) -> None:
        carl = self.as_(self.carl)
        answered = self.asks(
            "PATCH", f"/accounts/{self.carl.id}", {"role": ADMIN, "id": 77, "nonsense": 1}
        )
        changed = self.account(self.carl.id)
        self.told(answered, 200, about(changed), {"ETag": f'"{changed.rev}"'})
        self.assertEqual((changed.role, changed.login, changed.active), (ADMIN, "carl", True))
        self.assertEqual(self.lives(carl), [False])
        body = {
            "login": "karl",
            "company_id": self.ours.id,
            "password": "battery staple",
            "active": True,
        }
        self.assertEqual(self.asks("PATCH", f"/accounts/{self.carl.id}", body).status, 200)
        self.log_in("karl", password=Password("battery staple"))

    def test_a_change_that_cannot_be(self) -> None:
        for id, body, status, code, field in (
            (self.carl.id, {}, 400, "invalid", "account"),
            (self.carl.id, {"id": 5}, 400, "invalid", "account"),
            (self.carl.id, {"active": None}, 400, "invalid", "active"),
            (self.carl.id, {"role": None, "active": False}, 400, "invalid", "role"),
            (self.carl.id, {"password": None}, 400, "invalid", "password"),
            (self.carl.id, {"login": "ann a"}, 400, "invalid", "login"),
            (self.carl.id, {"login": "anna"}, 409, "taken", "login"),
            (self.carl.id, {"company_id": ABSENT}, 404, "not_found", "company_id"),
            (ABSENT, {"active": False}, 404, "not_found", None),
        ):
            before = self.everything()
            self.refused(self.asks("PATCH", f"/accounts/{id}", body), status, code, field)
            self.assertEqual(self.everything(), before, body)

    def test_there_is_always_an_admin(self) -> None:
        self.assertEqual(self.asks("DELETE", f"/accounts/{self.chef.id}").status, 200)
        for method, target, body in (
            ("DELETE", f"/accounts/{self.root.id}", None),
            ("PATCH", f"/accounts/{self.root.id}", {"role": USER}),
            ("PATCH", f"/accounts/{self.root.id}", {"active": False}),
            ("PATCH", f"/companies/{self.ours.id}", {"active": False}),
            ("DELETE", f"/companies/{self.ours.id}", None),
        ):
            self.refused(self.asks(method, target, body), 409, "last_admin")

    def test_a_deleted_account_is_inactive(self) -> None:
        carl = self.as_(self.carl)
        answered = self.asks("DELETE", f"/accounts/{self.carl.id}")
        changed = self.account(self.carl.id)
        self.told(answered, 200, about(changed), {"ETag": f'"{changed.rev}"'})
        self.assertFalse(changed.active)
        self.assertEqual(self.lives(carl), [False])
        self.refused(self.asks("DELETE", f"/accounts/{ABSENT}"), 404, "not_found")

    def test_if_match_lets_only_the_revision_through_that_was_seen(self) -> None:
        for method, body in (("PATCH", {"role": USER}), ("DELETE", None)):
            target = f"/accounts/{self.carl.id}"
            rev = self.account(self.carl.id).rev
            for wrong in ('"1"', f'W/"{rev}"', f"{rev}", '"x"', f'"{rev + 1}", "2"'):
                self.refused(self.asks(method, target, body, If_Match=wrong), 412, "outdated")
            self.assertEqual(self.account(self.carl.id).rev, rev)
            answered = self.asks(method, target, body, If_Match=f'"1", "{rev}"')
            self.assertEqual(
                (answered.status, answered.field("ETag")),
                (200, f'"{self.account(self.carl.id).rev}"'),
            )
            self.assertEqual(self.asks(method, target, body, If_Match="*").status, 200)
        self.refused(self.asks("DELETE", f"/accounts/{ABSENT}", If_Match='"1"'), 404, "not_found")

    def test_if_none_match_spares_what_is_known_and_guards_against_it(self) -> None:
        for target in (f"/accounts/{self.carl.id}", f"/companies/{self.theirs.id}"):
            tag = self.asks("GET", target).field("ETag") or ""
            for value in (tag, f"W/{tag}", "*"):
                answered = self.asks("GET", target, If_None_Match=value)
                self.assertEqual(
                    (answered.status, answered.body, answered.field("ETag")), (304, b"", tag)
                )
                self.refused(
                    self.asks("PATCH", target, {"active": True}, If_None_Match=value),
                    412,
                    "outdated",
                )
            self.refused(self.asks("GET", target, If_Match='"999"'), 412, "outdated")
            self.assertEqual(self.asks("GET", target, If_None_Match='"999"').status, 200)
            self.assertEqual(
                self.asks("PATCH", target, {"active": True}, If_None_Match='"999"').status, 200
            )

    def test_a_session_has_no_tag_that_could_be_excluded(self) -> None:
        session = self.as_(self.carl).session_id
        self.refused(
            self.asks("DELETE", f"/sessions/{session}", If_None_Match="*"), 412, "outdated"
        )
        self.assertEqual(
            self.asks("DELETE", f"/sessions/{session}", If_None_Match='"1"').status, 204
        )


class CompanyTests(AdminCase):
    def company(self, company: Company) -> Company:
        return self.have(self.store.get(Company, company.id))

    def test_the_companies_come_in_pages(self) -> None:
        both = [about(self.ours), about(self.theirs)]
        self.told(self.asks("GET", "/companies"), 200, {"items": both, "next": None})
        self.told(
            self.asks("GET", "/companies?limit=1"), 200, {"items": both[:1], "next": self.ours.id}
        )
        self.told(
            self.asks("GET", f"/companies?after={self.ours.id}"),
            200,
            {"items": both[1:], "next": None},
        )
        self.refused(self.asks("GET", "/companies?limit=-1"), 400, "invalid", "limit")

    def test_one_company(self) -> None:
        answered = self.asks("GET", f"/companies/{self.theirs.id}")
        self.told(answered, 200, about(self.theirs), {"ETag": f'"{self.theirs.rev}"'})
        self.refused(self.asks("GET", f"/companies/{ABSENT}"), 404, "not_found")

    def test_a_company_is_created(self) -> None:
        answered = self.asks("POST", "/companies", {"name": "Ñew", "id": 1})
        new = self.have(self.store.find(Company, "name", "ñew"))
        assert new is not None
        self.told(
            answered, 201, about(new), {"ETag": f'"{new.rev}"', "Location": f"/companies/{new.id}"}
        )
        self.assertFalse(
            self.asks("POST", "/companies", {"name": "idle", "active": False}).json["active"]
        )
        for body, status, code, field in (
            ({}, 400, "invalid", "name"),
            ({"name": ""}, 400, "invalid", "name"),
            ({"name": None}, 400, "invalid", "name"),
            ({"name": "x", "active": "yes"}, 400, "invalid", "active"),
            ({"name": "x", "active": None}, 400, "invalid", "active"),
            ({"name": "THEIRS"}, 409, "taken", "name"),
        ):
            self.refused(self.asks("POST", "/companies", body), status, code, field)

    def test_a_company_is_renamed_deactivated_and_activated(self) -> None:
        target = f"/companies/{self.theirs.id}"
        carl = self.as_(self.carl)
        answered = self.asks("PATCH", target, {"name": "others"}, If_Match=f'"{self.theirs.rev}"')
        renamed = self.company(self.theirs)
        self.told(answered, 200, about(renamed), {"ETag": f'"{renamed.rev}"'})
        self.assertEqual((renamed.name, self.lives(carl)), ("others", [False]))
        self.refused(
            self.asks("PATCH", target, {"active": False}, If_Match=f'"{self.theirs.rev}"'),
            412,
            "outdated",
        )
        self.refused(self.asks("DELETE", target, If_Match=f'"{self.theirs.rev}"'), 412, "outdated")
        self.assertIs(
            self.asks("DELETE", target, If_Match=f'"{renamed.rev}"').json["active"], False
        )
        self.assertIs(self.asks("PATCH", target, {"active": True}).json["active"], True)
        for id, body, status, code, field in (
            (self.theirs.id, {}, 400, "invalid", "company"),
            (self.theirs.id, {"name": None}, 400, "invalid", "name"),
            (self.theirs.id, {"name": "default"}, 409, "taken", "name"),
            (ABSENT, {"name": "x"}, 404, "not_found", None),
        ):
            self.refused(self.asks("PATCH", f"/companies/{id}", body), status, code, field)
        self.refused(self.asks("DELETE", f"/companies/{ABSENT}"), 404, "not_found")


class SessionTests(AdminCase):
    def test_the_sessions_are_told_without_what_opens_them(self) -> None:
        one, two, _ = self.as_(self.anna), self.as_(self.anna, "auth"), self.as_(self.carl)
        answered = self.asks("GET", f"/sessions?account_id={self.anna.id}")
        now = self.access.now().isoformat()
        shown = [
            {
                "id": principal.session_id,
                "account_id": self.anna.id,
                "dialect": dialect,
                "address": "192.0.2.1",
                "created_at": now,
                "used_at": now,
            }
            for principal, dialect in ((one, "way"), (two, "auth"))
        ]
        self.told(answered, 200, {"items": shown, "next": None})
        everyones = self.asks("GET", "/sessions").json
        self.assertEqual((len(everyones["items"]), everyones["next"]), (4, None))
        first = self.asks("GET", "/sessions?limit=2").json
        rest = self.asks("GET", f"/sessions?limit=2&after={first['next']}").json
        self.assertEqual(first["items"] + rest["items"], everyones["items"])
        self.told(
            self.asks("GET", f"/sessions?account_id={ABSENT}"), 200, {"items": [], "next": None}
        )
        self.refused(self.asks("GET", "/sessions?account_id=x"), 400, "invalid", "account_id")

    def test_one_session_is_ended(self) -> None:
        anna, carl = self.as_(self.anna), self.as_(self.carl)
        target = f"/sessions/{anna.session_id}"
        self.refused(self.asks("DELETE", target, If_Match='"1"'), 412, "outdated")
        answered = self.asks("DELETE", target, If_Match="*")
        self.assertEqual(
            (answered.status, answered.body, self.lives(anna, carl)), (204, b"", [False, True])
        )
        self.refused(self.asks("DELETE", target), 404, "not_found")

    def test_all_sessions_of_an_account_are_ended(self) -> None:
        one, two, carl = self.as_(self.anna), self.as_(self.anna, "auth"), self.as_(self.carl)
        self.told(self.asks("DELETE", f"/sessions?account_id={self.anna.id}"), 200, {"ended": 2})
        self.assertEqual(self.lives(one, two, carl), [False, False, True])
        self.told(self.asks("DELETE", f"/sessions?account_id={self.anna.id}"), 200, {"ended": 0})
        self.refused(self.asks("DELETE", "/sessions"), 400, "invalid", "account_id")
        self.refused(
            self.asks("DELETE", f"/sessions?account_id={ABSENT}"), 404, "not_found", "account_id"
        )
        self.assertEqual(len(self.have(self.store.page(Session, 9))), 2)
