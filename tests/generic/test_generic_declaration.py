"""What `crud()` declares, and what it refuses to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockcrud import App, Record, crud, text
from sockcrud.app import AppError
from sockcrud.loading import in_file
from tests import ROOT
from tests.generic.generic_kit import Author, Book

EXAMPLES = ROOT / "examples"


class Person(Record):
    """Somebody."""

    name: str = text(1, 100)


def refused(*arguments: Any, **more: Any) -> AppError:
    """Return the error of a declaration that stands in this file."""
    try:
        crud(*arguments, **more)
    except AppError as error:
        return error
    raise AssertionError(f"{arguments} {more} was taken")


class DeclarationTests(SynchronousTestCase):
    def test_an_app_gets_its_records_and_a_dialect_for_each_wire(self) -> None:
        app = App("library", crud(Author, Book, lines="tcp:7000", rest="tcp:7001"))
        self.assertEqual(app.records, (Author, Book))
        lines, rest = app.dialects
        self.assertEqual(
            (lines.name, lines.endpoint, lines.openapi), ("library-lines", "tcp:7000", None)
        )
        self.assertEqual((rest.name, rest.endpoint), ("library-rest", "tcp:7001"))
        self.assertEqual(lines.about, "where authors and books (JSON-RPC on lines) listen")
        self.assertIn("authors.list", lines.trial)
        self.assertEqual(rest.trial, "curl http://HOST:PORT/authors")

    def test_one_wire_is_enough(self) -> None:
        self.assertEqual(
            [each.name for each in App("a", crud(Book, rest="tcp:1")).dialects], ["a-rest"]
        )
        self.assertEqual(
            [each.name for each in App("a", crud(Book, lines="tcp:1")).dialects], ["a-lines"]
        )

    def test_a_plural_may_be_named(self) -> None:
        (rest,) = App("a", crud(Person, rest="tcp:1", plural="people")).dialects
        self.assertEqual(rest.trial, "curl http://HOST:PORT/people")
        self.assertEqual(rest.about, "where people (REST) listen")

    def test_where_somebody_may_not_do_all_there_is_a_login(self) -> None:
        for read, write, logins in (
            ("open", "open", [None, None]),
            ("open", "admins", ["a-lines", "auth"]),
            ("logged in", "logged in", ["a-lines", "auth"]),
        ):
            app = App("a", crud(Book, lines="tcp:1", rest="tcp:2", read=read, write=write))  # type: ignore[arg-type]
            self.assertEqual([each.login for each in app.dialects], logins)

    def test_what_cannot_be_is_one_line_with_its_place(self) -> None:
        cases: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
            ((), {"rest": "tcp:1"}, "crud() serves nothing: expected a record, as in crud(Book)"),
            (
                (Book,),
                {},
                "crud() listens nowhere: expected lines='tcp:7000', rest='tcp:7001', or both",
            ),
            (
                ("Book",),
                {"rest": "tcp:1"},
                "crud('Book'): expected a class of records, as in crud(Book)",
            ),
            ((Record,), {"rest": "tcp:1"}, "expected a class of records, as in crud(Book)"),
            (
                (Book,),
                {"rest": "tcp:1", "read": "all"},
                "read='all': expected 'open' or 'logged in' or 'admins'",
            ),
            (
                (Book,),
                {"rest": "tcp:1", "read": "admins"},
                "write='open' for more than read='admins'",
            ),
            (
                (Book,),
                {"rest": "tcp:1", "plural": "Books"},
                "plural='Books' of Book: expected small letters",
            ),
            ((Book,), {"rest": "tcp:1", "plural": "session"}, "plural='session' of Book"),
            ((Author, Book), {"rest": "tcp:1", "plural": "x"}, "plural='x' for 2 records"),
        ]
        for arguments, more, wrong in cases:
            error = refused(*arguments, **more)
            place, _, said = str(error).partition(": ")
            self.assertEqual(Path(place.partition(":")[0]).name, Path(__file__).name)
            self.assertIn(wrong, said)

    def test_the_example_has_15_lines_at_most(self) -> None:
        file = EXAMPLES / "library.py"
        self.assertLessEqual(len(file.read_text().splitlines()), 15)
        self.assertEqual(
            [each.name for each in in_file(str(file)).dialects], ["library-lines", "library-rest"]
        )

    def test_a_declaration_imports_nothing_that_serves(self) -> None:
        script = f"""
import sys
from sockcrud.loading import in_file
in_file({str(EXAMPLES / "library.py")!r})
SERVING = ("twisted.internet", "sockcrud.protocols")
print(*sorted(name for name in sys.modules if name.startswith(SERVING)))
"""
        found = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        self.assertEqual(found.stdout.strip(), "")
