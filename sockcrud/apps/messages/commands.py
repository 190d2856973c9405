"""`sockcrud messages`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from sockcrud.cli.options import talks_to
from sockcrud.cli.records.verbs import Verbs
from sockcrud.cli.systems import System
from sockcrud.cli.values import ID, FieldOf

if TYPE_CHECKING:
    from sockcrud.client.sync import Messages


_MESSAGES: Final[System[Messages]] = System("messages", "sockcrud.client.sync:Messages")


@click.group()
@talks_to("messages")
def messages() -> None:
    """The messages, over JSON on TCP. They need no login.

    \b
    sockcrud messages add 'good morning'
    sockcrud messages show
    sockcrud messages --at example.org:5000 show --json
    """


@messages.command()
@click.argument("id", type=ID, required=False)
@talks_to("messages")
def show(id: int | None) -> None:
    """Show the message with this ID, or all messages.

    \b
    sockcrud messages show
    sockcrud messages show 3
    """
    from sockcrud.cli import showing

    with _MESSAGES.asked() as client:
        if id is None:
            showing.show_all(client.show(), "messages")
        else:
            showing.show(client.get(id))


@messages.command()
@click.argument("text", type=FieldOf("sockcrud.apps.messages.records:Message", "data"))
@click.option(
    "--id", type=ID, metavar="ID", help="its id, which must be free  [default: the server finds one, and does not tell]"
)
@talks_to("messages")
def add(text: str, id: int | None) -> None:
    """Add a message: a TEXT of 1 to 10,000 characters.

    \b
    sockcrud messages add 'good morning'
    sockcrud messages add 'good morning' --id 3
    sockcrud messages add -- '--- a text that begins with a hyphen'
    """
    from sockcrud.cli import showing

    with _MESSAGES.asked(changes=True) as client:
        client.add(text, id)
    if id is None:
        showing.say("the message is added", added=True)
    else:
        showing.say(f"message {id} is added", id=id, added=True)


Verbs(messages, "message", "messages", _MESSAGES).delete("delete", "", "3")
