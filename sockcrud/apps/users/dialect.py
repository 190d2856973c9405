"""Users as JSON on TCP: docs/protocols/users.md."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sockcrud.access import Principal
from sockcrud.apps.users.records import User
from sockcrud.apps.users.service import Users
from sockcrud.errors import (
    Busy,
    DomainError,
    InDoubt,
    Invalid,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from sockcrud.protocols.answers import Answer, CloseAfter
from sockcrud.protocols.framing import as_line
from sockcrud.protocols.json.objects import JSONFactory, JSONObject
from sockcrud.refusals import NO_OPERATION, refusals
from sockcrud.rest.fields import an_object, required, whole
from sockcrud.rest.lists import each, list_answer
from sockcrud.serving import Serving


def _error(code: int, message: str) -> bytes:
    return as_line({"error": code, "error_message": message})


NOT_FOUND: Final = _error(404, "Not Found")
USER_NOT_FOUND: Final = _error(404, "User Not Found")
INTERNAL_SERVER_ERROR: Final = _error(500, "Internal Server Error")
BAD_REQUEST: Final = _error(400, "Bad Request")
DELETED: Final = as_line({"payload": {}, "code": 204})
CLOSED: Final = as_line({"payload": {"message": "Connection closed"}, "code": 200})

_ERRORS: Final[dict[type[DomainError], Answer]] = {
    NotFound: USER_NOT_FOUND,
    Invalid: BAD_REQUEST,
    Busy: CloseAfter(INTERNAL_SERVER_ERROR),
    QuotaExceeded: INTERNAL_SERVER_ERROR,  # the protocol has no better word for it
    Unavailable: CloseAfter(INTERNAL_SERVER_ERROR),
    InDoubt: CloseAfter(INTERNAL_SERVER_ERROR),
}
_READS: Final = ("get_users", "get_user")
_DIGITS: Final = re.compile("[0-9]+")


class UsersResponder:
    """The users behind one connection."""

    internal_error = INTERNAL_SERVER_ERROR
    busy = INTERNAL_SERVER_ERROR
    farewell = b""

    def __init__(self, users: Users, address: str) -> None:
        self._users = users
        self._principal = Principal("users", address)

    def malformed(self, expected: str, field: str = "request") -> bytes:
        refusals.note("users", self._principal.address, NO_OPERATION, f"expected {expected}", field)
        return BAD_REQUEST

    def only_reads(self, request: JSONObject) -> bool:
        return request.get("id_operation") in _READS

    async def answer(self, request: JSONObject) -> Answer:
        """Return the answer to a request of the protocol."""
        name = request.get("id_operation")
        if not isinstance(name, str):
            return self.malformed("a text", "id_operation")
        perform = _OPERATIONS.get(name)
        if perform is None:
            refusals.note(
                "users", self._principal.address, NO_OPERATION, "no such operation", "id_operation"
            )
            return NOT_FOUND
        try:
            return await perform(self, request.get("payload"))
        except DomainError as error:
            refusals.note_error("users", self._principal.address, name, error)
            return _ERRORS.get(type(error), INTERNAL_SERVER_ERROR)

    async def _get_users(self, payload: Any) -> Answer:
        page = {} if payload is None else an_object(payload, "payload")
        after, limit = (
            None if page.get(name) is None else whole(page[name], name)
            for name in ("after", "limit")
        )
        stream = await self._users.list(self._principal, after, limit)
        return await list_answer(stream, b'{"payload":[', _users, b'],"code":200}\n')

    async def _get_user(self, payload: Any) -> Answer:
        return _user(await self._users.get(self._principal, _user_id(payload)), 200)

    async def _create_user(self, payload: Any) -> Answer:
        fields = an_object(payload, "payload")
        name, email, age = (
            required(fields, "name"),
            required(fields, "email"),
            required(fields, "age"),
        )
        return _user(await self._users.create(self._principal, name, email, age), 201)

    async def _update_user(self, payload: Any) -> Answer:
        data = an_object(required(an_object(payload, "payload"), "data"), "data")
        id = _user_id(payload)
        named = {
            field: data[field] for field in ("name", "email", "age") if data.get(field) is not None
        }
        return _user(await self._users.update(self._principal, id, **named), 200)

    async def _delete_user(self, payload: Any) -> Answer:
        await self._users.delete(self._principal, _user_id(payload))
        return DELETED

    async def _close_connection(self, payload: Any) -> Answer:
        return CloseAfter(CLOSED)


_OPERATIONS: Final[dict[str, Callable[[UsersResponder, Any], Awaitable[Answer]]]] = {
    "get_users": UsersResponder._get_users,
    "get_user": UsersResponder._get_user,
    "create_user": UsersResponder._create_user,
    "update_user": UsersResponder._update_user,
    "delete_user": UsersResponder._delete_user,
    "close_connection": UsersResponder._close_connection,
}


def _user_id(payload: Any) -> int:
    """Return the id; raise `NotFound` for a text that can be none: people type it, and no user has
    such an id.
    """
    id = required(an_object(payload, "payload"), "user_id")
    if isinstance(id, str) and "\0" not in id and _DIGITS.fullmatch(id) is None:
        raise NotFound("user", 0)
    return whole(id, "user_id")


def _render(user: User) -> JSONObject:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "age": user.age,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


def _user(user: User, code: int) -> bytes:
    return as_line({"payload": _render(user), "code": code})


_users: Final = each(_render)


class UsersFactory(JSONFactory):
    """Makes the connections of the users."""

    def __init__(self, serving: Serving) -> None:
        users = Users(serving.access, serving.store)
        super().__init__(lambda peer: UsersResponder(users, peer), *serving.json)
