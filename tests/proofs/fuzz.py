"""Random and broken requests for the JSON-on-TCP ports of a real daemon.

`python -m tests.proofs.fuzz --count 100000 --seed 7` sends so many to each port, and then checks
that a client is served as ever,
that nothing was stored, and that the log tells of nothing.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final

from attrs import define

from tests.support.running import Daemon, received

BATCH: Final = 50
"""Strings a connection at most: few enough for what is said and what is answered to fit in the
system's buffers.
"""

HARMLESS: Final = {
    "users": [
        b'{"id_operation": "get_users", "payload": {"limit": 5, "after": 0}}',
        b'{"id_operation": "get_user", "payload": {"user_id": 1}}',
        b'{"id_operation": "delete_user", "payload": {"user_id": "1"}}',
        b'{"id_operation": "update_user", "payload": {"user_id": 1, "data": {"name": "Ana", '
        b'"age": 30}}}',
        b'{"id_operation": "close_connection"}',
    ],
    "messages": [
        b'{"op": "mostrar", "id": "", "data": ""}',
        b'{"op": "mostrar", "id": 1}',
        b'{"op": "deletar", "id": "1", "data": ""}',
    ],
}
"""Requests that store nothing in an empty store, whatever becomes of them on their way."""

STORING: Final[dict[str, dict[str, Any]]] = {
    "users": {
        "id_operation": "create_user",
        "payload": {"name": "Ana", "email": "ana@example.org", "age": 30},
    },
    "messages": {"op": "adicionar", "id": 1, "data": "teste"},
}
"""Requests that would store something, and are broken on purpose."""

SCRAPS: Final = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b":",
        b",",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b" ",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"1e400",
        b"9" * 30,
        b"-0",
        b"1.0",
        rb"\ud800",
        rb"\u0000",
        b'"payload":',
        b"{}",
    ),
    *(b"GET / HTTP/1.1\r\n", b"{" * 200, b"[" * 2000, b"x" * 300, b'{"a":"}}}}'),
]
NO_USER: Final = b'{"payload":[],"code":200}\n'
NO_MESSAGE: Final = b'{"status":200,"message":"OK","data":""}\n'


class Broken(Exception):
    """A promise that the daemon did not keep."""


def noise(random: Random) -> bytes:
    """Return random bytes, or random scraps of JSON."""
    if random.random() < 0.5:
        return random.randbytes(random.randrange(60))
    return b"".join(random.choices(SCRAPS, k=random.randrange(12)))


def mutated(random: Random, request: bytes) -> bytes:
    """Return a request with a few bytes changed, cut out, doubled or put in."""
    changed = bytearray(request)
    for _ in range(random.randrange(1, 5)):
        at, length = random.randrange(len(changed) + 1), random.randrange(8)
        stretch = (
            changed[at : at + length] * 2,
            b"",
            random.randbytes(length),
            random.choice(SCRAPS),
        )
        changed[at : at + length] = random.choice(stretch)
    return bytes(changed)


def spoilt(random: Random, request: dict[str, Any]) -> bytes:
    """Return a line for a request that would store something, in a form in which it must not."""
    whole = json.dumps(request).encode()
    if random.random() < 0.3:
        return b"\n" + whole[: random.randrange(len(whole))] + b"\n"
    if random.random() < 0.3:
        at = random.randrange(1, len(whole))
        return (
            b"\n"
            + whole[:at]
            + random.choice([b"\xff", b"\0", b"\n", b"\x01", b"\xc3("])
            + whole[at:]
            + b"\n"
        )
    wrong = json.loads(whole)
    fields = wrong.get("payload", wrong)
    name = random.choice([name for name in fields if name != "op"])
    fields[name] = random.choice(
        [True, 1.5, -(2**70), [], {}, "a\0b", "x" * 10_001, ["a"], {"a": 1}, [None] * 50]
    )
    return b"\n" + json.dumps(wrong).encode() + b"\n"


def strings(dialect: str, random: Random) -> Iterator[bytes]:
    """Yield strings without end, none of which may store anything."""
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: noise(random),
        lambda: mutated(random, random.choice(HARMLESS[dialect])),
        lambda: random.choice(HARMLESS[dialect]),
        lambda: spoilt(random, STORING[dialect]),
    )
    while True:
        yield random.choices(makers, (3, 4, 1, 3))[0]() + random.choice(
            [b"\n", b"\n", b"\r\n", b"", b" "]
        )


@define
class Figures:
    """What was sent to one port, and what came back."""

    strings: int = 0
    sent: int = 0
    connections: int = 0
    answers: int = 0
    resets: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.strings:,} strings, {self.sent:,} bytes on {self.connections:,} connections: "
            f"{self.answers:,} answers, "
            f"{self.resets:,} resets, {self.seconds:.1f} s"
        )


def attack(daemon: Daemon, dialect: str, count: int, random: Random) -> Figures:
    """Send so many strings; raise `Broken` for an answer that is none of the dialect's."""
    figures, source, started = Figures(), strings(dialect, random), perf_counter()
    while figures.strings < count:
        batch = list(islice(source, min(random.randint(1, BATCH), count - figures.strings)))
        figures.strings += len(batch)
        if (
            random.random() < 0.8
        ):  # a connection that opens with noise is given up for another protocol's
            batch.insert(0, HARMLESS[dialect][0] + b"\n")
        figures.sent += sum(map(len, batch))
        figures.connections += 1
        with daemon.connect(dialect) as connection:
            try:
                heard = _said(connection, batch, random)
            except ConnectionError:
                figures.resets += 1
                continue
        for answer in heard.splitlines():
            _check(dialect, answer)
            figures.answers += 1
    figures.seconds = perf_counter() - started
    return figures


def _said(connection: socket.socket, batch: list[bytes], random: Random) -> bytes:
    if random.random() < 0.1:
        for string in batch:
            connection.sendall(string)
    else:
        connection.sendall(b"".join(batch))
    if random.random() < 0.05:
        return b""  # hang up without listening
    connection.shutdown(socket.SHUT_WR)
    return received(connection)


_ANSWERS: Final = {
    "users": [["payload", "code"], ["error", "error_message"]],
    "messages": [["status", "message", "data"]],
}


def _check(dialect: str, answer: bytes) -> None:
    if list(json.loads(answer)) not in _ANSWERS[dialect]:
        raise Broken(f"{dialect} answered {answer!r}")
    if b"Internal" in answer:
        raise Broken(f"{dialect} had a fault of its own: {answer!r}")


def check_served(daemon: Daemon) -> None:
    """Check that nothing was stored, that a client is served as ever, and that the log tells of no
    fault.
    """
    user, message = (json.dumps(STORING[dialect]) for dialect in ("users", "messages"))
    expected = [
        ("users", '{"id_operation": "get_users"}', NO_USER.decode()),
        ("messages", '{"op": "mostrar"}', NO_MESSAGE.decode()),
        ("messages", message, '{"status":201,"message":"Mensagem criada","data":""}\n'),
    ]
    for dialect, asked, answer in expected:
        if (heard := daemon.ask(dialect, asked)) != answer:
            raise Broken(f"{dialect} answered {asked} with {heard[:1000]}")
    if '"code":201' not in (heard := daemon.ask("users", user)):
        raise Broken(f"users answered {user} with {heard}")
    if daemon.stop() != 0:
        raise Broken("the daemon did not end in order")
    log = daemon.log.read_text(errors="replace")
    if "Traceback" in log or "Unhandled" in log:
        raise Broken(f"the log tells of a fault: {log[-3000:]}")


def run(count: int, seed: int, directory: Path) -> dict[str, Figures]:
    """Attack a daemon of its own, and check what it is like afterwards."""
    with Daemon(directory, "--log-refusals", "0") as daemon:
        logged = daemon.log.read_text()
        figures = {
            dialect: attack(daemon, dialect, count, Random(f"{seed} {dialect}"))
            for dialect in STORING
        }
        if (more := daemon.log.read_text()) != logged:
            raise Broken(f"bad input is in the log: {more[len(logged) :][-3000:]}")
        check_served(daemon)
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="strings for each port")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        try:
            figures = run(given.count, given.seed, Path(directory))
        except Broken as broken:
            sys.exit(f"seed {given.seed}: {broken}")
    for dialect, figure in figures.items():
        print(f"{dialect:<9} {figure}")


if __name__ == "__main__":
    main()
