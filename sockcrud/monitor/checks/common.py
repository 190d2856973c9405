"""What the checks share: the marks on their records, comparing what was answered, and leaving nothing behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, TypeVar

from attrs import frozen
from twisted.internet.defer import CancelledError

from sockcrud.client.errors import BadAnswer, ClientError, NotFound
from sockcrud.monitor.ports import LONGEST_ANSWER
from sockcrud.monitor.steps import Skipped, Wrong, told

T = TypeVar("T")

MARK: Final = "sockcrud monitor"
SHORT: Final = 1000
"""So many records are listed in each run; where there are more, only where they have to be."""
_TOO_LONG: Final = f"an answer longer than {LONGEST_ANSWER} bytes"
HOST: Final = "monitor.invalid"
"""Where the marked records have their email: a name that nobody can ever own."""


@frozen
class Mark:
    """How the records of one monitor are known at one dialect. Monitors are told apart by the accounts they have."""

    account: str
    dialect: str

    @property
    def key(self) -> str:
        """A short name of the monitor, the same in every run."""
        return sha256(self.account.encode("utf-8", "surrogatepass")).hexdigest()[:10]

    @property
    def text(self) -> str:
        """What stands at the beginning of a name or a text."""
        return f"{MARK} {self.key} {self.dialect}"

    @property
    def email(self) -> str:
        """The email of a record."""
        return f"{self.dialect}.{self.key}@{HOST}"


def expect(what: str, found: object, expected: object) -> None:
    """Fail the step where something else was answered."""
    if found != expected:
        raise Wrong(f"a wrong answer: {what} is {found!r}, and {expected!r} was to be expected")


def expect_fields(what: str, record: object, **expected: object) -> None:
    """Fail the step where a field of the record is another."""
    for name, value in expected.items():
        expect(f"{what}'s {name}", getattr(record, name), value)


async def expect_refusal(what: str, asked: Awaitable[Any], *kinds: type[ClientError]) -> None:
    """Fail the step where what was asked is not refused in one of these ways."""
    try:
        await asked
    except kinds:
        return
    except ClientError as error:
        raise Wrong(
            f"{what} should be refused as {_names(kinds)}, and it is refused as {_names([type(error)])}: {error}"
        ) from None
    raise Wrong(f"{what} should be refused as {_names(kinds)}, and it is not refused")


def _names(kinds: Any) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


class ShortList:
    """A list that is looked through while it is short: nobody fetches a million records every half a minute."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._count: int | None = None

    async def fetch(self, ask: Callable[[], Awaitable[Sequence[T]]], *, anyway: bool = False) -> Sequence[T]:
        """Fire with the list; fail with `Skipped` where it is long, or, if it may be that `anyway`, too long for an answer."""
        if self._count is not None and self._count > SHORT and not anyway:
            raise Skipped(f"there are {self._count:,} {self._what}")
        try:
            found = await ask()
        except BadAnswer as error:
            if str(error) != _TOO_LONG:
                raise
            raise Skipped(f"there are too many {self._what} to look through") from None
        self._count = len(found)
        return found


Take = Callable[[], Awaitable[None]]

NO_ADMIN: Final = "it needs an admin's account: --admin-account and --admin-password-file"


def unless(lacks: Callable[[], str], take: Take) -> Take:
    """Give a step that is skipped where something lacks by the time it is to be taken, in the words for it."""

    async def guarded() -> None:
        if words := lacks():
            raise Skipped(words)
        await take()

    return guarded


async def gone(deleting: Awaitable[object]) -> None:
    """Fire when a record is deleted, or there was none."""
    with suppress(NotFound):
        await deleting


async def all_of(*works: Callable[[], Awaitable[object]]) -> str:
    """Do each of these whatever becomes of the others. Fire with what went wrong, in one line, or with ""."""
    wrong = []
    for work in works:
        try:
            await work()
        except CancelledError:
            raise
        except (ClientError, Wrong, Skipped) as error:
            wrong.append(told(error))
    return "; ".join(dict.fromkeys(wrong))
