"""What checks are made of: steps that are methods, connections, marks on records, comparing
answers, leaving nothing behind.

A check is a class with a method for each step, in their order:

    class PingCheck(SystemCheck):
        @step("ask for its health")
        async def ask_for_health(self) -> None:
            expect("the health", await self.open(Shop).health(), "up")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeVar

from attrs import frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime

from sockcrud.client.errors import BadAnswer, ClientError, NotFound
from sockcrud.monitor.checks.accounts import AdminAccount, OwnAccount
from sockcrud.monitor.checks.ports import LONGEST_ANSWER, Ports
from sockcrud.monitor.checks.steps import Skipped, Step, Wrong, format_error

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Awaitable[None]])
T = TypeVar("T")

MARK: Final = "sockcrud monitor"
SHORT: Final = 1000
"""So many records are listed in each run; where there are more, only where they have to be."""
_TOO_LONG: Final = f"an answer longer than {LONGEST_ANSWER} bytes"
HOST: Final = "monitor.invalid"
"""Where the marked records have their email: a name that nobody can ever own."""


@frozen
class Mark:
    """How the records of one monitor are known at one dialect. Monitors are told apart by the
    accounts they have.
    """

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


@frozen
class Kit:
    """What a check is given."""

    name: str
    """The dialect that it checks."""
    ports: Ports
    own: OwnAccount
    admin: AdminAccount | None
    clock: IReactorTime
    patience: float
    """Seconds that looking for leftovers may take in one run."""

    @property
    def mark(self) -> Mark:
        """What its records carry."""
        return Mark(self.own.login, self.name)


# Steps


@frozen
class _Declared:
    name: str
    lacks: Callable[[Any], str]
    when: Callable[[Any], bool]
    last: bool


def step(
    name: str,
    *,
    lacks: Callable[[Any], str] = lambda check: "",
    when: Callable[[Any], bool] = lambda check: True,
    last: bool = False,
) -> Callable[[F], F]:
    """Make a method a step.

    It is skipped where something `lacks` by the time it is to be taken, in the words for it. It is
    there at all only `when` that is so as a run begins. `last` puts it behind the steps of the
    check's parts.
    """

    def declare(method: F) -> F:
        method.declared_step = _Declared(name, lacks, when, last)  # type: ignore[attr-defined]
        return method

    return declare


def steps_of(owner: object, last: bool = False) -> Iterator[Step]:
    """Yield the steps that a class itself declares, in their order."""
    for name, method in vars(type(owner)).items():
        declared = getattr(method, "declared_step", None)
        if isinstance(declared, _Declared) and declared.last is last and declared.when(owner):
            yield guarded(Step(declared.name, getattr(owner, name)), partial(declared.lacks, owner))


def guarded(step: Step, lacks: Callable[[], str]) -> Step:
    """Return a step that is skipped where something lacks by the time it is to be taken, in the
    words for it.
    """

    async def take() -> None:
        if words := lacks():
            raise Skipped(words)
        await step.take()

    return Step(step.name, take)


NO_ADMIN: Final = "it needs an admin's account: --admin-account and --admin-password-file"


def no_admin(check: SystemCheck) -> str:
    """Return why a step is skipped that only an admin can take; "" where there is one."""
    return NO_ADMIN if check.kit.admin is None else ""


class SystemCheck:
    """A check of one dialect: its steps, over connections that are made anew for each run, and once
    more to clean up.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.name = kit.name
        self._opened: dict[tuple[str, str], Any] = {}
        self._tokens: dict[tuple[str, str], str | None] = {}

    def begin(self) -> None:
        """Prepare for a run."""

    def part_steps(self) -> Sequence[Step]:
        """Return the steps of the check's parts."""
        return ()

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        """Return what is to be done after a run, so that nothing is left."""
        return ()

    def steps(self) -> Sequence[Step]:
        self._tokens.clear()
        self.begin()
        return (*steps_of(self), *self.part_steps(), *steps_of(self, last=True))

    async def clean_up(self) -> str:
        await self.close()  # what was asked for and not answered keeps the old connections busy
        works = self.left()
        if not works:
            return ""
        try:
            return await all_of(*works)
        finally:
            await self.close()

    def open(self, kind: Callable[..., C], dialect: str = "", who: str = "") -> C:
        """Return the client of a dialect, else of the one that is checked: one for each of `who`,
        until they are closed.

        It brings the token that the one before had when it was closed.
        """
        key = dialect or self.name, who
        if key not in self._opened:
            made: Any = self.kit.ports.client(kind, key[0])
            if key in self._tokens:
                made.token = self._tokens[key]
            self._opened[key] = made
        client: C = self._opened[key]
        return client

    async def close(self) -> None:
        """Close all connections."""
        opened, self._opened = self._opened, {}
        for key, client in opened.items():
            if hasattr(client, "token"):
                self._tokens[key] = client.token
            await client.close()


# Comparing


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
            f"{what} should be refused as {_names(kinds)}, and it is refused as "
            f"{_names([type(error)])}: {error}"
        ) from None
    raise Wrong(f"{what} should be refused as {_names(kinds)}, and it is not refused")


def _names(kinds: Any) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


class ShortList:
    """A list that is looked through while it is short: nobody fetches a million records every half
    a minute.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._count: int | None = None

    async def fetch(
        self, ask: Callable[[], Awaitable[Sequence[T]]], *, anyway: bool = False
    ) -> Sequence[T]:
        """Return the list; raise `Skipped` where it is long, or, if it may be that `anyway`, too
        long for an answer.
        """
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


async def gone(deleting: Awaitable[object]) -> None:
    """Return when a record is deleted, or there was none."""
    with suppress(NotFound):
        await deleting


async def all_of(*works: Callable[[], Awaitable[object]]) -> str:
    """Do each of these whatever becomes of the others. Return what went wrong, in one line, or with
    "".
    """
    wrong = []
    for work in works:
        try:
            await work()
        except CancelledError:
            raise
        except (ClientError, Wrong, Skipped) as error:
            wrong.append(format_error(error))
    return "; ".join(dict.fromkeys(wrong))
