"""JSON-RPC 2.0 on lines: requests, notifications and batches, each on a line of its own. What the
methods do is a subclass's.

Parameters come by name. A batch is worked off in its order, in turns, and its answers are sent as
the peer reads them where they are many.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

from attrs import frozen
from twisted.logger import Logger

from sockcrud.errors import (
    Busy,
    Crashed,
    DomainError,
    Forbidden,
    InDoubt,
    Invalid,
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
from sockcrud.protocols.answers import Answer, Stream
from sockcrud.protocols.dialects import JSONValueDialect
from sockcrud.protocols.framing import as_line
from sockcrud.protocols.scheduler import TURN_SECONDS
from sockcrud.refusals import NO_OPERATION, refusals

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

MOST_IN_BATCH: Final = 128
"""Requests of one batch, as many as a connection may have under way."""
LONGEST_WHOLE: Final = 256 * 1024
"""Bytes of a batch's answers up to which they are sent as one; more are sent as the peer reads."""

_CODES: Final[dict[type[DomainError], int]] = {
    Invalid: INVALID_PARAMS,
    NotFound: -32001,
    Taken: -32002,
    Outdated: -32003,
    NotLoggedIn: -32004,
    LoginFailed: -32004,
    Forbidden: -32005,
    StillReferred: -32006,
    Busy: -32010,
    Unavailable: -32010,
    LoginDelayed: -32010,
    QuotaExceeded: -32010,
    Crashed: INTERNAL_ERROR,
    InDoubt: INTERNAL_ERROR,
}
_MESSAGES: Final[dict[type[DomainError], str]] = {
    NotLoggedIn: "a login is needed: call session.login",
    LoginFailed: "the login or the password is wrong, or the account may not log in",
    Forbidden: "this account may not do that",
    Busy: "too much is under way: try again in a moment",
    InDoubt: "whether the change took effect is unknown: the store was lost while it was made; "
    "look before you ask again",
    Unavailable: "the store cannot be reached; whether a change took effect is unknown",
    Crashed: "Internal error",
}
"""Where the error's own words are none, or are not for everybody."""

_TOLD: Final = ("kind", "id", "field", "by", "rev", "retry_after")
"""What `data` has of an error, where the error has it."""

Object = dict[str, Any]
Log: Final = Logger()


@frozen
class Method:
    """A method: `call` gets the dialect and the parameters, by name, and its result can be written
    as JSON.
    """

    call: Callable[[Any, Object], Awaitable[Any]]
    only_reads: bool = False


class JSONRPCDialect(JSONValueDialect):
    """JSON-RPC behind one connection. A subclass has the `methods`."""

    methods: ClassVar[Mapping[str, Method]] = {}

    _is_gone = False

    def only_reads(self, request: Any) -> bool:
        requests = request if isinstance(request, list) else (request,)
        return all(map(self._only_reads, requests))

    def _only_reads(self, request: Any) -> bool:
        """Return whether a request changes nothing; what is no request does not."""
        name = request.get("method") if isinstance(request, dict) else None
        method = self.methods.get(name) if isinstance(name, str) else None
        return method is None or method.only_reads

    async def reply(self, request: Any) -> Answer:
        if isinstance(request, list):
            return await self._batch(request)
        return await self.objectReceived(request)

    async def objectReceived(self, object: Object) -> Answer:
        return await self._answer(object) or b""

    def malformed(self, expected: str) -> bytes:
        refusals.note(
            self.principal.dialect,
            self.principal.address,
            NO_OPERATION,
            f"expected {expected}",
            "request",
        )
        return _error(None, PARSE_ERROR, "Parse error", {"expected": expected})

    def failed(self, error: DomainError) -> bytes:
        return _failure(None, error)

    def connection_lost(self) -> None:
        self._is_gone = True

    # One request

    async def _answer(self, request: Any) -> bytes | None:
        """Return the answer to one request, on a line; None to a notification."""
        if not isinstance(request, dict):
            return _invalid(None, "request", "an object")
        id, is_notification = request.get("id"), "id" not in request
        if not _is_id(id):
            return _invalid(None, "id", "a text, a number or null")
        if request.get("jsonrpc") != "2.0":
            return _invalid(id, "jsonrpc", '"2.0"')
        name, params = request.get("method"), request.get("params", {})
        if not isinstance(name, str):
            return _invalid(id, "method", "a text")
        if not isinstance(params, (dict, list)):
            return _invalid(id, "params", "an object")
        answer = await self._result(id, name, params)
        return None if is_notification else answer

    async def _result(self, id: Any, name: str, params: Object | list[Any]) -> bytes:
        method = self.methods.get(name)
        if method is None:
            refusals.note(
                self.principal.dialect,
                self.principal.address,
                NO_OPERATION,
                "no such method",
                "method",
            )
            return _error(
                id,
                METHOD_NOT_FOUND,
                "Method not found",
                {"expected": f"one of {', '.join(self.methods)}"},
            )
        if isinstance(params, list):
            return _failure(
                id, Invalid("params", "an object: parameters are taken by name, not by position")
            )
        try:
            return as_line({"jsonrpc": "2.0", "result": await method.call(self, params), "id": id})
        except DomainError as error:
            refusals.note_error(self.principal.dialect, self.principal.address, name, error)
            return _failure(id, error)
        except Exception:
            Log.failure("{method} could not be answered", method=name)
            return _failure(id, Crashed())

    # Many at once

    async def _batch(self, requests: list[Any]) -> Answer:
        if not 1 <= len(requests) <= MOST_IN_BATCH:
            return _invalid(None, "batch", f"1 to {MOST_IN_BATCH} requests")
        answers = self._answers(requests)
        made, size = [], 0
        async for answer in answers:
            made.append(answer)
            size += len(answer)
            if size > LONGEST_WHOLE:
                return Stream(_slices(made, answers), lambda: None)
        return b"[%b]\n" % b",".join(made) if made else b""

    async def _answers(self, requests: list[Any]) -> AsyncIterator[bytes]:
        """Yield the answers, one after the other, without their ends of line. What takes long is
        done in turns.
        """
        scheduler = self.serving.connections.all.scheduler
        peer = self.serving.connections.all.peer(self.principal.address).key
        began = scheduler.now()
        for request in requests:
            if scheduler.now() - began > TURN_SECONDS:
                await scheduler.pause(peer)
                began = scheduler.now()
            if self._is_gone:
                return
            if answer := await self._answer(request):
                yield answer[:-1]


async def _slices(made: list[bytes], answers: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"[" + b",".join(made)
    async for answer in answers:
        yield b"," + answer
    yield b"]\n"


def _is_id(id: Any) -> bool:
    return id is None or (isinstance(id, (str, int, float)) and not isinstance(id, bool))


def _error(id: Any, code: int, message: str, data: Object) -> bytes:
    return as_line(
        {"jsonrpc": "2.0", "error": {"code": code, "message": message, "data": data}, "id": id}
    )


def _invalid(id: Any, field: str, expected: str) -> bytes:
    return _error(id, INVALID_REQUEST, "Invalid Request", {"field": field, "expected": expected})


def _failure(id: Any, error: DomainError) -> bytes:
    """Return the answer to a request that cannot be had."""
    if isinstance(error, Invalid):
        return _error(
            id, INVALID_PARAMS, str(error), {"field": error.field, "expected": error.expected}
        )
    told = {
        name: value for name, value in vars(error).items() if name in _TOLD and value is not None
    }
    message = _MESSAGES.get(type(error)) or str(error)
    return _error(
        id, _CODES.get(type(error), INTERNAL_ERROR), message, {"name": error.outcome, **told}
    )
