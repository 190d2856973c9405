"""A real daemon on an SQLite file, killed at random moments under load, again and again on the same
file.

`python -m tests.proofs.durability.crash --rounds 200 --seed 7` kills it so many times, now and then
while it starts. After each death a copy of what lies on the disk is held against a book of all that
was asked, answered and shown, and the restarted daemon against it.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from random import Random
from time import perf_counter, sleep
from typing import Any, Final

from attrs import define

from tests.proofs.durability.crash_book import Book, Broken, Found, Name
from tests.proofs.durability.crash_load import PASSWORD, Http, Json, Load
from tests.support.running import SERVE, Daemon, environment

STORE: Final = "store.db"
ADMIN: Final = "admin"
TOKENS: Final = 12
"""Tokens that are tried after each restart: the latest."""


def flags(directory: Path) -> list[str]:
    """Return the flags of a daemon on the store of this directory, and whoever runs the load a
    password.
    """
    password = directory / "password"
    password.write_text(PASSWORD)
    return ["--store", f"sqlite:{directory / STORE}", "--admin-password-file", str(password)]


def on_disk(directory: Path) -> dict[Name, Found]:
    """Read a copy of the file, and of what lies beside it, with nothing but SQLite; raise `Broken`
    where it is damaged.
    """
    aside = directory / "aside"
    aside.mkdir(exist_ok=True)
    for file in (STORE, f"{STORE}-wal"):
        (aside / file).unlink(missing_ok=True)
        if (directory / file).exists():
            shutil.copyfile(directory / file, aside / file)
    with closing(sqlite3.connect(aside / STORE)) as copy:
        for check, sound in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            if (told := copy.execute(f"PRAGMA {check}").fetchall()) != sound:
                raise Broken(f"{check}: {told}")
        staged = copy.execute("SELECT value FROM counters WHERE name = 'staged'").fetchone()
        there = (
            f" WHERE rev < {staged[0]}" if staged and staged[0] else ""
        )  # the others are of an import under way
        gone = copy.execute(
            "SELECT value FROM counters WHERE name = 'gone from clients'"
        ).fetchone() or ("NULL",)
        return found(
            copy.execute(f"SELECT id, name, age FROM users{there}").fetchall(),
            copy.execute(f"SELECT id, data FROM messages{there}").fetchall(),
            # Of a client that has gone, and its addresses, rows may still be there.
            copy.execute(
                f"SELECT id, cpf, balance FROM (SELECT * FROM clients{there}) WHERE id IS NOT "
                f"{gone[0]}"
            ).fetchall(),
            copy.execute(
                f"SELECT id, client_id, number FROM (SELECT * FROM addresses{there}) WHERE "
                f"client_id IS NOT {gone[0]}"
            ).fetchall(),
        )


def served(daemon: Daemon, token: str) -> dict[Name, Found]:
    """Read the same from a daemon."""
    users, shop = Json(daemon, "users"), Http(daemon.ports["shop"], token)
    messages = Json(daemon, "messages")
    users.send({"id_operation": "get_users"})
    listed = [(user["id"], user["name"], user["age"]) for user in users.hear()["payload"]]
    messages.send({"op": "mostrar"})
    texts = [
        (int(pair[6:].split(",")[0]), pair.split("'")[-2])
        for pair in messages.hear()["data"].split("{")[1:]
    ]
    clients = [
        (client["id"], client["cpf"], client["balance"])
        for client in shop.do("GET", "/clients/fetch")
    ]
    addresses = [
        (home["id"], home["client_id"], home["number"]) for home in shop.do("GET", "/address/fetch")
    ]
    for connection in (users, messages, shop):
        connection.close()
    return found(listed, texts, clients, addresses)


def found(
    users: list[Any], messages: list[Any], clients: list[Any], addresses: list[Any]
) -> dict[Name, Found]:
    """Return the records by name, with the version that each shows."""
    homes: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for id, client, number in addresses:
        homes[client][number] = id
    records = {("users", name): Found(id, age) for id, name, age in users}
    records |= {("messages", str(id)): Found(id, text) for id, text in messages}
    for id, cpf, balance in clients:
        parts = homes.pop(id, {})
        records["clients", cpf] = Found(id, (int(float(balance)), tuple(sorted(parts))), parts)
    if homes:
        raise Broken(f"addresses without their clients: {dict(homes)}")
    if len(records) != len(users) + len(messages) + len(clients):
        raise Broken("one name is there twice")
    return records


@define
class Figures:
    """What was done in all rounds."""

    rounds: int = 0
    killed_at_start: int = 0
    seconds: float = 0.0


@define(eq=False)
class Rounds:
    """The rounds on one file."""

    directory: Path
    random: Random
    book: Book
    figures: Figures
    token: str = ""
    admin_token: str = ""

    def run(self, count: int) -> None:
        """Raise `Broken` for a promise that the daemon did not keep."""
        started = perf_counter()
        for round in range(1, count + 1):
            if round % 5 == 0:
                self._kill_at_start()
            self._round(round)
            self.figures.rounds += 1
        with self.restarted() as daemon:
            if daemon.stop() != 0:
                raise Broken("the daemon did not end in order")
        (self.directory / f"{STORE}-wal").unlink(missing_ok=True)
        self.book.settle(on_disk(self.directory))  # the file alone is complete
        self.figures.seconds = perf_counter() - started

    def _round(self, round: int) -> None:
        with self.restarted() as daemon:
            self.log_in(daemon)
            load = Load(
                daemon, self.book, self.random, round, self.token, admin_token=self.admin_token
            )
            load.start()
            sleep(
                self.random.uniform(0.5, 1.5) if round % 10 == 0 else self.random.uniform(0.01, 0.4)
            )
            daemon.process.kill()
            load.end()
            if load.refusals:
                raise Broken(f"the daemon refused: {load.refusals}")
        self.book.settle(on_disk(self.directory))

    def restarted(self) -> Daemon:
        """Return a daemon that has all that the file holds, and every token that it has told of."""
        daemon = Daemon(self.directory, *flags(self.directory))
        try:
            check_restarted(daemon, self.directory, self.book, self.token)
        except BaseException:
            daemon.__exit__(None, None, None)
            raise
        return daemon

    def log_in(self, daemon: Daemon) -> None:
        """Have a token for the load: the first from an account that an earlier round has made, and
        then always the same.
        """
        if not self.token:
            port = Http(daemon.ports["auth"])
            port.do("POST", "/user/create", {"username": "loader", "password": PASSWORD})
            self.token = port.log_in("loader")
            port.close()
            admin = Http(daemon.ports["admin"])
            self.admin_token = admin.do("POST", "/login", {"login": ADMIN, "password": PASSWORD})[
                "token"
            ]
            admin.close()

    def _kill_at_start(self) -> None:
        """Start a daemon and kill it before, while or after it reads the file."""
        command = [
            *SERVE,
            "--users",
            "tcp:0",
            *(word for name in OTHERS for word in (f"--{name}", "off")),
        ]
        starting = subprocess.Popen(
            [*command, *flags(self.directory)],
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        sleep(self.random.uniform(0.2, 0.6))
        starting.kill()
        starting.wait()
        self.figures.killed_at_start += 1
        self.book.settle(on_disk(self.directory))


OTHERS: Final = (
    "messages",
    "clients",
    "products",
    "inventory",
    "auth",
    "shop",
    "way",
    "members",
    "admin",
)


def check_restarted(daemon: Daemon, directory: Path, book: Book, token: str) -> None:
    """Raise `Broken` where the daemon serves what the file does not hold, or does not know a token
    or an account.
    """
    if not token:
        return
    if (there := served(daemon, token)) != (disk := on_disk(directory)):
        differ = {name for name in there.keys() | disk.keys() if there.get(name) != disk.get(name)}
        raise Broken(f"the daemon differs from the file in {differ}")
    check_logins(daemon, book)


def check_logins(daemon: Daemon, book: Book) -> None:
    """Raise `Broken` where the daemon does not know a token or an account that it must, or knows
    one that is over.
    """
    port = Http(daemon.ports["shop"])
    book.tokens = dict(list(book.tokens.items())[-TOKENS:])
    for other, works in book.tokens.items():
        port.token = other
        status, _ = port.ask("GET", "/clients/exists/1")
        if (status == 200) is not works:
            raise Broken(f"a token that {'must' if works else 'must not'} work gives {status}")
    if book.accounts:
        port.log_in(book.accounts[-1])
    port.close()


def run(rounds: int, seed: int, directory: Path) -> tuple[Book, Figures]:
    """Kill a daemon so many times, and hold what is left against what it had told."""
    book, figures = Book(), Figures()
    Rounds(directory, Random(seed), book, figures).run(rounds)
    return book, figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        try:
            book, figures = run(given.rounds, given.seed, Path(directory))
        except Broken as broken:
            sys.exit(f"seed {given.seed}: {broken}")
    print(
        f"{figures.rounds:,} rounds and {figures.killed_at_start:,} kills at the start in "
        f"{figures.seconds:.0f} s: "
        f"{book.acknowledged:,} changes acknowledged, {book.in_doubt:,} in doubt, {book.shown:,} "
        f"records shown; nothing lost"
    )


if __name__ == "__main__":
    main()
