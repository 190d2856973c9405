"""The OpenAPI 3.1 description of the HTTP dialects, made from the routing tables that serve
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from attrs import frozen

import sockcrud
from sockcrud.identity.passwords import LEAST_CHARACTERS
from sockcrud.rest.routes import JSON, PARAMETER, SAFE, Route, Routes, Schema, is_whole
from sockcrud.rest.schemas import ID, SECRET, TEXT

_Object = dict[str, Any]

_ANY_TYPE: Final = "*/*"
_EVERYWHERE: Final = (414, 421, 500, 503)
"""A target that is too long, a host that is not served, a fault of ours, too much to do: any
request may meet these.
"""
_ID_IN_PATH: Final[Schema] = {**ID, "minimum": 0}
_CONDITIONS: Final = tuple(
    {"name": name, "in": "header", "description": says, "schema": TEXT}
    for name, says in (
        ("If-Match", "the ETag that the record is to have still"),
        ("If-None-Match", "the ETag that the record is not to have any more"),
    )
)

_ONCE: Final[_Object] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "a new random text for each request: sent again, the request gets the same"
    " answer, and is not carried out twice",
    "schema": {**TEXT, "minLength": 1, "maxLength": 257},
}


@frozen
class Part:
    """One table of routes in the description. `doors` are the listeners that serve it."""

    name: str
    about: str
    routes: Routes
    error: Schema
    doors: tuple[str, ...]
    tokens: str | None
    """The dialect whose tokens are asked for, None where the path holds the session."""
    no_token: int = 401
    """The status where such a token is not there, or is dead."""
    basic: tuple[str, ...] = ()
    """The paths where the login name and the password come by HTTP Basic."""
    basic_too: bool = False
    """Whether these may come everywhere in the place of a token."""
    error_type: str = JSON
    """The type of the body of an error."""


def description(
    urls: Mapping[str, str],
    parts: Sequence[Part],
    kinds: Sequence[str],
    min_password: int = LEAST_CHARACTERS,
) -> bytes:
    """Return the description of what is served.

    `urls` has, by their names, where the dialects that listen are reached, and `kinds` the names of
    the kinds of record in use, to which `sockcrud.rest.schemas.KIND` refers, as `NEW_PASSWORD` does
    to the characters of a password.
    """
    served = [part for part in parts if any(door in urls for door in part.doors)]
    paths: dict[str, _Object] = {}
    for part in served:
        servers = [{"url": urls[door]} for door in part.doors if door in urls]
        for path, route in _operations(part):
            method, described = (
                route.method.lower(),
                {**_operation(part, path, route), "servers": servers},
            )
            if method in paths.get(path, ()):
                path = f"{path}#{part.name}"  # another dialect has it too, on a port of its own
            paths.setdefault(path, {})[method] = described
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "sockcrud",
                "version": sockcrud.__version__,
                "description": "Several systems of records, each behind a port of its own, on "
                "one store.",
            },
            "tags": [{"name": part.name, "description": part.about} for part in served],
            "paths": paths,
            "components": {
                "schemas": {
                    "kind": {**TEXT, "enum": kinds},
                    "new_password": {**SECRET, "minLength": min_password},
                    **{f"{part.name}_error": part.error for part in served},
                },
                "securitySchemes": _security_schemes(served),
            },
        }
    )


def _operations(part: Part) -> Iterator[tuple[str, Route]]:
    for route in part.routes.all:
        for path in (route.path, *route.also):
            yield path, route


def _security_schemes(parts: Sequence[Part]) -> _Object:
    schemes: _Object = {
        f"{part.tokens}_token": {
            "type": "http",
            "scheme": "bearer",
            "description": f"a token of a login at {part.tokens}",
        }
        for part in parts
        if part.tokens is not None
    }
    if any(part.basic or part.basic_too for part in parts):
        schemes["password"] = {"type": "http", "scheme": "basic"}
    return schemes


def _operation(part: Part, path: str, route: Route) -> _Object:
    made: _Object = {
        "operationId": "_".join([part.name, route.method.lower(), *re.findall(r"\w+", path)]),
        "summary": route.summary,
        "tags": [part.name],
        "responses": _responses(part, route),
    }
    if parameters := _parameters(path, route):
        made["parameters"] = parameters
    if route.body is not None:
        content = {type: {"schema": route.body} for type in route.takes or (_ANY_TYPE,)}
        made["requestBody"] = {"required": True, "content": content}
    if path in part.basic:
        made["security"] = [{"password": []}]
    elif route.login and part.tokens is not None:
        made["security"] = [
            {f"{part.tokens}_token": []},
            *([{"password": []}] if part.basic_too else []),
        ]
    return made


def _parameters(path: str, route: Route) -> list[_Object]:
    parameters: list[_Object] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _ID_IN_PATH if is_whole(name) else TEXT,
        }
        for name in PARAMETER.findall(path)
    ]
    for name, schema in route.query.items():
        parameters.append(
            {"name": name, "in": "query", "required": name in route.needed, "schema": schema}
        )
    if route.if_match or route.reads_one:
        parameters += _CONDITIONS
    if route.once:
        parameters.append(_ONCE)
    return parameters


def _responses(part: Part, route: Route) -> _Object:
    responses: _Object = {}
    headers = {name: {"description": says, "schema": TEXT} for name, says in route.headers.items()}
    for status, schema in route.answers.items():
        response: _Object = {"description": HTTPStatus(status).phrase}
        if headers:
            response["headers"] = headers
        if schema is not None:
            response["content"] = {route.gives.partition(";")[0]: {"schema": schema}}
        responses[str(status)] = response
    if route.reads_one:
        responses["304"] = {"description": HTTPStatus(304).phrase}
    for status in _errors(part, route):
        response = responses.setdefault(str(status), {"description": HTTPStatus(status).phrase})
        if route.method == "HEAD":
            continue
        error = {"$ref": f"#/components/schemas/{part.name}_error"}
        content = response.setdefault("content", {})
        type = part.error_type
        content[type] = {
            "schema": {"anyOf": [content[type]["schema"], error]} if type in content else error
        }
    return dict(sorted(responses.items()))


def _errors(part: Part, route: Route) -> list[int]:
    statuses = {*route.errors, *_EVERYWHERE}
    if route.method not in SAFE:
        statuses.add(403)  # of a web page of another origin
    if any(map(is_whole, PARAMETER.findall(route.path))):
        statuses.add(404)  # a number beyond 64 bits names no path
    if route.reads_one:
        statuses.add(412)
    if route.once:
        statuses |= {400, 409, 422}
    if route.login and part.tokens is not None:
        statuses.add(part.no_token)
    if route.body is not None:
        statuses |= {400, 413, 415} if route.takes else {400, 413}
        if part.tokens is not None:  # `way` words it with 200, as all its refusals
            statuses.add(507)
    if route.if_match:
        statuses.add(412)
    if route.query:
        statuses.add(400)
    return sorted(statuses)
