"""Strangers that ask for lists and do not read them, or not all, or slowly."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from time import monotonic

from tests.proofs.strangers.attack import Attack, stranger
from tests.proofs.strangers.lines import LIST

_CREATE = {
    "id_operation": "create_user",
    "payload": {"name": "Ana Maria", "email": "ana@example.org", "age": 30},
}
_CREATES = 200
MESSAGES = b'{"op":"mostrar"}\n'


def have_users(attack: Attack, count: int = 400) -> None:
    """Store so many users, unless they are there: a list of 67 KB and more."""
    if attack.ask("users", LIST).count(b"created_at") < count:
        attack.talk(
            [attack.connect("users")], (json.dumps(_CREATE) + "\n").encode() * count, ends=count
        )


def have_astral_messages(attack: Attack) -> None:
    """Store 500 messages of 10,000 characters beyond the BMP, unless they are there: a list of 20
    MB.
    """
    connection = attack.connect("messages")
    for id in range(1, 501):
        text = "\U0001f600" * 10_000
        adding = (
            json.dumps(
                {"op": "adicionar", "id": 1_000_000 + id, "data": text}, ensure_ascii=False
            ).encode()
            + b"\n"
        )
        attack.talk([connection], adding, ends=1)
        if id == 1 and not attack.ask("messages", b'{"op":"mostrar","id":1000500}\n').startswith(
            b'{"status":402'
        ):
            return


def have_products(attack: Attack) -> None:
    """Store products with long descriptions: a list of about 20 MB."""
    connections = attack.connect_many("products", 1)
    for number in range(attack.size(500, 100)):
        body = json.dumps(
            {
                "name": f"p{number}",
                "description": "\U0001f600" * 9_999,
                "quantity": 1,
                "price": 1,
                "status": True,
            },
            ensure_ascii=False,
        ).encode()
        head = (
            f"POST /products/create HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
            f"{attack.token}\r\n"
        )
        request = (
            f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        attack.talk(connections, request, ends=4)


def _hang_up(attack: Attack, dialect: str, request: bytes) -> None:
    for _ in range(80):
        connection = attack.connect(dialect, window=4096)
        attack.send(connection, request)
        connection.recv(1024)
        connection.close()
        if attack.is_over:
            return


@stranger(
    "list-hang-up",
    "80 x: ask for 20 MB of astral text, read 1 KB, close",
    prepare=have_astral_messages,
    seconds=90.0,
)
def list_hang_up(attack: Attack) -> None:
    _hang_up(attack, "messages", MESSAGES)


@stranger(
    "fetch-hang-up", "the same over HTTP: /products/fetch", prepare=have_products, seconds=90.0
)
def fetch_hang_up(attack: Attack) -> None:
    head = (
        f"GET /products/fetch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
        f"{attack.token}\r\n\r\n"
    )
    _hang_up(attack, "products", head.encode())


@stranger(
    "list-at-once",
    "20 MB lists on 40 connections at once, which stay and read nothing",
    prepare=have_astral_messages,
)
def list_at_once(attack: Attack) -> None:
    attack.talk(
        attack.connect_many("messages", attack.size(40, 10), window=4096), MESSAGES, listens=False
    )
    attack.stay()


@stranger(
    "pipelined-lists",
    "10 connections with 128 lists of 67 KB each, which are read",
    prepare=have_users,
    seconds=60.0,
)
def pipelined_lists(attack: Attack) -> None:
    connections = attack.connect_many("users", 10)
    attack.talk(connections, LIST * attack.size(128, 32), ends=attack.size(128, 32))


@stranger(
    "300-pipelines",
    "300 connections with 128 lists of 67 KB each, nobody reads",
    prepare=have_users,
    seconds=60.0,
)
def three_hundred_pipelines(attack: Attack) -> None:
    connections = attack.connect_many("users", attack.size(300, 60), None)
    attack.talk(connections, LIST * 128, listens=False)
    attack.stay()


@stranger(
    "unread-lists",
    "1,000 lists that nobody reads, while others create",
    prepare=have_users,
    seconds=60.0,
)
def unread_lists(attack: Attack) -> None:
    before = _seconds_of_creates(attack)
    lists = attack.connect_many("users", attack.size(1000, 150), None, window=4096)
    attack.talk(lists, LIST, listens=False)
    after = _seconds_of_creates(attack)
    if attack.is_over:
        attack.note("the machine is too slow for this")
        return
    attack.note(
        f"{_CREATES} creates took {before * 1000:.0f} ms before, {after * 1000:.0f} ms meanwhile"
    )
    attack.expect(
        after < 4 * before + 0.2,
        f"creates take {after / before:.0f} times as long beside unread lists",
    )


def _seconds_of_creates(attack: Attack) -> float:
    """Create and delete again, in the quickest of three times."""
    connection, seconds = attack.connect("users"), []
    for _ in range(3):
        began = monotonic()
        attack.talk([connection], (json.dumps(_CREATE) + "\n").encode() * _CREATES, ends=_CREATES)
        seconds.append(monotonic() - began)
    return min(seconds)


@stranger(
    "list-for-ever",
    "a list that nobody reads: to be ended",
    prepare=have_astral_messages,
    only_full=True,
    seconds=60.0,
)
def list_for_ever(attack: Attack) -> None:
    lists = attack.connect_many("messages", 10, window=4096)
    attack.talk(lists, MESSAGES, listens=False)
    attack.wait(25)
    ended = sum(len(attack.rest(one, 2.0)) < 15_000_000 for one in lists)
    attack.expect(
        ended == len(lists),
        f"{len(lists) - ended} of {len(lists)} lists that nobody read for 25 s go on",
    )


@stranger("slow-read", "20 MB lists read 1 KB at a time", prepare=have_astral_messages)
def slow_read(attack: Attack) -> None:
    lists = attack.connect_many("messages", attack.size(20, 5), window=4096)
    attack.talk(lists, MESSAGES, listens=False)
    for _ in range(attack.size(60, 8)):
        for one in lists:
            _read_some(one)
        attack.wait(0.1)


def _read_some(connection: socket.socket) -> None:
    connection.setblocking(False)
    with suppress(OSError):
        connection.recv(1024)


@stranger("client-of-20000", "a client with 20,000 addresses is deleted at once", seconds=60.0)
def client_of_many(attack: Attack) -> None:
    authorized = (
        f"Host: 127.0.0.1\r\nAuthorization: Bearer {attack.token}\r\nContent-Type: "
        f"application/json\r\n"
    )
    number = attack.random.randrange(10**11)
    client = json.dumps(
        {"name": "x", "email": f"x{number}@example.org", "cpf": f"{number:011}", "balance": 1}
    )
    post = f"HTTP/1.1\r\n{authorized}Content-Length: "
    made = attack.ask("shop", f"POST /clients/create {post}{len(client)}\r\n\r\n{client}".encode())
    id = json.loads(made.partition(b"\r\n\r\n")[2])["id"]
    address = json.dumps(
        {
            "client_id": id,
            "state": "SP",
            "city": "x",
            "street": "y",
            "number": 1,
            "CEP": "01310-200",
        }
    )
    request = f"POST /address/create {post}{len(address)}\r\n\r\n{address}".encode()
    count = attack.size(20_000, 1_500)
    attack.talk([attack.connect("shop")], request * count)
    began = monotonic()
    gone = attack.ask("shop", f"DELETE /clients/delete/{id} HTTP/1.1\r\n{authorized}\r\n".encode())
    attack.note(f"the deletion took {(monotonic() - began) * 1000:.0f} ms")
    attack.expect(gone.startswith(b"HTTP/1.1 200"), f"the client is not deleted: {gone[:80]!r}")
