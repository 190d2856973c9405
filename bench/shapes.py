"""What the loads send."""

from __future__ import annotations

import json
from typing import Any, Final

from bench.load import Shape

USERS: Final = 1_000
CLIENTS: Final = 100
FILLING_DEPTH: Final = 64

_COUNT: Final = b"{count}"
_COUNT_LENGTH: Final = 9
_KEY: Final = b"{key}"
_KEY_LENGTH: Final = 7


def _line(request: bytes) -> bytes:
    return request + b"\n"


GET_USER: Final = Shape(
    _line(b'{"id_operation":"get_user","payload":{"user_id":{id}}}'), '{"payload":{"id":', ids=USERS
)
CREATE_USER: Final = Shape(
    _line(
        b'{"id_operation":"create_user","payload":{"name":"Ana","email":"ana{count}@example.org","age":30}}'
    ),
    '{"payload":{"id":',
)
LIST_USERS: Final = Shape(
    _line(b'{"id_operation":"get_users","payload":{}}'), '{"payload":[{"id":', connections=1
)

VALUE: Final = (
    b'{"payload":{"id":1,"name":"Ana","email":"ana100000000@example.org","age":30,'
    b'"created_at":"2024-11-21T00:59:04.023648+00:00","updated_at":"2024-11-21T00:59:04.023648+00:00"},"code":200}\n'
)
"""What Redis stores and gives: the bytes that sockcrud answers."""


def a_client(number: int) -> dict[str, Any]:
    """Return the fields of a client of the shop."""
    cpf = f"454.090.{number:03}-00"
    return {"name": "Pedro", "email": f"pedro{number}@example.org", "cpf": cpf, "balance": 30.25}


def fetch_client(token: str) -> Shape:
    """Fetch a client of the shop with a bearer token."""
    return _fetch("/clients/fetch/{id}", token)


def fetch_customer(token: str) -> Shape:
    """Fetch a record of `peers/crud_customers.py` likewise."""
    return _fetch("/customers/{id}", token)


def _fetch(path: str, token: str) -> Shape:
    return Shape(_http("GET", path, token), "HTTP/1.1 200 ", "http", ids=CLIENTS)


def create_client(token: str) -> Shape:
    """Create a client of the shop with a bearer token."""
    body = json.dumps(
        {"name": "Pedro", "email": "pedro{count}@example.org", "cpf": "12{count}", "balance": 30.25}
    )
    return Shape(_http("POST", "/clients/create", token, body.encode()), "HTTP/1.1 201 ", "http")


def _http(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {_length(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def _length(text: bytes) -> int:
    """Return the length that it has when it is sent."""
    counts, keys = text.count(_COUNT), text.count(_KEY)
    return len(text) + counts * (_COUNT_LENGTH - len(_COUNT)) + keys * (_KEY_LENGTH - len(_KEY))


def redis_command(*words: bytes) -> bytes:
    """Return a command as Redis's clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%b\r\n" % (_length(word), word) for word in words
    )


REDIS_PING: Final = Shape(redis_command(b"PING"), "+PONG", "resp")
REDIS_GET: Final = Shape(redis_command(b"GET", b"user:{key}"), f"${len(VALUE)}", "resp", ids=USERS)
REDIS_SET: Final = Shape(redis_command(b"SET", b"user:{count}", VALUE), "+OK", "resp")


def redis_key(number: int) -> bytes:
    """Return the key of which `{key}` is the number."""
    return b"user:%07d" % number
