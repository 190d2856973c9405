# mypy: allow-untyped-calls
"""A record is declared once, in a class; what cannot be one is refused with what would be right."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, ClassVar

import attrs
from twisted.trial.unittest import SynchronousTestCase

import sockcrud
from sockcrud import (
    Record,
    caseless,
    choice,
    day,
    email,
    flag,
    moment,
    money,
    reference,
    text,
    whole,
)
from sockcrud.apps.users.records import User
from sockcrud.errors import Invalid
from sockcrud.records import DeclarationError, RecordType, checked, describe, evolve, exactly
from sockcrud.records.constraints import LONGEST_KEY
from sockcrud.records.schema import Schema
from tests.support.model import STANDARD

NOW = datetime(2024, 2, 29, 12, 0, tzinfo=timezone.utc)


class Author(Record):
    """Who wrote books."""

    name: str = text(1, 200, unique=caseless)
    address: str = email(default="nobody@example.org")


class Book(Record):
    """A book of the library.

    Each copy by itself.
    """

    SHELVES: ClassVar = ("A", "B")

    title: str = text(1, 200, indexed=True)
    isbn: str = text(10, 17, unique=True, help="as printed on the back")
    year: int = whole(1450, 2100, default=2000)
    author_id: int = reference(Author)
    price: Decimal = money(default=Decimal("0.00"))
    bought: date = day()
    seen: datetime = moment(soft=True)
    lent: bool = flag(default=False)
    state: str = choice("new", "used", default="new")
    note: str = text(0, 100, secret=True, default="")

    @property
    def label(self) -> str:
        return f"{self.title} ({self.year})"


def book(**changes: Any) -> Book:
    values: dict[str, Any] = {
        "id": 1,
        "rev": 2,
        "title": "Emma",
        "isbn": "0-19-953552-8",
        "author_id": 3,
        "bought": date(2024, 1, 1),
        "seen": NOW,
    }
    return Book(**{**values, **changes})


class RecordsTests(SynchronousTestCase):
    """What a declaration makes of a class."""

    def test_has_a_constructor_with_defaults_and_takes_nothing_else(self) -> None:
        self.assertEqual((book().year, book(year=1815).label), (2000, "Emma (1815)"))
        with self.assertRaises(TypeError):
            book(pages=5)
        with self.assertRaises(TypeError):
            Author(id=1, rev=1)  # type: ignore[call-arg]
        with self.assertRaises(TypeError):
            Author(1, 2, "Jane")  # type: ignore[call-arg]

    def test_is_a_value_that_does_not_change_and_is_as_small_as_can_be(self) -> None:
        emma = book()
        with self.assertRaises(attrs.exceptions.FrozenInstanceError):
            emma.year = 1815  # type: ignore[misc]
        self.assertEqual(emma, book())
        self.assertEqual(hash(emma), hash(book()))
        self.assertNotEqual(emma, book(rev=3))
        self.assertFalse(hasattr(emma, "__dict__"))
        # A header and a pointer for each field, and no more: there may be millions.
        names = [field.name for field in attrs.fields(Book)]
        smallest = attrs.make_class("Smallest", names, slots=True, weakref_slot=False)
        self.assertEqual(sys.getsizeof(emma), sys.getsizeof(smallest(*names)))

    def test_does_not_show_its_secrets(self) -> None:
        self.assertNotIn("hunter2", repr(book(note="hunter2")))
        self.assertIn("Emma", repr(book()))

    def test_evolves(self) -> None:
        self.assertEqual(evolve(book(), rev=5, year=1815), book(rev=5, year=1815))
        with self.assertRaises(TypeError):
            evolve(book(), pages=5)

    def test_is_checked_against_its_constraints(self) -> None:
        self.assertEqual(checked(Book, year=1815), {"year": 1815})
        with self.assertRaises(Invalid) as caught:
            checked(Book, year=1449)
        self.assertEqual(caught.exception.expected, "a whole number from 1450 to 2100")

    def test_describes_what_it_declares(self) -> None:
        declared = describe(Book)
        self.assertEqual(
            (declared.name, declared.table, declared.journaled), ("Book", "books", True)
        )
        self.assertEqual(
            list(declared.constraints),
            [
                "title",
                "isbn",
                "year",
                "author_id",
                "price",
                "bought",
                "seen",
                "lent",
                "state",
                "note",
            ],
        )
        self.assertEqual(dict(declared.uniques), {"isbn": exactly})
        self.assertEqual(dict(describe(Author).uniques), {"name": caseless})
        self.assertEqual(declared.indexed, ("title", "author_id"))
        self.assertEqual(
            {name: (to.kind, to.cascade) for name, to in declared.references.items()},
            {"author_id": (Author, False)},
        )
        self.assertEqual(declared.soft, ("seen",))
        self.assertEqual(declared.secrets, ("note",))
        self.assertEqual(
            dict(declared.defaults),
            {"year": 2000, "price": Decimal("0.00"), "lent": False, "state": "new", "note": ""},
        )
        self.assertEqual(
            dict(declared.help),
            {
                "": "A book of the library.\n\nEach copy by itself.",
                "isbn": "as printed on the back",
            },
        )

    def test_what_is_unique_whatever_its_case_holds_nothing_invisible(self) -> None:
        with self.assertRaises(Invalid):
            checked(Author, name="Jane\u200b")

    def test_tables_are_plural(self) -> None:
        def table(name: str) -> str:
            return describe(RecordType(name, (Record,), {})).table  # type: ignore[arg-type]

        self.assertEqual(
            list(
                map(
                    table,
                    (
                        "Day",
                        "Box",
                        "Match",
                        "Wish",
                        "Class",
                        "Category",
                        "LoginFailures",
                        "InventoryItem",
                    ),
                )
            ),
            [
                "days",
                "boxes",
                "matches",
                "wishes",
                "classes",
                "categories",
                "login_failures",
                "inventory_items",
            ],
        )

    def test_the_package_exports_what_declares_records_and_loads_it_late(self) -> None:
        for name in sockcrud.__all__:
            self.assertTrue(callable(getattr(sockcrud, name)), name)
        with self.assertRaises(AttributeError):
            sockcrud.nothing  # noqa: B018
        loaded = (
            "import sys, sockcrud; sys.exit('sockcrud.records' in sys.modules or 'attrs' in "
            "sys.modules)"
        )
        self.assertEqual(subprocess.run([sys.executable, "-c", loaded], check=False).returncode, 0)


def _declare(**fields: tuple[Any, Any]) -> type:
    """Make a record `Film` of fields, each its annotation and its value."""
    annotations = {
        name: annotation for name, (annotation, _) in fields.items() if annotation is not None
    }
    values = {name: value for name, (_, value) in fields.items() if value is not None}
    return RecordType(
        "Film", (Record,), {"__annotations__": annotations, "__module__": __name__, **values}
    )


class NoRecordTests(SynchronousTestCase):
    """What is refused: in one line that names class and field, and what would be right."""

    def refused(self, expected: str, declare: Callable[[], object]) -> None:
        with self.assertRaises(DeclarationError) as caught:
            declare()
        self.assertEqual(str(caught.exception), expected)

    def test_names_of_fields(self) -> None:
        taken = "Film.{}: the name is taken, {}: choose another"
        for name, why in {
            "id": "every record has one",
            "rev": "every record has one",
            "kind": "the stores' calls take fields beside it",
            "limit": "lists are asked for with it",
            "xmin": "each of PostgreSQL's tables has one",
        }.items():
            self.refused(
                taken.format(name, why),
                lambda name=name: _declare(**{name: (str, text(1, 2))}),  # type: ignore[misc]
            )
        for name in ("_hidden", "Title", "título", "two__lines", "line_"):
            self.refused(
                f"Film.{name}: the name of a field is one of small Latin letters, digits and "
                f"single _, as printed_in",
                lambda name=name: _declare(**{name: (str, text(1, 2))}),  # type: ignore[misc]
            )
        self.refused(
            f"Film.{'x' * 41}: the names of table and field have 45 characters at most: shorten "
            f"one",
            lambda: _declare(**{"x" * 41: (str, text(1, 2))}),
        )
        self.refused(
            "Film.title_key: stores keep the key of title by that name: choose another",
            lambda: _declare(title=(str, text(1, 2, unique=caseless)), title_key=(str, text(1, 2))),
        )

    def test_names_of_classes(self) -> None:
        latin = "the name of a record is one of Latin letters and digits, as InventoryItem"
        for name in ("film", "Film_2", "Книга"):
            self.refused(f"{name}: {latin}", lambda name=name: RecordType(name, (Record,), {}))  # type: ignore[misc]
        for name, table in {
            "Change": "changes",
            "Counter": "counters",
            "Kind": "kinds",
            "SqliteFile": "sqlite_files",
        }.items():
            self.refused(
                f"{name}: its table would be {table!r}, which stores have for themselves: choose "
                f"another name",
                lambda name=name: RecordType(name, (Record,), {}),  # type: ignore[misc]
            )

    def test_bases(self) -> None:
        self.refused(
            "Film: a record has one base, Record or another record",
            lambda: RecordType("Film", (Author, Book), {}),
        )

    def test_constraints_that_are_none_or_missing(self) -> None:
        known = (
            "Film.title: no constraint is known for it: write text(1, 200), whole(0, 150), "
            "money(), moment(), day(), flag(),"
            " choice('a', 'b'), email() or reference(Kind)"
        )
        for value in (None, "Emma", attrs.field(), attrs.field(metadata={"bound": 1}), object()):
            self.refused(known, lambda value=value: _declare(title=(str, value)))  # type: ignore[misc]
        self.refused(
            "Film.title: its type is missing: write title: str = ...",
            lambda: _declare(title=(None, text(1, 200))),
        )
        self.refused(
            "Film.title: its constraint is one of str: write title: str = ...",
            lambda: _declare(title=(int, text(1, 200))),
        )
        self.refused(
            "Film.bought: its constraint is one of date: write bought: date = ...",
            lambda: _declare(bought=("datetime.datetime", day())),
        )

    def test_constraints_that_nothing_keeps(self) -> None:
        for shortest, longest in ((5, 1), (-1, 5), (0, 0), ("1", 5), (True, 5)):
            self.refused(
                f"Film.title: text({shortest!r}, {longest!r}) holds nothing: name the fewest and "
                f"the most characters,"
                " as text(1, 200)",
                lambda: _declare(title=(str, text(shortest, longest))),  # type: ignore[arg-type]  # noqa: B023
            )
        for low, high in ((5, 1), (0, 2**63), (-(2**63) - 1, 0), (0.0, 5)):
            self.refused(
                f"Film.year: whole({low!r}, {high!r}): name the lowest and the highest number, "
                f"of 64 bits, as whole(0, 150)",
                lambda: _declare(year=(int, whole(low, high))),  # type: ignore[arg-type]  # noqa: B023
            )
        for words in ((), ("a", "a"), ("",), (1,), ("a\x00",)):
            self.refused(
                f"Film.state: choice{words!r}: name the words, each once, as choice('new', 'used')",
                lambda: _declare(state=(str, choice(*words))),  # noqa: B023
            )

    def test_references_to_what_is_no_record(self) -> None:
        for to in (str, Record, "Author", None):
            self.refused(
                f"Film.author_id: it refers to {to!r},"
                " which is no record: name a class of records that is declared before this",
                lambda: _declare(author_id=(int, reference(to))),  # type: ignore[arg-type]  # noqa: B023
            )

    def test_what_cannot_be_unique(self) -> None:
        self.refused(
            "Film.title: unique='yes': write unique=True, or unique=caseless",
            lambda: _declare(title=(str, text(1, 200, unique="yes"))),  # type: ignore[arg-type]
        )
        self.refused(
            "Film.year: only a text can be unique by a key: write unique=True",
            lambda: _declare(year=(int, whole(1, 2, unique=caseless))),  # type: ignore[arg-type]
        )
        for more, most in (
            ({"unique": True}, LONGEST_KEY),
            ({"indexed": True}, LONGEST_KEY),
            ({"unique": caseless}, 500),
        ):
            self.refused(
                f"Film.title: a text that is looked for like this has {most} characters at most, "
                f"and this one 601",
                lambda: _declare(title=(str, text(1, 601, **more))),  # noqa: B023
            )

    def test_defaults_that_break_their_constraint(self) -> None:
        self.refused(
            "Film.year: its default is to be a whole number from 1450 to 2100, and 0 is not",
            lambda: _declare(year=(int, whole(1450, 2100, default=0))),
        )
        self.refused(
            "Film.title: its default is to be a text of 1 to 9 characters, and None is not",
            lambda: _declare(title=(str, text(1, 9, default=None))),  # type: ignore[arg-type]
        )
        self.refused(
            "Film.note: its default is to be a text of 1 to 9 characters, and it is not",
            lambda: _declare(note=(str, text(1, 9, default="", secret=True))),
        )
        self.refused(
            "Film.isbn: what is unique has no default: two records could not both have it",
            lambda: _declare(isbn=(str, text(1, 9, default="x", unique=True))),
        )


class SchemaTests(SynchronousTestCase):
    """Kinds that go together."""

    def test_each_kind_comes_after_what_it_refers_to(self) -> None:
        self.assertEqual(Schema([Book, User, Author, Book]).kinds, (User, Author, Book))
        self.assertEqual(Schema(reversed(STANDARD.kinds)).describe(User), STANDARD.describe(User))

    def test_knows_what_refers_to_a_kind(self) -> None:
        schema = Schema([Author, Book])
        self.assertEqual(schema.describe(Author).referred_by, ((Book, "author_id", False),))
        self.assertEqual(schema.describe(Book).referred_by, ())
        self.assertEqual(schema.describe(Book).constraints, describe(Book).constraints)
        self.assertEqual(schema.by_name["Book"], Book)
        self.assertIn(Book, schema)
        self.assertNotIn(User, schema)
        with self.assertRaises(KeyError):
            schema.describe(User)

    def test_refuses_a_reference_that_leads_nowhere(self) -> None:
        with self.assertRaises(DeclarationError) as caught:
            Schema([Book])
        self.assertEqual(
            str(caught.exception),
            "Book.author_id: it refers to Author, which is not in use: name Author as well",
        )

    def test_refuses_two_kinds_of_one_name(self) -> None:
        other = RecordType("User", (Record,), {"__module__": "library", "__qualname__": "User"})
        with self.assertRaises(DeclarationError) as caught:
            Schema([User, other])  # type: ignore[list-item]
        self.assertEqual(
            str(caught.exception),
            "User: User is taken by sockcrud.apps.users.records.User, and library.User wants it "
            "too: rename one",
        )

    def test_refuses_two_kinds_of_one_table(self) -> None:
        other = RecordType(
            "Authors", (Record,), {"__module__": "library", "__qualname__": "Authors"}
        )
        with self.assertRaises(DeclarationError) as caught:
            Schema([Author, other])  # type: ignore[list-item]
        self.assertIn(
            "Authors: authors is taken by tests.records.test_records.Author, and library.Authors",
            str(caught.exception),
        )
