"""Tables on terminals of any width: no word is cut in two, no letter either, and the first rows do
not wait for the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from rich.cells import cell_len
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.cli.outcomes import visible
from sockcrud.cli.tables import TOGETHER, Table, wrapped

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
ROWS = [
    ("1", "Ana da Silva", "ana@example.org", "2026-11-22 02:45"),
    ("20", f"Kim {FAMILY} 한글", "kim@example.org", "2026-11-22 02:46"),
]
TITLES = ("id", "name", "email", "created at")


class TableTests(SynchronousTestCase):
    def lines(self, width: int) -> list[str]:
        return list(Table(TITLES, width, False, [True]).lines(ROWS))

    def test_where_there_is_room_a_record_is_a_line(self) -> None:
        self.assertEqual(
            self.lines(80),
            [
                "id  name          email            created at",
                "───────────────────────────────────────────────────",
                " 1  Ana da Silva  ana@example.org  2026-11-22 02:45",
                f"20  Kim {FAMILY} 한글   kim@example.org  2026-11-22 02:46",
            ],
        )

    def test_at_any_width_words_are_whole(self) -> None:
        words = {word for row in ROWS for cell in row for word in cell.split(" ")}
        for width in range(28, 90):
            shown = self.lines(width)
            self.assertLessEqual(max(map(cell_len, shown)), width)
            self.assertLessEqual(words, set(" ".join(shown).split()), width)

    def test_where_words_do_not_fit_side_by_side_a_field_is_a_line(self) -> None:
        self.assertEqual(
            self.lines(30)[:5],
            [
                "id          1",
                "name        Ana da Silva",
                "email       ana@example.org",
                "created at  2026-11-22 02:45",
                "",
            ],
        )

    def test_a_word_longer_than_the_line_is_cut_between_letters(self) -> None:
        self.assertEqual(wrapped("abcdefgh", 3), ["abc", "def", "gh"])
        self.assertEqual(wrapped(FAMILY * 2, 2), [FAMILY, FAMILY])

    def test_the_first_rows_do_not_wait_for_the_last(self) -> None:
        given = 0

        def endless() -> Iterator[tuple[str, ...]]:
            nonlocal given
            for given in count(1):
                yield (str(given),)

        lines = Table(("id",), 80, False).lines(endless())
        self.assertEqual([next(lines) for _ in range(3)], ["id", "───", "1"])
        self.assertEqual(given, TOGETHER)

    def test_wider_rows_behind_get_titles_of_their_own(self) -> None:
        rows = [("a",)] * TOGETHER + [("long",)]
        lines = list(Table(("x",), 80, False).lines(rows))
        self.assertEqual(lines[-3:], ["x", "────", "long"])

    def test_a_joiner_is_shown_between_emoji_only(self) -> None:
        self.assertEqual(visible(FAMILY), FAMILY)
        self.assertEqual(visible("a\u200db"), "a\\u200db")
        self.assertEqual(visible(f"\u200d{FAMILY}\u200d"), f"\\u200d{FAMILY}\\u200d")
