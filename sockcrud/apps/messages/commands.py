"""`sockcrud messages`."""

from __future__ import annotations

import click

from sockcrud.cli.options import talks_to
from sockcrud.cli.records.verbs import Field, Verbs
from sockcrud.cli.systems import System
from sockcrud.cli.values import ID


@click.group()
@talks_to("messages")
def messages() -> None:
    """The messages, over JSON on TCP. They need no login.

    \b
    sockcrud messages add 'good morning'
    sockcrud messages show
    sockcrud messages --at example.org:5000 show --json
    """


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
    also=[
        click.option(
            "--id",
            type=ID,
            metavar="ID",
            help="its id, which must be free  [default: the server finds one, and does not tell]",
        )
    ],
)
_verbs.delete("delete", "", "3")
