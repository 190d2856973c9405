"""Stand-ins for netcat and curl, with the few options that the README's transcripts use.

`python -m tests.support.stand_ins nc|curl …`. Each line of a transcript starts one, so nothing of
the tests is imported here.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import socket
import sys
from urllib.parse import urlsplit


def nc(words: list[str]) -> None:
    """Send standard input, say no more, write what comes back."""
    parser = argparse.ArgumentParser("nc")
    parser.add_argument("-N", action="store_true", required=True)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    given = parser.parse_args(words)
    with socket.create_connection((given.host, given.port), timeout=20) as connection:
        connection.sendall(sys.stdin.buffer.read())
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            sys.stdout.buffer.write(part)


def curl(words: list[str]) -> None:
    """Send one request, write the body of the answer, and its header where it is asked for; -s
    makes no difference.
    """
    parser = argparse.ArgumentParser("curl")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", dest="with_header", action="store_true")
    parser.add_argument("-I", dest="head", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-u", dest="user")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("--json")
    parser.add_argument("url")
    given = parser.parse_args(words)
    headers = dict(header.split(": ", 1) for header in given.headers)
    text = given.json if given.json is not None else given.data
    body = None if text is None else text.encode()
    if given.json is not None:
        headers |= {"Content-Type": "application/json", "Accept": "application/json"}
    elif given.data is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    if given.user:
        headers["Authorization"] = f"Basic {base64.b64encode(given.user.encode()).decode()}"
    url = urlsplit(given.url)
    connection = http.client.HTTPConnection(url.netloc, timeout=20)
    method = given.method or ("HEAD" if given.head else "GET" if body is None else "POST")
    connection.request(method, f"{url.path}?{url.query}" if url.query else url.path, body, headers)
    answer = connection.getresponse()
    if given.with_header or given.head:
        sys.stdout.buffer.write(
            f"HTTP/1.1 {answer.status} {answer.reason}\n{answer.headers}".encode()
        )
    sys.stdout.buffer.write(answer.read())


if __name__ == "__main__":
    {"nc": nc, "curl": curl}[sys.argv[1]](sys.argv[2:])
