"""Two real daemons on one PostgreSQL, of which the same is wanted at the same moment: exactly one
gives it.

`python -m tests.proofs.nodes.races --count 1000` has so many races each for a client's email, a
client's cpf, a product's name, for being the one of the two last admins that may go, and for the
one session that an account has at the way dialect.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final

from attrs import define, field

from sockcrud.identity.passwords import digest_of
from tests.proofs.durability.crash_book import Broken
from tests.proofs.durability.crash_load import PASSWORD, Http
from tests.support.nodes import ADMIN, Nodes

DIALECTS: Final = ("shop", "way", "admin")
DONE: Final = (200, 201, 204)
TAKEN: Final = 409
"""Also what the admin's dialect says where no admin would be left."""

Asked = tuple[str, str, Any]
"""The method, the path and the body."""


@define
class Figures:
    """The races for one thing: how often each node has won, and how long they took."""

    won: Counter[int] = field(factory=Counter)
    seconds: float = 0.0

    def __str__(self) -> str:
        won = f"{self.won[0]:,} won at the first node and {self.won[1]:,} at the second"
        return f"{sum(self.won.values()):,} races in {self.seconds:.1f} s, {won}"


class Races:
    """Races between two nodes, a connection of which is open to each of the ports."""

    def __init__(self, nodes: Nodes, random: Random) -> None:
        self._nodes = nodes
        self._random = random
        self._stack = ExitStack()
        self._ports = {
            dialect: [self._opened(node, dialect) for node in (0, 1)] for dialect in DIALECTS
        }
        token = nodes.new_shopper()
        for port in self._ports["shop"]:
            port.token = token
        self._logins = (ADMIN, "second")
        self._admins = self._two_admins()

    def __enter__(self) -> Races:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def for_an_email(self, number: int) -> int:
        emails = f"Race{number}@example.org", f"race{number}@Example.org"
        asked = [_client(email, _cpf(1 + side, number)) for side, email in enumerate(emails)]
        return self._one_wins("shop", asked)

    def for_a_cpf(self, number: int) -> int:
        asked = [_client(f"cpf{number}-{side}@example.org", _cpf(3, number)) for side in (1, 2)]
        return self._one_wins("shop", asked)

    def for_a_product_name(self, number: int) -> int:
        """By two creations; by turns, by two updates."""
        if number % 2:
            return self._one_wins(
                "shop", [("POST", "/products/create", _product(f"race {number}"))] * 2
            )
        ids = [
            port.do("POST", "/products/create", _product(f"before {number}-{side}"))["id"]
            for side, port in enumerate(self._ports["shop"])
        ]
        return self._one_wins(
            "shop", [("PUT", f"/products/update/{id}", _product(f"race {number}")) for id in ids]
        )

    def for_an_admin_to_go(self, number: int) -> int:
        """Each of the two last admins makes itself inactive; by turns, a user. One must stay, and
        takes the other back.
        """
        ids = self._admins
        change = {"active": False} if number % 2 else {"role": "user"}
        winner = self._one_wins("admin", [("PATCH", f"/accounts/{id}", change) for id in ids])
        stays = self._ports["admin"][1 - winner]
        accounts = stays.do("GET", "/accounts?limit=1000")["items"]
        left = [
            account["id"]
            for account in accounts
            if account["active"] and account["role"] == "admin"
        ]
        if left != [ids[1 - winner]]:
            raise Broken(f"the active admins that are left are {left}")
        if (status := self._ports["admin"][winner].ask("GET", "/accounts")[0]) not in (401, 403):
            raise Broken(f"whoever is no admin any more is shown the accounts, or told {status}")
        stays.do("PATCH", f"/accounts/{ids[winner]}", {"active": True, "role": "admin"})
        self._log_in(winner)
        return winner

    def for_the_only_session(self, number: int) -> int:
        """The same account logs in at both nodes. Both are let in, and only the session of one of
        them lives.
        """
        asked: Asked = ("POST", "/api/main", {"User": ADMIN, "Passwd": digest_of(PASSWORD)})
        answers = self._at_once("way", [asked, asked])
        if [answer["Status"] for _, answer in answers] != ["OK", "OK"]:
            raise Broken(f"two logins were answered {answers}")
        live = [
            (at, side)
            for side, (_, answer) in enumerate(answers)
            for at, port in enumerate(self._ports["way"])
            if isinstance(port.ask("GET", f"/api/usuario/{answer['IDSessao']}")[1], list)
        ]
        if live not in ([(0, 0), (1, 0)], [(0, 1), (1, 1)]):
            raise Broken(
                f"of two exclusive sessions these live, as (at which node, that of which node): "
                f"{live}"
            )
        return live[0][1]

    def _one_wins(self, dialect: str, asked: list[Asked]) -> int:
        """Return at which node it was done, if it was refused as it must at the other."""
        answers = self._at_once(dialect, asked)
        for winner in (0, 1):
            if answers[winner][0] in DONE and answers[1 - winner][0] == TAKEN:
                return winner
        raise Broken(f"{asked} were answered {answers}")

    def _at_once(self, dialect: str, asked: list[Asked]) -> list[tuple[int, Any]]:
        """Ask each node, in either order, and only then listen."""
        ports = self._ports[dialect]
        for side in self._random.sample((0, 1), 2):
            ports[side].send(*asked[side])
        return [port.hear() for port in ports]

    def _two_admins(self) -> list[int]:
        """Have two admins, each logged in at a node of its own; give their ids."""
        self._log_in(0)
        port = self._ports["admin"][0]
        port.do(
            "POST", "/accounts", {"login": self._logins[1], "password": PASSWORD, "role": "admin"}
        )
        self._log_in(1)
        ids = {
            account["login"]: account["id"]
            for account in port.do("GET", "/accounts?limit=1000")["items"]
        }
        return [ids[login] for login in self._logins]

    def _log_in(self, node: int) -> None:
        port = self._ports["admin"][node]
        port.token = port.do("POST", "/login", {"login": self._logins[node], "password": PASSWORD})[
            "token"
        ]

    def _opened(self, node: int, dialect: str) -> Http:
        port = Http(self._nodes.daemons[node].ports[dialect])
        self._stack.callback(port.close)
        return port


def _cpf(first: int, number: int) -> str:
    digits = f"{number:08}"
    return f"{first:03}.{digits[:3]}.{digits[3:6]}-{digits[6:]}"


def _client(email: str, cpf: str) -> Asked:
    return (
        "POST",
        "/clients/create",
        {"name": "Racer", "email": email, "cpf": cpf, "balance": "1.00"},
    )


def _product(name: str) -> dict[str, Any]:
    return {"name": name, "description": "", "quantity": 1, "price": "1.00", "status": 1}


def run(count: int, seed: int, directory: Path) -> dict[str, Figures]:
    """Have so many races for each thing. Raise `Broken` where there was not one winner."""
    with Nodes(directory, 2) as nodes, Races(nodes, Random(seed)) as races:
        things: dict[str, Callable[[int], int]] = {
            "email": races.for_an_email,
            "cpf": races.for_a_cpf,
            "product name": races.for_a_product_name,
            "last admin": races.for_an_admin_to_go,
            "only session": races.for_the_only_session,
        }
        figures = {name: _run(race, count) for name, race in things.items()}
        left = nodes.ask_database(
            "SELECT (SELECT count(*) FROM clients), (SELECT count(*) FROM products WHERE name "
            "LIKE 'race %')"
        )
        if left != [(2 * count, count)]:
            raise Broken(
                f"after {count:,} races each the database holds {left} clients and products that "
                f"have won"
            )
        nodes.stop()
        nodes.check_logs()
    return figures


def _run(race: Callable[[int], int], count: int) -> Figures:
    figures, started = Figures(), perf_counter()
    for number in range(1, count + 1):
        figures.won[race(number)] += 1
    figures.seconds = perf_counter() - started
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        try:
            figures = run(given.count, given.seed, Path(directory))
        except Broken as broken:
            sys.exit(f"seed {given.seed}: {broken}")
    for name, figure in figures.items():
        print(f"{name:<12} {figure}")


if __name__ == "__main__":
    main()
