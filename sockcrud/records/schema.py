"""A schema: the kinds of record that a store holds, and what refers to what among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

import attrs
from attrs import frozen

from sockcrud.records import Declaration, DeclarationError, Record, describe

R = TypeVar("R", bound=Record)


@frozen
class Kind(Declaration):
    """What a store needs to know of a kind: what it declares, and what refers to it."""

    referred_by: tuple[tuple[type[Record], str, bool], ...]
    """(kind, field, cascade) of every reference to this kind."""


class Schema:
    """Kinds of record, each after those that it refers to. It does not change."""

    def __init__(self, kinds: Iterable[type[Record]]) -> None:
        """Take these kinds, in whatever order; raise `DeclarationError` where they do not go
        together.
        """
        given = tuple(dict.fromkeys(kinds))
        self.kinds: Final[tuple[type[Record], ...]] = tuple(_in_order(given))
        self._described: Final = {kind: _described(kind, self.kinds) for kind in self.kinds}
        self.by_name: Final[Mapping[str, type[Record]]] = MappingProxyType(
            {kind.__name__: kind for kind in self.kinds}
        )
        self.journaled: Final = tuple(kind for kind in self.kinds if describe(kind).journaled)
        """The kinds that `changes(since)` shows, and an export holds."""
        self.describe: Final = self._described.__getitem__
        """Return the `Kind` that a kind is here; raise `KeyError` for one that is not in the
        schema.
        """

    def __iter__(self) -> Iterator[type[Record]]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)

    def __contains__(self, kind: object) -> bool:
        return kind in self._described

    def __repr__(self) -> str:
        return f"Schema({', '.join(self.by_name)})"


def _in_order(kinds: tuple[type[Record], ...]) -> Iterator[type[Record]]:
    """Yield the kinds, what is referred to before what refers to it, otherwise as they come."""
    names: dict[str, type[Record]] = {}
    tables: dict[str, type[Record]] = {}
    for kind in kinds:
        declared = describe(kind)
        for taken, name in ((names, declared.name), (tables, declared.table)):
            if (other := taken.setdefault(name, kind)) is not kind:
                raise DeclarationError(
                    declared.name,
                    None,
                    f"{name} is taken by {_place(other)}, and {_place(kind)} wants it too: "
                    f"rename one",
                )
        for field, reference in declared.references.items():
            if reference.kind not in kinds:
                to = reference.kind.__name__
                raise DeclarationError(
                    declared.name,
                    field,
                    f"it refers to {to}, which is not in use: name {to} as well",
                )
    left = dict.fromkeys(kinds)
    while left:
        # A reference leads to a class that was there before, so there is no ring, and always one
        # that can go on.
        ready = next(
            kind
            for kind in left
            if not any(one.kind in left for one in describe(kind).references.values())
        )
        del left[ready]
        yield ready


def _place(kind: type[Record]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _described(kind: type[Record], kinds: Iterable[type[Record]]) -> Kind:
    declared = {
        field.name: getattr(describe(kind), field.name) for field in attrs.fields(Declaration)
    }
    references = (
        (other, field, refers)
        for other in kinds
        for field, refers in describe(other).references.items()
    )
    return Kind(
        **declared,
        referred_by=tuple(
            (other, field, to.cascade) for other, field, to in references if to.kind is kind
        ),
    )
