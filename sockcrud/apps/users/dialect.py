"""Users as JSON on TCP: docs/protocols/users.md."""

from __future__ import annotations

import re
from typing import Any, Final

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
from sockcrud.protocols.json.operations import OperationResponder, handles
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
_DIGITS: Final = re.compile("[0-9]+")


class UsersResponder(OperationResponder):
    """The users behind one connection."""

    dialect, field = "users", "id_operation"
    bad_request = BAD_REQUEST
    internal_error = busy = INTERNAL_SERVER_ERROR

    def __init__(self, users: Users, address: str) -> None:
        super().__init__(address)
        self._users = users

    def unknown(self) -> bytes:
        self.note("no such operation", self.field)
        return NOT_FOUND

    def refused(self, operation: str, error: DomainError) -> Answer:
        return _ERRORS.get(type(error), INTERNAL_SERVER_ERROR)

    @handles("get_users", changes=False)
    async def _get_users(self, request: JSONObject) -> Answer:
        page = {} if request.get("payload") is None else _payload(request)
        after, limit = (
            None if page.get(name) is None else whole(page[name], name)
            for name in ("after", "limit")
        )
        stream = await self._users.list(self.principal, after, limit)
        return await list_answer(stream, b'{"payload":[', _users, b'],"code":200}\n')

    @handles("get_user", changes=False)
    async def _get_user(self, request: JSONObject) -> Answer:
        return _user(await self._users.get(self.principal, _user_id(request)), 200)

    @handles("create_user")
    async def _create_user(self, request: JSONObject) -> Answer:
        fields = _payload(request)
        name, email, age = (required(fields, field) for field in ("name", "email", "age"))
        return _user(await self._users.create(self.principal, name, email, age), 201)

    @handles("update_user")
    async def _update_user(self, request: JSONObject) -> Answer:
        data = an_object(required(_payload(request), "data"), "data")
        id = _user_id(request)
        named = {
            field: data[field] for field in ("name", "email", "age") if data.get(field) is not None
        }
        return _user(await self._users.update(self.principal, id, **named), 200)

    @handles("delete_user")
    async def _delete_user(self, request: JSONObject) -> Answer:
        await self._users.delete(self.principal, _user_id(request))
        return DELETED

    @handles("close_connection")
    async def _close_connection(self, request: JSONObject) -> Answer:
        return CloseAfter(CLOSED)


def _payload(request: JSONObject) -> dict[str, Any]:
    return an_object(request.get("payload"), "payload")


def _user_id(request: JSONObject) -> int:
    """Return the id; raise `NotFound` for a text that can be none: people type it, and no user has
    such an id.
    """
    id = required(an_object(request.get("payload"), "payload"), "user_id")
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
