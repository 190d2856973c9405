"""What a user does with one record of a kind: create it, read it back, list, change and delete it, and be refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from sockcrud.client.errors import AlreadyExists, NotFound
from sockcrud.monitor.checks.base import Mark, ShortList, expect, expect_fields, expect_refusal, gone, steps_of
from sockcrud.monitor.checks.steps import Step


@frozen
class Calls:
    """The names that the client's calls have for a kind of record."""

    create: str
    get: str
    list: str
    update: str
    delete: str


class RecordSteps:
    """One record of a kind, which is taken away whatever happens.

    A subclass says what it holds; steps of its own come before the record is deleted.
    """

    one: str
    many: str
    calls: Calls
    ours: tuple[str, ...]
    """The fields that say that a record is the monitor's."""
    change: Mapping[str, Any]
    """What is changed of it."""
    is_unique: bool = False
    """Whether creating it again is refused."""
    tries: int = 2
    """How often it is created where something is in its place: leftovers are removed before each further time."""

    def __init__(self, mark: Mark) -> None:
        self.mark: Final = mark
        self._stream = ShortList(self.many)
        self._client: Callable[[], Any] | None = None
        self._made: int | None = None
        self._uncertain = False
        """Whether a record may have been made whose id is not known."""
        self.fields: dict[str, Any] = {}

    def values(self) -> dict[str, Any]:
        """Return the fields of a record to create: some of them carry the mark."""
        raise NotImplementedError

    async def look_up(self, is_there: bool) -> None:
        """See in other ways that the record is there, or not any more."""

    def begin(self, client: Callable[[], Any]) -> Sequence[Step]:
        """Return the steps of a run at a client: another one after the connections were made anew."""
        self._client = client
        self._uncertain = False
        return (
            Step(f"create a {self.one}", self.create),
            *([Step("create it again", self._create_again)] if self.is_unique else []),
            Step(f"read the {self.one}", self._read),
            Step(f"list the {self.many}", self._list),
            Step(f"update the {self.one}", self._update),
            *steps_of(self),
            Step(f"delete the {self.one}", self.delete),
            Step(f"read the deleted {self.one}", self.read_the_deleted),
        )

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
                self._made = made if isinstance(made, int) else made.id  # some wires tell the record, some its id
                break
        self._uncertain = False

    async def delete(self) -> None:
        """Delete it."""
        await self._call(self.calls.delete, self.id)

    async def read_the_deleted(self) -> None:
        """See that it is gone."""
        await expect_refusal(f"reading the deleted {self.one}", self._call(self.calls.get, self.id), NotFound)
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
        await self._call(self.calls.update, self.id, **self.fields)
        await self._expect_fields()

    async def _expect_fields(self) -> None:
        expect_fields(f"the {self.one}", await self._call(self.calls.get, self.id), id=self.id, **self.fields)

    async def _remove(self) -> None:
        if self._made is not None:
            await gone(self.delete())
            self._made = None
        if self._uncertain:
            await self._remove_leftovers()
            self._uncertain = False

    async def _remove_leftovers(self) -> None:
        """Delete what carries the mark."""
        marked = self.values()
        for each in await self._stream.fetch(lambda: self._call(self.calls.list), anyway=True):
            if all(getattr(each, name) == marked[name] for name in self.ours):
                await gone(self._call(self.calls.delete, each.id))

    def _call(self, name: str, /, *given: Any, **named: Any) -> Awaitable[Any]:
        asked: Awaitable[Any] = getattr(self.client, name)(*given, **named)
        return asked
