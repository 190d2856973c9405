"""Clients of the field, as strange as they are: what they say must arrive, and nothing be stored
but what was meant.
"""

from __future__ import annotations

import json
import socket

from tests.proofs.strangers.attack import Attack, stranger
from tests.proofs.strangers.logins import post


@stranger(
    "typed-words",
    "a person who types what is no object, without a newline: must be answered, and then be served",
)
def typed_words(attack: Attack) -> None:
    right = {"users": (b'{"id_operation":"get_user","payload":{"user_id":1}}\n', b'"code":200')}
    right["messages"] = (b'{"op":"mostrar","id":999999998}\n', b'"status":402')
    for dialect, (request, answer) in right.items():
        for typed in (
            b"mostrar",
            b"[1]",
            b'"x"',
            b"}",
        ):  # a byte beyond ASCII ends it, as no person's does
            connection = attack.connect(dialect)
            attack.send(connection, typed)
            heard = _within(connection, 1.0)
            attack.expect(heard, f"{typed!r} is not answered")
            attack.send(connection, request)
            attack.expect(
                answer in _within(connection, 1.0), f"after {typed!r} nothing is answered any more"
            )


def _within(connection: socket.socket, seconds: float) -> bytes:
    connection.settimeout(seconds)
    try:
        return connection.recv(65536)
    except OSError:
        return b""


@stranger(
    "characters",
    "members' clients that count characters: the password stored must be the one that was meant",
    hashes=True,
)
def characters(attack: Attack) -> None:
    for number, name in enumerate(("jose", "josé", "ação", "한글이름", "ñandú😀", "ééééééééé")):
        for password in ("pw1", "sécret", "비밀번호입니다"):
            for behind in (
                b"",
                b"GET /? HTTP/1.1\r\n\r\n",
                b"POST /? HTTP/1.1\r\nContent-Length: 12\r\n\r\nuser:a,b",
            ):
                if attack.is_short and (number + len(password) + len(behind)) % 4:
                    continue
                _signs_up(
                    attack, f"{name}{attack.random.getrandbits(40):x}@ex.com", password, behind
                )


def _signs_up(attack: Attack, email: str, password: str, behind: bytes) -> None:
    text = f"user:{email},{password}"
    connection = attack.connect("members", attack.another_address())
    attack.send(
        connection,
        f"PUT /? HTTP/1.1\r\nContent-Length: {len(text) + 4}\r\n\r\n{text}".encode() + behind,
    )
    heard = _within(connection, 2.0)
    attack.expect(
        heard.startswith(b"HTTP/1.1 "),
        "a request whose length counts characters is not answered within 2 s",
    )
    connection.close()
    logged_in = attack.ask(
        "members", post("/", {"email": email, "password": password}), attack.another_address()
    )
    stored, right = heard.startswith(b"HTTP/1.1 201"), logged_in.startswith(b"HTTP/1.1 200")
    attack.expect(
        stored == right,
        f"{json.dumps(text)}, {behind[:4]!r} behind it: stored {stored}, the password is right "
        f"{right}",
    )


@stranger(
    "types-later",
    "a client that connects, and types what it wants after a time that is longer than a header "
    "may take",
    flags=("--header-timeout", "1"),
)
def types_later(attack: Attack) -> None:
    connection = attack.connect("members")
    attack.wait(1.8)
    attack.send(connection, b"HEAD /? HTTP/1.1\r\nX: y\r\n\r\n")
    attack.expect(
        _within(connection, 1.0).startswith(b"HTTP/1.1 200"),
        "who connects first and types later is not served",
    )
