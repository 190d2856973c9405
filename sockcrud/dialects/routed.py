"""What the HTTP dialects share: a request is checked in one order (path, method, login, type, size, fields), and answered.

A dialect is a subclass of `RoutedResponder` with a table of routes, its way to log in, and its words for errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import parse_qsl

import orjson
from attrs import define, evolve, field, frozen
from twisted.logger import Logger

from sockcrud.dialects.etags import expected_revisions, with_expected
from sockcrud.dialects.routes import JSON, Found, Route, Routes, Schema
from sockcrud.errors import Crashed, DomainError, Invalid
from sockcrud.operations.gate import Principal
from sockcrud.wire.http import BodySink, Request, Response
from sockcrud.wire.json_text import DEEPEST, decoded_object

log: Final = Logger()

T = TypeVar("T")

ANY_ORIGIN: Final = ("*",)
CORS_HEADERS: Final = b"Authorization, Content-Type, If-Match"
CORS_EXPOSED: Final = b"ETag, Allow, Retry-After, WWW-Authenticate"
_MOST_QUERY_VALUES: Final = 100


@frozen
class Terms:
    """What may be configured of the HTTP dialects: whose web pages may use them, and how deep the JSON of a body is."""

    cors_origins: tuple[str, ...] = ANY_ORIGIN
    deepest: int = DEEPEST


@define
class Call:
    """A request on its way through a dialect: the route it takes, and who asks."""

    request: Request
    route: Route
    parameters: Mapping[str, Any]
    principal: Principal
    deepest: int = DEEPEST
    _query: dict[str, str] | None = field(default=None, init=False)

    @property
    def id(self) -> int:
        """The whole number in the path."""
        id: int = self.parameters["id"]
        return id

    @property
    def query(self) -> dict[str, str]:
        """The query's values; of a key given twice the last counts. Raises Invalid where it does not decode."""
        if self._query is None:
            try:
                pairs = parse_qsl(
                    self.request.query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_QUERY_VALUES
                )
            except ValueError:
                raise Invalid("query", f"percent-encoded UTF-8, at most {_MOST_QUERY_VALUES} values") from None
            self._query = dict(pairs)
        return self._query

    def fields(self) -> dict[str, Any]:
        """Give the JSON object of the body; raise Invalid where it is none."""
        found = decoded_object(self.request.body, self.deepest)
        if found is None:
            raise Invalid("body", "a JSON object in UTF-8")
        return found

    async def if_match(self, change: Callable[[int | None], Awaitable[T]]) -> T:
        """Fire with what `change` gives. It gets the revision that the record must be at, None for any.

        So If-Match is honoured. Fail as `change` does: with Outdated where the field names no revision of the record.
        """
        value = self.request.header(b"if-match")
        return await (change(None) if value is None else with_expected(expected_revisions(value), change))


class RoutedResponder:
    """Answers by a table of routes, behind one connection."""

    routes: ClassVar[Routes]
    error_body: ClassVar[Schema] = {}
    """What the body of an error holds."""
    cors_origins: tuple[str, ...] = ANY_ORIGIN
    deepest: int = DEEPEST

    def __init__(self, principal: Principal, terms: Terms | None = None) -> None:
        self.principal = principal
        """Who asks before a login: somebody at this dialect, from this address."""
        if terms is not None:
            self.cors_origins = terms.cors_origins
            self.deepest = terms.deepest

    # What the dialect says

    async def log_in(self, request: Request, found: Found) -> Principal:
        """Fire with the principal as the account whose token or session the request brings; fail with NotLoggedIn."""
        raise Crashed

    def error(self, status: int, message: str) -> Response:
        """Word an error of HTTP: no such path, method, type, size, or what the wire refuses."""
        raise Crashed

    def error_at(self, found: Found, status: int, message: str) -> Response:
        """Word an error of HTTP at a known route: a body of a wrong type or size."""
        return self.error(status, message)

    def failed(self, error: DomainError, found: Found) -> Response:
        """Word a domain error."""
        raise Crashed

    # The order of the checks

    async def answer(self, request: Request) -> Response:
        """Fire with the answer. Never fails."""
        found = self.routes.find(request.path, request.method)
        if isinstance(found, Found):
            response = await self._answer(request, found)
        else:
            response = self._no_route(request, found)
        if request.sink is not None:
            request.sink.abandon()
            request.sink = None
        return self._with_cors(request, response, found)

    async def _answer(self, request: Request, found: Found) -> Response:
        route = found.route
        try:
            principal = await self.log_in(request, found) if route.login else self.principal
            if route.body is not None and not _is_of_type(request, route):
                return self._wrong_type(found)
            if request.too_large:
                return self.error_at(found, 413, "The body is too large")
            response: Response = await route.handle(self, Call(request, route, found.parameters, principal, self.deepest))
            return response
        except DomainError as error:
            return self.failed(error, found)
        except Exception:
            # The path itself may hold a session.
            log.failure("{method} {path} could not be answered", method=request.method, path=route.path)
            return self.failed(Crashed(), found)

    def _no_route(self, request: Request, methods: tuple[str, ...] | None) -> Response:
        if methods is None:
            return self.error(404, "There is no such path")
        allow = (b"Allow", ", ".join(methods).encode())
        if request.method == "OPTIONS":
            return Response(204, headers=(allow,))
        response = self.error(405, f"{request.method} is not for this path")
        return evolve(response, headers=(*response.headers, allow))

    def _wrong_type(self, found: Found) -> Response:
        return self.error_at(found, 415, f"The body is to be {' or '.join(found.route.takes)}")

    def _with_cors(self, request: Request, response: Response, found: Found | tuple[str, ...] | None) -> Response:
        origin = request.header(b"origin")
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if "*" not in self.cors_origins:
            if not self.cors_origins:
                return response
            headers = ((b"Vary", b"Origin"),)  # also of what others get: a cache may keep it
        if origin is not None and (not headers or origin.decode("latin-1") in self.cors_origins):
            headers += ((b"Access-Control-Allow-Origin", origin if headers else b"*"),)
            if request.method == "OPTIONS" and isinstance(found, tuple):
                headers += (
                    (b"Access-Control-Allow-Methods", ", ".join(found).encode()),
                    (b"Access-Control-Allow-Headers", CORS_HEADERS),
                    (b"Access-Control-Max-Age", b"600"),
                )
            else:
                headers += ((b"Access-Control-Expose-Headers", CORS_EXPOSED),)
        return evolve(response, headers=(*response.headers, *headers)) if headers else response

    # What the wire asks for besides

    async def refuse_early(self, request: Request) -> Response | None:
        """Fire with the refusal of a request whose body is not wanted, or with None where it is.

        The order is that of `answer`: path, method, login, type. What is announced as too large is answered there.
        """
        found = self.routes.find(request.path, request.method)
        response = await self._refusal_of(request, found) if isinstance(found, Found) else self._no_route(request, found)
        return None if response is None else self._with_cors(request, response, found)

    async def _refusal_of(self, request: Request, found: Found) -> Response | None:
        try:
            if found.route.login:
                await self.log_in(request, found)
        except DomainError as error:
            return self.failed(error, found)
        if found.route.body is not None and not _is_of_type(request, found.route):
            return self._wrong_type(found)
        return None

    def only_reads(self, request: Request) -> bool:
        """Tell whether the request changes nothing."""
        found = self.routes.find(request.path, request.method)
        return not isinstance(found, Found) or not found.route.changes

    def refusal(self, status: int, explanation: str) -> Response:
        """Word an error of the wire."""
        return self.error(status, explanation)

    def body_sink(self, request: Request) -> BodySink | None:
        """Bodies are small, and held in memory.

        A dialect that gives a sink takes it off the request in its handler (`request.sink = None`): what is still there
        after the answer is abandoned.
        """
        return None


def _is_of_type(request: Request, route: Route) -> bool:
    value = request.header(b"content-type") or b""
    return not route.takes or (value.partition(b";")[0].strip().lower().decode("latin-1") or JSON) in route.takes


def json_response(status: int, body: Any, *headers: tuple[bytes, bytes]) -> Response:
    """Give a response with a JSON body."""
    return Response(status, orjson.dumps(body), headers=headers)
