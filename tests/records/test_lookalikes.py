# mypy: allow-untyped-calls
"""Texts that look the same: one account however its name is written, and none that only looks like
it.
"""

from __future__ import annotations

import sys
from typing import Final, Literal
from unicodedata import category, normalize

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.errors import Invalid, Taken
from sockcrud.identity.records import ADMIN
from sockcrud.records.lookalikes import INVISIBLE, caseless
from tests.support.directory_kit import RIGHT, DirectoryCase

FORMS: Final[tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...]] = ("NFC", "NFD", "NFKC", "NFKD")


def everything() -> list[str]:
    return [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


class KeyTests(SynchronousTestCase):
    def test_a_key_is_its_own_key_and_the_same_in_every_form_and_case(self) -> None:
        for character in everything():
            key = caseless(character)
            written = {
                character,
                key,
                *(normalize(form, character) for form in FORMS),
                character.lower(),
                character.casefold(),
            }
            self.assertEqual({caseless(each) for each in written}, {key}, ascii(character))

    def test_names_of_people_are_one_however_they_are_written(self) -> None:
        for name in (
            "José",
            "신호",
            "ÅNGSTRÖM",
            "Straße",
            "Ω",
            "ﬁona",
            "ＡＤＭＩＮ",
            "Đặng",
            "ΌΔΟΣ",
            "ά\u0345",
            "ǅemal",
            "ば",
        ):
            forms = {normalize(form, name) for form in FORMS}
            self.assertEqual({caseless(form) for form in forms}, {caseless(name)})
            self.assertEqual({caseless(form.upper()) for form in forms}, {caseless(name)})

    def test_where_case_alone_was_folded_the_key_is_the_same_for_ordinary_names(self) -> None:
        for name in (
            "Admin",
            "ana@Example.org",
            "José",
            "Ñandú",
            "신호",
            "Иван",
            "Straße",
            "管理员",
            "مدير",
        ):
            self.assertEqual(caseless(name), name.casefold())


class InvisibleTests(SynchronousTestCase):
    def test_every_character_that_controls_or_formats_is_one(self) -> None:
        unseen = [
            each
            for each in everything()
            if category(each) in ("Cc", "Cf", "Zl", "Zp") and not INVISIBLE.match(each)
        ]
        self.assertEqual(list(map(ascii, unseen)), [])


class AccountTests(DirectoryCase):
    """The admin, and who would be taken for the admin."""

    def setUp(self) -> None:
        super().setUp()
        self.have(self.directory.create("admin", RIGHT, role=ADMIN))

    def test_nobody_gets_a_name_that_looks_like_the_admins(self) -> None:
        hidden = ("\u200b", "\u00ad", "\u202e", "\u2066", "\u200d", "\ufe0f", "\U000e0001")
        for name in (
            *(f"adm{each}in" for each in hidden),
            *(f"{each}admin" for each in hidden),
            "\u0430dmin",
            "adm\u0456n",
        ):
            self.refused(self.directory.create(name, RIGHT), Invalid)
        for name in ("ADMIN", "ａｄｍｉｎ", "Ａdmin", "ⓐⓓⓜⓘⓝ", "𝐚𝐝𝐦𝐢𝐧"):
            self.refused(self.directory.create(name, RIGHT), Taken)

    def test_an_account_is_the_same_composed_and_decomposed(self) -> None:
        for name in ("José", "신호", "Đặng", "がく"):
            made = self.have(self.directory.create(normalize("NFD", name), RIGHT))
            self.refused(self.directory.create(normalize("NFC", name), RIGHT), Taken)
            for form in FORMS:
                self.assertEqual(
                    self.have(
                        self.directory.authenticate(normalize(form, name), RIGHT, "192.0.2.1")
                    ),
                    made,
                )
            self.assertEqual(self.account(made.id).login, normalize("NFD", name))  # as it was typed

    def test_a_company_cannot_be_taken_for_another_either(self) -> None:
        self.have(self.directory.create_company("Ofícios"))
        self.refused(self.directory.create_company(normalize("NFD", "OFÍCIOS")), Taken)
        self.refused(self.directory.create_company("Ofí\u200bcios"), Invalid)
