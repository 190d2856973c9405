"""The operations of the users in other words."""

from typing import Final

from sockcrud.journal.translating.sayings import Saying, Sayings

_FIELDS: Final = {"name": "{name}", "email": "{email}", "age": "{age}"}
_OPTIONS: Final = "--name {name} --email {email} --age {age}"
_ARGUMENTS: Final = "name={name}, email={email}, age={age}"


def _request(operation: str, payload: object) -> dict[str, object]:
    return {"id_operation": operation, "payload": payload}


SAYINGS: Final = Sayings(
    (
        Saying(
            "users.list",
            "get_users",
            _request("get_users", {"limit": "{limit}", "after": "{after}"}),
            optional=("limit", "after"),
            command="users list --limit {limit} --after {after}",
            call="list(limit={limit}, after={after})",
        ),
        Saying(
            "users.get",
            "get_user",
            _request("get_user", {"user_id": "{id}"}),
            command="users show {id}",
            call="get({id})",
        ),
        Saying(
            "users.create",
            "create_user",
            _request("create_user", _FIELDS),
            command=f"users create {_OPTIONS}",
            call=f"create({_ARGUMENTS})",
        ),
        Saying(
            "users.update",
            "update_user",
            _request("update_user", {"user_id": "{id}", "data": _FIELDS}),
            optional=("name", "email", "age"),
            command=f"users update {_OPTIONS} {{id}}",
            call=f"update({{id}}, {_ARGUMENTS})",
        ),
        Saying(
            "users.delete",
            "delete_user",
            _request("delete_user", {"user_id": "{id}"}),
            command="users delete {id}",
            call="delete({id})",
        ),
    ),
    "from sockcrud.client.sync import Users",
    "Users({at})",
)
