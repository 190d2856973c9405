"""Single requests: to fill a server before it is measured, and to see that its answers are
right.
"""

from __future__ import annotations

import base64
import json
import re
import socket
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

from bench.processes import HOST, Failed
from bench.shapes import CLIENTS, a_client

ACCOUNT: Final = "ana"
PASSWORD: Final = "a password of the benchmark"
_SECONDS: Final = 30.0
_REFUSED: Final = (400, 422)


def ask_line(port: int, request: object) -> Any:
    """Send one JSON line and return the answer."""
    with socket.create_connection((HOST, port), timeout=_SECONDS) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(connection.makefile("rb").readline())


def ask_http(
    port: int, method: str, path: str, body: object = None, authorization: str = ""
) -> tuple[int, Any]:
    """Send one request and return the status, and the JSON of the answer or what there is in its
    stead.
    """
    connection = HTTPConnection(HOST, port, timeout=_SECONDS)
    headers = {"Authorization": authorization} if authorization else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, HTTPException) as error:
        raise Failed(f"{method} {path} at port {port}: {error or type(error).__name__}") from None
    finally:
        connection.close()
    return answer.status, json.loads(said) if "json" in (
        answer.getheader("Content-Type") or ""
    ) else said


def exact_answer(port: int, request: bytes) -> bytes:
    """Send a request in lines or HTTP, and return the very bytes of the answer."""
    with socket.create_connection((HOST, port), timeout=_SECONDS) as connection:
        connection.sendall(request)
        stream = connection.makefile("rb")
        first = stream.readline()
        if not first.startswith(b"HTTP/1.1 "):
            return first
        head = [first, *iter(stream.readline, b"\r\n")]
        lengths = [
            int(line.partition(b":")[2])
            for line in head
            if line.lower().startswith(b"content-length:")
        ]
        return b"".join([*head, b"\r\n", stream.read(*lengths)])


def ask_redis(port: int, command: bytes) -> bytes:
    """Send one command and return the first bytes of the answer."""
    with socket.create_connection((HOST, port), timeout=_SECONDS) as connection:
        connection.sendall(command)
        return connection.recv(4096)


def expect(what: str, found: object, wanted: object) -> None:
    """Raise `Failed` where an answer is another than wanted."""
    if found != wanted:
        raise Failed(f"{what}: expected {wanted!r}, got {found!r}")


def log_in(port: int) -> str:
    """Make an account at a shop and return a token for it."""
    status, answer = ask_http(
        port, "POST", "/user/create", {"username": ACCOUNT, "password": PASSWORD}
    )
    expect(f"making an account ({answer})", status, 201)
    credentials = base64.b64encode(f"{ACCOUNT}:{PASSWORD}".encode()).decode()
    status, answer = ask_http(port, "POST", "/user/login", authorization=f"Basic {credentials}")
    expect("logging in", status, 200)
    token: str = answer["token"]
    return token


def fill_shop(port: int) -> str:
    """Fill a shop with clients, and return a token."""
    token = log_in(port)
    for number in range(1, CLIENTS + 1):
        status, answer = ask_http(
            port, "POST", "/clients/create", a_client(number), f"Bearer {token}"
        )
        expect("creating a client", (status, answer.get("id")), (201, number))
    return token


def shop_with_clients(port: int) -> str:
    """Fill a shop with clients, see that it serves them as it must, and return a token."""
    token = fill_shop(port)
    check_fetching(port, token)
    return token


def check_fetching(port: int, token: str) -> None:
    """See that clients are fetched, and by nobody without a token."""
    fetch, bearer = "/clients/fetch/{}", f"Bearer {token}"
    shown = {"id": 1, **a_client(1), "balance": "30.25"}
    expect(
        "fetching a client",
        ask_http(port, "GET", fetch.format(1), authorization=bearer),
        (200, shown),
    )
    expect(
        "fetching no client",
        ask_http(port, "GET", fetch.format(10**9), authorization=bearer)[0],
        404,
    )
    expect(
        "fetching with a wrong token",
        ask_http(port, "GET", fetch.format(1), authorization="Bearer 0" + token)[0],
        401,
    )
    without = ask_http(port, "GET", fetch.format(1))[0]
    if without not in (401, 403):
        raise Failed(f"fetching with no token: expected 401, got {without}")


def check_creating(port: int, token: str) -> None:
    """See that what is no client is refused, and one that exists as well."""
    client = {**a_client(1), "cpf": "99999999999", "email": "new@example.org"}
    bearer = f"Bearer {token}"
    for wrong in (
        {"cpf": "1"},
        {"email": "nobody"},
        {"balance": -1},
        {"balance": 1.234},
        {"name": ""},
    ):
        status, _ = ask_http(port, "POST", "/clients/create", {**client, **wrong}, bearer)
        if status not in _REFUSED:
            raise Failed(f"creating a client with {wrong}: expected 400, got {status}")
    expect("creating a client", ask_http(port, "POST", "/clients/create", client, bearer)[0], 201)
    expect("creating it again", ask_http(port, "POST", "/clients/create", client, bearer)[0], 409)


def check_users(port: int) -> None:
    """See that users are created and shown, and what is none is refused."""
    new = {"name": "Ana", "email": "ana@example.org", "age": 30}
    created = ask_line(port, {"id_operation": "create_user", "payload": new})
    expect("creating a user", created.get("code"), 201)
    for user_id in (created["payload"]["id"], str(created["payload"]["id"])):
        shown = ask_line(port, {"id_operation": "get_user", "payload": {"user_id": user_id}})
        expect("showing a user", shown, {"payload": created["payload"], "code": 200})
    expect("its fields", {name: created["payload"][name] for name in new}, new)
    for user_id in (10**9, "one"):
        none = ask_line(port, {"id_operation": "get_user", "payload": {"user_id": user_id}})
        expect(f"showing {user_id}", none, {"error": 404, "error_message": "User Not Found"})
    for payload in ({}, {"user_id": True}, {"user_id": 1.0}, None):
        refused = ask_line(port, {"id_operation": "get_user", "payload": payload})
        expect(f"showing {payload}", refused, {"error": 400, "error_message": "Bad Request"})
    for wrong in ({"name": ""}, {"email": "nobody"}, {"age": 151}, {"age": "30"}):
        refused = ask_line(port, {"id_operation": "create_user", "payload": {**new, **wrong}})
        expect(f"creating {wrong}", refused, {"error": 400, "error_message": "Bad Request"})


def counted_commits(admin_port: int) -> int:
    """Return how many commits the daemon says that it has made."""
    _, text = ask_http(admin_port, "GET", "/metrics")
    found = re.search(r"^sockcrud_commit_seconds_count ([0-9.e+]+)$", text.decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0
