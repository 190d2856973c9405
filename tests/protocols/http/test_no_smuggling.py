"""What is refused by the wire closes the connection, and nothing behind it is ever done. At each
port, with the real daemon.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import count
from typing import Final

import pytest
from attrs import frozen

from sockcrud.identity.passwords import digest_of
from tests.support.doors_kit import HEALTH, HTTP, Town, a_town
from tests.support.http_kit import Answered, answers, request
from tests.support.running import received

SECRET: Final = "battery staple"
LARGE_CHUNK: Final = b"200000\r\n" + b" " * (2**20 + 1)
POSTS: Final = {
    "clients": "/clients/create",
    "products": "/products/create",
    "inventory": "/inventory/add_product",
    "way": "/api/main",
    "members": "/",
    "admin": "/login",
}
MADE: Final = {"way": 200, "admin": 201, "members": 201}


@frozen
class Ports:
    """The daemon, an admin's tokens, and changes that can be seen to have been made."""

    town: Town
    tokens: dict[str, str]
    numbers: Iterator[int]

    def a_change(self, port: str) -> bytes:
        """Return a request that makes a new record, with all that it needs to be let in."""
        number = next(self.numbers)
        name, more = f"smuggled{number}", {"Host": "localhost"}
        if port == "way":
            body: object = {"UserName": name, "PassWord": digest_of(SECRET), "Ativo": "true"}
            return request("POST", f"/api/usuario/{self.tokens['way']}", body)
        if port == "members":
            return request("PUT", "/", {"email": name, "password": SECRET}, headers=more)
        if port == "admin":
            return request("POST", "/companies", {"name": name}, token=self.tokens["admin"])
        if port == "auth":
            return request("POST", "/user/create", {"username": name, "password": SECRET})
        if port == "products":
            body = {"name": name, "description": "", "quantity": 1, "price": 1, "status": True}
            return request("POST", "/products/create", body, token=self.tokens["auth"])
        if port == "inventory":
            body = {
                "client_id": 1,
                "product_id": 1,
                "number_of_items": number,
                "purchase_date": "2024-11-01",
            }
            return request("POST", "/inventory/add_product", body, token=self.tokens["auth"])
        body = {"name": name, "email": f"{name}@example.org", "cpf": f"{number:011}", "balance": 1}
        return request("POST", "/clients/create", body, token=self.tokens["auth"])

    def changes(self) -> int:
        """Return how many changes there have been of any record that is no session."""
        listed = self.town.administers("GET", "/changes?since=0&limit=1000")
        assert listed["next"] is None
        return len(listed["items"])

    def says(self, port: str, data: bytes) -> list[Answered]:
        """Say this and no more on one connection, and return all that is answered until it
        closes.
        """
        with self.town.daemon.connect(port) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return answers(received(connection))

    def is_refused(self, port: str, data: bytes) -> Answered:
        """Say this and leave the line open: the answer must be one, and then the daemon must close
        by itself.
        """
        with self.town.daemon.connect(port) as connection:
            connection.sendall(data)
            (answered,) = answers(received(connection))
        assert answered.field("Connection") == "close", answered
        return answered


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    with a_town(tmp_path_factory.mktemp("ports")) as town:
        made = Ports(town, town.doors.logs_in_everywhere("admin", town.admin_password), count(1))
        made.says("clients", made.a_change("clients"))
        made.says("products", made.a_change("products"))
        yield made


def post(
    ports: Ports,
    port: str,
    *fields: str,
    version: str = "HTTP/1.1",
    host: str | None = "Host: localhost",
) -> bytes:
    """Return the header of a request with a body, to a path that is there."""
    lines = [
        f"POST {POSTS.get(port, '/user/create')} {version}",
        *([host] if host else []),
        *fields,
    ]
    lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, f"Authorization: Bearer {ports.tokens['auth']}", "", ""]).encode()


def get(
    port: str, *fields: str, target: str | None = None, end: str = "\r\n", version: str = "HTTP/1.1"
) -> bytes:
    """Return a request without a body, to a path that is there."""
    target = (
        target
        or {"way": "/api/usuario/x", "members": "/", "admin": "/health"}.get(port)
        or HEALTH[port]
    )
    return end.join([f"GET {target} {version}", "Host: localhost", *fields, "", ""]).encode()


def refused_at(ports: Ports, port: str) -> list[tuple[str, int, bytes]]:
    """Return what no server may go on after: what it is, the status, and the bytes before the
    smuggled request.
    """
    cases = [
        ("no request line", 400, b"nonsense\r\n\r\n"),
        (
            "a line of another protocol",
            400,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        ),
        ("HTTP/0.9", 400, b"GET /\r\n\r\n"),
        ("a version to come", 505, get(port, version="HTTP/2.0")),
        ("bare LF", 400, get(port, end="\n")),
        ("one bare LF", 400, get(port, "A: b\nContent-Length: 0")),
        ("bare CR", 400, get(port, "A: b\rC: d")),
        ("NUL in a field", 400, get(port, "A: b\0")),
        ("two hosts", 400, get(port, "Host: b")),
        ("a host that is none", 400, get(port).replace(b"Host: localhost", b"Host: a b")),
        ("a blank before the colon", 400, post(ports, port, "Content-Length : 0")),
        ("a folded field", 400, get(port, "A: b", " Content-Length: 0")),
        (
            "a length and chunks",
            400,
            post(ports, port, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        ),
        (
            "chunks and a length",
            400,
            post(ports, port, "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
        ),
        ("two lengths", 400, post(ports, port, "Content-Length: 0", "Content-Length: 5")),
        ("a list of lengths", 400, post(ports, port, "Content-Length: 0, 5")),
        ("a signed length", 400, post(ports, port, "Content-Length: +0")),
        ("a negative length", 400, post(ports, port, "Content-Length: -1")),
        ("a length in hex", 400, post(ports, port, "Content-Length: 0x0")),
        ("a length beyond all", 400, post(ports, port, "Content-Length: 99999999999999999999")),
        ("another coding", 501, post(ports, port, "Transfer-Encoding: gzip, chunked")),
        ("an unknown coding", 400, post(ports, port, "Transfer-Encoding: xchunked")),
        (
            "two codings",
            400,
            post(ports, port, "Transfer-Encoding: chunked", "Transfer-Encoding: identity")
            + b"0\r\n\r\n",
        ),
        (
            "chunks in 1.0",
            400,
            post(ports, port, "Transfer-Encoding: chunked", version="HTTP/1.0") + b"0\r\n\r\n",
        ),
        (
            "a chunk without a size",
            400,
            post(ports, port, "Transfer-Encoding: chunked") + b"\r\n\r\n",
        ),
        (
            "a chunk of a signed size",
            400,
            post(ports, port, "Transfer-Encoding: chunked") + b"-1\r\n\r\n",
        ),
        (
            "a chunk with a tail",
            400,
            post(ports, port, "Transfer-Encoding: chunked") + b"1\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "a chunk ended by LF",
            400,
            post(ports, port, "Transfer-Encoding: chunked") + b"1\na\n0\n\n",
        ),
        ("a tunnel", 405, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"),
        ("a target too long", 414, get(port, target="/" + "a" * 9000)),
        ("a header too large", 431, get(port, f"A: {'b' * 17_000}")),
        ("too many fields", 431, get(port, *["A: b"] * 101)),
        ("a body too large", 413, post(ports, port, f"Content-Length: {2**21}")),
        (
            "a chunked body too large",
            413,
            post(ports, port, "Transfer-Encoding: chunked") + LARGE_CHUNK,
        ),
    ]
    if port != "members":  # whose clients send none
        cases.append(("no host", 400, post(ports, port, "Content-Length: 0", host=None)))
    return cases


@pytest.mark.parametrize("port", HTTP)
def test_after_a_refusal_nothing_is_done_and_the_connection_closes(ports: Ports, port: str) -> None:
    before = ports.changes()
    (made,) = ports.says(port, ports.a_change(port))
    assert made.status == MADE.get(port, 201), made
    known = ports.changes()
    assert known == before + 1  # so the same request would be seen, if it were done
    for name, status, data in refused_at(ports, port):
        answered = ports.is_refused(port, data + ports.a_change(port) * 2)
        assert answered.status == status, (name, answered)
        assert isinstance(answered.json, dict), name
        assert ports.changes() == known, name


@pytest.mark.parametrize("port", HTTP)
def test_who_is_refused_before_the_body_is_not_heard_any_more(ports: Ports, port: str) -> None:
    known = ports.changes()
    smuggled = ports.a_change(port)
    target = {"way": "/api/usuario/x", "members": "/nowhere", "admin": "/companies"}.get(
        port, "/nowhere"
    )
    fields = f"Host: localhost\r\nExpect: 100-continue\r\nContent-Length: {len(smuggled)}\r\n\r\n"
    with ports.town.daemon.connect(port) as connection:
        connection.sendall(f"POST {target} HTTP/1.1\r\n{fields}".encode())
        (answered,) = answers(received(connection))  # it closes before the body has come
        assert answered.status == {"way": 200, "admin": 401}.get(port, 404)
        connection.sendall(smuggled)
    assert ports.changes() == known


@pytest.mark.parametrize("port", HTTP)
def test_a_body_is_never_taken_for_a_request(ports: Ports, port: str) -> None:
    known = ports.changes()
    smuggled, behind = ports.a_change(port), get(port)
    length = f"Content-Length: {len(smuggled)}"
    chunked = b"%x\r\n%b\r\n0\r\nContent-Length: 5\r\n\r\n" % (len(smuggled), smuggled)
    for data in (
        post(ports, port, length) + smuggled,
        post(
            ports,
            port,
            length,
            "Connection: keep-alive, Upgrade",
            "Upgrade: h2c",
            "HTTP2-Settings: AAAA",
        )
        + smuggled,
        post(ports, port, length, "Connection: Upgrade", "Upgrade: websocket") + smuggled,
        post(ports, port, "Connection: Upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked")
        + chunked,
        post(ports, port, "Transfer-Encoding: CHUNKED") + chunked,
        post(ports, port, "Expect: 100-continue", length) + smuggled,
        get(port, length) + smuggled,
        post(ports, port, length).replace(b"POST", b"DELETE", 1) + smuggled,
        post(ports, port, length).replace(b"POST", b"OPTIONS", 1) + smuggled,
    ):
        heard = ports.says(port, data + behind)
        assert len(heard) == 2, (data, heard)
        assert heard[1].status < 404, (data, heard)
        assert ports.changes() == known, data


@pytest.mark.parametrize("port", HTTP)
def test_an_unfinished_request_is_never_done(ports: Ports, port: str) -> None:
    known = ports.changes()
    change = ports.a_change(port)
    for cut in (
        1,
        len(change) // 2,
        change.index(b"\r\n\r\n") + 2,
        change.index(b"\r\n\r\n") + 4,
        len(change) - 1,
    ):
        for answered in ports.says(port, change[:cut]):
            assert answered.status == 400
        assert ports.changes() == known, change[:cut]


def test_what_follows_a_loosely_framed_login_at_members_is_not_done(ports: Ports) -> None:
    known = ports.changes()
    body = b"user:nobody@example.org,wrong password"
    change = ports.a_change("members")
    for length in (len(body) + 3, len(body) + len(change), len(body) - 1):
        head = b"POST /? HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length
        heard = ports.says("members", head + body + change)
        assert [answered.status for answered in heard] in ([401], [401, 400], [401, 501]), (
            length,
            heard,
        )
        assert ports.changes() == known, length
    # As its clients count: it ends where the next request begins, and that is one like any other.
    heard = ports.says(
        "members",
        b"POST /? HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (len(body) + 4) + body + change,
    )
    assert [answered.status for answered in heard] == [401, 201]
    assert ports.changes() == known + 1
