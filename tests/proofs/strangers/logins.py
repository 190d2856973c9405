"""Strangers who guess, sign up and log in, without end and from everywhere: what they cost is
hashing.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable

from tests.proofs.strangers.attack import STATUS, Attack, stranger
from tests.proofs.strangers.site import PASSWORD


def login(name: str, password: str) -> bytes:
    """Return a login at the shop."""
    credentials = b64encode(f"{name}:{password}".encode()).decode()
    fields = f"Host: 127.0.0.1\r\nContent-Length: 0\r\nAuthorization: Basic {credentials}\r\n\r\n"
    return f"POST /user/login HTTP/1.1\r\n{fields}".encode()


def post(path: str, body: object, method: str = "POST") -> bytes:
    """Return a request with JSON."""
    data = json.dumps(body)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
        f"application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return (head + data).encode()


TRIES = 2
"""Logins that are sent behind each other on one connection."""


def _tries(attack: Attack, count: int) -> list[bytes]:
    return [login(name, "wrong") * TRIES for name in _names(attack, count)]


def _names(attack: Attack, count: int) -> Iterable[str]:
    return (f"n{attack.random.getrandbits(64):016x}" for _ in range(count))


@stranger(
    "login-names",
    "200 connections of one address that log in with names there are not",
    hashes=True,
    logs_in=True,
)
def login_names(attack: Attack) -> None:
    connections = attack.connect_many("auth", attack.size(200, 70))
    for _ in range(attack.size(5, 1)):
        attack.talk(connections, _tries(attack, len(connections)), ends=TRIES, mark=STATUS)


# Nobody else logs in meanwhile: what is shared out by address is theirs who have as many
# (docs/trust.md says so).
@stranger("login-addresses", "the same from 200 addresses", hashes=True)
def login_addresses(attack: Attack) -> None:
    connections = attack.connect_many("auth", attack.size(200, 50), None)
    for _ in range(attack.size(5, 1)):
        attack.talk(connections, _tries(attack, len(connections)), ends=TRIES, mark=STATUS)


@stranger(
    "guesses",
    "guesses the password of one account from 27 addresses, 9 times each",
    hashes=True,
    logs_in=True,
)
def guesses(attack: Attack) -> None:
    tried = delayed = 0
    for _ in range(27):
        with attack.connect("auth", attack.another_address()) as connection:
            for _ in range(9):
                attack.send(connection, login(attack.login, "a guess"))
                tried += 1
                delayed += connection.recv(4096).startswith(b"HTTP/1.1 429")
        if delayed and attack.is_over:
            break
    attack.note(f"{delayed} of {tried} guesses were delayed")
    attack.expect(delayed, f"{tried} guesses at one account were not delayed once")


@stranger("guesses-everywhere", "guesses at all four doors at once", hashes=True, logs_in=True)
def guesses_everywhere(attack: Attack) -> None:
    doors = {
        "auth": login("admin", "wrong"),
        "way": post("/api/main", {"User": "admin", "Passwd": "A" * 64}),
        "members": post("/", {"email": "admin", "password": "wrong"}),
        "admin": post("/login", {"login": "admin", "password": "wrong"}),
    }
    for _ in range(attack.size(5, 1)):
        for dialect, request in doors.items():
            attack.talk(attack.connect_many(dialect, 10, None), request * attack.size(10, 2))


@stranger("sign-ups", "signs up with random names on 100 connections", hashes=True, logs_in=True)
def sign_ups(attack: Attack) -> None:
    auth = attack.connect_many("auth", attack.size(100, 20))
    for _ in range(attack.size(5, 1)):
        requests = [
            post("/user/create", {"username": name, "password": "some password"})
            for name in _names(attack, 100)
        ]
        attack.talk(auth, requests)
    members = attack.connect_many("members", attack.size(50, 10))
    requests = [
        post("/", {"email": f"{name}@example.org", "password": "pass"}, "PUT")
        for name in _names(attack, 50)
    ]
    attack.talk(members, requests)


@stranger(
    "sessions", "logs in with one account again and again", hashes=True, logs_in=True, seconds=60.0
)
def sessions(attack: Attack) -> None:
    attack.talk(
        attack.connect_many("auth", 10),
        login("stranger", PASSWORD) * attack.size(100, 3),
        ends=attack.size(100, 3),
        mark=STATUS,
    )
