"""A request of each operation of `messages`."""

from typing import Final

SAMPLES: Final = (
    '{"op": "mostrar"}',
    '{"op": "mostrar", "id": 1}',
    '{"op": "adicionar", "data": ""}',
    '{"op": "adicionar", "id": 1, "data": ""}',
    '{"op": "deletar", "id": 1}',
)
