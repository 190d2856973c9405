"""The records that `--demo` brings: those of the document."""

from decimal import Decimal
from typing import Final

from sockcrud.app import Example
from sockcrud.apps.shop.records import Client

EXAMPLES: Final[tuple[Example, ...]] = (
    (
        Client,
        1,
        {
            "name": "Pedro",
            "email": "arthur.giovanini@inmetrics.com.br",
            "cpf": "454.090.000-00",
            "balance": Decimal("30.25"),
        },
    ),
    (
        Client,
        4,
        {
            "name": "Vinícius",
            "email": "Vinícius_Peixoto@inmetrics.com.br",
            "cpf": "454.454.454-27",
            "balance": Decimal("30.25"),
        },
    ),
)
