"""People, companies and products of Brazil, as Faker makes them: one seed, one world."""

from __future__ import annotations

import re
import secrets
import unicodedata
from hashlib import sha256
from typing import Any

from faker import Faker
from robot.api import logger

PRODUCTS = (
    "Cafeteira",
    "Cadeira",
    "Mochila",
    "Bicicleta",
    "Ventilador",
    "Chaleira",
    "Rede",
    "Violão",
    "Panela",
    "Luminária",
)
MATERIALS = ("de bambu", "de aço", "de couro", "de algodão", "de jacarandá", "dobrável", "portátil")

_TEXT_OF = re.compile(r"um texto de (\d+) letras")
_QUOTED = re.compile(r"(o texto|o número) (.*)")
_SPOKEN: dict[str, object] = {
    "nada": None,
    "vazio": "",
    "verdadeiro": True,
    "falso": False,
    "uma lista": [1, 2],
    "um objeto": {"a": 1},
    "um caractere nulo": "a\x00b",
}


class Brazil:
    """Keywords that make data. The mark of the run is in all that has to be unique: a daemon keeps
    what others left.
    """

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def __init__(self, seed: str = "") -> None:
        self.seed = int(seed) if seed else secrets.randbelow(10**6)
        self._faker = Faker("pt_BR")
        self._faker.seed_instance(self.seed)
        self._mark = secrets.token_hex(4)
        self._made = 0
        logger.console(
            f"\nOs dados vêm da semente {self.seed}: com --variable SEED:{self.seed} vêm as "
            f"mesmas pessoas."
        )

    def unique_word(self) -> str:
        """Return a word that nobody else has."""
        self._made += 1
        return f"{self._mark}{self._made}"

    def person(self) -> dict[str, Any]:
        """Return the data of a user."""
        name = self._faker.name()
        return {"name": name, "email": self.email_of(name), "age": self._faker.random_int(18, 90)}

    def email_of(self, name: str) -> str:
        """Return an email that goes with a name, and is nobody else's."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        return f"{re.sub('[^a-z]+', '.', plain).strip('.')}.{self.unique_word()}@{self._faker.free_email_domain()}"  # noqa: E501

    def login_name(self) -> str:
        """Return a login name that nobody else has."""
        return f"{self._faker.user_name()}_{self.unique_word()}"

    def password(self) -> str:
        """Return a password."""
        return self._faker.password(length=14, special_chars=False)

    def message(self) -> str:
        """Return a message that nobody else wrote, with quotes and accents in it."""
        return f"{self._faker.sentence()} 'avó' \"pão\" {self.unique_word()}"

    def cpf(self) -> str:
        """Return a cpf of the right shape that is nobody else's."""
        digits = f"{int(sha256(self.unique_word().encode()).hexdigest(), 16) % 10**11:011d}"
        return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"

    def client(self) -> dict[str, Any]:
        """Return the data of a client of the shop."""
        name = self._faker.name()
        return {
            "name": name,
            "email": self.email_of(name),
            "cpf": self.cpf(),
            "balance": self.price(),
        }

    def address(self) -> dict[str, Any]:
        """Return the data of an address, without its client."""
        postcode = self._faker.numerify("#####-###")
        return {
            "state": self._faker.estado_sigla(),
            "city": self._faker.city(),
            "street": self._faker.street_name(),
            "number": self._faker.random_int(1, 9999),
            "CEP": postcode,
        }

    def product(self) -> dict[str, Any]:
        """Return the data of a product."""
        kind, material = self._faker.random_element(PRODUCTS), self._faker.random_element(MATERIALS)
        return {
            "name": f"{kind} {material} {self.unique_word()}",
            "description": self._faker.text(120),
            "quantity": self._faker.random_int(0, 500),
            "price": self.price(),
            "status": True,
        }

    def price(self) -> float:
        """Return an amount in reais."""
        return self._faker.random_int(100, 999_999) / 100

    def company_name(self) -> str:
        """Return the name of a company that is nobody else's."""
        return f"{self._faker.company()} {self.unique_word()}"

    def spoken_value(self, words: str) -> object:
        """Return the value that a table of the features means: "nada", "o número -1", "um texto de
        201 letras".

        `{marca}` in a text is the mark of the run, and a long text begins with it.
        """
        if words in _SPOKEN:
            return _SPOKEN[words]
        if length := _TEXT_OF.fullmatch(words):
            return (self._mark + "a" * int(length[1]))[: int(length[1])]
        if quoted := _QUOTED.fullmatch(words):
            if quoted[1] == "o texto":
                return quoted[2].replace("{marca}", self._mark)
            return float(quoted[2]) if "." in quoted[2] or "e" in quoted[2] else int(quoted[2])
        raise AssertionError(f"the tables know no value that is called {words!r}")
