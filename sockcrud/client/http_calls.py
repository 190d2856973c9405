"""What the clients that speak HTTP share: a request, its errors by meaning, a token, and the raw
way to ask.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

from attrs import evolve

from sockcrud.client.calls import Call, Reader, Wire, call
from sockcrud.client.errors import (
    AlreadyExists,
    BadAnswer,
    Busy,
    CannotSend,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    NotLoggedIn,
    Outdated,
    Refused,
    ServerFault,
    TooManyAttempts,
)
from sockcrud.client.fields import Fields, decoded, objects
from sockcrud.client.http_answers import Answer, HTTPReader
from sockcrud.client.lines import encoded
from sockcrud.client.places import Place

T = TypeVar("T")

_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")
_TARGET: Final = re.compile(r"[!-~]+")
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
_REPEATABLE: Final = ("GET", "HEAD", "OPTIONS")
_SECONDS: Final = re.compile("[0-9]{1,9}")

REFUSALS: Final[Mapping[int, type[Refused]]] = {
    400: InvalidRequest,
    401: NotLoggedIn,
    403: Forbidden,
    404: NotFound,
    409: AlreadyExists,
    411: InvalidRequest,
    412: Outdated,
    413: InvalidRequest,
    414: InvalidRequest,
    415: InvalidRequest,
    431: InvalidRequest,
    500: ServerFault,
    507: Conflict,
}


class HTTPCalls:
    """Any server that speaks HTTP."""

    default_port: ClassVar[int] = 80
    place: Place
    token: str | None = None
    """What a login gave. It may be kept, and set at another client. Is shown nowhere."""
    sends_keys: bool = True
    """Whether creates bring an Idempotency-Key, and are sent once more where nobody knows what
    became of them. To be switched off for a server that does not know the header.
    """
    message_field: ClassVar[str] = "message"
    """Where an error's body has its words."""

    @classmethod
    def wire(cls, longest_answer: int) -> Wire[Answer]:
        """Return the wire, with a limit to its answers."""
        reader: Callable[[], Reader[Answer]] = partial(HTTPReader, longest_answer)
        return Wire(reader)

    @call
    def fetch(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
    ) -> Call[Answer, Answer]:
        """Send one request as it stands, and return its answer, whatever its status. No token is
        added.
        """
        raw = body.encode(errors="surrogateescape") if isinstance(body, str) else body
        return request(self.place, method, path, headers or {}, raw, lambda answer: answer)

    def good(self, answer: Answer) -> Answer:
        """Return a good answer; raise the error that another one is."""
        return good(answer, self.message_field)

    def _bearing(self, rev: int | None = None) -> dict[str, str]:
        """Return the headers that say who asks, and which revision is meant."""
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        return headers if rev is None else {**headers, "If-Match": f'"{rev}"'}


def request(
    place: Place,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None,
    read: Callable[[Answer], T],
) -> Call[Answer, T]:
    """Return the call of a request; raise `CannotSend` for what cannot be one. `headers` go before
    what is added.
    """
    if _METHOD.fullmatch(method) is None:
        raise CannotSend(f"{method!r} is no method of HTTP")
    if _TARGET.fullmatch(path) is None or not (
        path.startswith("/") or (path == "*" and method == "OPTIONS")
    ):
        raise CannotSend(
            "a path begins with /, and has no blanks and no letters beyond ASCII: those are "
            "percent-encoded"
        )
    given = {name.lower() for name in headers}
    fields = {} if "host" in given else {"Host": place.authority}
    fields.update(headers)
    if body is not None and not {"content-length", "transfer-encoding"} & given:
        fields["Content-Length"] = str(len(body))
    elif body is None and method in ("POST", "PUT", "PATCH") and "content-length" not in given:
        fields["Content-Length"] = "0"
    return Call(_head(method, path, fields) + (body or b""), read, method in _REPEATABLE, method)


def _head(method: str, path: str, fields: Mapping[str, str]) -> bytes:
    for name, value in fields.items():
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise CannotSend(
                f"the header field {name!r} cannot be sent: its name or its value has characters "
                f"HTTP has not"
            )
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def http_call(
    client: HTTPCalls,
    method: str,
    path: str,
    read: Callable[[Answer], T],
    body: Mapping[str, Any] | None = None,
    *,
    rev: int | None = None,
    query: Mapping[str, object] | None = None,
    good: Callable[[Answer], Answer] | None = None,
    once: bool = False,
) -> Call[Answer, T]:
    """Return the call that brings the client's token, and an object as its body.

    The server makes one that is to be made `once` no second time, where it is sent again.

    `read` is for good answers; which ones these are, and what the others mean, says the client's
    `good`, or another one.
    """
    check = good or client.good
    headers = client._bearing(rev)
    if body is not None:
        headers["Content-Type"] = "application/json"
    once = once and client.sends_keys
    if once:
        headers["Idempotency-Key"] = f'"{uuid4()}"'
    named = {name: value for name, value in (query or {}).items() if value is not None}
    target = f"{path}?{urlencode(named)}" if named else path
    raw = None if body is None else encoded(body)
    made = request(client.place, method, target, headers, raw, lambda answer: read(check(answer)))
    return evolve(made, keyed=True) if once else made


def whole(read: Callable[[Fields], T]) -> Callable[[Answer], T]:
    """Return what reads an answer whose body is an object."""
    return lambda answer: read(Fields.decoded(answer.body))


def each(read: Callable[[Fields], T]) -> Callable[[Answer], list[T]]:
    """Return what reads an answer whose body is a list of objects."""
    return lambda answer: objects(decoded(answer.body), read)


def nothing(answer: Answer) -> None:
    """Read no more of an answer than that it is good."""


def good(
    answer: Answer, message_field: str, refusals: Mapping[int, type[Refused]] = REFUSALS
) -> Answer:
    """Return a good answer; raise the error that the status of another one means."""
    if answer.status >= 300:
        raise refused(answer, message_of(answer, message_field), refusals)
    return answer


def refused(
    answer: Answer, message: str, refusals: Mapping[int, type[Refused]] = REFUSALS
) -> Refused:
    """Return the error that an answer's status means."""
    wait = answer.headers.get("retry-after", "")
    seconds = float(wait) if _SECONDS.fullmatch(wait) else 1.0
    if answer.status == 429:
        return TooManyAttempts(answer.status, message, seconds)
    if answer.status == 503 or (answer.status == 409 and wait):  # the key is in use at this moment
        return Busy(answer.status, message, seconds)
    return refusals.get(answer.status, ServerFault if answer.status >= 500 else Refused)(
        answer.status, message
    )


def message_of(answer: Answer, name: str) -> str:
    """Return what the body of an error says, or else what the status line does: a proxy has no body
    of ours.
    """
    try:
        return Fields.decoded(answer.body).text(name)
    except BadAnswer:
        return answer.reason or "refused"


def revision(answer: Answer) -> int | None:
    """Return the revision that the answer's tag tells."""
    tag = re.fullmatch(r'"([0-9]{1,19})"', answer.headers.get("etag", ""))
    return None if tag is None else int(tag[1])
