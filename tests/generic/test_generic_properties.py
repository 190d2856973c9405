# mypy: allow-untyped-calls
"""Whatever fields a record has, both wires take them in and return them out as the same record."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from unittest import TestCase

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from sockcrud.errors import Invalid
from sockcrud.records import describe
from sockcrud.records.json_fields import as_json, read_fields, read_text
from tests.generic.generic_kit import ANN, Author, Book, LibraryCase

TEXT: Final = some.text(
    some.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200
)
# Not those that put their clocks forward: a moment that they skip is, in Python, equal to none of
# another zone.
ZONES: Final = some.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
VALUES: Final[dict[str, some.SearchStrategy[Any]]] = {
    "title": TEXT,
    "year": some.integers(1450, 2100),
    "price": some.decimals(0, Decimal("99999999.99"), places=2).map(abs),
    "lent": some.booleans(),
    "shelf": some.sampled_from(("hall", "attic")),
    "bought": some.dates(),
    "seen": some.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES),
    "note": some.just("") | TEXT,
}
FIELDS: Final = some.fixed_dictionaries(
    {"title": TEXT}, optional={name: each for name, each in VALUES.items() if name != "title"}
)
JSON_TEXT: Final = some.text(some.characters(codec="utf-8"))
JSON_NUMBER: Final = some.integers(-(2**63), 2**64 - 1) | some.floats(
    allow_nan=False, allow_infinity=False
)
ANYTHING: Final = some.recursive(
    some.none() | some.booleans() | JSON_NUMBER | JSON_TEXT,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(JSON_TEXT, inner, max_size=3),
    max_leaves=5,
)


def written(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields as a client writes them."""
    return {
        name: f"{value:.2f}"
        if isinstance(value, Decimal)
        else value.isoformat()
        if isinstance(value, date)
        else value
        for name, value in fields.items()
    }


class WiresTests(LibraryCase):
    def setUp(self) -> None:
        super().setUp()
        self.have(self.store.transact(self._with_ann))
        self.count = 0

    async def _with_ann(self, transaction: Any) -> None:
        await transaction.insert(Author, **ANN)

    def isbn(self) -> str:
        self.count += 1
        return f"{self.count:010}"

    @settings(
        max_examples=100, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
    )
    @given(FIELDS, FIELDS)
    def test_what_goes_in_by_one_comes_out_by_both(
        self, fields: dict[str, Any], change: dict[str, Any]
    ) -> None:
        lines, rest = self.lines(), self.rest()
        made = lines.result("books.create", **written(fields), isbn=self.isbn(), author_id=1)
        again = rest.ask(
            "POST", "/books", {**written(fields), "isbn": self.isbn(), "author_id": 1}
        ).body
        own = ("id", "rev", "isbn")
        self.assertEqual({**made, **dict.fromkeys(own)}, {**again, **dict.fromkeys(own)})
        book = self.have(self.store.get(Book, made["id"]))
        self.assertEqual({name: getattr(book, name) for name in fields}, fields)
        changed = rest.ask("PATCH", f"/books/{made['id']}", written(change)).body
        self.assertEqual(lines.result("books.get", id=made["id"]), changed)
        self.assertEqual(
            lines.result("books.update", id=again["id"], **written(change))["title"],
            changed["title"],
        )
        book = self.have(self.store.get(Book, made["id"]))
        self.assertEqual(
            {name: getattr(book, name) for name in {**fields, **change}}, {**fields, **change}
        )

    @settings(
        max_examples=100, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
    )
    @given(some.sampled_from([*VALUES, "isbn", "author_id", "nothing"]), ANYTHING)
    def test_anything_else_is_refused_by_both_in_the_same_words(
        self, name: str, value: Any
    ) -> None:
        body = {"title": "x", "isbn": self.isbn(), "author_id": 1, name: value}
        lines, rest = self.lines(), self.rest()
        answer = lines.call("books.create", **body)
        if "result" in answer:
            self.have(self.store.delete(Book, answer["result"]["id"]))
            self.assertEqual(rest.ask("POST", "/books", body).status, 201)
            self.have(self.store.delete(Book, answer["result"]["id"] + 1))
        else:
            data = answer["error"]["data"]
            self.assertEqual(rest.problem(422, "POST", "/books", body), {"name": "invalid", **data})


class FormTests(TestCase):
    @settings(deadline=None)
    @given(some.fixed_dictionaries(VALUES))
    def test_fields_read_as_they_are_shown(self, fields: dict[str, Any]) -> None:
        fields["seen"] = fields["seen"].astimezone(timezone.utc)  # as it is stored
        book = Book(id=1, rev=2, isbn="0000000000", author_id=7, code="x", **fields)
        shown = orjson.loads(orjson.dumps(as_json(book)))
        del shown["id"], shown["rev"]
        read = read_fields(Book, shown)
        self.assertEqual(
            read,
            {name: getattr(book, name) for name in describe(Book).constraints if name != "code"},
        )

    @settings(deadline=None)
    @given(
        some.sampled_from(("year", "price", "lent", "shelf", "bought", "isbn", "author_id")),
        some.text(max_size=30),
    )
    def test_any_text_is_a_value_or_invalid(self, name: str, text: str) -> None:
        try:
            value = read_text(Book, name, text)
        except Invalid as error:
            self.assertEqual(error.field, name)
        else:
            self.assertIsNotNone(value)

    def test_what_names_no_moment_is_left_for_the_constraint_to_refuse(self) -> None:
        for text in ("2024-11-01", "2024-11-01T10:00:00", "0001-01-01T00:00:00+23:00", "now"):
            self.assertEqual(read_text(Book, "seen", text), text)

    def test_texts_of_each_kind(self) -> None:
        for name, text, value in (
            ("year", "1999", 1999),
            ("year", "-5", -5),
            ("price", "7.5", Decimal("7.50")),
            ("lent", "true", True),
            ("lent", "false", False),
            ("shelf", "hall", "hall"),
            ("bought", "2024-11-01", date(2024, 11, 1)),
            ("seen", "2024-11-01T10:00:00+01:00", datetime(2024, 11, 1, 9, tzinfo=timezone.utc)),
            ("seen", "2024-11-01T10:00:00Z", datetime(2024, 11, 1, 10, tzinfo=timezone.utc)),
        ):
            self.assertEqual(read_text(Book, name, text), value)
        for name, text in (
            ("year", "1_999"),
            ("year", "１９９９"),
            ("price", "1e3"),
            ("nothing", "x"),
        ):
            self.assertRaises(Invalid, read_text, Book, name, text)
