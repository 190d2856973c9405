"""What joins the transaction of somebody else's change, so that both are there or neither is.

A service that makes a change knows nothing of what its request wants kept beside it: the answer,
for whoever asks again. So that comes to the store by another way: the service's coroutine is
stepped under `joined_by`, and a store that begins an `insert` or a `transact` in one of these steps
asks `take_part` what joins it. There is one such step at a time, as there is one thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, Generic, TypeVar

from sockcrud.records import Record
from sockcrud.storage.contract import ITransaction

T = TypeVar("T")


class Joining(ABC):
    """What joins the first change that is made while it is asked for, and none after that."""

    def __init__(self, kind: type[Record], field: str, value: Any) -> None:
        """`field` of `kind`, a unique one, is what it looks for: a store far away asks for that
        together with what the change needs.
        """
        self.needs: Final = (kind, field, value)
        self._is_taken = False

    @abstractmethod
    async def around(self, transaction: ITransaction, body: Callable[[Any], Awaitable[T]]) -> T:
        """Run the body of the transaction, and what joins it. A store may run this again."""

    def take(self) -> bool:
        """Return whether it joins, which it then does no other."""
        taken, self._is_taken = self._is_taken, True
        return not taken

    async def run(self, transaction: ITransaction, body: Callable[[Any], Awaitable[T]]) -> T:
        """Run the transaction; where it fails, it is the next one that is joined."""
        try:
            return await self.around(transaction, body)
        except BaseException:
            self._is_taken = False
            raise


_current: Joining | None = None


def take_part() -> Joining | None:
    """Return what joins the transaction that begins now, None where nothing does."""
    return _current if _current is not None and _current.take() else None


class joined_by(Generic[T]):
    """The work, stepped with this to join what it changes. It is awaited once."""

    def __init__(self, joining: Joining, work: Coroutine[Any, Any, T]) -> None:
        self._joining = joining
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[Any], Any] = self._work.send
        outcome: Any = None
        while True:
            try:
                awaited = self._stepped(step, outcome)
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                outcome = yield awaited
                step = self._work.send
            except BaseException as error:
                step, outcome = self._work.throw, error

    def _stepped(self, step: Callable[[Any], Any], outcome: Any) -> Any:
        global _current
        outer, _current = _current, self._joining
        try:
            return step(outcome)
        finally:
            _current = outer
