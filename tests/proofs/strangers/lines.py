"""Strangers at the JSON ports: lines that are expensive, endless, unfinished, or no JSON at all."""

from __future__ import annotations

import json
import socket
from typing import Final

from tests.proofs.strangers.attack import Attack, stranger

GET: Final = b'{"id_operation":"get_user","payload":{"user_id":1}}\n'
LIST: Final = b'{"id_operation":"get_users"}\n'
LONG: Final = 65_000
"""Bytes of a line that is just not too long."""


@stranger("nobody", "nothing at all: the floor of the figures")
def nobody(attack: Attack) -> None:
    attack.stay()


@stranger("brackets", "128 lines of 65,000 { on one connection, again and again")
def brackets(attack: Attack) -> None:
    for opening in (b"{", b'{"":', b"["):
        lines = (opening * (LONG // len(opening)) + b"\n") * 128
        for _ in range(attack.size(3, 1)):
            attack.talk([attack.connect("users")], lines, ends=128)


@stranger(
    "brackets-without-end", "65,000 { without a newline, on many connections, some bytes at a time"
)
def brackets_without_end(attack: Attack) -> None:
    connections = attack.connect_many("users", attack.size(100, 20))
    for _ in range(10):
        attack.talk(connections, b"{" * (LONG // 10), listens=False)


@stranger(
    "quotes", "lines of quotes, backslashes and braces in texts: what a scanner stops at most often"
)
def quotes(attack: Attack) -> None:
    for scrap in (b'"', b'\\"', b'"{"', b"}"):
        line = b'{"a":' + scrap * (LONG // len(scrap)) + b"\n"
        attack.talk([attack.connect("messages")], line * attack.size(256, 64))


@stranger("byte-by-byte", "objects of 64 KB that come one byte a segment, on several connections")
def byte_by_byte(attack: Attack) -> None:
    connections = attack.connect_many("users", 5)
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = (
        b'{"id_operation":"get_user","payload":{"user_id":1,"x":"'
        + b"x" * attack.size(60_000, 3_000)
        + b'"}}\n'
    )
    for at in range(len(data)):
        for connection in connections:
            attack.send(connection, data[at : at + 1])
        if attack.is_over:
            return
    heard = attack.talk(connections, b"", ends=1)
    attack.expect(heard > 0, "what came byte by byte is not answered")


@stranger("blank-lines", "megabytes of blank lines")
def blank_lines(attack: Attack) -> None:
    for blanks in (b"\n", b"\r\n", b" \t\n", b" "):
        attack.talk([attack.connect("users")], blanks * (attack.size(16, 2) * 2**20 // len(blanks)))


@stranger(
    "nonsense",
    "megabytes of lines of two bytes that are no JSON, each of which gets an answer that nobody "
    "reads",
)
def nonsense(attack: Attack) -> None:
    connections = attack.connect_many("users", attack.size(50, 10))
    attack.talk(connections, b"x\n" * attack.size(500_000, 50_000), listens=False)
    attack.stay()


@stranger("nonsense-read", "the same, on one connection that reads the answers")
def nonsense_read(attack: Attack) -> None:
    attack.talk([attack.connect("messages")], b"{}\n" * attack.size(500_000, 50_000))


@stranger("nested", "objects nested too deeply, and numbers of 65,000 digits")
def nested(attack: Attack) -> None:
    depth = LONG // 6
    deep = b'{"a":' * depth + b"1" + b"}" * depth + b"\n"
    number = b'{"id_operation":"get_user","payload":{"user_id":' + b"9" * LONG + b"}}\n"
    keys = b'{"a":1,' * 60 + b",".join(b'"%d":%d' % (n, n) for n in range(5000)) + b"}" * 60 + b"\n"
    for line in (deep, number, keys):
        attack.talk([attack.connect("users")], line * attack.size(256, 32))


@stranger("pipeline", "500,000 get_user on one connection, which reads the answers")
def pipeline(attack: Attack) -> None:
    count = attack.size(500_000, 50_000)
    attack.talk([attack.connect("users")], GET * count, ends=count)


@stranger("pipeline-unread", "get_user without end on many connections, which read nothing")
def pipeline_unread(attack: Attack) -> None:
    connections = attack.connect_many("users", attack.size(200, 30))
    attack.talk(connections, GET * 40_000, listens=False)
    attack.stay()


@stranger(
    "unfinished-objects",
    "objects of 64 KB, each but for its last byte, on 2,000 connections",
    seconds=60.0,
)
def unfinished_objects(attack: Attack) -> None:
    data = b'{"a":"' + b"x" * (LONG - 10)
    attack.talk(attack.connect_many("users", attack.size(2000, 200), None), data, listens=False)
    attack.stay()


@stranger(
    "unfinished-for-ever",
    "an object begun and never finished: to be answered within 10 s",
    only_full=True,
    seconds=40.0,
)
def unfinished_for_ever(attack: Attack) -> None:
    connections = [attack.connect(dialect) for dialect in ("users", "messages")]
    for connection in connections:
        attack.send(connection, b'{"op": "mostrar"')
    for connection in connections:
        connection.settimeout(15)
        try:
            heard = connection.recv(1000)
        except TimeoutError:
            heard = b""
        attack.expect(heard, "an object that is not finished is not answered within 15 s")


@stranger(
    "blanks-for-ever",
    "a blank every half second, with 2 s of idle time",
    flags=("--idle-timeout", "2", "--users-idle", "2"),
    seconds=20.0,
)
def blanks_for_ever(attack: Attack) -> None:
    connection = attack.connect("users")
    for _ in range(attack.size(30, 9)):
        attack.send(connection, b" ")
        if attack.closes(connection, 0.5):
            return
    attack.expect(False, "a connection that says nothing but blanks is not closed")


@stranger("http-on-json", "HTTP, TLS, SMTP and other things with JSON in them, at the JSON ports")
def http_on_json(attack: Attack) -> None:
    smuggled = b'{"id_operation":"create_user","payload":{"name":"Smuggled","email":"s@example.org","age":1}}\n'  # noqa: E501
    before = attack.ask("users", LIST)
    foreign = {
        "HTTP": b"POST / HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled,
        "HTTP/0.9": b"GET /\r\n" + smuggled,
        "RTSP": b"OPTIONS rtsp://a RTSP/1.0\r\n" + smuggled,
        "SMTP": b"EHLO a\r\n" + smuggled,
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n" + smuggled,
        "bytes": b"\x80\x00\n" + smuggled,
    }
    for name, data in foreign.items():
        for _ in range(attack.size(100, 3)):
            attack.ask("users", data)
        after = attack.ask("users", LIST)
        attack.expect(after == before, f"JSON that came behind {name} was done")
        before = after


_HISTORY: Final = ("--max-history", "4MiB")
"""What is kept of it must not look like a leak."""


@stranger(
    "history", "messages of 40 KB that are added and deleted again", flags=_HISTORY, seconds=60.0
)
def history(attack: Attack) -> None:
    text = "\U0001f600" * 9_990
    adding = (
        json.dumps({"op": "adicionar", "id": 7_000_000, "data": text}, ensure_ascii=False).encode()
        + b"\n"
    )
    pairs = (adding + b'{"op":"deletar","id":7000000}\n') * 16
    connection = attack.connect("messages")
    for _ in range(attack.size(500, 25)):
        attack.talk([connection], pairs, ends=32)
        if attack.is_over:
            break


@stranger(
    "changes",
    "creates and deletes of users, 10 connections at once, pipelined",
    flags=_HISTORY,
    seconds=60.0,
)
def changes(attack: Attack) -> None:
    user = {
        "id_operation": "create_user",
        "payload": {"name": "x", "email": "x@example.org", "age": 1},
    }
    count = attack.size(5_000, 300)
    connections = attack.connect_many("users", 10)
    attack.talk(connections, (json.dumps(user) + "\n").encode() * count, ends=count)
    gone = b"".join(
        b'{"id_operation":"delete_user","payload":{"user_id":%d}}\n' % id
        for id in range(2, count * 10 + 50)
    )
    attack.talk([connections[0]], gone)
