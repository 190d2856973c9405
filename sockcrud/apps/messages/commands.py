"""`sockcrud messages`."""

from __future__ import annotations

from sockcrud.cli.records.verbs import Field, Verbs, command_group
from sockcrud.cli.systems import System

messages = command_group(
    "messages",
    "messages",
    "The messages, over JSON on TCP. They need no login.",
    *("add 'good morning'", "show", "--at example.org:5000 show --json"),
)
_verbs = Verbs(
    messages,
    "message",
    "messages",
    System("messages", "sockcrud.client.sync:Messages"),
    "sockcrud.apps.messages.records:Message",
    [Field("data", argument="TEXT")],
)
_verbs.show("get", "Show the message with this ID, or all messages.", "", "3", all="show")
_verbs.create(
    "add",
    "Add a message: a TEXT of 1 to 10,000 characters.",
    *("'good morning'", "'good morning' --id 3", "-- '--- a text that begins with a hyphen'"),
    verb="add",
    chosen_id="its id, which must be free  [default: the server finds one, and does not tell]",
)
_verbs.delete("delete", "", "3")
