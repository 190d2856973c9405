"""The operations of the messages in other words."""

from typing import Final

from sockcrud.journal.translating.sayings import Saying, Sayings

SAYINGS: Final = Sayings(
    (
        Saying(
            "messages.get",
            "mostrar",
            {"op": "mostrar", "id": "{id}"},
            command="messages show {id}",
            call="get({id})",
        ),
        Saying(
            "messages.list", "mostrar", {"op": "mostrar"}, command="messages show", call="show()"
        ),
        Saying(
            "messages.add",
            "adicionar",
            {"op": "adicionar", "id": "{id}", "data": "{data}"},
            optional=("id",),
            command="messages add --id {id} {data}",
            call="add({data}, id={id})",
        ),
        Saying(
            "messages.delete",
            "deletar",
            {"op": "deletar", "id": "{id}"},
            command="messages delete {id}",
            call="delete({id})",
        ),
    ),
    "from sockcrud.client.sync import Messages",
    "Messages({at})",
)
