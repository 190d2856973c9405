"""What operations return, beside records and what each module defines: the dialects need not know where it is from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from sockcrud.stores.interfaces import Change, Listing, R

__all__ = ["Change", "Given", "Listing"]


class Given(Generic[R]):
    """A `Listing` of records that are at hand already."""

    def __init__(self, records: Sequence[R]) -> None:
        self._records = records
        self.ended = not records

    def __aiter__(self) -> Given[R]:
        return self

    async def __anext__(self) -> Sequence[R]:
        if self.ended:
            raise StopAsyncIteration
        self.ended = True
        return self._records

    def close(self) -> None:
        self.ended = True
