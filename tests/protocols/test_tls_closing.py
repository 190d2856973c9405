"""TLS at the moment of closing: the last answer arrives, whole, and TLS is told that it was the
last.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificate_kit import certified
from tests.support.running import Daemon

pytestmark = pytest.mark.usefixtures("either_reactor")

LOGIN = (
    b"POST /user/login HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic "
    b"YWRtaW46d3Jvbmc=\r\nConnection: close\r\n\r\n"
)
SHORT = ("--shop-idle", "1", "--users-idle", "1", "--header-timeout", "1", "--messages-idle", "1")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def endpoint(directory: Path) -> str:
    key, certificate = certified(directory, 5.5)
    return f"ssl:0:privateKey={key}:certKey={certificate}:interface=127.0.0.1"


@pytest.fixture(scope="module")
def daemon(either_reactor: None, directory: Path, endpoint: str) -> Iterator[Daemon]:
    flags = [
        word
        for name in ("users", "messages", "shop", "way", "members")
        for word in (f"--{name}", endpoint)
    ]
    with Daemon(directory, *flags, *SHORT) as started:
        yield started
        assert "Traceback" not in started.log.read_text()


class Closed(Exception):
    """The connection ended without the last word of TLS."""


def secure(daemon: Daemon, dialect: str) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # An end of input that TLS was not told of is an error then, as it is for every client that
    # cares.
    return context.wrap_socket(daemon.connect(dialect), suppress_ragged_eofs=False)


def heard(connection: ssl.SSLSocket) -> bytes:
    """Return all that is said until the other end has closed as it should; raise `Closed`."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ssl.SSLZeroReturnError:
        pass
    except (ssl.SSLError, ConnectionError) as error:
        raise Closed(b"".join(parts)) from error
    return b"".join(parts)


def asked(daemon: Daemon, dialect: str, request: bytes) -> bytes:
    with secure(daemon, dialect) as connection:
        connection.sendall(request)
        return heard(connection)


def test_an_answer_that_is_the_last_one_arrives(daemon: Daemon) -> None:
    for _ in range(15):
        assert b"Connection: close" in asked(daemon, "shop", LOGIN)


def test_it_does_behind_answers_that_fill_the_socket(daemon: Daemon) -> None:
    many = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100
    assert asked(daemon, "shop", many + LOGIN).count(b"HTTP/1.1 4") == 101


@pytest.mark.parametrize("dialect", ["shop", "way", "members"])
def test_so_does_the_answer_to_a_bad_request(daemon: Daemon, dialect: str) -> None:
    assert asked(daemon, dialect, b"GET  / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_so_does_the_answer_to_a_slow_one(daemon: Daemon) -> None:
    assert asked(daemon, "shop", b"GET / HTTP/1.1\r\nHost: ").startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_ends_as_it_should(daemon: Daemon) -> None:
    assert asked(daemon, "shop", b"") == b""
    assert asked(daemon, "messages", b"").count(b"505") == 1


def test_who_closes_a_conversation_hears_the_answer(daemon: Daemon) -> None:
    closing = b'{"id_operation": "close_connection"}\n'
    assert asked(daemon, "users", closing).endswith(b'"code":200}\n')


def test_one_too_many_is_told_so(directory: Path, endpoint: str) -> None:
    with Daemon(
        directory, "--users", endpoint, "--shop", endpoint, "--max-connections", "1"
    ) as daemon:
        with secure(daemon, "users"):
            assert b"Internal Server Error" in asked(daemon, "users", b"")
            assert asked(daemon, "shop", b"").startswith(b"HTTP/1.1 503 ")
        assert "Traceback" not in daemon.log.read_text()


def test_the_stop_says_farewell(directory: Path, endpoint: str) -> None:
    with Daemon(directory, "--messages", endpoint, "--shop", endpoint) as daemon:
        with (
            secure(daemon, "messages") as line,
            secure(daemon, "shop") as shop,
            socket.socket() as unfinished,
        ):
            unfinished.connect(("127.0.0.1", daemon.ports["shop"]))  # whose handshake never comes
            line.sendall(b'{"op": "mostrar"}\n')
            assert line.recv(65536)
            daemon.process.terminate()
            assert heard(line).count(b"505") == 1
            assert heard(shop) == b""
        assert daemon.process.wait(20) == 0
        assert "Traceback" not in daemon.log.read_text()
