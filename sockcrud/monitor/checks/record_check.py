"""The check of a record that nobody wrote one for: what it does follows from what the record
declares.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sockcrud import loading
from sockcrud.cli.records import declared
from sockcrud.client.errors import NotFound, Outdated
from sockcrud.monitor.checks.accounts import sign_up_elsewhere
from sockcrud.monitor.checks.base import (
    Kit,
    Mark,
    SystemCheck,
    expect,
    expect_refusal,
    guarded,
    no_admin,
    step,
)
from sockcrud.monitor.checks.record_steps import Calls, PagedSteps
from sockcrud.monitor.checks.steps import Skipped, Step
from sockcrud.records import Record
from sockcrud.records.constraints import Choice, Constraint, Instance, Money, Text, Whole


class DeclaredSteps(PagedSteps):
    """A record whose values follow from its constraints: texts that can hold the mark carry it."""

    calls = Calls("create", "get", "list", "update", "delete")

    def __init__(self, record: type[Record], plural: str, kit: Kit) -> None:
        self.one, self.many = record.__name__.lower(), plural
        super().__init__(kit)
        kind = declared.kind(record)
        marks = {name: _marked(bound, kit.mark) for name, bound in kind.constraints.items()}
        marked = [name for name, text in marks.items() if text is not None]
        plain = {
            name: declared.parsed(bound, declared.example(bound))
            for name, bound in kind.constraints.items()
        }
        self._values = {**plain, **{name: marks[name] for name in marked}}
        self._unique = next((name for name in marked if name in kind.uniques), None)
        self.ours = tuple(marked)
        self.is_unique = self._unique is not None
        others = {
            name: bound
            for name, bound in kind.constraints.items()
            if name not in (*marked, *kind.uniques)
        }
        changed = ((name, _another(bound, self._values[name])) for name, bound in others.items())
        self.change = dict([each for each in changed if each[1] != self._values[each[0]]][:1])
        if self.is_unique or not self.ours:
            # a leftover is in the way of the new record; without a mark there is none to be found
            self._looked_up_to = None

    def values(self) -> dict[str, Any]:
        return dict(self._values)

    @step("update what is outdated")
    async def _update_what_is_outdated(self) -> None:
        known = await self.client.get(self.id)
        changing = self.client.update(self.id, rev=known.rev - 1, **self.fields)
        await expect_refusal("a change of an earlier revision", changing, Outdated)

    async def _create_again(self) -> None:
        await super()._create_again()
        assert self._unique is not None
        found = await self.client.find(**{self._unique: self.fields[self._unique]})
        expect(f"the {self.one} with this {self._unique}", found.id, self.id)

    async def _remove_leftovers(self, anyway: bool = True) -> Sequence[Any]:
        if self._unique is None and self.ours:
            return await super()._remove_leftovers(anyway)
        if self._unique is not None:
            with suppress(NotFound):
                found = await self.client.find(**{self._unique: self._values[self._unique]})
                await self.client.delete(found.id)
        self._looked_up_to = None
        return ()


class RecordCheck(SystemCheck):
    """Creates a record, creates it again in vain, reads, lists, changes and deletes it.

    A record that refers to others is not created: they are not the monitor's. Its list is asked
    for. `login` is the dialect whose logins open this one, itself perhaps, which is then a login of
    the connection; `for_admins` says who may.
    """

    def __init__(
        self,
        kit: Kit,
        record: type[Record],
        plural: str,
        client: Callable[..., Any],
        login: str | None = None,
        for_admins: bool = False,
    ) -> None:
        super().__init__(kit)
        self._make = client
        self._plural = plural
        self._refers = bool(declared.kind(record).references)
        self._record = DeclaredSteps(record, plural, kit)
        self.login = login
        self.for_admins = for_admins
        self.logged_in = login is None

    def begin(self) -> None:
        self.logged_in = self.login is None

    @step(
        "log in",
        when=lambda check: check.login is not None,
        lacks=lambda check: no_admin(check) if check.for_admins else "",
    )
    async def _log_in(self) -> None:
        if self.login not in self.kit.ports.places:
            raise Skipped(f"{self.login} is off: there is nowhere to log in")
        await self._enter()
        self.logged_in = True

    def part_steps(self) -> Sequence[Step]:
        steps = [Step(f"ask for the {self._plural}", self._ask)]
        steps += [
            guarded(step, self._refers_to_others) for step in self._record.begin(self._client)
        ]
        return [guarded(step, self._not_logged_in) for step in steps]

    @step(
        "log out",
        when=lambda check: check.login is not None,
        lacks=lambda check: check._not_logged_in(),
        last=True,
    )
    async def _log_out(self) -> None:
        await self._door.log_out()
        self.logged_in = False

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        works = list(self._record.left())
        if self.login is None or not self.logged_in:
            return works
        if self.login == self.name:  # the login went with its connection
            return [self._enter, *works] if works else []
        return [*works, self._log_out]

    async def _ask(self) -> None:
        await self._client().list(limit=1)

    async def _enter(self) -> None:
        door = self._door
        if self.for_admins and self.kit.admin is not None:
            await door.log_in(self.kit.admin.login, self.kit.admin.password)
        else:
            await self.kit.own.log_in(door.log_in, sign_up_elsewhere(self.kit.ports))

    @property
    def _door(self) -> Any:
        """The client that logs in and out."""
        if self.login is None or self.login == self.name:
            return self.open(self._make)
        return self.open(loading.in_use().client_of(self.login), self.login)

    def _client(self) -> Any:
        client = self.open(self._make)
        if self.login not in (None, self.name):
            client.token = self._door.token
        return client

    def _not_logged_in(self) -> str:
        return "" if self.logged_in else "nobody is logged in"

    def _refers_to_others(self) -> str:
        return "it refers to other records" if self._refers else ""


def _marked(bound: Constraint, mark: Mark) -> str | None:
    """Return a text that such a field may hold, and that can be told as the monitor's at this
    dialect; None for none.
    """
    if not isinstance(bound, Text):
        return None
    key = sha256(mark.text.encode()).hexdigest()[:10]
    digits = str(int(key, 16))
    in_shape = re.sub("[0-9]", lambda found: digits[found.start() % len(digits)], bound.looks_like)
    texts = (
        mark.text,
        mark.email,
        key,
        *(digits[:length] for length in range(len(digits), 7, -1)),
        in_shape,
    )
    return next((text for text in texts if text != bound.looks_like and bound.fits(text)), None)


def _another(bound: Constraint, value: Any) -> Any:
    """Return another value that such a field may hold; the same one where there is none."""
    others: tuple[Any, ...] = ()
    if isinstance(bound, Whole):
        others = (value + 1, value - 1)
    elif isinstance(bound, Money):
        others = (Decimal("0.05"),)
    elif isinstance(bound, Choice):
        others = bound.words
    elif isinstance(bound, Instance) and bound.type is bool:
        others = (not value,)
    elif isinstance(bound, Text):
        others = ("another", "x" * bound.shortest)
    return next((other for other in others if other != value and bound.fits(other)), value)
