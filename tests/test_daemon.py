"""The real daemon, started as people start it: both commands, by hand with a socket, stopped by a
signal.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.running import DIALECTS, SERVE, Daemon, environment, lines, received, taken_port

on_either_reactor = pytest.mark.usefixtures("either_reactor")

CREATE = (
    '{"id_operation": "create_user", "payload": {"name": "Ana", "email": "ana@example.org", '
    '"age": 30}}'
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, either_reactor: None) -> Iterator[Daemon]:
    """Yield a daemon for those who only ask, on either reactor."""
    with Daemon(tmp_path_factory.mktemp("shared")) as daemon:
        yield daemon


@on_either_reactor
@pytest.mark.parametrize("twistd", [False, True], ids=["sockcrud serve", "twistd sockcrud"])
def test_both_commands_serve_both_dialects_and_stop_with_status_0(
    tmp_path: Path, real_daemons: None, twistd: bool
) -> None:
    with Daemon(tmp_path, "--demo", twistd=twistd) as daemon:
        assert json.loads(daemon.ask("users", CREATE))["payload"]["id"] == 1
        assert (
            json.loads(daemon.ask("messages", '{"op": "mostrar"}\n'))["data"]
            == "{'id': 1, 'mensagem': 'abc'},{'id': 2, 'mensagem': 'fgh'}"
        )
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log.read_text()


@on_either_reactor
def test_sigterm_answers_what_came_in_says_505_and_ends_with_status_0(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path) as daemon,
        daemon.connect("messages") as idle,
        daemon.connect("users") as user,
    ):
        answers = lines(user)
        user.sendall(CREATE.encode())
        assert json.loads(next(answers))["code"] == 201
        assert daemon.stop() == 0
        assert received(idle).decode() == '{"status":505,"message":"Conexão encerrada","data":""}\n'
        assert next(answers, None) is None


@pytest.mark.skipif(
    shutil.which("nc") is None, reason="needs netcat; the sockets below do the same without it"
)
@pytest.mark.parametrize("flag", ["-N", "-q1"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_netcat_is_answered_with_and_without_a_newline(shared: Daemon, flag: str, end: str) -> None:
    command = ["nc", flag, "127.0.0.1", str(shared.ports["messages"])]
    done = subprocess.run(
        command, input=('{"op":"mostrar"}' + end).encode(), capture_output=True, timeout=20
    )
    assert done.stdout == b'{"status":200,"message":"OK","data":""}\n'


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_client_that_closes_its_half_is_answered(shared: Daemon, end: str) -> None:
    assert (
        shared.ask("messages", '{"op":"mostrar"}' + end)
        == '{"status":200,"message":"OK","data":""}\n'
    )


def test_a_client_that_never_sends_a_newline_is_answered_each_time(shared: Daemon) -> None:
    with shared.connect("users") as connection:
        answers = lines(connection)
        for number in range(1, 4):
            connection.sendall(CREATE.encode())
            assert json.loads(next(answers))["payload"]["id"] == number
        for byte in CREATE.encode():
            connection.sendall(bytes([byte]))
        assert json.loads(next(answers))["payload"]["id"] == 4
        connection.sendall(CREATE.encode() * 2)
        assert [json.loads(next(answers))["payload"]["id"] for _ in range(2)] == [5, 6]


def flood(connection: socket.socket) -> None:
    """Send requests until nobody reads them any more, and read no answer."""
    requests = b'{"id_operation":"get_user","payload":{"user_id":1}}\n' * 100_000
    connection.settimeout(0.5)
    sent = 0
    with suppress(TimeoutError):
        while sent < 10 * len(requests):
            sent += connection.send(requests[sent % len(requests) :])
    assert 2**20 < sent < 10 * len(requests)


@on_either_reactor
def test_who_pipelines_and_reads_nothing_costs_less_than_1_mb_and_keeps_nobody_waiting(
    tmp_path: Path, real_daemons: None
) -> None:
    with Daemon(tmp_path) as daemon, ExitStack() as open_ones:
        daemon.ask("users", CREATE)
        before = daemon.resident_bytes()
        several = 4  # what the first of all takes for good, here or there, is no stranger's cost
        for _ in range(several):
            flood(open_ones.enter_context(daemon.connect("users")))
        for _ in range(3):
            assert json.loads(daemon.ask("users", CREATE))["code"] == 201
        assert daemon.resident_bytes() - before < several * 2**20


@on_either_reactor
def test_one_connection_too_many_gets_the_busy_answer(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, "--max-connections", "2") as daemon,
        daemon.connect("users"),
        daemon.connect("messages") as second,
    ):
        second.sendall(b'{"op":"mostrar"}')
        assert next(lines(second)).startswith('{"status":200')
        with daemon.connect("users") as third:
            assert received(third) == b'{"error":500,"error_message":"Internal Server Error"}\n'
        with daemon.connect("messages") as third:
            assert (
                received(third).decode()
                == '{"status":505,"message":"Conexão encerrada","data":""}\n'
            )


@on_either_reactor
def test_a_port_that_is_taken_ends_both_commands_with_one_line(tmp_path: Path) -> None:
    twistd = [str(Path(sys.executable).parent / "twistd"), "--nodaemon", "sockcrud"]
    for command in (SERVE, twistd):
        with taken_port() as port:
            flags = ["--users", "tcp:0", "--messages", f"tcp:{port}"]
            done = subprocess.run(
                [*command, *flags],
                cwd=tmp_path,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=60,
            )
        assert done.returncode == 1
        said = (
            done.stdout + done.stderr
        ).splitlines()  # what twistd has to say goes into its log, here standard output
        assert said[-1].endswith(
            f"sockcrud: messages cannot listen: 127.0.0.1:{port}: Address already in use"
        )
        assert "Traceback" not in done.stderr + done.stdout
        assert not (tmp_path / "twistd.pid").exists()


def test_an_unreadable_password_file_ends_both_commands_with_one_line(tmp_path: Path) -> None:
    twistd = [str(Path(sys.executable).parent / "twistd"), "--nodaemon", "sockcrud"]
    off = [word for name in DIALECTS for word in (f"--{name}", "off")]
    for command in (SERVE, twistd):
        line = [*command, *off, "--admin-password-file", "nowhere"]
        done = subprocess.run(
            line, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        said = (done.stdout + done.stderr).splitlines()
        assert said[-1].endswith(
            "sockcrud: the admin's password: nowhere: No such file or directory"
        )
        assert not (tmp_path / "twistd.pid").exists()


def test_the_password_in_the_file_is_the_first_admins(tmp_path: Path, real_daemons: None) -> None:
    (tmp_path / "password").write_text("correct horse\n", encoding="utf-8")
    with Daemon(tmp_path, "--admin-login", "root", "--admin-password-file", "password") as daemon:
        body = '{"login": "root", "password": "correct horse"}'
        fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        request = f"POST /login HTTP/1.0\r\n{fields}\r\n\r\n{body}"
        assert daemon.ask("admin", request).startswith("HTTP/1.1 200 ")


def test_nothing_listens_beyond_this_machine_unless_asked_to_and_then_it_warns(
    tmp_path: Path,
) -> None:
    with Daemon(tmp_path, "--messages", "tcp:0:interface=0.0.0.0") as daemon:
        assert re.search(r"users +listens on 127\.0\.0\.1:", "\n".join(daemon.banner))
        assert any("messages" in line and "0.0.0.0" in line for line in daemon.banner)
        warning = daemon.stdout.readline().decode()
        assert warning.startswith("WARNING: other machines can reach messages, which has no login")


def test_the_first_admin_has_a_random_password_in_a_file_only_the_owner_reads(
    tmp_path: Path,
) -> None:
    with Daemon(tmp_path) as daemon:
        line = next(line for line in daemon.banner if line.startswith("admin:"))
        file = Path(line.rpartition(" in ")[2])
        assert file.stat().st_mode & 0o777 == 0o600
        password = file.read_text().strip()
        assert len(password) >= 16
        assert password not in "\n".join(daemon.banner)  # no terminal: the file is enough
        daemon.stop()
        assert password not in daemon.log.read_text()
        assert not file.exists()  # it ended with the memory store


@on_either_reactor
def test_unix_sockets_come_with_the_endpoint_description(tmp_path: Path) -> None:
    path = tmp_path / "messages.sock"
    with (
        Daemon(tmp_path, "--messages", f"unix:{path}") as daemon,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        connection.connect(str(path))
        connection.sendall(b'{"op":"mostrar"}')
        assert next(lines(connection)).startswith('{"status":200')
        assert any(line.startswith("messages") and str(path) in line for line in daemon.banner)


def certificate(directory: Path) -> str:
    """Make a certificate for 127.0.0.1 that is its own authority, and return the end of an endpoint
    description.
    """
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1)
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return "privateKey=key.pem:certKey=cert.pem"


@on_either_reactor
def test_tls_comes_with_the_endpoint_description_also_for_clients_that_offer_http_2(
    tmp_path: Path,
) -> None:
    tls = certificate(tmp_path)
    with Daemon(tmp_path, "--users", f"ssl:0:{tls}", "--shop", f"ssl:0:{tls}") as daemon:
        trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        with trust.wrap_socket(daemon.connect("users"), server_hostname="127.0.0.1") as connection:
            connection.sendall(CREATE.encode())
            assert json.loads(next(lines(connection)))["code"] == 201
        trust.set_alpn_protocols(["h2", "http/1.1"])
        with trust.wrap_socket(daemon.connect("shop"), server_hostname="127.0.0.1") as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"
            connection.sendall(b"GET /clients/health HTTP/1.0\r\n\r\n")
            assert received(connection).startswith(b"HTTP/1.1 200 OK\r\n")
        (line,) = (line for line in daemon.banner if line.startswith("shop"))
        assert line.endswith(
            f"try: curl --insecure https://127.0.0.1:{daemon.ports['shop']}/clients/health"
        )


def test_a_dialect_that_is_off_leaves_the_others_whole(tmp_path: Path) -> None:
    with Daemon(tmp_path, "--users", "off", "--clients", "off", "--auth", "off") as daemon:
        assert {"users", "clients", "auth"}.isdisjoint(daemon.ports)
        assert (
            daemon.ask("messages", '{"op":"mostrar"}')
            == '{"status":200,"message":"OK","data":""}\n'
        )
        assert daemon.ask("products", "GET /products/health HTTP/1.0\r\n\r\n").startswith(
            "HTTP/1.1 200"
        )


def test_a_unix_socket_that_somebody_has_removed_keeps_no_store_open(tmp_path: Path) -> None:
    with Daemon(tmp_path, "--users", "unix:own", "--store", "sqlite:a.db") as daemon:
        (tmp_path / "own").unlink()
        assert daemon.stop() == 0
    said = daemon.log.read_text()
    assert "own') could not be closed: [Errno 2] No such file or directory" in said
    assert said.rstrip().endswith("stopped")
