"""The records that `--demo` brings: those of the document."""

from typing import Final

from sockcrud.app import Example
from sockcrud.apps.messages.records import Message

EXAMPLES: Final[tuple[Example, ...]] = ((Message, 1, {"data": "abc"}), (Message, 2, {"data": "fgh"}))
