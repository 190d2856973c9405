"""What the services of the shop share: bearer tokens, their words for errors, one record as an
answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson

from sockcrud.access import Principal
from sockcrud.errors import (
    Busy,
    DomainError,
    Forbidden,
    InDoubt,
    Invalid,
    KeyInUse,
    KeyReused,
    LoginDelayed,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    Outdated,
    QuotaExceeded,
    StillReferred,
    Taken,
    Unavailable,
)
from sockcrud.identity.directory import KeptLogin, Logins
from sockcrud.protocols.http.connection import Request, Response
from sockcrud.rest.errors import STATUSES, retry_after, whole_seconds
from sockcrud.rest.etags import etag
from sockcrud.rest.routed import Call, RoutedResponder, Terms, json_response
from sockcrud.rest.routes import Found, Schema, route
from sockcrud.rest.schemas import ID, TEXT, an_object

SESSIONS: Final = "auth"
"""Where the tokens work: those that the auth service gives work at all services, and no others do.
"""

MESSAGE: Final[Schema] = an_object({"msg": TEXT})
CREATED: Final[Schema] = an_object({"msg": TEXT, "id": ID})
ETAG: Final = {"ETag": "the revision of the record"}
UPDATES: Final[Mapping[str, Any]] = {"if_match": True, "headers": ETAG}
"""What the routes that change one record have in common."""

_BEARER_WANTED: Final = (b"WWW-Authenticate", b"Bearer")
_BASIC_WANTED: Final = (b"WWW-Authenticate", b'Basic realm="shop", charset="UTF-8"')

_NAMES: Final = {"InventoryItem": "inventory item"}
_FIELDS: Final = {"login": "username"}


class ShopService(RoutedResponder):
    """A service behind one connection. `name` is its own, also where several of them share a
    port.
    """

    error_body = MESSAGE

    def __init__(self, name: str, logins: Logins, address: str, terms: Terms | None = None) -> None:
        super().__init__(Principal(name, address), terms)
        self._logins = logins
        self._login = KeptLogin(logins, self.principal, SESSIONS)

    def known(self, request: Request) -> Principal | None:
        token = self.token(request)
        return None if token is None else self._login.again(token)

    async def log_in(self, request: Request, found: Found) -> Principal:
        return await self.bearer(request)

    async def bearer(self, request: Request) -> Principal:
        """Return the principal whose token the request bears; raise NotLoggedIn."""
        token = self.token(request)
        if token is None:
            raise NotLoggedIn
        return await self._login.resume(token)

    def error(self, status: int, message: str) -> Response:
        return json_response(status, {"msg": message})

    def failed(self, error: DomainError, found: Found) -> Response:
        return json_response(
            STATUSES.get(type(error), 500), {"msg": _in_words(error)}, *_headers(error)
        )


def health_at(path: str, *also: str) -> Callable[[ShopService, Call], Awaitable[Response]]:
    """Return what handles the route of a service's health."""

    @route("GET", path, "Return whether the service runs", {200: MESSAGE}, login=False, also=also)
    async def tell(service: ShopService, call: Call) -> Response:
        return json_response(200, {"msg": "The service is running"})

    return tell


def one(rev: int, shown: Mapping[str, Any], status: int = 200) -> Response:
    """Return the answer about one record, which is at this revision."""
    return Response(status, orjson.dumps(shown), headers=(etag(rev),))


def _in_words(error: DomainError) -> str:
    """Say it to people. No value that was sent is in it: it may be a secret."""
    match error:
        case Invalid():
            return f"{_FIELDS.get(error.field, error.field)}: expected {error.expected}"
        case NotFound():
            return f"There is no {_named(error.kind)} with id {error.id}"
        case Taken():
            return (
                f"Another {_named(error.kind)} has this "
                f"{_FIELDS.get(error.field, error.field)} already"
            )
        case StillReferred():
            return f"The {_named(error.kind)} is still in use"
        case Outdated():
            return (
                f"The record is at revision {error.rev} by now, which If-Match or "
                f"If-None-Match rules out"
            )
        case NotLoggedIn():
            return "A valid bearer token is needed: log in first"
        case LoginFailed():
            return "Wrong username or password"
        case LoginDelayed():
            return f"Too many failed logins: try again in {whole_seconds(error)} s"
        case Forbidden():
            return "This account may not do that"
        case Busy():
            return "Too much is under way: try again in a moment"
        case KeyReused():
            return "This Idempotency-Key was used for another request: choose a new one"
        case KeyInUse():
            return "A request with this Idempotency-Key is under way: ask again in a moment"
        case InDoubt():
            return (
                "It is unknown whether the change took effect: the store was lost while it was made"
            )
        case Unavailable():
            return "The store cannot be reached: try again in a moment"
        case QuotaExceeded():
            return f"No further {_named(error.kind)} can be stored: something must be deleted first"
        case _:
            return "Internal server error"


def _headers(error: DomainError) -> tuple[tuple[bytes, bytes], ...]:
    match error:
        case NotLoggedIn():
            return (_BEARER_WANTED,)
        case LoginFailed():
            return (_BASIC_WANTED,)
        case _:
            return retry_after(error)


def _named(kind: str) -> str:
    return _NAMES.get(kind, kind.lower())
