"""Routing tables: which method and path does what. They serve the requests, and the API description
is made from them.

A route is declared where it is handled: `@route("GET", "/books/{id}", "Show a book", {200: BOOK})`
above the handler.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import Factory, define, frozen

from sockcrud.protocols.http.connection import Response
from sockcrud.records.constraints import INT64

PARAMETER: Final = re.compile(r"\{(\w+)\}")
_MOST_DIGITS: Final = 19
_DECLARED: Final = "routes_declared"
"""Where a handler has the routes that it handles."""
READING: Final = ("GET", "HEAD")
SAFE: Final = (*READING, "OPTIONS")
"""Methods that change nothing, as RFC 9110 has it."""

JSON: Final = "application/json"

Schema = Mapping[str, Any]
"""A JSON Schema, as OpenAPI 3.1 has it."""


@frozen
class Route:
    """One operation of an HTTP dialect.

    `handle` is a method of the dialect's responder; it gets a `Call`. A path has parameters in
    braces, each a whole part between slashes: one whose name is `id` or ends in `_id` is a whole
    number, and a path with anything else there does not exist.
    """

    method: str
    path: str
    handle: Callable[[Any, Any], Awaitable[Response]]
    summary: str
    answers: Mapping[int, Schema | None]
    """What it answers when all is well, by status: the schema of the body, None for no body."""
    errors: tuple[int, ...] = ()
    """The statuses it fails with, beyond those that every route of its kind may.

    These are 401 where it needs a login, 400, 413 and 415 where it takes a body, and 500 and 503.
    """
    login: bool = True
    body: Schema | None = None
    """What the request's body holds; None where it takes none."""
    query: Mapping[str, Schema] = Factory(dict)
    needed: tuple[str, ...] = ()
    """The values of the query that it cannot do without."""
    also: tuple[str, ...] = ()
    """Other paths that do the same."""
    once: bool = False
    """Whether it honours Idempotency-Key, by `Call.once`, and so may be sent again."""
    if_match: bool = False
    """Whether it changes one record, and so honours If-Match and If-None-Match, and may raise 412.
    """
    changes: bool = Factory(lambda route: route.method not in READING, takes_self=True)
    """False where it only reads, so that it may overlap with others."""
    takes: tuple[str, ...] = (JSON,)
    """The types that the body may have. No type counts as JSON; with none here, whatever is said of
    the body is taken.
    """
    gives: str = JSON
    """The type of what it answers."""
    headers: Mapping[str, str] = Factory(dict)
    """Header fields of the answers, beyond those that all have, and what they say to people."""

    @property
    def reads_one(self) -> bool:
        """Whether it reads one record, and so may be answered with 304 or 412 where the request has
        conditions.
        """
        return self.method == "GET" and "ETag" in self.headers


H = TypeVar("H", bound=Callable[..., Awaitable[Response]])


def route(
    method: str, path: str, summary: str, answers: Mapping[int, Schema | None], **more: Any
) -> Callable[[H], H]:
    """Make a method the handler of a route, which `more` tells of as `Route` has it. It may be that
    of several.
    """

    def declare(handle: H) -> H:
        # Decorators are applied from the last to the first.
        setattr(
            handle,
            _DECLARED,
            (
                Route(method, path, handle, summary, answers, **more),
                *getattr(handle, _DECLARED, ()),
            ),
        )
        return handle

    return declare


def declared_in(responder: type) -> list[Route]:
    """Return the routes of a class: its own in the order of its methods, then those that it
    inherits.
    """
    found: dict[str, tuple[Route, ...]] = {}
    for kind in responder.__mro__:
        for name, value in vars(kind).items():
            found.setdefault(name, getattr(value, _DECLARED, ()))
    return [route for routes in found.values() for route in routes]


@define
class Found:
    """The route of a request, and the parameters of its path."""

    route: Route
    parameters: Mapping[str, Any]


@define
class _Place:
    """What stands at one path: its routes by method."""

    names: tuple[str, ...]
    found: dict[str, Found] = Factory(dict)
    methods: tuple[str, ...] = ()

    def add(self, method: str, found: Found) -> None:
        self.found[method] = found
        methods = {*self.found, "OPTIONS"} | ({"HEAD"} if "GET" in self.found else set())
        self.methods = tuple(sorted(methods))

    def at(self, method: str) -> Found | None:
        found = self.found.get(method)
        return self.found.get("GET") if found is None and method == "HEAD" else found


@define
class _Shape:
    """Paths of as many parts, with the parameters in the same places: what stands there, by the
    parts that are fixed.
    """

    free: tuple[int, ...]
    places: dict[tuple[str | None, ...], _Place] = Factory(dict)


class Routes:
    """A table of routes, found without trying them one by one. `normalize` makes paths one that a
    dialect takes for one.

    Raises ValueError where two routes claim the same method and path.
    """

    def __init__(self, routes: Sequence[Route], normalize: Callable[[str], str] = str) -> None:
        self.all = tuple(routes)
        self._normalize_key = normalize
        self._literal: dict[str, _Place] = {}
        self._ending: dict[
            str, _Place
        ] = {}  # where only the last part is a parameter, as it is of most paths
        self._shapes: dict[int, list[_Shape]] = {}
        for route in routes:
            for path in (route.path, *route.also):
                self._add(path, route)
        self._methods = tuple(
            sorted({"OPTIONS", *(method for place in self._places() for method in place.methods)})
        )

    def _add(self, path: str, route: Route) -> None:
        names = tuple(PARAMETER.findall(path))
        parts = [
            None if PARAMETER.fullmatch(part) else self._normalize_key(part)
            for part in path.split("/")
        ]
        free = tuple(at for at, part in enumerate(parts) if part is None)
        if not names:
            place = self._literal.setdefault(self._normalize_key(path), _Place(()))
        elif free == (len(parts) - 1,):
            place = self._ending.setdefault(
                self._normalize_key(path[: path.rindex("/")]), _Place(names)
            )
        else:
            place = self._shape(len(parts), free).places.setdefault(tuple(parts), _Place(names))
        if place.names != names or len(free) != len(names) or route.method in place.found:
            raise ValueError(
                f"{route.method} {path} is taken, or has other parameters than its fellows"
            )
        place.add(route.method, Found(route, {}))

    def _shape(self, length: int, free: tuple[int, ...]) -> _Shape:
        shapes = self._shapes.setdefault(length, [])
        for shape in shapes:
            if shape.free == free:
                return shape
        shapes.append(_Shape(free))
        return shapes[-1]

    def _places(self) -> list[_Place]:
        shaped = (
            place
            for shapes in self._shapes.values()
            for shape in shapes
            for place in shape.places.values()
        )
        return [*self._literal.values(), *self._ending.values(), *shaped]

    def find(self, path: str, method: str) -> Found | tuple[str, ...] | None:
        """Return the route; the methods there are where this is none of them; None where there is
        no such path.

        A slash at the end makes no difference. HEAD is served by GET where it has no route of its
        own. The path `*` stands for the server as a whole. Of two paths that fit, the one with
        fewer parameters, and those later, counts.
        """
        if path[-1:] == "/" and path != "/":
            path = path[:-1]
        normalize = self._normalize_key
        place = self._literal.get(path if normalize is str else normalize(path))
        if place is not None:
            return place.at(method) or place.methods
        if path == "*":
            return self._methods
        start, _, last = path.rpartition("/")
        place = self._ending.get(start if normalize is str else normalize(start))
        if place is not None and (value := _parameter(place.names[0], last)) is not None:
            found = place.found.get(method) or place.at(method)
            return place.methods if found is None else Found(found.route, {place.names[0]: value})
        return self._with_parameters(path, method)

    def _with_parameters(self, path: str, method: str) -> Found | tuple[str, ...] | None:
        parts = path.split("/")
        for shape in self._shapes.get(len(parts), ()):
            key: list[str | None] = list(map(self._normalize_key, parts))
            for at in shape.free:
                key[at] = None
            place = shape.places.get(tuple(key))
            if place is None:
                continue
            parameters = _parameters(place.names, [parts[at] for at in shape.free])
            if parameters is not None:
                found = place.at(method)
                return place.methods if found is None else Found(found.route, parameters)
        return None


def is_whole(parameter: str) -> bool:
    """Return whether a parameter of this name is a whole number."""
    return parameter == "id" or parameter.endswith("_id")


def _parameters(names: tuple[str, ...], texts: list[str]) -> dict[str, str | int] | None:
    parameters: dict[str, str | int] = {}
    for name, text in zip(names, texts, strict=True):
        value = _parameter(name, text)
        if value is None:
            return None
        parameters[name] = value
    return parameters


def _parameter(name: str, text: str) -> str | int | None:
    """Return the value of a parameter; None where the path does not exist because of it."""
    if not is_whole(name):
        return text
    if len(text) > _MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number in INT64 else None
