"""Requests for every dialect, made of what its tables say it takes, and then spoilt."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import islice
from random import Random
from typing import Any, Final

from attrs import frozen

from sockcrud.rest.routes import Route
from tests.proofs.fuzz import mutated, strings
from tests.proofs.systems import JSON, TOKEN
from tests.protocols.http.http_tables import BAD, GOOD
from tests.support.doors_kit import routes_by_dialect

_TEXTS: Final = (
    "",
    "x",
    "Ana",
    "anna",
    "ana@example.org",
    "josé",
    "한글",
    "😀",
    "a\u200bb",
    "null",
    "2024-11-01",
    "12345678901",
)
_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    1,
    2,
    -1,
    1.5,
    "1",
    2**63,
    2**70,
    [],
    {},
    [1],
    {"a": 1},
    "x" * 300,
    *_TEXTS,
)
_FIELDS: Final = (
    b"Content-Type: application/json",
    b"Content-Type: text/plain",
    b"Connection: close",
    b"Connection: keep-alive, Upgrade",
    b"Origin: http://evil.example",
    b"If-Match: *",
    b'If-None-Match: "1"',
    b"Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl",
    b"Cookie: token=x",
    b"Accept-Encoding: gzip",
    b"X: \xc3\xa9",
)
_NOT_COMPARED: Final = ("/metrics", "/openapi.json", "/health")
"""Paths whose answers tell of the process, or are so long that they say nothing."""


def requests(dialect: str, random: Random) -> bytes:
    """Return a few requests, good and bad, as one string of bytes."""
    if dialect in JSON:
        return b"".join(islice(strings(dialect, random), random.randrange(1, 8)))
    made = b"".join(_http(dialect, random) for _ in range(random.randrange(1, 5)))
    return mutated(random, made) if random.random() < 0.3 else made


def http_bytes(random: Random) -> bytes:
    """Return requests of the framing's own tables, in any order, spoilt or not."""
    tables = [*(data for data, _ in GOOD.values()), *(data for data, _ in BAD.values())]
    made = b"".join(random.choices(tables, k=random.randrange(1, 4)))
    return mutated(random, made) if random.random() < 0.6 else made


@cache
def _routes() -> dict[str, tuple[Route, ...]]:
    return {
        name: tuple(one for one in table.all if one.path not in _NOT_COMPARED)
        for name, table in routes_by_dialect().items()
    }


def _http(dialect: str, random: Random) -> bytes:
    route = random.choice(_routes()[dialect])
    parts = [_part(part, random) for part in route.path.split("/")]
    target = "/".join(parts) or "/"
    if random.random() < 0.2:
        target += random.choice(("?", "?id=1", "?limit=1&after=0", "?a=%ff", "/", "?ID=2&id=3"))
    body = _body(route, random) if route.body is not None or random.random() < 0.1 else b""
    fields = [b"Host: 127.0.0.1"] if random.random() < 0.9 else []
    fields += random.sample(_FIELDS, random.choice((0, 0, 1, 2)))
    if random.random() < 0.8 and not any(field.startswith(b"Authorization") for field in fields):
        fields.append(b"Authorization: Bearer " + TOKEN)
    if body:
        body = _framed(body, fields, random)
    random.shuffle(fields)
    return b"\r\n".join([f"{route.method} {target} HTTP/1.1".encode(), *fields, b"", body])


def _part(part: str, random: Random) -> str:
    if not part.startswith("{"):
        return part
    if part == "{session}":
        return TOKEN.decode()
    return str(random.choice((0, 1, 1, 1, 2, 3, 99, 2**63, "x", "-1", "01")))


def _body(route: Route, random: Random) -> bytes:
    properties = dict((route.body or {}).get("properties", {"name": {}}))
    fields: dict[str, Any] = {
        name: random.choice(_VALUES) for name in properties if random.random() < 0.9
    }
    if random.random() < 0.2:
        return random.choice(
            (b"user:a@b.cd,pwd", b"{", b"[]", b"email=a@b.cd&password=pwd", b"\xff", b"user:a")
        )
    return json.dumps(fields, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


def _framed(body: bytes, fields: list[bytes], random: Random) -> bytes:
    if random.random() < 0.7:
        fields.append(b"Content-Length: %d" % len(body))
        return body
    fields.append(b"Transfer-Encoding: chunked")
    at = random.randrange(len(body) + 1)
    pieces = [piece for piece in (body[:at], body[at:]) if piece]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


# The loosely framing clients of the field

COUNTS: Final[dict[str, Callable[[str], int]]] = {
    "bytes": lambda text: len(text.encode()),
    "bytes and the blank line": lambda text: len(text.encode()) + 4,
    "characters and the blank line": lambda text: len(text) + 4,
}
_NAMES: Final = ("ana", "josé", "ação", "한글이름", "ñandú", "é" * 9, "😀😀")
_PASSWORDS: Final = ("pw1", "sécret", "비밀번호입니다", "ab", "POST", "x" * 40)


@frozen
class Meant:
    """What such a client means to store."""

    email: str
    password: str


def loose_conversation(random: Random) -> tuple[bytes, list[Meant]]:
    """Return what some clients of the field would send on one connection, and the accounts that
    they mean to make.
    """
    said, meant = b"", []
    for number in range(random.randrange(1, 5)):
        kind = random.choice(("PUT", "PUT", "POST", "GET", "HEAD"))
        version = random.choice(("1.1", "1.0"))
        if kind in ("GET", "HEAD"):
            said += f"{kind} /? HTTP/{version}\r\nUser-Agent: field".encode() + random.choice(
                (b"", b"\r\n", b"\r\n\r\n")
            )
            continue
        one = Meant(f"{random.choice(_NAMES)}{number}@ex.com", random.choice(_PASSWORDS))
        if kind == "PUT":
            meant.append(one)
        text = f"user:{one.email},{one.password}"
        length = COUNTS[random.choice(list(COUNTS))](text)
        said += f"{kind} /? HTTP/{version}\r\nContent-Length: {length}\r\n\r\n{text}".encode()
    return said, meant
