# mypy: allow-untyped-calls
"""Who may read and write the records that are served: every combination, at both wires, and for
whoever asks.
"""

from __future__ import annotations

from typing import Any, Final

from sockcrud.generic.declaration import Who
from tests.generic.generic_kit import ANN, BOOK, Book, LibraryCase, basic

READS: Final = ("books.list", "books.get", "books.find")
WRITES: Final = ("books.create", "books.update", "books.delete")
PARAMS: Final[dict[str, dict[str, Any]]] = {
    "books.list": {},
    "books.get": {"id": 1},
    "books.find": {"isbn": BOOK["isbn"]},
    "books.create": {**BOOK, "isbn": "0000000000"},
    "books.update": {"id": 1, "title": "x"},
    "books.delete": {"id": 1},
}
REQUESTS: Final[dict[str, tuple[str, str, Any]]] = {
    "books.list": ("GET", "/books", None),
    "books.get": ("GET", "/books/1", None),
    "books.find": ("HEAD", "/books/1", None),
    "books.create": ("POST", "/books", {**BOOK, "isbn": "0000000000"}),
    "books.update": ("PATCH", "/books/1", {"title": "x"}),
    "books.replace": ("PUT", "/books/1", BOOK),
    "books.delete": ("DELETE", "/books/1", None),
}
WHO: Final[tuple[tuple[Who, Who], ...]] = (
    ("open", "open"),
    ("open", "logged in"),
    ("open", "admins"),
    ("logged in", "logged in"),
    ("logged in", "admins"),
    ("admins", "admins"),
)
ASKING: Final = ("", "bob", "ann")


def verdict(who: Who, asking: str) -> int:
    """Return the status with which somebody is let in or turned away, by REST."""
    if who == "open":
        return 200
    if not asking:
        return 401
    return 403 if (who, asking) == ("admins", "bob") else 200


CODES: Final = {200: None, 401: -32004, 403: -32005}


class MatrixTests(LibraryCase):
    def setUp(self) -> None:
        super().setUp()
        self.lines().result("authors.create", **ANN)

    def with_a_book(self) -> None:
        for book in self.stored_books():
            self.have(self.store.delete(type(book), book.id))
        self.lines().result("books.create", **BOOK)

    def stored_books(self) -> list[Book]:
        return self.stored(Book)

    def test_lines(self) -> None:
        for read, write in WHO:
            app = self.library(read=read, write=write)
            for asking in ASKING:
                for method in (*READS, *WRITES):
                    self.with_a_book()
                    book = self.stored_books()[0]
                    lines = self.lines(app)
                    if asking and (read, write) != ("open", "open"):
                        lines.log_in(asking)
                    params = {
                        **PARAMS[method],
                        **({"id": book.id} if "id" in PARAMS[method] else {}),
                    }
                    code = lines.call(method, **params).get("error", {}).get("code")
                    status = verdict(read if method in READS else write, asking)
                    self.assertEqual(code, CODES[status], (read, write, asking, method))
                    if status != 200:
                        self.assertEqual(self.stored_books(), [book])
                    lines.peer.vanish()

    def test_rest(self) -> None:
        for read, write in WHO:
            app = self.library(read=read, write=write)
            for asking in ASKING:
                for name, (method, path, body) in REQUESTS.items():
                    self.with_a_book()
                    book = self.stored_books()[0]
                    rest = self.rest(app)
                    headers = {"Authorization": basic(asking)} if asking else {}
                    answer = rest.ask(method, path.replace("1", str(book.id)), body, **headers)
                    status = verdict(read if name in READS else write, asking)
                    found = 200 if answer.status in (200, 201, 204) else answer.status
                    self.assertEqual(found, status, (read, write, asking, name))
                    if status != 200:
                        self.assertEqual(self.stored_books(), [book])
                    rest.peer.vanish()

    def test_every_request_passes_as_an_operation_of_its_own_name(self) -> None:
        self.with_a_book()
        book = self.stored_books()[0]
        rest, lines = self.rest(), self.lines()
        self.tally.counts.clear()
        for method, path, body in REQUESTS.values():
            rest.ask(method, path.replace("1", str(book.id)), body)
        names = sorted(name for dialect, name, _ in self.tally.counts if dialect == "library-rest")
        self.assertEqual(names, sorted({*REQUESTS} - {"books.find"}))
        lines.call("books.find", isbn="0000000000")
        self.assertEqual(self.tally.counts["library-lines", "books.find", "ok"], 1)
