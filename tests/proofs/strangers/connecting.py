"""Strangers that connect: too many, too often, all at once, half, or without a word."""

from __future__ import annotations

import socket
from time import monotonic

from tests.proofs.strangers.attack import Attack, stranger
from tests.proofs.strangers.lines import GET

_TRIES_AGAIN = 1.0
"""Seconds after which the system tries again to connect, where a backlog was full."""


@stranger("idle", "10,000 connections from many addresses that say nothing", seconds=90.0)
def idle(attack: Attack) -> None:
    kept = attack.connect_many("users", attack.size(10_000, 500), None)
    attack.note(f"{len(kept):,} connections")
    attack.stay()


@stranger("idle-http", "as many at an HTTP port", seconds=90.0)
def idle_http(attack: Attack) -> None:
    attack.connect_many("shop", attack.size(10_000, 500), None)
    attack.stay()


@stranger(
    "at-once",
    "1,000 clients that connect at the same moment and ask: each must be answered",
    seconds=60.0,
)
def at_once(attack: Attack) -> None:
    answer = len(attack.ask("users", GET))
    began = monotonic()
    clients = []
    for _ in range(attack.size(1_000, 300)):
        client = socket.socket()
        client.setblocking(False)
        client.bind((attack.another_address(), 0))
        client.connect_ex(("127.0.0.1", attack.ports["users"]))
        clients.append(client)
    answered = attack.talk(clients, GET, ends=1) // answer
    seconds = monotonic() - began
    for client in clients:
        client.close()
    attack.note(f"{answered:,} of {len(clients):,} answered in {seconds:.2f} s")
    attack.expect(
        answered == len(clients), f"{len(clients) - answered} of {len(clients)} got no answer"
    )
    attack.expect(
        seconds < _TRIES_AGAIN,
        f"the last was answered after {seconds:.1f} s: its connection was tried again",
    )


@stranger("connect-close", "connects and closes, as fast as it can")
def connect_close(attack: Attack) -> None:
    for _ in range(attack.size(20_000, 1_000)):
        attack.connect("messages", attack.another_address()).close()
        if attack.is_over:
            return


@stranger("resets", "asks, and resets the connection before the answer")
def resets(attack: Attack) -> None:
    for number in range(attack.size(20_000, 300)):
        dialect, request = (
            ("users", GET * 20),
            ("admin", b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3),
        )[number % 2]
        connection = attack.connect(dialect, attack.another_address())
        attack.send(connection, request)
        attack.reset(connection)
        if attack.is_over:
            return


@stranger(
    "half-closed", "says that it has said all, and stays without reading, 2,000 times", seconds=60.0
)
def half_closed(attack: Attack) -> None:
    for connection in attack.connect_many("users", attack.size(2_000, 200), None):
        attack.send(connection, GET)
        connection.shutdown(socket.SHUT_WR)
    attack.stay()


@stranger("half-open", "closes its reading half, and goes on asking")
def half_open(attack: Attack) -> None:
    for connection in attack.connect_many("users", attack.size(500, 100), None):
        connection.shutdown(socket.SHUT_RD)
        attack.send(connection, GET * 10)
    attack.stay()


@stranger("urgent", "sends urgent data")
def urgent(attack: Attack) -> None:
    for connection in attack.connect_many("users", attack.size(200, 50)):
        for _ in range(10):
            connection.send(b"!", socket.MSG_OOB)
            attack.send(connection, GET)
    attack.wait(0.5)


def _beyond_loopback() -> str:
    """Return an address of this machine that is not a loopback one.

    Bound to it, a client is a peer from elsewhere to the daemon, and still nothing leaves the
    machine.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking:
        try:
            looking.connect(
                ("192.0.2.1", 9)
            )  # of a network that is for documentation; nothing is sent
            return str(looking.getsockname()[0])
        except OSError:
            return ""


@stranger(
    "one-address",
    "idle connections of one address beyond loopback, more than there may be in all: others must "
    "get in",
    flags=("--max-connections", "200"),
)
def one_address(attack: Attack) -> None:
    address = _beyond_loopback()
    if not address:
        attack.note("this machine has no address but loopback")
        return
    attack.connect_many("users", 260, address)
    attack.stay()


@stranger(
    "all-connections",
    "idle connections of many loopback addresses, more than there may be: the administration "
    "must answer",
    flags=("--max-connections", "200"),
    fills=True,
)
def all_connections(attack: Attack) -> None:
    attack.connect_many("users", 260, None)
    attack.stay()


@stranger(
    "too-many",
    "goes on connecting where all connections are taken, and stays when it is refused",
    flags=("--max-connections", "200"),
    fills=True,
    seconds=60.0,
)
def too_many(attack: Attack) -> None:
    attack.connect_many("users", attack.size(5_000, 600), None)
    attack.stay()


@stranger(
    "no-descriptors",
    "a daemon with 300 descriptors, and 600 connections",
    descriptors=300,
    fills=True,
    seconds=60.0,
)
def no_descriptors(attack: Attack) -> None:
    kept = attack.connect_many("users", attack.size(600, 400), None)
    kept += attack.connect_many("shop", attack.size(600, 200), None)
    attack.stay()
    attack.note(f"{len(kept)} connections")
