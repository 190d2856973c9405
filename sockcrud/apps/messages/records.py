"""The records of `messages`."""

from __future__ import annotations

from typing import Final

from sockcrud.records import Record, text


class Message(Record, any_id=True):
    """A message of docs/protocols/messages.md. Its id is the client's choice."""

    data: str = text(1, 10_000)


EXAMPLES: Final = ((Message, 1, {"data": "abc"}), (Message, 2, {"data": "fgh"}))
"""Those of the document, which `--demo` brings."""
