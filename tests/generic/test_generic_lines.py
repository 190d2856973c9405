# mypy: allow-untyped-calls
"""Records as JSON-RPC on lines, which nobody wrote for them."""

from __future__ import annotations

import json
from typing import Any, Final

from sockcrud.generic.operations import PAGE_TEXT
from sockcrud.identity.records import Account, Session
from tests.generic.generic_kit import ANN, BOOK, ISBN, Author, Book, LibraryCase

FIELDS: Final = "one of title, isbn, year, price, lent, shelf, bought, seen, author_id, note, code"
MOMENT: Final = "a moment with a time zone"
MISSING: Final = "a value, and there is none"
WHOLE: Final = "a whole number of at most 64 bits"

WRONG: Final[list[tuple[str, dict[str, Any], str, str]]] = [
    ("books.create", {"isbn": ISBN, "author_id": 1}, "title", "a text of 1 to 200 characters, "
                                                              "and there is nothing"),
    ("books.create", {**BOOK, "title": ""}, "title", "a text of 1 to 200 characters"),
    ("books.create", {**BOOK, "title": None}, "title", "a text of 1 to 200 characters"),
    ("books.create", {**BOOK, "title": "a\0b"}, "title", "a text of 1 to 200 characters"),
    ("books.create", {**BOOK, "title": 7}, "title", "a text of 1 to 200 characters"),
    ("books.create", {**BOOK, "year": 1449}, "year", "a whole number from 1450 to 2100"),
    ("books.create", {**BOOK, "year": 1999.0}, "year", "a whole number from 1450 to 2100"),
    ("books.create", {**BOOK, "year": True}, "year", "a whole number from 1450 to 2100"),
    ("books.create", {**BOOK, "year": "1999"}, "year", "a whole number from 1450 to 2100"),
    ("books.create", {**BOOK, "price": 1.005}, "price", "an amount from 0.00 to 99999999.99 with "
                                                        "at most two decimals"),
    ("books.create", {**BOOK, "price": -1}, "price", "an amount from 0.00 to 99999999.99 with at "
                                                     "most two decimals"),
    ("books.create", {**BOOK, "lent": 1}, "lent", "true or false"),
    ("books.create", {**BOOK, "shelf": "cellar"}, "shelf", "hall or attic"),
    ("books.create", {**BOOK, "bought": "2021-02-29"}, "bought", "a day like 2024-11-01, with or "
                                                                 "without a time"),
    ("books.create", {**BOOK, "seen": "2021-02-28T12:00:00"}, "seen", MOMENT),
    ("books.create", {**BOOK, "seen": 7}, "seen", MOMENT),
    ("books.create", {**BOOK, "isbn": "0000000000", "author_id": 99}, "author_id", "the id of an "
                                                                                   "existing "
                                                                                   "Author"),
    ("books.create", {**BOOK, "id": 7}, "id", FIELDS),
    ("books.create", {**BOOK, "titel": "x"}, "titel", FIELDS),
    ("books.get", {}, "id", MISSING),
    ("books.get", {"id": "1"}, "id", WHOLE),
    ("books.get", {"id": 1.0}, "id", WHOLE),
    ("books.get", {"id": 2**63}, "id", WHOLE),
    ("books.get", {"id": 1, "rev": 2}, "rev", "one of id"),
    ("books.find", {}, "isbn", "one of isbn, alone"),
    ("books.find", {"title": "x"}, "title", "one of isbn"),
    ("books.find", {"isbn": "x"}, "isbn", "a text of 10 to 17 characters"),
    ("authors.find", {"name": "Ann", "mail": "ann@example.org"}, "name", "one of name, mail, "
                                                                         "alone"),
    ("books.update", {"title": "x"}, "id", MISSING),
    ("books.update", {"id": 1, "rev": "2"}, "rev", WHOLE),
    ("books.update", {"id": 1, "title": ""}, "title", "a text of 1 to 200 characters"),
    ("books.update", {"id": 1, "author_id": 99}, "author_id", "the id of an existing Author"),
    ("books.delete", {"id": 1, "title": "x"}, "title", "one of id, rev"),
    ("books.list", {"limit": 0}, "limit", "a whole number from 1 to 1000"),
    ("books.list", {"limit": 1001}, "limit", "a whole number from 1 to 1000"),
    ("books.list", {"limit": "5"}, "limit", WHOLE),
    ("books.list", {"after": "x"}, "after", WHOLE),
    ("books.list", {"title": "x"}, "title", "one of limit, after, isbn, year, lent, shelf, "
                                            "author_id"),
    ("books.list", {"year": "x"}, "year", "a whole number from 1450 to 2100"),
    ("books.list", {"year": 2000, "shelf": "hall"}, "shelf", "no second field: lists are asked "
                                                             "for by one"),
]  # fmt: skip


class RecordsTests(LibraryCase):
    def setUp(self) -> None:
        super().setUp()
        self.with_ann_and_her_book()

    def test_a_record_is_made_found_changed_and_deleted(self) -> None:
        lines = self.lines()
        self.assertEqual(lines.result("books.get", id=1), self.shown())
        self.assertEqual(lines.result("books.find", isbn=ISBN), self.shown())
        full = {
            "title": "다른 책",
            "price": 12.5,
            "lent": True,
            "shelf": "attic",
            "bought": "2024-11-01",
            "note": "\U0001f4d5",
        }
        changed = {**full, "price": "12.50", "rev": 3}
        self.assertEqual(lines.result("books.update", id=1, **full), self.shown(**changed))
        self.assertEqual(
            lines.result("books.update", id=1, seen="2024-11-01T09:30:00+01:00")["seen"],
            "2024-11-01T08:30:00+00:00",
        )
        self.assertIsNone(lines.result("books.delete", id=1))
        self.assertEqual(
            lines.error("books.get", id=1), (-32001, {"name": "not_found", "kind": "Book", "id": 1})
        )
        self.assertEqual(self.stored(Book), [])

    def test_what_is_created_is_answered_with_its_defaults(self) -> None:
        (book,) = self.stored(Book)
        self.assertEqual((book.year, book.shelf, book.code), (2000, "hall", "none"))

    def test_a_secret_is_taken_and_never_told(self) -> None:
        lines = self.lines()
        said = lines.result("books.update", id=1, code="s3cret")
        self.assertNotIn("code", said)
        self.assertEqual([book.code for book in self.stored(Book)], ["s3cret"])
        self.assertNotIn("s3cret", str(lines.result("books.list")))

    def test_what_is_wrong_is_told_with_its_field_and_what_was_expected(self) -> None:
        lines = self.lines()
        for method, params, field, expected in WRONG:
            self.assertEqual(
                lines.error(method, **params),
                (-32602, {"field": field, "expected": expected}),
                (method, params),
            )

    def test_what_the_store_refuses_is_told(self) -> None:
        lines = self.lines()
        taken = {"name": "taken", "kind": "Book", "field": "isbn"}
        self.assertEqual(lines.error("books.create", **BOOK), (-32002, taken))
        self.assertEqual(
            lines.error("authors.create", name="ANN", mail="x@example.org")[1]["field"], "name"
        )
        self.assertEqual(lines.error("authors.delete", id=1)[0], -32006)
        self.assertEqual(
            lines.error("books.delete", id=7),
            (-32001, {"name": "not_found", "kind": "Book", "id": 7}),
        )
        self.assertEqual(
            lines.error("books.find", isbn="0000000000"),
            (-32001, {"name": "not_found", "kind": "Book"}),
        )

    def test_a_name_too_long_to_tell_is_cut(self) -> None:
        self.assertEqual(len(self.lines().error("books.create", **{"x" * 5000: 1})[1]["field"]), 60)

    def test_of_two_who_change_the_same_revision_one_is_told(self) -> None:
        one, other = self.lines(), self.lines()
        rev = one.result("books.get", id=1)["rev"]
        self.assertEqual(one.result("books.update", id=1, rev=rev, title="one")["title"], "one")
        outdated = {"name": "outdated", "rev": rev + 1}
        self.assertEqual(
            other.error("books.update", id=1, rev=rev, title="other"), (-32003, outdated)
        )
        self.assertEqual(other.error("books.update", id=1, rev=rev), (-32003, outdated))
        self.assertEqual(other.error("books.delete", id=1, rev=rev), (-32003, outdated))
        self.assertIsNone(other.result("books.delete", id=1, rev=rev + 1))

    def test_nothing_to_change_is_the_record_as_it_is(self) -> None:
        rev = self.store.rev
        self.assertEqual(self.lines().result("books.update", id=1), self.shown())
        self.assertEqual(self.store.rev, rev)

    def test_errors_change_nothing_and_leave_the_connection(self) -> None:
        lines = self.lines()
        lines.error("books.nothing")
        self.assertEqual(lines.error("books.create")[1]["field"], "title")
        self.assertEqual(lines.result("books.list", limit=1)["next"], None)

    def test_each_call_passes_as_an_operation(self) -> None:
        self.assertEqual(self.tally.counts["library-lines", "books.create", "ok"], 1)


class ListTests(LibraryCase):
    def setUp(self) -> None:
        super().setUp()
        lines = self.lines()
        lines.result("authors.create", **ANN)
        for number in range(1, 251):
            lines.result(
                "books.create",
                title=f"책 {number}",
                isbn=f"{number:010}",
                author_id=1,
                year=1990 + number % 10,
            )

    def ids(self, page: dict[str, Any]) -> list[int]:
        return [item["id"] for item in page["items"]]

    def test_a_list_comes_in_pages(self) -> None:
        lines = self.lines()
        first = lines.result("books.list")
        self.assertEqual((self.ids(first), first["next"]), (list(range(1, 101)), 100))
        rest = lines.result("books.list", after=first["next"], limit=1000)
        self.assertEqual((self.ids(rest), rest["next"]), (list(range(101, 251)), None))
        exact = lines.result("books.list", after=240, limit=10)
        self.assertEqual((self.ids(exact), exact["next"]), (list(range(241, 251)), None))
        self.assertEqual(lines.result("books.list", after=250), {"items": [], "next": None})
        self.assertEqual(self.ids(lines.result("books.list", limit=None, after=None))[:2], [1, 2])

    def test_a_page_of_many_is_read_over_several_questions(self) -> None:
        page = self.lines().result("books.list", limit=220)
        self.assertEqual((self.ids(page), page["next"]), (list(range(1, 221)), 220))

    def test_a_list_by_an_indexed_field_a_reference_or_a_unique_one(self) -> None:
        lines = self.lines()
        self.assertEqual(self.ids(lines.result("books.list", year=1993, limit=3)), [3, 13, 23])
        self.assertEqual(self.ids(lines.result("books.list", year=1993, after=230)), [233, 243])
        self.assertEqual(len(lines.result("books.list", author_id=1, limit=1000)["items"]), 250)
        self.assertEqual(self.ids(lines.result("books.list", isbn="0000000007")), [7])
        self.assertEqual(self.ids(lines.result("books.list", isbn="0000000007", after=7)), [])
        self.assertEqual(self.ids(lines.result("authors.list", name="ANN")), [1])
        self.assertEqual(self.ids(lines.result("books.list", lent=True)), [])

    def test_a_page_of_long_texts_ends_early_and_the_rest_follows(self) -> None:
        lines = self.lines()
        for id in range(1, 61):
            lines.result("books.update", id=id, note="x" * 10_000)
        found: list[int] = []
        after, pages = None, 0
        while True:
            page = lines.result("books.list", after=after, limit=1000)
            self.assertLess(len(json.dumps(page)), 2 * PAGE_TEXT)
            found += self.ids(page)
            after, pages = page["next"], pages + 1
            if after is None:
                break
        self.assertEqual((found, pages > 2), (list(range(1, 251)), True))


class LoginTests(LibraryCase):
    def setUp(self) -> None:
        super().setUp()
        self.app = self.library(read="logged in", write="admins")

    def test_a_login_is_for_its_connection(self) -> None:
        lines, other = self.lines(self.app), self.lines(self.app)
        self.assertEqual(lines.error("books.list"), (-32004, {"name": "not_logged_in"}))
        self.assertEqual(lines.log_in("Ann")["result"], {"login": "ann", "role": "admin"})
        self.assertEqual(lines.result("authors.create", **ANN)["id"], 1)
        self.assertEqual(other.error("books.list"), (-32004, {"name": "not_logged_in"}))
        self.assertIsNone(lines.result("session.logout"))
        self.assertEqual(lines.error("books.list"), (-32004, {"name": "not_logged_in"}))
        self.assertEqual(lines.error("session.logout"), (-32004, {"name": "not_logged_in"}))
        self.assertEqual(self.living(), 0)

    def test_a_wrong_login_is_refused_and_says_nothing_of_why(self) -> None:
        lines = self.lines(self.app)
        for login, password in (
            ("ann", "wrong"),
            ("nobody", "correct horse"),
            ("", ""),
            ("ann\0", "x"),
        ):
            error = lines.log_in(login, password)["error"]
            self.assertEqual((error["code"], error["data"]), (-32004, {"name": "login_failed"}))
        self.assertEqual(
            lines.error("session.login", login="ann")[1], {"field": "password", "expected": MISSING}
        )
        self.assertEqual(
            lines.error("session.login", login="ann", password=7)[1]["field"], "password"
        )
        self.assertEqual(
            lines.error("session.login", login=["ann"], password="x")[1]["field"], "login"
        )
        self.assertEqual(
            lines.error("session.login", login="a", password="b", more=1)[1]["field"], "more"
        )

    def test_too_many_failures_are_delayed(self) -> None:
        lines = self.lines(self.app)
        for _ in range(10):
            lines.log_in("ann", "wrong")
        error = lines.log_in("ann")["error"]
        self.assertEqual((error["code"], error["data"]["name"]), (-32010, "login_delayed"))
        self.assertGreater(error["data"]["retry_after"], 0)

    def test_a_session_that_ends_elsewhere_logs_the_connection_out(self) -> None:
        lines = self.lines(self.app)
        lines.log_in("ann")
        (session,) = self.stored(Session)
        self.assertEqual(session.dialect, "library-lines")
        self.have(self.sessions.end(session.id))
        self.assertEqual(lines.error("books.list"), (-32004, {"name": "not_logged_in"}))

    def test_a_change_of_the_account_logs_the_connection_out(self) -> None:
        lines = self.lines(self.app)
        lines.log_in("bob")
        self.assertEqual(lines.result("books.list")["items"], [])
        self.have(self.directory.deactivate(self.bob.id))
        self.assertEqual(lines.error("books.list")[0], -32004)
        self.assertEqual(lines.log_in("bob")["error"]["code"], -32004)

    def test_another_login_takes_the_place_of_the_first(self) -> None:
        lines = self.lines(self.app)
        lines.log_in("ann")
        lines.log_in("bob")
        self.assertEqual(lines.error("authors.create", **ANN)[0], -32005)
        self.assertEqual([session.account_id for session in self.stored(Session)], [self.bob.id])

    def test_a_session_ends_with_its_connection(self) -> None:
        lines = self.lines(self.app)
        lines.log_in("ann")
        self.assertEqual(self.living(), 1)
        lines.peer.vanish()
        self.assertEqual(self.living(), 0)

    def test_a_login_that_succeeds_when_nobody_waits_any_more_leaves_no_session(self) -> None:
        lines = self.lines(self.app)
        self.pool.holding = True
        self.assertIsNone(lines.log_in("ann"))
        lines.peer.vanish()
        self.pool.holding = False
        self.pool.release()
        self.assertEqual(self.living(), 0)

    def test_requests_behind_a_login_wait_for_it(self) -> None:
        lines = self.lines(self.app)
        self.pool.holding = True
        self.assertIsNone(lines.log_in("ann"))
        self.assertIsNone(lines.call("books.list"))
        self.pool.release()
        self.assertEqual(
            [list(json.loads(line)) for line in lines.peer.hear().splitlines()],
            [["jsonrpc", "result", "id"]] * 2,
        )

    def test_a_password_is_in_no_answer(self) -> None:
        lines = self.lines(self.app)
        for password in ("s3cret words", {"s3cret": 1}, ["s3cret"]):
            self.assertNotIn(
                "s3cret", json.dumps(lines.call("session.login", login="ann", password=password))
            )

    def test_where_all_is_open_there_is_no_login(self) -> None:
        self.assertEqual(self.lines().error("session.login", login="ann", password="x")[0], -32601)

    def test_no_account_is_changed_by_these(self) -> None:
        lines = self.lines(self.app)
        lines.log_in("ann")
        self.assertEqual(lines.error("accounts.list")[0], -32601)
        self.assertEqual(len(self.stored(Account)), 2)


class ConnectionTests(LibraryCase):
    def test_a_batch_of_records_is_answered_in_its_order(self) -> None:
        lines = self.lines()
        batch = [
            {"jsonrpc": "2.0", "id": 1, "method": "authors.create", "params": ANN},
            {"jsonrpc": "2.0", "method": "books.create", "params": BOOK},
            {"jsonrpc": "2.0", "id": 2, "method": "books.create", "params": BOOK},
            {"jsonrpc": "2.0", "id": 3, "method": "books.list"},
        ]
        said = json.loads(lines.peer.ask(json.dumps(batch).encode() + b"\n"))
        self.assertEqual([each["id"] for each in said], [1, 2, 3])
        self.assertEqual(said[1]["error"]["code"], -32002)
        self.assertEqual(len(said[2]["result"]["items"]), 1)

    def test_a_wire_that_only_lists_needs_no_newline_at_the_end_of_input(self) -> None:
        lines = self.lines(tcp=True)
        lines.peer.send(b'{"jsonrpc":"2.0","id":1,"method":"authors.list"}')
        self.assertEqual(lines.peer.hear(), b"")
        lines.peer.half_close()
        self.assertEqual(json.loads(lines.peer.hear())["result"], {"items": [], "next": None})
        self.assertEqual(self.stored(Author), [])
