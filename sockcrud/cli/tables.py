"""Tables as a terminal has room for them: a line a record, or, where that would cut words in two, a
line a field.

Rows are taken as they come, some at a time: what is shown first does not wait for the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from rich.cells import cell_len, chop_cells

TOGETHER: Final = 100
"""Rows that decide together how wide the columns are."""
_GAP: Final = 2
_BOLD: Final = "\x1b[1;36m"
_PLAIN: Final = "\x1b[0m"


class Table:
    """Makes lines of rows. `right` says which columns are numbers."""

    def __init__(
        self, titles: Sequence[str], width: int, color: bool, right: Sequence[bool] = ()
    ) -> None:
        self._titles = titles
        self._width = width
        self._color = color
        self._right = [*right, *([False] * (len(titles) - len(right)))]

    def lines(self, rows: Iterable[Sequence[str]]) -> Iterator[str]:
        """Yield the lines of these rows; the titles again where columns become wider on the way."""
        coming, before, is_first = iter(rows), None, True
        while some := list(islice(coming, TOGETHER)):
            widths = self._widths(some, before)
            if widths is None:
                for row in some:
                    yield from ([] if is_first else [""])
                    yield from self.record(row)
                    is_first = False
            else:
                if widths != before:
                    yield from self._head(widths)
                for row in some:
                    yield from self._cells(row, widths)
                is_first = False
            before = widths

    def record(self, row: Sequence[str]) -> Iterator[str]:
        """Yield the lines of one row: a line a field."""
        first = max(map(cell_len, self._titles))
        room = max(1, self._width - first - _GAP)
        for title, value in zip(self._titles, row, strict=True):
            for number, line in enumerate(wrapped(value, room)):
                name = self._titled(_padded("" if number else title, first))
                yield f"{name}{' ' * _GAP}{line}".rstrip()

    def _head(self, widths: Sequence[int]) -> Iterator[str]:
        titles = zip(self._titles, widths, self._right, strict=True)
        cells = (_padded(title, width, right) for title, width, right in titles)
        yield self._titled((" " * _GAP).join(cells).rstrip())
        yield "─" * (sum(widths) + _GAP * (len(widths) - 1))

    def _cells(self, row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
        columns = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, columns), default=0)):
            cells = (
                _padded(column[number] if number < len(column) else "", width, right)
                for column, width, right in zip(columns, widths, self._right, strict=True)
            )
            yield (" " * _GAP).join(cells).rstrip()

    def _titled(self, text: str) -> str:
        return f"{_BOLD}{text}{_PLAIN}" if self._color and text else text

    def _widths(
        self, rows: Sequence[Sequence[str]], before: Sequence[int] | None
    ) -> Sequence[int] | None:
        """Return how wide the columns are, None where there is no room for their longest words."""
        columns = list(zip(self._titles, *rows, strict=True))
        wide = [max(map(cell_len, column)) for column in columns]
        if before is not None and all(
            one <= other for one, other in zip(wide, before, strict=True)
        ):
            return before
        room = self._width - _GAP * (len(columns) - 1)
        if sum(wide) <= room:
            return wide
        narrow = [max(map(_longest_word, column)) for column in columns]
        left = room - sum(narrow)
        if left < 0:
            return None
        # Who needs least gets all of it: most columns then have their cells on one line.
        for at in sorted(range(len(columns)), key=lambda at: wide[at] - narrow[at]):
            more = min(wide[at] - narrow[at], left)
            narrow[at] += more
            left -= more
        return narrow


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text, broken between words, and within a word only where it is longer
    than a line; never within what is seen as one letter.
    """
    if cell_len(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        both = f"{line} {word}" if line else word
        if cell_len(both) <= width:
            line = both
            continue
        if line:
            lines.append(line)
        *whole, line = chop_cells(word, width) or [""]
        lines += whole
    return [*lines, line]


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split(" ")))


def _padded(text: str, width: int, right: bool = False) -> str:
    blanks = " " * max(0, width - cell_len(text))
    return blanks + text if right else text + blanks
