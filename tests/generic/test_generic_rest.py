# mypy: allow-untyped-calls
"""Records as REST, which nobody wrote for them."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

import orjson
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from sockcrud.errors import Busy, InDoubt, QuotaExceeded, Unavailable
from sockcrud.identity.credentials import Password
from sockcrud.identity.records import ADMIN, USER
from sockcrud.protocols.http.connection import HTTPLimits
from sockcrud.rest.openapi import description
from tests.generic.generic_kit import BOOK, ISBN, SECRET, Book, LibraryCase, Serving, basic

FIELDS: Final = "title, isbn, year, price, lent, shelf, bought, seen, author_id, note, code"

WRONG: Final[list[tuple[str, str, Any, str, str]]] = [
    (
        "POST",
        "/books",
        {"isbn": ISBN, "author_id": 1},
        "title",
        "a text of 1 to 200 characters, and there is nothing",
    ),
    ("POST", "/books", {**BOOK, "title": "x" * 201}, "title", "a text of 1 to 200 characters"),
    ("POST", "/books", {**BOOK, "title": None}, "title", "a text of 1 to 200 characters"),
    ("POST", "/books", {**BOOK, "titel": "x"}, "titel", f"one of {FIELDS}"),
    ("POST", "/books", {**BOOK, "id": 7}, "id", f"one of {FIELDS}"),
    (
        "POST",
        "/books",
        {**BOOK, "isbn": "0000000000", "author_id": 99},
        "author_id",
        "the id of an existing Author",
    ),
    (
        "PUT",
        "/books/1",
        {"title": "x"},
        "isbn",
        "a text of 10 to 17 characters, and there is nothing",
    ),
    ("PUT", "/books/1", {**BOOK, "id": 2}, "id", "1, as in the path"),
    ("PUT", "/books/1", {**BOOK, "rev": "2"}, "rev", "a whole number of at most 64 bits"),
    ("PATCH", "/books/1", {"year": "1999"}, "year", "a whole number from 1450 to 2100"),
    ("PATCH", "/books/1", {"title": None}, "title", "a text of 1 to 200 characters"),
    (
        "PATCH",
        "/books/1",
        {"price": "1.005"},
        "price",
        "an amount from 0.00 to 99999999.99 with at most two decimals",
    ),
    ("GET", "/books?limit=0", None, "limit", "a whole number from 1 to 1000"),
    ("GET", "/books?limit=1e3", None, "limit", "a whole number of at most 64 bits"),
    ("GET", "/books?limit=", None, "limit", "a whole number of at most 64 bits"),
    (
        "GET",
        "/books?after=99999999999999999999",
        None,
        "after",
        "a whole number of at most 64 bits",
    ),
    (
        "GET",
        "/books?title=x",
        None,
        "title",
        "one of limit, after, isbn, year, lent, shelf, author_id",
    ),
    ("GET", "/books?shelf=cellar", None, "shelf", "hall or attic"),
    ("GET", "/books?lent=1", None, "lent", "true or false"),
    ("GET", "/books?year=x", None, "year", "a whole number of at most 64 bits"),
    (
        "GET",
        "/books?year=2000&lent=true",
        None,
        "lent",
        "no second field: lists are asked for by one",
    ),
    ("GET", "/books?shelf=%ff", None, "query", "percent-encoded UTF-8, at most 100 values"),
]


class RestCase(LibraryCase):
    def setUp(self) -> None:
        super().setUp()
        self.with_ann_and_her_book()
        self.ask = self.rest().ask
        self.problem = self.rest().problem

    def tag(self, rev: int) -> str:
        """Return the entity tag of a revision, counted from the start of the test."""
        return f'"{self.before + rev}"'


class RecordsTests(RestCase):
    def test_a_record_is_made_found_replaced_changed_and_deleted(self) -> None:
        made = self.ask("POST", "/books", {**BOOK, "isbn": "0000000000", "title": "새 책"})
        self.assertEqual(
            (made.status, made.type, made.body["title"]), (201, "application/json", "새 책")
        )
        self.assertEqual((made.fields["location"], made.fields["etag"]), ("/books/2", self.tag(3)))
        found = self.ask("GET", "/books/2")
        self.assertEqual(
            (found.status, found.body, found.fields["etag"]), (200, made.body, self.tag(3))
        )
        replaced = self.ask("PUT", "/books/2", {**BOOK, "isbn": "0000000000", "year": 1999})
        self.assertEqual(
            (replaced.status, replaced.body["year"], replaced.fields["etag"]),
            (200, 1999, self.tag(4)),
        )
        changed = self.ask("PATCH", "/books/2", {"price": "7.5", "lent": True})
        self.assertEqual(
            (changed.body["price"], changed.body["lent"], changed.body["year"]),
            ("7.50", True, 1999),
        )
        gone = self.ask("DELETE", "/books/2")
        self.assertEqual((gone.status, gone.body), (204, None))
        for method, body in (("GET", None), ("PUT", BOOK), ("PATCH", {}), ("DELETE", None)):
            self.assertEqual(
                self.problem(404, method, "/books/2", body), {"name": "not_found"}, method
            )

    def test_what_is_replaced_and_not_named_gets_its_default(self) -> None:
        self.ask("PATCH", "/books/1", {"year": 1999, "note": "x", "lent": True})
        self.assertEqual(self.ask("PUT", "/books/1", BOOK).body, self.shown(rev=4))

    def test_null_in_a_patch_removes_and_a_default_takes_its_place(self) -> None:
        self.ask("PATCH", "/books/1", {"year": 1999, "note": "x", "lent": True, "price": 9})
        patched = self.ask(
            "PATCH",
            "/books/1",
            {"year": None, "price": None},
            Content_Type="application/merge-patch+json",
        )
        self.assertEqual(patched.body, self.shown(note="x", lent=True, rev=4))

    def test_a_patch_of_nothing_changes_nothing(self) -> None:
        self.assertEqual(self.ask("PATCH", "/books/1", {}).body, self.shown())

    def test_a_record_may_be_sent_back_as_it_was_got(self) -> None:
        got = self.ask("GET", "/books/1").body
        self.assertEqual(
            self.ask("PUT", "/books/1", {**got, "title": "x"}).body, self.shown(title="x", rev=3)
        )
        self.assertEqual(
            self.problem(412, "PUT", "/books/1", {**got, "title": "y"}),
            {"name": "outdated", "rev": self.before + 3},
        )
        self.assertEqual(
            self.problem(412, "PATCH", "/books/1", {"rev": got["rev"]})["rev"], self.before + 3
        )

    def test_what_is_wrong_is_told_with_its_field_and_what_was_expected(self) -> None:
        for method, target, body, field, expected in WRONG:
            rev = self.store.rev
            told = self.problem(422, method, target, body)
            self.assertEqual(
                told,
                {"name": "invalid", "field": field, "expected": expected},
                (method, target, body),
            )
            self.assertEqual(self.store.rev, rev)

    def test_a_body_that_is_no_object_is_400(self) -> None:
        for method, path in (("POST", "/books"), ("PUT", "/books/1"), ("PATCH", "/books/1")):
            for body in (
                b"",
                b"{",
                b"[]",
                b"null",
                b'{"title":"\xff"}',
                b'{"a":' + b"[" * 70 + b"]" * 70 + b"}",
                b'{"year":NaN}',
            ):
                self.assertEqual(self.problem(400, method, path, body), {"name": "invalid"}, body)

    def test_what_the_store_refuses_is_told(self) -> None:
        unique = "a value that no other record has"
        self.assertEqual(
            self.problem(409, "POST", "/books", BOOK),
            {"name": "taken", "field": "isbn", "expected": unique},
        )
        self.assertEqual(self.problem(409, "DELETE", "/authors/1"), {"name": "still_referred"})

    def test_a_secret_is_never_told(self) -> None:
        for method, path, body in (
            ("PATCH", "/books/1", {"code": "s3cret"}),
            ("GET", "/books/1", None),
            ("GET", "/books", None),
        ):
            answer = self.ask(method, path, body)
            self.assertEqual(answer.status, 200)
            self.assertNotIn("s3cret", str(answer))
            self.assertNotIn("code", str(answer.body))
        self.assertEqual([book.code for book in self.stored(Book)], ["s3cret"])


class ListTests(RestCase):
    def test_lists_come_in_pages_and_by_a_field(self) -> None:
        for number in range(2, 8):
            body = {**BOOK, "isbn": f"{number:010}", "year": 1990 + number % 2, "lent": number > 5}
            self.assertEqual(self.ask("POST", "/books", body).status, 201)

        def ids(query: str) -> tuple[list[int], Any]:
            answer = self.ask("GET", f"/books{query}")
            self.assertEqual(list(answer.body), ["items", "next"])
            return [item["id"] for item in answer.body["items"]], answer.body["next"]

        self.assertEqual(ids(""), ([1, 2, 3, 4, 5, 6, 7], None))
        self.assertEqual(ids("?limit=3"), ([1, 2, 3], 3))
        self.assertEqual(ids("?limit=4&after=3"), ([4, 5, 6, 7], None))
        self.assertEqual(ids("?year=1991"), ([3, 5, 7], None))
        self.assertEqual(ids("?lent=true&limit=1"), ([6], 6))
        self.assertEqual(ids("?shelf=attic"), ([], None))
        self.assertEqual(ids(f"?isbn={ISBN}"), ([1], None))
        self.assertEqual(ids("?author_id=1&after=6"), ([7], None))
        name = quote("ÂNN")
        self.assertEqual(self.ask("GET", f"/authors?name={name}").body["items"], [])


class ConditionsTests(RestCase):
    def test_a_change_is_made_where_the_record_is_at_its_tag(self) -> None:
        for method, body in (("PATCH", {"title": "x"}), ("PUT", BOOK), ("DELETE", None)):
            told = self.problem(412, method, "/books/1", body, If_Match='"1"')
            self.assertEqual(told, {"name": "outdated", "rev": self.before + 2})
            self.problem(412, method, "/books/1", body, If_None_Match="*")
        self.assertEqual(
            self.ask("PATCH", "/books/1", {"title": "x"}, If_Match=self.tag(2)).status, 200
        )
        self.problem(412, "PATCH", "/books/1", {"title": "y"}, If_Match=self.tag(2))
        self.assertEqual(
            self.ask("PUT", "/books/1", BOOK, If_Match=f'"1", {self.tag(3)}').status, 200
        )
        self.problem(412, "DELETE", "/books/1", If_Match=self.tag(3))
        self.assertEqual(self.ask("DELETE", "/books/1", If_Match="*").status, 204)
        self.problem(404, "DELETE", "/books/1", If_Match="*")

    def test_of_two_who_change_the_same_tag_one_is_told(self) -> None:
        one, other = self.rest(), self.rest()
        tag = one.ask("GET", "/books/1").fields["etag"]
        self.assertEqual(one.ask("PATCH", "/books/1", {"title": "one"}, If_Match=tag).status, 200)
        other.problem(412, "PATCH", "/books/1", {"title": "other"}, If_Match=tag)
        self.assertEqual(other.ask("GET", "/books/1").body["title"], "one")

    def test_who_has_it_already_is_not_sent_it_again(self) -> None:
        same = self.ask("GET", "/books/1", If_None_Match=self.tag(2))
        self.assertEqual((same.status, same.body, same.fields["etag"]), (304, None, self.tag(2)))
        self.assertEqual(self.ask("GET", "/books/1", If_None_Match='"1"').status, 200)
        self.problem(412, "GET", "/books/1", If_Match='"1"')


class WireTests(RestCase):
    def test_errors_of_the_wire_are_problems_too(self) -> None:
        for status, method, path, headers in (
            (404, "GET", "/", {}),
            (404, "GET", "/nothing", {}),
            (404, "GET", "/books/x", {}),
            (404, "GET", "/books/99999999999999999999", {}),
            (404, "POST", "/books/1/2", {}),
            (405, "DELETE", "/books", {}),
            (405, "POST", "/books/1", {}),
            (415, "POST", "/books", {"Content_Type": "text/plain"}),
            (415, "PATCH", "/books/1", {"Content_Type": "application/json-patch+json"}),
            (415, "PUT", "/books/1", {"Content_Type": "application/merge-patch+json"}),
            (403, "POST", "/books", {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}),  # noqa: E501
        ):  # fmt: skip
            self.assertEqual(
                self.problem(status, method, path, b"{}", **headers), {}, (method, path)
            )

    def test_a_wrong_method_is_told_the_right_ones(self) -> None:
        self.assertEqual(self.ask("DELETE", "/books").fields["allow"], "GET, HEAD, OPTIONS, POST")
        self.assertEqual(
            self.ask("OPTIONS", "/books/1").fields["allow"],
            "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
        )

    def test_bodies_and_headers_are_bounded(self) -> None:
        self.problem(413, "POST", "/books", b'{"note":"' + b"x" * 2**20 + b'"}')
        rest = self.rest()
        rest.peer.send(
            b"GET /books HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"
        )
        self.assertIn(b" 431 ", said := rest.peer.hear())
        self.assertIn(b"application/problem+json", said)

    def test_head_is_get_without_its_body(self) -> None:
        for path in ("/books", "/books/1"):
            got, headed = self.ask("GET", path), self.ask("HEAD", path)
            self.assertEqual((headed.status, headed.body), (200, None))
            self.assertEqual(headed.fields, got.fields)

    def test_paths_work_with_a_trailing_slash(self) -> None:
        self.assertEqual(self.ask("GET", "/books/").status, 200)
        self.assertEqual(self.ask("GET", "/books/1/").status, 200)

    def test_a_store_that_cannot_serve_and_a_crash_are_problems(self) -> None:
        for error, status, retry in (
            (Unavailable("db.internal:5432"), 503, "1"),
            (Busy(), 503, "1"),
            (InDoubt("db.internal:5432"), 500, None),
            (QuotaExceeded("Book", "5 records"), 507, None),
            (RuntimeError("db.internal:5432"), 500, None),
        ):

            def fail(*args: Any, error: Exception = error, **more: Any) -> Any:
                raise error

            self.patch(self.store, "insert", fail)
            answer = self.ask("POST", "/books", BOOK)
            self.assertEqual(
                (answer.status, answer.type), (status, "application/problem+json"), error
            )
            self.assertEqual(answer.fields.get("retry-after"), retry)
            self.assertNotIn("internal:", str(answer))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        said = self.rest().peer.ask(
            b'PATCH /books/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\n{"title":"x"}'
            b"GET /books/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            b"DELETE /books/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            b"GET /books/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        self.assertEqual(re.findall(rb"HTTP/1.1 (...)", said), [b"200", b"200", b"204", b"404"])
        self.assertEqual(said.count(b'"title":"x"'), 2)

    def test_a_body_has_its_time(self) -> None:
        rest = self.rest()
        rest.peer.send(b"POST /books HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        self.clock.advance(30)
        said = rest.peer.hear()
        self.assertTrue(said.startswith(b"HTTP/1.1 408 "), said)
        self.assertIn(b"application/problem+json", said)


class LoginTests(RestCase):
    def setUp(self) -> None:
        super().setUp()
        self.app = self.library(read="logged in", write="admins")
        self.ask, self.problem = self.rest(self.app).ask, self.rest(self.app).problem

    def test_a_token_of_auth_opens_it(self) -> None:
        bearer = f"Bearer {self.token('bob')}"
        self.assertEqual(self.ask("GET", "/books", Authorization=bearer).status, 200)
        self.assertEqual(
            self.problem(403, "DELETE", "/books/1", Authorization=bearer), {"name": "forbidden"}
        )
        self.assertEqual(
            self.ask("DELETE", "/books/1", Authorization=f"bearer {self.token('ann')}").status, 204
        )

    def test_a_password_opens_it_too_and_is_hashed_once_on_a_connection(self) -> None:
        rest = self.rest(self.app)
        works = self.pool.works
        for _ in range(5):
            self.assertEqual(rest.ask("GET", "/books", Authorization=basic("Ann")).status, 200)
        self.assertEqual(self.pool.works, works + 1)
        self.assertEqual(rest.ask("GET", "/books", Authorization=basic("bob")).status, 200)
        self.assertEqual(self.pool.works, works + 2)
        self.assertEqual(self.living(), 0)

    def test_a_password_that_was_right_is_wrong_when_it_has_been_changed(self) -> None:
        rest = self.rest(self.app)
        self.assertEqual(rest.ask("GET", "/books", Authorization=basic("bob")).status, 200)
        self.have(self.directory.change(self.bob.id, digest=Password("battery staple").to_keep()))
        self.assertEqual(
            rest.problem(401, "GET", "/books", Authorization=basic("bob")), {"name": "login_failed"}
        )
        self.assertEqual(
            rest.ask("GET", "/books", Authorization=basic("bob", "battery staple")).status, 200
        )

    def test_a_role_that_was_taken_away_is_gone_at_once(self) -> None:
        rest = self.rest(self.app)
        self.have(self.directory.create("eve", Password(SECRET).to_keep(), role=ADMIN))
        self.assertEqual(rest.ask("PATCH", "/books/1", {}, Authorization=basic("ann")).status, 200)
        self.have(self.directory.change(self.ann.id, role=USER))
        rest.problem(403, "PATCH", "/books/1", {}, Authorization=basic("ann"))
        self.have(self.directory.deactivate(self.ann.id))
        rest.problem(401, "GET", "/books", Authorization=basic("ann"))

    def test_what_a_company_loses_its_people_lose(self) -> None:
        rest = self.rest(self.app)
        company = self.have(self.directory.create_company("other"))
        self.have(self.directory.create("eve", Password(SECRET).to_keep(), company_id=company.id))
        self.assertEqual(rest.ask("GET", "/books", Authorization=basic("eve")).status, 200)
        self.have(self.directory.change_company(company.id, active=False))
        rest.problem(401, "GET", "/books", Authorization=basic("eve"))

    def test_nothing_else_opens_it(self) -> None:
        dead = self.token("bob")
        self.have(self.sessions.end_all(self.bob.id))
        way = self.have(self.sessions.start(self.ann, "way", "192.0.2.1"))[0]
        lines = self.lines(self.app)
        lines.log_in("ann")
        for header, name in (
            ("", "not_logged_in"),
            ("Bearer", "not_logged_in"),
            (f"Bearer {dead}", "not_logged_in"),
            (f"Bearer {way}", "not_logged_in"),
            ("Bearer " + "A" * 64, "not_logged_in"),
            ("Basic !!!", "not_logged_in"),
            ("Basic YW5u", "not_logged_in"),
            ("Digest x", "not_logged_in"),
            (basic("ann", "wrong"), "login_failed"),
            (basic("nobody"), "login_failed"),
            (basic("ann\0"), "login_failed"),
        ):
            headers = {"Authorization": header} if header else {}
            answer = self.ask("GET", "/books", **headers)
            self.assertEqual((answer.status, answer.body["name"]), (401, name), header)
            self.assertEqual(
                answer.fields["www-authenticate"], 'Bearer, Basic realm="sockcrud", charset="UTF-8"'
            )

    def test_a_login_comes_before_type_size_and_fields(self) -> None:
        for body, headers in (
            (b"x", {"Content_Type": "text/plain"}),
            (b"{", {}),
            (b"x" * 2**21, {}),
        ):
            self.rest(self.app).problem(401, "POST", "/books", body, **headers)

    def test_too_many_failures_are_delayed(self) -> None:
        for _ in range(10):
            self.problem(401, "GET", "/books", Authorization=basic("ann", "wrong"))
        answer = self.ask("GET", "/books", Authorization=basic("ann"))
        self.assertEqual((answer.status, answer.body["name"]), (429, "login_delayed"))
        self.assertGreater(int(answer.fields["retry-after"]), 0)


class DescriptionTests(RestCase):
    def described(self, **more: Any) -> dict[str, Any]:
        dialects = self.library(**more).dialects
        parts = [dialect.openapi.make() for dialect in dialects if dialect.openapi is not None]  # type: ignore[union-attr]
        found: dict[str, Any] = orjson.loads(
            description({"library-rest": "http://127.0.0.1:7001"}, parts, ["Author", "Book"])
        )
        return found

    def test_it_is_openapi_and_names_all_that_is_served(self) -> None:
        for who in ("open", "logged in", "admins"):
            found = self.described(read=who, write=who)
            validate(found)
            self.assertEqual(
                set(found["paths"]), {"/authors", "/authors/{id}", "/books", "/books/{id}"}
            )
            self.assertEqual("security" in found["paths"]["/books"]["get"], who != "open")

    def test_bodies_are_what_it_says(self) -> None:
        paths = self.described()["paths"]

        def check(schema: dict[str, Any], value: Any) -> None:
            Draft202012Validator(schema).validate(value)

        content = paths["/books"]["get"]["responses"]["200"]["content"]
        check(content["application/json"]["schema"], self.ask("GET", "/books").body)
        content = paths["/books/{id}"]["get"]["responses"]["200"]["content"]
        check(content["application/json"]["schema"], self.ask("GET", "/books/1").body)
        check(paths["/books"]["post"]["requestBody"]["content"]["application/json"]["schema"], BOOK)
        patch = paths["/books/{id}"]["patch"]["requestBody"]["content"]
        self.assertEqual(list(patch), ["application/json", "application/merge-patch+json"])
        problem = self.described()["components"]["schemas"]["library-rest_error"]
        for answer in (
            self.ask("POST", "/books", {}),
            self.ask("GET", "/x"),
            self.ask("POST", "/books", BOOK),
        ):
            check(problem, answer.body)
        years = patch["application/json"]["schema"]["properties"]["year"]
        self.assertEqual(
            years,
            {
                "type": "integer",
                "minimum": 1450,
                "maximum": 2100,
                "description": "when it was printed",
            },
        )


class LimitsTests(RestCase):
    def test_a_slow_header_is_not_waited_for(self) -> None:
        self.patch(Serving, "http_limits", HTTPLimits(header_seconds=3.0))
        rest = self.rest()
        rest.peer.send(b"GET /books HTTP/1.1\r\n")
        self.clock.advance(3)
        self.assertTrue(rest.peer.hear().startswith(b"HTTP/1.1 408 "))

    def test_who_is_created_is_an_author(self) -> None:
        self.assertEqual(
            self.ask("POST", "/authors", {"name": "김철수", "mail": "k@example.org"}).fields[
                "location"
            ],
            "/authors/2",
        )
