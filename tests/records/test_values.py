# mypy: allow-untyped-calls
"""Values that come from outside in more than one form, and the one form that is kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.shop.values import cep, cpf
from sockcrud.errors import Invalid
from sockcrud.identity.credentials import Digest, Password, Secret
from sockcrud.identity.passwords import digest_of
from sockcrud.records import values


class ValuesTests(SynchronousTestCase):
    def test_money_is_exact(self) -> None:
        for value, kept in {
            0: "0.00",
            30.25: "30.25",
            30.1: "30.10",
            100.0: "100.00",
            99999999.99: "99999999.99",
            99999999: "99999999.00",
            "30.25": "30.25",
            "7": "7.00",
            "7.5": "7.50",
        }.items():
            self.assertEqual(str(values.money("price", value)), kept)

    def test_what_is_no_money(self) -> None:
        floats = (-0.0, -0.01, 0.1 + 0.2, 1e16, 1e-5, 1e8, float("nan"), float("inf"))
        texts = (
            "",
            "-0",
            "-1",
            "+1",
            "1e2",
            "1E2",
            "30.255",
            "30.",
            ".5",
            "30,25",
            " 1",
            "1\n",
            "NaN",
            "٣",
            "100000000",
            "1_0",
        )
        others: tuple[object, ...] = (
            True,
            False,
            None,
            -1,
            10**8,
            10**5000,
            [],
            {},
            Decimal("NaN"),
        )
        for value in (*floats, *texts, *others):
            self.assertRaises(Invalid, values.money, "price", value)

    def test_the_day_is_kept_as_it_is_written(self) -> None:
        for text in (
            "2024-02-29",
            "2024-02-29T00:00",
            "2024-02-29 23:59:59",
            "2024-02-29T23:59:60Z",
            "2024-02-29T23:59:59.123456789-03:00",
            "2024-02-29t00:00:00,5+1400",
        ):
            self.assertEqual(values.day("purchase_date", text), date(2024, 2, 29))

    def test_what_is_no_day(self) -> None:
        for value in (
            "2023-02-29",
            "0000-01-01",
            "2024-13-01",
            "2024-1-1",
            "20240229",
            "2024-W09-4",
            "2024-02-29T",
            "2024-02-29T24:00",
            "2024-02-29T12:60",
            "2024-02-29T12:00+25:00",
            "2024-02-29\n",
            "٢٠٢٤-٠٢-٢٩",
            "Fri, 01 Nov 2024 00:00:00 GMT",
            20240229,
            None,
            True,
        ):
            self.assertRaises(Invalid, values.day, "purchase_date", value)

    def test_eleven_and_eight_digits_get_their_punctuation(self) -> None:
        self.assertEqual((cpf("45409000000"), cep("01310200")), ("454.090.000-00", "01310-200"))
        # Their bounds in the model decide on all else.
        odd: tuple[object, ...] = (
            "454.090.000-00",
            "4540900000",
            "45409000000\n",
            "٤٥٤٠٩٠٠٠٠٠٠",
            45409000000,
            None,
        )
        for value in odd:
            self.assertIs(cpf(value), value)
        for value in ("01310-200", "0131020", 1310200, None):
            self.assertIs(cep(value), value)

    def test_flags(self) -> None:
        self.assertEqual(
            [values.flag(value) for value in (1, 0, True, False)], [True, False, True, False]
        )
        for value in (2, -1, 1.0, "1", "true", None):
            self.assertIs(values.flag(value), value)


class SecretsTests(SynchronousTestCase):
    def test_a_password_and_its_digest_are_the_same_secret(self) -> None:
        digest = digest_of("correct horse")
        secrets: tuple[Secret, ...] = (
            Password("correct horse"),
            Digest(digest),
            Digest(digest.lower()),
        )
        for secret in secrets:
            self.assertEqual((secret.to_compare(), secret.to_keep()), (digest, digest))

    def test_a_short_password_may_be_tried_and_not_be_kept(self) -> None:
        for short in ("", "x"):
            self.assertEqual(Password(short).to_compare(), digest_of(short))
            self.assertRaises(Invalid, Password(short).to_keep)
        self.assertEqual(Password("xy").to_keep(), digest_of("xy"))

    def test_what_is_no_secret(self) -> None:
        for value in (None, 12345, True, "a\x00b", "\ud800x", "x" * (2**20 + 1)):
            self.assertRaises(Invalid, Password(value).to_compare)
            self.assertRaises(Invalid, Password(value).to_keep)
        for value in (None, 12345, "", "A" * 63, "A" * 65, "G" * 64, "A" * 64 + "\n"):
            self.assertRaises(Invalid, Digest(value).to_compare)
            self.assertRaises(Invalid, Digest(value).to_keep)

    def test_neither_shows_itself(self) -> None:
        self.assertNotIn("horse", repr(Password("correct horse")))
        self.assertNotIn("A" * 64, repr(Digest("A" * 64)))
