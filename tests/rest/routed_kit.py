# mypy: allow-untyped-calls
"""A dialect with a table of routes, to try out what all dialects share."""

from __future__ import annotations

from typing import Any

from sockcrud.access import Principal
from sockcrud.errors import Crashed, DomainError, Invalid, NotLoggedIn, Outdated
from sockcrud.protocols.http.connection import BodySink, Request, Response
from sockcrud.rest.routed import Call, RoutedResponder, Terms, json_response
from sockcrud.rest.routes import Found, Route, Routes
from tests.support.http_kit import Sink


class Dialect(RoutedResponder):
    """Answers with what it was called with. A token is whatever does not say that it is dead."""

    error_body = {"type": "object"}  # noqa: RUF012

    def __init__(self, terms: Terms | None = None) -> None:
        super().__init__(Principal("test", "192.0.2.1"), terms)
        self.sinks: list[Sink] = []
        self.calls: list[Call] = []

    async def log_in(self, request: Request, found: Found) -> Principal:
        token = request.header(b"authorization")
        if token == b"broken":
            raise RuntimeError("broken login")
        if token is None:
            raise NotLoggedIn
        return Principal("test", "192.0.2.1")

    def error(self, status: int, message: str) -> Response:
        return json_response(status, message)

    def failed(self, error: DomainError, found: Found) -> Response:
        status = {Invalid: 400, NotLoggedIn: 401, Outdated: 412, Crashed: 500}[type(error)]
        return json_response(status, str(error), (b"X-Route", found.route.path.encode()))

    def body_sink(self, request: Request) -> BodySink | None:
        if request.path != "/spooled":
            return None
        self.sinks.append(Sink())
        return self.sinks[-1]

    async def show(self, call: Call) -> Response:
        self.calls.append(call)
        return json_response(200, dict(call.parameters))

    async def query(self, call: Call) -> Response:
        return json_response(200, call.query)

    async def echo(self, call: Call) -> Response:
        return json_response(200, call.fields())

    async def spool(self, call: Call) -> Response:
        sink, call.request.sink = call.request.sink, None
        return json_response(200, sink.data.decode())

    async def crash(self, call: Call) -> Response:
        raise RuntimeError("a fault")


def route(method: str, path: str, handle: Any = Dialect.show, **more: Any) -> Route:
    return Route(method, path, handle, "", {200: {}}, **more)


ONE = route("GET", "/things/{id}")
TABLE = [
    ONE,
    route("PUT", "/things/{id}", Dialect.echo, body={}, also=("/thing/{id}",)),
    route("GET", "/things"),
    route("GET", "/things/special"),
    route("GET", "/things/{id}/parts/{part_id}"),
    route("GET", "/people/{name}/parts/{part_id}"),
    route("GET", "/"),
    route("GET", "/open", login=False),
    route("GET", "/query", Dialect.query, login=False),
    route("GET", "/status"),
    route("HEAD", "/status", login=False),
    route("POST", "/crash/{name}", Dialect.crash, login=False),
    route("POST", "/open", Dialect.echo, login=False, body={}),
    route("POST", "/anything", login=False, body={}, takes=()),
    route("POST", "/text", login=False, body={}, takes=("text/plain", "text/csv")),
    route("POST", "/spooled", Dialect.spool, body={}),
]
Dialect.routes = Routes(TABLE)
