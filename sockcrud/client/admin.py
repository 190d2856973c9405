"""The operations of `admin`: accounts, companies, sessions, changes, export and import, and how the daemon does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, ClassVar, Final, TypeVar

from attrs import evolve

from sockcrud.client.calls import Call, Pages, call, paged
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
from sockcrud.client.http_calls import REFUSALS, HTTPCalls, asked, refused
from sockcrud.client.records import Account, Change, Company, Health, Page, Session

T = TypeVar("T")

PAGE: Final = 500
_PIECE: Final = 64 * 1024

Told = Callable[[int, int], object]
"""Is told how much is done, and of how much."""

_BY_STATUS: Final = {**REFUSALS, 410: HistoryGone}
_BY_CODE: Final[Mapping[str, type[Refused]]] = {
    "login_failed": LoginFailed,
    "last_admin": Conflict,
    "still_referred": Conflict,
    "no_file": Conflict,
}


class AdminCalls(HTTPCalls):
    """What an admin does."""

    default_port: ClassVar[int] = 8000

    @call
    def log_in(self, login: str, password: str) -> Call[Answer, None]:
        """Log in, and have the calls that follow bring the token; `LoginFailed`, `TooManyAttempts`."""

        def keep(fields: Fields) -> None:
            self.token = fields.text("token")

        return asked(self, "POST", "/login", _whole(keep), {"login": login, "password": password})

    @call
    def log_out(self) -> Call[Answer, None]:
        """End the session: its token is dead from then on."""

        def forget(answer: Answer) -> None:
            _good(answer)
            self.token = None

        return asked(self, "POST", "/logout", forget)

    # Accounts

    @call
    def accounts(self, after: int | None = None, limit: int | None = None) -> Call[Answer, Page[Account]]:
        """Give a page of the accounts of all companies."""
        return asked(self, "GET", "/accounts", _page(_account), query={"after": after, "limit": limit})

    @paged
    def all_accounts(self, page: int = PAGE) -> Pages[Account]:
        """Give the accounts of all companies one by one."""
        return _turned(lambda after: asked(self, "GET", "/accounts", _page(_account), query={"after": after, "limit": page}))

    @call
    def account(self, id: int) -> Call[Answer, Account]:
        """Give the account with this id; `NotFound`."""
        return asked(self, "GET", f"/accounts/{id:d}", _whole(_account))

    @call
    def create_account(
        self,
        login: str,
        password: str,
        role: str | None = None,
        company_id: int | None = None,
        active: bool | None = None,
    ) -> Call[Answer, Account]:
        """Make an account: an active user of the default company, unless it is told otherwise; `AlreadyExists`."""
        body = {"login": login, "password": password, "role": role, "company_id": company_id, "active": active}
        return asked(self, "POST", "/accounts", _whole(_account), _named(body))

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
        body = {"login": login, "password": password, "role": role, "company_id": company_id, "active": active}
        return asked(self, "PATCH", f"/accounts/{id:d}", _whole(_account), _named(body), rev=rev)

    @call
    def deactivate_account(self, id: int, rev: int | None = None) -> Call[Answer, Account]:
        """Deactivate an account, and end its sessions; `NotFound`, `Outdated`, `Conflict`."""
        return asked(self, "DELETE", f"/accounts/{id:d}", _whole(_account), rev=rev)

    # Companies

    @call
    def companies(self, after: int | None = None, limit: int | None = None) -> Call[Answer, Page[Company]]:
        """Give a page of the companies."""
        return asked(self, "GET", "/companies", _page(_company), query={"after": after, "limit": limit})

    @paged
    def all_companies(self, page: int = PAGE) -> Pages[Company]:
        """Give the companies one by one."""
        return _turned(lambda after: asked(self, "GET", "/companies", _page(_company), query={"after": after, "limit": page}))

    @call
    def company(self, id: int) -> Call[Answer, Company]:
        """Give the company with this id; `NotFound`."""
        return asked(self, "GET", f"/companies/{id:d}", _whole(_company))

    @call
    def create_company(self, name: str, active: bool | None = None) -> Call[Answer, Company]:
        """Make a company; `AlreadyExists`."""
        return asked(self, "POST", "/companies", _whole(_company), _named({"name": name, "active": active}))

    @call
    def change_company(
        self, id: int, *, name: str | None = None, active: bool | None = None, rev: int | None = None
    ) -> Call[Answer, Company]:
        """Rename, activate or deactivate a company, and end its accounts' sessions; as `change_account`."""
        return asked(self, "PATCH", f"/companies/{id:d}", _whole(_company), _named({"name": name, "active": active}), rev=rev)

    @call
    def deactivate_company(self, id: int, rev: int | None = None) -> Call[Answer, Company]:
        """Deactivate a company, and end its accounts' sessions; `NotFound`, `Outdated`, `Conflict`."""
        return asked(self, "DELETE", f"/companies/{id:d}", _whole(_company), rev=rev)

    # Sessions

    @call
    def sessions(
        self, account_id: int | None = None, after: int | None = None, limit: int | None = None
    ) -> Call[Answer, Page[Session]]:
        """Give a page of the sessions, of one account or of all."""
        return asked(
            self, "GET", "/sessions", _page(_session), query={"account_id": account_id, "after": after, "limit": limit}
        )

    @paged
    def all_sessions(self, account_id: int | None = None, page: int = PAGE) -> Pages[Session]:
        """Give the sessions one by one."""

        def ask(after: int | None) -> Call[Answer, Page[Session]]:
            query = {"account_id": account_id, "after": after, "limit": page}
            return asked(self, "GET", "/sessions", _page(_session), query=query)

        return _turned(ask)

    @call
    def end_session(self, id: int) -> Call[Answer, None]:
        """End one session; `NotFound`."""
        return asked(self, "DELETE", f"/sessions/{id:d}", _done)

    @call
    def end_sessions(self, account_id: int) -> Call[Answer, int]:
        """End all sessions of an account, and give how many these were; `NotFound`."""
        read = _whole(lambda fields: fields.whole("ended"))
        return asked(self, "DELETE", "/sessions", read, query={"account_id": account_id})

    # The store

    @call
    def changes(self, since: int, limit: int | None = None) -> Call[Answer, Page[Change]]:
        """Give what has changed after a revision, 0 for all that is known; `HistoryGone`."""
        return asked(self, "GET", "/changes", _page(_change), query={"since": since, "limit": limit})

    @paged
    def all_changes(self, since: int = 0, page: int = PAGE) -> Pages[Change]:
        """Give what has changed after a revision, one by one; `HistoryGone`."""

        def ask(after: int | None) -> Call[Answer, Page[Change]]:
            query = {"since": since if after is None else after, "limit": page}
            return asked(self, "GET", "/changes", _page(_change), query=query)

        return _turned(ask)

    @call
    def export(self, into: Callable[[bytes], object], secrets: bool = False, told: Told | None = None) -> Call[Answer, None]:
        """Give all records, one JSON object a line, in pieces that end anywhere, to `into`. `told` is told of lines.

        Its time is that of silence.
        """
        made = asked(self, "GET", "/export", _done, query={"secrets": "yes" if secrets else None})
        return evolve(made, into=_taking(into, told, _lines, "x-total-count"), repeatable=False)

    @call
    def import_lines(self, pieces: Iterable[bytes], size: int) -> Call[Answer, dict[str, int]]:
        """Add the records of lines as `export` gives them, `size` bytes in all, and give how many of each kind these were.

        All of them or none: `InvalidRequest` has the `faults`. Its time is that of silence, and all is checked before the
        answer: give a large import a client with a long `timeout`.
        """
        made = asked(self, "POST", "/import", _imported)
        head = made.request.replace(b"Content-Length: 0", b"Content-Type: application/x-ndjson\r\nContent-Length: %d" % size)
        return evolve(made, request=head, more=pieces)

    @call
    def check(self) -> Call[Answer, list[str]]:
        """Look for damage in the file of the store, and give what is wrong, a line each; `Conflict` where there is no file."""
        return evolve(asked(self, "POST", "/check", _checked), repeatable=True)

    @call
    def backup(self, into: Callable[[bytes], object], told: Told | None = None) -> Call[Answer, None]:
        """Give a copy of the store's file, which is itself a store, to `into`. `told` is told of bytes.

        `Conflict` where there is no file. Its time is that of silence.
        """
        return evolve(asked(self, "GET", "/backup", _done), into=_taking(into, told, len, "content-length"), repeatable=False)

    # The daemon

    @call
    def health(self) -> Call[Answer, Health]:
        """Tell whether all is well, also where it is not. Needs no login."""
        return asked(self, "GET", "/health", _health)

    @call
    def metrics(self) -> Call[Answer, str]:
        """Give the figures of the daemon, as Prometheus reads them. Needs no login."""
        return asked(self, "GET", "/metrics", lambda answer: _good(answer).body.decode(errors="replace"))

    @call
    def description(self) -> Call[Answer, dict[str, Any]]:
        """Give the OpenAPI description of all that speaks HTTP."""
        return asked(self, "GET", "/openapi.json", _whole(lambda fields: fields.all))


def pieces_of(file: IO[bytes], size: int, told: Told) -> Iterator[bytes]:
    """Give so many bytes of a file in pieces, for `import_lines`."""
    sent = 0
    while piece := file.read(min(_PIECE, size - sent)):
        yield piece
        sent += len(piece)
        told(sent, size)


def _lines(piece: bytes) -> int:
    return piece.count(b"\n")


def _taking(
    into: Callable[[bytes], object], told: Told | None, count: Callable[[bytes], int], total: str
) -> Callable[[Mapping[str, str]], Callable[[bytes], object]]:
    """Give what takes a body in, and tells how far it is where a header field says how much there is."""

    def begun(headers: Mapping[str, str]) -> Callable[[bytes], object]:
        given = headers.get(total, "")
        expected = int(given) if given.isascii() and given.isdigit() else 0
        done = 0

        def take(piece: bytes) -> None:
            nonlocal done
            into(piece)
            done += count(piece)
            if told is not None:
                told(done, max(done, expected))

        return take

    return begun


def _checked(answer: Answer) -> list[str]:
    faults = Fields.decoded(_good(answer).body).all.get("faults")
    if not isinstance(faults, list) or not all(isinstance(fault, str) for fault in faults):
        raise BadAnswer("an answer without a list of faults")
    return faults


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _turned(ask: Callable[[int | None], Call[Answer, Page[T]]]) -> Pages[T]:
    """Give the pages, each of which says what the next one comes after."""

    def page(after: int | None) -> Call[Answer, tuple[list[T], int | None]]:
        asked = ask(after)

        def read(answer: Answer) -> tuple[list[T], int | None]:
            found = asked.read(answer)
            return found.items, found.next

        return Call(asked.request, read, asked.repeatable, asked.method)

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


def _done(answer: Answer) -> None:
    _good(answer)


def _whole(read: Callable[[Fields], T]) -> Callable[[Answer], T]:
    return lambda answer: read(Fields.decoded(_good(answer).body))


def _page(read: Callable[[Fields], T]) -> Callable[[Answer], Page[T]]:
    def one(fields: Fields) -> Page[T]:
        return Page(fields.each("items", read), fields.whole("next") if fields.all.get("next") is not None else None)

    return _whole(one)


def _fault(fields: Fields) -> Fault:
    field = None if fields.all.get("field") is None else fields.text("field")
    return Fault(fields.whole("line"), field, fields.text("message"))


def _account(fields: Fields) -> Account:
    return Account(
        fields.whole("id"),
        fields.whole("rev"),
        fields.text("login"),
        fields.text("role"),
        fields.whole("company_id"),
        fields.flag("active"),
    )


def _company(fields: Fields) -> Company:
    return Company(fields.whole("id"), fields.whole("rev"), fields.text("name"), fields.flag("active"))


def _session(fields: Fields) -> Session:
    return Session(
        fields.whole("id"),
        fields.whole("account_id"),
        fields.text("dialect"),
        fields.text("address"),
        fields.moment("created_at"),
        fields.moment("used_at"),
    )


def _change(fields: Fields) -> Change:
    record = fields.of("record").all if fields.all.get("record") is not None else None
    return Change(fields.whole("rev"), fields.text("kind"), fields.whole("id"), record)


def _imported(answer: Answer) -> dict[str, int]:
    counts = Fields.decoded(_good(answer).body).of("imported")
    return {kind: counts.whole(kind) for kind in counts.all}


def _health(answer: Answer) -> Health:
    if answer.status not in (200, 503):
        raise refused(answer, answer.reason or "refused", _BY_STATUS)
    fields = Fields.decoded(answer.body)
    if "error" in fields:
        _good(answer)
    dialects = fields.of("dialects")
    listening = {name: dialects.of(name).flag("listening") for name in dialects.all}
    return Health(fields.text("status") == "good", listening, fields.of("store").flag("reachable"))
