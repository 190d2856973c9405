# mypy: allow-untyped-calls
"""Each field holds what it promises, up to its edges, and a record's declaration says what the
stores need.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.users.records import User
from sockcrud.errors import Invalid
from sockcrud.identity.records import Account, Company, KeptAnswer, LoginFailures, Session
from sockcrud.ledger.records import Usage
from sockcrud.records import Record, checked, exactly, from_columns
from sockcrud.records.constraints import all_fit, as_stored
from sockcrud.records.lookalikes import caseless
from tests.support.model import KINDS, describe

UTC = timezone.utc
MOMENT = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)

Table = list[tuple[type[Record], str, list[object], list[object]]]
"""Kind, field, values it holds, values it does not hold."""


def texts(
    kind: type[Record], field: str, shortest: int, longest: int
) -> tuple[type[Record], str, list[object], list[object]]:
    """Return the edges of a text without further form."""
    held: list[str] = [
        "x" * max(shortest, 1),
        "x" * longest,
        "é" * longest,
        "🐿" * longest,
        " ",
        "\n\t\x01\x7f",
        "'\"\\%",
    ]
    refused: list[object] = [
        "x" * (longest + 1),
        "\x00",
        "a\x00b",
        "\ud800",
        "a\udfffb",
        b"x",
        None,
        1,
        ["x"],
    ]
    if shortest > 0:
        refused += ["x" * (shortest - 1)]
    return kind, field, [text for text in ["", *held] if len(text) >= shortest], refused


def names(
    kind: type[Record], field: str, longest: int
) -> tuple[type[Record], str, list[object], list[object]]:
    """Return the edges of a text that records are told apart by."""
    held: list[object] = [
        "x",
        "x" * longest,
        "é" * longest,
        "e\u0301",
        "가",
        "\u1100\u1161",
        "ＡＢＣ",
        "🐿",
        "ا",
        "'\"\\%",
    ]
    refused: list[object] = [
        "",
        "x" * (longest + 1),
        "\x00",
        "\ud800",
        *HIDDEN,
        "\ufdfa" * (longest // 4),
        b"x",
        None,
        1,
    ]
    return kind, field, held, refused


def wholes(
    kind: type[Record], field: str, low: int, high: int
) -> tuple[type[Record], str, list[object], list[object]]:
    """Return the edges of a whole number."""
    return (
        kind,
        field,
        [low, low + 1, high - 1, high],
        [low - 1, high + 1, 1.0, True, False, "1", None, Decimal(1)],
    )


HIDDEN: list[object] = [
    f"ad{hidden}min@x.org"
    for hidden in (
        *(
            "\u200b",
            "\u00ad",
            "\u200c",
            "\u200d",
            "\u2060",
            "\ufeff",
            "\u034f",
            "\u061c",
            "\u180e",
            "\u3164",
            "\u115f",
        ),
        *(
            "\u202e",
            "\u202a",
            "\u2066",
            "\u2069",
            "\u200e",
            "\u200f",
            "\ufe0f",
            "\ufe00",
            "\U000e0041",
            "\U000e0100",
        ),
        *(
            "\n",
            "\x01",
            "\x7f",
            "\x85",
            "\u2028",
            "\u2029",
            "\u2800",
            "\uffa0",
            "\u206a",
            "\ufff9",
            "\U0001d173",
        ),
    )
]
"""Names with a character that nobody sees."""
AMOUNTS: list[object] = [
    Decimal(text)
    for text in ("0", "0.00", "0.01", "0.1", "10", "99999999.99", "1E+7", "1.000", "0E+9999")
]
NO_AMOUNTS: list[object] = [
    *(
        Decimal(text)
        for text in (
            "-0.01",
            "-0",
            "-0.00",
            "100000000",
            "99999999.995",
            "0.001",
            "1E-30",
            "1E+999999",
        )
    ),
    *(Decimal(text) for text in ("NaN", "sNaN", "Infinity", "-Infinity")),
    *(1, 1.5, "1.00", None, True),
]
SNAPSHOTS: list[object] = [
    MOMENT,
    datetime.max.replace(tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    MOMENT.replace(tzinfo=timezone(timedelta(hours=-3))),
]
NO_SNAPSHOTS: list[object] = [
    datetime(2024, 2, 29, 12, 0),
    date(2024, 2, 29),
    "2024-02-29T12:00:00Z",
    1709208000,
    None,
]
FLAGS: list[object] = [True, False]
NO_FLAGS: list[object] = [1, 0, "true", "", None]
EMAILS: list[object] = [
    "a@b.c",
    "É@x.org",
    "a+b@sub.example.org",
    "a@b..c",
    '"@b.c',
    "x" * 248 + "@b.org",
    "신호@예.한국",
    "é@x.org",
    "иван@example.org",
]
NO_EMAILS: list[object] = [
    *HIDDEN,
    *(
        "a\uff20b@c.d",
        "a\u3000b@c.d",
        "\ufdfa@b.c",
    ),  # normalized, these have two @, a blank, and some
    *(
        "a@bc",
        "@b.c",
        "a@.c",
        "a@b.",
        "a@@b.c",
        "a@b@c.d",
        "a b@c.d",
        " a@b.c",
        "a@b.c\n",
        "a@b.c ",
        "a\x00@b.c",
        "a@b.\x7f",
    ),
    *("a@b", "", "x" * 249 + "@b.org", "\ud800@b.c", "a\u00a0@b.c", "a@b.c\u2028", None, b"a@b.c"),
]
LOGINS: list[object] = [
    *(
        "ab",
        "ana",
        "ana@example.org",
        "é.ß",
        "x" * 254,
        "12",
        "a;b",
        "ａｄｍｉｎ",
        "신호",
        "\u1109\u1175\u11ab\u1112\u1169",
        "Zoë",
        "Zoe\u0308",
    ),
    *(
        "مدير",
        "管理员",
        "管理員@例え.jp",
        "админ",
        "διαχειριστής",
        "Ærø.ñ",
        "ผู้ดูแล",
        "ana한글",
        "व्यवस्थापक",
        "管理admin",
    ),
]
NO_LOGINS: list[object] = [
    *HIDDEN,
    *(
        "\u0430dmin",
        "adm\u0456n",
        "admi\u03bd",
        "\u0410DMIN",
        "ро\u0070т",
        "a\u00b5",
        "παn",
        "аα",
        "a\U0001d6c2",
    ),
    *(
        "a\uff1ab",
        "a\uff0cb",
        "a\u3000b",
        "a\u00b4b",
        "\ufdfaab",
        "\u2100",
        "a\ufe55b",
        "ab\ufdfa",
    ),  # normalized: ':', ',' or a blank
    "a",
    "",
    "x" * 255,
    "a:b",
    "a,b",
    "a b",
    "ab\n",
    "a\tb",
    "a\x7fb",
    "a\x85b",
    "a\u00a0b",
    "a\x00b",
    None,
    12,
]
INT63 = 2**63 - 1

BOUNDS: Table = [
    texts(User, "name", 1, 200),
    (User, "email", EMAILS, NO_EMAILS),
    wholes(User, "age", 0, 150),
    (User, "created_at", SNAPSHOTS, NO_SNAPSHOTS),
    (User, "updated_at", SNAPSHOTS, NO_SNAPSHOTS),
    texts(Message, "data", 1, 10_000),
    texts(Client, "name", 1, 100),
    (Client, "email", EMAILS, NO_EMAILS),
    (
        Client,
        "cpf",
        ["454.090.000-00", "000.000.000-00"],
        [
            "45409000000",
            "454.090.000-0",
            "454.090.000-000",
            "454-090.000-00",
            "a54.090.000-00",
            "454.090.000-00\n",
            "٤54.090.000-00",
            None,
        ],
    ),
    (Client, "balance", AMOUNTS, NO_AMOUNTS),
    wholes(Address, "client_id", -INT63 - 1, INT63),
    (Address, "state", ["SP", "sp", "Rj"], ["S", "SPX", "", "S1", "ÉS", "S ", "SP\n", None]),
    texts(Address, "city", 1, 100),
    texts(Address, "street", 1, 100),
    wholes(Address, "number", 1, INT63),
    (
        Address,
        "cep",
        ["01310-100"],
        ["01310100", "0131-0100", "01310-10", "01310-1000", "01310-100\n", "٠1310-100", "", None],
    ),
    names(Product, "name", 100),
    texts(Product, "description", 0, 10_000),
    wholes(Product, "quantity", 0, INT63),
    (Product, "price", AMOUNTS, NO_AMOUNTS),
    (Product, "status", FLAGS, NO_FLAGS),
    wholes(InventoryItem, "client_id", -INT63 - 1, INT63),
    wholes(InventoryItem, "product_id", -INT63 - 1, INT63),
    wholes(InventoryItem, "number_of_items", 0, INT63),
    (
        InventoryItem,
        "purchase_date",
        [date.min, date(2024, 2, 29), date.max],
        [MOMENT, "2024-02-29", 20240229, None],
    ),
    names(Company, "name", 200),
    (Company, "active", FLAGS, NO_FLAGS),
    (Account, "login", LOGINS, NO_LOGINS),
    texts(Account, "password_hash", 1, 500),
    (Account, "role", ["admin", "user"], ["Admin", "root", "", "admin ", None, 1, True]),
    wholes(Account, "company_id", -INT63 - 1, INT63),
    (Account, "active", FLAGS, NO_FLAGS),
    texts(Session, "token_hash", 64, 64),
    wholes(Session, "account_id", -INT63 - 1, INT63),
    texts(Session, "dialect", 1, 40),
    texts(Session, "address", 0, 200),
    (Session, "created_at", SNAPSHOTS, NO_SNAPSHOTS),
    (Session, "used_at", SNAPSHOTS, NO_SNAPSHOTS),
    texts(LoginFailures, "key", 1, 600),
    wholes(LoginFailures, "failures", 1, INT63),
    (LoginFailures, "delayed_until", SNAPSHOTS, NO_SNAPSHOTS),
    texts(KeptAnswer, "key", 64, 64),
    texts(KeptAnswer, "holder", 1, 255),
    texts(KeptAnswer, "fingerprint", 64, 64),
    (KeptAnswer, "kept_at", SNAPSHOTS, NO_SNAPSHOTS),
    texts(KeptAnswer, "answer", 2, 65536),
    texts(Usage, "key", 64, 64),
    texts(Usage, "dialect", 1, 40),
    texts(Usage, "operation", 1, 60),
    texts(Usage, "who", 0, 260),
    texts(Usage, "software", 0, 80),
    (Usage, "first_seen", SNAPSHOTS, NO_SNAPSHOTS),
    (Usage, "last_seen", SNAPSHOTS, NO_SNAPSHOTS),
    wholes(Usage, "count", 1, INT63),
    wholes(Usage, "in_brownouts", 0, INT63),
    texts(Usage, "days", 0, 4000),
]


class BoundTests(SynchronousTestCase):
    """Every field, at the edges of what it holds."""

    def test_every_field_of_every_kind_has_its_edges_tested(self) -> None:
        fields = {(kind, field.name) for kind in KINDS for field in attrs.fields(kind)} - {
            (kind, own) for kind in KINDS for own in ("id", "rev")
        }
        self.assertEqual({(kind, field) for kind, field, _, _ in BOUNDS}, fields)
        self.assertEqual(
            {(kind, name) for kind in KINDS for name in describe(kind).constraints}, fields
        )

    def test_a_field_holds_what_keeps_its_bounds_and_gives_it_back(self) -> None:
        for kind, field, held, _ in BOUNDS:
            for value in held:
                self.assertIs(checked(kind, **{field: value})[field], value, (kind, field))

    def test_a_field_refuses_what_does_not_and_says_what_would_be_right(self) -> None:
        for kind, field, _, refused in BOUNDS:
            for value in refused:
                with self.assertRaises(Invalid, msg=(kind, field, value)) as caught:
                    checked(kind, **{field: value})
                error = caught.exception
                self.assertEqual(
                    (error.field, error.expected),
                    (field, describe(kind).constraints[field].expects),
                )
                self.assertEqual(str(error), f"{field}: expected {error.expected}")

    def test_values_that_are_looked_at_together_fit_where_each_does(self) -> None:
        for kind, field, held, refused in BOUNDS:
            constraint = as_stored(describe(kind).constraints[field])
            fitting = [value for value in (*held, *refused) if constraint.fits(value)]
            self.assertTrue(all_fit(constraint, fitting), (kind, field))
            for value in refused:
                fits = constraint.fits(value)
                self.assertIs(all_fit(constraint, [*fitting, value]), fits, (kind, field, value))

    def test_records_made_of_columns_are_those_that_the_constructor_makes(self) -> None:
        ages = [1, 2, 3]
        columns: dict[str, Any] = {
            "id": ages,
            "rev": ages,
            "name": ["a", "b", "c"],
            "email": ["a@b.c"] * 3,
            "age": ages,
            "created_at": [MOMENT] * 3,
            "updated_at": [MOMENT] * 3,
        }
        rows = zip(*columns.values(), strict=True)
        made: list[Any] = [User(**dict(zip(columns, row, strict=True))) for row in rows]
        self.assertEqual(from_columns(User, columns), made)

    def test_no_subclass_slips_through(self) -> None:
        class Loud(str):
            pass

        class Odd(int):
            pass

        for field, value in (("name", Loud("ana")), ("age", Odd(3))):
            with self.assertRaises(Invalid):
                checked(User, **{field: value})


class CheckedTests(SynchronousTestCase):
    """What `checked` promises of several values."""

    def test_gives_all_values_back(self) -> None:
        values: dict[str, Any] = {"name": "Ana", "age": 30}
        self.assertEqual(checked(User, **values), values)
        self.assertEqual(checked(User), {})

    def test_names_the_first_field_that_is_wrong(self) -> None:
        with self.assertRaises(Invalid) as caught:
            checked(User, name="Ana", age=-1, email="none")
        self.assertEqual(caught.exception.field, "age")

    def test_tells_people_what_would_be_right(self) -> None:
        told: dict[tuple[type[Record], str], str] = {
            (User, "name"): "a text of 1 to 200 characters",
            (User, "age"): "a whole number from 0 to 150",
            (Client, "cpf"): "a text of 14 characters like 454.090.000-00",
            (Client, "balance"): "an amount from 0.00 to 99999999.99 with at most two decimals",
            (Account, "role"): "admin or user",
            (Account, "active"): "true or false",
        }
        for (kind, field), expected in told.items():
            with self.assertRaises(Invalid) as caught:
                checked(kind, **{field: object()})
            self.assertEqual(caught.exception.expected, expected)

    def test_keeps_the_value_out_of_the_error(self) -> None:
        secret = "s3cr3t:hunter2"
        for field in ("login", "role", "company_id", "active"):
            with self.assertRaises(Invalid) as caught:
                checked(Account, **{field: secret})
            self.assertNotIn("hunter2", str(caught.exception) + repr(caught.exception))
            self.assertIsNone(caught.exception.__context__)


class RecordTests(SynchronousTestCase):
    """A record is a value."""

    def test_cannot_be_changed(self) -> None:
        message = Message(id=1, rev=1, data="x")
        with self.assertRaises(attrs.exceptions.FrozenInstanceError):
            message.data = "y"  # type: ignore[misc]
        self.assertEqual(message, Message(id=1, rev=1, data="x"))
        self.assertNotEqual(message, Message(id=1, rev=2, data="x"))

    def test_does_not_show_its_secrets(self) -> None:
        account = Account(
            id=1,
            rev=1,
            login="ana",
            password_hash="$argon2$",
            role="user",
            company_id=1,
            active=True,
        )
        session = Session(
            id=1,
            rev=1,
            token_hash="f" * 64,
            account_id=1,
            dialect="way",
            address="",
            created_at=MOMENT,
            used_at=MOMENT,
        )
        self.assertNotIn("argon2", repr(account))
        self.assertNotIn("ffff", repr(session))


class DescribeTests(SynchronousTestCase):
    """What the stores read of a kind."""

    def test_uniques_and_how_they_are_compared(self) -> None:
        uniques: dict[type[Record], dict[str, Callable[[Any], Any]]] = {
            User: {},
            Message: {},
            Client: {"email": caseless, "cpf": exactly},
            Address: {},
            Product: {"name": exactly},
            InventoryItem: {},
            Company: {"name": caseless},
            Account: {"login": caseless},
            Session: {"token_hash": exactly},
            LoginFailures: {"key": exactly},
            KeptAnswer: {"key": exactly},
            Usage: {"key": exactly},
        }
        self.assertEqual({kind: dict(describe(kind).uniques) for kind in KINDS}, uniques)

    def test_case_is_folded_beyond_ascii(self) -> None:
        for one, other in (("É@x", "é@X"), ("STRASSE", "straße"), ("ΣΑΣ", "σας")):
            self.assertEqual(caseless(one), caseless(other))
            self.assertNotEqual(exactly(one), exactly(other))
        self.assertNotEqual(caseless("É"), caseless("E"))

    def test_references_from_both_ends(self) -> None:
        references = {
            (kind, name, reference.kind, reference.cascade)
            for kind in KINDS
            for name, reference in describe(kind).references.items()
        }
        self.assertEqual(
            references,
            {
                (Address, "client_id", Client, True),
                (InventoryItem, "client_id", Client, True),
                (InventoryItem, "product_id", Product, True),
                (Account, "company_id", Company, False),
                (Session, "account_id", Account, True),
            },
        )
        backwards = {
            (other, name, kind, cascade)
            for kind in KINDS
            for other, name, cascade in describe(kind).referred_by
        }
        self.assertEqual(backwards, references)

    def test_every_reference_is_indexed_and_refers_to_an_earlier_kind(self) -> None:
        for kind in KINDS:
            for name, reference in describe(kind).references.items():
                self.assertIn(name, describe(kind).indexed)
                self.assertLess(KINDS.index(reference.kind), KINDS.index(kind))
        self.assertEqual(describe(Account).indexed, ("role", "company_id"))

    def test_logins_are_not_journaled_and_everything_else_is(self) -> None:
        self.assertEqual(
            [kind for kind in KINDS if not describe(kind).journaled],
            [Session, LoginFailures, KeptAnswer, Usage],
        )
        self.assertEqual(
            [describe(kind).name for kind in (User, LoginFailures)], ["User", "LoginFailures"]
        )
