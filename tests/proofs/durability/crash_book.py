"""What was asked of a store, what it acknowledged and what it showed: what it has to hold after a
crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from attrs import Factory, define, frozen


class Broken(Exception):
    """A promise that the daemon did not keep."""


@frozen
class State:
    """One of the states that a record goes through, and how it is read in it: None while it does
    not exist.
    """

    version: int
    shown: Any


NEVER: Final = State(0, None)
GONE: Final = State(1 << 60, None)


@frozen
class Found:
    """A record in the file. A client's addresses are a part of it, so that it is right with all of
    them or not at all.
    """

    id: int
    shown: Any
    parts: Mapping[int, int] = Factory(dict)
    """The ids of the addresses, by their numbers."""


@define
class Entry:
    """A record: the one state it must be in, or two, while the change from one to the other is not
    acknowledged.
    """

    possible: list[State]
    seen: int = 0
    id: int | None = None
    parts: dict[int, int] = Factory(dict)

    @property
    def state(self) -> State:
        return self.possible[-1]


Name = tuple[str, str]
"""A kind, and what tells one record of it from another for good, which its id need not do."""


@define(eq=False)
class Book:
    """Every record that may exist. Each belongs to one connection, which changes nothing of it
    before it has an answer.
    """

    entries: dict[Name, Entry] = Factory(dict)
    owners: dict[tuple[str, int], str] = Factory(dict)
    """Whose each id is, those of records that are gone as well."""
    tokens: dict[str, bool] = Factory(dict)
    """Whether each must work. One whose end is asked for and not acknowledged is in here no more.
    """
    accounts: list[str] = Factory(list)
    asked: int = 0
    acknowledged: int = 0
    in_doubt: int = 0
    shown: int = 0
    _lock: Lock = Factory(Lock)

    def begin(self, name: Name, state: State) -> None:
        """Note that the change to this state is about to be asked for."""
        with self._lock:
            self.entries.setdefault(name, Entry([NEVER])).possible.append(state)
            self.asked += 1

    def acknowledge(self, name: Name, id: int | None = None) -> None:
        """Note that it was answered as done, with this id if that is a new one."""
        with self._lock:
            entry = self.entries[name]
            entry.possible = entry.possible[-1:]
            self.acknowledged += 1
        if id is not None:
            entry.id = id
            self.own(name[0], id, name[1])

    def own(self, kind: str, id: int, owner: str) -> None:
        """Note whose this id is. Raise `Broken` where it was another's."""
        with self._lock:
            if (first := self.owners.setdefault((kind, id), owner)) != owner:
                raise Broken(f"id {id} of {kind} was given to {first} and to {owner}")

    def see(self, name: Name, version: int) -> None:
        """Note that somebody was shown the record in this version or, having looked for it, in
        none.
        """
        with self._lock:
            self.shown += 1
            if entry := self.entries.get(name):
                entry.seen = max(entry.seen, version)
            elif version < GONE.version:
                raise Broken(f"{name} is shown, and is gone or was never asked for")

    def alive(self, kind: str, prefix: str) -> list[str]:
        """Return the names of the records that exist and have no change under way."""
        with self._lock:
            return [
                tag
                for (of, tag), entry in self.entries.items()
                if of == kind
                and tag.startswith(prefix)
                and len(entry.possible) == 1
                and entry.state.shown is not None
            ]

    def some_id(self, kind: str, pick: int) -> tuple[str, int] | None:
        """Return a record that has had an id, and the id."""
        with self._lock:
            known = [
                (tag, entry.id)
                for (of, tag), entry in self.entries.items()
                if of == kind and entry.id is not None
            ]
        return known[pick % len(known)] if known else None

    def settle(self, found: Mapping[Name, Found]) -> None:
        """Hold all that was found after a crash against this; raise `Broken`. What was in doubt is
        so no more.
        """
        for name in found.keys() - self.entries.keys():
            raise Broken(f"{name} is back, or nobody asked for it: {found[name]}")
        for name, entry in list(self.entries.items()):
            there = found.get(name)
            shown = None if there is None else there.shown
            self.in_doubt += len(entry.possible) > 1
            fitting = [state for state in entry.possible if state.shown == shown]
            if not fitting:
                raise Broken(f"{name} was acknowledged as {entry.possible}, and is {shown}")
            if fitting[-1].version < entry.seen:
                raise Broken(f"{name} was shown in version {entry.seen}, and is {shown}")
            if there is None:
                del self.entries[name]
                continue
            self.own(name[0], there.id, name[1])
            if entry.id not in (None, there.id):
                raise Broken(f"{name} was given the id {entry.id}, and has {there.id}")
            entry.id, entry.parts, entry.possible = there.id, dict(there.parts), fitting[-1:]
            for number, id in there.parts.items():
                self.own("addresses", id, f"{name[1]}/{number}")
