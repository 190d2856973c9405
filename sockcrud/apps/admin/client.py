"""The operations of `admin`: accounts, companies, sessions, changes, export and import, and how the
daemon does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, ClassVar, Final, TypeVar

from attrs import evolve

from sockcrud.apps.admin.client_records import Account, Change, Company, Health, Session, Usage
from sockcrud.apps.admin.fault_calls import FaultCalls
from sockcrud.client.calls import PAGE, Call, Page, Pages, call, paged
from sockcrud.client.errors import (
    BadAnswer,
    Conflict,
    Fault,
    HistoryGone,
    InvalidRequest,
    LoginFailed,
    Refused,
)
from sockcrud.client.fields import Fields
from sockcrud.client.http_answers import Answer
from sockcrud.client.http_calls import REFUSALS, http_call, nothing, refused, whole

T = TypeVar("T")


Progress = Callable[[int, int], object]
"""Takes how much is done, and of how much."""

_BY_STATUS: Final = {**REFUSALS, 410: HistoryGone}
_BY_CODE: Final[Mapping[str, type[Refused]]] = {
    "login_failed": LoginFailed,
    "last_admin": Conflict,
    "still_referred": Conflict,
    "no_file": Conflict,
    "not_empty": Conflict,
    "faults_refused": Conflict,
}


class AdminCalls(FaultCalls):
    """What an admin does."""

    default_port: ClassVar[int] = 8000

    def good(self, answer: Answer) -> Answer:
        return _good(answer)

    @call
    def log_in(self, login: str, password: str) -> Call[Answer, None]:
        """Log in, and have the calls that follow bring the token; `LoginFailed`,
        `TooManyAttempts`.
        """

        def keep(fields: Fields) -> None:
            self.token = fields.text("token")

        return http_call(
            self, "POST", "/login", whole(keep), {"login": login, "password": password}
        )

    @call
    def log_out(self) -> Call[Answer, None]:
        """End the session: its token is dead from then on."""

        def forget(answer: Answer) -> None:
            self.token = None

        return http_call(self, "POST", "/logout", forget)

    @call
    def dialects(self) -> Call[Answer, Mapping[str, str | None]]:
        """Return where each dialect of the daemon is for this client: None for what only the
        daemon's own machine reaches. Needs no login.
        """

        def place(item: Fields) -> tuple[str, str | None]:
            return item.text("name"), None if item.all.get("at") is None else item.text("at")

        def places(fields: Fields) -> Mapping[str, str | None]:
            return dict(fields.each("items", place))

        return http_call(self, "GET", "/dialects", whole(places))

    # The journal

    @call
    def translations(self, id: int) -> Call[Answer, list[Mapping[str, Any]]]:
        """Return a request of the journal in other words, each with its form, its dialect, its text
        and the blanks in it; `NotFound`.
        """

        def items(fields: Fields) -> list[Mapping[str, Any]]:
            return fields.each("items", lambda item: item.all)

        return http_call(self, "GET", f"/translate/{id:d}", whole(items))

    # Accounts

    @call
    def accounts(
        self, after: int | None = None, limit: int | None = None
    ) -> Call[Answer, Page[Account]]:
        """Return a page of the accounts of all companies."""
        return http_call(
            self, "GET", "/accounts", _page(Account), query={"after": after, "limit": limit}
        )

    @paged
    def all_accounts(self, page: int = PAGE) -> Pages[Account]:
        """Return the accounts of all companies one by one."""
        return _turned(self, "/accounts", Account, {"limit": page})

    @call
    def account(self, id: int) -> Call[Answer, Account]:
        """Return the account with this id; `NotFound`."""
        return http_call(self, "GET", f"/accounts/{id:d}", _one(Account))

    @call
    def create_account(
        self,
        login: str,
        password: str,
        role: str | None = None,
        company_id: int | None = None,
        active: bool | None = None,
    ) -> Call[Answer, Account]:
        """Make an account: an active user of the default company, unless it is told otherwise;
        `AlreadyExists`.
        """
        body = {
            "login": login,
            "password": password,
            "role": role,
            "company_id": company_id,
            "active": active,
        }
        return http_call(self, "POST", "/accounts", _one(Account), _named(body))

    @call
    def change_account(
        self,
        id: int,
        *,
        login: str | None = None,
        password: str | None = None,
        role: str | None = None,
        company_id: int | None = None,
        active: bool | None = None,
        rev: int | None = None,
    ) -> Call[Answer, Account]:
        """Change what is named of an account, and end its sessions.

        `NotFound`, `AlreadyExists`, `Outdated`, and `Conflict` for the last active admin.
        """
        body = {
            "login": login,
            "password": password,
            "role": role,
            "company_id": company_id,
            "active": active,
        }
        return http_call(self, "PATCH", f"/accounts/{id:d}", _one(Account), _named(body), rev=rev)

    @call
    def deactivate_account(self, id: int, rev: int | None = None) -> Call[Answer, Account]:
        """Deactivate an account, and end its sessions; `NotFound`, `Outdated`, `Conflict`."""
        return http_call(self, "DELETE", f"/accounts/{id:d}", _one(Account), rev=rev)

    # Companies

    @call
    def companies(
        self, after: int | None = None, limit: int | None = None
    ) -> Call[Answer, Page[Company]]:
        """Return a page of the companies."""
        return http_call(
            self, "GET", "/companies", _page(Company), query={"after": after, "limit": limit}
        )

    @paged
    def all_companies(self, page: int = PAGE) -> Pages[Company]:
        """Return the companies one by one."""
        return _turned(self, "/companies", Company, {"limit": page})

    @call
    def company(self, id: int) -> Call[Answer, Company]:
        """Return the company with this id; `NotFound`."""
        return http_call(self, "GET", f"/companies/{id:d}", _one(Company))

    @call
    def create_company(self, name: str, active: bool | None = None) -> Call[Answer, Company]:
        """Make a company; `AlreadyExists`."""
        return http_call(
            self,
            "POST",
            "/companies",
            _one(Company),
            _named({"name": name, "active": active}),
            once=True,
        )

    @call
    def change_company(
        self,
        id: int,
        *,
        name: str | None = None,
        active: bool | None = None,
        rev: int | None = None,
    ) -> Call[Answer, Company]:
        """Rename, activate or deactivate a company, and end its accounts' sessions; as
        `change_account`.
        """
        return http_call(
            self,
            "PATCH",
            f"/companies/{id:d}",
            _one(Company),
            _named({"name": name, "active": active}),
            rev=rev,
        )

    @call
    def deactivate_company(self, id: int, rev: int | None = None) -> Call[Answer, Company]:
        """Deactivate a company, and end its accounts' sessions; `NotFound`, `Outdated`,
        `Conflict`.
        """
        return http_call(self, "DELETE", f"/companies/{id:d}", _one(Company), rev=rev)

    # Sessions

    @call
    def sessions(
        self, account_id: int | None = None, after: int | None = None, limit: int | None = None
    ) -> Call[Answer, Page[Session]]:
        """Return a page of the sessions, of one account or of all."""
        return http_call(
            self,
            "GET",
            "/sessions",
            _page(Session),
            query={"account_id": account_id, "after": after, "limit": limit},
        )

    @paged
    def all_sessions(self, account_id: int | None = None, page: int = PAGE) -> Pages[Session]:
        """Return the sessions one by one."""
        return _turned(self, "/sessions", Session, {"account_id": account_id, "limit": page})

    @call
    def end_session(self, id: int) -> Call[Answer, None]:
        """End one session; `NotFound`."""
        return http_call(self, "DELETE", f"/sessions/{id:d}", nothing)

    @call
    def end_sessions(self, account_id: int) -> Call[Answer, int]:
        """End all sessions of an account, and give how many these were; `NotFound`."""
        read = whole(lambda fields: fields.whole("ended"))
        return http_call(self, "DELETE", "/sessions", read, query={"account_id": account_id})

    # The store

    @call
    def changes(self, since: int, limit: int | None = None) -> Call[Answer, Page[Change]]:
        """Return what has changed after a revision, 0 for all that is known; `HistoryGone`."""
        return http_call(
            self, "GET", "/changes", _page(Change), query={"since": since, "limit": limit}
        )

    @paged
    def all_changes(self, since: int = 0, page: int = PAGE) -> Pages[Change]:
        """Return what has changed after a revision, one by one; `HistoryGone`."""
        return _turned(self, "/changes", Change, {"since": since, "limit": page}, mark="since")

    @paged
    def all_usage(
        self, since: date | None = None, dialect: str | None = None, page: int = PAGE
    ) -> Pages[Usage]:
        """Return one by one who uses which dialect, since a day and in all."""
        day = None if since is None else since.isoformat()
        query: dict[str, object] = {"since": day, "dialect": dialect, "limit": page}
        return _turned(self, "/ledger", Usage, query)

    @call
    def export(
        self,
        into: Callable[[bytes], object],
        secrets: bool = False,
        progress: Progress | None = None,
    ) -> Call[Answer, None]:
        """Write all records, one JSON object a line, in pieces that end anywhere, to `into`.
        `progress` counts lines.

        Its time is that of silence.
        """
        made = http_call(
            self, "GET", "/export", nothing, query={"secrets": "yes" if secrets else None}
        )
        return evolve(made, into=_taking(into, progress, _lines, "x-total-count"), repeatable=False)

    @call
    def import_lines(
        self, pieces: Iterable[bytes], size: int, restore: bool = False
    ) -> Call[Answer, dict[str, int]]:
        """Add the records of lines as `export` gives them, `size` bytes in all, and give how many
        of each kind these were.

        All of them or none: `InvalidRequest` has the `faults`.

        To `restore` is to have the store become what it was when an export was made of it with
        secrets, with ids, revisions and passwords; `Conflict` where it has records of its own.

        Its time is that of silence, and all is checked before the answer: give a large import a
        client with a long `timeout`.
        """
        made = http_call(
            self, "POST", "/import", whole(_imported), query={"restore": "yes" if restore else None}
        )
        head = made.request.replace(
            b"Content-Length: 0", b"Content-Type: application/x-ndjson\r\nContent-Length: %d" % size
        )
        return evolve(made, request=head, more=pieces)

    @call
    def check(self) -> Call[Answer, list[str]]:
        """Look for damage in the store's file, and return what is wrong, a line each; `Conflict`
        where there is no file.
        """
        return evolve(http_call(self, "POST", "/check", _checked), repeatable=True)

    @call
    def backup(
        self, into: Callable[[bytes], object], progress: Progress | None = None
    ) -> Call[Answer, None]:
        """Write a copy of the store's file, which is itself a store, to `into`. `progress` counts
        bytes.

        `Conflict` where there is no file. Its time is that of silence.
        """
        return evolve(
            http_call(self, "GET", "/backup", nothing),
            into=_taking(into, progress, len, "content-length"),
            repeatable=False,
        )

    # The daemon

    @call
    def health(self) -> Call[Answer, Health]:
        """Return whether all is well, also where it is not. Needs no login."""
        return http_call(self, "GET", "/health", whole(_health), good=_says_how_it_does)

    @call
    def metrics(self) -> Call[Answer, str]:
        """Return the figures of the daemon, as Prometheus reads them. Needs no login."""
        return http_call(
            self, "GET", "/metrics", lambda answer: answer.body.decode(errors="replace")
        )

    @call
    def description(self) -> Call[Answer, dict[str, Any]]:
        """Return the OpenAPI description of all that speaks HTTP."""
        return http_call(self, "GET", "/openapi.json", whole(lambda fields: fields.all))


def _lines(piece: bytes) -> int:
    return piece.count(b"\n")


def _taking(
    into: Callable[[bytes], object],
    progress: Progress | None,
    count: Callable[[bytes], int],
    total: str,
) -> Callable[[Mapping[str, str]], Callable[[bytes], object]]:
    """Return what takes a body in, and tells how far it is where a header field says how much there
    is.
    """

    def start(headers: Mapping[str, str]) -> Callable[[bytes], object]:
        given = headers.get(total, "")
        expected = int(given) if given.isascii() and given.isdigit() else 0
        done = 0

        def take(piece: bytes) -> None:
            nonlocal done
            into(piece)
            done += count(piece)
            if progress is not None:
                progress(done, max(done, expected))

        return take

    return start


def _checked(answer: Answer) -> list[str]:
    faults = Fields.decoded(answer.body).all.get("faults")
    if not isinstance(faults, list) or not all(isinstance(fault, str) for fault in faults):
        raise BadAnswer("an answer without a list of faults")
    return faults


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _turned(
    client: AdminCalls, path: str, kind: type[T], query: dict[str, object], mark: str = "after"
) -> Pages[T]:
    """Return the pages of a list, each of which says what the next one comes after."""

    def page(after: int | None) -> Call[Answer, Page[T]]:
        return http_call(
            client,
            "GET",
            path,
            _page(kind),
            query=query if after is None else {**query, mark: after},
        )

    return Pages(page)


# Answers


def _good(answer: Answer) -> Answer:
    if answer.status < 300:
        return answer
    try:
        error = Fields.decoded(answer.body).of("error")
        code, message = error.text("code"), error.text("message")
        field = error.text("field") if error.all.get("field") is not None else None
        faults = error.each("faults", _fault) if "faults" in error else []
    except BadAnswer:
        raise refused(answer, answer.reason or "refused", _BY_STATUS) from None
    if code in _BY_CODE:
        raise _BY_CODE[code](answer.status, message)
    if answer.status == 400:
        raise InvalidRequest(answer.status, message, field, faults)
    raise refused(answer, message, _BY_STATUS)


def _one(kind: type[T]) -> Callable[[Answer], T]:
    return whole(lambda fields: fields.record(kind))


def _page(kind: type[T]) -> Callable[[Answer], Page[T]]:
    def read(fields: Fields) -> Page[T]:
        items = fields.each("items", lambda item: item.record(kind))
        return Page(items, fields.whole("next") if fields.all.get("next") is not None else None)

    return whole(read)


def _fault(fields: Fields) -> Fault:
    field = None if fields.all.get("field") is None else fields.text("field")
    return Fault(fields.whole("line"), field, fields.text("message"))


def _imported(fields: Fields) -> dict[str, int]:
    counts = fields.of("imported")
    return {kind: counts.whole(kind) for kind in counts.all}


def _says_how_it_does(answer: Answer) -> Answer:
    if answer.status == 503 and "error" not in Fields.decoded(answer.body):
        return answer
    return _good(answer)


def _health(fields: Fields) -> Health:
    dialects = fields.of("dialects")
    listening = {name: dialects.of(name).flag("listening") for name in dialects.all}
    store = fields.of("store")
    unknown = tuple(map(str, store.all.get("unknown_kinds", ())))
    return Health(fields.text("status") == "good", listening, store.flag("reachable"), unknown)
