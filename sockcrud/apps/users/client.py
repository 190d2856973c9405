"""The operations of `users`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from attrs import frozen

from sockcrud.client.calls import PAGE, Call, Page, Pages, call, paged
from sockcrud.client.errors import BadAnswer, InvalidRequest, NotFound, Refused, ServerFault
from sockcrud.client.fields import Fields, objects
from sockcrud.client.lines import LineCalls, line_call


@frozen
class User:
    """A user, as `users` has them."""

    id: int
    name: str
    email: str
    age: int
    created_at: datetime
    updated_at: datetime


_List = list[User]

_REFUSALS: Final[dict[int, type[Refused]]] = {400: InvalidRequest, 404: NotFound, 500: ServerFault}


class UsersCalls(LineCalls):
    """Users as JSON on TCP."""

    default_port: ClassVar[int] = 8080

    @call
    def list(self, after: int | None = None, limit: int | None = None) -> Call[bytes, _List]:
        """List the users, by their ids; all of them, or so many, after that id."""
        return _listed(after, limit)

    @paged
    def all(self, page: int = PAGE) -> Pages[User]:
        """Return all users one by one, fetching a page at a time: for more of them than an answer
        may hold.
        """

        def next_page(after: int | None) -> Call[bytes, Page[User]]:
            listed = _listed(after, page)

            def read(line: bytes) -> Page[User]:
                users = listed.read(line)
                return Page(users, users[-1].id if len(users) >= page else None)

            return Call(listed.request, read, repeatable=True)

        return Pages(next_page)

    @call
    def get(self, id: int) -> Call[bytes, User]:
        """Return the user with this id; `NotFound`."""
        return _call_of("get_user", {"user_id": id}, _one, repeatable=True)

    @call
    def create(self, name: str, email: str, age: int) -> Call[bytes, User]:
        """Create a user, and return it; `InvalidRequest`."""
        return _call_of("create_user", {"name": name, "email": email, "age": age}, _one)

    @call
    def update(
        self, id: int, name: str | None = None, email: str | None = None, age: int | None = None
    ) -> Call[bytes, User]:
        """Change what is named of a user, and return it; `NotFound`, `InvalidRequest`."""
        named = {"name": name, "email": email, "age": age}
        data = {field: value for field, value in named.items() if value is not None}
        return _call_of("update_user", {"user_id": id, "data": data}, _one)

    @call
    def delete(self, id: int) -> Call[bytes, None]:
        """Delete the user with this id; `NotFound`."""
        return _call_of("delete_user", {"user_id": id}, lambda payload: None)

    @call
    def close_connection(self) -> Call[bytes, str]:
        """Ask the server to close the connection, and return its farewell. The next call makes a
        new one.
        """
        return _call_of("close_connection", {}, lambda payload: Fields(payload).text("message"))


def _call_of(
    operation: str, payload: dict[str, Any], read: Any, repeatable: bool = False
) -> Call[bytes, Any]:
    return line_call(
        {"id_operation": operation, "payload": payload},
        lambda answer: read(_payload(answer)),
        repeatable,
    )


def _listed(after: int | None, limit: int | None) -> Call[bytes, _List]:
    page = {
        name: value for name, value in (("after", after), ("limit", limit)) if value is not None
    }
    return _call_of("get_users", page, lambda payload: objects(payload, _user), repeatable=True)


def _payload(answer: Fields) -> Any:
    """Return what an answer holds; raise the error that it is."""
    if "error" in answer:
        status = answer.whole("error")
        raise _REFUSALS.get(status, Refused)(status, answer.text("error_message"))
    if "payload" not in answer:
        raise BadAnswer("an answer with neither a payload nor an error")
    return answer.all["payload"]


def _one(payload: Any) -> User:
    return _user(Fields(payload))


def _user(fields: Fields) -> User:
    return fields.record(User)
