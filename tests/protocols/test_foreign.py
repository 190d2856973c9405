"""What other protocols send first, and what people type: the one ends a connection, the other does
not.
"""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sockcrud.protocols.foreign import begins_foreign, is_foreign

SMUGGLED: Final = b'{"op":"adicionar","id":1,"data":"x","id_operation":"get_users"}'

OPENINGS: Final[dict[str, bytes]] = {
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/1.1": b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\r\n",
    "HTTP to another port": b"GET http://example.org:5000/ HTTP/1.1\r\n\r\n",
    "HTTP by a proxy": b"CONNECT example.org:443 HTTP/1.1\r\n\r\n",
    "HTTP with a method of a page's choice": b"mostrar / HTTP/1.1\r\n\r\n",
    "HTTP with a method like a number": b"1 / HTTP/1.1\r\n\r\n",
    "HTTP with a method like a quote": b"'mostrar' / HTTP/1.1\r\n\r\n",
    "HTTP with a method of signs": b"!#$%&'*+-.^_`|~ / HTTP/1.1\r\n\r\n",
    "HTTP without a target": b"OPTIONS * HTTP/1.1\r\n\r\n",
    "HTTP behind blank lines": b"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "HTTP with objects in its target": b'GET /?{"op":"mostrar"}{} HTTP/1.1\r\n\r\n',
    "HTTP in small letters": b"get / http/1.1\n\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 upgraded": b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n",
    "WebSocket": b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "WebDAV": b"PROPFIND /x HTTP/1.1\r\n\r\n",
    "an answer of HTTP": b"HTTP/1.1 200 OK\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n" + SMUGGLED + b"\n",
    "TLS behind a blank line": b"\r\n\x16\x03\x01",
    "SSL 2": b"\x80\x2e\x01\x00\x02",
    "DTLS": b"\x16\xfe\xff",
    "RTSP": b"DESCRIBE rtsp://example.org/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "SIP": b"INVITE sip:a@example.org SIP/2.0\r\n\r\n",
    "SIP, a bare target": b"REGISTER sip:example.org\r\n",
    "ICAP": b"REQMOD icap://example.org/x ICAP/1.0\r\n\r\n",
    "SMTP": b"EHLO example.org\r\nMAIL FROM:<a@example.org>\r\n",
    "SMTP in small letters": b"ehlo [127.0.0.1]\r\n",
    "SMTP of old": b"HELO x\r\n",
    "SMTP from the middle": b"MAIL FROM:<a@example.org>\r\n",
    "SMTP from the middle in small letters": b"mail from:<a@example.org>\r\n",
    "SMTP, the recipient": b"rcpt to:<a@example.org>\r\n",
    "LMTP": b"LHLO x\r\n",
    "RESP": b"*1\r\n$4\r\nPING\r\n",
    "RESP, a command": b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n",
    "Redis inline": b"SET x y\r\n",
    "Redis, a protocol's version": b"HELLO 3\r\n",
    "Redis, a password": b"AUTH x\r\n",
    "FTP": b"USER anonymous\r\n",
    "FTP over TLS": b"AUTH TLS\r\n",
    "POP3": b"APOP x y\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "IMAP": b"A001 LOGIN x y\r\n",
    "IMAP in small letters": b"a001 login x y\r\n",
    "NNTP": b"MODE READER\r\n",
    "IRC": b"NICK x\r\nUSER x 0 * :x\r\n",
    "IRC, capabilities": b"CAP LS 302\r\n",
    "memcached": b"set key 0 0 63\r\n" + SMUGGLED + b"\r\n",
    "memcached, compare and swap": b"cas key 0 0 63 1\r\n",
    "memcached without an answer": b"set key 0 0 63 noreply\r\n",
    "memcached behind harmless lines": b"version\r\nget key\r\nset key 0 0 63\r\n",
    "memcached's binary protocol": b"\x80\x01\x00\x03",
    "beanstalk": b"put 0 0 60 63\r\n",
    "NATS": b"CONNECT {}\r\n",
    "NATS, a message": b"PUB x 63\r\n",
    "STOMP behind its command": b"CONNECT\naccept-version:1.2\n\n\x00",
    "PROXY v1": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "PROXY v1, unknown": b"PROXY UNKNOWN\r\n",
    "PROXY v2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c",
    "SCGI": b"70:CONTENT_LENGTH\x0063\x00,",
    "FastCGI": b"\x01\x01\x00\x01",
    "AJP": b"\x12\x34\x00\x01",
    "LDAP": b"0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00",
    "LDAP, ten bytes long": b"0\n\x02\x01\x01`\x05\x02\x01\x03",
    "MQTT": b"\x10\x0c\x00\x04MQTT",
    "PostgreSQL": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "MongoDB, 123 bytes long": b"{\x00\x00\x00\x01\x00\x00\x00\n",
    "MongoDB, 58 bytes long": b":\x00\x00\x00\x01\x00\x00\x00",
    "SMB": b"\x00\x00\x00\x85\xffSMB",
    "RDP": b"\x03\x00\x00\x13",
    "SOCKS 4": b"\x04\x01\x00\x50",
    "SOCKS 5": b"\x05\x01\x00",
    "DNS": b"\x00\x1d\x12\x34",
    "AMQP": b"AMQP\x00\x00\x09\x01",
    "X11": b"l\x00\x0b\x00\x00\x00",
    "git": b"0032git-upload-pack /x\x00host=x\x00",
    "Java's debugger": b"JDWP-Handshake",
    "VNC": b"RFB 003.008\n",
    "XMPP": b"<?xml version='1.0'?><stream:stream>",
    "Flash's policy": b"<policy-file-request/>\x00",
    "syslog": b"<34>Oct 11 22:14:15 x su: x\n",
    "rsync": b"@RSYNCD: 31.0\n",
    "a printer's language": b"%!PS-Adobe-3.0\n",
    "a printer's job": b"\x1b%-12345X@PJL\n",
    "gopher": b"/x\r\n",
    "telnet's options": b"\xff\xfd\x03\xff\xfb\x18",
    "a byte order mark": b"\xef\xbb\xbf" + SMUGGLED + b"\n",
    "UTF-16": ("\ufeff" + SMUGGLED.decode()).encode("utf-16-le"),
    "a letter beyond ASCII, first of all": "é\n".encode(),
}

TYPED: Final[list[bytes]] = [
    *(
        b"mostrar",
        b"get_users",
        b"get_user 1",
        b"help",
        b"HELP",
        b"hello",
        b"Hello there",
        b"quit",
        b"QUIT",
        b"exit",
        b"?",
    ),
    *(
        b"[1]",
        b'"x"',
        b'["a/b"]',
        b'"op": "mostrar"',
        b"1",
        b"-1",
        b"1.5",
        b"null",
        b"true",
        b"1 2 3",
        b"}",
        b"]",
        b",",
        b"}}",
    ),
    *("olá".encode(), "adicionar 3 olá, tudo bem?".encode(), b"ol\xe1", "mostrar ação".encode()),
    *(
        b"adicionar 3 teste",
        b"create_user Ana ana@example.org 30",
        b"op=mostrar",
        b"op: mostrar",
        b"deletar 3",
        b"MOSTRAR",
    ),
    *(
        b"id_operation: get_users",
        b"what is this?",
        b"'mostrar'",
        b"don't",
        b"_",
        b"mostrar\t3",
        b"x" * 60_000,
    ),
    *(
        b"'op': 'mostrar', 'id': 3",
        b"op, id, data",
        b"GET",
        b"get",
        b"get key",
        b"x{}",
        b'mostrar {"id": 3}',
    ),
    *(
        b"{op: mostrar}",
        b"{'op': 'mostrar', 'data': 'a/b'}",
        b"{",
        b'{"op": "mostrar"',
        "{“op”: “mostrar”}".encode(),
    ),
]


def judged(data: bytes) -> bool:
    """Return whether any line in front of an object is foreign, as the framing asks."""
    data = data.lstrip(b" \t\r\n")
    if begins_foreign(data[0]):
        return True
    lines = [line.lstrip(b" \t\r") for line in data.split(b"\n")]
    return any(is_foreign(line) for line in lines if line and line != SMUGGLED)


@pytest.mark.parametrize(
    "opening", [pytest.param(opening, id=name) for name, opening in OPENINGS.items()]
)
def test_another_protocol_is_told_by_its_opening(opening: bytes) -> None:
    assert judged(opening)


@pytest.mark.parametrize("typed", [pytest.param(typed, id=repr(typed[:30])) for typed in TYPED])
def test_what_a_person_types_is_not_taken_for_another_protocol(typed: bytes) -> None:
    for end in (b"", b"\r", b" "):
        assert not judged(typed + end)


TOKENS: Final = some.text(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1
)
TARGETS: Final = some.text(some.characters(min_codepoint=0x21, max_codepoint=0x7E)).map("/".__add__)


@given(TOKENS, TARGETS | TARGETS.map("http://x".__add__) | some.just("*") | some.just("x:1"))
def test_no_line_of_http_passes_for_a_persons_words(method: str, target: str) -> None:
    assert judged(f"{method} {target} HTTP/1.1\r\n".encode())
    assert judged(f"{method} {target} HTTP/1.0".encode())
