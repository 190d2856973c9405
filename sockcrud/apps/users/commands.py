"""`sockcrud users`."""

from __future__ import annotations

from sockcrud.cli.records.verbs import Field, Verbs, command_group
from sockcrud.cli.systems import System

users = command_group(
    "users",
    "users",
    "The users, over JSON on TCP. They need no login.",
    "create --name Ana --email ana@example.org --age 30",
    "list",
    "--at example.org:8080 list --json",
)


_FIELDS = (
    Field("name"),
    Field("email", "name@example.org; others may have the same"),
    Field("age", metavar="YEARS"),
)

_verbs = Verbs(
    users,
    "user",
    "users",
    System("users", "sockcrud.client.sync:Users"),
    "sockcrud.apps.users.records:User",
    _FIELDS,
)
_verbs.create(
    "create", "Create a user, and show it.", "--name Ana --email ana@example.org --age 30"
)
_verbs.show("get")
_verbs.list(
    "list",
    "List the users, by their ids.\n\nThey are asked for a page at a time, and as JSON written "
    "as they come.",
    *("", "--limit 10 --after 20", "| grep ana@example.org"),
    paged=True,
)
_verbs.update(
    "update",
    "Change what is named of the user with this ID, and show it.",
    *("1 --age 31", "1 --name 'Ana Maria' --email ana.maria@example.org"),
)
_verbs.delete("delete")
