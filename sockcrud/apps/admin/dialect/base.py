"""What all routes of the admin share: who asks, and the words for errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from sockcrud.access import Principal
from sockcrud.apps.admin.console.files import find_file
from sockcrud.apps.admin.console.session import token_of
from sockcrud.apps.admin.journal import JournalOff, Journals
from sockcrud.apps.admin.overview import Overviews
from sockcrud.apps.admin.records import ReadOnly, StoredRecords
from sockcrud.apps.admin.sending import Sender
from sockcrud.apps.admin.service import Administration
from sockcrud.apps.admin.status import Status
from sockcrud.apps.admin.translations import Translations
from sockcrud.errors import (
    Busy,
    DomainError,
    Forbidden,
    Invalid,
    LastAdmin,
    NotFound,
    NotLoggedIn,
    Outdated,
    Taken,
)
from sockcrud.faults.service import FaultOperations, FaultsRefused
from sockcrud.identity.directory import Logins
from sockcrud.identity.passwords import LEAST_CHARACTERS
from sockcrud.protocols.http.connection import Request, Response
from sockcrud.rest.errors import SOON, STATUSES, WORDS, retry_after
from sockcrud.rest.routed import RoutedResponder, Terms, json_response
from sockcrud.rest.routes import Found, Schema
from sockcrud.rest.schemas import TEXT, a_list, an_object, closed, exactly
from sockcrud.storage.maintenance.import_rows import Fault, Unimportable
from sockcrud.storage.maintenance.record_lines import IMPORT_LIMIT, Spool
from sockcrud.storage.maintenance.trailer import BadExport, NotFresh
from sockcrud.storage.maintenance.transfer import Transfer
from sockcrud.storage.maintenance.upkeep import Upkeep

DIALECT: Final = "admin"
IMPORT: Final = "/import"
LOGOUT: Final = "/logout"
CONSOLE_SESSION: Final = "/console/session"
_FOR_ALL: Final = (("POST", LOGOUT), ("DELETE", CONSOLE_SESSION))
"""What others than admins, too, can do with a token of this dialect."""

_CHALLENGE: Final = (b"WWW-Authenticate", b"Bearer")

_STATUSES: Final[Mapping[type[DomainError], int]] = {
    **STATUSES,
    Unimportable: 400,
    BadExport: 400,
    ReadOnly: 403,
    NotFresh: 409,
    FaultsRefused: 409,
    JournalOff: 409,
}
_MESSAGES: Final[Mapping[type[DomainError], str]] = {
    **WORDS,
    NotLoggedIn: "a token of POST /login is needed in Authorization: Bearer, and there is none "
    "that is alive",
    Forbidden: "only an admin may do this",
    Outdated: "the record is at a revision that If-Match or If-None-Match rules out",
    LastAdmin: "this would leave no active admin in an active company",
    Busy: "too much is under way; try again in a moment",
    ReadOnly: "the app of these records has no operation for that",
}
"""Where the error's own words are none, or are not for everybody."""

_HTTP_CODES: Final = {
    400: "bad_request",
    403: "foreign_origin",
    404: "no_such_path",
    405: "no_such_method",
    408: "too_slow",
    413: "too_large",
    414: "too_long",
    415: "wrong_type",
    421: "wrong_host",
    431: "too_large",
    500: "crashed",
    501: "not_implemented",
    503: "busy",
    505: "wrong_version",
}

_REFERENCES: Final = {
    "Company": ("/companies", "company_id"),
    "Account": ("/accounts", "account_id"),
}
"""Where a kind is what the path names, and the field that refers to it elsewhere."""

_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}

_FAULT: Final = exactly(line={"type": "integer"}, field=_TEXT_OR_NULL, message=TEXT)
_SAID: Final = {"code": TEXT, "message": TEXT, "field": _TEXT_OR_NULL}
ERROR: Final = exactly(error=closed(an_object({**_SAID, "faults": a_list(_FAULT)}, _SAID)))


@frozen
class Operations:
    """What the admin's dialect calls. An import may have a body of `import_limit` bytes, a new
    password `min_password` characters at least.
    """

    logins: Logins
    administration: Administration
    transfer: Transfer
    status: Status
    upkeep: Upkeep
    faults: FaultOperations
    journals: Journals
    translations: Translations
    records: StoredRecords
    overviews: Overviews
    sender: Sender
    import_limit: int = IMPORT_LIMIT
    min_password: int = LEAST_CHARACTERS


class AdminBase(RoutedResponder):
    """The admin behind one connection, without the routes. A body says what it is: a form of a web
    page cannot.
    """

    error_body = ERROR
    untyped = ""

    def __init__(self, operations: Operations, address: str, terms: Terms | None = None) -> None:
        super().__init__(Principal(DIALECT, address), terms)
        self.operations = operations

    async def log_in(self, request: Request, found: Found) -> Principal:
        """Return who has the token: of `Authorization`, or that of the console's page, which counts
        for requests of that page only.
        """
        token = self.token(request)
        if token is None and not self.sender(request).foreign:
            token = token_of(request)
        if token is None:
            raise NotLoggedIn
        principal = await self.operations.logins.resume(self.principal, DIALECT, token)
        if (found.route.method, found.route.path) not in _FOR_ALL:
            await self.operations.administration.enter(principal)
        return principal

    def page(self, request: Request) -> Response | None:
        """Return a file of the console."""
        file = find_file(request)
        return None if file is None else file.response(request)

    def body_sink(self, request: Request) -> Spool | None:
        found = self.routes.find(request.path, request.method)
        if isinstance(found, Found) and found.route.path == IMPORT:
            return Spool(self.operations.import_limit)
        return None

    def error(self, status: int, message: str) -> Response:
        headers = (SOON,) if status == 503 else ()
        return json_response(
            status, _error(_HTTP_CODES.get(status, "bad_request"), message, None), *headers
        )

    def failed(self, error: DomainError, found: Found) -> Response:
        status = _STATUSES.get(type(error), 500)
        message = _MESSAGES.get(type(error)) or str(error)
        body = _error(error.outcome, message, _field(error, found))
        if isinstance(error, Unimportable):
            body["error"]["faults"] = [_render_fault(fault) for fault in error.faults]
        return json_response(
            status, body, *((_CHALLENGE,) if status == 401 else retry_after(error))
        )


def _field(error: DomainError, found: Found) -> str | None:
    """Name the field that the error is about, if it is about one."""
    if isinstance(error, (Invalid, Taken)):
        return error.field
    if isinstance(error, NotFound) and error.kind in _REFERENCES:
        home, reference = _REFERENCES[error.kind]
        return None if found.route.path.startswith(home) else reference
    return None


def _error(code: str, message: str, field: str | None) -> dict[str, dict[str, Any]]:
    return {"error": {"code": code, "message": message, "field": field}}


def _render_fault(fault: Fault) -> Mapping[str, object]:
    return {"line": fault.line, "field": fault.field, "message": f"expected {fault.expected}"}
