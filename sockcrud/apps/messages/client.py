"""The operations of `messages`. A broken connection has the protocol's own words here."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from attrs import frozen

from sockcrud.client.calls import Call, call
from sockcrud.client.errors import (
    AlreadyExists,
    BadAnswer,
    InvalidRequest,
    NotFound,
    Refused,
    ServerGone,
    Words,
)
from sockcrud.client.fields import Fields
from sockcrud.client.lines import LineCalls, line_call


@frozen
class Message:
    """A message, as `messages` has them."""

    id: int
    data: str


WORDS: Final = Words("Mensagem não foi enviada", "Conexão encerrada")

_REFUSALS: Final[dict[int, type[Refused]]] = {400: InvalidRequest, 401: InvalidRequest, 402: NotFound, 403: InvalidRequest}

_RECORD: Final = re.compile(
    r"""\{\s*'id'\s*:\s*(-?[0-9]{1,19})\s*,\s*'mensagem'\s*:\s*(?:'([^'\\]*(?:\\.[^'\\]*)*)'|"([^"\\]*(?:\\.[^"\\]*)*)")\s*\}""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:([\\'\"nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|())", re.DOTALL)
_ESCAPED: Final = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


class MessagesCalls(LineCalls):
    """Messages as JSON on TCP, in Portuguese."""

    default_port: ClassVar[int] = 5000
    words: ClassVar[Words] = WORDS

    @call
    def show(self) -> Call[bytes, list[Message]]:
        """Return all messages, by their ids."""
        return _call_of({"op": "mostrar", "id": "", "data": ""}, _messages, repeatable=True)

    @call
    def get(self, id: int) -> Call[bytes, Message]:
        """Return the message with this id; `NotFound`."""
        return _call_of({"op": "mostrar", "id": id, "data": ""}, _message, repeatable=True)

    @call
    def add(self, data: str, id: int | None = None) -> Call[bytes, None]:
        """Add a message. Without an id the server finds one, and does not tell it.

        The wire says the same of an id that exists and of a text that is none: `AlreadyExists` where an id was given and
        the text may be one, and `InvalidRequest` otherwise.
        """
        may_exist = id is not None and 0 < len(data) <= 10_000
        return _call_of({"op": "adicionar", "id": "" if id is None else id, "data": data}, _nothing, may_exist=may_exist)

    @call
    def delete(self, id: int) -> Call[bytes, None]:
        """Delete the message with this id; `NotFound`."""
        return _call_of({"op": "deletar", "id": id, "data": ""}, _nothing)


def _call_of(request: dict[str, Any], read: Any, repeatable: bool = False, may_exist: bool = False) -> Call[bytes, Any]:
    def take(answer: Fields) -> Any:
        status, message = answer.whole("status"), answer.text("message")
        if status in (200, 201, 202):
            return read(answer.text("data"))
        if status == ServerGone.code:
            raise ServerGone("the server said so", message)
        if status == 401 and may_exist:
            raise AlreadyExists(status, message)
        raise _REFUSALS.get(status, Refused)(status, message)

    return line_call(request, take, repeatable)


def _nothing(data: str) -> None:
    return None


def _message(data: str) -> Message:
    found = _messages(data)
    if len(found) != 1:
        raise BadAnswer(f"an answer with {len(found)} messages, where there can be one")
    return found[0]


def _messages(data: str) -> list[Message]:
    """Read records as Python writes them, one behind the other, a comma between two."""
    found: list[Message] = []
    at = 0
    while at < len(data):
        if found:
            if data[at] != ",":
                raise BadAnswer("an answer with messages that are not in their form")
            at += 1
        record = _RECORD.match(data, at)
        if record is None:
            raise BadAnswer("an answer with messages that are not in their form")
        text = record[2] if record[2] is not None else record[3]
        found.append(Message(int(record[1]), _ESCAPE.sub(_unescaped, text) if "\\" in text else text))
        at = record.end()
    return found


def _unescaped(escape: re.Match[str]) -> str:
    short, *numbers, other = escape.groups()
    if short is not None:
        return _ESCAPED[short]
    number = next((int(digits, 16) for digits in numbers if digits is not None), None)
    if other is not None or number is None or number > 0x10FFFF:
        raise BadAnswer("an answer with a message that is not written as Python does")
    return chr(number)
