"""The operations of `messages`. A broken connection has the protocol's own words here."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable
from typing import ClassVar, Final

from attrs import frozen

from sockcrud.client import errors
from sockcrud.client.calls import Call, T, call
from sockcrud.client.fields import Fields
from sockcrud.client.lines import LineCalls, line_call


@frozen
class Message:
    """A message, as `messages` has them."""

    id: int
    data: str


_REFUSALS: Final = {
    **dict.fromkeys((400, 401, 403), errors.InvalidRequest),
    402: errors.NotFound,
}
_ESCAPE: Final = r"""\\(?:[\\'"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"""
_TEXT: Final = rf"""'[^'\\]*(?:{_ESCAPE}[^'\\]*)*'|"[^"\\]*(?:{_ESCAPE}[^"\\]*)*\""""
_RECORD: Final = re.compile(
    rf"\{{\s*'id'\s*:\s*(-?[0-9]{{1,19}})\s*,\s*'mensagem'\s*:\s*({_TEXT})\s*\}}(?:,(?=\{{)|\Z)"
)
"""A record as Python writes it, and a comma where another one follows."""


class MessagesCalls(LineCalls):
    """Messages as JSON on TCP, in Portuguese."""

    default_port: ClassVar[int] = 5000
    words: ClassVar[errors.Words] = errors.Words("Mensagem não foi enviada", "Conexão encerrada")

    @call
    def show(self) -> Call[bytes, list[Message]]:
        """Return all messages, by their ids."""
        return _call_of("mostrar", "", "", _messages, repeatable=True)

    @call
    def get(self, id: int) -> Call[bytes, Message]:
        """Return the message with this id; `NotFound`."""
        return _call_of("mostrar", id, "", _message, repeatable=True)

    @call
    def add(self, data: str, id: int | None = None) -> Call[bytes, None]:
        """Add a message. Without an id the server finds one, and does not tell it.

        The wire says the same of an id that exists and of a text that is none: `AlreadyExists`
        where an id was given and the text may be one, and `InvalidRequest` otherwise.
        """
        return _call_of("adicionar", "" if id is None else id, data, lambda data: None)

    @call
    def delete(self, id: int) -> Call[bytes, None]:
        """Delete the message with this id; `NotFound`."""
        return _call_of("deletar", id, "", lambda data: None)


def _call_of(
    op: str, id: object, data: str, read: Callable[[str], T], repeatable: bool = False
) -> Call[bytes, T]:
    may_exist = op == "adicionar" and id != "" and 0 < len(data) <= 10_000

    def take(answer: Fields) -> T:
        status, message = answer.whole("status"), answer.text("message")
        if status in (200, 201, 202):
            return read(answer.text("data"))
        if status == errors.ServerGone.code:
            raise errors.ServerGone("the server said so", message)
        if status == 401 and may_exist:
            raise errors.AlreadyExists(status, message)
        raise _REFUSALS.get(status, errors.Refused)(status, message)

    return line_call({"op": op, "id": id, "data": data}, take, repeatable)


def _message(data: str) -> Message:
    found = _messages(data)
    if len(found) != 1:
        raise errors.BadAnswer(f"an answer with {len(found)} messages, where there can be one")
    return found[0]


def _messages(data: str) -> list[Message]:
    found: list[Message] = []
    at = 0
    while at < len(data):
        record = _RECORD.match(data, at)
        if record is None:
            raise errors.BadAnswer("an answer with messages that are not in their form")
        found.append(Message(int(record[1]), _unquoted(record[2])))
        at = record.end()
    return found


def _unquoted(text: str) -> str:
    if "\\" not in text:
        return text[1:-1]
    try:
        return str(literal_eval(text))
    except (SyntaxError, ValueError):  # such as the escape of a letter that there is not
        raise errors.BadAnswer(
            "an answer with a message that is not written as Python does"
        ) from None
