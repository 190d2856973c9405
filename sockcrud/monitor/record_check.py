"""The check of a record that nobody wrote one for: what it does follows from what the record declares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from sockcrud.client.errors import NotFound, Outdated
from sockcrud.commands import declared
from sockcrud.constraints import Choice, Constraint, Instance, Money, Text, Whole
from sockcrud.monitor.checking import SHORT, Kit, Mark, SystemCheck, expect, expect_refusal, gone, guarded, step
from sockcrud.monitor.record_steps import Calls, RecordSteps
from sockcrud.monitor.steps import Skipped, Step
from sockcrud.records import Record

PAGE: Final = 500


class DeclaredSteps(RecordSteps):
    """A record whose values follow from its constraints: texts that can hold the mark carry it."""

    calls = Calls("create", "get", "list", "update", "delete")

    def __init__(self, record: type[Record], plural: str, mark: Mark) -> None:
        self.one, self.many = record.__name__.lower(), plural
        super().__init__(mark)
        kind = declared.kind(record)
        self._values = {name: _value(bound, mark) for name, bound in kind.constraints.items()}
        marked = [name for name, value in self._values.items() if value in _marks(mark)]
        self._unique = next((name for name in marked if name in kind.uniques), None)
        self.ours = tuple(marked)
        self.is_unique = self._unique is not None
        others = {name: bound for name, bound in kind.constraints.items() if name not in (*marked, *kind.uniques)}
        changed = ((name, _another(bound, self._values[name])) for name, bound in others.items())
        self.change = dict([each for each in changed if each[1] != self._values[each[0]]][:1])
        self._highest = 0

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

    async def _list(self) -> None:
        self._highest = self.id
        page = await self.client.list(after=self.id - 1, limit=1)
        expect(f"the list from this {self.one} on", [each.id for each in page.items], [self.id])

    async def _remove_leftovers(self) -> None:
        if self._unique is not None:
            try:
                found = await self.client.find(**{self._unique: self._values[self._unique]})
            except NotFound:
                return
            await gone(self.client.delete(found.id))
        elif self.ours:
            await self._look_through()

    async def _look_through(self) -> None:
        """Delete what carries the mark and is newer than the record that was made last."""
        after: int | None = self._highest
        for _ in range(SHORT // PAGE):
            page = await self.client.list(after=after, limit=PAGE)
            for each in page.items:
                if all(getattr(each, name) == self._values[name] for name in self.ours):
                    await gone(self.client.delete(each.id))
            if (after := page.next) is None:
                return
        raise Skipped(f"there are too many {self.many} to look through")


class RecordCheck(SystemCheck):
    """Creates a record, creates it again in vain, reads, lists, changes and deletes it.

    A record that refers to others is not created: they are not the monitor's. Its list is asked for.
    """

    def __init__(self, kit: Kit, record: type[Record], plural: str, client: Callable[..., Any]) -> None:
        super().__init__(kit)
        self._make = client
        self._plural = plural
        self._refers = bool(declared.kind(record).references)
        self._record = DeclaredSteps(record, plural, kit.mark)

    def part_steps(self) -> Sequence[Step]:
        steps = self._record.begin(lambda: self.open(self._make))
        lacks = "it refers to other records" if self._refers else ""
        return [Step(f"ask for the {self._plural}", self._ask), *(guarded(step, lambda: lacks) for step in steps)]

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        return self._record.left()

    async def _ask(self) -> None:
        await self.open(self._make).list(limit=1)


def _marks(mark: Mark) -> tuple[str, ...]:
    """Return what can be told as the monitor's, best first: the last is a number, as texts of digits take it."""
    number = str(int(mark.key, 16))
    return (mark.text, mark.email, mark.key, *(number[:length] for length in range(len(number), 7, -1)))


def _value(bound: Constraint, mark: Mark) -> Any:
    if isinstance(bound, Text):
        for text in _marks(mark):
            if bound.fits(text):
                return text
    return declared.parsed(bound, declared.example(bound))


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
