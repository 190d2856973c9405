"""Strangers at the HTTP ports: headers, bodies and targets that are slow, huge, many, or never
end.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from typing import Final

from tests.proofs.strangers.attack import STATUS, Attack, stranger

MIB: Final = 2**20
HOST: Final = b"Host: 127.0.0.1\r\n"


def _head(line: str, *fields: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]).encode()


OPEN: Final = "POST /user/create"
"""A request whose body is taken without a login, while sign-up is open."""
CLOSED: Final = "POST /clients/create"
CHUNKED: Final = ("Content-Type: application/json", "Transfer-Encoding: chunked")


@stranger("byte-chunks", "bodies of 1 MiB in chunks of one byte")
def byte_chunks(attack: Attack) -> None:
    for dialect, line in (("auth", OPEN), ("clients", CLOSED)):
        for _ in range(attack.size(3, 1)):
            attack.talk(
                [attack.connect(dialect)],
                _head(line, *CHUNKED) + b"1\r\nx\r\n" * MIB + b"0\r\n\r\n",
                ends=1,
            )


@stranger("chunk-extensions", "chunks with long extensions, and thousands of trailers")
def chunk_extensions(attack: Attack) -> None:
    extended = b"1;" + b"a=b;" * 200 + b"c=d\r\nx\r\n"
    attack.talk(
        [attack.connect("auth")],
        _head(OPEN, *CHUNKED) + extended * attack.size(4_000, 1_000) + b"0\r\n\r\n",
    )
    trailers = b"0\r\n" + b"A: b\r\n" * 100_000 + b"\r\n"
    attack.talk([attack.connect("auth")], _head(OPEN, *CHUNKED) + trailers)
    endless = b"1\r\nx\r\n0\r\nA: " + b"b" * 2 * MIB
    attack.talk([attack.connect("auth")], _head(OPEN, *CHUNKED) + endless)


@stranger("metrics", "128 pipelined /metrics, again and again")
def metrics(attack: Attack) -> None:
    for _ in range(attack.size(10, 2)):
        attack.talk(attack.connect_many("admin", 2), _head("GET /metrics") * 128)


@stranger("openapi", "128 pipelined /openapi.json on 10 connections, which nobody reads")
def openapi(attack: Attack) -> None:
    attack.talk(
        attack.connect_many("admin", attack.size(10, 4)),
        _head("GET /openapi.json") * 128,
        listens=False,
    )
    attack.stay()


@stranger("gets-unread", "/clients/health without end on many connections, which read nothing")
def gets_unread(attack: Attack) -> None:
    connections = attack.connect_many("clients", attack.size(200, 30), None)
    attack.talk(connections, _head("GET /clients/health") * 20_000, listens=False)
    attack.stay()


@stranger("many-fields", "headers of as many fields as there may be, pipelined; and with more")
def many_fields(attack: Attack) -> None:
    most = _head("GET /clients/health", *[f"X-{number}: {'y' * 140}" for number in range(98)])
    attack.talk([attack.connect("clients")], most * attack.size(2_000, 200))
    more = _head("GET /clients/health", *["X: y"] * 3_000)
    attack.talk(attack.connect_many("clients", attack.size(100, 10)), more)


@stranger("header-byte-by-byte", "headers of 16 KiB, one byte a segment, on 20 connections")
def header_byte_by_byte(attack: Attack) -> None:
    connections = attack.connect_many("shop", 20)
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = _head("GET /clients/health", "X: " + "y" * attack.size(16_000, 800))
    for at in range(len(data)):
        for connection in connections:
            attack.send(connection, data[at : at + 1])
        if attack.is_over:
            return
    attack.expect(
        attack.talk(connections, b"", ends=1), "a header that came byte by byte is not answered"
    )


@stranger(
    "slow-header",
    "a header that gets a byte every 0.2 s, where 1 s is allowed",
    flags=("--header-timeout", "1"),
)
def slow_header(attack: Attack) -> None:
    connections = attack.connect_many("shop", attack.size(200, 50), None)
    _trickle(
        attack,
        connections,
        _head("GET /clients/health", "X: " + "y" * 100),
        "a header that does not end is not ended",
    )


@stranger(
    "slow-body",
    "a body that gets a byte every 0.2 s, where 1 s is allowed",
    flags=("--body-timeout", "1"),
)
def slow_body(attack: Attack) -> None:
    connections = attack.connect_many("auth", attack.size(200, 50), None)
    head = _head(OPEN, "Content-Type: application/json", "Content-Length: 1000")
    for connection in connections:
        attack.send(connection, head)
    _trickle(attack, connections, b"{" + b" " * 99, "a body that does not end is not ended")


def _trickle(attack: Attack, connections: list[socket.socket], data: bytes, broken: str) -> None:
    for at in range(attack.size(40, 12)):
        for connection in connections:
            attack.send(connection, data[at : at + 1])
        attack.wait(0.2)
    open_still = sum(not attack.closes(connection, 0.5) for connection in connections[:5])
    attack.expect(not open_still, broken)


@stranger(
    "unfinished-bodies",
    "500 bodies of 1 MiB but for a byte, at a path that needs a login, without one",
    seconds=60.0,
)
def unfinished_bodies(attack: Attack) -> None:
    _unfinished(attack, "clients", CLOSED)


@stranger("unfinished-sign-ups", "the same at a path that needs none", seconds=60.0)
def unfinished_sign_ups(attack: Attack) -> None:
    _unfinished(attack, "auth", OPEN)


def _unfinished(attack: Attack, dialect: str, line: str) -> None:
    data = _head(line, "Content-Type: application/json", f"Content-Length: {MIB}") + b" " * (
        MIB - 1
    )
    attack.talk(attack.connect_many(dialect, attack.size(500, 100), None), data, listens=False)
    attack.stay()


@stranger(
    "import",
    "64 MiB for /import without a login, in chunks, in counted bytes, and many that do not end",
    seconds=60.0,
)
def anonymous_import(attack: Attack) -> None:
    before = attack.descriptors()
    typed = "Content-Type: application/x-ndjson"
    endless = (
        _head("POST /import", typed, "Transfer-Encoding: chunked")
        + b"10000\r\n"
        + b"x" * 65536
        + b"\r\n"
    )
    many = attack.connect_many("admin", attack.size(200, 50), None)
    attack.talk(many, endless, listens=False)
    attack.expect(
        attack.descriptors() - before < len(many) * 3 // 2, "uploads without a login open files"
    )
    counted = _head("POST /import", typed, f"Content-Length: {60 * MIB}")
    attack.talk([attack.connect("admin")], counted + b"{}\n" * (attack.size(60, 4) * MIB // 3))


@stranger("expect", "announces a body with Expect: 100-continue, and never sends it")
def expect(attack: Attack) -> None:
    head = _head(
        OPEN, "Content-Type: application/json", "Expect: 100-continue", "Content-Length: 1000000"
    )
    attack.talk(attack.connect_many("auth", attack.size(1_000, 200), None), head)
    attack.stay()


@stranger("encodings", "deflate, gzip, odd transfer codings, upgrades")
def encodings(attack: Attack) -> None:
    for fields in (
        ("Content-Encoding: gzip", "Content-Length: 10"),
        ("Content-Encoding: deflate", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked, chunked",),
        ("Connection: Upgrade", "Upgrade: h2c", "Content-Length: 10"),
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAA"),
        ("Range: bytes=" + "0-1," * 2000 + "5-",),
        ("Accept: " + "a/b;q=0.1," * 1500,),
        ("Cookie: " + "a=b;" * 3500,),
    ):
        said = _head(OPEN, *fields) + b"x\x9cK\x04\x00\x00b\x00b10"
        attack.talk(attack.connect_many("auth", attack.size(100, 5)), said)


@stranger("queries", "targets with thousands of parameters, percent signs and dots")
def queries(attack: Attack) -> None:
    token = f"Authorization: Bearer {attack.token}"
    for target in (
        "/clients/fetch?" + "a=b&" * 1900,
        "/clients/fetch?" + "&" * 7000,
        "/clients/fetch?" + "%41" * 2500,
        "/clients/fetch/" + "9" * 7000,
        "/" + "../" * 2500,
        "/" * 8000,
        "/clients/fetch/" + "%ff" * 2500,
    ):
        attack.talk(
            [attack.connect("clients")], _head(f"GET {target}", token) * attack.size(500, 20)
        )


@stranger(
    "dead-tokens", "requests with tokens that are none, pipelined, each of which is looked up"
)
def dead_tokens(attack: Attack) -> None:
    connections = attack.connect_many("clients", 5)
    requests = b"".join(
        _head(
            "GET /clients/fetch/1", f"Authorization: Bearer {attack.random.getrandbits(256):064X}"
        )
        for _ in range(attack.size(5_000, 500))
    )
    attack.talk(connections, requests)
    attack.talk(
        [attack.connect("clients")],
        _head("GET /clients/fetch/1", "Authorization: Bearer " + "x" * 15_000) * 200,
    )


@stranger("sockets-at-http", "TLS, JSON lines and random bytes at the HTTP ports")
def sockets_at_http(attack: Attack) -> None:
    for data in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b'{"op":"mostrar"}\n',
        attack.random.randbytes(3_000),
    ):
        for dialect in ("shop", "members", "admin"):
            attack.talk(attack.connect_many(dialect, attack.size(300, 20)), data)


@stranger(
    "loose-flood", "loosely framed requests at the members' port: each takes a timer of 0.1 s"
)
def loose_flood(attack: Attack) -> None:
    connections = attack.connect_many("members", attack.size(1_000, 200), None)
    for _ in range(attack.size(10, 2)):
        attack.talk(connections, b"HEAD /? HTTP/1.1\r\nX: y")
    attack.talk(connections, b"\r\n\r\n")


@stranger("huge-logins", "credentials of 15 KB, and passwords of 1 MiB", hashes=True)
def huge_logins(attack: Attack) -> None:
    basic = _head(
        "POST /user/login",
        "Authorization: Basic " + b64encode(b"a:" + b"x" * 11_000).decode(),
        "Content-Length: 0",
    )
    body = b'{"username":"someone","password":"' + b"x" * (MIB - 100) + b'"}'
    large = _head(OPEN, "Content-Type: application/json", f"Content-Length: {len(body)}") + body
    for _ in range(attack.size(20, 2)):
        attack.talk(attack.connect_many("auth", 4, None), basic, ends=1, mark=STATUS)
        attack.talk(attack.connect_many("auth", 4, None), large, ends=1, mark=STATUS)


@stranger("sessions-in-urls", "thousands of sessions guessed in way's URLs")
def sessions_in_urls(attack: Attack) -> None:
    requests = b"".join(
        _head(f"GET /api/usuario/{attack.random.getrandbits(256):064X}")
        for _ in range(attack.size(5_000, 500))
    )
    heard = attack.talk(attack.connect_many("way", 4, None), requests)
    attack.expect(heard, "way does not answer")
