"""What a user does with one record of a kind: create it, read it back, list, change and delete it,
and be refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from attrs import frozen

from sockcrud.client.calls import PAGE, Page
from sockcrud.client.errors import AlreadyExists, NotFound
from sockcrud.monitor.checks.base import (
    Kit,
    Mark,
    ShortList,
    SystemCheck,
    expect,
    expect_fields,
    expect_refusal,
    gone,
    steps_of,
)
from sockcrud.monitor.checks.steps import Skipped, Step


@frozen
class Calls:
    """The names that the client's calls have for a kind of record; `update` is empty where nothing
    can be changed.
    """

    create: str
    get: str
    list: str
    update: str
    delete: str


class RecordSteps:
    """One record of a kind, which is taken away whatever happens.

    A subclass says what it holds in `values`; steps of its own come before the record is deleted.
    """

    one: str
    many: str
    calls: Calls
    ours: tuple[str, ...]
    """The fields that say that a record is the monitor's."""
    change: Mapping[str, Any] = {}
    """What is changed of it."""
    is_changed_whole: bool = True
    """Whether the wire changes a record as a whole, or what is named of it."""
    is_unique: bool = False
    """Whether creating it again is refused."""
    is_alone: bool = False
    """Whether a check is about this record alone, so that its steps need not name it."""
    tries: int = 2
    """How often it is created where something is in its place: leftovers are removed before each
    further time.
    """

    def __init__(self, mark: Mark) -> None:
        self.mark: Final = mark
        self._stream = ShortList(self.many)
        self._client: Callable[[], Any] | None = None
        self._made: int | None = None
        self._as_made: Any = None
        """The record as creating it told it; None where the wire does not tell it."""
        self._uncertain = False
        """Whether a record may have been made whose id is not known."""
        self.fields: dict[str, Any] = {}

    def values(self) -> dict[str, Any]:
        """Return the fields of a record to create: some of them carry the mark, and `id` among them
        is its id.
        """
        return {}

    def is_ours(self, record: Any) -> bool:
        """Return whether a record is one that the monitor has made."""
        marked = self.values()
        return bool(self.ours) and all(getattr(record, name) == marked[name] for name in self.ours)

    async def look_up(self, is_there: bool) -> None:
        """See in other ways that the record is there, or not any more."""

    def begin(self, client: Callable[[], Any]) -> Sequence[Step]:
        """Return the steps of a run at a client: another one after the connections were made
        anew.
        """
        self._client = client
        self._uncertain = False
        create, one, many = (
            self.calls.create if self.is_alone else "create",
            f"the {self.one}",
            f"the {self.many}",
        )
        again = f"{create} again" if self.is_alone else "create it again"
        return (
            Step(self._called(create, f"a {self.one}"), self.create),
            *([Step(again, self._create_again)] if self.is_unique else []),
            Step(self._called("read", one), self._read),
            Step(self._called("list", many), self._list),
            *([Step(self._called("update", one), self._update)] if self.calls.update else []),
            *steps_of(self),
            Step(self._called("delete", one), self.delete),
            Step(self._called("read the deleted", self.one), self.read_the_deleted),
        )

    def _called(self, verb: str, what: str) -> str:
        return verb if self.is_alone else f"{verb} {what}"

    @property
    def client(self) -> Any:
        """The client of the run."""
        assert self._client is not None
        return self._client()

    @property
    def id(self) -> int:
        """The id of the record that the step before has made."""
        assert self._made is not None
        return self._made

    async def create(self) -> None:
        """Create it, in the place of one that an earlier check has left."""
        for more in range(self.tries - 1, -1, -1):
            self.fields = self.values()
            self._uncertain = True
            try:
                made = await self._call(self.calls.create, **self.fields)
            except AlreadyExists:
                if not more:
                    raise
                await self._remove_leftovers()
            else:
                self._take(made)
                break
        self._uncertain = False
        if self._as_made is not None:
            expect_fields(f"the {self.one}", self._as_made, **self.fields)

    def _take(self, made: Any) -> None:
        """Keep what is told of the new record: some wires tell it whole, some its id, and some
        nothing.
        """
        self._as_made = None if made is None or isinstance(made, int) else made
        self._made = (
            self.fields["id"] if made is None else made if isinstance(made, int) else made.id
        )

    async def delete(self) -> None:
        """Delete it."""
        await self._call(self.calls.delete, self.id)

    async def read_the_deleted(self) -> None:
        """See that it is gone."""
        await expect_refusal(
            f"reading the deleted {self.one}", self._call(self.calls.get, self.id), NotFound
        )
        await self.look_up(False)
        self._made = None

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        """Return what is to be done so that nothing of the steps is left."""
        return [self._remove] if self._made is not None or self._uncertain else []

    async def _create_again(self) -> None:
        creating = self._call(self.calls.create, **self.fields)
        await expect_refusal(f"a second one of this {self.ours[0]}", creating, AlreadyExists)

    async def _read(self) -> None:
        await self._expect_fields()
        await self.look_up(True)

    async def _list(self) -> None:
        listed = await self._stream.fetch(lambda: self._call(self.calls.list))
        found = [getattr(each, self.ours[0]) for each in listed if each.id == self.id]
        expect(f"the {self.one}'s place in the list", found, [self.fields[self.ours[0]]])

    async def _update(self) -> None:
        self.fields |= self.change
        changed = await self._call(
            self.calls.update, self.id, **(self.fields if self.is_changed_whole else self.change)
        )
        if changed is not None:
            expect_fields(f"the changed {self.one}", changed, id=self.id, **self.fields)
        self._as_made = changed
        await self._expect_fields()

    async def _expect_fields(self) -> None:
        found = await self._call(self.calls.get, self.id)
        expect_fields(f"the {self.one}", found, **{"id": self.id, **self.fields})
        if self._as_made is not None:
            expect(f"the {self.one}", found, self._as_made)

    async def _remove(self) -> None:
        if self._made is not None:
            await gone(self.delete())
            self._made = None
        if self._uncertain:
            await self._remove_leftovers()
            self._uncertain = False

    async def _remove_leftovers(self, anyway: bool = True) -> Sequence[Any]:
        """Delete what carries the mark; return what there was."""
        listed = await self._stream.fetch(lambda: self._call(self.calls.list), anyway=anyway)
        for each in listed:
            if self.is_ours(each):
                await gone(self._call(self.calls.delete, each.id))
        return listed

    def _call(self, name: str, /, *given: Any, **named: Any) -> Awaitable[Any]:
        calling: Awaitable[Any] = getattr(self.client, name)(*given, **named)
        return calling


class PagedSteps(RecordSteps):
    """A record of a kind of which there may be very many, whose lists come in pages. The server
    finds ids, each above the last.

    Leftovers are looked for where there may be any: at the first run, and after one that did not
    end well. That goes on in the next run where it takes longer than the check's patience.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit.mark)
        self._kit = kit
        self._highest = 0
        """The id of the record that was made last: later ones are higher."""
        self._looked_up_to: int | None = 0
        """The id up to which there are no leftovers; None where there are none at all."""

    async def page(self, after: int, limit: int) -> Page[Any]:
        """Return the records behind an id."""
        found: Page[Any] = await self._call(self.calls.list, after=after, limit=limit)
        return found

    def begin(self, client: Callable[[], Any]) -> Sequence[Step]:
        if self._made is not None:  # and could not be deleted
            self._looked_up_to = min(
                self._made - 1, self._made if self._looked_up_to is None else self._looked_up_to
            )
            self._made = None
        steps = super().begin(client)
        return (
            steps
            if self._looked_up_to is None
            else (Step("remove leftovers", self._look_for_leftovers), *steps)
        )

    async def _look_for_leftovers(self) -> None:
        await self._remove_leftovers()

    async def create(self) -> None:
        known = self._looked_up_to
        if known is None:
            self._looked_up_to = self._highest  # until it is known which id it has
        await super().create()
        self._looked_up_to = known

    def _take(self, made: Any) -> None:
        super()._take(made)
        self._highest = self.id

    async def _list(self) -> None:
        page = await self.page(self.id - 1, 1)
        expect(f"the list from this {self.one} on", page.items[:1], [self._as_made])

    async def _remove_leftovers(self, anyway: bool = True) -> Sequence[Any]:
        """Delete what carries the mark, from where it was left off."""
        clock = self._kit.clock
        began = clock.seconds()
        while self._looked_up_to is not None:
            if clock.seconds() - began > self._kit.patience:
                raise Skipped(
                    f"looked through the {self.many} up to id {self._looked_up_to}; the next "
                    f"check goes on"
                )
            page = await self.page(self._looked_up_to, PAGE)
            for each in filter(self.is_ours, page.items):
                await gone(self._call(self.calls.delete, each.id))
            self._looked_up_to = page.next
        return ()


class OneRecordCheck(SystemCheck):
    """A check that is the steps of one record, at a dialect that needs no login."""

    client: ClassVar[Callable[..., Any]]

    def __init__(self, kit: Kit, record: RecordSteps) -> None:
        super().__init__(kit)
        self._record = record

    def part_steps(self) -> Sequence[Step]:
        return self._record.begin(lambda: self.open(type(self).client))

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        return self._record.left()
