"""What the HTTP dialects share: a request is checked in one order (path, method, login, type, size,
fields), and answered.

A dialect is a subclass of `RoutedResponder` with a table of routes, its way to log in, and its
words for errors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import parse_qsl

import orjson
from attrs import Factory, define, evolve, field, frozen
from twisted.logger import Logger

from sockcrud.access import Principal
from sockcrud.errors import Crashed, DomainError, Invalid, Outdated
from sockcrud.ledger.brownouts import Retirement
from sockcrud.protocols.http.connection import BodySink, Request, Response
from sockcrud.protocols.json.text import DEEPEST, decoded_object
from sockcrud.refusals import NO_OPERATION, refusals
from sockcrud.rest.authorization import bearer
from sockcrud.rest.etags import NO_REVISION, conditions
from sockcrud.rest.idempotency import FIELD as IDEMPOTENCY_KEY
from sockcrud.rest.idempotency import Keys
from sockcrud.rest.origins import Header, Origins, Sender, preflight
from sockcrud.rest.pages import accepts_html
from sockcrud.rest.routes import JSON, READING, SAFE, Found, Route, Routes, Schema, declared_in
from sockcrud.rest.software import software_of

log: Final = Logger()

T = TypeVar("T")

NO_STORE: Final = (b"Cache-Control", b"no-store")
"""No answer is to be kept: it is for who has logged in, or about this moment, or has a token in it.
"""

_MOST_QUERY_VALUES: Final = 100


@frozen
class Terms:
    """What may be configured of an HTTP dialect and its listener."""

    origins: Origins = Factory(Origins)
    deepest: int = DEEPEST
    """How deeply the JSON of a body may be nested."""
    secure: bool = False
    """Whether its connections are encrypted."""
    keys: Keys | None = None
    """What keeps answers under Idempotency-Key; None where that header means nothing."""
    page: Callable[[], Response] | None = None
    """Makes what a browser is shown at `/`; None where that is nothing."""
    retirement: Retirement | None = None
    """Since when it is not to be used any more, and when it goes, where that is so."""


@frozen
class Concluded:
    """What the header fields of a request tell, whatever its path."""

    sender: Sender
    token: str | None = field(repr=False)
    """The bearer token."""
    has_conditions: bool
    """Whether it has If-Match or If-None-Match."""


@define
class Call:
    """A request on its way through a dialect: the route it takes, and who asks."""

    request: Request
    route: Route
    parameters: Mapping[str, Any]
    principal: Principal
    terms: Terms = Factory(Terms)
    _query: dict[str, str] | None = field(default=None, init=False)

    @property
    def id(self) -> int:
        """The whole number in the path."""
        id: int = self.parameters["id"]
        return id

    @property
    def query(self) -> dict[str, str]:
        """The query's values; of a key given twice the last counts. Raises Invalid where it does
        not decode.
        """
        if self._query is None:
            try:
                pairs = parse_qsl(
                    self.request.query,
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=_MOST_QUERY_VALUES,
                )
            except ValueError:
                raise Invalid(
                    "query", f"percent-encoded UTF-8, at most {_MOST_QUERY_VALUES} values"
                ) from None
            self._query = dict(pairs)
        return self._query

    def fields(self) -> dict[str, Any]:
        """Return the JSON object of the body; raise Invalid where it is none."""
        found = decoded_object(self.request.body, self.terms.deepest)
        if found is None:
            raise Invalid("body", "a JSON object in UTF-8")
        return found

    async def if_match(self, change: Callable[[int | None], Awaitable[T]]) -> T:
        """Return what `change` gives. It gets the revision that the record must be at, None for
        any.

        So If-Match and If-None-Match are honoured. Raise Outdated where they rule the record's
        revision out.
        """
        return await conditions(self.request).apply(change)

    async def once(
        self, perform: Callable[[], Awaitable[T]], render: Callable[[T], Response]
    ) -> Response:
        """Return what `render` makes of what `perform` gives, which is one operation that fires
        with what its one transaction has given.

        So Idempotency-Key is honoured, by a route that says so (`Route.once`). Raise KeyInUse,
        KeyReused, or Invalid for what is no key.
        """
        keys = self.terms.keys
        if keys is None or IDEMPOTENCY_KEY not in self.request.fields:
            return render(await perform())
        return await keys.once(self.principal, self.request, perform, render)


class RoutedResponder(ABC):
    """Answers by a table of routes, behind one connection. The table is that of the routes its
    methods are decorated with.
    """

    routes: ClassVar[Routes]
    ignores_case: ClassVar[bool] = False
    """Whether paths are the same to it whatever their case."""
    error_body: ClassVar[Schema] = {}
    """What the body of an error holds."""
    always: ClassVar[tuple[Header, ...]] = (NO_STORE,)
    untyped: ClassVar[str] = JSON
    """What a body counts as whose type is not said."""

    def __init_subclass__(cls) -> None:
        if "routes" not in vars(cls):
            cls.routes = Routes(declared_in(cls), str.lower if cls.ignores_case else str)

    def __init__(self, principal: Principal, terms: Terms | None = None) -> None:
        self.principal = principal
        """Who asks before a login: somebody at this dialect, from this address."""
        self.terms = terms or Terms()

    # What the dialect says

    def known(self, request: Request) -> Principal | None:
        """Return what `log_in` would, where that is known from the connection's last request; None
        where it is to be asked.
        """
        return None

    @abstractmethod
    async def log_in(self, request: Request, found: Found) -> Principal:
        """Return the principal as the account whose token or session the request brings; raise
        NotLoggedIn.
        """

    @abstractmethod
    def error(self, status: int, message: str) -> Response:
        """Word an error of HTTP: no such path, method, type, size, or what the wire refuses."""

    def error_at(self, found: Found, status: int, message: str) -> Response:
        """Word an error of HTTP at a known route: a body of a wrong type or size."""
        return self.error(status, message)

    @abstractmethod
    def failed(self, error: DomainError, found: Found) -> Response:
        """Word a domain error."""

    # The order of the checks

    async def answer(self, request: Request) -> Response:
        """Return the answer. Never raises."""
        sender = self.concluded(request).sender
        found = self.routes.find(request.path, request.method)
        response = None
        if sender.misdirected or sender.foreign:
            response = self._refused(request, found, sender)
        if response is None:
            response = (
                await self._answer(request, found)
                if isinstance(found, Found)
                else self._no_route(request, found)
            )
        if request.sink is not None:
            request.sink.abandon()
            request.sink = None
        if self.terms.retirement is not None:
            said = self.terms.retirement.headers_on(datetime.now(timezone.utc).date())
            response = evolve(response, headers=(*response.headers, *said))
        return _with_cors(request, response, found, sender) if sender.cors else response

    def concluded(self, request: Request) -> Concluded:
        """Return what the header fields of the request tell. As long as they stay the same, this
        is as good as free.
        """
        fields = request.fields
        concluded: Concluded | None = fields.concluded
        if concluded is None:
            concluded = fields.concluded = Concluded(
                self.terms.origins.sender(request), bearer(request), _has_conditions(request)
            )
            self.principal.software.is_called(software_of(request))
        return concluded

    def sender(self, request: Request) -> Sender:
        """Return what the request tells of who sent it."""
        return self.concluded(request).sender

    def token(self, request: Request) -> str | None:
        """Return the bearer token that the request brings, None where there is none."""
        return self.concluded(request).token

    def _refused(
        self, request: Request, found: Found | tuple[str, ...] | None, sender: Sender
    ) -> Response | None:
        """Refuse what a web page may not ask for; return None where nothing is to be said against
        it.
        """
        if sender.misdirected:
            self._note(found, "a host that the setting hosts does not name", "Host")
            return self.error(421, "This host is not among those that the setting hosts names")
        if (
            sender.foreign
            and not sender.allowed
            and isinstance(found, Found)
            and request.method not in SAFE
        ):
            self._note(found, "a web page of an origin that cors_origins does not name", "Origin")
            return self.error(403, "Web pages of this origin may change nothing here")
        return None

    async def _answer(self, request: Request, found: Found) -> Response:
        route = found.route
        try:
            if route.login:
                principal = self.known(request) or await self.log_in(request, found)
            else:
                principal = self.principal
            request.principal = principal
            if route.body is not None and not self.takes(request, route):
                return self._wrong_type(found)
            if request.too_large:
                self._note(found, "longer than the limit", "body")
                return self.error_at(found, 413, "The body is too large")
            call = Call(request, route, found.parameters, principal, self.terms)
            response: Response = await route.handle(self, call)
            return (
                _conditional(request, response)
                if self.concluded(request).has_conditions and request.method in READING
                else response
            )
        except DomainError as error:
            self._note_error(found, error)
            return self.failed(error, found)
        except Exception:
            # The path itself may hold a session.
            log.failure(
                "{method} {path} could not be answered", method=request.method, path=route.path
            )
            return self.failed(Crashed(), found)

    def _no_route(self, request: Request, methods: tuple[str, ...] | None) -> Response:
        if methods is None:
            if request.method in READING and (page := self.page(request)) is not None:
                return page
            self._note(None, "no such path")
            return self.error(404, "There is no such path")
        allow = (b"Allow", ", ".join(methods).encode())
        if request.method == "OPTIONS":
            return Response(204, headers=(allow,))
        self._note(None, f"expected {', '.join(methods)}", "method")
        response = self.error(405, f"{request.method} is not for this path")
        return evolve(response, headers=(*response.headers, allow))

    def page(self, request: Request) -> Response | None:
        """Return what a browser is shown where there is no route; None for the error, as ever."""
        if self.terms.page is None or request.path != "/" or not accepts_html(request):
            return None
        return self.terms.page()

    def _wrong_type(self, found: Found) -> Response:
        self._note(found, f"expected {' or '.join(found.route.takes)}", "Content-Type")
        return self.error_at(found, 415, f"The body is to be {' or '.join(found.route.takes)}")

    def _note(self, found: object, reason: str, field: str = "") -> None:
        refusals.note(self.principal.dialect, self.principal.address, _named(found), reason, field)

    def _note_error(self, found: Found, error: DomainError) -> None:
        refusals.note_error(self.principal.dialect, self.principal.address, _named(found), error)

    def takes(self, request: Request, route: Route) -> bool:
        """Return whether the body is of a type that the route takes."""
        return not route.takes or (media_type(request) or self.untyped) in route.takes

    # What the wire asks for besides

    async def refuse_early(self, request: Request) -> Response | None:
        """Return the refusal of a request whose body is not wanted, or None where it is.

        The order is that of `answer`: path, method, login, type. What is announced as too large is
        answered there.
        """
        found = self.routes.find(request.path, request.method)
        sender = self.sender(request)
        response = self._refused(request, found, sender)
        if response is None:
            response = (
                await self._refusal_of(request, found)
                if isinstance(found, Found)
                else self._no_route(request, found)
            )
        return None if response is None else _with_cors(request, response, found, sender)

    async def _refusal_of(self, request: Request, found: Found) -> Response | None:
        try:
            if found.route.login:
                await self.log_in(request, found)
        except DomainError as error:
            self._note_error(found, error)
            return self.failed(error, found)
        if found.route.body is not None and not self.takes(request, found.route):
            return self._wrong_type(found)
        return None

    def only_reads(self, request: Request) -> bool:
        """Return whether the request changes nothing."""
        found = self.routes.find(request.path, request.method)
        return not isinstance(found, Found) or not found.route.changes

    def refusal(self, status: int, explanation: str) -> Response:
        """Word an error of the wire."""
        self._note(None, f"{status}: {explanation}")
        return self.error(status, explanation)

    def body_sink(self, request: Request) -> BodySink | None:
        """Bodies are small, and held in memory.

        A dialect that gives a sink takes it off the request in its handler (`request.sink = None`):
        what is still there after the answer is abandoned.
        """
        return None


def _named(found: object) -> str:
    """Name a request for the log. The path itself may hold a session, and is left out."""
    return f"{found.route.method} {found.route.path}" if isinstance(found, Found) else NO_OPERATION


def media_type(request: Request) -> str:
    """Return the type that the body is said to have, without its parameters; "" where none is."""
    value = request.header(b"content-type") or b""
    return value.partition(b";")[0].strip().lower().decode("latin-1")


def _with_cors(
    request: Request, response: Response, found: Found | tuple[str, ...] | None, sender: Sender
) -> Response:
    headers = (*response.headers, *sender.cors)
    if sender.allowed and request.method == "OPTIONS" and isinstance(found, tuple):
        headers += preflight(found)
    return evolve(response, headers=headers)


def _has_conditions(request: Request) -> bool:
    return request.header(b"if-none-match") is not None or request.header(b"if-match") is not None


def _conditional(request: Request, response: Response) -> Response:
    """Return the answer to a GET or HEAD of a record as If-Match and If-None-Match have it; raise
    Outdated where that is none.

    The answer is made before: whatever else is wrong with the request is told first.
    """
    tag = next((value for name, value in response.headers if name == b"ETag"), None)
    if tag is None or response.status != 200:
        return response
    wanted, rev = conditions(request), int(tag[1:-1])
    if wanted.allow(rev):
        return response
    if wanted.matched is not None and rev not in wanted.matched:
        raise Outdated(NO_REVISION, rev)
    return evolve(response, status=304, body=b"")


def json_response(status: int, body: Any, *headers: tuple[bytes, bytes]) -> Response:
    """Return a response with a JSON body."""
    return Response(status, orjson.dumps(body), headers=headers)
