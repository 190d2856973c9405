"""Messages as JSON on TCP: docs/protocols/messages.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from sockcrud.apps.messages.records import Message
from sockcrud.apps.messages.service import Messages
from sockcrud.errors import Busy, DomainError, NotFound, Unavailable
from sockcrud.protocols.answers import Answer, CloseAfter
from sockcrud.protocols.framing import as_line
from sockcrud.protocols.json.objects import JSONFactory, JSONObject
from sockcrud.protocols.json.operations import OperationResponder, handles
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
_FAILED: Final = {"mostrar": 400, "adicionar": 401, "deletar": 403}
"""The status that says that an operation could not be done."""


class MessagesResponder(OperationResponder):
    """The messages behind one connection."""

    dialect, field = "messages", "op"
    bad_request = internal_error = BAD_REQUEST
    busy = farewell = CONNECTION_CLOSED

    def __init__(self, messages: Messages, address: str) -> None:
        super().__init__(address)
        self._messages = messages

    def refused(self, operation: str, error: DomainError) -> Answer:
        if isinstance(error, NotFound):
            return _ANSWERS[402]
        if isinstance(error, (Busy, Unavailable)):
            return CloseAfter(CONNECTION_CLOSED)
        return _ANSWERS[_FAILED[operation]]

    @handles("mostrar", changes=False)
    async def _show(self, request: JSONObject) -> Answer:
        id = _optional_id(request)
        if id is not None:
            message = await self._messages.get(self.principal, id)
            return _answer(200, STATUSES[200], _render(message))
        stream = await self._messages.list(self.principal)
        head, tail = _ANSWERS[200][:-3], _ANSWERS[200][-3:]
        return await list_answer(stream, head, _inside_text, tail)

    @handles("adicionar")
    async def _add(self, request: JSONObject) -> Answer:
        await self._messages.add(self.principal, _optional_id(request), required(request, "data"))
        return _ANSWERS[201]

    @handles("deletar")
    async def _delete(self, request: JSONObject) -> Answer:
        await self._messages.delete(self.principal, whole(required(request, "id"), "id"))
        return _ANSWERS[202]


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
