# mypy: allow-untyped-calls
"""TLS: what a client may agree on with a listener, in real handshakes with what a description
makes.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from OpenSSL import SSL
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from sockcrud.protocols.listen import endpoint
from tests.support.certificate_kit import certified

DH_PARAMETERS: Final = """-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""
"""ffdhe2048 of RFC 7919."""

ECDSA: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
)
RSA: Final = (
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
DHE: Final = ("DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384")

Describe = Callable[..., str]


@pytest.fixture
def described(tmp_path: Path) -> Describe:
    """Make descriptions of endpoints, with a certificate of a kind of key."""

    def describe(*more: str, rsa: bool = False) -> str:
        key, certificate = certified(tmp_path, 30, rsa=rsa)
        (tmp_path / "dh.pem").write_text(DH_PARAMETERS)
        return ":".join(["ssl:0", f"privateKey={key}", f"certKey={certificate}", *more])

    return describe


def options(description: str) -> Any:
    """Return the options that an endpoint of this description listens with."""
    reactor = MemoryReactor()
    failures: list[Failure] = []
    endpoint(description, reactor).listen(Factory.forProtocol(Protocol)).addErrback(failures.append)
    for failure in failures:
        failure.raiseException()
    ((_, _, made, _, interface),) = reactor.sslServers
    assert interface == "127.0.0.1"
    return made


class Server:
    """A connection of the listener's, behind its TLS, over which all can be seen."""

    def __init__(self, description: str) -> None:
        self.transport = StringTransport()
        self.protocol = TLSMemoryBIOFactory(
            options(description), False, Factory.forProtocol(Protocol)
        ).buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def hears(self, data: bytes) -> bytes:
        """Take this in, and return what is said to it."""
        if data:
            self.protocol.dataReceived(data)
        said: bytes = self.transport.value()
        self.transport.clear()
        return said

    @property
    def end(self) -> SSL.Connection:
        """Its end of TLS."""
        end: SSL.Connection = self.protocol.getHandle()
        return end


def agreed(
    server: Server,
    ciphers: str | None = None,
    *,
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    latest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLObject:
    """Shake hands as a client with these ciphers and versions; raise ssl.SSLError where the server
    wants none of them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ciphers is not None:
        context.set_ciphers(ciphers)
    context.minimum_version, context.maximum_version = oldest, latest
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(heard, said)
    for _ in range(10):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        else:
            return client
        heard.write(server.hears(said.read()))
    raise AssertionError("the handshake does not end")


@pytest.mark.parametrize("rsa", [False, True], ids=["ecdsa", "rsa"])
def test_a_client_of_these_days_gets_tls_1_3(described: Describe, rsa: bool) -> None:
    client = agreed(Server(described(rsa=rsa)))
    assert client.version() == "TLSv1.3"


@pytest.mark.parametrize("cipher", ECDSA + RSA)
def test_a_client_of_tls_1_2_gets_each_cipher_of_mozilla_s(
    described: Describe, cipher: str
) -> None:
    client = agreed(Server(described(rsa=cipher in RSA)), cipher, latest=ssl.TLSVersion.TLSv1_2)
    assert (client.version(), (client.cipher() or ("",))[0]) == ("TLSv1.2", cipher)


@pytest.mark.parametrize("cipher", DHE)
def test_dhe_is_had_with_the_parameters_of_the_description(
    described: Describe, tmp_path: Path, cipher: str
) -> None:
    with_parameters = described(f"dhParameters={tmp_path / 'dh.pem'}", rsa=True)
    client = agreed(Server(with_parameters), cipher, latest=ssl.TLSVersion.TLSv1_2)
    assert (client.cipher() or ("",))[0] == cipher
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        agreed(Server(described(rsa=True)), cipher, latest=ssl.TLSVersion.TLSv1_2)


@pytest.mark.parametrize(
    "cipher",
    [
        "AES128-GCM-SHA256",
        "AES256-SHA",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES256-SHA384",
        "DHE-RSA-AES256-SHA",
    ],
)
def test_no_cipher_that_is_not_forward_secret_or_not_authenticated_is_agreed_on(
    described: Describe, tmp_path: Path, cipher: str
) -> None:
    server = Server(described(f"dhParameters={tmp_path / 'dh.pem'}", rsa=True))
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        agreed(server, f"{cipher}:@SECLEVEL=0", latest=ssl.TLSVersion.TLSv1_2)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_no_older_version_is_spoken(described: Describe, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError, match="protocol version"):
        agreed(Server(described(rsa=True)), "ALL:@SECLEVEL=0", oldest=version, latest=version)


def test_the_client_chooses_among_the_ciphers(described: Describe) -> None:
    for first, second in ((ECDSA[1], ECDSA[0]), (ECDSA[0], ECDSA[1])):
        client = agreed(Server(described()), f"{first}:{second}", latest=ssl.TLSVersion.TLSv1_2)
        assert (client.cipher() or ("",))[0] == first


def test_a_session_has_no_ticket(described: Describe) -> None:
    client = agreed(Server(described()), latest=ssl.TLSVersion.TLSv1_2)
    assert client.session is not None
    assert not client.session.has_ticket


def test_nothing_is_compressed_and_nobody_renegotiates(described: Describe) -> None:
    server = Server(described())
    client = SSL.Connection(_client_context(), None)
    client.set_connect_state()
    _shake(client, server)
    assert client.renegotiate()
    with pytest.raises(SSL.Error, match="no renegotiation"):
        _shake(client, server)
    assert server.end.total_renegotiations() == 0


def _client_context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    return context


def _shake(client: SSL.Connection, server: Server) -> None:
    for _ in range(10):
        with suppress(SSL.WantReadError):
            client.do_handshake()
        with suppress(SSL.WantReadError):
            said = server.hears(client.bio_read(2**14))
            if said:
                client.bio_write(said)


@pytest.mark.filterwarnings("ignore:Passing method:DeprecationWarning")
def test_a_version_that_the_description_names_counts(described: Describe) -> None:
    description = described("sslmethod=TLSv1_2_METHOD")
    assert agreed(Server(description)).version() == "TLSv1.2"
    with pytest.raises(ssl.SSLError, match="protocol version"):
        agreed(Server(description), oldest=ssl.TLSVersion.TLSv1_3)


@pytest.mark.filterwarnings("ignore:Passing method:DeprecationWarning")
def test_one_that_is_out_of_use_is_refused_when_it_is_to_listen(described: Describe) -> None:
    with pytest.raises(ValueError, match="sslmethod is to be TLS_METHOD"):
        options(described("sslmethod=TLSv1_METHOD"))


def test_the_certificates_between_are_sent_along(described: Describe, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, between = certified(tmp_path / "other", 30)
    server, client = (
        Server(described(f"extraCertChain={between}")),
        SSL.Connection(_client_context(), None),
    )
    client.set_connect_state()
    _shake(client, server)
    assert len(client.get_peer_cert_chain() or ()) == 2
