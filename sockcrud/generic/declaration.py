"""`crud(Record, lines=…, rest=…)`: what an app says to have a record served. Light: what serves is
imported when it serves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from attrs import frozen

from sockcrud.app import (
    AppError,
    Command,
    Contents,
    Dialect,
    Editing,
    Made,
    Place,
    caller,
    tcp_port,
)
from sockcrud.records import Record, describe

if TYPE_CHECKING:
    import click
    from twisted.internet.interfaces import IProtocolFactory

    from sockcrud.access import Access, Principal
    from sockcrud.rest.openapi import Part
    from sockcrud.serving import Serving
    from sockcrud.storage.contract import IStore

Who = Literal["open", "logged in", "admins"]
"""Who may: everybody, whoever has logged in, or admins."""

Wire = Literal["lines", "rest"]

_WHO: Final[tuple[Who, ...]] = get_args(Who)
_PLURAL: Final = re.compile("[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_RESERVED: Final = ("session", "rpc")
"""What methods begin with that are not those of a record: the login, and what JSON-RPC keeps for
itself.
"""


@frozen
class Served:
    """A kind of record, its name in paths and methods, and who may read and write it."""

    kind: type[Record]
    plural: str
    read: Who = "open"
    write: Who = "open"

    @property
    def needs_login(self) -> bool:
        """Whether anything of it is not for everybody."""
        return (self.read, self.write) != ("open", "open")


def crud(
    *kinds: type[Record],
    lines: str = "",
    rest: str = "",
    read: Who = "open",
    write: Who = "open",
    plural: str = "",
) -> Crud:
    """Declare that records of these kinds are served: on `lines` as JSON-RPC 2.0, as `rest` over
    HTTP, or both.

    Each says where it listens unless set otherwise. `read` and `write` say who may, and `plural` is
    the name in paths and methods of one kind for which the English plural is wrong. Raise AppError
    for what cannot be.
    """
    place = caller()
    if not kinds:
        raise AppError(place, "crud() serves nothing: expected a record, as in crud(Book)")
    if not (lines or rest):
        raise AppError(
            place, "crud() listens nowhere: expected lines='tcp:7000', rest='tcp:7001', or both"
        )
    if plural and len(kinds) > 1:
        raise AppError(
            place,
            f"plural={plural!r} for {len(kinds)} records: expected a crud() each for those that "
            f"have a plural of their own",
        )
    for name, who in (("read", read), ("write", write)):
        if who not in _WHO:
            raise AppError(place, f"{name}={who!r}: expected {' or '.join(map(repr, _WHO))}")
    if _WHO.index(write) < _WHO.index(read):
        raise AppError(
            place,
            f"write={write!r} for more than read={read!r}: expected nobody to write who may not "
            f"read",
        )
    return Crud(
        tuple(_served(kind, plural, read, write, place) for kind in kinds), lines, rest, place
    )


def _served(kind: type[Record], plural: str, read: Who, write: Who, place: Place) -> Served:
    if not (isinstance(kind, type) and issubclass(kind, Record)) or kind is Record:
        raise AppError(place, f"crud({kind!r}): expected a class of records, as in crud(Book)")
    plural = plural or describe(kind).table
    if _PLURAL.fullmatch(plural) is None or plural in _RESERVED:
        raise AppError(
            place,
            f"plural={plural!r} of {kind.__name__}: expected small letters, digits, _ or -, as "
            f"in 'books'",
        )
    return Served(kind, plural, read, write)


@frozen
class Crud:
    """The part of an app that serves records; `sockcrud.app.App` asks for its contents."""

    served: Sequence[Served]
    lines: str
    rest: str
    place: Place

    def contents(self, app: str) -> Contents:
        """Return what an app of this name gets of it: the records, and a dialect for each wire."""
        dialects = []
        if self.lines:
            dialects.append(self._dialect(app, f"{app}-lines", self.lines, "JSON-RPC on lines"))
        if self.rest:
            dialects.append(self._dialect(app, f"{app}-rest", self.rest, "REST"))
        wire: Wire = (
            "rest" if self.rest else "lines"
        )  # a login at REST outlives the connection, so that commands can keep it
        asked = dialects[-1]
        return Contents(
            records=[each.kind for each in self.served],
            dialects=dialects,
            client=Made(partial(_client, self.served[0], wire, asked)),
            commands=[
                Command(
                    each.plural,
                    Made(partial(_commands, each, wire, asked)),
                    f"The {each.plural} of {app}.",
                )
                for each in self.served
            ],
            checks={
                dialect.name: Made(
                    partial(
                        _check,
                        self.served[0],
                        "rest" if self.rest and dialect is asked else "lines",
                        dialect,
                    )
                )
                for dialect in dialects
            },
            editing={each.kind.__name__: partial(_editing, each) for each in self.served},
        )

    def _dialect(self, app: str, name: str, endpoint: str, wire: str) -> Dialect:
        plurals = " and ".join(each.plural for each in self.served)
        path = self.served[0].plural
        is_rest = wire == "REST"
        return Dialect(
            name,
            endpoint,
            f"where {plurals} ({wire}) listen",
            partial(_make, self.served, is_rest),
            login=(TOKENS if is_rest else name)
            if any(each.needs_login for each in self.served)
            else None,
            json_lines=not is_rest,
            samples=() if is_rest else Made(partial(_samples, self.served)),
            reading=None if is_rest else Made(partial(_reading, self.served)),
            sayings=Made(
                partial(
                    _sayings,
                    self.served,
                    "rest" if is_rest else "lines",
                    endpoint,
                    is_rest or not self.rest,
                )
            ),
            trial=f"curl http://HOST:PORT/{path}" if is_rest else _TRIAL.replace("PLURAL", path),
            openapi=Made(partial(_part, app, name, self.served)) if is_rest else None,
        )


def _samples(served: Sequence[Served]) -> tuple[str, ...]:
    """Return a request of each operation on lines."""
    found = []
    for each in served:
        fields = dict.fromkeys(describe(each.kind).constraints, "")
        for verb, params in (
            ("list", {"limit": 10, "after": 0}),
            ("get", {"id": 1}),
            ("create", fields),
            ("update", {"id": 1, **fields}),
            ("delete", {"id": 1}),
        ):
            method = f"{each.plural}.{verb}"
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            found.append(json.dumps(request))
    return tuple(found)


def class_name(dialect: str) -> str:
    """Return how the classes of a dialect begin: the log names its factory."""
    return "".join(part.capitalize() for part in dialect.split("-"))


_TRIAL: Final = """echo '{"jsonrpc":"2.0","id":1,"method":"PLURAL.list"}' | nc -N HOST PORT"""

TOKENS: Final = "auth"
"""The dialect whose tokens REST takes."""


def _part(app: str, dialect: str, served: Sequence[Served]) -> Part:
    from sockcrud.generic.rest import PROBLEM, RecordsResponder, routes
    from sockcrud.rest.openapi import Part

    about = f"The {' and '.join(each.plural for each in served)} of {app}"
    error, error_type = RecordsResponder.error_body, PROBLEM.decode()
    return Part(
        dialect,
        about,
        routes(served, {}),
        error,
        (dialect,),
        TOKENS,
        basic_too=True,
        error_type=error_type,
    )


def _reading(served: Sequence[Served]) -> Any:
    from sockcrud.generic.json_lines import method_names
    from sockcrud.journal.reading import RPCReading

    fields = {name for each in served for name in describe(each.kind).constraints}
    secret = {name for each in served for name in describe(each.kind).secrets}
    shown = ("id", "rev", "limit", "after", "login", "role", *fields)
    return RPCReading(method_names(served), shown, ("password", *secret))


def _sayings(served: Sequence[Served], wire: Wire, endpoint: str, has_commands: bool) -> Any:
    from sockcrud.generic.sayings import sayings

    return sayings(served, wire, tcp_port(endpoint), has_commands)


def _client(served: Served, wire: Wire, dialect: Dialect) -> Any:
    from sockcrud.client.blocking import BlockingFace
    from sockcrud.client.record_calls import record_client

    return record_client(BlockingFace, served.kind, served.plural, wire, dialect.port or 0)


def _commands(served: Served, wire: Wire, dialect: Dialect) -> click.Command:
    from sockcrud.cli.records.commands import record_commands

    client = Made(partial(_client, served, wire, dialect))
    return record_commands(
        served.kind, served.plural, client, dialect=dialect.name, login=served.needs_login
    )


def _check(served: Served, wire: Wire, dialect: Dialect) -> Any:
    from sockcrud.client.asynchronous import AsynchronousFace
    from sockcrud.client.record_calls import record_client
    from sockcrud.monitor.checks.record_check import RecordCheck

    client = record_client(AsynchronousFace, served.kind, served.plural, wire, dialect.port or 0)
    login = dialect.login if served.needs_login else None
    for_admins = "admins" in (served.read, served.write)
    return partial(
        RecordCheck,
        record=served.kind,
        plural=served.plural,
        client=client,
        login=login,
        for_admins=for_admins,
    )


def _editing(served: Served, access: Access, store: IStore) -> Editing:
    from sockcrud.generic.operations import Operations
    from sockcrud.records.json_fields import read_fields

    operations, fields = Operations(access, store, served), tuple(describe(served.kind).constraints)

    async def create(principal: Principal, /, **given: Any) -> Record:
        created: Record = await operations.create(principal, read_fields(served.kind, given))
        return created

    async def change(principal: Principal, id: int, /, expect: int, **given: Any) -> Record:
        fields = read_fields(served.kind, given)
        changed: Record = await operations.replace(principal, id, fields, expect)
        return changed

    return Editing(
        create=create, created=fields, change=change, changed=fields, delete=operations.delete
    )


def _make(served: Sequence[Served], is_rest: bool, serving: Serving) -> IProtocolFactory:
    from sockcrud.generic import json_lines, rest

    make: Callable[..., IProtocolFactory] = rest.factory if is_rest else json_lines.factory
    return make(served, serving)
