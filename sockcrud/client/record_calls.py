"""The clients of a record that nobody wrote one for: over JSON-RPC 2.0 on lines, and over REST.

Both have the same calls, and give records with the fields that the record declares, with `id` and
`rev`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any, ClassVar, Final, Literal

import attrs

from sockcrud.client import http_calls, lines
from sockcrud.client.calls import PAGE, Call, Page, Pages, call, paged
from sockcrud.client.errors import (
    AlreadyExists,
    BadAnswer,
    Busy,
    Conflict,
    Forbidden,
    InvalidRequest,
    LoginFailed,
    NotFound,
    NotLoggedIn,
    Outdated,
    Refused,
    ServerFault,
    TooManyAttempts,
)
from sockcrud.client.fields import Fields
from sockcrud.client.http_answers import Answer
from sockcrud.client.http_calls import HTTPCalls, nothing, refused, whole
from sockcrud.client.lines import LineCalls


class RecordCalls(ABC):
    """What both wires have. `record` is the class that declares it, and `plural` its name in paths
    and methods.
    """

    record: ClassVar[type]
    plural: ClassVar[str]

    def _read(self, fields: Fields) -> Any:
        return fields.record(client_type(self.record))

    def _page(self, fields: Fields) -> Page[Any]:
        return Page(
            fields.each("items", self._read),
            fields.whole("next") if fields.all.get("next") is not None else None,
        )

    @abstractmethod
    def _listed(
        self, after: int | None, limit: int | None, where: Mapping[str, Any]
    ) -> Call[Any, Page[Any]]:
        """Return the call of a page of the records: those behind an id, those with a value in an
        indexed field.
        """

    @call
    def list(
        self, /, after: int | None = None, limit: int | None = None, **where: Any
    ) -> Call[Any, Page[Any]]:
        """Return a page of the records, those behind an id, those with a value in an indexed
        field.
        """
        return self._listed(after, limit, where)

    @paged
    def all(self, /, page: int = PAGE, **where: Any) -> Pages[Any]:
        """Return all records one by one, fetching a page at a time."""
        return Pages(lambda after: self._listed(after, page, where))


class RecordLines(LineCalls, RecordCalls):
    """Records over JSON-RPC 2.0 on lines. A login is that of a connection: it is gone with it."""

    @call
    def log_in(self, login: str, password: str) -> Call[bytes, str]:
        """Log the connection in, and return the role; `LoginFailed`, `TooManyAttempts`."""
        return _call_of(
            "session.login",
            {"login": login, "password": password},
            lambda result: Fields(result).text("role"),
        )

    @call
    def log_out(self) -> Call[bytes, None]:
        """Log the connection out."""
        return _call_of("session.logout", {}, lambda result: None)

    def _listed(
        self, after: int | None, limit: int | None, where: Mapping[str, Any]
    ) -> Call[bytes, Page[Any]]:
        return self._call_of(
            "list", {"after": after, "limit": limit, **where}, self._page, repeatable=True
        )

    @call
    def get(self, /, id: int) -> Call[bytes, Any]:
        """Return the record with this id; `NotFound`."""
        return self._call_of("get", {"id": id}, self._read, repeatable=True)

    @call
    def find(self, /, **field: Any) -> Call[bytes, Any]:
        """Return the record with this value in a unique field; `NotFound`."""
        return self._call_of("find", field, self._read, repeatable=True)

    @call
    def create(self, /, **fields: Any) -> Call[bytes, Any]:
        """Create a record, and return it; `InvalidRequest`, `AlreadyExists`."""
        return self._call_of("create", fields, self._read)

    @call
    def update(self, /, id: int, rev: int | None = None, **fields: Any) -> Call[bytes, Any]:
        """Change what is named of a record, and return it; `NotFound`, `InvalidRequest`,
        `AlreadyExists`, `Outdated`.
        """
        return self._call_of("update", {"id": id, "rev": rev, **fields}, self._read)

    @call
    def delete(self, /, id: int, rev: int | None = None) -> Call[bytes, None]:
        """Delete a record; `NotFound`, `Outdated`, `Conflict` where others refer to it."""
        return _call_of(
            f"{self.plural}.delete", _as_json({"id": id, "rev": rev}), lambda result: None
        )

    def _call_of(
        self,
        verb: str,
        params: Mapping[str, Any],
        read: Callable[[Fields], Any],
        repeatable: bool = False,
    ) -> Call[bytes, Any]:
        return _call_of(
            f"{self.plural}.{verb}",
            _as_json(params),
            lambda result: read(Fields(result)),
            repeatable,
        )


class RecordREST(HTTPCalls, RecordCalls):
    """Records over REST. The `token` is one of the dialect whose logins open it."""

    def good(self, answer: Answer) -> Answer:
        if answer.status < 300:
            return answer
        try:
            problem = Fields.decoded(answer.body)
            detail = problem.text("detail")
        except BadAnswer:
            raise refused(answer, answer.reason or "refused") from None
        if answer.status in (400, 422):
            raise InvalidRequest(
                answer.status, detail, problem.text("field") if "field" in problem else None
            )
        raise refused(answer, detail)

    def _listed(
        self, after: int | None, limit: int | None, where: Mapping[str, Any]
    ) -> Call[Answer, Page[Any]]:
        query = {
            name: _in_query(value)
            for name, value in _as_json({"after": after, "limit": limit, **where}).items()
        }
        return http_calls.http_call(self, "GET", f"/{self.plural}", whole(self._page), query=query)

    @call
    def get(self, /, id: int) -> Call[Answer, Any]:
        """Return the record with this id; `NotFound`."""
        return http_calls.http_call(self, "GET", f"/{self.plural}/{id:d}", whole(self._read))

    @call
    def find(self, /, **field: Any) -> Call[Answer, Any]:
        """Return the record with this value in a unique field; `NotFound`."""
        return attrs.evolve(self._listed(None, 1, field), read=partial(self._first, field))

    @call
    def create(self, /, **fields: Any) -> Call[Answer, Any]:
        """Create a record, and return it; `InvalidRequest`, `AlreadyExists`."""
        return http_calls.http_call(
            self, "POST", f"/{self.plural}", whole(self._read), _as_json(fields), once=True
        )

    @call
    def update(self, /, id: int, rev: int | None = None, **fields: Any) -> Call[Answer, Any]:
        """Change what is named of a record, and return it; `NotFound`, `InvalidRequest`,
        `AlreadyExists`, `Outdated`.
        """
        return http_calls.http_call(
            self, "PATCH", f"/{self.plural}/{id:d}", whole(self._read), _as_json(fields), rev=rev
        )

    @call
    def delete(self, /, id: int, rev: int | None = None) -> Call[Answer, None]:
        """Delete a record; `NotFound`, `Outdated`, `Conflict` where others refer to it."""
        return http_calls.http_call(self, "DELETE", f"/{self.plural}/{id:d}", nothing, rev=rev)

    def _first(self, field: Mapping[str, Any], answer: Answer) -> Any:
        found = whole(self._page)(self.good(answer)).items
        if not found:
            raise NotFound(404, f"no {self.record.__name__} has this {', '.join(field)}")
        return found[0]


def record_client(
    face: type, record: type, plural: str, wire: Literal["lines", "rest"], port: int
) -> type:
    """Return the class of a client, of a face: `BlockingFace` or `AsynchronousFace`."""
    base: type = RecordLines if wire == "lines" else RecordREST
    return type(
        f"{record.__name__}Client",
        (base, face),
        {"record": record, "plural": plural, "default_port": port},
    )


@cache
def client_type(record: type) -> type:
    """Return the class of what answers tell of a record: its fields without those that are
    secret.
    """
    from sockcrud.records import (
        describe,
    )  # late: the clients that were written for a system need no records

    secrets = describe(record).secrets
    fields = {
        each.name: attrs.field(type=each.type)
        for each in attrs.fields(record)
        if each.name not in secrets
    }
    made: type = attrs.make_class(record.__name__, fields, frozen=True)
    return made


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is given of the values, as JSON has them."""
    return {name: _written(value) for name, value in values.items() if value is not None}


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _in_query(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


# JSON-RPC


def _call_of(
    method: str, params: Mapping[str, Any], read: Callable[[Any], Any], repeatable: bool = False
) -> Call[bytes, Any]:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return lines.line_call(request, lambda answer: read(_result(answer)), repeatable)


def _result(answer: Fields) -> Any:
    if "error" in answer:
        raise _refusal(answer.of("error"))
    if "result" not in answer:
        raise BadAnswer("an answer with neither a result nor an error")
    return answer.all["result"]


_KINDS: Final[Mapping[int, type[Refused]]] = {
    -32001: NotFound,
    -32002: AlreadyExists,
    -32003: Outdated,
    -32004: NotLoggedIn,
    -32005: Forbidden,
    -32006: Conflict,
    -32603: ServerFault,
}
_NAMED: Final[Mapping[str, type[Refused]]] = {"login_failed": LoginFailed, "quota": Conflict}
"""By the name in `data`, where the code is one of several errors."""


def _refusal(error: Fields) -> Refused:
    code, message = error.whole("code"), error.text("message")
    data = error.maybe("data") or {}
    name, field, wait = data.get("name"), data.get("field"), data.get("retry_after")
    if code == -32602:
        return InvalidRequest(code, message, field if isinstance(field, str) else None)
    seconds = float(wait) if isinstance(wait, (int, float)) else 1.0
    if name == "login_delayed":
        return TooManyAttempts(code, message, seconds)
    if code == -32010 and name not in _NAMED:
        return Busy(code, message, seconds)
    return _NAMED.get(str(name), _KINDS.get(code, Refused))(code, message)
