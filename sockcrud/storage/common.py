"""What the stores have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from sockcrud.records import Record

T = TypeVar("T")

Progress = Callable[[int, int], object]


def unheard(done: int, total: int) -> None:
    """A progress that nobody follows: how much is done, and of how much."""


class StoreError(Exception):
    """Why a store cannot be used, in one line for people."""


class PerKind(dict[type[Record], T]):
    """What follows from what a kind declares, made once, when it is first asked for: after that it
    is a lookup as any.
    """

    def __init__(self, make: Callable[[type[Record]], T]) -> None:
        super().__init__()
        self._make: Final = make

    def __missing__(self, kind: type[Record]) -> T:
        made = self[kind] = self._make(kind)
        return made
