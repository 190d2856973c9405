"""Records as REST: JSON, one path for all of a kind and one for each, errors as RFC 9457 has
them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from sockcrud.access import Principal
from sockcrud.errors import Busy, DomainError, Forbidden, Invalid, NotLoggedIn, Outdated, Taken
from sockcrud.generic import schemas
from sockcrud.generic.declaration import TOKENS, Served, class_name
from sockcrud.generic.operations import Operations
from sockcrud.identity.credentials import Password
from sockcrud.identity.directory import KeptLogin, Logins
from sockcrud.paging import PAGE
from sockcrud.protocols.http.connection import HTTPFactory, Request, Response
from sockcrud.protocols.json.text import decoded_object
from sockcrud.records import Record, describe
from sockcrud.records.json_fields import (
    as_json,
    read_fields,
    read_text,
    unknown,
    whole,
    whole_of_text,
)
from sockcrud.rest.authorization import basic
from sockcrud.rest.errors import SOON, STATUSES, WORDS, retry_after
from sockcrud.rest.etags import etag
from sockcrud.rest.routed import Call, RoutedResponder, Terms, json_response
from sockcrud.rest.routes import JSON, Found, Route, Routes, Schema

if TYPE_CHECKING:
    from sockcrud.serving import Serving

PROBLEM: Final = b"application/problem+json"
MERGE_PATCH: Final = "application/merge-patch+json"

_CHALLENGE: Final = (b"WWW-Authenticate", b'Bearer, Basic realm="sockcrud", charset="UTF-8"')


class NoJSON(DomainError):
    """A body that is no JSON object."""

    outcome = "invalid"


_STATUSES: Final[Mapping[type[DomainError], int]] = {**STATUSES, NoJSON: 400, Invalid: 422}
_DETAILS: Final[Mapping[type[DomainError], str]] = {
    **WORDS,
    NoJSON: "the body is to be a JSON object in UTF-8",
    NotLoggedIn: f"a login is needed: a token of {TOKENS} in Authorization: Bearer, or a name "
    f"and a password in Basic",
    Forbidden: "this account may not do that",
    Outdated: "the record is at another revision than was asked for",
    Busy: "too much is under way: try again in a moment",
}
"""Where the error's own words are none, or are not for everybody."""

_TITLES: Final = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",
    422: "Unprocessable Content",
}
"""The phrases of RFC 9110, which Python has only since 3.13."""


class RecordsResponder(RoutedResponder):
    """Records behind one connection."""

    error_body = schemas.PROBLEM

    def __init__(self, logins: Logins, principal: Principal, terms: Terms | None = None) -> None:
        super().__init__(principal, terms)
        self._logins = logins
        self._login = KeptLogin(logins, self.principal, TOKENS)
        self._known: tuple[bytes, Principal] | None = (
            None  # the digest of the password last used here, and who that was
        )

    def known(self, request: Request) -> Principal | None:
        token = self.token(request)
        return None if token is None else self._login.again(token)

    async def log_in(self, request: Request, found: Found) -> Principal:
        token = self.token(request)
        if token is not None:
            return await self._login.resume(token)
        credentials = basic(request)
        if credentials is None:
            raise NotLoggedIn
        return await self._authenticated(*credentials)

    async def _authenticated(self, login: str, password: str) -> Principal:
        """Return who this is. A password is hashed once on a connection, as long as its account
        stays as it is.
        """
        digest = sha256(f"{login}:{password}".encode()).digest()
        if self._known is not None and self._known[0] == digest:
            try:
                return await self._logins.confirm(self._known[1])
            except NotLoggedIn:
                self._known = None
        principal = await self._logins.authenticate(self.principal, login, Password(password))
        self._known = digest, principal
        return principal

    # Errors

    def error(self, status: int, message: str) -> Response:
        return _problem(status, message, *((SOON,) if status == 503 else ()))

    def failed(self, error: DomainError, found: Found) -> Response:
        status = _STATUSES.get(type(error), 500)
        detail = _DETAILS.get(type(error)) or str(error)
        headers = (_CHALLENGE,) if status == 401 else retry_after(error)
        return _problem(status, detail, *headers, name=error.outcome, **_render_error(error))


def _problem(status: int, detail: str, *headers: tuple[bytes, bytes], **more: Any) -> Response:
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(status, orjson.dumps(body), PROBLEM, headers)


def _render_error(error: DomainError) -> dict[str, Any]:
    """Return what a program needs of an error: the field that it is about, and what is expected
    there.
    """
    if isinstance(error, Invalid):
        return {"field": error.field, "expected": error.expected}
    if isinstance(error, Taken):
        return {"field": error.field, "expected": "a value that no other record has"}
    return {"rev": error.rev} if isinstance(error, Outdated) else {}


# The routes


async def _list(operations: Operations, responder: RecordsResponder, call: Call) -> Response:
    query = dict(call.query)
    limit, after = (
        whole_of_text(name, query.pop(name)) if name in query else None
        for name in ("limit", "after")
    )
    for name in query:
        if name not in operations.filters:
            raise unknown(name, ("limit", "after", *operations.filters))
    kind = operations.served.kind
    where = {name: read_text(kind, name, text) for name, text in query.items()}
    page = await operations.list(call.principal, PAGE if limit is None else limit, after, where)
    return json_response(200, {"items": list(map(as_json, page.items)), "next": page.next})


async def _create(operations: Operations, responder: RecordsResponder, call: Call) -> Response:
    fields, home = read_fields(operations.served.kind, _object(call)), operations.served.plural
    return await call.once(
        lambda: operations.create(call.principal, fields),
        lambda record: _one(record, 201, (b"Location", b"/%b/%d" % (home.encode(), record.id))),
    )


async def _get(operations: Operations, responder: RecordsResponder, call: Call) -> Response:
    return _one(await operations.get(call.principal, call.id))


async def _replace(operations: Operations, responder: RecordsResponder, call: Call) -> Response:
    given = _object(call)
    rev = _as_it_was_got(given, call.id)
    fields = read_fields(operations.served.kind, given)
    return _one(
        await _expecting(
            call, rev, lambda expect: operations.replace(call.principal, call.id, fields, expect)
        )
    )


async def _patch(operations: Operations, responder: RecordsResponder, call: Call) -> Response:
    given = _object(call)
    rev = _as_it_was_got(given, call.id)
    defaults = describe(operations.served.kind).defaults
    # null removes a member, as RFC 7396 has it: what is left is the field's default, where it has
    # one.
    kept = {
        name: value for name, value in given.items() if value is not None or name not in defaults
    }
    removed = {name: defaults[name] for name in given.keys() - kept.keys()}
    fields = read_fields(operations.served.kind, kept) | removed
    return _one(
        await _expecting(
            call, rev, lambda expect: operations.update(call.principal, call.id, fields, expect)
        )
    )


async def _delete(operations: Operations, responder: RecordsResponder, call: Call) -> Response:
    await call.if_match(lambda expect: operations.delete(call.principal, call.id, expect))
    return Response(204)


async def _expecting(
    call: Call, rev: int | None, change: Callable[[int | None], Awaitable[Record]]
) -> Record:
    """Make the change, of the record at the revision that the body was got at, where it tells that;
    else as If-Match has it.
    """
    if rev is None:
        return await call.if_match(change)
    return await call.if_match(lambda expect: change(rev if expect is None else expect))


def _object(call: Call) -> dict[str, Any]:
    found = decoded_object(call.request.body, call.terms.deepest)
    if found is None:
        raise NoJSON
    return found


def _as_it_was_got(given: dict[str, Any], id: int) -> int | None:
    """Take the id and the revision out of a record that was got, changed and sent back; return the
    revision, None for none.
    """
    if given.pop("id", id) != id:
        raise Invalid("id", f"{id}, as in the path")
    return whole("rev", given.pop("rev")) if "rev" in given else None


def _one(record: Record, status: int = 200, *headers: tuple[bytes, bytes]) -> Response:
    return json_response(status, as_json(record), etag(record.rev), *headers)


def routes(served: Sequence[Served], operations: Mapping[str, Operations]) -> Routes:
    """Return the table of what is served; without operations, where it is described only."""
    table: list[Route] = []
    for each in served:
        table += _routes(each, operations.get(each.plural))
    return Routes(table)


def _routes(served: Served, operations: Operations | None) -> list[Route]:
    shapes = schemas.Shapes(served.kind)
    one, many = served.kind.__name__, served.plural
    reading, writing = served.read != "open", served.write != "open"

    def route(
        method: str,
        path: str,
        handle: Any,
        summary: str,
        answers: Mapping[int, Schema | None],
        **more: Any,
    ) -> Route:
        login = reading if method == "GET" else writing
        errors = (*more.pop("errors", ()), *((403, 429) if login else ()))
        return Route(
            method, path, partial(handle, operations), summary, answers, errors, login=login, **more
        )

    all, at = f"/{many}", f"/{many}/{{id}}"
    found, made, page = {200: shapes.record}, {201: shapes.record}, {200: shapes.page}
    tag = {"ETag": "the revision of the record"}
    place = {**tag, "Location": "the path of the record"}
    change = {"errors": (404, 409, 422), "if_match": True, "headers": tag}
    patches = (JSON, MERGE_PATCH)
    return [
        route("GET", all, _list, f"List {many}", page, errors=(422,), query=shapes.query),
        route(
            "POST",
            all,
            _create,
            f"Create a {one}",
            made,
            errors=(409, 422),
            body=shapes.whole,
            headers=place,
            once=True,
        ),
        route("GET", at, _get, f"Show a {one}", found, errors=(404,), headers=tag),
        route("PUT", at, _replace, f"Replace a {one}", found, body=shapes.whole, **change),
        route(
            "PATCH",
            at,
            _patch,
            f"Change a {one}",
            found,
            body=shapes.patch,
            takes=patches,
            **change,
        ),
        route(
            "DELETE", at, _delete, f"Delete a {one}", {204: None}, errors=(404, 409), if_match=True
        ),
    ]


def factory(served: Sequence[Served], serving: Serving) -> HTTPFactory:
    """Return what makes the connections on which these are served."""
    operations = {each.plural: Operations(serving.access, serving.store, each) for each in served}
    name = class_name(serving.dialect.name)
    responder: Any = type(
        f"{name}Responder", (RecordsResponder,), {"routes": routes(served, operations)}
    )
    made: Any = type(f"{name}Factory", (HTTPFactory,), {})  # the log names it
    terms, dialect = serving.terms, serving.dialect.name
    factory: HTTPFactory = made(
        lambda address: responder(serving.logins, Principal(dialect, address), terms),
        serving.clock,
        serving.connections,
        serving.http_limits,
    )
    return factory
