"""A request as lines of a shell, and as Python with sockets."""

from __future__ import annotations

from typing import Final

from sockcrud.client.places import Place
from sockcrud.journal.translating.blanks import in_python, in_shell, names
from sockcrud.journal.translating.requests import BASIC, BEARER, HTTPRequest, Request

_CREDENTIALS: Final = "\ue000LOGIN\ue001:\ue000PASSWORD\ue001"
_TOKEN: Final = "\ue000TOKEN\ue001"


def curl(request: HTTPRequest, place: Place) -> str:
    """Return it as a line of `curl`."""
    words = ["curl", "--silent"]
    if request.method == "HEAD":
        words.append("--head")
    elif request.method != ("GET" if request.body is None else "POST"):
        words += ["--request", request.method]
    if request.login == BASIC:
        words += ["--user", in_shell(_CREDENTIALS)]
    elif request.login == BEARER:
        words += ["--header", in_shell(f"Authorization: Bearer {_TOKEN}")]
    fields = request.others if request.body is None else _fields_of(request)
    for name, value in fields:
        words += ["--header", in_shell(f"{name}: {value}")]
    if request.body is not None:
        words += ["--data-binary", in_shell(request.body)]
    return " ".join([*words, in_shell(_url(request, place))])


def httpie(request: HTTPRequest, place: Place) -> str:
    """Return it as a line of `http`, of HTTPie."""
    words = ["http", "--ignore-stdin", "--body"]
    if request.login == BASIC:
        words += ["--auth", in_shell(_CREDENTIALS)]
    if request.body is not None:
        words += ["--raw", in_shell(request.body)]
    words += [request.method, in_shell(_url(request, place))]
    if request.login == BEARER:
        words.append(in_shell(f"Authorization:Bearer {_TOKEN}"))
    fields = request.others if request.body is None else _fields_of(request)
    return " ".join([*words, *(in_shell(f"{name}:{value}") for name, value in fields)])


def netcat(request: Request, place: Place) -> str:
    """Return it as a line for `nc`, or where TLS is spoken for `openssl`."""
    to = f"nc -N {place.host} {place.port}"
    if place.kind == "unix":
        to = f"nc -N -U {in_shell(place.path)}"
    elif place.kind == "tls":
        to = f"openssl s_client -quiet -connect {place.authority}"
    if not isinstance(request, HTTPRequest):
        return f"printf '%s\\n' {in_shell(request.text)} | {to}"
    head = _head(request, place)
    if request.login == BASIC:
        start = 'BASIC=$(printf %s "$LOGIN:$PASSWORD" | base64 -w0)\n'
        head.append("Authorization: Basic \ue000BASIC\ue001")
    else:
        start = ""
    if request.body is None:
        return f"{start}printf '%s\\r\\n' {' '.join(map(in_shell, head))} '' | {to}"
    start += f"BODY={in_shell(request.body)}\n"
    lines = " ".join(map(in_shell, head))
    length = '"Content-Length: $(printf %s "$BODY" | wc -c)"'
    return f"{start}{{ printf '%s\\r\\n' {lines} {length} ''; printf %s \"$BODY\"; }} | {to}"


def sockets(request: Request, place: Place) -> str:
    """Return it as Python with the `socket` module."""
    lines = ["import socket"]
    code: list[str] = []
    if not isinstance(request, HTTPRequest):
        code.append(f"request = ({in_python(request.text)} + '\\n').encode()")
        texts = request.text
    else:
        head = _head(request, place)
        texts = "".join(head) + (request.body or "")
        if request.login == BASIC:
            lines.insert(0, "import base64")
            texts += _CREDENTIALS
            code.append(f"credentials = base64.b64encode(({in_python(_CREDENTIALS)}).encode())")
            code.append('login = "Authorization: Basic " + credentials.decode() + "\\r\\n"')
        code.append(f"body = ({in_python(request.body or '')}).encode()")
        start = in_python("".join(f"{line}\r\n" for line in head))
        login = " + login" if request.login == BASIC else ""
        length = ' + f"Content-Length: {len(body)}\\r\\n"' if request.body is not None else ""
        code.append(f'request = ({start}{login}{length} + "\\r\\n").encode() + body')
    if names(texts):
        lines.insert(0, "import os")
    return "\n".join([*sorted(lines), "", *code, *_exchange(place)])


def _exchange(place: Place) -> list[str]:
    made = f"socket.create_connection(({place.host!r}, {place.port}), 10)"
    start = []
    if place.kind == "unix":
        start = ["plain = socket.socket(socket.AF_UNIX)", f"plain.connect({place.path!r})"]
        made = "plain"
    elif place.kind == "tls":
        start = ["import ssl", f"plain = {made}"]
        made = f"ssl.create_default_context().wrap_socket(plain, server_hostname={place.host!r})"
    return [
        *start,
        f"with {made} as connection:",
        "    connection.sendall(request)",
        *([] if place.kind == "tls" else ["    connection.shutdown(socket.SHUT_WR)"]),
        "    answer = b''.join(iter(lambda: connection.recv(65536), b''))",
        "print(answer.decode())",
    ]


def _head(request: HTTPRequest, place: Place) -> list[str]:
    head = [
        f"{request.method} {request.target} HTTP/1.1",
        f"Host: {place.authority}",
        "Connection: close",
    ]
    if request.login == BEARER:
        head.append(f"Authorization: Bearer {_TOKEN}")
    fields = request.others if request.body is None else _fields_of(request)
    return head + [f"{name}: {value}" for name, value in fields]


def _fields_of(request: HTTPRequest) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", request.type), *request.others)


def _url(request: HTTPRequest, place: Place) -> str:
    scheme = "https" if place.kind == "tls" else "http"
    return f"{scheme}://{place.authority}{request.target}"
