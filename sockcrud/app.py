"""What an app declares, and the apps in use together.

An app is one system that sockcrud serves: its records, the dialects that clients reach them by, and
what the command line, the client and the monitor get of it. The core knows no app: settings, flags,
banner, metrics, OpenAPI, help and monitor follow from what the apps in use declare here.

This module and an app's declaration are imported by every command, `sockcrud --help` included, so
they are light. What only some need is named as "module:attribute", and imported by whoever uses it:
a daemon imports no commands, the command line no dialects. An app in one file of its own may give
the thing itself instead.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast

from attrs import Factory, field, frozen

from sockcrud.setting import ConfigError

if TYPE_CHECKING:
    import click
    from twisted.internet.interfaces import IProtocolFactory

    from sockcrud.access import Access
    from sockcrud.journal.reading import Reading
    from sockcrud.journal.translating.sayings import Sayings
    from sockcrud.records import Record
    from sockcrud.records.schema import Schema
    from sockcrud.rest.openapi import Part
    from sockcrud.serving import Serving
    from sockcrud.setting import Setting
    from sockcrud.storage.contract import IStore

T = TypeVar("T")


@frozen
class Made(Generic[T]):
    """A thing that is made when it is asked for."""

    make: Callable[[], T]


Lazy: TypeAlias = str | Made[T] | T
"""The thing itself, or where it is: "module:attribute", or how it is made."""

Example = tuple["type[Record]", int, Mapping[str, Any]]
"""A record that `--demo` brings: its kind, its id, its fields."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NAME_SAYS: Final = "small letters, digits and single hyphens, at most 40"
_LONGEST_NAME: Final = 40
"""As long as a session can name a dialect."""
_CORE: Final = str(Path(__file__).parent)
_KINDS_OF_THE_CORE: Final = (
    "Company",
    "Account",
    "Session",
    "LoginFailures",
    "KeptAnswer",
    "Usage",
)


def resolve(lazy: Lazy[T]) -> T:
    """Return the thing, imported where it is named."""
    if isinstance(lazy, Made):
        return lazy.make()
    if not isinstance(lazy, str):
        return lazy
    module, _, attribute = lazy.partition(":")
    return cast(T, getattr(import_module(module), attribute))


@frozen(eq=False)
class Place:
    """Where something is declared: a line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        file = self.file.removeprefix(str(Path.cwd()) + os.sep)
        return f"{file}:{self.line}" if self.line else file


class AppError(ConfigError):
    """An app that cannot be used, in one line: where it is declared, what is wrong, and what would
    be right.
    """

    def __init__(self, place: object, wrong: str) -> None:
        super().__init__(f"{place}: {wrong}")


def caller() -> Place:
    """Return the line that calls into this package: where an app's author declares something."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_of_the_core(frame.f_code.co_filename):
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


def _is_of_the_core(file: str) -> bool:
    return file.startswith("<") or (file.startswith(_CORE) and "/apps/" not in file[len(_CORE) :])


@frozen(eq=False)
class Dialect:
    """One wire format of an app, behind a port of its own."""

    name: str
    endpoint: str
    """Where it listens unless set otherwise: an endpoint description."""
    about: str
    """What the help says of the setting of that."""
    factory: Lazy[Callable[[Serving], IProtocolFactory]]
    """Makes what makes its connections: a protocol factory that is named after the dialect, for it
    is named in the log.
    """
    login: str | None = None
    """The dialect whose sessions open it; None where whoever reaches it may do all that it offers.
    """
    session_in_path: bool = False
    """Whether the session stands in the URL, and in no header field."""
    json_lines: bool = False
    """Whether requests and answers are JSON, a line each: `sockcrud send` sends such lines as they
    stand.
    """
    samples: Lazy[Sequence[str]] = ()
    """Such lines, one of each operation, for `sockcrud send` to complete."""
    together: str = ""
    """The dialect that serves this one too, with others of the app on one port: commands look there
    unless told otherwise.
    """
    sign_up: bool = False
    """Whether people make accounts for themselves here, while sign-up is open."""
    trial: str = ""
    """A command that shows, typed in another terminal, that it is there; HOST:PORT or HOST PORT in
    it stand for its address.
    """
    openapi: Lazy[Part] | None = None
    """Its part of the API description; None for what speaks no HTTP, or serves the parts of others.
    """
    idle: str = ""
    """Seconds without a request after which a connection is closed, as the setting says it; empty:
    as for all dialects.
    """
    reading: Lazy[Reading] | None = None
    """How the journal reads its bytes and what it shows of them; None for HTTP, which its `openapi`
    tells, and for what is shown without any word of it."""
    sayings: Lazy[Sayings] | None = None
    """Its operations in other words: as commands, as calls, as requests of other dialects."""
    unrecorded: tuple[str, ...] = ()
    """How the paths begin of requests that the journal leaves out."""
    privileged: bool = False
    """Whether the daemon is administered here: connections are kept free for it, and web pages may
    call it only from origins of its own setting."""
    place: Place = field(factory=caller, init=False)

    @property
    def setting(self) -> str:
        """The name of the setting that says where it listens."""
        return self.name.replace("-", "_")

    @property
    def port(self) -> int | None:
        """The TCP port that it has by default."""
        return tcp_port(self.endpoint)


def tcp_port(endpoint: str) -> int | None:
    """Return the TCP port that an endpoint description names."""
    found = re.match(r"(?:tcp6?|ssl|tls):(?:port=)?([0-9]{1,5})(?=:|$)", endpoint)
    return None if found is None else int(found[1])


@frozen(eq=False)
class Command:
    """A command of the command line, or a group of them."""

    name: str
    command: Lazy[click.Command]
    help: str
    """What the help of `sockcrud` says of it, in a line."""
    title: str = "The dialects, as their users"
    """Under which title the help has it."""


@frozen(eq=False, kw_only=True)
class Editing:
    """What an admin may do to the records of a kind: operations of the app, which keep its rules.

    Each takes the principal, then the id but for `create`, then values by their names, as JSON has
    them; `change` and `delete` also `expect`, the revision that the record must be at. None stands
    for what nobody may.
    """

    create: Callable[..., Awaitable[Record]] | None = None
    created: tuple[str, ...] = ()
    """The fields that `create` takes, all of them. An `id` too, where clients choose the ids."""
    change: Callable[..., Awaitable[Record]] | None = None
    changed: tuple[str, ...] = ()
    """The fields that `change` takes, all of them."""
    delete: Callable[..., Awaitable[None]] | None = None


@frozen(eq=False, kw_only=True)
class Contents:
    """What an app brings, all of it or a part."""

    records: Sequence[str | type[Record]] = ()
    """The kinds of its records, what is referred to before what refers to it."""
    dialects: Sequence[Dialect] = ()
    client: Lazy[Any] | None = None
    """Its client."""
    commands: Sequence[Command] = ()
    checks: Mapping[str, Lazy[Any]] = Factory(dict)
    """The monitor's check of each dialect, by the dialect's name."""
    examples: Lazy[Sequence[Example]] = ()
    """The records that `--demo` brings."""
    editing: Mapping[str, Lazy[Callable[[Access, IStore], Editing]]] = Factory(dict)
    """What admins may do to its records, by the names of the kinds. What is not there they may
    only look at.
    """
    settings: Sequence[Setting] = ()
    """Its own settings, beyond where its dialects listen and how long a connection may be idle
    there.
    """


class Declares(Protocol):
    """Something that knows what an app brings once it knows the app's name, as `crud(Record)`
    does.
    """

    def contents(self, app: str) -> Contents:
        """Return what an app of this name gets of it; raise AppError."""


class App:
    """A system: a name, and what it brings, by itself (`contents`) and by `parts`."""

    def __init__(self, name: str, *parts: Declares, about: str = "", **contents: Any) -> None:
        self.place = caller()
        if _NAME.fullmatch(name) is None or len(name) > _LONGEST_NAME:
            raise AppError(self.place, f"the name {name!r} of an app: expected {_NAME_SAYS}")
        self.name = name
        self.about = about
        self._contents = (Contents(**contents), *(part.contents(name) for part in parts))

    def __repr__(self) -> str:
        return f"App({self.name!r})"

    @property
    def records(self) -> tuple[type[Record], ...]:
        """The kinds of its records, imported."""
        return tuple(resolve(kind) for each in self._contents for kind in each.records)

    @property
    def names_of_records(self) -> tuple[str, ...]:
        """The names of the kinds, none of them imported."""
        kinds = (kind for each in self._contents for kind in each.records)
        return tuple(
            kind.rpartition(":")[2] if isinstance(kind, str) else kind.__name__ for kind in kinds
        )

    @property
    def dialects(self) -> tuple[Dialect, ...]:
        """Its dialects."""
        return tuple(dialect for each in self._contents for dialect in each.dialects)

    @property
    def client(self) -> Any:
        """Its client, imported; None where it has none."""
        return next(
            (resolve(each.client) for each in self._contents if each.client is not None), None
        )

    @property
    def commands(self) -> tuple[Command, ...]:
        """Its commands, none of them imported."""
        return tuple(command for each in self._contents for command in each.commands)

    @property
    def checks(self) -> dict[str, Lazy[Any]]:
        """The monitor's check of each of its dialects, none of them imported."""
        return {name: check for each in self._contents for name, check in each.checks.items()}

    @property
    def examples(self) -> tuple[Example, ...]:
        """The records that `--demo` brings, imported."""
        return tuple(example for each in self._contents for example in resolve(each.examples))

    @property
    def editing(self) -> dict[str, Lazy[Callable[[Access, IStore], Editing]]]:
        """What admins may do to its records, by kind, none of it imported."""
        return {kind: lazy for each in self._contents for kind, lazy in each.editing.items()}

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Its own settings."""
        return tuple(setting for each in self._contents for setting in each.settings)


class Apps:
    """The apps in use. Raises AppError where two of them cannot be used together."""

    def __init__(self, apps: Sequence[App]) -> None:
        self._all = tuple(apps)
        _no_two("app", [(app.name, app.place) for app in apps])
        of_the_core = [(name, Place("sockcrud", 0)) for name in _KINDS_OF_THE_CORE]
        _no_two(
            "kind of record",
            of_the_core + [(name, app.place) for app in apps for name in app.names_of_records],
        )
        _no_two("dialect", [(dialect.name, dialect.place) for dialect in self.dialects])
        _no_two("command", [(command.name, app.place) for app in apps for command in app.commands])
        for dialect in self.dialects:
            _check_name(dialect)

    def __iter__(self) -> Iterator[App]:
        return iter(self._all)

    @property
    def dialects(self) -> tuple[Dialect, ...]:
        """The dialects of all apps."""
        return tuple(dialect for app in self._all for dialect in app.dialects)

    def dialect(self, name: str) -> Dialect:
        """Return the dialect of this name; raise KeyError."""
        for dialect in self.dialects:
            if dialect.name == name:
                return dialect
        raise KeyError(name)

    def client_of(self, dialect: str) -> Any:
        """Return the client of the app that has the dialect of this name, imported; raise
        KeyError.
        """
        for app in self._all:
            if any(each.name == dialect for each in app.dialects):
                return app.client
        raise KeyError(dialect)

    @property
    def openapi_parts(self) -> tuple[Part, ...]:
        """The parts of the API description, imported."""
        return tuple(
            resolve(dialect.openapi) for dialect in self.dialects if dialect.openapi is not None
        )

    @cached_property
    def schema(self) -> Schema:
        """The kinds that a store has with these apps. Raises AppError where they do not go
        together, or cannot be had.
        """
        from sockcrud.identity.records import IDENTITY
        from sockcrud.ledger.records import Usage
        from sockcrud.records import DeclarationError
        from sockcrud.records.schema import Schema

        places: dict[str, Place] = {}
        kinds: list[type[Record]] = []
        for app in self._all:
            try:
                kinds += app.records
            except (ImportError, AttributeError) as error:
                raise AppError(app.place, f"a record cannot be imported: {error}") from error
            places |= dict.fromkeys(app.names_of_records, app.place)
        try:
            return Schema((*kinds, *IDENTITY, Usage))
        except DeclarationError as error:
            raise AppError(places[error.kind], str(error)) from error


def _no_two(what: str, named: Sequence[tuple[str, Place]]) -> None:
    places: dict[str, Place] = {}
    for name, place in named:
        if name in places:
            raise AppError(
                place, f"the {what} {name!r} is taken by {places[name]}: expected another name"
            )
        places[name] = place


def _check_name(dialect: Dialect) -> None:
    if _NAME.fullmatch(dialect.name) is None or len(dialect.name) > _LONGEST_NAME:
        raise AppError(
            dialect.place, f"the name {dialect.name!r} of a dialect: expected {_NAME_SAYS}"
        )
