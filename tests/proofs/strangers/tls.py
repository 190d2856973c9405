"""Strangers at ports that speak TLS, and whether what is said there arrives."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress

from OpenSSL import SSL

from tests.proofs.strangers.attack import Attack, stranger
from tests.proofs.strangers.logins import login
from tests.proofs.strangers.site import PASSWORD

_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""The beginning of a ClientHello that says it is longer."""
GET = b"GET /clients/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@stranger("tls-unfinished", "1,000 handshakes that are begun and not finished", tls=True)
def tls_unfinished(attack: Attack) -> None:
    attack.talk(attack.connect_many("shop", attack.size(1_000, 200), None), _HELLO, listens=False)
    attack.stay()


@stranger(
    "tls-garbage",
    "random bytes and plain text in the place of handshakes, and in the middle of them",
    tls=True,
)
def tls_garbage(attack: Attack) -> None:
    garbage = (
        attack.random.randbytes(500),
        GET,
        _HELLO + attack.random.randbytes(508),
        b"\x15\x03\x03\0\x02\x01\0",
    )
    for data in garbage:
        attack.talk(attack.connect_many("shop", attack.size(300, 25)), data)


@stranger("tls-handshakes", "a handshake after the other, and away", tls=True)
def tls_handshakes(attack: Attack) -> None:
    for number in range(attack.size(1_000, 20)):
        with suppress(OSError):
            connection = attack.tls("shop", attack.another_address())
            if number % 3 == 0:
                attack.reset(connection)
            else:
                connection.close()
        if attack.is_over:
            return


@stranger("tls-renegotiation", "asks for new handshakes on one connection, 1,000 times", tls=True)
def tls_renegotiation(attack: Attack) -> None:
    context = SSL.Context(SSL.TLSv1_2_METHOD)
    for _ in range(attack.size(10, 2)):
        connection = SSL.Connection(context, attack.connect("shop"))
        connection.set_connect_state()
        with suppress(SSL.Error, OSError):
            connection.get_context()
            connection.do_handshake()
            for _ in range(100):
                connection.renegotiate()
                connection.do_handshake()


@stranger("tls-unread", "lists and health without end over TLS, which nobody reads", tls=True)
def tls_unread(attack: Attack) -> None:
    for _ in range(attack.size(50, 4)):
        with suppress(OSError):
            connection = attack.tls("shop", attack.another_address())
            connection.settimeout(0.5)
            connection.sendall(GET * 20_000)
    attack.stay()


@stranger(
    "tls-truncated", "ends a connection in the middle of a record, and without saying so", tls=True
)
def tls_truncated(attack: Attack) -> None:
    for number in range(attack.size(500, 12)):
        with suppress(OSError):
            connection = attack.tls("way", attack.another_address())
            connection.sendall(
                b"POST /api/main HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"
            )
            if number % 2:
                attack.reset(connection)
            else:
                attack.send(
                    connection.unwrap() if number % 4 else connection, b"\x17\x03\x03\x01\x00abc"
                )
        if attack.is_over:
            return


@stranger(
    "tls-last-words",
    "every kind of close over TLS: the answer must arrive, and the end be said",
    tls=True,
    hashes=True,
)
def tls_last_words(attack: Attack) -> None:
    closing = login("stranger", PASSWORD).replace(
        b"Content-Length", b"Connection: close\r\nContent-Length"
    )
    way = (
        b"POST /api/main HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: "
        b"2\r\n\r\n{}"
    )
    unknown = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    ends = {
        "a login with Connection: close": ("shop", closing, b'"token"'),
        "a bad request": ("shop", b"nonsense\r\n\r\n", b"HTTP/1.1 400"),
        "a header too large": (
            "members",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000,
            b"HTTP/1.1 431",
        ),
        "way with Connection: close": ("way", way, b"HTTP/1.1 "),
        "a line too long": ("messages", b'{"a":"' + b"x" * 70_000, b'"status":505'),
        "an unknown path with Connection: close": ("members", unknown, b"HTTP/1.1 404"),
    }
    for name, (dialect, data, answer) in ends.items():
        for _ in range(attack.size(15, 2)):
            heard, was_said = _to_the_end(attack, dialect, data)
            attack.expect(answer in heard, f"the answer to {name} did not arrive")
            attack.expect(was_said, f"the end after {name} came without close_notify")


def _to_the_end(attack: Attack, dialect: str, data: bytes) -> tuple[bytes, bool]:
    """Send this over TLS, and return all that is answered, and whether the other end said that it
    was all.
    """
    heard = b""
    try:
        connection = attack.tls(dialect, attack.another_address())
        connection.settimeout(5)
        connection.sendall(data)
        while part := connection.recv(65536):
            heard += part
    except (ssl.SSLError, OSError):
        return heard, False
    return heard, True


@stranger(
    "tls-busy", "comes when there are 30 connections already, over TLS: must be told so",
    flags=("--max-connections", "30"), tls=True, fills=True,
)  # fmt: skip
def tls_busy(attack: Attack) -> None:
    for _ in range(2):  # somebody may have left just after the first were too many
        attack.connect_many("users", 40, None)
        attack.ask("users", b"")
    for dialect, busy in (("shop", b"HTTP/1.1 503"), ("messages", b'"status":505')):
        heard, was_said = _to_the_end(attack, dialect, b"")
        attack.expect(busy in heard, f"{dialect}'s busy answer does not arrive over TLS")
        attack.expect(was_said, f"the end after {dialect}'s busy answer came without close_notify")
    attack.note(json.dumps({"users": attack.ask("users", b"").decode()}))
