# mypy: allow-untyped-calls
"""Where a server is, as people write it; and clients that reach it over TLS and Unix sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockcrud.client import Users, sync
from sockcrud.client.errors import CannotSend
from sockcrud.client.places import Place, of_listener, parse
from tests.client.client_kit import Face, Heard, Scripted, both_faces, have
from tests.support.awaiting import awaits
from tests.support.running import Daemon


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("127.0.0.1:8081", Place("tcp", "127.0.0.1", 8081)),
        ("example.org", Place("tcp", "example.org", 8080)),
        ("[::1]:8081", Place("tcp", "::1", 8081)),
        ("[::1]", Place("tcp", "::1", 8080)),
        ("tcp://example.org:1", Place("tcp", "example.org", 1)),
        ("tcp://example.org", Place("tcp", "example.org", 8080)),
        ("tls://example.org:1", Place("tls", "example.org", 1)),
        ("http://example.org", Place("tcp", "example.org", 80)),
        ("https://example.org/", Place("tls", "example.org", 443)),
        ("https://[::1]:8443", Place("tls", "::1", 8443)),
        ("unix:///run/users.sock", Place("unix", path="/run/users.sock")),
        ("unix:/run/users.sock", Place("unix", path="/run/users.sock")),
        ("unix:path=/run/users.sock", Place("unix", path="/run/users.sock")),
        ("tcp:127.0.0.1:8081", Place("tcp", "127.0.0.1", 8081)),
        ("tcp:host=example.org:port=1", Place("tcp", "example.org", 1)),
        (r"tcp:host=\:\:1:port=1", Place("tcp", "::1", 1)),
        ("tls:example.org:443", Place("tls", "example.org", 443)),
        ("ssl:host=example.org:port=443", Place("tls", "example.org", 443)),
    ],
)
def test_a_place_is_written_in_many_ways(written: str, place: Place) -> None:
    assert parse(written, 8080) == place


@pytest.mark.parametrize(
    "written",
    [
        "",
        ":8080",
        "example.org:0",
        "example.org:65536",
        "example.org:x",
        "exam ple.org:1",
        "ftp://example.org",
        "http://",
        "http://example.org/path",
        "http://example.org:x",
        "http://user:secret@example.org",
        "tcp:example.org",
        "tcp:example.org:1:extra",
        "unix:",
        "[::1",
    ],
)
def test_what_is_no_place_is_told_in_one_line(written: str) -> None:
    for make in (
        lambda: parse(written, 8080),
        lambda: sync.Users(written or " "),
        lambda: Users(None, written),
    ):
        with pytest.raises(ValueError, match="expected HOST:PORT, a URL such as") as wrong:
            make()
        assert "\n" not in str(wrong.value)


def test_a_client_is_shown_with_its_place_and_by_default_it_is_the_dialects_own() -> None:
    shown = [
        repr(make())
        for make in (sync.Users, sync.Messages, sync.Shop, sync.Way, sync.Members, sync.Admin)
    ]
    assert shown == [
        "<Users at 127.0.0.1:8080>",
        "<Messages at 127.0.0.1:5000>",
        "<Shop at 127.0.0.1:5080>",
        "<Way at 127.0.0.1:50000>",
        "<Members at 127.0.0.1:9999>",
        "<Admin at 127.0.0.1:8000>",
    ]


def a_certificate(directory: Path) -> tuple[Path, Path]:
    """Make a key and a certificate for localhost that vouches for itself."""
    from datetime import datetime, timedelta, timezone

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1)
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
    )
    made = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    ).sign(key, hashes.SHA256())
    files = directory / "key.pem", directory / "certificate.pem"
    form = serialization.PrivateFormat.PKCS8
    files[0].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    files[1].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return files


@both_faces
@awaits
async def test_tls_with_a_certificate_that_is_trusted_and_without(
    face: Face, tmp_path: Path
) -> None:
    key, certificate = a_certificate(tmp_path)
    listener = f"ssl:0:privateKey={key}:certKey={certificate}"
    with Daemon(tmp_path, "--users", listener, "--shop", listener) as daemon:
        for kind, scheme, ask in (("Users", "tls", "list"), ("Shop", "https", "health")):
            where = f"{scheme}://localhost:{daemon.ports[kind.lower()]}"
            async with face.client(kind, where, trust=str(certificate)) as client:
                for _ in range(3):
                    assert await have(getattr(client, ask)()) in ([], "The service is running")
            async with face.client(kind, where) as client:
                with pytest.raises(CannotSend, match=r"(?i)certificate"):
                    await have(getattr(client, ask)())


@both_faces
@awaits
async def test_a_server_that_speaks_no_tls_gets_no_request(face: Face) -> None:
    heard: list[bytes] = []

    def script(connection: Heard) -> None:
        heard.append(connection.connection.recv(65536))
        connection.says(b'{"error":400,"error_message":"Bad Request"}\n')

    with Scripted(script) as server:
        async with face.client("Users", f"tls://{server.where}") as client:
            with pytest.raises(CannotSend):
                await have(client.create("Ana", "ana@example.org", 30))
    assert b"ana@example.org" not in b"".join(heard)


@both_faces
@awaits
async def test_a_unix_socket(face: Face, tmp_path: Path) -> None:
    path = tmp_path / "users.sock"
    with Daemon(tmp_path, "--shop", f"unix:{path}"):
        async with face.client("Shop", f"unix:{path}") as client:
            assert await have(client.health()) == "The service is running"
    path.unlink(missing_ok=True)
    async with face.client("Shop", f"unix:{path}") as client:
        with pytest.raises(CannotSend, match=r"users\.sock"):
            await have(client.health())


@pytest.mark.parametrize(
    ("description", "place"),
    [
        ("tcp:8080", Place("tcp", "127.0.0.1", 8080)),
        ("tcp:port=8080:interface=0.0.0.0", Place("tcp", "127.0.0.1", 8080)),
        ("tcp:8080:interface=10.0.0.7:backlog=5", Place("tcp", "10.0.0.7", 8080)),
        ("tcp6:8080", Place("tcp", "::1", 8080)),
        (r"tcp6:8080:interface=\:\:", Place("tcp", "::1", 8080)),
        ("haproxy:tcp:8080", Place("tcp", "127.0.0.1", 8080)),
        ("ssl:443:privateKey=k.pem:certKey=c.pem", Place("tls", "127.0.0.1", 443)),
        (r"unix:/run/a\:b:mode=660", Place("unix", path="/run/a:b")),
        ("systemd:domain=INET:index=0", None),
        ("tcp:0", None),
        ("off", None),
    ],
)
def test_what_listens_is_reached_from_the_same_machine(
    description: str, place: Place | None
) -> None:
    assert of_listener(description) == place
