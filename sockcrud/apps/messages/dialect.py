"""Messages as JSON on TCP: docs/protocols/messages.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson

from sockcrud.access import Principal
from sockcrud.apps.messages.records import Message
from sockcrud.apps.messages.service import Messages
from sockcrud.errors import Busy, DomainError, NotFound, Unavailable
from sockcrud.protocols.answers import Answer, CloseAfter
from sockcrud.protocols.framing import as_line
from sockcrud.protocols.json.objects import JSONFactory, JSONObject
from sockcrud.refusals import NO_OPERATION, refusals
from sockcrud.rest.fields import required, whole
from sockcrud.rest.lists import list_answer
from sockcrud.serving import Serving

STATUSES: Final = {
    200: "OK",
    201: "Mensagem criada",
    202: "Mensagem deletada",
    400: "Não foi possível mostrar as mensagens",
    401: "Não foi possível adicionar a mensagem",
    402: "ID não existe",
    403: "Não foi possível deletar a mensagem",
    504: "Mensagem não foi enviada",
    505: "Conexão encerrada",
}
"""The protocol's statuses. 504 is the client's word alone: it says that it could not send."""


def _answer(status: int, message: str, data: str = "") -> bytes:
    return as_line({"status": status, "message": message, "data": data})


_ANSWERS: Final = {status: _answer(status, message) for status, message in STATUSES.items()}
BAD_REQUEST: Final = _answer(400, "Requisição inválida")
CONNECTION_CLOSED: Final = _ANSWERS[505]


class MessagesResponder:
    """The messages behind one connection."""

    internal_error = BAD_REQUEST
    busy = CONNECTION_CLOSED
    farewell = CONNECTION_CLOSED

    def __init__(self, messages: Messages, address: str) -> None:
        self._messages = messages
        self._principal = Principal("messages", address)

    def malformed(self, expected: str, field: str = "request") -> bytes:
        refusals.note(
            "messages", self._principal.address, NO_OPERATION, f"expected {expected}", field
        )
        return BAD_REQUEST

    def only_reads(self, request: JSONObject) -> bool:
        return request.get("op") == "mostrar"

    async def answer(self, request: JSONObject) -> Answer:
        """Return the answer to a request of the protocol."""
        name = request.get("op")
        if not isinstance(name, str) or name not in _OPERATIONS:
            return self.malformed(f"one of {', '.join(_OPERATIONS)}", "op")
        perform, failed = _OPERATIONS[name]
        try:
            return await perform(self, request)
        except DomainError as error:
            refusals.note_error("messages", self._principal.address, name, error)
            if isinstance(error, NotFound):
                return _ANSWERS[402]
            return (
                CloseAfter(CONNECTION_CLOSED)
                if isinstance(error, (Busy, Unavailable))
                else _ANSWERS[failed]
            )

    async def _show(self, request: JSONObject) -> Answer:
        id = _optional_id(request)
        if id is not None:
            return _answer(
                200, STATUSES[200], _render(await self._messages.get(self._principal, id))
            )
        stream = await self._messages.list(self._principal)
        head, tail = _ANSWERS[200][:-3], _ANSWERS[200][-3:]
        return await list_answer(stream, head, _inside_text, tail)

    async def _add(self, request: JSONObject) -> Answer:
        await self._messages.add(self._principal, _optional_id(request), required(request, "data"))
        return _ANSWERS[201]

    async def _delete(self, request: JSONObject) -> Answer:
        await self._messages.delete(self._principal, whole(required(request, "id"), "id"))
        return _ANSWERS[202]


_OPERATIONS: Final[
    dict[str, tuple[Callable[[MessagesResponder, JSONObject], Awaitable[Answer]], int]]
] = {
    "mostrar": (MessagesResponder._show, 400),
    "adicionar": (MessagesResponder._add, 401),
    "deletar": (MessagesResponder._delete, 403),
}
"""Each operation, and the status that says it could not be done."""


def _optional_id(request: JSONObject) -> int | None:
    id: Any = request.get("id")
    return None if id is None or id == "" else whole(id, "id")


def _render(message: Message) -> str:
    return repr({"id": message.id, "mensagem": message.data})


def _inside_text(messages: Sequence[Message]) -> bytes:
    return orjson.dumps(",".join(map(_render, messages)))[1:-1]


class MessagesFactory(JSONFactory):
    """Makes the connections of the messages."""

    def __init__(self, serving: Serving) -> None:
        messages = Messages(serving.access, serving.store)
        super().__init__(lambda peer: MessagesResponder(messages, peer), *serving.json)
